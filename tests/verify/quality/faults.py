"""Networks with one planted fault, and the fewest non-zero numbers that show it.

The smallest support is argued in each comment: a path from what the fault touches to the output has
one weight a layer, and nothing else has to be there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

F = jnp.float32


def S(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, F)


@dataclass(frozen=True)
class Fault:
    f: Callable[..., Any]
    g: Callable[..., Any]
    examples: tuple[Any, ...]
    smallest: int  # non-zero numbers that show it
    more: int = 0  # that are found beside them


def conv(x: Any, kernel: Any, *, stride: int = 1, padding: Any = "SAME") -> Any:
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def pool(x: Any, start: int = 0) -> Any:
    x = x[:, start:, start:]
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


# --- a convolutional network: two layers a stage, pooling, a dense head, softmax ---

CHANNELS = (8, 16, 32)


def cnn_params(side: int) -> dict[str, Any]:
    params: dict[str, Any] = {}
    inputs = 3
    for number, channels in enumerate(CHANNELS):
        params[f"conv{number}"] = {"kernel": S(3, 3, inputs, channels), "bias": S(channels)}
        inputs = channels
    left = side // 2 ** len(CHANNELS)
    params["dense"] = {"kernel": S(left * left * inputs, 10), "bias": S(10)}
    return params


def cnn(
    params: Any,
    x: Any,
    *,
    lost: tuple[str, int] | None = None,
    without_relu: int | None = None,
    flipped: int | None = None,
    swapped: int | None = None,
    shifted: int | None = None,
    padding: dict[int, Any] | None = None,
    transposed: bool = False,
    axis: int = -1,
) -> Any:
    if lost is not None:
        layer, channel = lost
        bias = params[layer]["bias"].at[channel].set(0.0)
        params = {**params, layer: {**params[layer], "bias": bias}}
    for number in range(len(CHANNELS)):
        p = params[f"conv{number}"]
        kernel = p["kernel"]
        if number == flipped:
            kernel = kernel[::-1]
        if number == swapped:
            kernel = kernel[:, :, ::-1]
        y = conv(x, kernel, padding=(padding or {}).get(number, "SAME")) + p["bias"]
        y = y if number == without_relu else jax.nn.relu(y)
        x = pool(jnp.roll(y, 1, axis=2) if number == shifted else y)
    x = x.transpose(0, 2, 1, 3) if transposed else x
    logits = x.reshape(x.shape[0], -1) @ params["dense"]["kernel"] + params["dense"]["bias"]
    return jax.nn.softmax(logits, axis)


def planted(examples: tuple[Any, ...], smallest: int, **fault: Any) -> Fault:
    return Fault(cnn, lambda params, x: cnn(params, x, **fault), examples, smallest)


IMAGE = (cnn_params(32), S(1, 32, 32, 3))
BATCH = (cnn_params(16), S(2, 16, 16, 3))

# --- a deep perceptron ---

DEPTH, WIDTH = 24, 16
LAYERS = ([S(WIDTH, WIDTH) for _ in range(DEPTH)], [S(WIDTH) for _ in range(DEPTH)], S(4, WIDTH))


def perceptron(weights: Any, biases: Any, x: Any, *, lost: int | None = None) -> Any:
    for number, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        x = jnp.tanh(x @ weight + (0.0 if number == lost else bias))
    return x


# --- residual blocks with batch statistics as parameters ---

BLOCKS, FEATURES = 6, 16


def residual_params() -> dict[str, Any]:
    block = {
        "kernel": S(3, 3, FEATURES, FEATURES),
        **{name: S(FEATURES) for name in ("scale", "shift", "mean", "var")},
    }
    return {
        "stem": S(3, 3, 3, FEATURES),
        "blocks": [dict(block) for _ in range(BLOCKS)],
        "head": S(FEATURES, 10),
    }


def residual(params: Any, x: Any, *, no_mean: int | None = None, no_skip: int | None = None) -> Any:
    x = conv(x, params["stem"])
    for number, p in enumerate(params["blocks"]):
        y = conv(x, p["kernel"])
        y = y if number == no_mean else y - p["mean"]
        y = y * lax.rsqrt(jnp.abs(p["var"]) + 1e-5) * p["scale"] + p["shift"]
        x = jax.nn.relu(y if number == no_skip else x + y)
    return x.mean((1, 2)) @ params["head"]


RESIDUAL = (residual_params(), S(1, 16, 16, 3))

# --- attention ---

TIME, MODEL = 12, 16
ATTENTION = ({name: S(MODEL, MODEL) for name in ("query", "key", "value", "out")}, S(TIME, MODEL))


def attention(p: Any, x: Any, *, scale: float = MODEL**-0.5, ahead: int = 0) -> Any:
    q, k, v = x @ p["query"], x @ p["key"], x @ p["value"]
    scores = q @ k.T * scale
    scores = jnp.where(jnp.tril(jnp.ones((TIME, TIME), bool), ahead), scores, -jnp.inf)
    return jax.nn.softmax(scores) @ v @ p["out"]


# --- a recurrent cell ---

STEPS, HIDDEN = 10, 12
RECURRENT = (S(8, 3 * HIDDEN), S(HIDDEN, 3 * HIDDEN), S(STEPS, 8))


def recurrent(inward: Any, across: Any, xs: Any, *, late: bool = False) -> Any:
    def step(h: Any, x: Any) -> tuple[Any, Any]:
        a, b = jnp.split(x @ inward, 3, -1), jnp.split(h @ across, 3, -1)
        reset, update = jax.nn.sigmoid(a[0] + b[0]), jax.nn.sigmoid(a[1] + b[1])
        new = jnp.tanh(a[2] + ((reset * h) @ across[:, 2 * HIDDEN :] if late else reset * b[2]))
        h = (1 - update) * new + update * h
        return h, h

    return lax.scan(step, jnp.zeros(HIDDEN), xs)[0]


# --- the table ---

FAULTS: dict[str, Fault] = {
    # The bias, a tap of the next kernel, a weight of the head.
    "a lost bias": planted(IMAGE, 3, lost=("conv1", 11)),
    "a lost bias, of the last layer": planted(IMAGE, 2, lost=("conv2", 5)),
    "a lost bias, of the first layer": planted(IMAGE, 4, lost=("conv0", 2)),
    "a lost bias, of the head": planted(IMAGE, 1, lost=("dense", 7)),
    # A pixel, a tap of each of three layers, a weight of the head. (The bias of the layer before is
    # a constant image, which the two see differently at the border, but pooling hides that.)
    "a kernel upside down": planted(IMAGE, 5, flipped=1),
    # A bias, a tap of its own layer, one of the next, a weight of the head.
    "channels in reverse order": planted(IMAGE, 4, swapped=1),
    # A bias is a constant image; taps that move its border past the pooling, a weight of the head.
    "padding on the wrong side": planted(IMAGE, 4, padding={1: ((2, 0), (1, 1))}),
    # A negative bias, a tap of the next, a weight of the head.
    "a missing ReLU": planted(IMAGE, 3, without_relu=1),
    # A pixel, a tap of each of three layers, a weight of the head. (A bias is a constant image, and
    # pooling hides a border of zeros.)
    "a map shifted before pooling": planted(IMAGE, 5, shifted=1),
    # A map that is not symmetric: a constant one, subtracted from a bias but for a border, and a
    # weight of the head.
    "rows and columns swapped in the head": planted(IMAGE, 4, transposed=True),
    # A bias of the head: then the two images of the batch share it.
    "softmax over the batch": planted(BATCH, 0, axis=0),
    # A bias and one weight a layer after it.
    "a lost bias in 24 layers": Fault(
        perceptron, lambda *xs: perceptron(*xs, lost=3), LAYERS, DEPTH - 3
    ),
    # The mean and its scale, and the head: skips carry it on.
    "a mean not subtracted": Fault(residual, lambda *xs: residual(*xs, no_mean=2), RESIDUAL, 3),
    # A shift of the block before, carried on by skips, and the head.
    "a lost skip": Fault(residual, lambda *xs: residual(*xs, no_skip=2), RESIDUAL, 2),
    # A number of x that is query and key of its own position (beside another: zero), and a value.
    "a scale of scores": Fault(
        attention, lambda p, x: attention(p, x, scale=1 / MODEL), ATTENTION, 5, more=1
    ),
    "a mask that looks ahead": Fault(
        attention, lambda p, x: attention(p, x, ahead=1), ATTENTION, 3
    ),
    # Two steps: a state, then a reset gate that differs between the state's numbers.
    "a reset gate applied late": Fault(
        recurrent, lambda *xs: recurrent(*xs, late=True), RECURRENT, 4
    ),
}
