"""VGG-11 and VGG-16: 3x3 convolutions in five halvings, then three dense layers.

Source: Simonyan and Zisserman, "Very deep convolutional networks for large-scale image
recognition", ICLR 2015, table 1, columns A and D. At the default size the parameters are those of
torchvision's `vgg11` and `vgg16`, one to one (`cnnjax.convert`).

What differs: torchvision averages to 7x7 before the dense layers. At 224x224 that is the
identity; at other sizes the dense layers here take the maps as they are. No batch norm, as in
the paper.
"""

from collections.abc import Sequence

import jax

from cnnjax import layers
from cnnjax.models.model import (
    Model,
    Params,
    check_count,
    check_image,
    check_rate,
    conv_params,
    dense_params,
    from_forward,
)

# Kernels of each convolution in units of `width`, one tuple a pooling stage (table 1).
STAGES: dict[str, tuple[tuple[int, ...], ...]] = {
    "vgg11": ((1,), (2,), (4, 4), (8, 8), (8, 8)),  # column A
    "vgg16": ((1, 1), (2, 2), (4, 4, 4), (8, 8, 8), (8, 8, 8)),  # column D
}


def vgg11(
    classes: int = 1000,
    image: Sequence[int] = (224, 224, 3),
    head: int | None = None,
    width: int = 64,
    dropout: float = 0.5,
) -> Model:
    """VGG-11, configuration A.

    Args:
      classes: the number of logits.
      image: (H, W, C), at least 32x32.
      head: units of the two hidden dense layers; None is the paper's 4096 from 224x224 on and
        512 for smaller images, where 4096 would hold nine in ten of all parameters.
      width: kernels of the first convolution; the others are 2, 4 and 8 times as many.
      dropout: rate after each hidden dense layer, in training only.

    Returns:
      A `Model` with parameters `conv1` to `conv8` and `dense1` to `dense3`, each
      `{kernel, bias}`.

    Raises:
      ValueError: for an image under 32x32, a count that is none, a rate outside [0, 1).

    >>> import jax
    >>> model = vgg11(10, image=(32, 32, 3))
    >>> params = jax.eval_shape(model.init, jax.random.key(0))
    >>> params["conv8"]["kernel"].shape, params["dense1"]["kernel"].shape
    ((3, 3, 512, 512), (512, 512))
    """
    return _vgg("vgg11", classes, image, head, width, dropout)


def vgg16(
    classes: int = 1000,
    image: Sequence[int] = (224, 224, 3),
    head: int | None = None,
    width: int = 64,
    dropout: float = 0.5,
) -> Model:
    """VGG-16, configuration D: as `vgg11`, with `conv1` to `conv13`.

    >>> import jax
    >>> params = jax.eval_shape(vgg16(10, image=(32, 32, 3)).init, jax.random.key(0))
    >>> params["conv13"]["kernel"].shape
    (3, 3, 512, 512)
    """
    return _vgg("vgg16", classes, image, head, width, dropout)


def _vgg(
    name: str,
    classes: int,
    image: Sequence[int],
    head: int | None,
    width: int,
    dropout: float,
) -> Model:
    stages = STAGES[name]
    classes = check_count(name, "classes", classes)
    image = check_image(name, image, smallest=32)
    head = check_count(
        name, "head", (4096 if min(image[:2]) >= 224 else 512) if head is None else head
    )
    width = check_count(name, "width", width)
    dropout = check_rate(name, "dropout", dropout)

    def init(key: jax.Array):
        keys = iter(jax.random.split(key, sum(map(len, stages)) + 3))
        height, width_, channels = image
        params: Params = {}
        for stage in stages:
            for units in stage:
                shape = (3, 3, channels, units * width)
                params[f"conv{len(params) + 1}"] = conv_params(next(keys), shape)
                channels = units * width
            height, width_ = height // 2, width_ // 2
        sizes = (height * width_ * channels, head, head, classes)
        for i in (1, 2, 3):
            params[f"dense{i}"] = dense_params(next(keys), sizes[i - 1], sizes[i])
        return params

    def forward(params, x, *, key, record):
        i = 0
        for pool, stage in enumerate(stages, 1):
            for _ in stage:
                i += 1
                with jax.named_scope(f"conv{i}"):
                    x = record(f"conv{i}", layers.conv(x, **params[f"conv{i}"], padding=1))
                x = record(f"relu{i}", layers.relu(x))
            with jax.named_scope(f"pool{pool}"):
                x = record(f"pool{pool}", layers.max_pool(x, 2))
        x = layers.flatten(x)
        for i in (1, 2, 3):
            with jax.named_scope(f"dense{i}"):
                x = record(f"dense{i}", layers.dense(x, **params[f"dense{i}"]))
            if i < 3:
                x = layers.relu(x)
                if key is not None:
                    x = layers.dropout(jax.random.fold_in(key, i), x, dropout)
        return x, {}

    config = {
        "classes": classes,
        "image": image,
        "head": head,
        "width": width,
        "dropout": dropout,
    }
    return from_forward(name, config, init, forward)
