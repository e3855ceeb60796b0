"""The probability that a trial in which rows decide misses a difference (`patterns.py`)."""

from __future__ import annotations

import numpy as np

from verify.algebras.field import mixing
from verify.algebras.field.marks import Marks
from verify.algebras.field.moduli import POINTS_A_PRIME
from verify.algebras.field.state import State

_GOAL = 25.0  # a trial should miss a difference with the probability 2**-25
_GOAL_OF_MASKS = 55.0  # where combinations are laid out
_MOST_PRIMES, _HOPELESS = 500, 8


def worst(field: State, marks: Marks, distinct: np.ndarray) -> tuple[float, int]:
    """Of elements whose sets of choices are these: the largest probability, and how many primes a
    trial needs for the goal."""
    _, told_apart, degrees = marks.totals(distinct)
    found = [marks.covered(row, apart=field.mode.scaling) for row in distinct]
    flips, seen_by = (np.array(column, np.float64) for column in zip(*found, strict=True))
    count = len(field.moduli.primes)
    primes = np.where(seen_by < 0, count, seen_by)
    one_point, bad_prime = field.coincidences()
    # Of what is zero by chance, in the row that would show a difference, more is undefined.
    point = np.minimum(1.0, one_point + degrees / field.moduli.smallest)
    # Any two of the values told apart on the way may have been confused. Sets are compared up
    # to a factor, taken at one of the two points: those that differ in a part s of all branches
    # are told apart if one point is in it and the other is not, and for s up to a half
    # (1 - s)**2 + s**2 <= 1 - s; if they differ in all of them, as in `bound.py`.
    # A prime divides all coefficients of a difference, or a point may show it.
    if field.mode.scaling:
        bad_prime = min(1.0, 4 * bad_prime)
        missed = 1 - np.maximum(0.0, 2.0**-flips - 5 * point)
    else:
        missed = (1 - np.maximum(0.0, 2.0**-flips - point)) ** POINTS_A_PRIME
        missed = np.where(seen_by < 0, missed, missed**0.5)  # by one point, perhaps
    one_prime = bad_prime + (1 - bad_prime) * missed
    all_primes = one_prime**primes + 2.0**-mixing.DIGEST_BITS
    confusions = 1 + (told_apart + 1) ** 2 / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        goal = _GOAL if field.mode.patterns else _GOAL_OF_MASKS
        needed = (goal + np.log2(confusions)) / -np.log2(one_prime) * count
        needed = np.where(primes > 0, needed / np.maximum(primes, 1), 4.0 * count)
    place = int(np.argmax(needed))
    wanted = int(min(_MOST_PRIMES, max(count, np.ceil(needed[place]))))
    if field.mode.masks and needed[place] > _HOPELESS * _MOST_PRIMES:
        wanted = count
    return float((confusions * all_primes).max()), wanted
