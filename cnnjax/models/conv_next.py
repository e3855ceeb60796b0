"""ConvNeXt: depthwise 7x7 convolutions and dense layers a pixel, with layer norm.

Source: Liu, Mao, Wu, Feichtenhofer, Darrell and Xie, "A ConvNet for the 2020s", CVPR 2022, figure 4
and section 3. The default is ConvNeXt-T: at its size the parameters are those of torchvision's
`convnext_tiny`, one to one (`cnnjax.convert`). `depths` and `widths` of the other sizes of the
paper: B is (3, 3, 27, 3) and (128, 256, 512, 1024).

A block is x + drop(gamma * dense2(gelu(dense1(layer_norm(depthwise(x))))), gamma one number a
channel; `drop` is stochastic depth, whose rate grows from 0 to `drop` over the blocks.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from cnnjax import layers
from cnnjax.models.model import (
    Model,
    Params,
    check_count,
    check_counts,
    check_image,
    check_rate,
    conv_params,
    dense_params,
    from_forward,
)
from cnnjax.models.resnet import SMALL

NAME = "convnext"
DEPTHS, WIDTHS = (3, 3, 9, 3), (96, 192, 384, 768)
EPS = 1e-6
SCALE = 1e-6  # gamma at first: a block is nearly the identity


def convnext(
    classes: int = 1000,
    image: Sequence[int] = (224, 224, 3),
    depths: Sequence[int] = DEPTHS,
    widths: Sequence[int] = WIDTHS,
    patch: int | None = None,
    drop: float = 0.1,
    scale: float = SCALE,
) -> Model:
    """ConvNeXt, of the size T unless said otherwise.

    Args:
      classes: the number of logits.
      image: (H, W, C); both sides have at least `patch` times two to the number of stages less one.
      depths: blocks a stage.
      widths: channels a stage.
      patch: side of the first convolution's windows, which is its stride; None is 4, and 2 where
        both sides have at most 64 pixels.
      drop: rate at which the last block is left out in training; the others less.
      scale: gamma at first. Networks that are trained from the start on few images, in few steps,
        learn faster from larger ones (0.1, say).

    Returns:
      A `Model` with parameters `stem` (`conv`, `norm`), `stage1` to `stage4` (each with
      `downsample`, of `norm` and `conv`, but for the first, and `block0` to ... of `conv`, `norm`,
      `dense1`, `dense2`, `layer_scale`), `norm` and `dense`.

    Raises:
      ValueError: for depths and widths of different number, an image that is too small, a rate
        outside [0, 1).

    >>> import jax
    >>> params = jax.eval_shape(convnext(10, image=(32, 32, 3)).init, jax.random.key(0))
    >>> params["stage3"]["block8"]["conv"]["kernel"].shape, params["stem"]["conv"]["kernel"].shape
    ((7, 7, 1, 384), (2, 2, 3, 96))
    """
    classes = check_count(NAME, "classes", classes)
    depths = check_counts(NAME, "depths", depths)
    widths = check_counts(NAME, "widths", widths)
    if len(depths) != len(widths):
        raise ValueError(
            f"{NAME}: depths and widths have one entry a stage each, "
            f"got {len(depths)} and {len(widths)}"
        )
    if patch is None:
        patch = 2 if max(check_image(NAME, image)[:2]) <= SMALL else 4
    patch = check_count(NAME, "patch", patch)
    image = check_image(NAME, image, smallest=patch * 2 ** (len(depths) - 1))
    drop = check_rate(NAME, "drop", drop)
    rates = drop_rates(drop, depths)

    def init(key: jax.Array):
        keys = iter(jax.random.split(key, 1 + len(depths) + 3 * sum(depths)))
        stem = conv_params(next(keys), (patch, patch, image[2], widths[0]))
        params: Params = {"stem": {"conv": stem, "norm": _norm(widths[0])}}
        for i, (depth, width) in enumerate(zip(depths, widths, strict=True), 1):
            stage: Params = {}
            if i > 1:
                shape = (2, 2, widths[i - 2], width)
                norm = _norm(widths[i - 2])
                stage["downsample"] = {"norm": norm, "conv": conv_params(next(keys), shape)}
            for j in range(depth):
                stage[f"block{j}"] = _init_block(keys, width, scale)
            params[f"stage{i}"] = stage
        params["norm"] = _norm(widths[-1])
        params["dense"] = dense_params(next(keys), widths[-1], classes)
        return params

    def forward(params, x, *, key, record):
        with jax.named_scope("stem/conv"):
            given = params["stem"]["conv"]
            x = record("stem", layers.conv(x, **given, stride=patch, padding="VALID"))
        with jax.named_scope("stem/norm"):
            x = layers.layer_norm(x, params["stem"]["norm"], eps=EPS)
        done = 0
        for i, stage_rates in enumerate(rates, 1):
            stage = params[f"stage{i}"]
            if i > 1:
                x = _downsample(x, stage["downsample"], f"stage{i}/downsample")
            for j, rate in enumerate(stage_rates):
                name = f"stage{i}/block{j}"
                with jax.named_scope(name):
                    branch = _branch(x, stage[f"block{j}"])
                if key is not None:
                    fold = jax.random.fold_in(key, done)
                    branch = layers.stochastic_depth(fold, branch, rate)
                x = record(name, x + branch)
                done += 1
        with jax.named_scope("global_pool"):
            x = record("global_pool", layers.global_avg_pool(x))
        with jax.named_scope("norm"):
            x = layers.layer_norm(x, params["norm"], eps=EPS)
        with jax.named_scope("dense"):
            x = record("dense", layers.dense(x, **params["dense"]))
        return x, {}

    config = {
        "classes": classes, "image": image, "depths": depths, "widths": widths, "patch": patch,
        "drop": drop, "scale": float(scale),
    }  # fmt: skip
    return from_forward(NAME, config, init, forward)


def _norm(channels: int) -> Params:
    return {
        "scale": jnp.ones(channels, jnp.float32),
        "bias": jnp.zeros(channels, jnp.float32),
    }


def drop_rates(drop: float, depths: Sequence[int]) -> list[tuple[float, ...]]:
    """The rate of each block, stage by stage: from 0 for the first to `drop` for the last.

    >>> drop_rates(0.5, (1, 2))
    [(0.0,), (0.25, 0.5)]
    """
    last = max(sum(depths) - 1, 1)
    ends = itertools.accumulate(depths)
    return [
        tuple(drop * n / last for n in range(end - depth, end))
        for depth, end in zip(depths, ends, strict=True)
    ]


def _init_block(keys, width: int, scale: float) -> Params:
    return {
        "conv": conv_params(next(keys), (7, 7, 1, width)),
        "norm": _norm(width),
        "dense1": dense_params(next(keys), width, 4 * width),
        "dense2": dense_params(next(keys), 4 * width, width),
        "layer_scale": {"scale": jnp.full(width, scale, jnp.float32)},
    }


def _downsample(x: jax.Array, params: Params, name: str) -> jax.Array:
    with jax.named_scope(f"{name}/norm"):
        x = layers.layer_norm(x, params["norm"], eps=EPS)
    with jax.named_scope(f"{name}/conv"):
        return layers.conv(x, **params["conv"], stride=2, padding="VALID")


def _branch(x: jax.Array, params: Params) -> jax.Array:
    with jax.named_scope("conv"):
        y = layers.conv(x, **params["conv"], padding=3, groups=x.shape[-1])
    with jax.named_scope("norm"):
        y = layers.layer_norm(y, params["norm"], eps=EPS)
    with jax.named_scope("dense1"):
        y = layers.gelu(layers.dense(y, **params["dense1"]))
    with jax.named_scope("dense2"):
        y = layers.dense(y, **params["dense2"])
    gamma = params["layer_scale"]["scale"].astype(y.dtype)
    return y * jnp.broadcast_to(gamma, y.shape)
