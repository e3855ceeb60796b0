"""The probability that one trial of the field algebra calls two different programs equal.

Take one output element in which the programs differ as terms. The difference is a rational function
with rational coefficients in independent random quantities (inputs, results of unknown functions),
not zero. One trial misses it only if, at every prime p of the trial,

* p divides all coefficients of its numerator: p is one of at most bits/30 out of all primes drawn
  from; or
* the numerator vanishes at both independent points, each with probability at most degree / p
  (Schwartz 1980, Zippel 1979);

or if two different arguments of unknown functions have been confused earlier: each pair of
arguments is confused with the probability of the lines above, or by a collision of 192-bit digests;
or if a constant was taken for a small fraction that it is not (see `residues.rational`), or a
radicand for a product of others and a small square that it is not (see `laws/radicals.py`).

Exponentials are powers w**n of a random root of unity of prime order q, and logarithms discrete
ones. There the bound takes powers with different exponents for independent random elements of that
group, as Mirage does (Wu et al., OSDI 2025): that is a model, not a theorem, so that programs with
exponentials are given at least two trials. What sines and cosines count is in `laws/circle.py`.
"""

from __future__ import annotations

import math

from verify.algebras.field.laws import LAWS
from verify.algebras.field.mixing import DIGEST_BITS
from verify.algebras.field.moduli import POINTS_A_PRIME
from verify.algebras.field.state import State
from verify.algebras.field.weights import Weights

_RECONSTRUCTION_BITS = 2 * 36 + 1  # fractions that `residues.rational` may return


def miss_probability(field: State, primes: int | None = None) -> float:
    """An upper bound for one trial, or one like it with so many primes; 1.0 where it says
    nothing."""
    count = len(field.moduli.primes) if primes is None else primes
    one_point, bad_prime = field.coincidences(whole=True)
    one_prime = min(1.0, one_point**POINTS_A_PRIME + bad_prime)
    all_primes = one_prime**count
    pairs = 1.0 + field.atoms**2 / 2 + field.inner_pairs
    collision = math.ldexp(1.0, -DIGEST_BITS)
    wrong = wrong_fractions(field, count) + wrong_multiples(field, count)
    wrong += sum(law.error(field, count) for law in LAWS)
    return min(1.0, pairs * (all_primes + collision) + wrong)


def wrong_multiples(field: State, primes: int) -> float:
    """The probability that a set of candidates was taken for a multiple of another: both are
    divided by scales, quotients of third and second moments at most, of one of the two points
    (`weights._normalised`). D1(y) T2(x) = D2(y) T1(x) is one equation in both points, and where
    T is U / V, U of degree three and V of degree two in the candidates, D1 V1 U2 = D2 V2 U1 has
    three times the degree and the bits of D1 = D2; four leaves room for the means in D."""
    if not field.mode.scaling:
        return 0.0
    one_point, bad_prime = field.coincidences()
    one_prime = min(1.0, 4 * (one_point + bad_prime))
    return float(field.law(Weights).scaled ** 2 / 2 * one_prime**primes)


def wrong_fractions(field: State, primes: int) -> float:
    """The probability that a number was taken for a small fraction that it is not."""
    drawn = math.log2(field.moduli.low) * primes
    return float(field.law(Weights).reconstructions * 2.0 ** (_RECONSTRUCTION_BITS - drawn))
