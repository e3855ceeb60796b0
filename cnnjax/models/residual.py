"""The parts that the residual networks share: batch norms with their statistics, and two blocks.

    basic        relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)), two 3x3 convolutions
    bottleneck   a 1x1 convolution to fewer channels, a 3x3, a 1x1 back to four times as many

The stride is that of the first 3x3 convolution: in the bottleneck that of `conv2`, as in
torchvision ("ResNet v1.5"); the paper has it in the 1x1 before. The shortcut is x itself, or a 1x1
convolution where the shape changes (He et al. 2016, section 3.3, option B).
"""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp

from cnnjax import layers
from cnnjax.models.model import Params, conv_params

EXPANSION = {"basic": 1, "bottleneck": 4}  # channels of a block's result, in units of its width


def kernel(key: jax.Array, side: int, inputs: int, outputs: int) -> Params:
    """A square He-normal kernel without bias: the norm after it has one."""
    return conv_params(key, (side, side, inputs, outputs), bias=False)


def norm(channels: int) -> tuple[Params, Params]:
    """Parameters and running statistics of a batch norm that changes nothing yet."""
    ones, zeros = jnp.ones(channels, jnp.float32), jnp.zeros(channels, jnp.float32)
    return {"scale": ones, "bias": zeros}, {"mean": zeros, "var": ones}


def sides(kind: str) -> tuple[int, ...]:
    """The kernels of a block, by side."""
    return (3, 3) if kind == "basic" else (1, 3, 1)


def init_block(
    keys: Iterator[jax.Array], kind: str, inputs: int, width: int
) -> tuple[Params, Params]:
    """Parameters and statistics of one block; a projection where the channels change."""
    outputs = width * EXPANSION[kind]
    drawn = [next(keys) for _ in range(len(sides(kind)) + 1)]
    params: Params = {}
    stats: Params = {}
    channels = inputs
    for i, (key, side) in enumerate(zip(drawn, sides(kind), strict=False), 1):
        after = outputs if i == len(sides(kind)) else width
        params[f"conv{i}"] = kernel(key, side, channels, after)
        params[f"bn{i}"], stats[f"bn{i}"] = norm(after)
        channels = after
    if inputs != outputs:
        scale, running = norm(outputs)
        params["downsample"] = {"conv": kernel(drawn[-1], 1, inputs, outputs), "bn": scale}
        stats["downsample"] = {"bn": running}
    return params, stats


def run_block(
    x: jax.Array, params: Params, stats: Params, kind: str, stride: int, training: bool
) -> tuple[jax.Array, Params]:
    """The block's result and its new statistics."""

    def normed(name, y, weights, running):
        with jax.named_scope(name):
            return layers.batch_norm(y, weights, running, training=training)

    new: Params = {}
    y, strides = x, [stride, 1] if kind == "basic" else [1, stride, 1]
    for i, (side, step) in enumerate(zip(sides(kind), strides, strict=True), 1):
        with jax.named_scope(f"conv{i}"):
            y = layers.conv(y, **params[f"conv{i}"], stride=step, padding=side // 2)
        y, new[f"bn{i}"] = normed(f"bn{i}", y, params[f"bn{i}"], stats[f"bn{i}"])
        y = layers.relu(y) if i < len(strides) else y
    if "downsample" in params:
        with jax.named_scope("downsample/conv"):
            x = layers.conv(x, **params["downsample"]["conv"], stride=stride, padding=0)
        x, running = normed(
            "downsample/bn", x, params["downsample"]["bn"], stats["downsample"]["bn"]
        )
        new["downsample"] = {"bn": running}
    return layers.relu(y + x), new
