"""Which lowering a layer takes: the named one, else the backend's, else the plain one."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cnnjax
from cnnjax.lowerings import (
    CONV,
    CONV_TRANSPOSE,
    MAX_POOL,
    MEANS,
    SPREAD,
    SUM_POOL,
    Geometry,
    choose,
    plain_only,
)
from tests.cnnjax.lowerings.cases import spec
from verify.programs import trace


def geometry(groups=1):
    return Geometry((1, 1), ((1, 1), (1, 1)), (1, 1), groups)


def test_on_the_cpu_by_shape_and_elsewhere_the_plain_one(monkeypatch):
    x, kernel, depthwise = jnp.ones((2, 5, 5, 8)), jnp.ones((3, 3, 8, 2)), jnp.ones((3, 3, 1, 8))
    pool = (x, (2, 2), (2, 2), ((0, 0), (0, 0)))
    gray, unpadded = jnp.ones((2, 5, 5, 1)), Geometry((1, 1), ((0, 0), (0, 0)), (1, 1))

    def chosen():
        return (
            choose("conv", CONV, None, x, kernel, geometry()),
            choose("conv", CONV, None, x, depthwise, geometry(8)),
            choose("conv", CONV, None, x, jnp.ones((3, 3, 4, 4)), geometry(2)),
            choose("conv", CONV, None, x, jnp.ones((1, 1, 8, 4)), unpadded),
            choose("conv", CONV, None, gray, jnp.ones((3, 3, 1, 6)), geometry()),
            choose("max_pool", MAX_POOL, None, *pool),
            choose("sum_pool", SUM_POOL, None, *pool),
            choose("spread", SPREAD, None, jnp.ones(8), x.shape),
            choose("means", MEANS, None, x),
        )

    names = ("canonical", "shifted", "lax", "pointwise", "blocked")
    expected = (
        *(CONV[name] for name in names),
        MAX_POOL["argmax"],
        SUM_POOL["folded"],
        SPREAD["ones"],
        MEANS["ones"],
    )
    assert chosen() == tuple(lowering.run for lowering in expected)
    overlapping = (x, (3, 3), (2, 2), ((0, 0), (0, 0)))
    assert choose("max_pool", MAX_POOL, None, *overlapping) is MAX_POOL["lax"].run
    with plain_only():
        assert choose("conv", CONV, None, x, kernel, geometry()) is CONV["lax"].run
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    plain = (*[CONV["lax"]] * 5, MAX_POOL["lax"], SUM_POOL["lax"], SPREAD["lax"], MEANS["lax"])
    assert chosen() == tuple(lowering.run for lowering in plain)


def test_transposed_convolutions_by_stride():
    def chosen(*stride, groups=1):
        how = Geometry(stride, ((1, 1), (1, 1)), (1, 1), groups)
        given = jnp.ones((1, 4, 4, 2)), jnp.ones((3, 3, 2, 2)), how, (4, 4)
        run = choose("conv_transpose", CONV_TRANSPOSE, None, *given)
        return next(name for name, way in CONV_TRANSPOSE.items() if way.run is run)

    assert [chosen(2, 2), chosen(1, 2), chosen(1, 1)] == ["phases", "phases", "spread"]
    assert chosen(2, 2, groups=2) == "spread"
    with plain_only():
        assert chosen(2, 2) == "lax"


@pytest.mark.parametrize(
    ("x", "kernel", "expected"),
    [
        ((32, 28, 28, 1), (5, 5, 1, 6), "blocked"),
        ((8, 50, 50, 7), (3, 3, 7, 16), "blocked"),
        ((8, 50, 50, 8), (3, 3, 8, 16), "canonical"),  # eight channels fill a vector
        ((4, 100, 100, 3), (5, 5, 3, 32), "blocked"),  # the note's first layer: 2400 numbers
        ((5, 100, 100, 3), (5, 5, 3, 32), "wide"),  # its rows are more than 8 MiB
        ((7, 40, 40, 3), (5, 5, 3, 32), "blocked"),
        ((8, 40, 40, 3), (5, 5, 3, 32), "wide"),  # many images
        ((8, 10, 10, 6), (5, 5, 6, 16), "blocked"),  # few outputs
        ((512, 10, 10, 6), (5, 5, 6, 16), "wide"),
        ((8, 10, 10, 5), (5, 5, 5, 17), "wide"),
        ((3, 64, 64, 3), (7, 7, 3, 64), "canonical"),
        ((4, 64, 64, 3), (7, 7, 3, 64), "wide"),
        ((4, 64, 64, 3), (7, 7, 3, 65), "canonical"),  # no two outputs in 128
        ((4, 64, 64, 4), (7, 7, 4, 52), "canonical"),  # more than 10000 numbers
        ((4, 64, 67, 3), (7, 7, 3, 64), "canonical"),  # 67 outputs are no pairs
    ],
    ids=str,
)
def test_few_channels_by_kernel_images_and_outputs(x, kernel, expected):
    pads = tuple((n // 2, n // 2) for n in kernel[:2])
    how = Geometry((1, 1), pads, (1, 1))
    run = choose("conv", CONV, None, *(spec(*s) for s in (x, kernel)), how)
    assert next(name for name, way in CONV.items() if way.run is run) == expected


def test_integers_are_left_to_the_plain_one():
    x = jnp.arange(16).reshape(4, 4, 1)
    assert choose("max_pool", MAX_POOL, None, x, (2, 2), (2, 2), ((0, 0),) * 2).__name__ == "plain"
    assert cnnjax.max_pool(x, 2)[..., 0].tolist() == [[5, 7], [13, 15]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x, k: cnnjax.conv(x, k, lowering="fastest"),
            "conv: lowering 'fastest' is unknown; there are lax, canonical, shifted",
        ),
        (
            lambda x, k: cnnjax.conv(x, k, lowering="shifted"),
            "conv: lowering 'shifted' needs .*groups = channels",
        ),
        (
            lambda x, k: cnnjax.max_pool(x, 17, lowering="argmax"),
            "max_pool: lowering 'argmax' needs .*256 cells",
        ),
    ],
)
def test_a_lowering_that_cannot_be_had_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(jnp.ones((17, 17, 4)), jnp.ones((3, 3, 4, 2)))


def test_gradients_are_convolutions_in_the_layout_of_the_forward_pass():
    """What makes scanned training fast: image and output keep batch first and channels last."""

    def gradients(lowering, x, kernel):
        f = partial(cnnjax.conv, lowering=lowering)
        return jax.grad(lambda *a: jnp.sum(f(*a) ** 2), (0, 1))(x, kernel)

    def layouts(lowering):
        program = trace(
            partial(gradients, lowering), jnp.ones((2, 5, 5, 2)), jnp.ones((3, 3, 2, 4))
        )
        return {
            tuple(equation.params["dimension_numbers"])
            for equation in program.equations
            if equation.primitive == "conv_general_dilated"
        }

    usual = ((0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2))
    assert layouts("canonical") == layouts("wide") == {usual}
    assert len(layouts("lax")) > 1


@pytest.mark.parametrize("name", [name for name in CONV if name != "shifted"])
def test_a_precision_reaches_every_product(name):
    """Of the forward pass and of both gradients; `shifted` has no product with the image."""
    window, pads = ((1, 1), "VALID") if name == "pointwise" else ((3, 3), "SAME")

    def everything(x, kernel, g):
        f = partial(cnnjax.conv, padding=pads, precision="highest", lowering=name)
        y, pull = jax.vjp(f, x, kernel)
        return y, pull(g)

    program = trace(everything, spec(2, 5, 6, 2), spec(*window, 2, 3), spec(2, 5, 6, 3))
    products = [
        e.params["precision"]
        for e in program.every_equation()
        if e.primitive in ("dot_general", "conv_general_dilated")
    ]
    assert len(products) >= 3
    assert set(products) == {(jax.lax.Precision.HIGHEST,) * 2}


@pytest.mark.parametrize("wanted", [0, 1, (0, 1)], ids=["image", "kernel", "both"])
def test_what_is_not_differentiated_is_not_computed(wanted):
    """A network's input has no gradient: its first layer has one convolution less, as in lax."""

    def convolutions(lowering):
        def loss(x, kernel):
            return jnp.sum(cnnjax.conv(x, kernel, lowering=lowering) ** 2)

        arrays = jnp.ones((2, 5, 5, 2)), jnp.ones((3, 3, 2, 4))
        names = [e.primitive for e in trace(jax.grad(loss, wanted), *arrays).equations]
        return names.count("conv_general_dilated")

    assert convolutions("canonical") == convolutions("lax") == (3 if wanted == (0, 1) else 2)


@pytest.mark.parametrize(
    ("name", "x", "kernel"),
    [
        ("blocked", (1, 8, 8, 2), (3, 3, 2, 4)),
        ("wide", (8, 8, 8, 3), (5, 5, 3, 32)),
        ("winograd", (10, 12, 12, 23), (5, 5, 23, 23)),
        ("pointwise", (1, 8, 8, 2), (1, 1, 2, 4)),
    ],
)
def test_what_was_traced_before_does_not_reach_tiles(name, x, kernel):
    """A layer compiled without its windows, then asked for in tiles."""

    def first(kernel, x):
        return cnnjax.conv(x, kernel)

    rng = np.random.default_rng(0)
    x, kernel = (jnp.asarray(rng.integers(-3, 4, shape), jnp.float32) for shape in (x, kernel))
    whole = jax.jit(first)(kernel, x)
    how = Geometry((1, 1), tuple((n // 2, n // 2) for n in kernel.shape[:2]), (1, 1))
    assert choose("conv", CONV, None, x, kernel, how) is CONV[name].run
    np.testing.assert_allclose(cnnjax.tiled(first, 3)(kernel, x), whole, atol=1e-2)
