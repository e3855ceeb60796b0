"""The probability that one trial of the field algebra calls two different programs equal.

Take one output element in which the programs differ as terms. The difference is a polynomial with
rational coefficients in independent random quantities (inputs, unknown functions' results,
inverses), not zero. One trial misses it only if, at every prime p of the trial,

* p divides all its coefficients: p is one of at most bits/30 out of all primes drawn from; or
* it vanishes at both independent points, each with probability at most degree / p
  (Schwartz 1980, Zippel 1979), degree being taken after clearing inverses of divisors;

or if two different arguments of unknown functions have been confused earlier: each of the pairs of
arguments is confused with the probability of the lines above, or by a collision of 192-bit digests;
or if a constant was taken for a small fraction that it is not (see `residues.rational`).

Exponentials are w**n_1 ... w**n_k with exponents in Z_q: independent uniform elements of the group
of order q, in which an exponent's coefficient counts as degree.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from verify.algebras.field.mixing import DIGEST_BITS
from verify.algebras.field.moduli import LOW, POINTS_A_PRIME

if TYPE_CHECKING:
    from verify.algebras.field.trial import Field

_RECONSTRUCTION_BITS = 2 * 36 + 1  # fractions that `residues.rational` may return


def miss_probability(field: Field) -> float:
    """An upper bound for one trial; 1.0 where it says nothing."""
    growth = field.largest
    # A term with inverses of divisors b_j, times every b_j as often as its degree says.
    clearing = (1.0 + field.inverse_degree) ** field.deepest
    degree = 2 * growth.degree * clearing
    smallest = float(LOW)
    if field.exponent_growths:
        fraction = max(g.fraction for g in field.exponent_growths)
        multiple = max(g.bits + fraction - g.fraction for g in field.exponent_growths)
        degree *= 2.0 ** min(multiple + 1, 100.0)
        smallest /= 2  # the group has q > 2**29 elements
    bits = 2 * (growth.bits + growth.fraction) * clearing + 1
    one_point = min(1.0, degree / smallest)
    one_prime = min(1.0, one_point**POINTS_A_PRIME + bits / 30 / field.moduli.choices)
    all_primes = one_prime ** len(field.moduli.primes)
    pairs = 1.0 + field.atoms**2 / 2
    fractions = field.chooser.reconstructions * 2.0 ** (
        _RECONSTRUCTION_BITS - 30 * len(field.moduli.primes)
    )
    return min(1.0, pairs * (all_primes + math.ldexp(1.0, -DIGEST_BITS)) + fractions)
