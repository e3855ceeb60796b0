"""Each rule of the ONNX writer on a program that uses it: onnxruntime computes what JAX does."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from cnnjax import layers, models
from cnnjax.checkpoint import SavedModel
from cnnjax.export import exported, logits_of
from cnnjax.preprocessing import Preprocessing

pytest.importorskip("onnx", reason="ONNX is not installed (extra `onnx`)")
runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (extra `onnx`)")

IMAGE = (5, 6, 2)
KERNEL = np.random.default_rng(0).integers(-2, 3, (3, 2, 2, 4)).astype(np.float32)
DEPTHWISE = KERNEL[..., :1, :]
SQUARE = np.random.default_rng(1).integers(-2, 3, (2, 2)).astype(np.float32)


def attention(x):
    flat = x.reshape(*x.shape[:-3], -1, 2)
    return jnp.einsum("bic,bjc,bjd->bid", flat, flat, flat)


PROGRAMS = {
    "arithmetic": lambda x: (x + 1) * x - x / 3 + jnp.abs(-x) + jnp.maximum(x, 2) ** 3 + x**-2.0,
    "powers": lambda x: (x + 1) ** 5 + lax.integer_pow(x + 1, -3) + lax.integer_pow(x, 0) + x**2,
    "functions": lambda x: jnp.tanh(x) + jnp.exp(-x) + jnp.log(x + 2) + jnp.sin(x) * jnp.cos(x),
    "more functions": lambda x: jnp.sqrt(x + 1) + lax.rsqrt(x + 1) + jnp.log1p(x) + jnp.expm1(x),
    "activations": lambda x: layers.gelu(x) + layers.silu(x) + layers.softplus(x) + layers.elu(x),
    "error functions": lambda x: lax.erf(x) + lax.erfc(x),
    "rounding": lambda x: jnp.floor(x * 3) + jnp.ceil(x * 3) + jnp.sign(x - 0.5),
    "comparisons": lambda x: sum(
        jnp.where(c, x, 1 - x) for c in (x > 0.5, x >= 0.5, x < 0.3, x <= 0.3, x == 0.2, x != 0.2)
    ),
    "logic": lambda x: jnp.where(((x > 0.2) & (x < 0.8)) | ~(x < 0.9) ^ (x > 0.4), x, -x),
    "clamp": lambda x: lax.clamp(0.2, x, 0.7) + jnp.clip(x, 0.1, 0.4),
    "casts": lambda x: (x * 9).astype(jnp.int32).astype(jnp.float32) + (x > 0.5).astype(x.dtype),
    "stretched along channels": lambda x: x * jnp.arange(2.0) + jnp.ones((6, 1)),
    "stretched over images": lambda x: jnp.concatenate([x, jnp.broadcast_to(1.5, x.shape)], -1),
    "a constant image": lambda x: x + jnp.arange(60.0).reshape(IMAGE),
    "statistics": lambda x: (x - x.mean((-3, -2), keepdims=True)) / (x.std(-1, keepdims=True) + 1),
    "extremes": lambda x: x - x.max((-3, -2), keepdims=True) + x.min(-1, keepdims=True),
    "product": lambda x: jnp.prod(x + 1, -1),
    "softmax": layers.softmax,
    "movement": lambda x: lax.slice_in_dim(
        lax.rev(jnp.swapaxes(x, -3, -2), (1, 2)), 1, 5, 2, axis=1
    )[..., 0],
    "rows": lambda x: jnp.stack([x[:, 1:], x[:, :-1]], -1).reshape(x.shape[0], -1),
    "pieces": lambda x: sum(jnp.split(x, 3, axis=-2)),
    "a piece": lambda x: lax.dynamic_slice_in_dim(x, 4, 3, axis=1),
    "upsampled": lambda x: jnp.repeat(jnp.repeat(x, 2, -3), 3, -2),
    "padding": lambda x: jnp.pad(x, ((0, 0), (1, 2), (0, 1), (0, 0)), constant_values=3.0),
    "padding and cutting": lambda x: lax.pad(
        x, 0.0, ((0, 0, 0), (-1, 2, 0), (1, -2, 0), (0, 0, 0))
    ),
    "padding between": lambda x: lax.pad(x, 2.0, ((0, 0, 0), (1, 0, 2), (0, 1, 1), (0, 0, 0))),
    "reflect padding": lambda x: layers.pad(x, 2, mode="reflect"),
    "circular padding": lambda x: layers.pad(x, (2, 1), mode="circular"),
    "product of matrices": lambda x: x @ SQUARE,
    "products of images": attention,
    "contraction of an image axis": lambda x: jnp.einsum("bhwc,hk->bwck", x, np.ones((5, 3))),
    "convolution": lambda x: layers.conv(x, KERNEL, stride=(2, 1), padding=((1, 0), (2, 1))),
    "dilated": lambda x: layers.conv(x, KERNEL, dilation=(2, 3), padding="SAME"),
    "depthwise": lambda x: layers.conv(x, DEPTHWISE, groups=2),
    "transposed": lambda x: layers.conv_transpose(x, KERNEL.swapaxes(2, 3), stride=2, padding=1),
    "zeros between pixels": lambda x: lax.conv_general_dilated(
        x, KERNEL, (1, 1), ((2, 1), (0, 1)), (2, 3), dimension_numbers=("NHWC", "HWIO", "NHWC")
    ),
    "indices": lambda x: x[:, np.array([3, 0, 0])] + x[:, 1, None, :, :],
    "maxima": lambda x: layers.max_pool(x, (3, 2), stride=2, padding=1),
    "means": lambda x: layers.avg_pool(x, 2) + 0,
    "means, not counted": lambda x: layers.avg_pool(x, 3, stride=2, padding=1, count_padding=False),
    "rounded up": lambda x: layers.max_pool(x, 2, ceil_mode=True),
    "norms": lambda x: layers.instance_norm(x) + layers.rms_norm(x, {"scale": np.ones(2)}),
}  # fmt: skip


def model_of(program):
    def forward(params, x, *, key, record):
        y = program(x)
        return record("y", y.reshape(y.shape[0], -1)), {}

    like = jax.ShapeDtypeStruct((1, *IMAGE), jnp.float32)
    size = int(np.prod(jax.eval_shape(program, like).shape))
    config = {"classes": size, "image": IMAGE}
    model = models.from_forward("probe", config, lambda key: {}, forward)
    return SavedModel(model, {}, ("",) * size, Preprocessing((0.0,) * 2, (1.0,) * 2))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_rule_computes_what_jax_does(name):
    saved = model_of(PROGRAMS[name])
    runs = runtime.InferenceSession(exported(saved, "onnx"), providers=["CPUExecutionProvider"])
    given = np.random.default_rng(0).integers(1, 256, (3, *IMAGE), np.uint8)
    given[0, 0, 0] = 51  # 0.2
    expected = np.asarray(logits_of(saved)(given))
    (found,) = runs.run(None, {"images": given})
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6 * np.abs(expected).max())
