"""What a prover answers, and what is known of a question that is still open.

A prover returns a `Proof` (which counts once `accepting.py` has doubted it), a refuted `Verdict`,
or `Open` with what it has found out; None where it has nothing to say. `Known` is what the open
answers so far add up to: plain data, replaced as a whole and never taken back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from verify.interpretation.proof import Difference
from verify.verdict import Verdict


@dataclass(frozen=True)
class Proof:
    """The programs are the same wherever the assumptions hold."""

    method: str
    error_probability: float = 0.0
    assumptions: tuple[str, ...] = ()
    partial: bool = False  # whether the assumptions may hold nowhere: find a place where they do
    almost: bool = False  # whether it may fail on a set of measure zero, which nothing says
    read: frozenset[float] = frozenset()  # the numbers of the programs' literals that were read
    confirmed: bool = False  # whether its assumptions have been doubted already

    def besides(self, other: Proof, method: str) -> Proof:
        """This proof of some elements and another one of all others."""
        return replace(
            other,
            method=method,
            assumptions=tuple(dict.fromkeys((*self.assumptions, *other.assumptions))),
            partial=self.partial or other.partial,
            almost=self.almost or other.almost,
        )


@dataclass(frozen=True)
class Open:
    """No answer: what was found out on the way."""

    reason: str = ""
    difference: Difference | None = None  # as terms, which is no refutation
    refused: bool = False  # whether the programs are too large for random interpretation
    too_large: bool = False  # whether their polynomials are


Outcome = Proof | Verdict | Open | None


class Keeps(Enum):
    """What of a prover's open answer later provers start from."""

    ALL = "its reason and its difference"
    DIFFERENCE = "its difference, and its reason if there is none yet"
    FIRST = "both, where no difference is known yet"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Known:
    """Of a question that is still open."""

    reason: str = ""
    difference: Difference | None = None
    wrapping: bool = False  # whether the programs look at integers that may have wrapped
    refused: bool = False
    too_large: bool = False

    def after(self, found: Open, keeps: Keeps) -> Known:
        """What is known once this answer is."""
        known = replace(
            self,
            wrapping=self.wrapping or (found.difference is not None and found.difference.wrapping),
            refused=self.refused or found.refused,
            too_large=self.too_large or found.too_large,
        )
        if keeps is Keeps.NOTHING or (keeps is Keeps.FIRST and self.difference is not None):
            return known
        reason = found.reason or self.reason
        if keeps is Keeps.DIFFERENCE:
            reason = self.reason or found.reason
        return replace(known, reason=reason, difference=found.difference or self.difference)
