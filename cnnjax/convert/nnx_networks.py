"""MobileNet-V2, ConvNeXt and U-Net as Flax nnx modules, named as their parameters are named.

What they compute, and where it comes from, is in `cnnjax/models`; `nnx.py` converts. Stochastic
depth is a dropout of whole branches.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from cnnjax.models import conv_next, mobilenet
from cnnjax.models.u_net import to_size


def conv(
    inputs: int, outputs: int, side: int, stride: int, padding: int, rngs: nnx.Rngs, groups: int = 1
) -> nnx.Conv:
    """A square convolution without bias."""
    return nnx.Conv(
        inputs,
        outputs,
        (side, side),
        (stride, stride),
        padding=padding,
        use_bias=False,
        feature_group_count=groups,
        rngs=rngs,
    )


def norm(channels: int, rngs: nnx.Rngs) -> nnx.BatchNorm:
    return nnx.BatchNorm(channels, momentum=0.9, epsilon=1e-5, rngs=rngs)


def layer_norm(channels: int, rngs: nnx.Rngs) -> nnx.LayerNorm:
    return nnx.LayerNorm(channels, epsilon=conv_next.EPS, rngs=rngs)


class Normed(nnx.Module):
    """`bn(conv(x))`."""

    def __init__(
        self, inputs: int, outputs: int, side: int, stride: int, groups: int, rngs: nnx.Rngs
    ):
        self.conv = conv(inputs, outputs, side, stride, side // 2, rngs, groups)
        self.bn = norm(outputs, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.bn(self.conv(x))


class Inverted(nnx.Module):
    """An inverted residual block: 1x1 to more channels, depthwise 3x3, 1x1 back."""

    def __init__(self, block: mobilenet.Block, rngs: nnx.Rngs):
        b = block
        self.expands, self.adds = b.expands, b.adds
        if b.expands:
            self.expand = Normed(b.inputs, b.inner, 1, 1, 1, rngs)
        self.depthwise = Normed(b.inner, b.inner, 3, b.stride, b.inner, rngs)
        self.project = Normed(b.inner, b.outputs, 1, 1, 1, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = nnx.relu6(self.expand(x)) if self.expands else x
        y = self.project(nnx.relu6(self.depthwise(y)))
        return x + y if self.adds else y


class MobileNetV2(nnx.Module):
    """`cnnjax.models.mobilenet_v2`."""

    def __init__(
        self,
        classes: int,
        image: Sequence[int],
        stem: str,
        width: float,
        dropout: float,
        *,
        rngs: nnx.Rngs,
    ):
        first, blocks, last = mobilenet.blocks_of(width, stem)
        self.depth = len(blocks)
        self.conv1 = conv(image[2], first, 3, 2 if stem == "imagenet" else 1, 1, rngs)
        self.bn1 = norm(first, rngs)
        for i, block in enumerate(blocks, 1):
            setattr(self, f"block{i}", Inverted(block, rngs))
        self.conv2 = conv(blocks[-1].outputs, last, 1, 1, 0, rngs)
        self.bn2 = norm(last, rngs)
        self.drop = nnx.Dropout(dropout, rngs=rngs)
        self.dense = nnx.Linear(last, classes, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = nnx.relu6(self.bn1(self.conv1(x)))
        for i in range(1, self.depth + 1):
            x = getattr(self, f"block{i}")(x)
        x = nnx.relu6(self.bn2(self.conv2(x))).mean((-3, -2))
        return self.dense(self.drop(x))


class Patches(nnx.Module):
    """A convolution of windows that do not overlap, with a layer norm before or after it."""

    def __init__(self, inputs: int, outputs: int, side: int, first: str, rngs: nnx.Rngs):
        self.first = first  # "norm" or "conv"
        window = (side, side)
        self.conv = nnx.Conv(inputs, outputs, window, window, padding="VALID", rngs=rngs)
        self.norm = layer_norm(inputs if first == "norm" else outputs, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.conv(self.norm(x)) if self.first == "norm" else self.norm(self.conv(x))


class Scale(nnx.Module):
    """A factor a channel."""

    def __init__(self, channels: int):
        self.scale = nnx.Param(jnp.ones(channels))

    def __call__(self, x: jax.Array) -> jax.Array:
        return x * self.scale[...]


class NextBlock(nnx.Module):
    """A block of ConvNeXt, `rate` that at which it is left out in training."""

    def __init__(self, width: int, rate: float, rngs: nnx.Rngs):
        self.conv = nnx.Conv(width, width, (7, 7), padding=3, feature_group_count=width, rngs=rngs)
        self.norm = layer_norm(width, rngs)
        self.dense1 = nnx.Linear(width, 4 * width, rngs=rngs)
        self.dense2 = nnx.Linear(4 * width, width, rngs=rngs)
        self.layer_scale = Scale(width)
        self.drop = nnx.Dropout(rate, broadcast_dims=(-3, -2, -1), rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = nnx.gelu(self.dense1(self.norm(self.conv(x))), approximate=False)
        return x + self.drop(self.layer_scale(self.dense2(y)))


class NextStage(nnx.Module):
    """The blocks of one resolution, after what halves it; `rates` has one a block."""

    def __init__(
        self, inputs: int, width: int, rates: Sequence[float], halves: bool, rngs: nnx.Rngs
    ):
        self.depth, self.halves = len(rates), halves
        if halves:
            self.downsample = Patches(inputs, width, 2, "norm", rngs)
        for j, rate in enumerate(rates):
            setattr(self, f"block{j}", NextBlock(width, rate, rngs))

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.downsample(x) if self.halves else x
        for j in range(self.depth):
            x = getattr(self, f"block{j}")(x)
        return x


class ConvNeXt(nnx.Module):
    """`cnnjax.models.convnext`."""

    def __init__(
        self,
        classes: int,
        image: Sequence[int],
        depths: Sequence[int],
        widths: Sequence[int],
        patch: int,
        drop: float,
        scale: float,
        *,
        rngs: nnx.Rngs,
    ):
        self.stem = Patches(image[2], widths[0], patch, "conv", rngs)
        self.depth = len(depths)
        inputs = widths[0]
        stages = zip(widths, conv_next.drop_rates(drop, depths), strict=True)
        for i, (width, rates) in enumerate(stages, 1):
            setattr(self, f"stage{i}", NextStage(inputs, width, rates, i > 1, rngs))
            inputs = width
        self.norm = layer_norm(widths[-1], rngs)
        self.dense = nnx.Linear(widths[-1], classes, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.stem(x)
        for i in range(1, self.depth + 1):
            x = getattr(self, f"stage{i}")(x)
        return self.dense(self.norm(x.mean((-3, -2))))


class Pair(nnx.Module):
    """Two 3x3 convolutions with norm and ReLU; where it `joins`, after joining a skip."""

    def __init__(self, inputs: int, width: int, joins: bool, rngs: nnx.Rngs):
        if joins:
            self.up = nnx.ConvTranspose(
                inputs, width, (2, 2), (2, 2), padding="VALID", transpose_kernel=True, rngs=rngs
            )
            inputs = 2 * width
        self.conv1, self.bn1 = conv(inputs, width, 3, 1, 1, rngs), norm(width, rngs)
        self.conv2, self.bn2 = conv(width, width, 3, 1, 1, rngs), norm(width, rngs)

    def __call__(self, x: jax.Array, skip: jax.Array | None = None) -> jax.Array:
        if skip is not None:
            x = jnp.concatenate([skip, to_size(self.up(x), skip.shape)], -1)
        x = nnx.relu(self.bn1(self.conv1(x)))
        return nnx.relu(self.bn2(self.conv2(x)))


class UNet(nnx.Module):
    """`cnnjax.models.unet`."""

    def __init__(
        self, classes: int, image: Sequence[int], width: int, depth: int, *, rngs: nnx.Rngs
    ):
        self.depth = depth
        self.inc = Pair(image[2], width, False, rngs)
        for i in range(1, depth + 1):
            down = Pair(width * 2 ** (i - 1), width * 2**i, False, rngs)
            setattr(self, f"down{i}", down)
        for i in range(1, depth + 1):
            below, above = width * 2 ** (depth - i + 1), width * 2 ** (depth - i)
            setattr(self, f"up{i}", Pair(below, above, True, rngs))
        self.outc = nnx.Conv(width, classes, (1, 1), rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.inc(x)
        skips = []
        for i in range(1, self.depth + 1):
            skips.append(x)
            x = getattr(self, f"down{i}")(nnx.max_pool(x, (2, 2), (2, 2)))
        for i in range(1, self.depth + 1):
            x = getattr(self, f"up{i}")(x, skips.pop())
        return self.outc(x)
