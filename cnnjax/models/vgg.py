"""VGG-11: eight 3x3 convolutions in five halvings, then three dense layers.

Source: Simonyan and Zisserman, "Very deep convolutional networks for large-scale image
recognition", ICLR 2015, table 1, column A. At the default size the parameters are those of
torchvision's `vgg11`, one to one (`cnnjax.convert`).

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
    conv_params,
    dense_params,
    from_forward,
)

NAME = "vgg11"

# Kernels of each convolution in units of `width`, one tuple a pooling stage (table 1, column A).
STAGES = ((1,), (2,), (4, 4), (8, 8), (8, 8))


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
    classes = check_count(NAME, "classes", classes)
    image = check_image(NAME, image, smallest=32)
    head = check_count(
        NAME, "head", (4096 if min(image[:2]) >= 224 else 512) if head is None else head
    )
    width = check_count(NAME, "width", width)
    if not 0 <= dropout < 1:
        raise ValueError(f"{NAME}: dropout must be a rate in [0, 1), got {dropout!r}")

    def init(key: jax.Array):
        keys = iter(jax.random.split(key, 11))
        height, width_, channels = image
        params: Params = {}
        for stage in STAGES:
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
        for pool, stage in enumerate(STAGES, 1):
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
    return from_forward(NAME, config, init, forward)
