"""MobileNet-V2: inverted residual blocks, each a depthwise convolution between two of 1x1.

Source: Sandler, Howard, Zhu, Zhmoginov and Chen, "MobileNetV2: inverted residuals and linear
bottlenecks", CVPR 2018, table 2. At the default size the parameters are those of torchvision's
`mobilenet_v2`, one to one (`cnnjax.convert`). Padding is 1 on every side, not "SAME", as there.

The stem for images of up to 64 pixels has stride 1 instead of 2, and so has the first block of 24
channels: what is left of 32x32 is then 4x4, as usual for CIFAR-10.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import jax

from cnnjax import layers
from cnnjax.models.model import (
    BATCH_STATS,
    Model,
    Params,
    check_count,
    check_image,
    check_rate,
    conv_params,
    dense_params,
    from_forward,
)
from cnnjax.models.residual import kernel, norm
from cnnjax.models.resnet import pick_stem

NAME = "mobilenet_v2"
# Table 2: expansion, channels, number of blocks, stride of the first.
SETTINGS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM, LAST = 32, 1280  # channels of the first convolution and of the last


@dataclass(frozen=True)
class Block:
    """An inverted residual block: `inner` channels within; it is added to x where it can be."""

    inputs: int
    inner: int
    outputs: int
    stride: int

    @property
    def adds(self) -> bool:
        return self.stride == 1 and self.inputs == self.outputs

    @property
    def expands(self) -> bool:
        return self.inner != self.inputs


def multiple_of_8(channels: float) -> int:
    """The nearest multiple of 8, but never less than nine tenths (section A of the paper's code).

    >>> [multiple_of_8(c) for c in (3, 24, 33.6, 12)]
    [8, 24, 32, 16]
    """
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def blocks_of(width: float, stem: str) -> tuple[int, tuple[Block, ...], int]:
    """Channels of the stem, the blocks, channels of the last convolution."""
    first = channels = multiple_of_8(STEM * width)
    found = []
    for row, (expansion, outputs, count, stride) in enumerate(SETTINGS):
        after = multiple_of_8(outputs * width)
        for i in range(count):
            step = stride if i == 0 and not (stem == "small" and row == 1) else 1
            found.append(Block(channels, channels * expansion, after, step))
            channels = after
    return first, tuple(found), multiple_of_8(LAST * max(1.0, width))


def mobilenet_v2(
    classes: int = 1000,
    image: Sequence[int] = (224, 224, 3),
    stem: str | None = None,
    width: float = 1.0,
    dropout: float = 0.2,
) -> Model:
    """MobileNet-V2.

    Args:
      classes: the number of logits.
      image: (H, W, C), any size.
      stem: "imagenet" (stride 2) or "small" (stride 1 there and in the first block of 24
        channels); None picks "small" when both sides have at most 64 pixels.
      width: multiplies the channels of every layer, which are then rounded to multiples of 8; the
        last convolution has 1280 or more.
      dropout: rate before the dense layer, in training only.

    Returns:
      A `Model` with parameters `conv1`, `bn1`, `block1` to `block17` (each with `expand` but for
      the first, `depthwise` and `project`, of `conv` and `bn`), `conv2`, `bn2`, `dense`, and the
      running statistics under `batch_stats`. Convolutions have no bias.

    Raises:
      ValueError: for an unknown stem, a width that is not positive, a rate outside [0, 1).

    >>> import jax
    >>> params = jax.eval_shape(mobilenet_v2(10, image=(32, 32, 3)).init, jax.random.key(0))
    >>> params["block2"]["depthwise"]["conv"]["kernel"].shape
    (3, 3, 1, 96)
    """
    classes = check_count(NAME, "classes", classes)
    image = check_image(NAME, image)
    stem = pick_stem(NAME, stem, image)
    if isinstance(width, bool) or not isinstance(width, (int, float)) or not width > 0:
        raise ValueError(f"{NAME}: width must be a positive number, got {width!r}")
    dropout = check_rate(NAME, "dropout", dropout)
    first, blocks, last = blocks_of(float(width), stem)

    def init(key: jax.Array):
        keys = iter(jax.random.split(key, 3 + 3 * len(blocks)))
        params: Params = {"conv1": kernel(next(keys), 3, image[2], first)}
        stats: Params = {}
        params["bn1"], stats["bn1"] = norm(first)
        for i, block in enumerate(blocks, 1):
            params[f"block{i}"], stats[f"block{i}"] = _init_block(keys, block)
        params["conv2"] = kernel(next(keys), 1, blocks[-1].outputs, last)
        params["bn2"], stats["bn2"] = norm(last)
        params["dense"] = dense_params(next(keys), last, classes)
        return {**params, BATCH_STATS: stats}

    def forward(params, x, *, key, record):
        training, old = key is not None, params[BATCH_STATS]
        new: Params = {}
        with jax.named_scope("conv1"):
            stride = 2 if stem == "imagenet" else 1
            x = record("conv1", layers.conv(x, **params["conv1"], stride=stride, padding=1))
        with jax.named_scope("bn1"):
            x, new["bn1"] = layers.batch_norm(x, params["bn1"], old["bn1"], training=training)
        x = layers.relu6(x)
        for i, block in enumerate(blocks, 1):
            name = f"block{i}"
            with jax.named_scope(name):
                x, new[name] = _run_block(x, params[name], old[name], block, training)
            record(name, x)
        with jax.named_scope("conv2"):
            x = record("conv2", layers.conv(x, **params["conv2"]))
        with jax.named_scope("bn2"):
            x, new["bn2"] = layers.batch_norm(x, params["bn2"], old["bn2"], training=training)
        with jax.named_scope("global_pool"):
            x = record("global_pool", layers.global_avg_pool(layers.relu6(x)))
        if training:
            x = layers.dropout(key, x, dropout)
        with jax.named_scope("dense"):
            x = record("dense", layers.dense(x, **params["dense"]))
        return x, new

    config = {
        "classes": classes, "image": image, "stem": stem, "width": float(width), "dropout": dropout,
    }  # fmt: skip
    return from_forward(NAME, config, init, forward)


def parts_of(block: Block) -> list[str]:
    """The names of a block's convolutions."""
    return [*(["expand"] if block.expands else []), "depthwise", "project"]


def _init_block(keys: Iterator[jax.Array], block: Block) -> tuple[Params, Params]:
    drawn = dict(zip(("expand", "depthwise", "project"), keys, strict=False))
    made = {
        "expand": lambda: kernel(drawn["expand"], 1, block.inputs, block.inner),
        "depthwise": lambda: conv_params(drawn["depthwise"], (3, 3, 1, block.inner), bias=False),
        "project": lambda: kernel(drawn["project"], 1, block.inner, block.outputs),
    }
    params: Params = {}
    stats: Params = {}
    for part in parts_of(block):
        scale, running = norm(block.outputs if part == "project" else block.inner)
        params[part], stats[part] = {"conv": made[part](), "bn": scale}, {"bn": running}
    return params, stats


def _run_block(
    x: jax.Array, params: Params, stats: Params, block: Block, training: bool
) -> tuple[jax.Array, Params]:
    """project(relu6(depthwise(relu6(expand(x))))), each with its norm; the last has no ReLU."""
    y = x
    new: Params = {}
    for part in parts_of(block):
        with jax.named_scope(f"{part}/conv"):
            given = params[part]["conv"]
            if part == "depthwise":
                y = layers.conv(y, **given, stride=block.stride, padding=1, groups=block.inner)
            else:
                y = layers.conv(y, **given)
        with jax.named_scope(f"{part}/bn"):
            affine, running = params[part]["bn"], stats[part]["bn"]
            y, running = layers.batch_norm(y, affine, running, training=training)
        new[part] = {"bn": running}
        y = y if part == "project" else layers.relu6(y)
    return (x + y if block.adds else y), new
