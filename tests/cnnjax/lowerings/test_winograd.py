"""Winograd's convolution: exact constants, pieces, rounding, and bugs that its matrices invite."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cnnjax
import verify
from cnnjax.lowerings import CONV, Geometry, choose, winograd, winograd_matrices, without
from tests.cnnjax.lowerings.cases import spec

SAME = Geometry((1, 1), ((2, 2), (2, 2)), (1, 1))


@pytest.mark.parametrize("taps", [2, 3, 4, 5])
def test_every_constant_is_a_float32_and_denominators_are_odd(taps):
    a, b, g, denominators = winograd_matrices.exact_matrices(taps)
    for entry in itertools.chain(*a, *b, *g, denominators):
        assert float(np.float32(float(entry))) == entry
    assert all(n % 2 == 1 for n in denominators)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_pieces_are_the_whole(count, monkeypatch):
    """Also where the last piece is filled up; values and both gradients."""
    rng = np.random.default_rng(count)
    x, g = (jnp.asarray(rng.normal(size=(count, 6, 5, 2)), jnp.float32) for _ in range(2))
    kernel = jnp.asarray(rng.normal(size=(5, 5, 2, 2)), jnp.float32)

    def everything(f):
        y, pull = jax.vjp(partial(f, geometry=SAME), x, kernel)
        return y, *pull(g)

    whole = everything(CONV["lax"].run)
    for size in (1, 1 << 15, 1 << 30):
        monkeypatch.setattr(winograd, "PIECE", size)
        for left, right in zip(everything(winograd.winograd), whole, strict=True):
            np.testing.assert_allclose(left, right, rtol=0, atol=1e-3)


def test_pieces_are_proved(monkeypatch):
    monkeypatch.setattr(winograd, "PIECE", 4000)

    def both(lowering, x, kernel, g):
        y, pull = jax.vjp(partial(cnnjax.conv, lowering=lowering), x, kernel)
        return y, pull(g)

    x, kernel = spec(3, 6, 5, 1), spec(5, 5, 1, 2)
    assert "while" in str(
        jax.jit(partial(cnnjax.conv, lowering="winograd")).lower(x, kernel).as_text()
    )
    verify.assert_equivalent(
        partial(both, "winograd"), partial(both, "lax"), x, kernel, spec(3, 6, 5, 2)
    )


def _with_bias(lowering):
    """A new function each time: JAX keeps what it has traced."""

    def everything(x, kernel, bias, g):
        f = partial(cnnjax.conv, lowering=lowering)
        y, pull = jax.vjp(f, x, kernel, bias)
        return y, pull(g), jax.jvp(f, (x, kernel, bias), (2 * x, kernel, 3 * bias))

    return everything


BIASED = spec(3, 6, 5, 1), spec(5, 3, 1, 2), spec(2), spec(3, 6, 5, 2)


@pytest.mark.parametrize("size", [1, 1 << 12, 1 << 30])  # 3 pieces; 2, of which one is half full; 1
def test_a_bias_at_one_point_is_a_bias_with_its_gradient(size, monkeypatch):
    monkeypatch.setattr(winograd, "PIECE", size)
    verify.assert_equivalent(_with_bias("winograd"), _with_bias("lax"), *BIASED)
    rng = np.random.default_rng(size)
    arguments = [jnp.asarray(rng.normal(size=a.shape), jnp.float32) for a in BIASED]
    fast, plain = (jax.tree.leaves(_with_bias(name)(*arguments)) for name in ("winograd", "lax"))
    for left, right in zip(fast, plain, strict=True):
        np.testing.assert_allclose(left, right, rtol=0, atol=1e-3)


@pytest.mark.parametrize("point", [0, 2, 5])
def test_a_bias_at_another_point_is_refuted(point, monkeypatch):
    """Of the gradient: the bias itself is added to the outputs."""
    points = list(winograd.POINTS)
    points[1], points[point] = points[point], points[1]
    right = winograd.matrices(5, "float32"), winograd.matrices(3, "float32")
    monkeypatch.setattr(winograd, "matrices", lambda taps, dtype: right[0 if taps == 5 else 1])
    monkeypatch.setattr(winograd, "POINTS", tuple(points))  # where 1 is looked for, and only there
    verdict = verify.equivalent(_with_bias("winograd"), _with_bias("lax"), *BIASED)
    assert verdict.status == "refuted", verdict


def _rounded(taps, dtype):
    """G with its denominators divided out beforehand: constants that are nearly right."""
    right = RIGHT(taps, dtype)
    g = (right.g / right.denominators[:, None]).astype(dtype)
    return right._replace(g=g, denominators=np.ones_like(right.denominators))


def _negated(taps, dtype):
    right = RIGHT(taps, dtype)
    b = right.b.copy()
    b[1, 2] = -b[1, 2]
    return right._replace(b=b)


def _points_exchanged(taps, dtype):
    right = RIGHT(taps, dtype)
    return right._replace(a=right.a[:, [0, 2, 1, *range(3, right.a.shape[1])]])


RIGHT = winograd.matrices


@pytest.mark.parametrize("bug", [_rounded, _negated, _points_exchanged])
def test_a_wrong_matrix_is_refuted(bug, monkeypatch):
    examples = spec(1, 5, 4, 2), spec(3, 3, 2, 1)
    plain = partial(cnnjax.conv, lowering="lax")

    def fast():  # a new function each time: JAX keeps what it has traced
        return lambda x, kernel: cnnjax.conv(x, kernel, lowering="winograd")

    assert verify.equivalent(fast(), plain, *examples)
    monkeypatch.setattr(winograd, "matrices", bug)
    verdict = verify.equivalent(fast(), plain, *examples)
    assert verdict.status == "refuted", verdict


@pytest.mark.parametrize("taps", [3, 5])
def test_rounding_stays_within_the_stated_factor(taps):
    """Against float64, in units of what the direct form may lose: the bound, and what is usual."""
    rng = np.random.default_rng(taps)
    x = rng.uniform(-1, 1, (4, 20, 20, 16)).astype(np.float32)
    kernel = rng.uniform(-1, 1, (taps, taps, 16, 8)).astype(np.float32)
    with jax.enable_x64(True):
        wide = cnnjax.conv(x.astype(np.float64), kernel.astype(np.float64), lowering="lax")
    error = np.abs(np.asarray(cnnjax.conv(x, kernel, lowering="winograd")) - np.asarray(wide))
    terms = taps * taps * 16
    direct = terms * terms * np.finfo(np.float32).eps  # every pixel and tap at most 1
    assert error.max() <= winograd_matrices.amplification(taps) ** 2 * direct
    assert error.max() <= 1e-4 * np.abs(wide).max()


def test_winograd_where_it_pays():
    def chosen(x, kernel, **options):
        geometry = Geometry(
            **{"stride": (1, 1), "dilation": (1, 1), "pads": ((2, 2), (2, 2))} | options
        )
        return choose("conv", CONV, None, spec(*x), spec(*kernel), geometry)

    note = (8, 50, 50, 32), (5, 5, 32, 64)
    fast, canonical = CONV["winograd"].run, CONV["canonical"].run
    assert chosen(*note) is fast
    assert chosen(*note, stride=(2, 2)) is canonical
    assert chosen(*note, precision="highest") is canonical
    assert chosen((1, *note[0][1:]), note[1]) is fast  # 169 tiles
    assert chosen((1, 25, 25, 64), (5, 5, 64, 128)) is canonical  # 49 tiles are too few
    assert chosen((10, 12, 12, 64), (5, 5, 64, 64)) is fast  # 90 tiles
    assert chosen((9, 12, 12, 64), (5, 5, 64, 64)) is canonical
    assert chosen((32, 7, 7, 64), (5, 5, 64, 128)) is fast
    assert chosen((32, 13, 15, 64), (5, 5, 64, 128)) is fast  # 16x16 outputs in whole tiles
    assert chosen((32, 13, 14, 64), (5, 5, 64, 128)) is canonical
    with without("winograd"):
        assert chosen(*note) is canonical


@pytest.mark.parametrize(
    ("image", "taps", "least"),
    [
        ((50, 50), (5, 5), 23),
        ((50, 50), (3, 3), 63),
        ((50, 50), (5, 3), 38),
        ((2000, 2000), (5, 5), 46),  # an image's tiles are beyond the cache
        ((2000, 2000), (3, 3), 128),
    ],
)
def test_the_fewer_taps_the_more_channels_it_takes(image, taps, least):
    geometry = Geometry((1, 1), tuple((t // 2, t // 2) for t in taps), (1, 1))

    def chosen(channels, outputs):
        shapes = (4, *image, channels), (*taps, channels, outputs)
        return choose("conv", CONV, None, *(spec(*s) for s in shapes), geometry)

    assert chosen(least, least) is CONV["winograd"].run
    assert chosen(least - 1, 512) is chosen(512, least - 1) is CONV["canonical"].run
