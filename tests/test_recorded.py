"""The record of verdicts notices what it is there to notice."""

import json

import pytest

import verify
from tests import recorded, recording
from tests.verify.pairs.law import f32
from verify import Verdict

pytest_plugins = "pytester"
X = f32(3)


def twice(x):
    return 2 * x


def test_every_recorded_test_exists(request):
    recording = request.config.pluginmanager.get_plugin("recording")
    files = {
        p.relative_to(recorded.FOLDER).with_suffix("") for p in recorded.FOLDER.rglob("*.json")
    }
    lost = [f for f in files if not (recorded.TESTS / f).with_suffix(".py").exists()]
    assert not lost, f"records of test files that are gone: {lost}"
    assert not recording.gone, f"{recording.gone}\nto renew the record: {recorded.RENEW}"


PROVED, REFUTED, UNKNOWN = ["proved"], ["refuted"], ["unknown"]
CHANGES = {
    "a proof is lost": ([PROVED], [UNKNOWN], "WORSE"),
    "a refutation is lost": ([REFUTED], [UNKNOWN], "WORSE"),
    "a verdict is turned round": ([PROVED], [REFUTED], "THE OPPOSITE"),
    "an assumption more": ([PROVED], [[*PROVED, "no ties"]], "WORSE"),
    "another assumption": ([[*PROVED, "x"]], [[*PROVED, "y"]], "other assumptions"),
    "an assumption less": ([[*PROVED, "no ties"]], [PROVED], "better"),
    "a proof is found": ([UNKNOWN], [PROVED], "better"),
    "the second of two": ([PROVED, PROVED], [PROVED, UNKNOWN], "question 2: WORSE"),
    "a question is no longer asked": ([PROVED, REFUTED], [PROVED], "question 2: no longer asked"),
    "a question that is new": (None, [PROVED], "not in the record"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_named(name):
    before, now, said = CHANGES[name]
    assert said in recorded.complaint(before, now)
    assert recorded.complaint(now, now) == ""


def test_a_line_number_is_no_change():
    one, two = (Verdict("proved", assumptions=(f"x > 0 (net.py:{n})",)) for n in (3, 40))
    assert recorded.plain(one) == recorded.plain(two)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "verify" / "test_x.json"
    record = {"test_b[é]": [PROVED, [*REFUTED]], "test_a": [[*PROVED, "no ties"]]}
    recorded.write(path, record)
    assert recorded.read(path) == record
    assert len(path.read_text().splitlines()) == 2 + len(record)
    recorded.write(path, {})
    assert not path.exists()
    assert recorded.read(path) == {}


def test_both_questions_are_heard_and_always_asked_alike():
    def run():
        with recorded.listening("a test") as listener:
            first = verify.equivalent(twice, lambda x: x + x, X)
            verify.assert_equivalent(twice, lambda x: x + x, X)
            verify.derivatives(twice, X)
            return listener.verdicts, first.subject.seed

    (verdicts, seed), (again, same) = run(), run()
    assert verdicts == again == [PROVED, PROVED, PROVED]
    assert seed == same


def test_a_seed_that_a_test_gives_is_kept():
    with recorded.listening("a test"):
        assert verify.equivalent(twice, twice, X, seed=7).subject.seed == 7


@pytest.mark.parametrize(("given", "used"), [({}, 600), ({"seconds": 2}, 20), ({"seconds": 0}, 0)])
def test_a_busy_machine_has_time(given, used):
    asked = recorded.heard(lambda **options: options["seconds"] == used and Verdict("unknown"))
    with recorded.listening("a test"):
        assert asked(**given) == Verdict("unknown")


PAIR = """
import jax, pytest, verify

@pytest.mark.parametrize("n", [2, 3])
def test_pair(n):
    x = jax.ShapeDtypeStruct((n,), "float32")
    assert verify.equivalent(lambda x: 2 * x, lambda x: x + x, x)
"""


class Plugin:
    pytest_addoption = staticmethod(recording.options)

    def pytest_configure(self, config):
        config.pluginmanager.register(recording.Recording(config, solver=True), "recording")


@pytest.fixture
def run(pytester, monkeypatch):
    """Runs PAIR under a record of its own: (passed, failed)."""
    monkeypatch.setattr(recorded, "FOLDER", pytester.path / "verdicts")
    (pytester.path / "tests").mkdir()
    (pytester.path / "tests" / "test_it.py").write_text(PAIR)

    def run(*options):
        reports = pytester.inline_run("-p", "no:cacheprovider", *options, plugins=[Plugin()])
        passed, _, failed = reports.countoutcomes()
        return passed, failed

    return run


def written():
    path = recorded.path_of("tests/test_it.py")
    return path, json.loads(path.read_text())


def test_a_run_is_compared_with_the_record(run):
    assert run() == (0, 2)  # nothing is recorded
    assert run("--renew-record") == (2, 0)
    path, record = written()
    assert record == {"test_pair[2]": [PROVED], "test_pair[3]": [PROVED]}
    assert run() == (2, 0)
    for other in (UNKNOWN, [*PROVED, "no ties"], REFUTED):
        recorded.write(path, {**record, "test_pair[3]": [other]})
        assert run() == (1, 1)


def test_a_renewal_of_one_test_leaves_the_others_and_drops_those_that_are_gone(run):
    run("--renew-record")
    path, record = written()
    recorded.write(path, {**record, "test_pair[2]": [UNKNOWN], "test_gone": [PROVED]})
    run("--renew-record", "tests/test_it.py::test_pair[3]")
    assert written()[1] == {**record, "test_pair[2]": [UNKNOWN], "test_gone": [PROVED]}
    run("--renew-record")
    assert written()[1] == record


def test_a_failing_test_is_not_recorded(run, monkeypatch):
    monkeypatch.setattr(verify, "equivalent", recorded.heard(lambda *_, **__: Verdict("unknown")))
    assert run("--renew-record") == (0, 2)
    assert not written_files()


def written_files():
    return list(recorded.FOLDER.rglob("*.json"))
