"""LeNet-5: two convolutions and three dense layers for handwritten digits.

Source: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
recognition", Proc. IEEE 86(11), 1998, section II.B (C1, S2, C3, S4, C5, F6, output).

What differs from the paper:

* ReLU instead of the scaled tanh, hence He initialisation.
* S2 and S4 are plain averages; the paper adds a trained gain and offset a map and a sigmoid.
* C3 sees all six maps; the paper connects each of its kernels to a chosen few (table I).
* The output is logits; the paper measures distances to drawn characters (Euclidean RBF).
* The paper draws a 28x28 digit in a 32x32 frame. Here the frame is the padding of C1 (2 on each
  side), so the model takes the 28x28 image itself: the same sizes from there on.
"""

from collections.abc import Sequence

import jax

from cnnjax import layers
from cnnjax.models.model import (
    Model,
    check_count,
    check_image,
    conv_params,
    dense_params,
    from_forward,
)

NAME = "lenet"


def lenet5(classes: int = 10, image: Sequence[int] = (28, 28, 1)) -> Model:
    """LeNet-5 with ReLU and average pooling.

    Args:
      classes: the number of logits.
      image: (H, W, C), at least 12x12.

    Returns:
      A `Model` with parameters `conv1` (6 kernels of 5x5), `conv2` (16 of 5x5), `dense1` (120),
      `dense2` (84) and `dense3` (classes), each `{kernel, bias}`.

    Raises:
      ValueError: for an image under 12x12 (C3 would have nothing to see).

    >>> import jax, jax.numpy as jnp
    >>> model = lenet5()
    >>> params = jax.eval_shape(model.init, jax.random.key(0))
    >>> x = jax.ShapeDtypeStruct((28, 28, 1), jnp.float32)
    >>> {name: y.shape for name, y in jax.eval_shape(model.features, params, x).items()}
    {'conv1': (28, 28, 6), 'relu1': (28, 28, 6), 'pool1': (14, 14, 6),
     'conv2': (10, 10, 16), 'relu2': (10, 10, 16), 'pool2': (5, 5, 16),
     'dense1': (120,), 'dense2': (84,), 'dense3': (10,)}
    """
    classes = check_count(NAME, "classes", classes)
    image = check_image(NAME, image, smallest=12)

    def init(key: jax.Array):
        keys = jax.random.split(key, 5)
        height, width = ((side // 2 - 4) // 2 for side in image[:2])
        return {
            "conv1": conv_params(keys[0], (5, 5, image[2], 6)),
            "conv2": conv_params(keys[1], (5, 5, 6, 16)),
            "dense1": dense_params(keys[2], height * width * 16, 120),
            "dense2": dense_params(keys[3], 120, 84),
            "dense3": dense_params(keys[4], 84, classes),
        }

    def forward(params, x, *, key, record):
        del key  # nothing here differs between training and inference
        for i, padding in ((1, 2), (2, 0)):
            with jax.named_scope(f"conv{i}"):
                x = record(f"conv{i}", layers.conv(x, **params[f"conv{i}"], padding=padding))
            x = record(f"relu{i}", layers.relu(x))
            with jax.named_scope(f"pool{i}"):
                x = record(f"pool{i}", layers.avg_pool(x, 2))
        x = layers.flatten(x)
        for i in (1, 2, 3):
            with jax.named_scope(f"dense{i}"):
                x = record(f"dense{i}", layers.dense(x, **params[f"dense{i}"]))
            x = layers.relu(x) if i < 3 else x
        return x, {}

    return from_forward(NAME, {"classes": classes, "image": image}, init, forward)
