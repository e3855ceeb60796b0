"""From "module:function" to the function, and back.

Importing a module is running code. So a name from the user's own command line is followed wherever
it leads (`resolve`), and a name in a file only as far as the user allows (`allowed_function`): the
name is looked at as text first, then its module is imported if that is allowed, then what is found
must have been written in a module that is allowed.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any

from verify.dtypes import Function

ALWAYS = ("verify", "cnnjax")  # with all modules beneath them
# But for what does more than compute: it reads and writes files, looks for other hosts, or is the
# verifier's own state.
_NOT_BY_DEFAULT = (
    *("cnnjax.cache", "cnnjax.checkpoint", "cnnjax.cli", "cnnjax.convert", "cnnjax.data"),
    *("cnnjax.lowerings.tuned", "cnnjax.pictures", "cnnjax.train"),
    *("verify.cli", "verify.limits", "verify.primitives", "verify.report"),
    *("verify.certificate", "verify.pytest_plugin", "verify.trust"),
)
_WRAPPERS = 32  # of one function


class Refused(ValueError):
    """A name that is not followed."""


def reference(f: Function) -> str:
    """Where a function can be imported from, or words for one that cannot.

    >>> import math
    >>> reference(math.sin), reference(functools.partial(math.log, 2))
    ('math:sin', '?:<a partial of math:log>')
    """
    if isinstance(f, functools.partial):
        return f"?:<a partial of {reference(f.func)}>"
    module, name = (getattr(f, part, None) for part in ("__module__", "__qualname__"))
    if not isinstance(module, str) or not isinstance(name, str):
        return f"?:<a {type(f).__name__}>"
    return f"{module}:{name}"


def resolve(name: str) -> Function:
    """The function at "module:function", wherever it is; the current folder is searched first.
    Raises ValueError, saying which part is missing."""
    module_name, path = _parts(name)
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    found = _imported(name, module_name)
    for part in path:
        found = _attribute(name, found, part)
    return _callable(name, found)


def allowed_function(name: str, allow: Sequence[str] = ()) -> Function:
    """The function at "module:function", if its module is `verify`, `cnnjax`, one of `allow`, or
    lies beneath one of them. Raises Refused before anything else is imported.

    >>> allowed_function("subprocess:call")
    Traceback (most recent call last):
    verify.certificate.names.Refused: 'subprocess:call': the module 'subprocess' is not allowed ...
    """
    module_name, path = _parts(name)
    for part in (*module_name.split("."), *path):
        if part.startswith("__") and part.endswith("__"):
            raise Refused(f"{name!r}: {part!r} is not followed in a name from a file")
    if not is_allowed(module_name, allow):
        raise Refused(
            f"{name!r}: the module {module_name!r} is not allowed to run here; if you trust it: "
            f"--allow {module_name}"
        )
    # Last, so that no file of the current folder stands in for a library that is installed.
    if any(is_allowed(module_name, [one]) for one in allow) and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    found = _imported(name, module_name)
    for part in path:
        if found is not sys.modules[module_name] and not inspect.isclass(found):
            raise Refused(f"{name!r}: {part!r} would be looked up in a {type(found).__name__}")
        found = _attribute(name, found, part)
        if isinstance(found, types.ModuleType):
            raise Refused(f"{name!r}: {part!r} is a module; a module is named before the colon")
        _callable(name, found)
        for origin in _origins(found):
            if not is_allowed(origin, allow):
                raise Refused(
                    f"{name!r}: {part!r} was written in the module {origin!r}, which is not "
                    f"allowed to run here; if you trust it: --allow {origin}"
                )
    return _callable(name, found)


def is_allowed(module: str, allow: Sequence[str] = ()) -> bool:
    """Whether a module is one of those allowed, or lies beneath one.

    >>> is_allowed("models.resnet", ["models"]), is_allowed("modelsx", ["models"])
    (True, False)
    """

    def within(names: Sequence[str]) -> bool:
        return any(module == name or module.startswith(f"{name}.") for name in names)

    return within(allow) or (within(ALWAYS) and not within(_NOT_BY_DEFAULT))


def _parts(name: str) -> tuple[str, list[str]]:
    """The module, and the way from there: checked as text."""
    module_name, colon, path = name.partition(":")
    if not colon or not path:
        raise Refused(f"{name!r} is not like 'module:function', for example 'jax.nn:relu'")
    if path.startswith("<a partial of "):
        raise Refused(f"{name!r} cannot be imported; write a function with that name instead")
    if "<" in path:
        raise Refused(
            f"{name!r} is a local function (a lambda, or within another function) and cannot be "
            "imported; give it a name at the top of a module"
        )
    if module_name == "__main__":
        raise Refused(f"{name!r} was defined in a script; put it into a module of its own")
    parts = [*module_name.split("."), *path.split(".")]
    for part in parts:
        if not part.isidentifier():
            raise Refused(f"{name!r} is not like 'module:function': {part!r} is no name")
    return module_name, path.split(".")


def _imported(name: str, module_name: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ImportError as error:
        stem, dot, end = module_name.rpartition(".")
        file = f"; a file is named without its ending: '{stem}:...'" if dot and end == "py" else ""
        raise ValueError(f"{name!r}: cannot import {module_name!r} ({error}){file}") from error


def _attribute(name: str, found: object, part: str) -> object:
    if not hasattr(found, part):
        names = sorted(n for n in dir(found) if not n.startswith("_"))
        raise ValueError(f"{name!r}: no {part!r} there; there are {', '.join(names[:20])}")
    return getattr(found, part)


def _callable(name: str, found: object) -> Function:
    if not callable(found):
        raise ValueError(f"{name!r} is a {type(found).__name__}, not a function")
    return found


def _origins(found: object) -> Iterator[str]:
    """The modules that something callable says it is from, and that its code is from.

    Decorators keep the name of what they wrap, and `__module__` can be set: so of a function the
    module whose globals it reads counts too.
    """
    for _ in range(_WRAPPERS):
        inner = _wrapped(found)
        if inner is None:
            break
        if not isinstance(found, functools.partial | types.MethodType):
            yield _module(found)
        found = inner
    yield _module(found)
    if inspect.isfunction(found):
        yield str(found.__globals__.get("__name__", "?"))
    elif not inspect.isclass(found) and not inspect.isroutine(found):
        kind = type(found)
        yield kind.__module__
        call = inspect.getattr_static(kind, "__call__", None)
        if inspect.isfunction(call):
            yield str(call.__globals__.get("__name__", "?"))


def _wrapped(found: object) -> Function | None:
    """The function inside, or None."""
    if isinstance(found, functools.partial):
        return found.func
    if isinstance(found, types.MethodType):
        return found.__func__
    if inspect.isclass(found):
        return None
    return inspect.getattr_static(found, "__wrapped__", None) and found.__wrapped__  # type: ignore[attr-defined]


def _module(found: object) -> str:
    """What it says; of methods of builtin objects, which have no module, what they belong to."""
    module = getattr(found, "__module__", None)
    if not isinstance(module, str):
        module = getattr(type(getattr(found, "__self__", found)), "__module__", "?")
    return str(module)
