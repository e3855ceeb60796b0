"""All ways to an answer, in the order in which they are tried: the cheap and the strong ones first.

Random interpretation learns laws row by row (`algebras/field/state.Mode`); elements that it leaves
open go to solvers and to branches; only then is an integer taken not to wrap, or a tie left out; at
last comes the long search. Work is in units of `limits/budget.py`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace

from verify import smt
from verify.algebras.field import Mode
from verify.interpretation.proof import MASKS, MODES, PATTERNS
from verify.provers import interpretation, solving, within
from verify.provers.interpretation import (
    block_by_block,
    in_two_parts,
    interpret,
    is_heavy,
    is_long,
)
from verify.provers.outcome import Keeps, Outcome
from verify.provers.prover import Prover
from verify.provers.question import Question

_STRICT, _SCALING, _OFF_TIES = MODES
_VALUES = "value numbering"
_EVALUATION, _RESIDUES, _SOLVER = "evaluation", "random interpretation", "linear arithmetic"
_WRAPS = "if no integer overflows"
_PATTERN_WORK, _BLOCKS_WORK = 3e9, 2e10
_CASES_WORK, _BRANCHES_WORK, _SHORT_BRANCHES_WORK = 3e9, 2e9, 1e8


def _by_residues(
    laws: str, mode: Mode, keeps: Keeps = Keeps.NOTHING, *, first: bool = False
) -> Prover:
    """Random interpretation with the laws of a mode."""
    return Prover(
        f"a proof by random interpretation{laws}",
        _RESIDUES,
        functools.partial(interpret, mode=mode),
        functools.partial(interpretation.applies, mode=mode),
        _PATTERN_WORK if mode.decides else math.inf,
        keeps,
        first,
    )


def _is_open(question: Question) -> bool:
    """Whether there are elements for a solver."""
    return question.known.difference is not None and smt.available()


def _wraps(question: Question) -> bool:
    return _is_open(question) and question.known.wrapping


def _has_bits(question: Question) -> bool:
    return _is_open(question) and question.takes_integers


def _has_branches(question: Question) -> bool:
    # Where all is a tie, a branch of measure zero is all there is.
    everywhere = question.given is None or question.given.is_open
    return _is_open(question) and everywhere and (question.chooses or question.takes_roots_or_steps)


def _eliminates(question: Question) -> bool:
    return question.eliminates and interpretation.applies(question, mode=PATTERNS)


def _search(name: str, run: Callable[[Question], Outcome]) -> Prover:
    def searched(question: Question, work: float) -> Outcome:
        return run(question)

    return Prover(name, _EVALUATION, searched, keeps=Keeps.ALL, within=False)


def _first() -> list[Prover]:
    return [prover for prover in PORTFOLIO if prover.within and prover.first]


def _later() -> list[Prover]:
    return [prover for prover in PORTFOLIO if prover.within and not prover.first]


PORTFOLIO: tuple[Prover, ...] = (
    Prover(
        "a proof, what both compute as given",
        _VALUES,
        lambda question, work: within.common_given(question, _first()),
        within.has_common,
        within=False,
    ),
    _search("a few inputs", lambda question: question.search.glance()),
    Prover("a proof in two parts", _RESIDUES, in_two_parts, is_heavy, _BLOCKS_WORK, within=False),
    _by_residues("", _STRICT, Keeps.ALL, first=True),
    _search("a few more inputs", lambda question: question.search.second_glance()),
    _by_residues(", with multiples", _SCALING, Keeps.ALL, first=True),
    # What comes before each proof: here, as the laws that are left take longer.
    _search("many inputs at once", lambda question: question.search.many()),
    _by_residues(", value by value", replace(_SCALING, split=True), first=True),
    _by_residues(", value by value, with sines", replace(_SCALING, split=True, circle=True)),
    _by_residues(
        ", with increasing functions", replace(_SCALING, increasing=True), Keeps.FIRST, first=True
    ),
    _by_residues(", masks decided", MASKS, Keeps.FIRST, first=True),
    _by_residues(
        ", large constants as masks", replace(_SCALING, sinking=True), Keeps.FIRST, first=True
    ),
    _by_residues(
        ", masks decided, and large constants",
        replace(MASKS, sinking=True),
        Keeps.FIRST,
        first=True,
    ),
    Prover(
        "a proof by random interpretation of all pivots",
        _RESIDUES,
        functools.partial(interpret, mode=PATTERNS),
        _eliminates,
        _PATTERN_WORK,
        first=True,
    ),
    Prover(
        "a short proof by branches",
        _SOLVER,
        functools.partial(solving.in_branches, short=True),
        _has_branches,
        _SHORT_BRANCHES_WORK,
    ),
    Prover(
        "a proof, constants read, at first",
        "constants",
        lambda question, work: within.constants_read(question, _first()),
        within=False,
    ),
    _by_residues(", with sines and cosines", replace(_SCALING, circle=True)),
    _by_residues(", with sines of sines", replace(_SCALING, circle=True, nested=True)),
    Prover("a proof block by block", _RESIDUES, block_by_block, is_long, _BLOCKS_WORK, Keeps.ALL),
    Prover(
        "a proof, equations between inputs solved",
        "linear equations",
        lambda question, work: within.equations_solved(question, [*_first(), *_later()]),
        within=False,
    ),
    Prover("a proof by bits", "bit-vectors", solving.by_bits, _has_bits, _CASES_WORK),
    Prover(
        "a proof by cases",
        _SOLVER,
        functools.partial(solving.by_cases, assuming=False),
        _is_open,
        _CASES_WORK,
    ),
    _by_residues(f", {_WRAPS}", replace(_STRICT, assuming=True), Keeps.ALL),
    _by_residues(f", with multiples, {_WRAPS}", replace(_SCALING, assuming=True), Keeps.ALL),
    Prover(
        f"a proof by cases, {_WRAPS}",
        _SOLVER,
        functools.partial(solving.by_cases, assuming=True),
        _wraps,
        _CASES_WORK,
    ),
    _by_residues(", off ties", _OFF_TIES, Keeps.ALL),
    _by_residues(", off ties, value by value", replace(_OFF_TIES, split=True)),
    _by_residues(
        ", off ties, value by value, with sines", replace(_OFF_TIES, split=True, circle=True)
    ),
    _by_residues(f", off ties, {_WRAPS}", replace(_OFF_TIES, assuming=True), Keeps.ALL),
    _by_residues(" of all branches", PATTERNS, Keeps.DIFFERENCE),
    _by_residues(f" of all branches, {_WRAPS}", replace(PATTERNS, assuming=True), Keeps.DIFFERENCE),
    _by_residues(", off ties, with sines and cosines", replace(_OFF_TIES, circle=True)),
    _by_residues(", off ties, with sines of sines", replace(_OFF_TIES, circle=True, nested=True)),
    _by_residues(" of all branches, with sines", replace(PATTERNS, circle=True)),
    _by_residues(" of all branches, with increasing functions", replace(PATTERNS, increasing=True)),
    _by_residues(" of all branches, value by value", replace(PATTERNS, split=True)),
    _by_residues(
        " of all branches, value by value, with sines", replace(PATTERNS, split=True, circle=True)
    ),
    Prover(
        "a proof by branches",
        _SOLVER,
        functools.partial(solving.in_branches, short=False),
        _has_branches,
        _BRANCHES_WORK,
    ),
    Prover(
        "a proof, constants read",
        "constants",
        lambda question, work: within.constants_read(question, _later()),
        within=False,
    ),
    _search(
        "the comparison of what has no value",
        lambda question: question.search.refuted_without_values(),
    ),
    _search("a directed search for a counterexample", lambda question: question.search.directed()),
)
