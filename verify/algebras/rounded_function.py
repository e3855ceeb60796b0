"""How far XLA's elementary functions on the CPU are from the truth: one table.

How the figures were found: each function compiled in float32, bfloat16, float16 and float64 at some
400,000 arguments log-uniform over its whole range, both signs, in arrays that fill vectors and in
such of three elements, against 80-bit `long double`, SciPy in float64 (for erf, erfc, erf_inv,
lgamma and digamma in the narrower formats) or mpmath with 40 digits (for those in float64); jaxlib
0.10 on x86-64. `seen` is the largest error, in units of the last place (2u |f|); four times that is
what is taken, so that another vector length or version has room.

Errors that grow with the argument are stated per unit of it. exp's growth is not its own, which is
below one unit everywhere: XLA turns exp(a) exp(b) into exp(a + b), whose argument is rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.numeric_value import Bounded
from verify.algebras.rounded_value import Format, largest
from verify.programs.catalogue import Fact, having

_MARGIN = 4.0


@dataclass(frozen=True)
class Seen:
    """Largest error seen, in units of the last place; a second figure where float64 is worse.

    grows: by how much more, as a function of |argument|. absolute: units of 1 + |f| instead of |f|,
    for functions with zeros that are no floats.
    """

    ulps: float
    double: float | None = None
    grows: Callable[[np.ndarray], np.ndarray] | None = None
    absolute: bool = False


_TABLE: dict[str, Seen] = {
    "exp": Seen(0.9, grows=lambda x: x / 4),
    "exp2": Seen(0.5, grows=lambda x: x / 2),
    "expm1": Seen(2.8),
    "log": Seen(1.0),
    "log1p": Seen(1.6, double=112),
    "logistic": Seen(1.4),
    "tanh": Seen(2.3, double=3.5),
    "sinh": Seen(2.7, grows=lambda x: x / 2),
    "cosh": Seen(0.9, grows=lambda x: x / 2),
    "asinh": Seen(1.8),
    "acosh": Seen(2.4),
    "atanh": Seen(1.5, double=70),
    "asin": Seen(1.3),
    "acos": Seen(1.6),
    "atan": Seen(0.9),
    "atan2": Seen(1.1),
    "sin": Seen(0.6),
    "cos": Seen(0.6),
    "tan": Seen(0.7),
    "sqrt": Seen(0.5),
    "rsqrt": Seen(1.3),
    "cbrt": Seen(0.8, double=2.6),
    "erf": Seen(2.5),
    "erfc": Seen(3.1, grows=lambda x: 3.1 * np.square(x)),
    "erf_inv": Seen(49, double=np.inf),  # of a million units near 1 in float64
    "lgamma": Seen(17, absolute=True),
    "digamma": Seen(7.4, absolute=True),
    "rem": Seen(0.5),
    "pow": Seen(0.0),  # see power_error
}

# Results are operands or whole numbers: nothing is rounded. (Large floats are whole.)
_EXACT = having(Fact.EXACT, Fact.ELEMENTWISE) | {"round_even"}


def function_error(name: str, x: Bounded, result: Bounded, form: Format) -> np.ndarray:
    """What computing the function adds to the error of `result`, its ball over the argument's."""
    if name in _EXACT:
        return np.zeros(result.shape)
    if name not in _TABLE:
        raise Unsupported(f"rounding errors of {name}")
    seen = _TABLE[name]
    ulps = seen.double if form.bits > 24 and seen.double is not None else seen.ulps
    if ulps == np.inf:
        raise Unsupported(f"rounding errors of {name} in this format")
    units = np.full(result.shape, ulps)
    if seen.grows is not None:
        finite = np.where(np.isfinite(x.value), largest(x), 0.0)
        units = units + seen.grows(finite)
    size = largest(result) + (1.0 if seen.absolute else 0.0)
    # At infinite arguments a function is exact or nothing.
    return np.where(np.isinf(x.value), 0.0, _MARGIN * units * (2 * form.unit) * size)


def power_error(result: Bounded, form: Format) -> np.ndarray:
    """Of x**y, half a unit seen, and as much again for each unit of |y log x| = |log(x**y)|: the
    compiler may round a product of exponents. t |log t| rises up to t = 1/e."""
    top = largest(result)
    logarithm = np.where(top > 0, np.abs(np.log(np.where(top > 0, top, 1.0))), 0.0)
    weighted = top * logarithm + np.where(top > 0.36, 0.37, 0.0)
    return _MARGIN * 0.5 * (2 * form.unit) * (top + weighted)
