"""ResNet-18, -34 and -50: four stages of residual blocks with batch normalisation.

Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016,
table 1 and section 3.3 (projection shortcuts, option B). At the default size the parameters are
those of torchvision's `resnet18`, `resnet34` and `resnet50`, one to one (`cnnjax.convert`).

Padding is explicit (3 for the 7x7 stem, 1 for 3x3), not "SAME": with stride 2 and an even size
"SAME" pads one side less, which shifts every map against PyTorch's.

The stem for small images is that of the paper's CIFAR-10 section (4.2): one 3x3 convolution,
no pooling; the four stages after it stay those of the network.
"""

from collections.abc import Sequence

import jax

from cnnjax import layers
from cnnjax.models.model import (
    BATCH_STATS,
    Model,
    Params,
    check_count,
    check_image,
    dense_params,
    from_forward,
)
from cnnjax.models.residual import EXPANSION, init_block, kernel, norm, run_block, sides

STEMS = ("imagenet", "small")
SMALL = 64  # pixels: up to this side the default stem keeps the resolution
STAGES = 4  # each halves the map and doubles the channels, except the first
# The kind of block, and how many of them a stage.
BLOCKS: dict[str, tuple[str, tuple[int, ...]]] = {
    "resnet18": ("basic", (2, 2, 2, 2)),
    "resnet34": ("basic", (3, 4, 6, 3)),
    "resnet50": ("bottleneck", (3, 4, 6, 3)),
}


def resnet18(
    classes: int = 1000,
    image: Sequence[int] = (224, 224, 3),
    stem: str | None = None,
    width: int = 64,
) -> Model:
    """ResNet-18.

    Args:
      classes: the number of logits.
      image: (H, W, C), any size.
      stem: "imagenet" (7x7, stride 2, then a 3x3 max-pool of stride 2) or "small" (3x3, stride
        1); None picks "small" when both sides have at most 64 pixels.
      width: channels of the first stage; the others have 2, 4 and 8 times as many.

    Returns:
      A `Model` with parameters `conv1`, `bn1`, `layer1` to `layer4` (each with `block0` and
      `block1` of `conv1`, `bn1`, `conv2`, `bn2` and, where the shape changes, `downsample` with
      `conv` and `bn`), `dense`, and the running statistics under `batch_stats`. Convolutions
      have no bias.

    Raises:
      ValueError: for an unknown stem or a count that is none.

    >>> import jax, jax.numpy as jnp
    >>> model = resnet18(10, image=(32, 32, 3))
    >>> params = jax.eval_shape(model.init, jax.random.key(0))
    >>> params["layer2"]["block0"]["downsample"]["conv"]["kernel"].shape
    (1, 1, 64, 128)
    >>> params["batch_stats"]["layer4"]["block1"]["bn2"]["var"].shape
    (512,)
    >>> sum(leaf.size for leaf in jax.tree.leaves(params)) # 11,173,962 trained + 9,600
    11183562
    """
    return _resnet("resnet18", classes, image, stem, width)


def resnet34(
    classes: int = 1000,
    image: Sequence[int] = (224, 224, 3),
    stem: str | None = None,
    width: int = 64,
) -> Model:
    """ResNet-34: as `resnet18`, with 3, 4, 6 and 3 blocks a stage.

    >>> import jax
    >>> params = jax.eval_shape(resnet34(10, image=(32, 32, 3)).init, jax.random.key(0))
    >>> sorted(params["layer4"])
    ['block0', 'block1', 'block2']
    """
    return _resnet("resnet34", classes, image, stem, width)


def resnet50(
    classes: int = 1000,
    image: Sequence[int] = (224, 224, 3),
    stem: str | None = None,
    width: int = 64,
) -> Model:
    """ResNet-50: 3, 4, 6 and 3 bottleneck blocks a stage, each of `conv1` (1x1), `conv2` (3x3,
    which has the stride) and `conv3` (1x1, to four times `width`); else as `resnet18`.

    >>> import jax
    >>> params = jax.eval_shape(resnet50(10, image=(32, 32, 3)).init, jax.random.key(0))
    >>> params["layer1"]["block0"]["conv3"]["kernel"].shape
    (1, 1, 64, 256)
    """
    return _resnet("resnet50", classes, image, stem, width)


def pick_stem(name: str, stem: str | None, image: Sequence[int]) -> str:
    """The stem that was asked for, or the one for images of this size."""
    if stem is None:
        return "small" if max(image[:2]) <= SMALL else "imagenet"
    if stem not in STEMS:
        raise ValueError(f"{name}: unknown stem {stem!r}, there are {', '.join(STEMS)}")
    return stem


def _resnet(name: str, classes: int, image: Sequence[int], stem: str | None, width: int) -> Model:
    classes = check_count(name, "classes", classes)
    image = check_image(name, image)
    stem = pick_stem(name, stem, image)
    width = check_count(name, "width", width)
    kind, blocks = BLOCKS[name]
    # What is true of the stem follows from its name: kernel side, stride and padding.
    side, stem_stride, stem_padding = (7, 2, 3) if stem == "imagenet" else (3, 1, 1)

    def init(key: jax.Array):
        keys = iter(jax.random.split(key, 2 + (len(sides(kind)) + 1) * sum(blocks)))
        params: Params = {"conv1": kernel(next(keys), side, image[2], width)}
        params["bn1"], stem_stats = norm(width)
        stats: Params = {"bn1": stem_stats}
        channels = width
        for i, count in enumerate(blocks, 1):
            params[f"layer{i}"], stats[f"layer{i}"] = {}, {}
            inner = width * 2 ** (i - 1)
            for j in range(count):
                block, block_stats = init_block(keys, kind, channels, inner)
                params[f"layer{i}"][f"block{j}"] = block
                stats[f"layer{i}"][f"block{j}"] = block_stats
                channels = inner * EXPANSION[kind]
        params["dense"] = dense_params(next(keys), channels, classes)
        return {**params, BATCH_STATS: stats}

    def forward(params, x, *, key, record):
        training = key is not None
        old = params[BATCH_STATS]
        new: Params = {}
        with jax.named_scope("conv1"):
            x = layers.conv(x, **params["conv1"], stride=stem_stride, padding=stem_padding)
            record("conv1", x)
        with jax.named_scope("bn1"):
            x, new["bn1"] = layers.batch_norm(x, params["bn1"], old["bn1"], training=training)
        x = record("relu1", layers.relu(x))
        if stem == "imagenet":
            with jax.named_scope("pool1"):
                x = record("pool1", layers.max_pool(x, 3, stride=2, padding=1))
        for i, count in enumerate(blocks, 1):
            new[f"layer{i}"] = {}
            for j in range(count):
                layer, block = f"layer{i}", f"block{j}"
                stride = 2 if i > 1 and j == 0 else 1
                with jax.named_scope(f"{layer}/{block}"):
                    x, new[layer][block] = run_block(
                        x, params[layer][block], old[layer][block], kind, stride, training
                    )
                record(f"{layer}/{block}", x)
        with jax.named_scope("global_pool"):
            x = record("global_pool", layers.global_avg_pool(x))
        with jax.named_scope("dense"):
            x = record("dense", layers.dense(x, **params["dense"]))
        return x, new

    config = {"classes": classes, "image": image, "stem": stem, "width": width}
    return from_forward(name, config, init, forward)
