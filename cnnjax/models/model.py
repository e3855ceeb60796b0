"""What a model is here: a frozen record of pure functions, and the checks every model shares.

A model holds no arrays. `init` makes the parameters, the other functions take them:

    params = model.init(key)
    logits = model.apply(params, x)

Parameters are nested dicts of float32 arrays with stable names (`params["conv1"]["kernel"]`).
Running statistics of batch normalisation live at `params["batch_stats"]`, nested like the
layers they belong to; everything else is trained. A model without them has no such key.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from cnnjax import init as initializers
from cnnjax.arguments import check_takes, form
from cnnjax.trees import flatten

Params = dict[str, Any]

BATCH_STATS = "batch_stats"


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A network as pure functions.

    Attributes:
      name: the name `build` knows it by.
      config: keyword arguments that rebuild it, `build(name, **config)`; JSON-ready values.
      image: (H, W, C) of the images it takes.
      classes: the number of logits.
      init: `init(key) -> params`, float32.
      apply: `apply(params, x) -> logits`, inference; x (*batch, H, W, C) -> (*batch, classes).
      apply_train: `apply_train(params, x, key) -> (logits, batch_stats)`, training mode: batch
        statistics, dropout drawn from `key`; `batch_stats` are the new running statistics in
        the form of `params["batch_stats"]`, `{}` when the model has none.
      features: `features(params, x) -> {name: map}`, inference, every named intermediate map
        in the order of computation (under jit too); the last one is the logits.
      per_pixel: whether there are logits for each pixel, (*batch, H, W, classes), not one vector an
        image. `fit` trains such a network on labels (N, H, W).

    All of them compute in the dtype of x: for bfloat16 compute with float32 parameters call
    `apply(params, x.astype(jnp.bfloat16))`.
    """

    name: str
    config: Mapping[str, Any]
    image: tuple[int, int, int]
    classes: int
    init: Callable[[jax.Array], Params]
    apply: Callable[[Params, jax.Array], jax.Array]
    apply_train: Callable[[Params, jax.Array, jax.Array], tuple[jax.Array, Params]]
    features: Callable[[Params, jax.Array], dict[str, jax.Array]]
    per_pixel: bool = False

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.config.items())
        return f"Model({self.name!r}, {options})"

    def _repr_html_(self) -> str | None:
        """How notebooks show it: the table of `summary`."""
        return None if drawing is None else drawing(self)


# What makes `_repr_html_`, set in `cnnjax/models/__init__.py`: the summary reads models.
drawing: Callable[[Model], str] | None = None

# `record(name, y)` hands an intermediate map to whoever asked for it and returns it unchanged.
Record = Callable[[str, jax.Array], jax.Array]


class Forward(Protocol):
    """The computation of a model, written once for inference, training and features.

    Kernels and their biases are already in the dtype of x; `key` is None for inference. Returns
    the logits and the new running statistics.
    """

    def __call__(
        self, params: Params, x: jax.Array, *, key: jax.Array | None, record: Record
    ) -> tuple[jax.Array, Params]: ...


def from_forward(
    name: str,
    config: Mapping[str, Any],
    init: Callable[[jax.Array], Params],
    forward: Forward,
    *,
    per_pixel: bool = False,
) -> Model:
    """The `Model` whose four functions share one `forward`; `config` has `classes` and `image`.

    With `per_pixel`, `forward` returns logits (*batch, H, W, classes).

    Raises TypeError where `forward` is no function of `(params, x, *, key, record)`; the model's
    functions raise ValueError where it returns something else than logits and statistics.
    """
    for needed in ("classes", "image"):
        if needed not in config:
            raise ValueError(f"from_forward: the config of {name!r} lacks {needed!r}")
    check_takes("from_forward: init", init, ["key"])
    check_takes("from_forward: forward", forward, ["params", "x"], ["key", "record"])
    image = tuple(config["image"])

    def run(params, x, *, key=None, record=lambda _, y: y):
        x = jnp.asarray(x)
        check_x(name, x, image)
        returned = forward(in_dtype(params, x.dtype), x, key=key, record=record)
        check_returned(
            f"{name}: forward",
            returned,
            (*x.shape[: -1 if per_pixel else -3], config["classes"]),
            params,
            key is not None,
        )
        return returned

    def apply(params, x):
        return run(params, x)[0]

    def apply_train(params, x, key):
        return run(params, x, key=key)

    def features(params, x):
        # Ordered: under jit and eval_shape a plain dict comes back sorted by name.
        maps: OrderedDict[str, jax.Array] = OrderedDict()

        def record(layer, y):
            maps[layer] = y
            return y

        run(params, x, record=record)
        return maps

    return Model(
        name, dict(config), image, config["classes"], init, apply, apply_train, features, per_pixel
    )


def in_dtype(params: Params, dtype: jnp.dtype) -> Params:
    """`params` with kernels, and the biases beside them, in `dtype`.

    Norms and running statistics stay as they are: the norms compute in float32 or wider, and in
    eight bits a running average would stand still.
    """
    if "kernel" in params:
        return {name: leaf.astype(dtype) for name, leaf in params.items()}
    return {
        name: in_dtype(value, dtype) if isinstance(value, dict) else value
        for name, value in params.items()
    }


def check_x(name: str, x: jax.Array, image: tuple[int, int, int]) -> None:
    """Raise unless x is a floating-point (*batch, H, W, C) of the model's image size."""
    if tuple(x.shape[-3:]) != image:
        raise ValueError(
            f"{name}: the model takes images (*batch, {', '.join(map(str, image))}), "
            f"x has shape {tuple(x.shape)}"
        )
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(
            f"{name}: x must be floating point (it sets the dtype of the computation), "
            f"got {x.dtype}; scale images first, for example x.astype(jnp.float32) / 255"
        )


def check_returned(
    name: str, returned: Any, logits: tuple[int, ...], params: Params, training: bool
) -> None:
    """Raise unless a forward pass returned logits of this shape and, in training, statistics in the
    form of those in `params`."""
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise ValueError(
            f"{name} must return (logits, batch_stats), batch_stats {{}} where there are "
            f"none, got {form(returned)}"
        )
    if tuple(getattr(returned[0], "shape", (None,))) != logits:
        raise ValueError(
            f"{name} must return logits (*batch, classes), here {list(logits)}, "
            f"got {form(returned[0])}"
        )
    if not training:
        return
    found, expected = (
        {".".join(path): tuple(leaf.shape) for path, leaf in flatten(stats).items()}
        if isinstance(stats, Mapping)
        else form(stats)
        for stats in (returned[1], params.get(BATCH_STATS, {}))
    )
    if found != expected:
        raise ValueError(
            f"{name} must return the statistics as params[{BATCH_STATS!r}] has them, "
            f"{expected}, got {found}"
        )


def check_count(model: str, argument: str, value: int) -> int:
    """`value` as an int if it is a positive one; an error that names model and argument if not."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{model}: {argument} must be a positive integer, got {value!r}")
    return int(value)


def check_counts(model: str, argument: str, values: Sequence[int]) -> tuple[int, ...]:
    """`values` as a tuple if each is a positive integer and there is at least one."""
    values = tuple(values)
    if not values:
        raise ValueError(f"{model}: {argument} must have at least one entry, got {values!r}")
    return tuple(check_count(model, f"{argument}[{i}]", v) for i, v in enumerate(values))


def check_rate(model: str, argument: str, value: float) -> float:
    """`value` if it is a rate at which something is dropped."""
    if not 0 <= value < 1:
        raise ValueError(f"{model}: {argument} must be a rate in [0, 1), got {value!r}")
    return float(value)


def check_image(model: str, image: Sequence[int], *, smallest: int = 1) -> tuple[int, int, int]:
    """`image` as (H, W, C) if both sides have at least `smallest` pixels."""
    if len(tuple(image)) != 3:
        raise ValueError(f"{model}: image must be (height, width, channels), got {image!r}")
    height, width, channels = check_counts(model, "image", image)
    if min(height, width) < smallest:
        raise ValueError(
            f"{model}: image {height}x{width} is too small, "
            f"both sides need at least {smallest} pixels"
        )
    return height, width, channels


def conv_params(key: jax.Array, shape: tuple[int, ...], *, bias: bool = True) -> Params:
    """A He-normal kernel of `shape` (kh, kw, C, O) and, where asked for, a zero bias (O,)."""
    params = {"kernel": initializers.he_normal(key, shape, dtype=jnp.float32)}
    if bias:
        params["bias"] = jnp.zeros(shape[-1], jnp.float32)
    return params


def dense_params(key: jax.Array, inputs: int, outputs: int) -> Params:
    """A He-normal kernel (inputs, outputs) and a zero bias (outputs,)."""
    return conv_params(key, (inputs, outputs))
