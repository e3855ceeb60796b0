"""Layers equal an independent reference on random configurations, forward and gradients.

`grid` draws the configurations and says why the tolerance is zero for convolutions and pools.
Which reference is right? Where PyTorch is installed, it and the NumPy loops are compared too.
"""

import numpy as np
import pytest

from tests.cnnjax import reference
from tests.cnnjax.layers import grid

# Together more than 500, in `make test-all`; `python -m tests.cnnjax.layers.grid` runs 500 of each.
CONFIGURATIONS = {
    "conv": 200,
    "conv_transpose": 75,
    "max_pool": 75,
    "avg_pool": 75,
    "norm": 100,
}

FEW = {"count": 40, "chunk": 8}  # of each in `make test`: the last chunk is float64
of_each_family = pytest.mark.parametrize(
    ("family", "options"),
    [pytest.param(family, FEW, id=family) for family in CONFIGURATIONS]
    + [
        pytest.param(family, {"count": count}, id=f"{family}, all", marks=pytest.mark.full)
        for family, count in CONFIGURATIONS.items()
    ],
)


def test_the_grid_has_500_configurations_of_every_family():
    assert CONFIGURATIONS.keys() == grid.FAMILIES.keys()
    assert sum(CONFIGURATIONS.values()) >= 500


@of_each_family
def test_layer_equals_the_numpy_loops(family, options):
    found = grid.compare(family, **options)
    assert found.forward == ()
    assert found.gradient == ()
    assert found.compared == options["count"]


@of_each_family
def test_numpy_loops_equal_pytorch(family, options):
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
    from tests.cnnjax import reference_torch as torch_reference

    for ours, theirs in zip(
        grid.cases(family, ref=reference, **options),
        grid.cases(family, ref=torch_reference, **options),
        strict=True,
    ):
        for a, b in zip(ours, theirs, strict=True):
            assert a.label == b.label
            for left, right, bound in zip(a.expected, b.expected, a.bounds, strict=False):
                assert grid.agrees(np.asarray(left), right, bound), a.label


@pytest.mark.parametrize("family", CONFIGURATIONS)
def test_the_comparison_sees_one_wrong_element(family):
    """Move one element of one result by little: the comparison must say so."""
    (chunk,) = grid.cases(family, 3, reference)
    for case, found in zip(chunk, grid.evaluate(chunk), strict=True):
        for array, expected, bound in zip(found, case.expected, case.bounds, strict=False):
            assert grid.agrees(array, expected, bound)
            wrong = np.array(array, np.float64)
            wrong.flat[0] += 1e-3 * np.abs(wrong).max() + 1e-3
            assert not grid.agrees(wrong, expected, bound), case.label


def test_the_grid_covers_what_it_claims():
    """Every axis count, padding form, stride, dilation, group kind and dtype occurs often."""
    labels = [case.label for chunk in grid.cases("conv", 200, reference) for case in chunk]
    for part in [
        "'padding': 'SAME'",
        "'padding': 'SAME_LOWER'",
        "'padding': 'VALID'",
        "'padding': ((",
        "'stride': (2,",
        "'dilation': (3,",
        "'groups': 3",
        "bias False",
        "float64",
    ]:
        assert sum(part in label for label in labels) >= 5, part
