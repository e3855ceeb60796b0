"""Inputs worth trying: ties, borders, one-hot pixels, small integers, large values, and the
constants that occur in the programs, with their neighbours.

Small integers come first: they are evaluated without rounding, and they make ties.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from verify.counterexample.confirm import Inputs
from verify.counterexample.held import fit
from verify.dtypes import is_kind, limits
from verify.programs import Var

WEIGHTS = 1  # the first candidate whose numbers are drawn as weights are


def candidates(
    variables: Sequence[Var], constants: Sequence[np.ndarray], rng: np.random.Generator
) -> Iterator[Inputs]:
    """An endless stream of inputs for the variables, cheap and likely ones first."""
    special = interesting(constants)
    yield [_integers(v, rng, -2, 3) for v in variables]
    yield [_weights(v, rng) for v in variables]
    yield [_integers(v, rng, 0, 1) for v in variables]  # zeros: everything ties
    for _ in range(3):  # one draw in ten leaves a given channel of a network dead
        yield [_weights(v, rng) for v in variables]
    yield [_reals(v, rng, 1.0) for v in variables]
    yield [_integers(v, rng, 1, 4) for v in variables]
    yield [_counting(v) for v in variables]
    yield [_integers(v, rng, 1, 2) for v in variables]
    yield from _constants_everywhere(variables, special, rng)
    round_number = 0
    while True:
        round_number += 1
        size = 3 if round_number % 3 else 10
        yield [_integers(v, rng, -size, size + 1) for v in variables]
        yield [_weights(v, rng) for v in variables]
        yield [_reals(v, rng, 10.0 ** rng.integers(-2, 3)) for v in variables]
        yield [_sparse(v, rng) for v in variables]
        yield [_few_values(v, rng) for v in variables]
        yield [_mixed(v, special, rng) for v in variables]
        yield [_reals(v, rng, 10.0 ** rng.integers(3, 9)) for v in variables]
        yield [_extreme(v, rng) for v in variables]
        chosen = int(rng.integers(len(variables))) if variables else 0
        yield [
            _mixed(v, special, rng) if i == chosen else _integers(v, rng, -2, 3)
            for i, v in enumerate(variables)
        ]


def extremes(variables: Sequence[Var], rng: np.random.Generator) -> Iterator[Inputs]:
    """Inputs that overflow integers: the ends of their ranges, and anything in between."""
    narrow = [v for v in variables if is_kind(v.dtype, np.integer) and v.dtype.itemsize == 1]
    for value in range(256) if narrow else ():  # few enough to try them all
        yield [
            np.full(v.shape, value, np.uint8).view(v.dtype)
            if v in narrow
            else _integers(v, rng, -2, 3)
            for v in variables
        ]
    for number in (1, -1):  # sums of many of them overflow
        yield [fit(v, np.full(v.shape, float(number))) for v in variables]
    whole = [v for v in variables if is_kind(v.dtype, np.integer)]
    if 0 < len(whole) <= 3:  # every combination of ends: the least by -1, say
        for combination in itertools.product(*(_ends(v) for v in whole)):
            chosen = dict(zip(map(id, whole), combination, strict=True))
            yield [
                np.full(v.shape, chosen[id(v)], v.dtype)
                if id(v) in chosen
                else _integers(v, rng, -2, 3)
                for v in variables
            ]
    for choice in range(24):
        inputs = []
        for v in variables:
            if not is_kind(v.dtype, np.integer):
                inputs.append(_integers(v, rng, -2, 3))
                continue
            least, most = limits(v.dtype)
            if choice < 3:
                end = (most, least, most // 2 + 1)[choice]
                inputs.append(np.full(v.shape, end, v.dtype))
            elif choice % 2:
                wide = np.uint64 if most > 2**63 - 1 else np.int64
                drawn = rng.integers(least, most, v.shape, wide, endpoint=True)
                inputs.append(np.asarray(drawn).astype(v.dtype))
            else:
                inputs.append(_extreme(v, rng))
        yield inputs


def whole_numbers(variables: Sequence[Var], rng: np.random.Generator) -> Iterator[Inputs]:
    """Where x**y has a value though x is negative: whole numbers of both signs, and halves, which
    an exponent may be doubled to."""
    pool = np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0, 0.5, 1.5])
    for _ in range(120):
        alike = rng.random(len(variables)) < 0.7
        yield [
            fit(v, np.broadcast_to(rng.choice(pool, () if same else v.shape), v.shape))
            for v, same in zip(variables, alike, strict=True)
        ]


def interesting(constants: Sequence[np.ndarray]) -> np.ndarray:
    """The programs' constants, their float32 neighbours, negatives, and values between them."""
    found: set[float] = set()
    for array in constants:
        real = is_kind(array.dtype, np.number) and not is_kind(array.dtype, np.complexfloating)
        if not real:  # truth values, complex numbers, the float0 of an integer's gradient
            continue
        flat = np.unique(array.astype(np.float64).reshape(-1)[:4096])
        found.update(float(c) for c in flat[:64] if np.isfinite(c))
    values: list[float] = []
    ordered = sorted(found)
    with np.errstate(all="ignore"):
        for c in ordered:
            single = np.float32(c)
            values += [c, -c, float(np.nextafter(single, np.float32(np.inf)))]
            values += [float(np.nextafter(single, np.float32(-np.inf))), c + 1, c - 1, 2 * c, c / 2]
        values += [(a + b) / 2 for a, b in itertools.pairwise(ordered)]
    finite = [v for v in values if np.isfinite(v)]
    return np.unique(np.array([0.0, 1.0, -1.0, *finite]))


def _is_float(v: Var) -> bool:
    return not (is_kind(v.dtype, np.integer) or v.dtype == np.bool_)


def _integers(v: Var, rng: np.random.Generator, low: int, high: int) -> np.ndarray:
    drawn = rng.integers(low, high, v.shape).astype(np.float64)
    if is_kind(v.dtype, np.unsignedinteger) or v.dtype == np.bool_:
        drawn = np.abs(drawn)
    if is_kind(v.dtype, np.complexfloating):
        return np.asarray(drawn + 1j * rng.integers(low, high, v.shape))
    return fit(v, drawn)


def _reals(v: Var, rng: np.random.Generator, scale: float) -> np.ndarray:
    if is_kind(v.dtype, np.complexfloating):
        return np.asarray(rng.normal(size=v.shape) + 1j * rng.normal(size=v.shape)) * scale
    return fit(v, rng.normal(size=v.shape) * scale)


def _weights(v: Var, rng: np.random.Generator) -> np.ndarray:
    """As initialisers draw weights, so that deep networks neither vanish nor overflow an exp."""
    fan_in = int(np.prod(v.shape)) // max(v.shape[-1], 1) if len(v.shape) >= 2 else 1
    return _reals(v, rng, min(1.0, (2 / max(fan_in, 1)) ** 0.5))


def _counting(v: Var) -> np.ndarray:
    size = int(np.prod(v.shape))
    return fit(v, np.arange(1, size + 1, dtype=np.float64).reshape(v.shape))


def _sparse(v: Var, rng: np.random.Generator) -> np.ndarray:
    array = rng.integers(-3, 4, v.shape) * (rng.random(v.shape) < 0.1)
    return fit(v, array.astype(np.float64))


def _few_values(v: Var, rng: np.random.Generator) -> np.ndarray:
    """Two values only: nearly everything ties with something."""
    pair = rng.integers(-4, 5, 2).astype(np.float64)
    return fit(v, pair[rng.integers(0, 2, v.shape)])


def _mixed(v: Var, special: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return fit(v, special[rng.integers(0, len(special), v.shape)])


def _ends(v: Var) -> np.ndarray:
    """Where an integer's arithmetic wraps or changes sign."""
    least, most = limits(v.dtype)
    numbers = (least, least + 1, -1, 0, 1, most - 1, most)
    return np.array(sorted({min(max(n, least), most) for n in numbers}), v.dtype)


def _extreme(v: Var, rng: np.random.Generator) -> np.ndarray:
    if not _is_float(v) and v.dtype != np.bool_:
        ends = _ends(v)
        return np.asarray(ends[rng.integers(0, len(ends), v.shape)])
    ends = np.array([-1e6, -1e3, -0.5, 0.0, 0.5, 1e3, 1e6])
    return fit(v, ends[rng.integers(0, len(ends), v.shape)])


def _constants_everywhere(
    variables: Sequence[Var], special: np.ndarray, rng: np.random.Generator
) -> Iterator[Inputs]:
    """Each interesting number once in every element of every variable (shuffled across)."""
    for value in special[:200]:
        yield [fit(v, np.full(v.shape, value)) for v in variables]
    for v_index, v in enumerate(variables):
        size = int(np.prod(v.shape))
        if size == 0:
            continue
        for start in range(0, min(len(special), 256), size):
            laid = np.resize(np.roll(special, -start), size).reshape(v.shape)
            yield [
                fit(w, laid) if i == v_index else _integers(w, rng, -2, 3)
                for i, w in enumerate(variables)
            ]
