"""How large the polynomials behind a value can be: what the error bound of a proof is made of.

A value of the field algebra is a rational function, with rational coefficients, of independent
random quantities: the program's inputs and the results of unknown functions. Two different
polynomials agree at a random point of Z_p with probability at most degree / p (Schwartz 1980,
Zippel 1979), unless p divides every coefficient of their difference, of which there is a chance
of (bits of a coefficient / 30) / (primes to choose from). Rational functions are compared after
multiplying with their divisors, so these are counted too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Growth:
    """Upper bounds for every element of one array.

    degree: of the numerator, where each divisor's inverse counts as a variable.
    bits: log2 of the sum of its coefficients' absolute values, once they are made integers.
    fraction: log2 of the denominator that makes them so.
    poles, pole_bits: the degrees, and the bits, of all divisors of an element, added up.
    power: how often an inverse can be multiplied with itself.
    analytic: whether the values are analytic functions of the inputs, so that two of them that
        differ are equal on a set of measure zero only.
    logs: whether a logarithm is part of it, so that its residues are right modulo q, not modulo p.
    powers: whether an exponential is part of it, so that modulo q it is only an unknown function.
    """

    degree: float = 1.0
    bits: float = 0.0
    fraction: float = 0.0
    poles: float = 0.0
    pole_bits: float = 0.0
    power: float = 0.0
    analytic: bool = True
    logs: bool = False
    powers: bool = False

    @property
    def cleared(self) -> tuple[float, float]:
        """Degree and bits after multiplying with every divisor as often as it may occur."""
        bits = self.bits + self.fraction + self.power * self.pole_bits
        return self.degree + self.power * self.poles, bits

    def plus(self, other: Growth) -> Growth:
        fraction = max(self.fraction, other.fraction)
        one, two = (g.bits + fraction - g.fraction for g in (self, other))
        low, high = sorted((one, two))
        bits = high + math.log2(1 + 2.0 ** -min(high - low, 1000))
        return replace(self._with(other), bits=bits, fraction=fraction)

    def times(self, other: Growth, terms: int = 1) -> Growth:
        """A product, or a sum of `terms` products."""
        product = replace(
            self._with(other),
            degree=self.degree + other.degree,
            bits=self.bits + other.bits,
            fraction=self.fraction + other.fraction,
            power=self.power + other.power,
        )
        return product.summed(terms)

    def summed(self, terms: int) -> Growth:
        terms = max(terms, 1)
        return replace(
            self,
            bits=self.bits + math.log2(terms),
            poles=self.poles * terms,
            pole_bits=self.pole_bits * terms,
        )

    def union(self, other: Growth) -> Growth:
        """Either of the two, element by element."""
        both = self._with(other)
        poles, pole_bits = max(self.poles, other.poles), max(self.pole_bits, other.pole_bits)
        return replace(both, poles=poles, pole_bits=pole_bits)

    def inverse(self) -> Growth:
        """Of 1 / value: one new pole, whose own divisors move to the numerator."""
        degree, bits = self.cleared
        return replace(
            self,
            degree=1.0 + self.power * self.poles,
            bits=self.power * self.pole_bits + self.fraction,
            fraction=0.0,
            poles=degree,
            pole_bits=bits,
            power=1.0,
        )

    def capped(self, poles: float, pole_bits: float) -> Growth:
        """No element has more divisors than there are in the whole program."""
        if self.poles <= poles and self.pole_bits <= pole_bits:
            return self
        return replace(self, poles=min(self.poles, poles), pole_bits=min(self.pole_bits, pole_bits))

    def _with(self, other: Growth) -> Growth:
        """The larger of each bound; the divisors of both."""
        return Growth(
            max(self.degree, other.degree),
            max(self.bits, other.bits),
            max(self.fraction, other.fraction),
            self.poles + other.poles,
            self.pole_bits + other.pole_bits,
            max(self.power, other.power),
            self.analytic and other.analytic,
            self.logs or other.logs,
            self.powers or other.powers,
        )


ATOM = Growth()
