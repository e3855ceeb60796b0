"""Faults on purpose: damaged files, kills, a full disk, no permission, hostile names.

    python -m benchmarks.faults [--damages 300] [--kills 30] [--only formats kills disk ...]

Every outcome has a name; three of them are defects: `traceback` (an error that is not one line of
ours), `left behind a process`, and `lost` (something of an earlier run is gone, or a resumed run
ends elsewhere).

* formats: of a small file of every format a bit is flipped or the end cut off, so many times each.
  `refused` names the file; `told of` is a notice (a class without images, a file that is not
  used); `the same` means that what was read is what it was; `other values` that
  a format without checksums let a flipped bit through (a pixel, a label within range).
* kills: `cnnjax train --stream` killed (SIGKILL) at random moments and resumed until it ends, as an
  undisturbed run on images in memory did; and a streamed run that replaces a finished one, killed:
  the old run is whole, or the new one goes on. No process that decodes images may outlive its run.
* disk: the same commands where no file may grow beyond so many bytes (RLIMIT_FSIZE).
* names: folders, classes and files whose names are no UTF-8, hold newlines, escape codes, quotes.
* access: folders and files that may not be read or written, as a user without privileges.

Prints a table and writes `results/faults.json` and `results/faults.md`.
"""

from __future__ import annotations

import argparse
import ctypes
import gzip
import io
import json
import os
import pickle
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, features

from benchmarks.timing import RESULTS, machine, save
from cnnjax.checkpoint import CheckpointError
from cnnjax.cli.problems import Failed
from cnnjax.data import DataError
from cnnjax.notices import Notice

Read = Callable[[Path], Any]

# prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE or CAP_DAC_READ_SEARCH): then root is one user of many.
_DROP, _READ_AND_WRITE_ALL = 24, (1, 2)


# In the environment of all processes that are started here.
_MARK = f"CNNJAX_FAULTS={os.getpid()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--damages", type=int, default=300, help="of each format")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--only", nargs="+", default=[*PARTS], choices=[*PARTS])
    given = parser.parse_args()
    os.environ["CNNJAX_CACHE"] = "off"
    name, _, value = _MARK.partition("=")
    os.environ[name] = value
    # Parts that are not run keep their earlier figures.
    found: dict[str, dict[str, int]] = {
        what: outcomes
        for what, outcomes in earlier("faults").get("outcomes", {}).items()
        if what.partition(":")[0] not in given.only
    }
    with tempfile.TemporaryDirectory() as folder:
        for name in given.only:
            for what, outcomes in PARTS[name](Path(folder), given).items():
                found[f"{name}: {what}"] = dict(outcomes)
                print(f"{name}: {what}: {_words(outcomes)}", flush=True)
    lines = ["| fault | outcomes |", "|---|---|"]
    lines += [f"| {what} | {_words(outcomes)} |" for what, outcomes in found.items()]
    save("faults", {"machine": machine(), "outcomes": found}, lines)
    bad = sum(
        outcomes.get(word, 0)
        for outcomes in found.values()
        for word in ("traceback", "lost", "left behind a process")
    )
    print(f"{sum(sum(o.values()) for o in found.values())} faults, {bad} tracebacks or losses")
    sys.exit(bool(bad))


def earlier(name: str) -> dict[str, Any]:
    """The record that an earlier call wrote."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def _words(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(outcomes.items()))


# Damaged files


def formats(folder: Path, given: argparse.Namespace) -> dict[str, Counter[str]]:
    draw = random.Random(0)
    return {
        name: _damages(folder / f"file.{name.split()[0]}", content, read, given.damages, draw)
        for name, (content, read) in _files(folder).items()
    }


def _damages(
    path: Path, content: bytes, read: Read, count: int, draw: random.Random
) -> Counter[str]:
    path.write_bytes(content)
    whole = _printed(read(path))
    outcomes: Counter[str] = Counter()
    for number in range(count):
        damaged = bytearray(content)
        if number % 2:
            del damaged[draw.randrange(len(content)) :]
        else:
            damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        outcomes[_outcome(path, read, whole)] += 1
    return outcomes


def _outcome(path: Path, read: Read, whole: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Notice)
        try:
            return "the same" if _printed(read(path)) == whole else "other values"
        except Notice:
            return "told of"
        except (CheckpointError, DataError, Failed) as error:
            one = "\n" not in str(error) and path.name in str(error)
            return "refused" if one else "traceback"
        except Exception:
            return "traceback"


def _printed(value: Any) -> str:
    """Everything about a value that was read, as text."""
    if isinstance(value, np.ndarray):
        return f"{value.shape} {value.dtype} {value.tobytes().hex()}"
    if isinstance(value, dict):
        return str({key: _printed(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return str([_printed(item) for item in value])
    return repr(value)


def _files(folder: Path) -> dict[str, tuple[bytes, Read]]:
    """A small file of every format, and what reads it."""
    from cnnjax import checkpoint
    from cnnjax.cli import runs
    from cnnjax.data import cifar, idx, load, read_image
    from cnnjax.lowerings import tuned
    from cnnjax.train.config import TrainConfig

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    files: dict[str, tuple[bytes, Read]] = {}
    for kind, options in _PICTURES:
        if kind not in ("AVIF", "WEBP") or features.check(kind.lower()):
            stream = io.BytesIO()
            picture.save(stream, kind, **options)
            name = " ".join([kind.lower(), *(str(v) for v in options.values() if v is not True)])
            files[name + (" progressive" if "progressive" in options else "")] = (
                stream.getvalue(), read_image,
            )  # fmt: skip

    images = bytes([0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 11, 0, 0, 0, 3]) + pixels.tobytes()
    files["idx"] = images, lambda path: idx.read_file(path, 3)
    files["gz (idx)"] = gzip.compress(images, mtime=0), lambda path: idx.read_file(path, 3)
    record = rng.integers(0, 256, 3073, dtype=np.uint8)
    record[0] = 3
    files["bin (CIFAR)"] = record.tobytes(), cifar.read_file
    batch = {b"data": record[None, 1:], b"labels": [3]}
    read_pickle = cifar.CIFAR10[1].read
    files["pickle (CIFAR)"] = pickle.dumps(batch, 2), read_pickle

    def splits(spec: str) -> Read:
        def read(path: Path) -> Any:
            both = load(f"{spec}:{path}")
            return [(d.images, d.labels, d.classes) for d in (both.train, both.test)]

        return read

    stream = io.BytesIO()
    np.savez_compressed(stream, images=rng.integers(0, 256, (8, 5, 4, 3), dtype=np.uint8),
                        labels=np.arange(8) % 2)  # fmt: skip
    files["npz"] = stream.getvalue(), splits("npz")
    for number in range(8):
        picture.save(folder / f"{number}.png")
    table = "file,label\n" + "".join(f"{n}.png,{'ab'[n % 2]}\n" for n in range(8))
    files["csv"] = table.encode(), splits("csv")

    here = folder / "record"
    here.mkdir()
    data = {"data": "patterns", "size": [8, 8], "limit": 4, "max_pixels": None}
    runs.write_record(here, data=data, model="notes", config=TrainConfig())
    rows = [{"epoch": n, "loss": 1 / n, "accuracy": 0.5, "test_accuracy": 0.5} for n in (1, 2)]

    def inside(name: str, read: Read) -> Read:
        def read_there(path: Path) -> Any:
            (here / name).write_bytes(path.read_bytes())
            try:
                return read(here)
            except Exception as error:
                error.args = (f"{error} ({path.name})",)
                raise

        return read_there

    files["json (run)"] = (here / runs.RECORD).read_bytes(), inside(runs.RECORD, runs.read_record)
    files["json (history)"] = json.dumps(rows).encode(), inside(runs.HISTORY, runs.read_history)
    measured = {"format": "cnnjax lowerings 1", "devices": {"cpu": {"conv 1": "lax"}}}
    files["json (tuned)"] = json.dumps(measured).encode(), tuned._read
    checkpoint.write(here / "arrays", {"x": pixels, "y": np.arange(5.0)}, {"step": 3}, "test")
    arrays = (here / "arrays").read_bytes()
    files["safetensors"] = arrays, lambda path: checkpoint.read(path, "test")
    return files


_PICTURES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("PNG", {}), ("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {}), ("GIF", {}),
    ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("PPM", {}), ("AVIF", {}),
)  # fmt: skip


# Commands in processes of their own


def _command(
    *argv: str | bytes, limit: int | None = None, plain: bool = False
) -> subprocess.Popen[bytes]:
    """`cnnjax ARGV...`; `plain`: without the privilege of root to read and write everything."""

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        if plain and os.geteuid() == 0:
            for capability in _READ_AND_WRITE_ALL:
                ctypes.CDLL(None).prctl(_DROP, capability, 0, 0, 0)

    return subprocess.Popen(
        [sys.executable, "-m", "cnnjax.cli", *argv],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=prepare,
    )  # fmt: skip


def _ended(process: subprocess.Popen[bytes], *, fine: str = "done") -> str:
    """The outcome of a command: how it ended, and whether it said so in one line."""
    _, err = process.communicate(timeout=600)
    if b"Traceback" in err:
        print(err.decode("utf-8", "replace"), file=sys.stderr)
        return "traceback"
    if process.returncode == 0:
        return fine
    problems = [line for line in err.splitlines() if not line.startswith(b"cnnjax: note: ")]
    return f"one line, status {process.returncode}" if len(problems) == 1 else "traceback"


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Until then, or until it has ended."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def _photos(folder: Path, names: tuple[str | bytes, ...] = ("ant", "bee"), count: int = 12) -> Path:
    rng = np.random.default_rng(0)
    for name in names:
        inner = os.path.join(os.fsencode(folder), os.fsencode(name))
        os.makedirs(inner, exist_ok=True)
        for number in range(count):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            with open(os.path.join(inner, b"%d.png" % number), "wb") as file:
                Image.fromarray(pixels).save(file, "PNG")
    return folder


def _train(data: Path, run: Path, *more: str) -> list[str]:
    return ["train", "--data", f"folder:{data}", "--epochs", "30", "--batch-size", "4", "--quiet",
            "--no-pictures", "--out", str(run), *more]  # fmt: skip


def _model(run: Path) -> bytes:
    path = run / "model.safetensors"
    return path.read_bytes() if path.exists() else b""


def kills(folder: Path, given: argparse.Namespace) -> dict[str, Counter[str]]:
    draw = random.Random(1)
    os.environ["CNNJAX_CACHE"] = str(folder / "cache")  # only so that it takes less long
    data, whole = _photos(folder / "kill photos"), folder / "whole"
    begun = time.monotonic()
    assert _ended(_command(*_train(data, whole))) == "done"
    assert _ended(_command(*_train(data, whole, "--force"))) == "done"
    long = (time.monotonic() - begun) / 2
    resumed: Counter[str] = Counter()
    run, left = folder / "killed", given.kills - given.kills // 3
    while left:
        again = ["train", "--resume", "--quiet", "--no-pictures", "--out", str(run)]
        process = _command(
            *(again if (run / "run.json").exists() else _train(data, run, "--stream"))
        )
        _wait(process, draw.uniform(0.3, 1.1) * long)
        if process.poll() is None:
            process.kill()
            process.communicate()
            resumed["killed, went on"] += 1
            resumed["left behind a process"] += _left_behind()
            left -= 1
            continue
        outcome = _ended(process)
        if outcome == "done":
            outcome = "ended the same, bit for bit" if _model(run) == _model(whole) else "lost"
            for path in run.iterdir():
                path.unlink()
        resumed[outcome] += 1
    if (run / "run.json").exists():
        outcome = _ended(
            _command("train", "--resume", "--quiet", "--no-pictures", "--out", str(run))
        )
        same = "ended the same, bit for bit" if _model(run) == _model(whole) else "lost"
        resumed[same if outcome == "done" else outcome] += 1

    replaced: Counter[str] = Counter()
    old = {path.name: path.read_bytes() for path in whole.iterdir()}
    for _ in range(given.kills // 3):
        process = _command(*_train(data, whole, "--force", "--seed", "1", "--stream"))
        _wait(process, draw.uniform(0.3, 1.1) * long)
        process.kill()
        process.communicate()
        replaced["left behind a process"] += _left_behind()
        now = {name: (whole / name).read_bytes() for name in old if (whole / name).exists()}
        if now == old:
            replaced["the old run is whole"] += 1
            continue
        # The new one has a checkpoint: it must go on by itself.
        on = _command("train", "--resume", "--quiet", "--no-pictures", "--out", str(whole))
        outcome = _ended(on, fine="the new run went on")
        replaced[outcome] += 1
        for name, content in old.items():
            (whole / name).write_bytes(content)
    os.environ["CNNJAX_CACHE"] = "off"
    return {
        "a streamed run killed and resumed": +resumed,
        "a streamed run that replaces another, killed": +replaced,
    }


def _left_behind() -> int:
    """How many processes that decode images are still there a moment after their run's end."""
    found = 0
    for _ in range(50):
        found = sum(
            b"cnnjax.data.streaming" in _read(process / "cmdline")
            and _MARK.encode() in _read(process / "environ")
            for process in Path("/proc").glob("[0-9]*")
        )
        if not found:
            break
        time.sleep(0.1)
    return found


def _read(path: Path) -> bytes:
    with suppress(OSError):
        return path.read_bytes()
    return b""


def disk(folder: Path, given: argparse.Namespace) -> dict[str, Counter[str]]:
    data, run = _photos(folder / "disk photos"), folder / "disk run"
    short = ("--epochs", "1")
    assert _ended(_command(*_train(data, run, *short))) == "done"
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    outcomes: Counter[str] = Counter()
    for limit in (0, 100, 4096, 100_000, 400_000):
        new = folder / f"disk run {limit}"
        outcomes["new run: " + _ended(_command(*_train(data, new, *short), limit=limit))] += 1
        force = _command(*_train(data, run, *short, "--force", "--seed", "1"), limit=limit)
        outcomes["replacing run: " + _ended(force)] += 1
        if before != {path.name: path.read_bytes() for path in run.iterdir()}:
            outcomes["lost"] += 1
    return {"no file beyond 0 to 400,000 bytes": outcomes}


NAMES: tuple[str | bytes, ...] = (
    b"caf\xe9", b"new\nline", b"\x1b[31mred\x1b[0m", b"tab\there", "고양이", " blank ", "--help",
    "quo'te\"s", "$(touch evil)", "%s{0}", "a" * 250, "a\u202eb", "con", "-",
)  # fmt: skip


def names(folder: Path, given: argparse.Namespace) -> dict[str, Counter[str]]:
    outcomes: Counter[str] = Counter()
    data = _photos(folder / "names", NAMES, count=2)
    run = folder / os.fsdecode(b"run \xe9\n\x1b[0m 'x'")
    outcomes["trained: " + _ended(_command(*_train(data, run, "--epochs", "1")))] += 1
    again = _command("train", "--resume", "--quiet", "--out", str(run))
    outcomes["resumed: " + _ended(again)] += 1
    for number, name in enumerate(NAMES):
        image = os.path.join(os.fsencode(folder / "names"), os.fsencode(name), b"0.png")
        if number % 3 == 0:
            ended = _ended(_command("predict", image, "--run", str(run)))
            outcomes["predicted: " + ended] += 1
        missing = os.path.join(os.fsencode(folder), b"gone-" + os.fsencode(name)[:200])
        outcomes["a folder that is missing: " + _ended(
            _command("train", "--data", b"folder:" + missing)
        )] += 1  # fmt: skip
    return {"folders, classes, files and runs": outcomes}


def access(folder: Path, given: argparse.Namespace) -> dict[str, Counter[str]]:
    def resume(run: Path, name: str) -> list[str]:
        run.mkdir()
        (run / name).touch(0)
        if name == "run.json":
            return ["train", "--resume", "--out", str(run)]
        return ["evaluate", str(run), "--data", "digits"]

    # What is closed, and the command that meets it.
    cases: dict[str, Callable[[Path, Path], tuple[Path | None, list[str]]]] = {
        "data folder": lambda data, run: (data, _train(data, run)),
        "class folder": lambda data, run: (data / "ant", _train(data, run)),
        "image": lambda data, run: (data / "ant" / "3.png", _train(data, run)),
        "parent of the data": lambda data, run: (data.parent, _train(data, run)),
        "parent of the run": lambda data, run: (run.parent, _train(data, run)),
        "record": lambda data, run: (None, resume(run, "run.json")),
        "model": lambda data, run: (None, resume(run, "model.safetensors")),
    }
    outcomes: Counter[str] = Counter()
    for number, (what, make) in enumerate(cases.items()):
        home = folder / f"access {number}"
        data, run = _photos(home / "in" / "photos"), home / "out" / "run"
        run.parent.mkdir(parents=True)
        closed, argv = make(data, run)
        if closed is not None:
            closed.chmod(0)
        outcomes[f"{what}: {_ended(_command(*argv, plain=True))}"] += 1
        if closed is not None:
            closed.chmod(0o755)
    return {"may not be read or written": outcomes}


PARTS = {"formats": formats, "kills": kills, "disk": disk, "names": names, "access": access}

if __name__ == "__main__":
    main()
