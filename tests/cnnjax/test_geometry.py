"""Geometry: padding, output sizes and receptive fields, by law and against published numbers."""

import itertools
import math
import operator

import jax
import numpy as np
import pytest
from jax import export

from cnnjax import geometry
from cnnjax.geometry import ReceptiveField, extent, merge, output_size, pads, per_axis
from tests.cnnjax import reference

GRID = list(itertools.product(range(1, 12), range(1, 6), range(1, 5), range(1, 4)))


# Padding and output size


@pytest.mark.parametrize("padding", ["SAME", "SAME_LOWER"])
def test_same_gives_ceil_of_size_over_stride_with_the_least_padding(padding):
    for n, k, s, d in GRID:
        ((low, high),) = pads(padding, (n,), k, s, d)
        want = math.ceil(n / s)
        assert output_size((n,), k, s, d, ((low, high),)) == (want,)
        if low + high:
            fewer = n + low + high - 1 - extent(k, d)
            assert fewer // s + 1 < want
        odd_cell = high - low if padding == "SAME" else low - high
        assert odd_cell in (0, 1)


def test_same_lower_mirrors_same():
    for n, k, s, d in GRID:
        ((low, high),) = pads("SAME", (n,), k, s, d)
        assert pads("SAME_LOWER", (n,), k, s, d) == ((high, low),)


@pytest.mark.parametrize("padding", ["SAME", "SAME_LOWER", "VALID"])
def test_strings_resolve_as_jax_resolves_them(padding):
    for n, k, s in itertools.product(range(1, 12), range(1, 6), range(1, 5)):
        want = tuple(map(tuple, jax.lax.padtype_to_pads((n,), (k,), (s,), padding)))
        assert pads(padding, (n,), k, s) == want


def test_output_size_counts_the_positions_of_a_sliding_window():
    for n, k, s, d in GRID:
        for low, high in [(0, 0), (1, 0), (0, 2), (4, 7)]:
            slid = reference.out_size((n,), (k,), (s,), (d,), ((low, high),))
            if slid == (0,):
                with pytest.raises(ValueError, match="does not fit"):
                    output_size((n,), k, s, d, ((low, high),))
            else:
                assert output_size((n,), k, s, d, ((low, high),)) == slid


@pytest.mark.parametrize(
    ("padding", "want"),
    [
        ("VALID", ((0, 0), (0, 0))),
        (2, ((2, 2), (2, 2))),
        (np.int64(2), ((2, 2), (2, 2))),
        ((1, 2), ((1, 2), (1, 2))),
        ([1, 2], ((1, 2), (1, 2))),
        (((1, 2), (3, 4)), ((1, 2), (3, 4))),
        ([[1, 2], [3, 4]], ((1, 2), (3, 4))),
    ],
)
def test_every_form_of_padding(padding, want):
    found = pads(padding, (9, 9), 3)
    assert found == want
    assert all(type(p) is int for pair in found for p in pair)


def test_two_pairs_on_two_axes_are_not_one_pair():
    assert pads(((1, 2), (1, 2)), (9, 9), 3) == pads((1, 2), (9, 9), 3)
    assert pads(((1, 2),), (9,), 3) == ((1, 2),)


@pytest.mark.parametrize(
    ("padding", "error", "words"),
    [
        ("same", ValueError, '"SAME", "SAME_LOWER", "VALID", an int'),
        ("CIRCULAR", ValueError, "'CIRCULAR'"),
        (-1, ValueError, "must not be negative, got -1"),
        ((0, -1), ValueError, "slice the image"),
        (1.5, TypeError, "got 1.5"),
        (True, TypeError, "got True"),
        (None, TypeError, "got None"),
        ((1, 2, 3), TypeError, r"\(1, 2, 3\)"),
        (((1, 2),), ValueError, "1 pairs for 2 axes"),
        (((1, 2), (1, 2), (1, 2)), ValueError, "3 pairs for 2 axes"),
        ((1, (2, 3)), TypeError, "one pair an axis"),
        ((1.0, 2.0), TypeError, "an int"),
    ],
)
def test_other_paddings_are_refused_by_name(padding, error, words):
    with pytest.raises(error, match=words) as caught:
        pads(padding, (9, 9), 3, caller="conv")
    assert str(caught.value).startswith("conv: padding")


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (0, ValueError, "at least 1"),
        ((1, 0), ValueError, r"at least 1 on every axis, got \(1, 0\)"),
        ((1, 2, 3), ValueError, "2 ints, got 3"),
        ("2", TypeError, "got '2'"),
        (2.0, TypeError, "got 2.0"),
        ((1, 2.0), TypeError, "2 ints"),
        (True, TypeError, "got True"),
    ],
)
def test_per_axis_refuses(value, error, words):
    with pytest.raises(error, match=words):
        per_axis(value, 2, name="conv: stride")


def test_symbolic_sizes_stay_expressions_that_evaluate_to_the_numbers():
    (h,) = export.symbolic_shape("h")
    for padding, k, s in itertools.product(
        ["SAME", "SAME_LOWER", "VALID", 1, (7, 2)], [3, 4], [1, 2]
    ):
        symbolic_pads = pads(padding, (h,), k, s)
        (symbolic,) = output_size((h,), k, s, 1, symbolic_pads)
        for n in range(4, 12):
            numbers = pads(padding, (n,), k, s)
            assert _at(symbolic, n) == output_size((n,), k, s, 1, numbers)[0]
            assert tuple(_at(p, n) for p in symbolic_pads[0]) == numbers[0]


def _at(dimension, n):
    """A symbolic dimension's value where its variable is ``n``."""
    names = {"h": n, "floordiv": operator.floordiv, "max": max, "mod": operator.mod}
    return eval(str(dimension), names)


# Receptive fields (Araujo, Norris and Sim, Distill 2019, table 1: field, stride, padding)


EMPTY = ReceptiveField()


def chain(layers, start=EMPTY):
    """Layers as (window, stride, padding)."""
    for window, stride, padding in layers:
        start = start.then(window, stride=stride, padding=padding)
    return start


def conv3(count, stride=1):
    return [(3, 1, 1)] * (count - 1) + [(3, stride, 1)] if count else []


def alexnet_v2():
    pool = (3, 2, 0)
    return chain([(11, 4, 0), pool, (5, 1, 2), pool, *conv3(3), pool])


def vgg16():
    pool = (2, 2, 0)
    blocks = [[*conv3(n), pool] for n in (2, 2, 3, 3, 3)]
    return chain(itertools.chain.from_iterable(blocks))


def resnet_v1(units):
    """Bottlenecks whose last unit of a block strides; the identity is the other branch."""
    rf = chain([(7, 2, 3), (3, 2, 0)])
    for block, count in enumerate(units):
        for unit in range(count):
            stride = 2 if unit == count - 1 and block < len(units) - 1 else 1
            residual = chain([(1, 1, 0), (3, stride, 1), (1, 1, 0)], rf)
            shortcut = chain([(1, stride, 0)], rf)
            rf = merge(residual, shortcut)
    return rf


def mobilenet_v1():
    """ "SAME" pads an even size with stride 2 by (0, 1): no padding low."""
    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]
    return chain([(3, 2, 0)] + [(3, s, 1 if s == 1 else 0) for s in strides])


def inception_v3():
    rf = chain([(3, 2, 0), (3, 1, 0), (3, 1, 1), (3, 2, 0), (1, 1, 0), (3, 1, 0), (3, 2, 0)])
    one, seven = (1, 1, 0), (7, 1, 3)
    for _ in "bcd":
        rf = merge(
            chain([one], rf), chain([one, (5, 1, 2)], rf), chain([one, *conv3(2)], rf),
            chain([(3, 1, 1), one], rf),
        )  # fmt: skip
    rf = merge(chain([(3, 2, 0)], rf), chain([one, (3, 1, 1), (3, 2, 0)], rf))
    # Along one axis a 1x7 and a 7x1 count once each.
    for _ in "bcde":
        rf = merge(
            chain([one], rf), chain([one, seven], rf), chain([one, seven, seven], rf),
            chain([(3, 1, 1), one], rf),
        )  # fmt: skip
    rf = merge(chain([one, (3, 2, 0)], rf), chain([one, seven, (3, 2, 0)], rf))
    for _ in "bc":
        rf = merge(
            chain([one], rf), chain([one, (3, 1, 1)], rf), chain([one, *conv3(2)], rf),
            chain([(3, 1, 1), one], rf),
        )  # fmt: skip
    return rf


@pytest.mark.parametrize(
    ("found", "field", "stride", "padding"),
    [
        pytest.param(alexnet_v2, 195, 32, 64, id="AlexNet v2"),
        pytest.param(vgg16, 212, 32, 90, id="VGG-16"),
        pytest.param(lambda: resnet_v1((3, 4, 6, 3)), 483, 32, 239, id="ResNet-50 v1"),
        pytest.param(lambda: resnet_v1((3, 4, 23, 3)), 1027, 32, 511, id="ResNet-101 v1"),
        pytest.param(mobilenet_v1, 315, 32, 126, id="MobileNet v1"),
        pytest.param(inception_v3, 1311, 32, 618, id="Inception v3"),
    ],
)
def test_published_receptive_fields(found, field, stride, padding):
    assert found() == ReceptiveField(field, stride, padding)


def test_the_notes_network_sees_9_without_and_14_with_its_pooling():
    assert chain([(5, 1, 2), (5, 1, 2)]).field == 9
    assert chain([(5, 1, 2), (2, 2, 0), (5, 1, 2)]).field == 14


def test_receptive_field_is_the_set_of_inputs_found_by_walking_back():
    """Chains of up to three layers: which inputs does output i reach? Taps, not formulas."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        layers = [
            tuple(int(v) for v in (rng.integers(1, 5), rng.integers(1, 4), rng.integers(0, 3)))
            for _ in range(rng.integers(1, 4))
        ]
        dilations = [int(d) for d in rng.integers(1, 3, len(layers))]
        rf = ReceptiveField()
        for (k, s, p), d in zip(layers, dilations, strict=True):
            rf = rf.then(k, stride=s, padding=p, dilation=d)
        for output in range(3):
            cells = {output}
            for (k, s, p), d in reversed(list(zip(layers, dilations, strict=True))):
                cells = {i * s - p + j * d for i in cells for j in range(k)}
            assert rf.inputs(output) == (min(cells), max(cells) + 1)


def test_a_range_of_outputs_sees_the_union():
    rf = vgg16()
    assert rf.inputs(2, 5) == (rf.inputs(2)[0], rf.inputs(5)[1])


def test_merge_is_the_smallest_field_with_every_branch():
    # A window of 3 that starts 1 earlier and one of 4 that ends 2 later.
    left, right = ReceptiveField(3, 2, 3), ReceptiveField(4, 2, 1)
    both = merge(left, right)
    assert both.inputs(0) == (min(-3, -1), max(0, 3))
    assert merge(left) == left


def test_merge_refuses_branches_on_different_grids():
    with pytest.raises(ValueError, match=r"one stride, got \[1, 2\]"):
        merge(ReceptiveField(3, 1, 0), ReceptiveField(3, 2, 0))
    with pytest.raises(ValueError, match="at least one"):
        merge()


def test_forms_named_in_errors_are_the_forms_accepted():
    for name in geometry.PADDINGS:
        assert f'"{name}"' in geometry.FORMS
        pads(name, (5,), 3)
