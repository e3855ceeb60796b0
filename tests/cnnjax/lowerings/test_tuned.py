"""What `cnnjax tune` measured is found, kept, and never in the way."""

import json
import os
import subprocess
import sys
from functools import partial

import jax.numpy as jnp
import pytest

import cnnjax
from cnnjax.cache import made
from cnnjax.lowerings import CONV, MAX_POOL, Geometry, choose, tune, tuned, without
from cnnjax.notices import Notice
from tests.cnnjax.lowerings.cases import spec

CALL = spec(2, 5, 5, 8), spec(3, 3, 8, 4), Geometry((1, 1), ((1, 1), (1, 1)), (1, 1))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNJAX_CACHE", str(tmp_path))
    tuned._entries.cache_clear()
    yield tmp_path
    tuned._entries.cache_clear()


def chosen(*arguments, **options):
    run = choose("conv", CONV, None, *(arguments or CALL), **options)
    return next(name for name, way in CONV.items() if way.run is run)


def test_what_was_measured_is_taken_for_that_call_alone():
    assert chosen() == "canonical"
    tuned.add({tuned.key("conv", CALL): "winograd"})
    assert chosen() == "winograd"
    assert chosen(spec(3, 5, 5, 8), *CALL[1:]) == "canonical"  # another batch
    assert chosen(measured=False) == "canonical"
    with without("winograd"):
        assert chosen() == "canonical"


def test_off_and_another_machine_are_not_asked(monkeypatch):
    tuned.add({tuned.key("conv", CALL): "winograd"})
    with monkeypatch.context() as other:
        other.setattr(tuned, "device", lambda: "another")
        assert chosen() == "canonical"
    monkeypatch.setenv("CNNJAX_CACHE", "off")
    assert chosen() == "canonical"
    assert tuned.add({"x": "lax"}) is None


def test_entries_are_added_to_those_that_are_there(cache):
    tuned.add({"one": "lax"})
    tuned.add({"two": "lax"})
    (known,) = json.loads((cache / "lowerings.json").read_text())["devices"].values()
    assert known == {"one": "lax", "two": "lax"}
    visible = [file.name for file in cache.iterdir() if file.name[0] != "."]
    assert visible == ["lowerings.json"]


@pytest.mark.parametrize("name", ["gone", "shifted"])
def test_a_name_that_is_none_or_cannot_take_the_call_is_passed_over(name):
    tuned.add({tuned.key("conv", CALL): name})
    assert chosen() == "canonical"


DAMAGED = ["", "[]", '{"format": "other", "devices": {}}', '{"format": "cnnjax lowerings 1"}']


NONSENSE = ['{"format": "cnnjax lowerings 1", "devices": {"a": 3}}', "\0" * 50, "[" * 100_000, "7"]


@pytest.mark.parametrize("text", [*DAMAGED, *NONSENSE], ids=range(len(DAMAGED + NONSENSE)))
def test_a_damaged_file_is_named_and_not_used(cache, text):
    (cache / "lowerings.json").write_text(text)
    with pytest.warns(UserWarning, match=r"lowerings\.json: not used"):
        assert chosen() == "canonical"
    with pytest.warns(UserWarning, match="not used"):
        tuned.add({tuned.key("conv", CALL): "lax"})
    assert chosen() == "lax"


WRITER = """
import sys
from cnnjax.lowerings import tuned
tuned.device = lambda: "here"
for i in range(15):
    tuned.add({f"{sys.argv[1]} {i}": "lax"})
"""


def test_two_that_write_at_once_lose_nothing(cache):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, name]) for name in "ab"]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    known = json.loads((cache / "lowerings.json").read_text())["devices"]["here"]
    assert known == {f"{name} {i}": "lax" for name in "ab" for i in range(15)}


def test_the_cache_is_private_to_its_user(tmp_path, monkeypatch):
    monkeypatch.delenv("CNNJAX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ours = tmp_path / "cnnjax"
    assert made(ours / "compiled")
    assert {(f.stat().st_mode & 0o777) for f in (ours, ours / "compiled")} == {0o700}
    ours.chmod(0o755)  # by an earlier version
    assert tuned.add({"one": "lax"}) == ours / "lowerings.json"
    assert ours.stat().st_mode & 0o777 == 0o700
    with monkeypatch.context() as other:
        other.setattr(os, "geteuid", lambda: 12345)
        with pytest.warns(Notice, match="belongs to another user"):
            assert not made(ours / "compiled")
    monkeypatch.setenv("CNNJAX_CACHE", str(tmp_path / "named"))
    (tmp_path / "named").mkdir(mode=0o755)
    assert made(tmp_path / "named")
    assert (tmp_path / "named").stat().st_mode & 0o777 == 0o755  # the user's own decision


def test_a_cache_that_cannot_be_made_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CNNJAX_CACHE", str(tmp_path / "file"))
    assert not made(tmp_path / "file" / "compiled")
    assert tuned.add({"one": "lax"}) is None


def test_each_different_call_is_measured_by_every_way_that_fits():
    def network(x, kernel):
        y = cnnjax.conv(cnnjax.conv(x, kernel), kernel)  # twice the same call
        return cnnjax.max_pool(cnnjax.conv(y, kernel, lowering="lax"), 2)

    calls = tune.calls_of(network, spec(2, 6, 6, 8), spec(3, 3, 8, 8))
    assert [call.layer for call in calls] == ["conv", "max_pool"]
    for training in (True, False):
        conv, pool = tune.measure(calls, training=training, rounds=1)
        assert set(conv.milliseconds) == {
            n for n, w in CONV.items() if w.fits(*conv.call.arguments)
        }
        assert set(pool.milliseconds) == set(MAX_POOL)
        assert (conv.shipped, pool.shipped) == ("canonical", "argmax")
        assert min(*conv.milliseconds.values(), *pool.milliseconds.values()) > 0


def test_the_fastest_is_best_and_noise_is_not(monkeypatch):
    """Times that a clock is told: the second way twice as fast, then faster by too little."""
    clock = iter(())

    def told():
        return next(clock)

    monkeypatch.setattr(tune.time, "perf_counter", told)
    (call,) = tune.calls_of(partial(cnnjax.max_pool, window=2), spec(1, 4, 4, 1))
    for lax_takes, expected in ((1.0, "lax"), (1.96, "argmax")):
        clock = iter([0.0, lax_takes, 0.0, 2.0])  # lax, argmax
        (found,) = tune.measure([call], training=False, rounds=1)
        assert found.milliseconds == {"lax": 1e3 * lax_takes, "argmax": 2e3}
        assert found.best == expected


def test_sizes_that_are_not_known_are_not_looked_up():
    x = jnp.ones((2, 3))
    assert tuned.key("conv", (x, 3)) == "conv float32[2,3] 3"

    class Symbolic:
        shape, dtype = ("n", 3), jnp.float32

    assert tuned.key("conv", (Symbolic(), 3)) is None
