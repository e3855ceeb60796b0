"""Initialisers: variance, shape of the distribution, fans, keys."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax import init

KEY = jax.random.key(0)
# (shape, groups, fan_in, fan_out), the last two counted by hand.
FANS = [
    ((300, 200), 1, 300, 200),
    ((5, 5, 3, 32), 1, 75, 800),
    ((3, 3, 16, 64), 4, 144, 144),
    ((3, 3, 1, 128), 128, 9, 9),
    ((7, 8, 16), 2, 56, 56),
    ((2, 3, 4, 5, 6), 1, 120, 144),
]
VARIANCE = {
    "he": lambda fan_in, fan_out: 2 / fan_in,
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
}
NAMES = [f"{name}_{kind}" for name, kind in itertools.product(VARIANCE, ["normal", "uniform"])]


@pytest.mark.parametrize(("shape", "groups", "fan_in", "fan_out"), FANS)
def test_fans(shape, groups, fan_in, fan_out):
    assert init.fans(shape, groups) == (fan_in, fan_out)


def test_fans_count_the_terms_of_a_convolution():
    """fan_in: taps that reach one output; fan_out: outputs that one input reaches."""
    from cnnjax import conv

    window, channels, outputs, groups = (3, 2), 4, 6, 2
    kernel = jnp.ones((*window, channels // groups, outputs))
    x = jnp.ones((9, 9, channels))
    fan_in, fan_out = init.fans(kernel.shape, groups)
    assert float(conv(x, kernel, groups=groups, padding="VALID")[4, 4, 0]) == fan_in
    one = jnp.zeros_like(x).at[4, 4, 0].set(1)
    assert float(jnp.sum(conv(one, kernel, groups=groups, padding="VALID"))) == fan_out


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("shape", "groups"), [((300, 200), 1), ((5, 5, 8, 256), 2)])
def test_mean_and_variance(name, shape, groups):
    draw = np.asarray(getattr(init, name)(KEY, shape, groups=groups), np.float64)
    variance = VARIANCE[name.split("_")[0]](*init.fans(shape, groups))
    assert draw.shape == shape
    # Five standard errors; the fourth moment of either distribution is below 3 variances squared.
    n = draw.size
    assert abs(draw.mean()) < 5 * np.sqrt(variance / n)
    assert abs(draw.var() / variance - 1) < 5 * np.sqrt(2 / n)


@pytest.mark.parametrize("name", NAMES)
def test_range(name):
    """Normals are cut at two standard deviations of the uncut one, uniforms at sqrt(3)."""
    draw = np.asarray(getattr(init, name)(KEY, (300, 200)))
    deviations = np.abs(draw).max() / np.sqrt(VARIANCE[name.split("_")[0]](300, 200))
    edge = 2 / 0.8796256610342398 if name.endswith("normal") else np.sqrt(3)
    assert 0.99 * edge < deviations <= edge * (1 + 1e-6)


def test_the_cut_is_rescaled_by_the_deviation_of_a_normal_cut_at_two():
    """1 - 2 * 2 pdf(2) / (cdf(2) - cdf(-2)), by the trapezoid rule."""
    z = np.linspace(-2, 2, 200_001)
    density = np.exp(-z * z / 2)
    assert pytest.approx(np.sqrt(np.average(z * z, weights=density)), rel=1e-4) == init._CUT


@pytest.mark.parametrize("name", [*NAMES, "orthogonal"])
def test_key_and_dtype(name):
    draw = getattr(init, name)
    a, b = draw(KEY, (4, 6)), draw(jax.random.key(1), (4, 6))
    np.testing.assert_array_equal(a, draw(KEY, (4, 6)))
    assert bool(jnp.any(a != b))
    half = draw(KEY, (4, 6), dtype=jnp.bfloat16)
    assert a.dtype == jnp.float32
    np.testing.assert_array_equal(half, a.astype(jnp.bfloat16))
    with jax.enable_x64(True):
        assert draw(KEY, (4, 6), dtype=jnp.float64).dtype == jnp.float64


@pytest.mark.parametrize(
    ("shape", "groups"), [((64, 10), 1), ((10, 64), 1), ((3, 3, 4, 16), 1), ((3, 3, 2, 24), 3)]
)
def test_orthogonal_keeps_lengths_group_by_group(shape, groups):
    draw = init.orthogonal(KEY, shape, groups=groups)
    fan_in, _ = init.fans(shape, groups)
    matrices = np.split(np.asarray(draw).reshape(fan_in, -1), groups, axis=1)
    for first, second in itertools.pairwise(matrices):
        assert np.abs(first - second).max() > 0.01, "groups must be drawn apart"
    for matrix in matrices:
        gram = matrix.T @ matrix if fan_in >= matrix.shape[1] else matrix @ matrix.T
        np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-5)


def test_he_keeps_the_second_moment_through_relu_layers_and_lecun_halves_it():
    x = jax.random.normal(KEY, (64, 512))
    for draw, factor in [(init.he_normal, 1.0), (init.lecun_normal, 0.5)]:
        y = x
        for key in jax.random.split(KEY, 5):
            y = jax.nn.relu(y @ draw(key, (512, 512)))
        # The first layer sees a normal input (second moment 1), the last gives relu of one: 1/2.
        ratio = float(jnp.mean(y**2)) / (0.5 * 2 * factor**5)
        assert 0.7 < ratio < 1.4


def test_zeros_and_ones_need_no_key_and_any_shape():
    assert init.zeros(None, (3,)).tolist() == [0, 0, 0]
    assert init.ones(KEY, (2,), dtype=jnp.bfloat16).dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("shape", "groups", "words"),
    [
        ((32,), 1, r"init: a kernel is \(\*window, C // groups, O\), got shape \(32,\)"),
        ((3, 0, 4), 1, "init: every axis needs an entry"),
        ((3, 3, 4, 6), 4, "init: groups 4 must divide the 6 outputs"),
        ((3, 3, 4, 6), 0, "init: groups 0 must divide"),
    ],
)
def test_bad_shapes(shape, groups, words):
    for name in [*NAMES, "orthogonal"]:
        with pytest.raises(ValueError, match=words):
            getattr(init, name)(KEY, shape, groups=groups)
