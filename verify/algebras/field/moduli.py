"""Random primes for random interpretation, and how many there are to choose from.

A difference of two programs whose coefficients all have a common prime factor is invisible modulo
that prime, so primes are drawn at random, and the count of primes in the set that they are drawn
from enters the error bound. Four sets, all in [2**30, 2**31), or in [2**19, 2**20) where a trial
needs many rows and tables of powers for each (`patterns.py`):

* every prime (50,697,537 of them: pi(2**31) - pi(2**30); 38,635 small ones);
* with exponentials: safe primes p = 2q + 1 (1,634,069 of them; 1,938 small ones), so that Z_p has
  roots of unity of the prime order q and exponents live in Z_q (Wu et al., "Mirage", OSDI 2025,
  section 5; its q is much smaller);
* with sines and cosines too: primes p = 4q + 1 (845,700 of them; 1,078 small ones), so that there
  is a square root of -1 besides (`laws/circle.py`);
* with Fourier transforms of length n: p = 1 modulo n.

The counts are those of a sieve of Eratosthenes, over all q and over all p at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from verify.algebras.base import Unsupported
from verify.limits import budget

POINTS_A_PRIME = 2


@dataclass(frozen=True)
class Source:
    """What the primes of a trial are drawn from: an interval, and how many are in it."""

    low: int
    high: int
    primes: int
    safe_primes: int
    circle_primes: int
    trial: int  # how many a trial draws


LARGE = Source(2**30, 2**31, 50_697_537, 1_634_069, 845_700, trial=5)
SMALL = Source(2**19, 2**20, 38_635, 1_938, 1_078, trial=24)


@dataclass(frozen=True)
class Moduli:
    """The rows of a trial. Rows 2t and 2t + 1 share a prime and hold two independent points.

    With exponents there are twice as many rows: first those modulo p, then those modulo q.
    """

    p: np.ndarray  # (rows,) int64
    q: np.ndarray | None  # (rows,) int64, p = cofactor q + 1
    choices: float  # how many primes each was drawn from
    low: int  # all of them are larger
    cofactor: int = 1  # (p - 1) / q; 1 without exponents

    @property
    def all(self) -> np.ndarray:
        return self.p if self.q is None else np.concatenate([self.p, self.q])

    @property
    def primes(self) -> list[int]:
        return [int(m) for m in self.p[::POINTS_A_PRIME]]

    @property
    def smallest(self) -> float:
        """A lower bound of the moduli, those of exponents among them."""
        return self.low / self.cofactor


def draw(
    rng: np.random.Generator,
    *,
    exponents: bool,
    circle: bool = False,
    root_order: int = 1,
    source: Source = LARGE,
    count: int | None = None,
) -> Moduli:
    """Distinct random primes for one trial, `count` of them (None: as many as the source says);
    `root_order` must divide p - 1, and so must 4 on the `circle`, which has exponents too."""
    chosen: list[int] = []
    cofactor = 4 if circle else 2 if exponents else 1
    if exponents and root_order > 2:
        # p = order * q * j + 1: both a transform and exponentials.
        raise Unsupported("a Fourier transform together with an exponential")
    step = root_order if root_order > 1 else 1
    low, high = source.low, source.high
    if step > low // 1000:
        raise Unsupported(f"roots of unity of order {step} among small primes")
    bounds = (low // cofactor, high // cofactor) if exponents else (low // step, high // step)
    while len(chosen) < (count or source.trial):
        budget.spend(2 * _AT_ONCE)
        drawn = rng.integers(*bounds, _AT_ONCE)
        # q and p, or p alone
        numbers = (drawn | 1, cofactor * (drawn | 1) + 1) if exponents else (drawn * step + 1,)
        likely = np.logical_and.reduce([(n[:, None] % _FIRST != 0).all(axis=1) for n in numbers])
        for several in zip(*(n[likely].tolist() for n in numbers), strict=True):
            candidate = several[-1]
            if not low <= candidate < high or candidate in chosen:
                continue
            if len(chosen) < (count or source.trial) and all(map(is_prime, several)):
                chosen.append(candidate)
    p = np.repeat(np.array(chosen, np.int64), POINTS_A_PRIME)
    # Primes in an arithmetic progression share the density evenly (Dirichlet); 0.9 is a margin.
    totient = sum(math.gcd(i, step) == 1 for i in range(1, step + 1)) if step > 1 else 1
    every = source.primes if step == 1 else 0.9 * source.primes / totient
    choices = {1: every, 2: source.safe_primes, 4: source.circle_primes}[cofactor]
    return Moduli(p, (p - 1) // cofactor if exponents else None, choices, low, cofactor)


_SMALL = [n for n in range(3, 400, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]

_FIRST = np.array(_SMALL[:40])  # a candidate that one of these divides is none
_AT_ONCE = 256  # candidates


def is_prime(n: int) -> bool:
    """Deterministic Miller-Rabin: bases 2, 3, 5, 7 are enough below 3,215,031,751 (Jaeschke 1993).

    >>> is_prime(2**31 - 1), is_prime(2**31 - 3)
    (True, False)
    """
    if n < 2 or n % 2 == 0:
        return n == 2
    for d in _SMALL:
        if n % d == 0:
            return n == d
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7):
        x = pow(base, odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def element_of_order(
    rng: np.random.Generator, order: int, p: int, factors: Sequence[int] | None = None
) -> int:
    """A random element of Z_p of that order, which divides p - 1; `factors` are the primes that
    divide the order, None if it is a prime itself."""
    primes = (order,) if factors is None else factors
    while True:
        element = pow(int(rng.integers(2, p - 1)), (p - 1) // order, p)
        if all(pow(element, order // f, p) != 1 for f in primes):
            return element


def circle_points(
    rows: Sequence[int], roots: Mapping[int, int], order: int, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """cos and sin of 2 pi k / n for k < n, one row a prime; `roots` have an order that 4 and n
    divide: cos = (r**k + r**-k) / 2 and sin = (r**k - r**-k) / 2i, with i a fourth root."""
    cos, sin = np.empty((2, len(rows), n), np.int64)
    for row, p in enumerate(rows):
        r, i = pow(roots[p], order // n, p), pow(roots[p], order // 4, p)
        power = [pow(r, k, p) for k in range(n)]
        half, quarter = pow(2, -1, p), pow(2 * i, -1, p)
        for k in range(n):
            cos[row, k] = (power[k] + power[-k]) * half % p
            sin[row, k] = (power[k] - power[-k]) * quarter % p
    return cos, sin
