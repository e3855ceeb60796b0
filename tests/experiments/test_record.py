"""The loop that carries an experiment out: what is measured once, written when, and refused."""

import dataclasses
import json

import pytest

from cnnjax.pictures import style
from experiments.claims.record import Conclusion, Experiment, carry_out, report
from verify.claims import Measured


@dataclasses.dataclass(frozen=True)
class Settings:
    """`scale` times the seed is what a run measures."""

    seeds: tuple[int, ...] = (1, 2, 3)
    scale: int = 10


def draw(settings, raw, path):
    with style.sheet(path, 1, 1):
        pass


def counting(settings=Settings(), stop_at=None):
    """An experiment that lists its measurements; it breaks at the seed `stop_at`."""
    measured = []

    def measure(settings, arm):
        if arm["seed"] == stop_at:
            raise KeyboardInterrupt
        measured.append(arm["seed"])
        return {"value": settings.scale * arm["seed"]}

    def conclude(settings, raw):
        total = sum(run["value"] for run in raw.values())
        return Conclusion(f"the sum is {total}", "found", total > 0, ("sum",), ((str(total),),))

    experiment = Experiment(
        id="counting",
        module="counting",
        settings=settings,
        history=("none",),
        total=len(settings.seeds),
        plan=lambda settings, raw: ((f"seed {s}", {"seed": s}) for s in settings.seeds),
        measure=measure,
        conclude=conclude,
        draw=draw,
    )
    return experiment, measured


def on_file(folder):
    return json.loads((folder / "results" / "claims" / "counting.json").read_text("utf-8"))


def test_an_interrupted_experiment_measures_only_what_is_missing(tmp_path):
    broken, measured = counting(stop_at=3)
    with pytest.raises(KeyboardInterrupt):
        carry_out(broken, folder=tmp_path)
    half = on_file(tmp_path)
    assert measured == [1, 2]
    assert list(half["raw"]) == ["seed 1", "seed 2"]
    assert half["headline"] == "unfinished: 2 of 3 runs"
    assert half["supported"] is None

    whole, measured = counting()
    record = carry_out(whole, folder=tmp_path)
    assert measured == [3]
    assert record == on_file(tmp_path)
    assert record["headline"] == "the sum is 60"


def test_runs_later_in_the_plan_survive_an_interruption(tmp_path):
    carry_out(counting()[0], folder=tmp_path)
    path = tmp_path / "results" / "claims" / "counting.json"
    record = on_file(tmp_path)
    del record["raw"]["seed 1"], record["raw"]["seed 2"]
    path.write_text(json.dumps(record), "utf-8")
    with pytest.raises(KeyboardInterrupt):
        carry_out(counting(stop_at=2)[0], folder=tmp_path)
    assert set(on_file(tmp_path)["raw"]) == {"seed 1", "seed 3"}


def test_a_finished_experiment_measures_nothing_again_unless_anew(tmp_path):
    carry_out(counting()[0], folder=tmp_path)
    for options, expected in (({}, []), ({"redraw": True}, []), ({"anew": True}, [1, 2, 3])):
        experiment, measured = counting()
        carry_out(experiment, folder=tmp_path, **options)
        assert measured == expected


def test_runs_of_other_settings_are_refused(tmp_path):
    carry_out(counting()[0], folder=tmp_path)
    other, measured = counting(Settings(scale=11))
    with pytest.raises(ValueError, match="measured with other settings"):
        carry_out(other, folder=tmp_path)
    assert measured == []
    assert on_file(tmp_path)["headline"] == "the sum is 60"


def test_an_unfinished_record_is_not_redrawn(tmp_path):
    with pytest.raises(ValueError, match="not finished"):
        carry_out(counting()[0], folder=tmp_path, redraw=True)
    with pytest.raises(KeyboardInterrupt):
        carry_out(counting(stop_at=2)[0], folder=tmp_path)
    with pytest.raises(ValueError, match="not finished"):
        carry_out(counting()[0], folder=tmp_path, redraw=True)


def test_a_record_holds_what_the_claim_shows_and_how_it_was_measured(tmp_path):
    record = carry_out(counting()[0], folder=tmp_path)
    fields = {field.name for field in dataclasses.fields(Measured)}
    assert fields <= set(record)
    assert {"settings", "history", "raw", "versions", "device"} <= set(record)
    assert record["command"] == "python -m experiments.claims.counting"
    assert (tmp_path / "pictures" / "counting.png").read_bytes().startswith(b"\x89PNG")
    assert "the sum is 60 [supported]" in report(record)
