"""From one network to another: the same body under another head.

The head of a network is what depends on the number of its classes: for the models here the last
dense layer. `with_head` takes everything else from a trained network:

    saved = load_model("runs/a/model.safetensors")
    model = build(saved.model.name, **{**saved.model.config, "classes": 3})
    params = with_head(model, saved.params, jax.random.key(0))
    fit(model, splits, config, params=params, frozen=body(model),
        preprocessing=saved.preprocessing)
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from cnnjax.models.model import BATCH_STATS, Model, Params
from cnnjax.models.registry import build
from cnnjax.trees import Path, flatten, unflatten

__all__ = ["body", "head", "with_head"]


def head(model: Model) -> tuple[str, ...]:
    """The layers whose parameters depend on the number of classes.

    Found by building the model with one class more, so it must be one that `build` knows.

    >>> from cnnjax.models import lenet5
    >>> head(lenet5(10))
    ('dense3',)
    """
    more = build(model.name, **{**model.config, "classes": model.classes + 1})
    ours, theirs = _shapes(model), _shapes(more)
    return tuple(dict.fromkeys(path[0] for path in ours if theirs.get(path) != ours[path]))


def body(model: Model) -> tuple[str, ...]:
    """All other layers: what stays when the head is replaced.

    >>> from cnnjax.models import lenet5
    >>> body(lenet5(10))
    ('conv1', 'conv2', 'dense1', 'dense2')
    """
    of_head = head(model)
    layers = dict.fromkeys(path[0] for path in _shapes(model))
    return tuple(name for name in layers if name not in (*of_head, BATCH_STATS))


def with_head(
    model: Model, params: Params, key: jax.Array, *, layers: Sequence[str] | None = None
) -> Params:
    """Parameters of `model`: those of `params`, but for the head, which is drawn anew.

    Args:
      model: the network they are for.
      params: parameters of a network that differs from it in the head, in the number of classes,
        say.
      key: what the new head is drawn from.
      layers: the names of the layers that are the head; `head(model)` unless given.

    Raises:
      ValueError: names the parameters of the body that are missing or of another shape, or the
        layers that are not there.

    >>> import jax
    >>> from cnnjax.models import lenet5
    >>> ten, three = lenet5(10), lenet5(3)
    >>> params = with_head(three, ten.init(jax.random.key(0)), jax.random.key(1))
    >>> params["dense3"]["kernel"].shape
    (84, 3)
    """
    fresh = jax.jit(model.init)(key)
    given, wanted = flatten(params), flatten(fresh)
    new = head(model) if layers is None else tuple(layers)
    if unknown := [name for name in new if name not in fresh]:
        raise ValueError(
            f"with_head: layers {', '.join(map(repr, unknown))} are not in {model.name}; "
            f"there are {', '.join(name for name in fresh if name != BATCH_STATS)}"
        )

    def of_head(path: Path) -> bool:
        return (path[1] if path[0] == BATCH_STATS else path[0]) in new

    faults = []
    for path, leaf in wanted.items():
        if of_head(path):
            continue
        shape = tuple(given[path].shape) if path in given else None
        if shape != leaf.shape:
            found = "is missing" if shape is None else f"is {list(shape)}"
            faults.append(f"{'.'.join(path)} {found}, expected {list(leaf.shape)}")
    if faults:
        few = "; ".join(faults[:4]) + (f"; and {len(faults) - 4} more" if len(faults) > 4 else "")
        raise ValueError(f"with_head: params are not the body of {model.name}: {few}")
    return unflatten(
        {
            path: leaf if of_head(path) else jnp.asarray(given[path], leaf.dtype)
            for path, leaf in wanted.items()
        }
    )


def _shapes(model: Model) -> dict[Path, tuple[int, ...]]:
    params = jax.eval_shape(model.init, jax.random.key(0))
    return {path: leaf.shape for path, leaf in flatten(params).items()}
