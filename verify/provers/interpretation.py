"""Proofs by random interpretation, with the laws of one mode, and with cuts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from verify.algebras.base import Refused, Unsupported
from verify.algebras.field import Mode
from verify.dtypes import is_kind
from verify.interpretation.blocks import by_blocks
from verify.interpretation.prefix import by_prefix
from verify.interpretation.proof import Agreement, Difference, prove
from verify.interpretation.trial import TooLarge
from verify.limits import budget, effort
from verify.provers.outcome import Open, Outcome, Proof
from verify.provers.question import Question

_LONG = 30  # equations
_HEAVY = 3e7  # products of numbers


def applies(question: Question, mode: Mode) -> bool:
    """Whether the laws of a mode have anything to say of the programs."""
    return not question.known.refused and all(
        (
            question.known.wrapping or not mode.assuming,
            question.has_few or not mode.split,
            question.has_masks or not mode.masks,
            question.sinks or not mode.sinking,
            (question.turns and (mode.ties or question.chooses)) or not mode.circle,
            (question.chooses and question.small) or not mode.patterns,
            question.orders_images or not mode.increasing,
        )
    )


def interpret(
    question: Question, work: float, mode: Mode, ignore: Mapping[int, np.ndarray] | None = None
) -> Outcome:
    """Both programs over random residues; elements to `ignore` are proved by other means."""
    effort.refuse(question.programs)
    try:
        result = prove(
            *question.programs, mode, question.draw(), ignore, work, question.told, question.target
        )
    except (Unsupported, TooLarge) as error:
        too_large = isinstance(error, TooLarge)
        return Open(str(error), refused=isinstance(error, Refused), too_large=too_large)
    if isinstance(result, Difference):
        reason = (
            f"the programs are not identical under the known laws in {result}, but no input "
            "was found on which their values differ"
        )
        return Open(reason, result)
    branches = " of all branches" if mode.patterns else " of all masks" if mode.masks else ""
    return _proof(result, f"random interpretation{branches}")


def is_long(question: Question) -> bool:
    """Whether the polynomials are too large, or the programs long."""
    known = question.known
    deep = known.difference is not None and question.length > _LONG
    return not known.refused and (known.too_large or deep)


def block_by_block(question: Question, work: float) -> Outcome:
    """With values that both programs compute as unknowns."""
    effort.refuse(question.programs)
    with budget.limit(work):
        try:
            result = by_blocks(*question.programs, question.draw(), question.told)
        except Unsupported as error:
            return Open(str(error))
    return None if result is None else _proof(result, "random interpretation, block by block,")


def is_heavy(question: Question) -> bool:
    """Whether most of the work are products of numbers, all inputs count, and none is an integer,
    so that a few residues of the layers are worth trying first."""
    if question.given is not None or question.known.refused:
        return False
    if not all(is_kind(v.dtype, np.floating) for v in question.left.inputs):
        return False
    return sum(effort.products(program)[0] for program in question.programs) > _HEAVY


def in_two_parts(question: Question, work: float) -> Outcome:
    """What leads to the first exponential with few residues, the rest with all laws."""
    effort.refuse(question.programs)
    with budget.limit(work):
        try:
            result = by_prefix(*question.programs, question.draw())
        except Unsupported as error:
            return Open(str(error))
    return None if result is None else _proof(result, "random interpretation, in two parts,")


def _proof(result: Agreement, method: str) -> Proof:
    return Proof(
        f"{method} over {result.primes} random primes",
        result.error_probability,
        result.assumptions,
        result.partial,
        result.almost,
    )
