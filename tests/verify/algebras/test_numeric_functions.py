"""Functions of the numeric algebra against 60 digits: the truth lies within the bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from verify.algebras.base import Unsupported
from verify.algebras.numeric import Bounded, Numeric
from verify.algebras.numeric_function import NAMES, roots

mpmath = pytest.importorskip("mpmath", reason="needs mpmath for the exact values")
mp = mpmath.mp.clone()
mp.dps = 60

NUMERIC = Numeric()
FLOAT = np.dtype(np.float64)


def away(x: Any) -> Any:
    return mp.sign(x) * mp.floor(abs(x) + mp.mpf(1) / 2)


EVERYWHERE = (-30.0, 30.0)
# The function over the reals, and the range of arguments to try.
TRUTH: dict[str, tuple[Callable[..., Any], tuple[float, float]]] = {
    "exp": (mp.exp, (-700.0, 700.0)),
    "exp2": (lambda x: mp.mpf(2) ** x, (-900.0, 900.0)),
    "expm1": (mp.expm1, EVERYWHERE),
    "log": (mp.log, (1e-9, 50.0)),
    "log1p": (mp.log1p, (-0.999, 50.0)),
    "logistic": (lambda x: 1 / (1 + mp.exp(-x)), (-700.0, 700.0)),
    "tanh": (mp.tanh, EVERYWHERE),
    "sin": (mp.sin, (-1000.0, 1000.0)),
    "cos": (mp.cos, (-1000.0, 1000.0)),
    "tan": (mp.tan, EVERYWHERE),
    "asin": (mp.asin, (-1.0, 1.0)),
    "acos": (mp.acos, (-1.0, 1.0)),
    "atan": (mp.atan, EVERYWHERE),
    "sinh": (mp.sinh, (-700.0, 700.0)),
    "cosh": (mp.cosh, (-700.0, 700.0)),
    "asinh": (mp.asinh, EVERYWHERE),
    "acosh": (mp.acosh, (1.0, 50.0)),
    "atanh": (mp.atanh, (-0.99999, 0.99999)),
    "sqrt": (mp.sqrt, (0.0, 50.0)),
    "rsqrt": (lambda x: 1 / mp.sqrt(x), (1e-9, 50.0)),
    "cbrt": (lambda x: mp.sign(x) * mp.cbrt(abs(x)), EVERYWHERE),
    "erf": (mp.erf, (-6.0, 6.0)),
    "erfc": (mp.erfc, (-6.0, 27.0)),
    "erf_inv": (mp.erfinv, (-0.999, 0.999)),
    "lgamma": (mp.loggamma, (1e-6, 100.0)),
    "digamma": (mp.digamma, (1e-6, 100.0)),
    "bessel_i0e": (lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), (-300.0, 300.0)),
    "bessel_i1e": (lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), (-300.0, 300.0)),
    "floor": (mp.floor, EVERYWHERE),
    "ceil": (mp.ceil, EVERYWHERE),
    "sign": (mp.sign, EVERYWHERE),
    "round": (away, EVERYWHERE),
    "round_even": (mp.nint, EVERYWHERE),
    "abs": (abs, EVERYWHERE),
    "pow": (mp.power, (1e-3, 30.0)),
    "atan2": (lambda y, x: mp.atan2(y, x), EVERYWHERE),
    "rem": (lambda a, b: a - b * int(a / b), EVERYWHERE),
}
BINARY = ("pow", "atan2", "rem")


def test_every_function_has_a_truth_here() -> None:
    assert set(TRUTH) == set(NAMES)


def arguments(rng: np.random.Generator, name: str, size: int) -> np.ndarray:
    low, high = TRUTH[name][1]
    spread = rng.uniform(low, high, size)
    near = np.clip(rng.normal(size=size) * 10.0 ** rng.integers(-12, 1, size), low, high)
    around_one = np.clip(1 + rng.normal(size=size) * 10.0 ** rng.integers(-15, 0, size), low, high)
    whole = np.clip(rng.integers(-20, 20, size) / 2, low, high)
    return np.concatenate([spread, near, around_one, whole])


@pytest.mark.parametrize("inexact", [False, True])
@pytest.mark.parametrize("name", TRUTH)
def test_the_truth_lies_within_the_bound(name: str, inexact: bool) -> None:
    rng = np.random.default_rng([sorted(TRUTH).index(name), inexact])
    f = TRUTH[name][0]
    args, true = [], []
    for _ in range(2 if name in BINARY else 1):
        x = arguments(rng, name, 60)
        if name == "rem":
            rng.shuffle(x)
        error = None
        shift = np.zeros(x.shape)
        if inexact:
            error = (np.abs(x) + 1e-3) * 10.0 ** rng.integers(-16, -2, x.size)
            shift = rng.uniform(-1, 1, x.size)
        args.append(Bounded(x, error, FLOAT))
        moved = [mp.mpf(float(v)) for v in x]
        if error is not None:
            moved = [
                m + mp.mpf(float(e)) * float(s) for m, e, s in zip(moved, error, shift, strict=True)
            ]
        true.append(moved)
    result = NUMERIC.function(name, args, args[0].shape, FLOAT)
    known = ~result.unknown
    # Where arguments are exact and inside of the domain, something is known.
    assert known.mean() > (0.2 if inexact else 0.7), f"{name}: too little is known"
    for i in np.flatnonzero(known):
        exact = f(*(t[i] for t in true))
        value, error = mp.mpf(float(result.value[i])), mp.mpf(float(result.errors[i]))
        assert abs(exact - value) <= error, (
            f"{name} of {[float(t[i]) for t in true]}: {mp.nstr(exact, 20)}, claimed "
            f"{result.value[i]!r} +- {result.errors[i]!r}, off by {mp.nstr(abs(exact - value), 5)}"
        )
        assert error <= mp.mpf(1e-10) * (1 + abs(value)) or inexact, f"{name}: a useless bound"


@pytest.mark.parametrize("name", [n for n in TRUTH if n not in BINARY])
def test_bounds_grow_in_proportion_to_the_argument(name: str) -> None:
    """An argument known to 1e-9 gives a result known to about 1e-9 times the slope."""
    middle = {"acosh": 2.0, "tan": 0.5, "asin": 0.3, "acos": 0.3, "atanh": 0.3, "erf_inv": 0.3}.get(
        name, 1.3
    )
    result = NUMERIC.function(
        name, [Bounded(np.array([middle]), np.array([1e-9]), FLOAT)], (1,), FLOAT
    )
    assert result.errors[0] < 1e-8


def test_roots_of_unity() -> None:
    for n in (1, 2, 3, 4, 7, 16, 100):
        for table, f in zip(roots(n), (mp.cos, mp.sin), strict=True):
            for k in range(n):
                off = abs(f(2 * mp.pi * k / n) - mp.mpf(float(table.value[k])))
                # cos(pi/2) of a 60-digit pi is not quite 0
                assert off <= mp.mpf(float(table.errors[k])) + mp.mpf(10) ** -55


def test_unknown_names_are_unsupported() -> None:
    with pytest.raises(Unsupported, match="no numeric rule for zeta_of_nothing"):
        NUMERIC.function("zeta_of_nothing", [NUMERIC.lift(np.ones(1))], (1,), FLOAT)
