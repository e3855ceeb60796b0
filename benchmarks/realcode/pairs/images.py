"""Images: colours, contrast, geometry, resizing, patches, pooling, filters, and their metrics."""

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.realcode.inputs import between, real
from benchmarks.realcode.pair import Group, library

pix, nn, einops, eqx = (library(n) for n in ("dm_pix", "flax.linen", "einops", "equinox"))
keras = library("keras")

GROUP = Group("images", ("dm_pix",))
image, colour = real(4, 4, 3), between(0, 1, 2, 2, 3)
bright = between(0.01, 1, 2, 2, 3)  # dm_pix takes what is nearly black for black

GROUP.add(
    "dm_pix.rgb_to_grayscale",
    lambda x: pix.rgb_to_grayscale(x),
    equal={
        "dot": lambda x: (x @ jnp.array([0.2989, 0.5870, 0.1140]))[..., None],
        "sum": lambda x: 0.2989 * x[..., :1] + 0.587 * x[..., 1:2] + 0.114 * x[..., 2:],
    },
    near=lambda x: (x @ jnp.array([0.299, 0.587, 0.114]))[..., None],
    on=[image],
)
GROUP.add(
    "dm_pix.adjust_contrast",
    lambda x: pix.adjust_contrast(x, 1.5),
    equal=lambda x: 1.5 * x - 0.5 * x.mean((0, 1)),
    near=lambda x: 1.5 * x - 0.5 * x.mean(),
    on=[image],
)
GROUP.add(
    "dm_pix.adjust_brightness",
    lambda x: pix.adjust_brightness(x, 0.1),
    equal=lambda x: (10 * x + 1) / 10,
    near=lambda x: jnp.clip(x + 0.1, 0, 1),
    on=[image],
)
GROUP.add(
    "dm_pix.adjust_gamma",
    lambda x: pix.adjust_gamma(x, 2.2),
    equal=lambda x: jnp.exp(2.2 * jnp.log(x)),
    near=lambda x: jnp.exp(jnp.log(x) / 2.2),
    on=[colour],
)
GROUP.add(
    "dm_pix.solarize",
    lambda x: pix.solarize(x, 0.5),
    equal={
        "where": lambda x: jnp.where(x >= 0.5, 1 - x, x),
        "minimum": lambda x: jnp.minimum(x, 1 - x),
    },
    near=lambda x: jnp.maximum(x, 1 - x),
    on=[colour],
)
GROUP.add(
    "dm_pix.rgb_to_hsv: value",
    lambda x: pix.rgb_to_hsv(x)[..., 2],
    equal={
        "max": lambda x: x.max(-1),
        "grey": lambda x: jnp.maximum(x[..., 0], x[..., 1:].max(-1)),
    },
    near=lambda x: x.mean(-1),
    on=[bright],
)
GROUP.add(
    "dm_pix.rgb_to_hsv: saturation",
    lambda x: pix.rgb_to_hsv(x)[..., 1],
    equal=lambda x: (x.max(-1) - x.min(-1)) / x.max(-1),
    near=lambda x: x.max(-1) - x.min(-1),
    on=[bright],
)
GROUP.add(
    "dm_pix.depth_to_space",
    lambda x: pix.depth_to_space(x, 2),
    equal={
        "reshape": lambda x: x.reshape(2, 3, 2, 2, 3).transpose(0, 2, 1, 3, 4).reshape(4, 6, 3),
        "einops": lambda x: einops.rearrange(x, "h w (a b c) -> (h a) (w b) c", a=2, b=2),
    },
    near={
        "torch's order": lambda x: einops.rearrange(x, "h w (c a b) -> (h a) (w b) c", a=2, b=2),
    },
    on=[real(2, 3, 12)],
    libraries=["dm_pix", "einops"],
)
GROUP.add(
    "dm_pix.space_to_depth",
    lambda x: pix.space_to_depth(x, 2),
    equal={
        "strides": lambda x: jnp.concatenate([x[a::2, b::2] for a in (0, 1) for b in (0, 1)], -1),
        "patches": lambda x: (
            lax.conv_general_dilated_patches(
                x[None], (2, 2), (2, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
            )[0]
            .reshape(2, 3, 3, 2, 2)
            .transpose(0, 1, 3, 4, 2)
            .reshape(2, 3, 12)
        ),
    },
    near=lambda x: jnp.concatenate([x[b::2, a::2] for a in (0, 1) for b in (0, 1)], -1),
    on=[real(4, 6, 3)],
)
GROUP.add(
    "dm_pix flips and turns",
    lambda x: pix.rot90(pix.flip_left_right(x)),
    equal={
        "transpose": lambda x: x[::-1, ::-1].transpose(1, 0, 2)[::-1, ::-1][::-1][::-1],
        "jnp": lambda x: jnp.rot90(jnp.fliplr(x)),
    },
    near=lambda x: pix.flip_left_right(pix.rot90(x)),
    on=[image],
)
GROUP.add(
    "dm_pix.center_crop",
    lambda x: pix.center_crop(x, 2, 2),
    equal=lambda x: x[1:3, 1:3],
    near=lambda x: x[:2, :2],
    on=[image],
)
GROUP.add(
    "dm_pix.pad_to_size",
    lambda x: pix.pad_to_size(x, 6, 6),
    equal=lambda x: jnp.zeros((6, 6, 3)).at[1:5, 1:5].set(x),
    near=lambda x: jnp.pad(x, ((1, 1), (1, 1), (0, 0)), mode="edge"),
    on=[image],
)
GROUP.add(
    "dm_pix.psnr",
    lambda x, y: pix.psnr(x, y),
    equal=lambda x, y: -10 * jnp.log10(jnp.mean((x - y) ** 2)),
    near=lambda x, y: -20 * jnp.log10(jnp.mean((x - y) ** 2)),
    on=[image, image],
    more=lambda x, y: jnp.mean((x - y) ** 2) > 0,
)
GROUP.add(
    "dm_pix.rmse",
    lambda x, y: pix.rmse(x, y),
    equal=lambda x, y: jnp.linalg.norm((x - y).ravel()) / jnp.sqrt(48.0),
    near=lambda x, y: jnp.linalg.norm((x - y).ravel()) / 48,
    on=[image, image],
)
GROUP.add(
    "dm_pix.simse",
    lambda x, y: pix.simse(x, y),
    equal=lambda x, y: jnp.mean(x**2) - jnp.sum(x * y) ** 2 / jnp.sum(y**2) / 12,
    near=lambda x, y: jnp.mean((x - y) ** 2),
    on=[real(2, 2, 3), real(2, 2, 3)],
    more=lambda x, y: jnp.sum(y * y) > 0,
)
GROUP.add(
    "jax.image.resize, nearest, twice as large",
    lambda x: jax.image.resize(x, (8, 8, 3), "nearest"),
    equal={
        "repeat": lambda x: x.repeat(2, 0).repeat(2, 1),
        "broadcast": lambda x: jnp.broadcast_to(x[:, None, :, None], (4, 2, 4, 2, 3)).reshape(
            8, 8, 3
        ),
        "kron": lambda x: jnp.kron(x, jnp.ones((2, 2, 1))),
    },
    near=lambda x: jnp.tile(x, (2, 2, 1)),
    on=[image],
    libraries=["jax"],
)
GROUP.add(
    "jax.image.resize, linear, half as large",
    lambda x: jax.image.resize(x, (2, 2, 3), "linear", antialias=False),
    equal={
        "mean-pool": lambda x: nn.avg_pool(x, (2, 2), (2, 2)),
        "reshape": lambda x: x.reshape(2, 2, 2, 2, 3).mean((1, 3)),
    },
    near=lambda x: x[::2, ::2],
    on=[image],
    libraries=["jax", "flax"],
)
GROUP.add(
    "flax.linen.avg_pool",
    lambda x: nn.avg_pool(x, (2, 2), (2, 2)),
    equal={
        "einops": lambda x: einops.reduce(x, "b (h a) (w c) d -> b h w d", "mean", a=2, c=2),
        "equinox": lambda x: jax.vmap(eqx.nn.AvgPool2d(2, 2))(x.transpose(0, 3, 1, 2)).transpose(
            0, 2, 3, 1
        ),
        "keras": lambda x: keras.ops.average_pool(x, 2, 2),
    },
    near=lambda x: x[:, ::2, ::2],
    on=[real(1, 4, 4, 2)],
    libraries=["flax", "einops", "equinox", "keras"],
)
GROUP.add(
    "flax.linen.avg_pool, padded",
    lambda x: nn.avg_pool(x, (3, 3), (1, 1), "SAME", count_include_pad=False),
    equal=lambda x: keras.ops.average_pool(x, 3, 1, padding="same"),
    near=lambda x: nn.avg_pool(x, (3, 3), (1, 1), "SAME"),
    on=[real(1, 4, 4, 2)],
    libraries=["flax", "keras"],
)
GROUP.add(
    "flax.linen.max_pool",
    lambda x: nn.max_pool(x, (2, 2), (2, 2)),
    equal={
        "einops": lambda x: einops.reduce(x, "b (h a) (w c) d -> b h w d", "max", a=2, c=2),
        "equinox": lambda x: jax.vmap(eqx.nn.MaxPool2d(2, 2))(x.transpose(0, 3, 1, 2)).transpose(
            0, 2, 3, 1
        ),
        "four views": lambda x: jnp.maximum(
            jnp.maximum(x[:, ::2, ::2], x[:, 1::2, ::2]),
            jnp.maximum(x[:, ::2, 1::2], x[:, 1::2, 1::2]),
        ),
        "minus min": lambda x: (
            -lax.reduce_window(-x, jnp.inf, lax.min, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        ),
    },
    near=lambda x: nn.max_pool(x, (3, 3), (2, 2), "SAME"),
    on=[real(1, 4, 4, 2)],
    libraries=["flax", "einops", "equinox"],
)
GROUP.add(
    "a blur, separated",
    lambda x: jax.scipy.signal.convolve2d(
        x, jnp.outer(jnp.array([1.0, 2, 1]), jnp.array([1.0, 2, 1])) / 16
    ),
    equal=lambda x: jax.vmap(lambda c: jnp.convolve(c, jnp.array([1.0, 2, 1]) / 4), 1, 1)(
        jax.vmap(lambda r: jnp.convolve(r, jnp.array([0.25, 0.5, 0.25])))(x)
    ),
    near=lambda x: jax.scipy.signal.convolve2d(
        x, jnp.outer(jnp.array([1.0, 2, 1]), jnp.array([1.0, 1, 1])) / 12
    ),
    on=[real(4, 5)],
    libraries=["jax"],
)
GROUP.add(
    "total variation",
    lambda x: jnp.sum(jnp.abs(jnp.diff(x, axis=0))) + jnp.sum(jnp.abs(jnp.diff(x, axis=1))),
    equal=lambda x: jnp.sum(jnp.abs(x[1:] - x[:-1])) + jnp.sum(jnp.abs(x[:, :-1] - x[:, 1:])),
    near=lambda x: jnp.sum(jnp.abs(x[1:] - x[:-1])) + jnp.sum(x[:, :-1] - x[:, 1:]),
    on=[real(4, 4)],
    libraries=["jax"],
)
