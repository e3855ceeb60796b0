"""The scripts themselves: they run at a tiny size, and what is committed is what they conclude."""

import dataclasses
import json
from pathlib import Path

import pytest

from cnnjax.summary import summary
from experiments.claims import network as network_module
from experiments.claims import table as claims_table
from experiments.claims import wider_deeper
from experiments.claims.network import network
from experiments.claims.record import HERE
from tests.experiments.tiny import EXPERIMENTS, SCRIPTS, SETTINGS

REPOSITORY = HERE.parent
COMMITTED_FOLDER = HERE / "results" / "claims"
COMMITTED = {name: COMMITTED_FOLDER / f"{name}.json" for name in SCRIPTS}


def test_wider_deeper_compares_equal_budgets():
    settings = wider_deeper.Settings()
    arms = wider_deeper.arms_of(settings)
    own = summary(network(settings.growing, settings.recipe.image))
    assert settings.within <= 0.03
    for name, widths in arms.items():
        table = summary(network(widths, settings.recipe.image))
        if "parameters" in name:
            assert abs(table.parameters / own.parameters - 1) <= settings.within
        if "multiply-adds" in name:
            assert abs(table.multiply_adds / own.multiply_adds - 1) <= settings.within
        if "flat" in name:
            assert len(set(widths)) == 1
        if "reversed" in name:
            assert list(widths) == sorted(widths, reverse=True)
    assert len(arms) == 5


def test_budgets_that_cannot_be_equal_are_an_error():
    settings = dataclasses.replace(wider_deeper.Settings(), growing=(8, 16, 32))
    with pytest.raises(ValueError, match="within 3%, the closest is"):
        wider_deeper.arms_of(settings)


def arms(experiment):
    """The settings of the final runs of a plan (tuning needs results, any will do)."""
    raw = {}
    for run, arm in experiment.plan(experiment.settings, raw):
        raw[run] = {"curve": [0.5]}
        if not run.startswith("tune"):
            yield arm


@pytest.fixture(scope="module")
def trained():
    """`train`, but for what was trained before: all scripts have the same tiny network here."""
    results = {}

    def once(model, recipe, *, seed, data_seed, **changes):
        key = (model, recipe, seed, data_seed)
        if key not in results:
            results[key] = network_module.train(
                model, recipe, seed=seed, data_seed=data_seed, **changes
            )
        return results[key]

    return once


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_run_measures_what_the_conclusion_reads(name, tmp_path, monkeypatch, trained):
    """One run is done in earnest and stands for all the others."""
    monkeypatch.setattr(SCRIPTS[name], "train", trained)
    experiment, settings, raw = EXPERIMENTS[name], SETTINGS[name], {}
    arm = next(arm for arm in arms(experiment) if arm.get("kernels") != 1)
    measured = json.loads(json.dumps(experiment.measure(settings, arm)))
    for run, arm in experiment.plan(settings, raw):
        raw[run] = {"arm": arm, "seconds": 1.0, "cpu_seconds": 1.0, **measured}
    conclusion = experiment.conclude(settings, raw)
    assert {len(row) for row in conclusion.figures} == {len(conclusion.columns)}
    picture = tmp_path / "picture.png"
    experiment.draw(settings, raw, picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_is_committed_is_what_the_runs_say(name):
    experiment = SCRIPTS[name].EXPERIMENT
    path = COMMITTED[name]
    record = json.loads(path.read_text("utf-8"))
    assert record["settings"] == json.loads(json.dumps(dataclasses.asdict(experiment.settings)))
    assert len(record["raw"]) == experiment.total
    planned = dict(experiment.plan(experiment.settings, record["raw"]))
    assert planned.keys() == record["raw"].keys()
    assert json.loads(json.dumps(planned)) == {n: r["arm"] for n, r in record["raw"].items()}
    conclusion = json.loads(
        json.dumps(dataclasses.asdict(experiment.conclude(experiment.settings, record["raw"])))
    )
    assert conclusion == {field: record[field] for field in conclusion}
    assert path.stat().st_size < 100_000
    picture = REPOSITORY / Path(record["picture"])
    assert 1_000 < picture.stat().st_size < 300_000


def test_the_readme_shows_the_committed_records():
    readme = (HERE / "README.md").read_text("utf-8")
    assert claims_table.inserted(readme, claims_table.table(COMMITTED_FOLDER)) == readme
    assert all(f"| [{name}](pictures/{name}.png) |" in readme for name in SCRIPTS)
