"""The network of the note: convolution, ReLU and max-pooling a few times, then one dense layer.

    (100, 100, 3) -conv 5x5-> (100, 100, 32)  -pool 2x2-> (50, 50, 32)
                  -conv 5x5-> (50, 50, 64)    -pool 2x2-> (25, 25, 64)
                  -conv 5x5-> (25, 25, 128)   -pool 2x2-> (12, 12, 128)
                  -flatten-> (18432,) -dense-> (classes,)

Convolutions have a bias and pad with zeros to keep the size ("SAME"); pooling drops an odd last
row or column ("VALID"). The output is logits: softmax belongs to the loss, or to the user.

Source: notes.md, "전체 구조" and "예시".
"""

from collections.abc import Sequence

import jax

from cnnjax import layers
from cnnjax.models.model import (
    Model,
    check_count,
    check_counts,
    check_image,
    conv_params,
    dense_params,
    from_forward,
)

NAME = "notes"


def notes_cnn(
    classes: int,
    widths: Sequence[int] = (32, 64, 128),
    kernel: int = 5,
    image: Sequence[int] = (100, 100, 3),
) -> Model:
    """The network of the note, with `len(widths)` layers.

    Args:
      classes: the number of logits.
      widths: kernels of each convolution; the image is halved once a layer.
      kernel: the side of the square kernels.
      image: (H, W, C); both sides must survive the halvings.

    Returns:
      A `Model` with parameters `conv1`, `conv2`, ... `{kernel (k, k, C, O), bias (O,)}` and
      `dense` `{kernel (h * w * C, classes), bias (classes,)}`.

    Raises:
      ValueError: for an image too small for the number of layers, or a count that is none.

    >>> import jax, jax.numpy as jnp
    >>> model = notes_cnn(10)
    >>> params = jax.eval_shape(model.init, jax.random.key(0))
    >>> params["conv1"]["kernel"].shape, params["dense"]["kernel"].shape
    ((5, 5, 3, 32), (18432, 10))
    >>> x = jax.ShapeDtypeStruct((8, 100, 100, 3), jnp.float32)
    >>> jax.eval_shape(model.features, params, x)["pool3"].shape
    (8, 12, 12, 128)
    """
    classes = check_count(NAME, "classes", classes)
    widths = check_counts(NAME, "widths", widths)
    kernel = check_count(NAME, "kernel", kernel)
    image = check_image(NAME, image, smallest=2 ** len(widths))

    def init(key: jax.Array):
        height, width, channels = image
        keys = jax.random.split(key, len(widths) + 1)
        params = {}
        for i, outputs in enumerate(widths):
            params[f"conv{i + 1}"] = conv_params(keys[i], (kernel, kernel, channels, outputs))
            height, width, channels = height // 2, width // 2, outputs
        params["dense"] = dense_params(keys[-1], height * width * channels, classes)
        return params

    def forward(params, x, *, key, record):
        del key  # nothing here differs between training and inference
        for i in range(1, len(widths) + 1):
            with jax.named_scope(f"conv{i}"):
                x = record(f"conv{i}", layers.conv(x, **params[f"conv{i}"]))
            x = record(f"relu{i}", layers.relu(x))
            with jax.named_scope(f"pool{i}"):
                x = record(f"pool{i}", layers.max_pool(x, 2))
        with jax.named_scope("dense"):
            x = record("dense", layers.dense(layers.flatten(x), **params["dense"]))
        return x, {}

    config = {"classes": classes, "widths": widths, "kernel": kernel, "image": image}
    return from_forward(NAME, config, init, forward)
