"""Sines and cosines by a point of the circle, T(x) = e**(ix): what `Mode.circle` knows of them.

    cos x = (T(x) + 1 / T(x)) / 2        sin x = (T(x) - 1 / T(x)) / 2i

With p = 4q + 1 and q prime, Z_p has a square root i of -1, and powers of an element of order q take
exponents modulo q. T(x) = w**(s x), where w is the base of exp and s is random.

Why agreement is a proof. What a program computes is then a rational function of its inputs, of i,
of powers E(a) = e**a and T(b), and of results of unknown functions; E, T and i are subject to

    E(a + b) = E(a) E(b)        T(a + b) = T(a) T(b)        E(0) = T(0) = 1        i**2 = -1

and to nothing else. (In a trial E(a) = T(b) where a = s b modulo q: not for a random s.) The
complex exponential function obeys these laws with T(b) = e**(ib), and then cos and sin are the
functions of that name. So two programs whose formal expressions are equal are equal functions over
the complex numbers, those on the real line among them; no statement about order, size or period is
used: sqrt((1 - cos x) / 2) is not sin(x / 2), and cos(x + 6.2831855) is not cos x.

What is counted for the error bound (`bound.py`): a value is a sum of c T(b_1)**e_1 T(b_2)**e_2 ...
with exponents of both signs. If the |e_j| of each term add up to D at most, then it vanishes at
random T(b_j) with probability 2D / q at most: by induction over the variables, as Schwartz's lemma.
Take the terms in which e_1 is largest, or those in which it is smallest, whichever is further from
zero, by k say: the others span at most 2k in T(b_1), and these have D - k left. So cos and sin
count as degree 2. The coefficients are numbers m + n i: p divides none whose norm m**2 + n**2 it
does not divide, which has twice the bits.

Logarithms are unknown functions here. (`logarithms.py` takes discrete ones: there p = 2q + 1.)
Modulo q a sine is an unknown function of what it is modulo p, so that in the exponent of another
power these laws are not known: `Mode.nested` knows them there, and loses others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.algebras.field import mixing, residues
from verify.algebras.field.growth import Growth
from verify.algebras.field.laws.law import Law
from verify.algebras.field.powers import power
from verify.algebras.field.state import State
from verify.algebras.field.value import FieldArray
from verify.dtypes import DType


class Circle(Law[None]):
    """No facts: sines and cosines are what they are made of."""

    functions = frozenset({"sin", "cos"})

    def function(
        self, state: State, name: str, args: Sequence[FieldArray], dtype: DType
    ) -> FieldArray | None:
        return sine_or_cosine(state, name, args[0]) if state.mode.circle else None


def sine_or_cosine(state: State, name: str, x: FieldArray) -> FieldArray:
    points = state.points
    m, q = state.m[:points], state.m[points:]
    turn = residues.multiply(exponent(state, x), residues.column(state.detour, x.rows.ndim), q)
    there, back = power(state, turn), power(state, residues.reduce(-turn, q))
    if name == "cos":
        doubled, two = there + back, np.full(points, 2)
    else:
        doubled, two = there - back, 2 * state.law(Imaginary).units % m
    half = residues.column(residues.inverse(two[:, None], m)[:, 0], there.ndim)
    value = residues.multiply(residues.reduce(doubled, m), half, m)
    # With a power in the argument, two terms that differ may be equal everywhere.
    analytic = x.growth.analytic and not x.growth.powers
    growth = Growth(degree=2.0, bits=1.0, fraction=1.0, analytic=analytic, powers=True)
    return state.plain(np.concatenate([value, odd_hash(state, value)]), x, growth)


def exponent(state: State, x: FieldArray) -> np.ndarray:
    """What a power has of x in its exponent: residues modulo q."""
    if state.mode.nested and x.growth.powers:
        return odd_hash(state, x.rows[: state.points])
    return x.rows[state.points :]


def odd_hash(state: State, value: np.ndarray) -> np.ndarray:
    """Residues modulo q: a random function of those modulo p, odd, and right at 0, 1 and -1."""
    m, q = state.m[: state.points], state.m[state.points :]
    flip = value[0] > m[0] // 2  # of v and -v, one has a first residue in the lower half
    upright = np.where(flip, residues.reduce(-value, m), value)
    digests = mixing.combine(state.digest(upright), tag="circle")
    state.atoms += int(np.prod(value.shape[1:]))
    state.note(digests)
    out = mixing.expand(digests, state.m)[state.points :]
    for number in (0, 1):
        out = np.where((upright == number).all(axis=0), number, out)
    return np.where(flip, residues.reduce(-out, q), out)


class Imaginary:
    """A square root of -1 for each point, the same one at both points of a prime."""

    def __init__(self, state: State) -> None:
        units: dict[int, int] = {}
        for p in state.moduli.primes:
            while p not in units:
                i = pow(int(state.rng.integers(2, p - 1)), (p - 1) // 4, p)
                if i * i % p == p - 1:
                    units[p] = i
        self.units = np.array([units[p] for p in state.moduli.p.tolist()], np.int64)


CIRCLE = Circle()
