"""What PyTorch's layers can do besides: padding by the image itself, sizes rounded up, instance and
RMS norm, ReLU6, stochastic depth. The same values and gradients as PyTorch or NumPy."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cnnjax
from cnnjax import geometry

NUMPY = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def integers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float32)


@pytest.mark.parametrize("mode", NUMPY)
def test_padding_is_that_of_numpy_and_a_convolution_pads_so(mode):
    x, kernel = integers(2, 5, 4, 3), integers(3, 4, 3, 2, seed=1)
    pads = ((2, 1), (0, 3))
    padded = np.pad(x, ((0, 0), *pads, (0, 0)), mode=NUMPY[mode])
    np.testing.assert_array_equal(cnnjax.pad(x, pads, mode=mode), padded)
    y = cnnjax.conv(x, kernel, padding=pads, padding_mode=mode, stride=(1, 2))
    plain = cnnjax.conv(padded, kernel, padding="VALID", stride=(1, 2))
    np.testing.assert_array_equal(y, plain)
    line = cnnjax.pad(x[0, 0], (1, 2), mode=mode, spatial=1)
    np.testing.assert_array_equal(line, np.pad(x[0, 0], ((1, 2), (0, 0)), mode=NUMPY[mode]))


@pytest.mark.parametrize("mode", NUMPY)
def test_the_gradient_of_padding_is_its_adjoint(mode):
    x = integers(1, 4, 3, 2)
    y, pull = jax.vjp(lambda x: cnnjax.pad(x, ((2, 1), (1, 2)), mode=mode), x)
    g = integers(*y.shape, seed=1)
    tangent = integers(*x.shape, seed=2)
    moved = cnnjax.pad(tangent, ((2, 1), (1, 2)), mode=mode)
    assert float(jnp.sum(moved * g)) == float(jnp.sum(tangent * pull(g)[0]))


def ceil_cases():
    """Sizes, windows, strides and padding along one axis, as PyTorch allows them."""
    for n, k, s in itertools.product(range(1, 8), range(1, 5), range(1, 5)):
        for p in range(k // 2 + 1):
            yield n, k, s, p


def test_as_many_windows_as_pytorch_has_when_it_rounds_up():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
    for n, k, s, p in ceil_cases():
        try:
            theirs = torch.nn.functional.max_pool1d(torch.zeros(1, 1, n), k, s, p, ceil_mode=True)
        except RuntimeError:  # no window at all
            continue
        pads = geometry.ceil_pads((n,), (k,), (s,), ((p, p),))
        assert geometry.output_size((n,), k, s, pads=pads) == theirs.shape[2:], (n, k, s, p)


CEIL = [((5, 6), 2, 2, 0), ((7, 4), 3, 2, 1), ((2, 5), 3, 2, 0), ((6, 9), 4, 3, (2, 1))]


@pytest.mark.parametrize(("image", "window", "stride", "padding"), CEIL)
def test_pools_rounded_up_are_those_of_pytorch(image, window, stride, padding):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
    functional = torch.nn.functional
    x = integers(2, *image, 3)
    sides = (padding, padding) if isinstance(padding, int) else padding
    options = {"stride": stride, "padding": tuple((p, p) for p in sides), "ceil_mode": True}

    def compare(ours, theirs):
        y, pull = jax.vjp(ours, x)
        tensor = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
        expected = theirs(tensor)
        np.testing.assert_allclose(y, expected.detach().numpy().transpose(0, 2, 3, 1), rtol=1e-6)
        g = integers(*y.shape, seed=1)
        expected.backward(torch.tensor(g.transpose(0, 3, 1, 2)))
        found = tensor.grad.numpy().transpose(0, 2, 3, 1)
        np.testing.assert_allclose(pull(jnp.asarray(g))[0], found, rtol=1e-6, atol=1e-6)

    compare(
        lambda x: cnnjax.max_pool(x, window, **options),
        lambda x: functional.max_pool2d(x, window, stride, sides, ceil_mode=True),
    )
    for counted in (True, False):
        compare(
            lambda x, c=counted: cnnjax.avg_pool(x, window, count_padding=c, **options),
            lambda x, c=counted: functional.avg_pool2d(x, window, stride, sides, True, c),
        )


def test_rounding_up_takes_nothing_where_windows_fit_and_needs_known_sizes():
    x = integers(1, 6, 4, 2)
    np.testing.assert_array_equal(cnnjax.max_pool(x, 2, ceil_mode=True), cnnjax.max_pool(x, 2))
    # Nothing was padded by the caller: there is nothing to count.
    ragged = cnnjax.avg_pool(jnp.ones((5, 5, 1)), 2, ceil_mode=True)
    np.testing.assert_array_equal(ragged, jnp.ones((3, 3, 1)))
    (size,) = jax.export.symbolic_shape("n")
    with pytest.raises(ValueError, match="max_pool: ceil_mode needs image sizes that are known"):
        jax.eval_shape(
            lambda x: cnnjax.max_pool(x, 2, ceil_mode=True),
            jax.ShapeDtypeStruct((1, size, 4, 2), jnp.float32),
        )


def test_instance_and_rms_norm_are_those_of_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
    functional = torch.nn.functional
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=(2, 2, 4, 5, 3))
    scale, bias = rng.normal(size=(2, 3))
    theirs = [torch.tensor(a, requires_grad=True) for a in (x, scale, bias)]
    with jax.enable_x64(True):
        y, pull = jax.vjp(
            lambda x, s, b: cnnjax.instance_norm(x, {"scale": s, "bias": b}), x, scale, bias
        )
        expected = functional.instance_norm(
            theirs[0].movedim(-1, 1), weight=theirs[1], bias=theirs[2]
        )
        found = torch.autograd.grad(expected.movedim(1, -1), theirs, torch.tensor(g))
        np.testing.assert_allclose(y, expected.movedim(1, -1).detach(), atol=1e-12)
        for ours, other in zip(pull(jnp.asarray(g)), found, strict=True):
            np.testing.assert_allclose(ours, other, atol=1e-11)
        bare = functional.instance_norm(theirs[0].movedim(-1, 1)).movedim(1, -1)
        np.testing.assert_allclose(cnnjax.instance_norm(x), bare.detach(), atol=1e-12)

        y, pull = jax.vjp(lambda x, s: cnnjax.rms_norm(x, {"scale": s}, eps=1e-3), x, scale)
        expected = functional.rms_norm(theirs[0], (3,), theirs[1], 1e-3)
        found = torch.autograd.grad(expected, theirs[:2], torch.tensor(g))
        np.testing.assert_allclose(y, expected.detach(), atol=1e-12)
        for ours, other in zip(pull(jnp.asarray(g)), found, strict=True):
            np.testing.assert_allclose(ours, other, atol=1e-11)


def test_instance_norm_is_group_norm_with_a_group_a_channel():
    x = np.random.default_rng(0).normal(size=(2, 4, 3, 5)).astype(np.float32)
    params = {"scale": jnp.arange(5.0), "bias": jnp.ones(5)}
    grouped = cnnjax.group_norm(x, params, groups=5)
    np.testing.assert_allclose(cnnjax.instance_norm(x, params), grouped, rtol=1e-5, atol=1e-5)


def test_relu6_has_no_slope_at_its_corners_and_keeps_nan():
    x = jnp.array([-1.0, 0.0, 3.0, 6.0, 7.0, jnp.nan, -jnp.inf, jnp.inf])
    np.testing.assert_array_equal(cnnjax.relu6(x), [0, 0, 3, 6, 6, np.nan, 0, 6])
    slope = jax.grad(lambda x: jnp.sum(cnnjax.relu6(x)[:5]))(x)
    np.testing.assert_array_equal(slope[:5], [0, 0, 1, 0, 0])


KEY = jax.random.key(0)


def test_stochastic_depth_drops_whole_examples_and_keeps_the_mean():
    n, rate = 4000, 0.25
    y = np.asarray(cnnjax.stochastic_depth(KEY, jnp.ones((2, n // 2, 2, 3, 4)), rate))
    first = y[..., :1, :1, :1]
    np.testing.assert_array_equal(y, np.broadcast_to(first, y.shape))
    kept = first.ravel() != 0
    np.testing.assert_allclose(first.ravel()[kept], 1 / (1 - rate), rtol=1e-6)
    assert abs(kept.mean() - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / n)
    other = cnnjax.stochastic_depth(jax.random.key(1), jnp.ones((n, 1, 3)), rate, spatial=1)
    assert not np.array_equal(other[:, 0, 0], y.reshape(n, -1)[:, 0])


def test_stochastic_depth_at_rate_zero_is_x_itself_and_its_gradient_is_the_mask():
    x = jnp.ones((8, 2, 2, 1))
    assert cnnjax.stochastic_depth(KEY, x, 0.0) is x
    y, pull = jax.vjp(lambda x: cnnjax.stochastic_depth(KEY, x, 0.5), x)
    np.testing.assert_array_equal(pull(jnp.ones_like(y))[0], y)
