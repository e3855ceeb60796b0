"""Where a run starts: from which parameters, and which of them stay as they are.

    trained, frozen = divide(params, ("conv1", "layer1.block0"))

A frozen layer has no gradient, no place in the optimiser's state, no decay; the convolutions before
the first trained layer are not differentiated at all. Its batch norm, if it has one, still uses the
statistics of the batch in training, and its running statistics go on following the data, so that
evaluation sees what training saw.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from cnnjax.models.model import BATCH_STATS
from cnnjax.trees import flatten, unflatten

if TYPE_CHECKING:
    from cnnjax.models import Model
    from cnnjax.preprocessing import Preprocessing

__all__ = ["Start", "checked", "divide", "fingerprint", "merge", "of_start", "without_stats"]


@dataclass(frozen=True)
class Start:
    """`params` to begin with (None: drawn from the seed), names of what stays `frozen`, and the
    `preprocessing` that goes with them (None: measured on the training images)."""

    params: Any = None
    frozen: Sequence[str] = ()
    preprocessing: Preprocessing | None = None

    def __post_init__(self) -> None:
        if isinstance(self.frozen, str):
            raise TypeError(
                f"fit: frozen must be a sequence of names, got the string {self.frozen!r}"
            )
        object.__setattr__(self, "frozen", tuple(self.frozen))


def divide(params: Any, frozen: Sequence[str]) -> tuple[Any, Any]:
    """The parameters below the names in `frozen`, apart from the others: (others, frozen).

    A name is a layer (`conv1`), a group of them (`layer1`, `layer1.block0`) or a parameter
    (`conv1.bias`), as in the nested dicts. `params` has no running statistics.

    Raises ValueError for a name that is not there, or if nothing is left to train.

    >>> divide({"a": {"kernel": 1, "bias": 2}, "b": {"kernel": 3}}, ["a.kernel"])
    ({'a': {'bias': 2}, 'b': {'kernel': 3}}, {'a': {'kernel': 1}})
    """
    leaves = flatten(params)
    names = [tuple(name.split(".")) for name in frozen]
    for name in names:
        if not any(path[: len(name)] == name for path in leaves):
            raise ValueError(
                f"fit: frozen {'.'.join(name)!r} is no layer of the model; there are "
                f"{', '.join(params)} and what is below them"
            )
    still = {path for path in leaves if any(path[: len(name)] == name for name in names)}
    if len(still) == len(leaves):
        raise ValueError(f"fit: frozen {', '.join(frozen)} leaves nothing to train")
    return (
        unflatten({path: leaf for path, leaf in leaves.items() if path not in still}),
        unflatten({path: leaf for path, leaf in leaves.items() if path in still}),
    )


def merge(left: Any, right: Any) -> Any:
    """The inverse of `divide`: two nested dicts as one.

    >>> merge({"a": {"bias": 2}}, {"a": {"kernel": 1}})
    {'a': {'bias': 2, 'kernel': 1}}
    """
    if not right:
        return left
    return unflatten({**flatten(left), **flatten(right)})


def checked(model: Model, params: Any) -> Any:
    """`params` as arrays of the model's own dtypes, a copy; it must have the model's form.

    Raises ValueError naming each parameter that is missing, unknown or of another shape.
    """
    expected = flatten(jax.eval_shape(model.init, jax.random.key(0)))
    if not isinstance(params, dict):
        raise TypeError(f"fit: params must be nested dicts, got {type(params).__name__}")
    given = flatten(params)
    faults = [f"{'.'.join(path)} is missing" for path in expected if path not in given]
    faults += [f"{'.'.join(map(str, path))} is unknown" for path in given if path not in expected]
    for path in expected.keys() & given.keys():
        if tuple(np.shape(given[path])) != expected[path].shape:
            faults.append(
                f"{'.'.join(path)} is {list(np.shape(given[path]))}, "
                f"expected {list(expected[path].shape)}"
            )
    if faults:
        few = "; ".join(sorted(faults)[:5]) + ("; ..." if len(faults) > 5 else "")
        raise ValueError(
            f"fit: params are not those of {model.name}: {few} (models.with_head takes all but "
            "the head from a network with other classes)"
        )
    as_model = {path: jnp.asarray(given[path], leaf.dtype) for path, leaf in expected.items()}
    # Fresh arrays: the steps of a run overwrite the ones they are given.
    return jax.jit(lambda tree: jax.tree.map(jnp.copy, tree))(unflatten(as_model))


def fingerprint(params: Any) -> int:
    """A checksum over names, shapes and values."""
    crc = 0
    for path, leaf in sorted(flatten(params).items()):
        array = np.ascontiguousarray(leaf)
        crc = zlib.crc32(f"{'.'.join(path)} {array.dtype} {array.shape}".encode(), crc)
        crc = zlib.crc32(array.reshape(-1).view(np.uint8), crc)
    return crc


def of_start(start: Start) -> dict[str, Any]:
    """What of a start decides the result, as JSON values; nothing where nothing is given."""
    found: dict[str, Any] = {}
    if start.params is not None:
        found["params_crc32"] = fingerprint(start.params)
    if start.frozen:
        found["frozen"] = sorted(set(start.frozen))
    if start.preprocessing is not None:
        found["preprocessing"] = asdict(start.preprocessing)
    return found


def without_stats(params: Any) -> tuple[Any, Any]:
    """Trainable parameters and running statistics (`{}` where there are none)."""
    params = dict(params)
    stats = params.pop(BATCH_STATS, {})
    return params, stats
