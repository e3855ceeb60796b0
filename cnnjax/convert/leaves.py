"""What every conversion shares: parameters as a flat dict, and one error for all faults."""

from collections.abc import Mapping
from typing import Any

import jax

from cnnjax.models.model import Model, Params
from cnnjax.notices import shown
from cnnjax.trees import Path, flatten, unflatten

__all__ = ["ConversionError", "Path", "check", "check_params", "flatten", "shapes", "unflatten"]

_SHOWN = 4  # faults of a kind that are spelled out


class ConversionError(ValueError):
    """Names or shapes of the given parameters are not those of the model; line by line, nothing in
    them acts on a terminal."""

    def __str__(self) -> str:
        return "\n".join(map(shown, super().__str__().split("\n")))


def shapes(model: Model) -> dict[Path, tuple[int, ...]]:
    """The shape of every parameter of `model`, without making one."""
    params = jax.eval_shape(model.init, jax.random.key(0))
    return {path: leaf.shape for path, leaf in flatten(params).items()}


def check(
    caller: str, model: Model, given: Mapping[str, Any], expected: Mapping[str, tuple[int, ...]]
) -> None:
    """Raise `ConversionError` unless `given` has exactly the names and shapes of `expected`.

    Missing, unknown and misshapen names are summed up: the first of each kind, and how many.
    """
    missing = [f"{name} {tuple(expected[name])}" for name in expected if name not in given]
    unknown = [name for name in given if name not in expected]
    misshapen = [
        f"{name} has shape {tuple(given[name].shape)}, expected {tuple(shape)}"
        for name, shape in expected.items()
        if name in given and tuple(given[name].shape) != tuple(shape)
    ]
    faults = [*_some("missing ", missing), *_some("unknown ", unknown), *_some("", misshapen)]
    if not faults:
        return
    if len(missing) == len(expected):
        faults.insert(0, "no name fits: another model, or its names begin with something more")
    raise ConversionError(
        f"{caller}: not the parameters of {model.name} {dict(model.config)}:\n  "
        + "\n  ".join(shown(fault) for fault in faults)
    )


def _some(word: str, faults: list[str]) -> list[str]:
    """The first of `faults`, and a line for the others."""
    few = faults if len(faults) <= _SHOWN + 1 else faults[:_SHOWN]
    more = len(faults) - len(few)
    rest = f"{word or 'misshapen '}and {more} more"
    return [word + fault for fault in few] + ([rest] if more else [])


def check_params(caller: str, model: Model, params: Params) -> dict[Path, Any]:
    """`params` flattened, after `check`."""
    leaves = flatten(params)
    dotted = {".".join(path): leaf for path, leaf in leaves.items()}
    check(caller, model, dotted, {".".join(path): shape for path, shape in shapes(model).items()})
    return leaves
