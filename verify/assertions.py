"""Questions as assertions, for test files: nothing where it is proved, else AssertionError.

The message begins with the verdict. In pytest, the frames of this file are not shown, and every
verdict has a line in the summary at the end; ini options give the seconds and the seed
(`pytest_plugin.py`).
"""

from __future__ import annotations

import inspect
import math
import sys
from numbers import Real
from typing import TypedDict, TypeVar, Unpack, cast

from verify.checks.derivatives import derivatives
from verify.checks.faithful import faithful
from verify.checks.roundoff import Later
from verify.dtypes import Function, PyTree
from verify.equivalence import equivalent
from verify.shown import function
from verify.verdict import Verdict

_PLUGIN = "verify.pytest_plugin"
_BOUND = "an argument of the function itself: by functools.partial or a lambda"
_INSTEAD = {
    "assuming": "for some inputs only: assert_equivalent(f, g, x, assuming=...), and of a "
    "derivative assert_equivalent(jax.grad(f), jax.grad(g), x, assuming=...)",
    "rounding": "how far two functions are apart: assert_equivalent(f, g, x, rounding=...)",
}


class Effort(TypedDict, total=False):
    """What a question may cost, and its random numbers."""

    seconds: float
    seed: int | None


class Options(Effort, total=False):
    """Of `equivalent`."""

    assuming: Function | None
    constants: str
    verbose: bool


Given = TypeVar("Given", Options, Effort)


def assert_equivalent(
    f: Function,
    g: Function,
    *examples: object,
    rounding: float | None = None,
    **options: Unpack[Options],
) -> None:
    """Passes if `equivalent(f, g, *examples, **options)` is proved; else raises AssertionError.

    rounding: a tolerance for floating point besides. f and g, compiled, then have to be within it
        of one another, all orders of summation considered: the certified bound of
        `verify.rounding(verdict)` has to be at most this number, at the examples if they are arrays
        and at random normal inputs otherwise. An absolute difference; 0 is bit for bit. Where no
        bound is known (another backend than the CPU, ...) it fails, and says why.

    >>> import jax.numpy as jnp
    >>> assert_equivalent(lambda x: jnp.flip(jnp.flip(x)), lambda x: x, jnp.zeros(5), rounding=0)
    >>> x = jnp.linspace(100.0, 101.0, 8)
    >>> assert_equivalent(jnp.var, lambda x: (x * x).mean() - x.mean() ** 2, x)
    >>> assert_equivalent(jnp.var, lambda x: (x * x).mean() - x.mean() ** 2, x, rounding=1e-5)
    Traceback (most recent call last):
    AssertionError: NOT WITHIN rounding=1e-05: as compiled they differ ...
    """
    __tracebackhide__ = True
    tolerance = None if rounding is None else _tolerance("assert_equivalent", rounding)
    verdict = equivalent(f, g, *examples, **_options(assert_equivalent, equivalent, options))
    wrong = "" if tolerance is None or not verdict else _apart(verdict, tolerance)
    claim = f"{function(f)} = {function(g)}"
    _report(claim, verdict, examples, wrong, tolerance)
    if wrong:
        raise AssertionError(f"{wrong}\n{claim}\n{verdict.changed(rounding=None)}")
    if not verdict:
        raise AssertionError(f"{verdict}\n{function(f)} and {function(g)} are not proved equal")


def assert_derivatives(f: Function, *examples: object, **options: Unpack[Effort]) -> None:
    """Passes if `derivatives(f, *examples, **options)` is proved; else raises AssertionError.

    >>> import jax, jax.numpy as jnp
    >>> assert_derivatives(jax.nn.silu, jnp.zeros(2))
    """
    __tracebackhide__ = True
    verdict = derivatives(f, *examples, **_options(assert_derivatives, derivatives, options))
    _report(f"derivatives of {function(f)}", verdict, examples)
    if not verdict:
        raise AssertionError(f"{verdict}\nthe derivatives of {function(f)} are not proved right")


def assert_faithful(
    f: Function, *examples: object, rounding: float | None = None, **options: Unpack[Effort]
) -> None:
    """Passes if `faithful(f, *examples, **options)` is proved, else raises AssertionError.

    rounding: what the certified bound has to be at most, an absolute difference from the real
        values. Without it any bound passes.

    >>> import jax, jax.numpy as jnp
    >>> x = jnp.linspace(0, 1, 12).reshape(3, 4)
    >>> assert_faithful(jax.nn.softmax, x, rounding=1e-5)
    >>> assert_faithful(jax.nn.softmax, x, rounding=1e-9)
    Traceback (most recent call last):
    AssertionError: NOT WITHIN rounding=1e-09: ...
    """
    __tracebackhide__ = True
    tolerance = None if rounding is None else _tolerance("assert_faithful", rounding)
    verdict = faithful(f, *examples, **_options(assert_faithful, faithful, options))
    found = verdict.rounding if verdict else None
    wrong = ""
    if tolerance is not None and found is not None and not found.bound <= tolerance:
        seen = "no more is certified" if found.observed <= tolerance else "more was observed"
        wrong = f"NOT WITHIN rounding={tolerance:g}: {seen}"
    claim = f"{function(f)} as compiled"
    _report(claim, verdict, examples, wrong, tolerance)
    if wrong:
        raise AssertionError(f"{wrong}\n{claim}\n{verdict}")
    if not verdict:
        raise AssertionError(f"{verdict}\n{function(f)} is not proved faithful")


def _tolerance(asked: str, rounding: object) -> float:
    if isinstance(rounding, bool) or not isinstance(rounding, Real):
        raise TypeError(f"{asked}: rounding: expected a number or None, got {rounding!r}")
    if not float(rounding) >= 0:
        raise ValueError(f"{asked}: rounding: expected 0 or more, got {rounding}")
    return float(rounding)


def _apart(verdict: Verdict, tolerance: float) -> str:
    """In words, why the rounding of two equal functions is not within a tolerance; "" if it is."""
    measure = verdict.unmeasured
    asked = measure if isinstance(measure, Later) else None
    limit, found = f"rounding={tolerance:g}", verdict.rounding
    if found is None:
        why = "" if asked is None else f" ({asked.obstacle()})"
        return f"NOT WITHIN {limit}: no bound is known{why}"
    where = "at the examples" if asked is None or asked.at_examples else "at random inputs"
    if found.observed == math.inf:
        what = f"as compiled one has no value {where}, or an infinite one, and the other has not"
    elif found.observed > tolerance:
        what = f"as compiled they differ {where} by {found.observed:.3g}, more than {limit}"
    elif not found.explained:
        what = f"as compiled they differ {where} by more than rounding can explain"
    elif found.bound > tolerance:
        what = f"no more is certified {where}; what was seen is within {limit}"
    else:
        return ""
    return f"NOT WITHIN {limit}: {what}\n{found}"


def _options(asked: Function, question: Function, given: Given) -> Given:
    """With those of pytest's ini file, within a test. TypeError for an option that it has not."""
    __tracebackhide__ = True
    sides = (inspect.signature(f).parameters.values() for f in (question, asked))
    taken = [p.name for side in sides for p in side if p.kind is p.KEYWORD_ONLY]
    for name in given:
        if name not in taken:
            where = f"{asked.__name__}: {name}: no option; it takes {', '.join(taken)}"
            raise TypeError(f"{where} ({_INSTEAD.get(name, _BOUND)})")
    plugin = sys.modules.get(_PLUGIN)
    return given if plugin is None else cast(Given, {**plugin.options(), **given})


def _report(
    claim: str, verdict: Verdict, examples: PyTree, wrong: str = "", tolerance: float | None = None
) -> None:
    """Tells the pytest plugin, if it is loaded: outside pytest nobody listens."""
    plugin = sys.modules.get(_PLUGIN)
    if plugin is not None:
        plugin.notify(claim, verdict, examples, wrong, tolerance)
