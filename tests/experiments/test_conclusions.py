"""Conclusions follow the numbers: made-up runs, and what each script must say about them.

Each story is written once and told in reverse by exchanging the arms: a conclusion that does not
turn with it was not computed.
"""

import numpy as np
import pytest

from experiments.claims.record import pack
from tests.experiments.tiny import EXPERIMENTS, SCRIPTS, SETTINGS, WIDTHS

GOOD, BAD = 0.9, 0.3
NOISE = (0.0, 0.01, -0.01)  # by seed
SPREAD = (0.0, 0.3, -0.3)


def runs(name, value):
    """The plan of an experiment with made-up runs: `value(arm)` gives what one measured."""
    experiment, raw = EXPERIMENTS[name], {}
    for run, arm in experiment.plan(experiment.settings, raw):
        raw[run] = {"arm": arm, "seconds": 1.0, "cpu_seconds": 1.0, **value(arm)}
    assert len(raw) == experiment.total
    return raw


def concluded(name, value):
    conclusion = EXPERIMENTS[name].conclude(SETTINGS[name], runs(name, value))
    assert {len(row) for row in conclusion.figures} == {len(conclusion.columns)}
    assert not conclusion.headline[0].islower()
    assert len(conclusion.found) > 200
    return conclusion


def relu(fast, slow, *, noise=NOISE, after=0.8):
    def value(arm):
        level = fast if arm["activation"] == "relu" else slow
        sharp = after if arm["activation"] == "relu" else 0.4
        shift = noise[arm["seed"] % 100]
        if arm["activation"] == "tanh":
            shift *= -1  # not the same noise in every arm, or the differences have none
        return {
            "curve": [level / 2 + shift, level + shift],
            "selectivity": [[0.4 + shift / 9, sharp + shift / 5]] * len(WIDTHS),
        }

    return value


@pytest.mark.parametrize(
    ("value", "supported", "words"),
    [
        (relu(GOOD, BAD), True, "ReLU learns faster than tanh, sigmoid and identity"),
        (relu(BAD, GOOD), False, "Tanh, sigmoid and identity learn faster than ReLU"),
        (relu(0.6, 0.5, noise=SPREAD), None, "cannot tell"),
        (relu(GOOD, BAD, after=0.1), False, "less selective"),
    ],
)
def test_relu_is_judged_by_speed_and_by_selectivity(value, supported, words):
    if supported is None:  # only tanh's noise differs: let the others differ too
        plain = value

        def value(arm):
            run = plain(arm)
            turn = {"sigmoid": -1, "identity": -2}.get(arm["activation"], 1)
            shift = SPREAD[arm["seed"] % 100]
            return {**run, "curve": [c + (turn - 1) * shift for c in run["curve"]]}

    conclusion = concluded("relu-sharpens", value)
    assert conclusion.supported is supported
    assert words in conclusion.headline


def test_the_best_cell_of_the_grid_is_the_one_that_is_used():
    module, settings = SCRIPTS["relu-sharpens"], SCRIPTS["relu-sharpens"].Settings()
    raw = {}
    for name, arm in module.plan(settings, raw):
        best = arm["learning_rate"] == 0.01 and arm["initial"] == "lecun"
        raw[name] = {"curve": [0.5 if best else 0.4]}
    final = module.best_cell(settings, raw, "tanh")
    assert final == ("lecun", 0.01)


def kernels(arm, *, kept):
    rng = np.random.default_rng(arm["seed"])
    before, after = rng.normal(size=(2, 5, 5, 3, WIDTHS[0]))
    return {
        "moved": [1.0] * WIDTHS[0],
        "turned": [0.1] * WIDTHS[0],
        "best images kept": [kept] * WIDTHS[0],
        "before": pack(before),
        "after": pack(after),
        "bias": pack(np.zeros(WIDTHS[0])),
    }


def frozen(learned, all_frozen, *, kept=0.1, noise=NOISE):
    def value(arm):
        level = all_frozen if arm["arm"] == "all kernels frozen" else learned
        sign = -1 if "frozen" in arm["arm"] else 1
        run = {"curve": [level + sign * noise[arm["seed"] % 100]]}
        return run if "frozen" in arm["arm"] else run | kernels(arm, kept=kept)

    return value


@pytest.mark.parametrize(
    ("value", "supported", "words"),
    [
        (frozen(GOOD, BAD), True, "Learned kernels beat random ones by 60.0 points"),
        (frozen(BAD, GOOD), False, "Random kernels beat learned ones"),
        (frozen(0.6, 0.5, noise=SPREAD), None, "cannot be told from random ones"),
        (frozen(GOOD, BAD, kept=0.9), False, "keeps 90%"),
    ],
)
def test_learning_is_judged_against_frozen_kernels(value, supported, words):
    conclusion = concluded("random-init", value)
    assert conclusion.supported is supported
    assert words in conclusion.headline


def counts(few, many, *, noise=NOISE, dead=0):
    def value(arm):
        single = arm["kernels"] == 1
        level = few if single else many
        shift = (1 if single else -1) * noise[arm["seed"] % 100]
        return {
            "curve": [level + shift],
            "dead": [0, 0 if single else dead],
            "duplicates": [0, 0],
            "directions": [arm["kernels"], arm["kernels"]],
            "after": pack(np.ones((5, 5, 3, arm["kernels"]))),
        }

    return value


@pytest.mark.parametrize(
    ("value", "supported", "words"),
    [
        (counts(BAD, GOOD), True, "from 1 to 3 kernels in layer 1 the accuracy rises by 60.0"),
        (counts(GOOD, BAD), True, "are worse than 1, by 60.0"),
        (counts(0.5, 0.6, noise=SPREAD), None, "cannot tell"),
    ],
)
def test_the_number_of_kernels_is_judged_by_its_ends(value, supported, words):
    conclusion = concluded("count-is-hyperparameter", value)
    assert conclusion.supported is supported
    assert words in conclusion.headline


def test_dead_kernels_are_reported():
    assert "No kernel died" in concluded("count-is-hyperparameter", counts(BAD, GOOD)).found
    some = concluded("count-is-hyperparameter", counts(BAD, GOOD, dead=2))
    assert "answer nowhere: 6 of 9 in layers of 3" in some.found


def shapes(growing, others, *, noise=NOISE):
    def value(arm):
        grows = arm["shape"] == "growing"
        return {
            "curve": [(growing if grows else others) + (1 - 2 * grows) * noise[arm["seed"] % 100]]
        }

    return value


@pytest.mark.parametrize(
    ("value", "supported", "words"),
    [
        (shapes(GOOD, BAD), True, "Growing widths beat flat and reversed ones"),
        (shapes(BAD, GOOD), False, "beat growing widths"),
        (shapes(0.6, 0.5, noise=SPREAD), None, "cannot tell"),
    ],
)
def test_growing_widths_must_beat_every_rival(value, supported, words):
    conclusion = concluded("wider-deeper", value)
    assert conclusion.supported is supported
    assert words in conclusion.headline


def patches(wins, *, wrong=0):
    def value(arm):
        kind = {
            "equal pairs": 100,
            "out of order": 0,
            "same window": [True, False, False],
            "flat wins": [False, False, False],
            "cosine of the strongest": [0.5] * 3,
            "cosine of the most similar": [0.6] * 3,
            "rank correlation": [0.9] * 3,
        }
        learned = {**kind, "flat wins": wins, "out of order": wrong}
        kinds = dict.fromkeys(("random", "pattern", "centred"), kind)
        return {"flat windows": 10, "windows": 256, "learned": learned, **kinds}

    return value


@pytest.mark.parametrize(
    ("value", "supported", "words"),
    [
        (patches([False] * 3), True, "no flat patch beats it for any learned kernel"),
        (patches([True, False, False]), False, "a flat patch beats it for 33% of the learned"),
        (patches([False] * 3, wrong=1), False, "3 pairs are out of order"),
    ],
)
def test_one_flat_patch_that_wins_refutes_the_sentence(value, supported, words):
    conclusion = concluded("similar-is-large", value)
    assert conclusion.supported is supported
    assert words in conclusion.headline
