"""Every variant of every claim of the note comes out as it must; what could fool that does not.

The note's own sizes take minutes: `make test-all`, or `pytest -m full tests/verify/claims`.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verify import Verdict, pytest_plugin
from verify.checks.dependence import dependence
from verify.claims import CLAIMS, Claim, Settled, Variant
from verify.claims.claim import Outcome
from verify.claims.patch_by_patch import case_a, squares
from verify.claims.patches import layer, mlp_on_patches, patches
from verify.claims.programs import equal, f32
from verify.claims.run import selected, settle, settle_variant

IDS = [
    "kernel-is-mlp",
    "deeper-is-mlp-of-features",
    "layer-shapes",
    "case-a-is-case-b",
    "stride-2-is-downsampled",
    "pooling-is-different",
    "receptive-field",
    "similar-is-large",
    "relu-sharpens",
    "random-init",
    "count-is-hyperparameter",
    "wider-deeper",
    "only-b-is-used",
]
MEASURED = {*IDS[-6:]}  # by training, beside what can be proved


def variants(size):
    found = [(c, v) for c in CLAIMS for v in c.variants if v.size == size]
    return [pytest.param(v, id=f"{c.id}-{v.name}") for c, v in found]


def comes_out_as_expected(variant):
    outcome = settle_variant(variant)
    verdict = outcome.verdict
    pytest_plugin.notify(f"{variant.name} of the note", verdict, ())
    assert outcome.as_expected, f"{variant.says}\nexpected {variant.expected}, but {verdict}"
    if verdict:
        assert verdict.error_probability <= 2.0**-100
        assert not any("tie" in sentence for sentence in verdict.assumptions)
    else:
        assert verdict.counterexample is not None


@pytest.mark.parametrize("variant", variants("small"))
def test_variant(variant):
    comes_out_as_expected(variant)


@pytest.mark.full
@pytest.mark.parametrize("variant", variants("full"))
def test_variant_at_the_size_of_the_note(variant):
    comes_out_as_expected(variant)


def test_the_claims_are_those_of_the_design_in_its_words():
    assert [claim.id for claim in CLAIMS] == IDS
    for claim in CLAIMS:
        assert any("가" <= letter <= "힣" for letter in claim.korean), claim.id
        assert all((claim.english, claim.statement, claim.conclusion))
        assert claim.variants or claim.measured
        names = [variant.name for variant in claim.variants]
        assert len(set(names)) == len(names)


def test_what_is_measured_says_so():
    assert {claim.id for claim in CLAIMS if claim.measured} == MEASURED


def find(claim, name):
    (found,) = (v for c in CLAIMS if c.id == claim for v in c.variants if v.name == name)
    return found


ONE_PIXEL = [
    ("pooling-is-different", "max"),
    ("pooling-is-different", "average"),
    ("stride-2-is-downsampled", "same-even-offset-0"),
]


@pytest.mark.parametrize(("claim", "name"), ONE_PIXEL)
def test_one_pixel_and_one_weight_refute(claim, name):
    verdict = find(claim, name).settle()
    for array in verdict.counterexample.inputs:
        assert np.count_nonzero(array) == 1


def test_a_bright_flat_patch_is_the_counterexample():
    verdict = find("similar-is-large", "bright-and-flat").settle()
    brightness, kernel = verdict.counterexample.inputs
    assert brightness > 0
    flat = np.full(kernel.shape, brightness)
    assert (flat * kernel).sum() > (kernel * kernel).sum()


def test_case_a_reads_nothing_but_its_patch():
    x = f32(13, 13, 1)
    layers = [{"kernel": f32(3, 3, 1, 1), "bias": f32(1)} for _ in range(2)]
    over = {"layers": layers, "pool": 2, "over": "all at once"}
    seen = dependence(lambda x, layers: case_a(x, **{**over, "layers": layers}), x, layers)
    for i, j in np.ndindex(3, 3):
        expected = []
        for position in (i, j):
            corner, side = squares(position, layers, 2)[0]
            expected.append(slice(max(corner, 0), min(corner + side, 13)))
        assert seen.box((i, j, 0))[0][:2] == tuple(expected)


# -- what could fool us --------------------------------------------------------------------------


def shifted_patches(x, kernel, bias):
    """An MLP on the patches one pixel to the right: the kind of mistake that must show."""
    return mlp_on_patches(jnp.roll(x, -1, axis=1), kernel, bias)


def unshared(x, kernel, bias):
    """Another MLP at the last patch."""
    y = mlp_on_patches(x, kernel, bias)
    return y.at[-1, -1].set(2 * y[-1, -1])


def uncentred(x, kernel, bias):
    """Patches of the unpadded image, padded with zeros afterwards."""
    return jnp.pad(mlp_on_patches(x, kernel, bias, padding="VALID"), ((1, 1), (1, 1), (0, 0)))


@pytest.mark.parametrize("wrong", [shifted_patches, unshared, uncentred])
def test_a_planted_variant_fails_its_claim(wrong):
    planted = equal("planted", "Not so.", layer, wrong, f32(5, 5, 1), f32(3, 3, 1, 1), f32(1))
    settled = settled_alone(planted)
    assert settled.outcomes[0].verdict.status == "refuted"
    assert not settled.as_expected


@pytest.mark.parametrize(("name", "wrongly"), [("max", "proved"), ("max-1x1", "refuted")])
def test_a_wrong_expectation_fails_its_claim(name, wrongly):
    variant = find("pooling-is-different", name)
    assert settled_alone(variant).as_expected
    assert not settled_alone(dataclasses.replace(variant, expected=wrongly)).as_expected


def test_unknown_is_not_as_expected():
    for expected in ("proved", "refuted"):
        unknown = Variant("unknown", "?", expected, lambda: Verdict("unknown", reason="?"))
        assert not settled_alone(unknown).as_expected


def test_an_error_is_unknown_and_says_what():
    def broken():
        raise RuntimeError("no such thing")

    (outcome,) = settled_alone(Variant("broken", "?", "proved", broken)).outcomes
    assert outcome.verdict.status == "unknown"
    assert "RuntimeError: no such thing" in outcome.verdict.reason


def test_full_variants_run_only_where_asked_for():
    claim = dataclasses.replace(
        CLAIMS[0],
        variants=tuple(
            Variant(size, "?", "proved", lambda: Verdict("proved"), size)
            for size in ("small", "full")
        ),
    )
    assert [v.name for v in selected(claim, "small")] == ["small"]
    assert [v.name for v in selected(claim, "full")] == ["small", "full"]


def test_outcomes_come_one_by_one():
    claim = Claim("c", "다", "All.", "x", "y", (find("layer-shapes", "layer-1"),) * 2)
    kinds = [type(found) for _, found in settle([claim])]
    assert kinds == [Outcome, Outcome, Settled]


def settled_alone(variant):
    claim = Claim("c", "다", "All.", "x", "y", (variant,))
    (last,) = (found for _, found in settle([claim]) if isinstance(found, Settled))
    return last


def test_patches_are_what_a_window_sees():
    x = jnp.arange(30.0).reshape(5, 6, 1)
    cut = patches(x, (3, 3), padding="VALID", stride=2)
    assert cut.shape == (2, 2, 3, 3, 1)
    assert jnp.array_equal(cut[1, 1], x[2:5, 2:5])
    assert jax.eval_shape(lambda x: patches(x, (3, 2)), x).shape == (5, 6, 3, 2, 1)
