"""What the verifier says of pairs of functions of public libraries.

    python -m benchmarks.realcode [--group losses] [--only NAME] [--seconds 20] [--again]

Prints a table as it goes. Answers are kept in results/realcode.jsonl and asked again only when the
verifier, the pair's file or the seconds have changed; a run over all groups writes
results/realcode.md. Exit status 1 if any verdict is wrong. `--check` asks no verifier: it compares
all pairs by JAX in float64 with what they are said to be.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.realcode import asking, check, pairs, report
from benchmarks.realcode.asking import Answer
from benchmarks.realcode.pair import Missing

RESULTS = Path(__file__).parents[1] / "results"
KEPT = RESULTS / "realcode.jsonl"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--group", action="append", help="only this one, by its file; may be given again"
    )
    parser.add_argument("--only", default="", help="only pairs whose name contains this")
    parser.add_argument("--kind", choices=("both", "equal", "near"), default="both")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--again", action="store_true", help="ask what is known, too")
    parser.add_argument("--report", action="store_true", help="ask nothing, write what is known")
    parser.add_argument("--check", action="store_true", help="compare by JAX, ask no verifier")
    options = parser.parse_args()
    wanted = [
        (file, number)
        for file in options.group or asking.files()
        for number, pair in enumerate(asking.group(file).pairs)
        if options.only in pair.name and options.kind in ("both", "equal" if pair.equal else "near")
    ]
    if options.check:
        return checked(wanted)
    prints = {file: fingerprint(file) for file in asking.files()}
    known = {} if options.again else read(prints, options.seconds)
    names = {(file, n): asking.group(file).pairs[n].name for file, n in wanted}
    asked = [] if options.report else [one for one in wanted if names[one] not in known]
    for (file, _), answer in asking.answers(asked, options.seconds):
        known[answer.name] = answer
        with KEPT.open("a") as lines:
            lines.write(
                json.dumps({"print": prints[file], "budget": options.seconds, **asdict(answer)})
                + "\n"
            )
        print(line(answer), flush=True)
    found = [known[names[one]] for one in wanted if names[one] in known]
    print("\n" + report.table(found) + "\n" + report.failures(found))
    if not options.group and not options.only and options.kind == "both":
        text = report.document(found, options.seconds, versions(found), len(wanted) - len(found))
        (RESULTS / "realcode.md").write_text(text)
    return int(any(answer.false for answer in found))


def checked(wanted: list[tuple[str, int]]) -> int:
    failed = 0
    for file, number in wanted:
        pair = asking.group(file).pairs[number]
        try:
            wrong = check.wrong(pair)
        except Missing as missing:
            print(f"skipped {pair.name}: {missing}", flush=True)
            continue
        except Exception as error:
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            failed += 1
            kind = "equal" if pair.equal else "near miss"
            print(f"{file}: {pair.name} ({kind}): {wrong}", flush=True)
    print(f"{len(wanted)} pairs checked, {failed} of them are not what they are said to be")
    return int(failed > 0)


def line(answer: Answer) -> str:
    mark = "  " if answer.right else "!!" if answer.false else "- "
    text = f"{mark} {answer.seconds:6.2f} s  {answer.status:8} {answer.name}"
    return text if answer.right else f"{text}: {report.one_line(answer.detail)}"


def fingerprint(file: str) -> str:
    """Of what an answer depends on: the verifier and the file of pairs."""
    root = Path(__file__).parents[2]
    sources = sorted((root / "verify").rglob("*.py"))
    sources += [Path(pairs.__path__[0]) / f"{file}.py", Path(__file__).parent / "inputs.py"]
    text = "\n".join(path.read_text() for path in sources)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read(prints: dict[str, str], seconds: float) -> dict[str, Answer]:
    """The answers that still hold, by name of the pair: verdicts that took no more than the
    seconds, and no answers for which there was no less time."""
    found: dict[str, Answer] = {}
    if not KEPT.exists():
        return found
    for text in KEPT.read_text().splitlines():
        try:
            fields = json.loads(text)
        except json.JSONDecodeError:
            continue  # an interrupted run's last line
        current, budget = fields.pop("print") in prints.values(), fields.pop("budget")
        fields = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
        answer = Answer(**fields)
        decided = answer.status in ("proved", "refuted")
        if current and (answer.seconds <= seconds if decided else budget >= seconds):
            found[answer.name] = answer
    return found


def versions(answers: list[Answer]) -> str:
    names = {"jax"} | {name for a in answers if a.status != "skipped" for name in a.libraries}
    distributions = {"haiku": "dm-haiku", "dm_pix": "dm-pix", "ott": "ott-jax"}
    each = []
    for name in sorted(names):
        try:
            each.append(f"{name} {importlib.metadata.version(distributions.get(name, name))}")
        except importlib.metadata.PackageNotFoundError:
            each.append(name)
    return ", ".join(each)


if __name__ == "__main__":
    sys.exit(main())
