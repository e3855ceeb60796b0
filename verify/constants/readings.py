"""What a rounded constant may have been: 0.1 is 1/10, 0.70710678 is sqrt(1/2), 0.91893853 is
log(2 pi)/2.

A reading is a real number in closed form that rounds to the literal: first fractions with small
denominators and decimals with few digits (six in float32), which is what people write; then what
programs compute when they are traced, r sqrt(s) pi**k, r pi**k e**n and r log(t pi**k) with small
fractions r, s, t. The simpler one wins. There may be none, and there may be a wrong one: that a
proof reads a constant so is one of its assumptions, and a reading that does not round to the
literal is never returned.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

import jax.numpy as jnp
import numpy as np

from verify.programs import Program, Var

_SPARE = 7  # bits by which a reading is shorter than the format: any number is near to a long one
_SPARE_IN_DECIMALS = 4  # ... and of decimals, which people write: six digits in float32
_AT_LEAST = 8  # bits, in narrow formats
_ROOT = 24  # bits of what is under a root
_DIGIT = math.log2(10)
_ROUNDOFF = 2.0**-40  # relative: more than floats lose in a logarithm of a few digits
_PI_POWERS = tuple(Fraction(n, 2) for n in (-2, -1, 1, 2))
_EXPONENTS = tuple(Fraction(n, 2) for n in (1, -1, 2, -2, 4, -4, 6, -6, 8, -8, 10, -10))
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582")
_ONE = Fraction(1)


Name = tuple[Var, str]  # an array, or a part of a complex one


@dataclass(frozen=True, eq=False)
class Source:
    """An array that a program makes of constants alone, the literals among them being what is known
    of them after so many rounds (`numbers.Numbers.rounds`); and the line that makes it. `part`: of
    complex numbers, "real" or "imag"."""

    program: Program
    var: Var
    after: int
    where: str
    part: str = ""

    @property
    def array(self) -> Name:
        return self.var, self.part

    def __str__(self) -> str:
        return f"what is computed{self.where}"


@dataclass(frozen=True, eq=False)
class Made:
    """An element of such an array: its value, and how far that may be off."""

    source: Source
    index: int
    value: float
    error: float

    def __str__(self) -> str:
        return f"element {self.index} of {self.source}"


@dataclass(frozen=True)
class Reading:
    """factor * pi**power * sqrt(root) * e**exponent, or factor * log(of * pi**power * e**exponent),
    or factor / that; or factor * a number that a program makes."""

    factor: Fraction
    root: Fraction = _ONE
    power: Fraction = Fraction(0)
    of: Fraction | None = None  # what the logarithm is taken of
    below: bool = False  # whether the logarithm is the divisor
    exponent: Fraction = Fraction(0)
    made: Made | None = None

    @property
    def rational(self) -> bool:
        plain = self.root == 1 and self.power == self.exponent == 0
        return plain and self.of is None and self.made is None

    @property
    def cost(self) -> float:
        """How much there is to write, in bits."""
        bits = float(_bits(self.factor) + 2 * _bits(self.root) + 3 * bool(self.power))
        bits += (3 + 2 * _bits(self.exponent)) * bool(self.exponent)
        if self.of is not None:
            return bits + _bits(self.of) + 3
        if self.rational:
            bits = min(bits, _DIGIT * _digits(self.factor))
        return bits

    def __str__(self) -> str:
        if self.made is not None:
            return _scaled(self.factor, str(self.made))
        if self.of is not None:
            inside = _product(self.of, _ONE, self.power, self.exponent)
            if self.below:
                return f"{self.factor}/log({inside})"
            return _scaled(self.factor, f"log({inside})")
        return _product(self.factor, self.root, self.power, self.exponent)

    def about(self) -> float:
        """With the digits of a float64, but for a few units in the last place."""
        turns = math.pi ** float(self.power) * math.exp(float(self.exponent))
        if self.of is not None:
            inside = math.log(float(self.of) * turns)
            return float(self.factor) / inside if self.below else float(self.factor) * inside
        return float(self.factor) * math.sqrt(float(self.root)) * turns

    def error(self) -> float:
        """How far the float64 of its value may be from it."""
        lost = abs(float(self.value())) * 2.0**-52
        return lost if self.made is None else lost + float(abs(self.factor)) * self.made.error

    def value(self) -> Decimal:
        """With 45 digits."""
        with localcontext() as context:
            context.prec = 45
            if self.made is not None:  # as far as it is known
                return _decimal(self.factor) * Decimal(self.made.value)
            turns = Decimal(1)
            if self.power:
                turns = _PI.sqrt() if self.power.denominator == 2 else _PI
                turns = 1 / turns if self.power < 0 else turns
            turns *= _decimal(self.exponent).exp()
            if self.of is not None:
                inside = (_decimal(self.of) * turns).ln()
                return _decimal(self.factor) * (1 / inside if self.below else inside)
            return _decimal(self.factor) * _decimal(self.root).sqrt() * turns


def _decimal(f: Fraction) -> Decimal:
    return Decimal(f.numerator) / Decimal(f.denominator)


def _scaled(factor: Fraction, text: str) -> str:
    top = {1: text, -1: f"-{text}"}.get(factor.numerator, f"{factor.numerator} {text}")
    return top if factor.denominator == 1 else f"{top}/{factor.denominator}"


def _product(factor: Fraction, root: Fraction, power: Fraction, exponent: Fraction) -> str:
    parts = []
    if root != 1:
        parts.append(f"sqrt({root})")
    if power:
        parts.append("pi" if power == 1 else f"pi**({power})")
    if exponent:
        parts.append("e" if exponent == 1 else f"e**({exponent})")
    return _scaled(factor, " ".join(parts)) if parts else str(factor)


@functools.lru_cache(maxsize=4096)
def reading(value: float, dtype: np.dtype) -> Reading | None:
    """The simplest reading of a float of this dtype, or None.

    >>> print(reading(float(np.float32(0.1)), np.dtype("float32")))
    1/10
    >>> print(reading(float(np.float32(2 / np.sqrt(np.pi))), np.dtype("float32")))
    2 pi**(-1/2)
    >>> print(reading(float(np.float32(np.log(2 * np.pi) / 2)), np.dtype("float32")))
    log(2 pi)/2
    >>> print(reading(float(np.float32(0.57721566)), np.dtype("float32")))
    None
    """
    most = max(jnp.finfo(dtype).nmant + 1 - _SPARE, _AT_LEAST)
    digits = max(jnp.finfo(dtype).nmant + 1 - _SPARE_IN_DECIMALS, _AT_LEAST) / _DIGIT
    found = [r for r in _candidates(value, dtype, most) if r.cost <= most or _few(r, digits)]
    fitting = [r for r in found if rounds_to(r, value, dtype)]
    return min(fitting, key=lambda r: r.cost, default=None)


def is_long(read: Reading, dtype: np.dtype) -> bool:
    """Whether it is a decimal of so many digits that another number may well be meant: 0.997**3 is
    0.991026973, and a float32 of it is one of 0.991027."""
    return read.cost > max(jnp.finfo(dtype).nmant + 1 - _SPARE, _AT_LEAST)


def _few(read: Reading, digits: float) -> bool:
    return read.rational and _digits(read.factor) <= digits


def rounds_to(read: Reading, value: float, dtype: np.dtype) -> bool:
    """Whether a reading rounds to the literal: it is nearer than half a unit in the last place."""
    mantissa, exponent = math.frexp(value)
    half = Decimal(2) ** (exponent - 2 - jnp.finfo(dtype).nmant)
    if abs(mantissa) == 0.5:  # below a power of two a unit is half of that above
        half /= 2
    if abs(read.about() - value) > 1.5 * float(half) + _ROUNDOFF * abs(value):
        return False  # most are not, and 45 digits cost much
    with localcontext() as context:
        context.prec = 45
        return abs(read.value() - Decimal(value)) < half


def _candidates(value: float, dtype: np.dtype, most: int) -> Iterator[Reading]:
    """Readings near to a value; not all of them round to it."""
    yield from _fractions(value, 2**most, most)
    yield from _decimals(value, dtype)
    for power in _PI_POWERS:
        for r in _fractions(value / math.pi ** float(power), 360, most):
            yield Reading(r.factor, power=power)
    for power in (Fraction(0), *_PI_POWERS):
        root = value / math.pi ** float(power)
        inside = root * root  # beyond float64 for some, which `**` would make an error
        for r in _fractions(inside, 4096, min(most, _ROOT)):
            outer, left = _square_free(r.factor)
            yield Reading(outer if value > 0 else -outer, left, power)
    for power in (Fraction(0), Fraction(1)):
        for exponent in _EXPONENTS:
            apart = math.pi ** float(power) * math.exp(float(exponent))
            for r in _fractions(value / apart, 16, most):
                yield Reading(r.factor, power=power, exponent=exponent)
    yield from _logarithms(value, most)


def _fractions(value: float, largest: int, most: int) -> Iterator[Reading]:
    """Fractions near to a number, from small denominators on, so long as they are short."""
    if not math.isfinite(value) or not 2.0**-40 < abs(value) < 2.0**40:
        return
    exact, denominator = Fraction(value), 1
    while denominator <= largest:
        found = exact.limit_denominator(denominator)
        if found and _bits(found) <= most:
            yield Reading(found)
        denominator *= 4


def _bits(f: Fraction) -> int:
    return abs(f.numerator).bit_length() + f.denominator.bit_length() - 2


def _digits(f: Fraction) -> float:
    """How many digits its decimals have, without the zeros around them; infinite for 1/3."""
    twos, rest = 0, f.denominator
    while rest % 2 == 0:
        twos, rest = twos + 1, rest // 2
    fives = 0
    while rest % 5 == 0:
        fives, rest = fives + 1, rest // 5
    if rest != 1:
        return math.inf
    places = max(twos, fives)
    return len(str(abs(f.numerator) * 10**places // f.denominator).rstrip("0"))


def _decimals(value: float, dtype: np.dtype) -> Iterator[Reading]:
    """The shortest decimal that rounds to it."""
    yield Reading(Fraction(np.format_float_scientific(_shown(value, dtype), unique=True)))


def _shown(value: float, dtype: np.dtype) -> np.floating:
    """A scalar that NumPy prints: bfloat16 and float8 as float16, which has about their digits."""
    known = dtype.name in ("float16", "float32", "float64")
    narrow = np.float16 if abs(value) < 6e4 and abs(value) > 1e-4 else np.float32
    return np.dtype(dtype if known else narrow).type(value)


def _square_free(square: Fraction) -> tuple[Fraction, Fraction]:
    """sqrt(square) = outer * sqrt(root), the root without square factors."""
    outer, root = 1, square.numerator * square.denominator
    for n in range(2, math.isqrt(root) + 1):
        while root % (n * n) == 0:
            outer, root = outer * n, root // (n * n)
    return Fraction(outer, square.denominator), Fraction(root)


def _logarithms(value: float, most: int) -> Iterator[Reading]:
    """r log(t pi**k), r and t small, k = 0 or 1; and 1 / log(t)."""
    for factor in (Fraction(n, d) for n in (1, -1, 2, -2) for d in (1, 2)):
        exponent = value / float(factor)
        if not 0.01 < abs(exponent) < 20:
            continue
        for power in (Fraction(0), Fraction(1)):
            inside = math.exp(exponent) / math.pi ** float(power)
            for r in _fractions(inside, 16, most):
                if r.factor > 1 or (power and r.factor > 0):
                    yield Reading(factor, power=power, of=r.factor)
            if power:  # the entropy of a normal distribution is log(2 pi e) / 2
                for r in _fractions(inside / math.e, 4, most):
                    if r.factor > 0:
                        yield Reading(factor, power=power, of=r.factor, exponent=_ONE)
    if 0.05 < abs(value) < 20:
        for r in _fractions(math.exp(1 / abs(value)), 1, most):
            if r.factor > 1:
                yield Reading(Fraction(1 if value > 0 else -1), of=r.factor, below=True)
