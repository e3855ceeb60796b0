"""Faults on purpose, a few of each: every outcome has a name, and none is a traceback."""

import argparse

import pytest

from benchmarks.faults import formats, hosts

GIVEN = argparse.Namespace(damages=24, kills=0)


@pytest.fixture(autouse=True)
def quiet(capfd):
    yield
    capfd.readouterr()


def test_a_few_damages_to_every_format_are_refused_or_read(tmp_path):
    found = formats.formats(tmp_path, GIVEN)
    assert {sum(outcomes.values()) for outcomes in found.values()} == {GIVEN.damages}
    assert len(found) >= 17
    for name, outcomes in found.items():
        assert outcomes["traceback"] == 0, name
        assert outcomes["refused"] + outcomes["told of"] > 0, name


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "the same"),
        (ValueError("file.x"), "traceback"),
        (formats.DataError("file.x: cut short"), "refused"),
        (formats.DataError("no name"), "traceback"),
    ],
)
def test_only_one_line_that_names_the_file_counts_as_refused(tmp_path, error, outcome):
    def read(path):
        if error is not None:
            raise error
        return 1

    assert formats._outcome(tmp_path / "file.x", read, "1") == outcome


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "victim"),
    [
        ("joined, before the training", 0),
        ("before the first step", 1),
        ("writing the model", 0),
        ("after the training", 0),
        ("after the training", 1),
    ],
)
def test_whenever_a_host_is_killed_the_other_ends_with_one_line(tmp_path, what, victim):
    assert hosts.killed(tmp_path / "run", what, victim) == "one line"
