"""What every conversion shares: parameters as a flat dict, and one error that lists all faults."""

from collections.abc import Mapping
from typing import Any

import jax

from cnnjax.models.model import Model, Params

Path = tuple[str, ...]


class ConversionError(ValueError):
    """Names or shapes of the given parameters are not those of the model."""


def flatten(tree: Mapping[str, Any]) -> dict[Path, Any]:
    """{"conv1": {"bias": b}} -> {("conv1", "bias"): b}."""
    leaves: dict[Path, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            leaves |= {(name, *path): leaf for path, leaf in flatten(value).items()}
        else:
            leaves[(name,)] = value
    return leaves


def unflatten(leaves: Mapping[Path, Any]) -> Params:
    """The inverse of `flatten`."""
    tree: Params = {}
    for path, leaf in leaves.items():
        node = tree
        for name in path[:-1]:
            node = node.setdefault(name, {})
        node[path[-1]] = leaf
    return tree


def shapes(model: Model) -> dict[Path, tuple[int, ...]]:
    """The shape of every parameter of `model`, without making one."""
    params = jax.eval_shape(model.init, jax.random.key(0))
    return {path: leaf.shape for path, leaf in flatten(params).items()}


def check(
    caller: str, model: Model, given: Mapping[str, Any], expected: Mapping[str, tuple[int, ...]]
) -> None:
    """Raise `ConversionError` unless `given` has exactly the names and shapes of `expected`.

    Every missing, unknown and misshapen name is listed, so that one run shows them all.
    """
    faults = [f"missing {name} {shape}" for name, shape in expected.items() if name not in given]
    faults += [f"unknown {name}" for name in given if name not in expected]
    for name, shape in expected.items():
        if name in given and tuple(given[name].shape) != shape:
            faults.append(f"{name} has shape {tuple(given[name].shape)}, expected {shape}")
    if faults:
        raise ConversionError(
            f"{caller}: not the parameters of {model.name} {dict(model.config)}:\n  "
            + "\n  ".join(faults)
        )


def check_params(caller: str, model: Model, params: Params) -> dict[Path, Any]:
    """`params` flattened, after `check`."""
    leaves = flatten(params)
    dotted = {".".join(path): leaf for path, leaf in leaves.items()}
    check(caller, model, dotted, {".".join(path): shape for path, shape in shapes(model).items()})
    return leaves
