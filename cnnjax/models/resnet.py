"""ResNet-18: four stages of residual blocks with batch normalisation.

Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016,
table 1 (18-layer) and section 3.3 (projection shortcuts, option B). At the default size the
parameters are those of torchvision's `resnet18`, one to one (`cnnjax.convert`).

Padding is explicit (3 for the 7x7 stem, 1 for 3x3), not "SAME": with stride 2 and an even size
"SAME" pads one side less, which shifts every map against PyTorch's.

The stem for small images is that of the paper's CIFAR-10 section (4.2): one 3x3 convolution,
no pooling; the four stages after it stay those of the 18-layer network.
"""

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
    dense_params,
    from_forward,
)

NAME = "resnet18"
STEMS = ("imagenet", "small")
SMALL = 64  # pixels: up to this side the default stem keeps the resolution
BLOCKS = 2  # residual blocks a stage
STAGES = 4  # each halves the map and doubles the channels, except the first


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
    classes = check_count(NAME, "classes", classes)
    image = check_image(NAME, image)
    if stem is None:
        stem = "small" if max(image[:2]) <= SMALL else "imagenet"
    if stem not in STEMS:
        raise ValueError(f"{NAME}: unknown stem {stem!r}, there are {', '.join(STEMS)}")
    width = check_count(NAME, "width", width)
    # What is true of the stem follows from its name: kernel side, stride and padding.
    side, stem_stride, stem_padding = (7, 2, 3) if stem == "imagenet" else (3, 1, 1)

    def init(key: jax.Array):
        keys = iter(jax.random.split(key, 2 + 3 * BLOCKS * STAGES))
        params: Params = {"conv1": kernel(next(keys), side, image[2], width)}
        params["bn1"], stem_stats = norm(width)
        stats: Params = {"bn1": stem_stats}
        channels = width
        for i in range(1, STAGES + 1):
            params[f"layer{i}"], stats[f"layer{i}"] = {}, {}
            for j in range(BLOCKS):
                outputs = width * 2 ** (i - 1)
                block, block_stats = init_block(keys, channels, outputs)
                params[f"layer{i}"][f"block{j}"] = block
                stats[f"layer{i}"][f"block{j}"] = block_stats
                channels = outputs
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
        for i in range(1, STAGES + 1):
            new[f"layer{i}"] = {}
            for j in range(BLOCKS):
                layer, block = f"layer{i}", f"block{j}"
                stride = 2 if i > 1 and j == 0 else 1
                with jax.named_scope(f"{layer}/{block}"):
                    x, new[layer][block] = run_block(
                        x, params[layer][block], old[layer][block], stride, training
                    )
                record(f"{layer}/{block}", x)
        with jax.named_scope("global_pool"):
            x = record("global_pool", layers.global_avg_pool(x))
        with jax.named_scope("dense"):
            x = record("dense", layers.dense(x, **params["dense"]))
        return x, new

    config = {"classes": classes, "image": image, "stem": stem, "width": width}
    return from_forward(NAME, config, init, forward)


def kernel(key: jax.Array, side: int, inputs: int, outputs: int) -> Params:
    """A square He-normal kernel without bias: the norm after it has one."""
    return conv_params(key, (side, side, inputs, outputs), bias=False)


def norm(channels: int) -> tuple[Params, Params]:
    """Parameters and running statistics of a batch norm that changes nothing yet."""
    ones, zeros = jnp.ones(channels, jnp.float32), jnp.zeros(channels, jnp.float32)
    return {"scale": ones, "bias": zeros}, {"mean": zeros, "var": ones}


def init_block(keys, inputs: int, outputs: int) -> tuple[Params, Params]:
    """Parameters and statistics of one block; a projection where the channels change."""
    first, second, projection = next(keys), next(keys), next(keys)
    params: Params = {"conv1": kernel(first, 3, inputs, outputs)}
    stats: Params = {}
    params["bn1"], stats["bn1"] = norm(outputs)
    params["conv2"] = kernel(second, 3, outputs, outputs)
    params["bn2"], stats["bn2"] = norm(outputs)
    if inputs != outputs:
        scale, running = norm(outputs)
        params["downsample"] = {"conv": kernel(projection, 1, inputs, outputs), "bn": scale}
        stats["downsample"] = {"bn": running}
    return params, stats


def run_block(
    x: jax.Array, params: Params, stats: Params, stride: int, training: bool
) -> tuple[jax.Array, Params]:
    """relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)) and the block's new statistics."""

    def normed(name, y, weights, running):
        with jax.named_scope(name):
            return layers.batch_norm(y, weights, running, training=training)

    new: Params = {}
    with jax.named_scope("conv1"):
        y = layers.conv(x, **params["conv1"], stride=stride, padding=1)
    y, new["bn1"] = normed("bn1", y, params["bn1"], stats["bn1"])
    y = layers.relu(y)
    with jax.named_scope("conv2"):
        y = layers.conv(y, **params["conv2"], padding=1)
    y, new["bn2"] = normed("bn2", y, params["bn2"], stats["bn2"])
    if "downsample" in params:
        with jax.named_scope("downsample/conv"):
            x = layers.conv(x, **params["downsample"]["conv"], stride=stride, padding=0)
        x, running = normed(
            "downsample/bn", x, params["downsample"]["bn"], stats["downsample"]["bn"]
        )
        new["downsample"] = {"bn": running}
    return layers.relu(y + x), new
