"""Models of the user's own on the command line: `--model MODULE:FUNCTION`.

The module is imported, from the current folder or wherever Python finds it, and the function must
be registered there (`models.register`). What a run folder or a model file says is never imported:
the command line names code, files name data.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from cnnjax.cli.options import MODELS
from cnnjax.cli.problems import BadUsage
from cnnjax.notices import shown

__all__ = ["HELP", "add_argument", "is_own", "known_as"]

HELP = "where the model is your own: its function, which is imported"


def add_argument(add: Any, kind: Any) -> None:
    """The option of commands that read a trained model."""
    add("--model", type=kind, metavar="MODULE:FUNCTION", help=HELP)


def is_own(model: str) -> bool:
    """Whether a model's name stands for a function to import.

    >>> is_own("my_nets:wide"), is_own("lenet")
    (True, False)
    """
    return ":" in model


def known_as(model: str | None, command: str) -> str | None:
    """The name by which `models.build` knows `model`; its module is imported first."""
    if model is None or not is_own(model):
        return model
    module, _, function = model.partition(":")
    found = _imported(module, f"cnnjax {command}: --model {model}")
    from cnnjax import models

    builder = getattr(found, function, None)
    name = next((name for name, known in models.MODELS.items() if known is builder), None)
    if name is not None:
        return name
    here = [n for n, f in models.MODELS.items() if getattr(f, "__module__", None) == module]
    there = ", ".join(f"{module}:{getattr(models.MODELS[n], '__name__', n)}" for n in here)
    fault = "has no such function" if builder is None else "is not registered"
    raise BadUsage(
        f"cnnjax {command}: --model {model}: {module if builder is None else model} {fault}; "
        + (
            f"registered there: {there}"
            if here
            else "@models.register('NAME') above a function of (classes, image) makes it known"
        )
    )


def _imported(module: str, option: str) -> Any:
    if "" not in sys.path and "." not in sys.path:  # as `python -m` has it
        sys.path.insert(0, "")
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        if module == missing or module.startswith(f"{missing}."):
            raise BadUsage(
                f"{option}: there is no module {missing} (in this folder, on PYTHONPATH, or "
                f"installed); or one of {', '.join(MODELS)}"
            ) from error
        raise BadUsage(f"{option}: {module} imports {missing}, which is not there") from error
    except (ImportError, SyntaxError) as error:
        raise BadUsage(f"{option}: {module} cannot be imported ({shown(error)})") from error
