"""How large the polynomials behind a value can be: what the error bound of a proof is made of.

A value of the field algebra is a polynomial, with rational coefficients, in independent random
quantities: the program's inputs, the results of unknown functions, and inverses. Two different
polynomials agree at a random point of Z_p with probability at most degree / p (Schwartz 1980,
Zippel 1979), unless p divides every coefficient of their difference, of which there is a chance
of (bits of a coefficient / 30) / (primes to choose from).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Growth:
    """Upper bounds for one array.

    degree: of the polynomial. bits: log2 of the sum of its coefficients' absolute values, once
    they are made integers. fraction: log2 of the denominator that makes them so. level: how many
    divisions are nested in it. analytic: whether the values are analytic functions of the inputs,
    so that two of them that differ are equal on a set of measure zero only.
    """

    degree: float = 1.0
    bits: float = 0.0
    fraction: float = 0.0
    level: int = 0
    analytic: bool = True

    def plus(self, other: Growth) -> Growth:
        fraction = max(self.fraction, other.fraction)
        one, two = (g.bits + fraction - g.fraction for g in (self, other))
        return Growth(
            max(self.degree, other.degree),
            max(one, two) + math.log2(1 + 2.0 ** -min(abs(one - two), 1000)),
            fraction,
            max(self.level, other.level),
            self.analytic and other.analytic,
        )

    def times(self, other: Growth, terms: int = 1) -> Growth:
        """A product, or a sum of `terms` products."""
        return Growth(
            self.degree + other.degree,
            self.bits + other.bits + math.log2(max(terms, 1)),
            self.fraction + other.fraction,
            max(self.level, other.level),
            self.analytic and other.analytic,
        )

    def summed(self, terms: int) -> Growth:
        return replace(self, bits=self.bits + math.log2(max(terms, 1)))

    def union(self, other: Growth) -> Growth:
        """Either of the two."""
        return Growth(
            max(self.degree, other.degree),
            max(self.bits, other.bits),
            max(self.fraction, other.fraction),
            max(self.level, other.level),
            self.analytic and other.analytic,
        )


ATOM = Growth()
