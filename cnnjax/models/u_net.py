"""U-Net: a class for each pixel, from maps that shrink and maps that grow again.

Source: Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image
segmentation", MICCAI 2015, figure 1. What differs, as in most programs that go by this name: 3x3
convolutions are padded by 1, so that the logits have the image's size, and each has a batch norm
instead of a bias. The parameters are those of milesial's Pytorch-UNet (`bilinear=False`), one to
one (`cnnjax.convert`).

On the way up a transposed convolution doubles the sides; where a side was odd, one row of zeros is
put behind, and the map of the way down is joined before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from cnnjax import layers
from cnnjax.models.model import (
    BATCH_STATS,
    Model,
    Params,
    check_count,
    check_image,
    conv_params,
    from_forward,
)
from cnnjax.models.residual import kernel, norm

NAME = "unet"


def unet(
    classes: int = 2,
    image: Sequence[int] = (256, 256, 3),
    width: int = 64,
    depth: int = 4,
) -> Model:
    """U-Net: logits (*batch, H, W, classes), a vector for each pixel of the image.

    Args:
      classes: the number of logits of a pixel.
      image: (H, W, C); both sides have at least 2 to the `depth` pixels.
      width: channels of the first maps; each level down has twice as many.
      depth: how often the sides are halved.

    Returns:
      A `Model` whose `per_pixel` is true, with parameters `inc`, `down1` to ... (each of `conv1`,
      `bn1`, `conv2`, `bn2`), `up1` to ... (which begin with `up`, a transposed convolution with a
      bias), `outc`, and the running statistics under `batch_stats`.

    Raises:
      ValueError: for a count that is none, an image that is too small.

    >>> import jax, jax.numpy as jnp
    >>> model = unet(2, image=(20, 30, 3), width=4)
    >>> params = jax.eval_shape(model.init, jax.random.key(0))
    >>> jax.eval_shape(model.apply, params, jax.ShapeDtypeStruct((5, 20, 30, 3), jnp.float32)).shape
    (5, 20, 30, 2)
    """
    classes = check_count(NAME, "classes", classes)
    width, depth = check_count(NAME, "width", width), check_count(NAME, "depth", depth)
    image = check_image(NAME, image, smallest=2**depth)
    widths = [width * 2**i for i in range(depth + 1)]

    def init(key: jax.Array):
        keys = iter(jax.random.split(key, 3 + 5 * depth))
        params: Params = {}
        stats: Params = {}
        params["inc"], stats["inc"] = _init_pair(keys, image[2], width)
        for i in range(1, depth + 1):
            name = f"down{i}"
            params[name], stats[name] = _init_pair(keys, widths[i - 1], widths[i])
        for i in range(1, depth + 1):
            below, above, name = widths[depth - i + 1], widths[depth - i], f"up{i}"
            # The convolution that it undoes maps `above` channels to `below`.
            grow = {"up": conv_params(next(keys), (2, 2, above, below), bias=False)}
            grow["up"]["bias"] = jnp.zeros(above, jnp.float32)
            pair, stats[name] = _init_pair(keys, 2 * above, above)
            params[name] = {**grow, **pair}
        params["outc"] = conv_params(next(keys), (1, 1, width, classes))
        return {**params, BATCH_STATS: stats}

    def forward(params, x, *, key, record):
        training, old = key is not None, params[BATCH_STATS]
        new: Params = {}

        def pair(name, x):
            with jax.named_scope(name):
                x, new[name] = _run_pair(x, params[name], old[name], training)
            return record(name, x)

        x = pair("inc", x)
        skips = []
        for i in range(1, depth + 1):
            skips.append(x)
            with jax.named_scope(f"down{i}/pool"):
                x = layers.max_pool(x, 2)
            x = pair(f"down{i}", x)
        for i in range(1, depth + 1):
            with jax.named_scope(f"up{i}/up"):
                x = layers.conv_transpose(x, **params[f"up{i}"]["up"], stride=2, padding="VALID")
            skip = skips.pop()
            x = pair(f"up{i}", jnp.concatenate([skip, to_size(x, skip.shape)], -1))
        with jax.named_scope("outc"):
            x = record("outc", layers.conv(x, **params["outc"]))
        return x, new

    config = {"classes": classes, "image": image, "width": width, "depth": depth}
    return from_forward(NAME, config, init, forward, per_pixel=True)


def _init_pair(keys, inputs: int, outputs: int) -> tuple[Params, Params]:
    params: Params = {}
    stats: Params = {}
    for i, channels in ((1, inputs), (2, outputs)):
        params[f"conv{i}"] = kernel(next(keys), 3, channels, outputs)
        params[f"bn{i}"], stats[f"bn{i}"] = norm(outputs)
    return params, stats


def _run_pair(
    x: jax.Array, params: Params, stats: Params, training: bool
) -> tuple[jax.Array, Params]:
    """relu(bn2(conv2(relu(bn1(conv1(x))))))."""
    new: Params = {}
    for i in (1, 2):
        conv, bn = f"conv{i}", f"bn{i}"
        with jax.named_scope(conv):
            x = layers.conv(x, **params[conv], padding=1)
        with jax.named_scope(bn):
            x, new[bn] = layers.batch_norm(x, params[bn], stats[bn], training=training)
        x = layers.relu(x)
    return x, new


def to_size(x: jax.Array, shape: Sequence[int]) -> jax.Array:
    """Zeros around x until its image has the size of this shape's: the odd one behind."""
    missing = [n - m for n, m in zip(shape[-3:-1], x.shape[-3:-1], strict=True)]
    return layers.pad(x, tuple((d // 2, d - d // 2) for d in missing))
