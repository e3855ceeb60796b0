"""MobileNet-V2, ConvNeXt and U-Net as Flax linen modules, named as their parameters are named.

What they compute, and where it comes from, is in `cnnjax/models`; `linen.py` converts. Stochastic
depth is a dropout of whole branches, drawn from `rngs={"dropout": key}` like any other.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from cnnjax.models import conv_next, mobilenet
from cnnjax.models.u_net import to_size


def conv(width: int, side: int, stride: int, padding: int, name: str, groups: int = 1) -> nn.Conv:
    """A square convolution without bias."""
    return nn.Conv(
        width,
        (side, side),
        (stride, stride),
        padding=padding,
        use_bias=False,
        feature_group_count=groups,
        name=name,
    )


def norm(train: bool, name: str) -> nn.BatchNorm:
    return nn.BatchNorm(not train, momentum=0.9, epsilon=1e-5, name=name)


class Normed(nn.Module):
    """`bn(conv(x))`."""

    width: int
    side: int
    stride: int = 1
    groups: int = 1

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        made = conv(self.width, self.side, self.stride, self.side // 2, "conv", self.groups)
        return norm(train, "bn")(made(x))


class Inverted(nn.Module):
    """An inverted residual block: 1x1 to more channels, depthwise 3x3, 1x1 back."""

    block: mobilenet.Block

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        b, y = self.block, x
        if b.expands:
            y = nn.relu6(Normed(b.inner, 1, name="expand")(y, train))
        depthwise = Normed(b.inner, 3, b.stride, b.inner, name="depthwise")
        y = Normed(b.outputs, 1, name="project")(nn.relu6(depthwise(y, train)), train)
        return x + y if b.adds else y


class MobileNetV2(nn.Module):
    """`cnnjax.models.mobilenet_v2`."""

    classes: int
    image: Sequence[int]
    stem: str
    width: float
    dropout: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        first, blocks, last = mobilenet.blocks_of(self.width, self.stem)
        stride = 2 if self.stem == "imagenet" else 1
        x = nn.relu6(norm(train, "bn1")(conv(first, 3, stride, 1, "conv1")(x)))
        for i, block in enumerate(blocks, 1):
            x = Inverted(block, name=f"block{i}")(x, train)
        x = nn.relu6(norm(train, "bn2")(conv(last, 1, 1, 0, "conv2")(x))).mean((-3, -2))
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        return nn.Dense(self.classes, name="dense")(x)


class Patches(nn.Module):
    """A convolution of windows that do not overlap, with a layer norm before or after it."""

    width: int
    side: int
    first: str  # "norm" or "conv"

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        side = (self.side, self.side)
        parts = [
            nn.Conv(self.width, side, side, padding="VALID", name="conv"),
            nn.LayerNorm(conv_next.EPS, name="norm"),
        ]
        for part in parts if self.first == "conv" else reversed(parts):
            x = part(x)
        return x


class Scale(nn.Module):
    """A factor a channel."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        return x * self.param("scale", nn.initializers.ones, (x.shape[-1],))


class NextBlock(nn.Module):
    """A block of ConvNeXt, `rate` that at which it is left out in training."""

    rate: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        width = x.shape[-1]
        depthwise = nn.Conv(width, (7, 7), padding=3, feature_group_count=width, name="conv")
        y = nn.LayerNorm(conv_next.EPS, name="norm")(depthwise(x))
        y = nn.gelu(nn.Dense(4 * width, name="dense1")(y), approximate=False)
        y = Scale(name="layer_scale")(nn.Dense(width, name="dense2")(y))
        whole = nn.Dropout(self.rate, broadcast_dims=(-3, -2, -1), deterministic=not train)
        return x + whole(y)


class NextStage(nn.Module):
    """The blocks of one resolution, after what halves it; `rates` has one a block."""

    width: int
    rates: Sequence[float]
    halves: bool

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        if self.halves:
            x = Patches(self.width, 2, "norm", name="downsample")(x)
        for j, rate in enumerate(self.rates):
            x = NextBlock(rate, name=f"block{j}")(x, train)
        return x


class ConvNeXt(nn.Module):
    """`cnnjax.models.convnext`."""

    classes: int
    image: Sequence[int]
    depths: Sequence[int]
    widths: Sequence[int]
    patch: int
    drop: float
    scale: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        x = Patches(self.widths[0], self.patch, "conv", name="stem")(x)
        stages = zip(self.widths, conv_next.drop_rates(self.drop, self.depths), strict=True)
        for i, (width, rates) in enumerate(stages, 1):
            x = NextStage(width, rates, i > 1, name=f"stage{i}")(x, train)
        x = nn.LayerNorm(conv_next.EPS, name="norm")(x.mean((-3, -2)))
        return nn.Dense(self.classes, name="dense")(x)


class Pair(nn.Module):
    """Two 3x3 convolutions with norm and ReLU; where `skip` is given, after joining it."""

    width: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool, skip: jax.Array | None = None) -> jax.Array:
        if skip is not None:
            grow = nn.ConvTranspose(
                self.width, (2, 2), (2, 2), "VALID", transpose_kernel=True, name="up"
            )
            x = jnp.concatenate([skip, to_size(grow(x), skip.shape)], -1)
        for i in (1, 2):
            x = nn.relu(norm(train, f"bn{i}")(conv(self.width, 3, 1, 1, f"conv{i}")(x)))
        return x


class UNet(nn.Module):
    """`cnnjax.models.unet`."""

    classes: int
    image: Sequence[int]
    width: int
    depth: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool = False) -> jax.Array:
        x = Pair(self.width, name="inc")(x, train)
        skips = []
        for i in range(1, self.depth + 1):
            skips.append(x)
            x = nn.max_pool(x, (2, 2), (2, 2))
            x = Pair(self.width * 2**i, name=f"down{i}")(x, train)
        for i in range(1, self.depth + 1):
            x = Pair(self.width * 2 ** (self.depth - i), name=f"up{i}")(x, train, skips.pop())
        return nn.Conv(self.classes, (1, 1), name="outc")(x)
