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
or if a constant was taken for a small fraction that it is not (see `residues.rational`).

Exponentials are powers w**n of a random root of unity of prime order q, and logarithms discrete
ones. There the bound takes powers with different exponents for independent random elements of that
group, as Mirage does (Wu et al., OSDI 2025): that is a model, not a theorem, so that programs with
exponentials are given at least two trials.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from verify.algebras.field.mixing import DIGEST_BITS
from verify.algebras.field.moduli import POINTS_A_PRIME

if TYPE_CHECKING:
    from verify.algebras.field.trial import Field

_RECONSTRUCTION_BITS = 2 * 36 + 1  # fractions that `residues.rational` may return


def miss_probability(field: Field) -> float:
    """An upper bound for one trial; 1.0 where it says nothing."""
    one_point, bad_prime = coincidences(field)
    one_prime = min(1.0, one_point**POINTS_A_PRIME + bad_prime)
    all_primes = one_prime ** len(field.moduli.primes)
    pairs = 1.0 + field.atoms**2 / 2 + field.inner_pairs
    collision = math.ldexp(1.0, -DIGEST_BITS)
    return min(1.0, pairs * (all_primes + collision) + wrong_fractions(field))


def coincidences(field: Field) -> tuple[float, float]:
    """The probabilities that two values that differ agree at one point, and that a prime divides
    all coefficients of their difference."""
    degree, bits = field.largest.cleared
    # The difference of two values: each numerator times the other's divisors.
    degree, bits = 2 * degree, 2 * bits + 1
    smallest = float(field.moduli.low) if field.moduli.q is None else field.moduli.low / 2
    return min(1.0, degree / smallest), bits / math.log2(field.moduli.low) / field.moduli.choices


def wrong_fractions(field: Field) -> float:
    """The probability that a number was taken for a small fraction that it is not."""
    drawn = math.log2(field.moduli.low) * len(field.moduli.primes)
    return float(field.chooser.weights.reconstructions * 2.0 ** (_RECONSTRUCTION_BITS - drawn))
