"""Are two JAX functions the same function? The ladder of methods, cheapest first.

1. Trace both; compare output trees, shapes and dtypes, and the programs (`value_numbers.py`).
2. A few exact evaluations: a difference there ends it.
3. Proof by random interpretation (`proof.py`), with more and more laws, at last those of sines and
   cosines where there are any; a few more evaluations.
   Where the polynomials are too large, or the programs long: the same with cuts (`blocks.py`).
4. Proof by bits and by cases (`cases.py`) of the elements that are still open. Where integers may
   wrap: 3 and 4 once more, under the assumption that they do not where something looks at them.
5. Random interpretation off ties, after a search among inputs full of ties; the same with every
   choice decided, branch by branch; both with the laws of sines and cosines.
6. Proof by branches (`branches/`) of the elements that are still open: the possible ones only.
7. A long search for a counterexample, aimed at the programs' constants and comparisons.
8. Unknown, with the reason.

A proof is never given where a concrete evaluation has shown a difference.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import jax
import numpy as np

from verify import (
    arguments,
    branches,
    budget,
    called,
    cases,
    effort,
    formats,
    internal,
    memory,
    smt,
)
from verify.algebras.base import Refused, Unsupported
from verify.algebras.field import NO_TIES, Mode
from verify.algebras.guarded.large import has_large
from verify.algebras.machine import HELD
from verify.blocks import by_blocks
from verify.certificate.fingerprints import fingerprint
from verify.certificate.subjects import named, subject
from verify.constants import rewriting
from verify.counterexample import (
    Comparison,
    Witness,
    agreed,
    before_proof,
    differ_by_jax,
    explain,
    inhabited,
    search,
    shrink,
    unordered,
)
from verify.counterexample.as_it_is import somewhere_exact
from verify.counterexample.candidates import candidates
from verify.counterexample.held import own
from verify.dtypes import is_integer
from verify.examples import names, split
from verify.matching import where_they_part
from verify.preconditions import condition
from verify.preconditions.condition import Precondition
from verify.primitives.arithmetic import NO_ROUNDING
from verify.primitives.functions import POWERS
from verify.primitives.indexing import OF_BITS, SAME_INDEX
from verify.primitives.sorting import NO_NEGATIVE_ZERO
from verify.program import GENERATORS, Program, read
from verify.proof import MASKS, MODES, PATTERNS, Agreement, Difference, TooLarge, prove, turns
from verify.roundoff import later
from verify.trust import selfcheck
from verify.value_numbers import normalised
from verify.verdict import Counterexample, Verdict

_LARGE = 1_000_000  # array elements that a program computes
_FEW, _SECOND, _TIES, _MANY = 3, 3, 40, 400  # inputs tried
# Units of work (`budget.py`): about 1e8 a second.
_CASES_WORK = 3e9
_GLANCE_WORK = 1e8
_SEARCH_WORK = 8e8
_SHRINK_WORK = 1.5e9
_PATTERN_WORK, _PATTERN_SIZE = 3e9, 20_000  # array elements that the programs compute
_BRANCH_WORK, _BRIEFLY = 2e9, 0.05  # the latter: the share of a short proof
_BLOCKS_WORK, _LONG = 2e10, 30
_DOUBT_WORK, _DOUBT_AT_LEAST = 5e8, 4
_OTHERWISE = 6  # inputs at which literals are other numbers, after a proof
_MOST_REJECTED = 5  # differences that JAX does not confirm, before a search ends

_OF_BITS = {OF_BITS, NO_ROUNDING, NO_NEGATIVE_ZERO}  # what is assumed of the machine's numbers

_HELD = "the constants are the floats that they hold, and no other numbers that round to them"
_AS_WRITTEN = (
    'the programs are the same if constants are the floats that they hold (constants="exact"), and '
    "differ if they are other numbers that round to them"
)

# Primitives to which a large negative number is as good as minus infinity.
_SINK = frozenset(("exp", "logistic", "reduce_max", "argmax"))

# Primitives that choose one of several values.
_CHOICES = frozenset(
    (
        *("max", "min", "abs", "sign", "clamp", "select_n", "eq", "ne", "lt", "le", "gt", "ge"),
        *("reduce_max", "reduce_min", "argmax", "argmin", "cummax", "cummin", "sort", "top_k"),
        *("reduce_window_max", "reduce_window_min", "select_and_scatter_add"),
        *("select_and_gather_add", "scatter_max", "scatter_min"),
    )
)

_ROOTS = frozenset(("sqrt", "rsqrt", "pow"))
# Primitives whose results may be integers of few values.
_FEW_VALUES = frozenset(("lu", "argmax", "argmin", "rem", "clamp", "and", "top_k", "sign"))


def equivalent(
    f: Callable[..., Any],
    g: Callable[..., Any],
    *examples: Any,
    assuming: Callable[..., Any] | None = None,
    constants: str = "rounded",
    seconds: float = 60.0,
    seed: int | None = None,
) -> Verdict:
    """Whether f and g are the same function over the reals, at the examples' shapes and dtypes.

    examples: one a positional argument: arrays, `jax.ShapeDtypeStruct`s, numbers, or pytrees and
        modules (Equinox, Flax NNX) of them. Only their shapes and dtypes count; `rounding` is
        measured at arrays if there are any. Leaves inside of an example that are no arrays
        (activations, names, flags) are static: what they are, as the scope says. Other static
        arguments, and keywords, go through `functools.partial` or a lambda.
    assuming: a JAX function of the same inputs that returns booleans: only inputs at which all are
        true count, as in `assuming=lambda x, n: (x > 0) & (0 <= n) & (n < 10)`.
    constants: "rounded": a float literal stands for any real number that rounds to it. Where a
        proof needs a particular one (0.1 is 1/10), it is among the assumptions, and no
        counterexample is a difference that the rounding of literals explains. "exact": it stands
        for the number that it holds.
    seconds: for the whole call, but for JAX's tracing; then the verdict is unknown.
    seed: fixes the random primes and inputs; by default they are fresh at every call.

    Returns a `Verdict`; `bool(verdict)` is true for a proof only.

    Errors: TypeError and ValueError for arguments that it cannot take (a precondition that no input
    satisfies is one), and whatever f, g and assuming raise while they are traced. A failure of
    verify itself is an "unknown" that says so.

    >>> import jax, jax.numpy as jnp
    >>> x = jax.ShapeDtypeStruct((3, 4), jnp.float32)
    >>> bool(equivalent(lambda x: (x - 1) * (x + 1), lambda x: x * x - 1, x))
    True
    >>> equivalent(lambda x: x * 0.1, lambda x: x / 10, x).assumptions
    ('the constant 0.1 ... 1/10',)
    >>> verdict = equivalent(lambda x: x[1:] - x[:-1], lambda x: x[:-1] - x[1:], x)
    >>> verdict.status, float(verdict.counterexample.left), float(verdict.counterexample.right)
    ('refuted', 1.0, -1.0)
    >>> bool(equivalent(lambda x: jnp.sqrt(x * x), lambda x: x, x, assuming=lambda x: x >= 0))
    True
    """
    __tracebackhide__ = True  # by pytest: the caller's lines are what matters
    start = budget.now()
    drawn = arguments.checked("equivalent", {"f": f, "g": g}, examples, seconds, seed)
    arguments.one_of("equivalent", "constants", constants, ("rounded", "exact"))
    asked = split(examples)
    one, two, arrays = asked.function(f), asked.function(g), asked.arrays
    made = (
        arguments.traced("equivalent", "f", one, arrays),
        arguments.traced("equivalent", "g", two, arrays),
    )
    given = None
    if assuming is not None:
        given = condition.of("equivalent", assuming, asked.function(assuming), arrays, drawn)
    impossible = False

    def question() -> Verdict:
        nonlocal impossible
        read_as = [read(one) for one in made]
        left, right, same = normalised(*read_as)
        if given is not None and not given.inhabited:
            with budget.doing("whether any input satisfies what is assumed"):
                impossible = given.impossible
            return Verdict("unknown", reason=f"no input was found at which {given.name} holds")
        comparison = Comparison(left, right, constants, given)
        comparison.same = same
        verdict = settle(comparison, arrays, names(f, arrays), drawn)
        pairs = [(one, read_as[0]), (two, read_as[1])] if verdict else []
        if verdict and assuming is not None and given is not None:
            pairs.append((asked.function(assuming), given.program))
        found = next(filter(None, (called.otherwise(*pair, arrays) for pair in pairs)), "")
        verdict = Verdict("unknown", reason=found) if found else verdict
        rounded = formats.note(read_as[0], read_as[1]) if verdict else ""
        if rounded:
            verdict = replace(verdict, assumptions=(*verdict.assumptions, rounded))
        about = subject(f, g, examples, (read_as[0], read_as[1]), drawn, constants=constants)
        if assuming is not None and given is not None:
            about = replace(about, assuming=named(assuming, given.program))
        if verdict and given is not None:
            verdict = replace(verdict, assumptions=(given.sentence, *verdict.assumptions))
        measure: Any = None
        if verdict:
            lenient = comparison.lenient_literals
            measure = later(left, right, arrays, drawn, comparison.moved, apart=lenient)
        return replace(verdict, subject=about, rounding=measure)

    verdict = asked.answer(f, internal.answer(question, seconds))
    if impossible and given is not None:
        raise ValueError(
            "equivalent: assuming: expected a condition that some input satisfies, got one that "
            f"none does: {given.name}"
        )
    return verdict.changed(seconds=budget.now() - start)


def settle(comparison: Comparison, examples: Any, names: list[str], seed: int) -> Verdict:
    """The ladder, for two programs of `examples` whose input arrays have `names`; what counts as a
    counterexample is for `comparison` to say."""
    left, right = comparison.left, comparison.right
    if left.is_symbolic() or right.is_symbolic():
        return Verdict(
            "unknown",
            reason="the examples have symbolic dimensions, and every proof here is for concrete "
            "shapes: give sizes",
        )
    mismatch = _structure(left, right, examples)
    if mismatch is not None:
        return mismatch
    if comparison.same:
        return Verdict("proved", method="value numbering: both are the same operations")
    # Whoever knows the seed before he writes his programs must not know what will be drawn.
    rng = np.random.default_rng([seed, int(fingerprint(left), 16), int(fingerprint(right), 16)])
    return _Ladder(comparison, examples, names, rng).climb()


@dataclass
class _Ladder:
    """One question on its way up; each step returns a verdict, or None to go on."""

    comparison: Comparison
    examples: Any
    names: list[str]  # of the input arrays
    rng: np.random.Generator
    searchable: bool = True  # whether the programs can be evaluated at concrete inputs
    disagreement: str = ""  # what JAX says of the last difference that it did not confirm
    rejected: int = 0  # how many there were
    searched: bool = False  # whether the search before a proof has been made
    too_large: bool = False  # whether their polynomials are
    refused: bool = False  # whether the programs are too large for random interpretation
    read: bool = False  # whether the last proof is of programs whose constants have been read
    reason: str = ""
    difference: Difference | None = None  # of the last mode that was tried
    inhabited: dict[bool, bool] = field(default_factory=dict)  # by whether nothing may overflow
    wrapping: bool = False  # whether the programs look at integers that may have wrapped

    def __post_init__(self) -> None:
        self.left, self.right = self.comparison.left, self.comparison.right
        self.given = cast(Precondition | None, self.comparison.given)

    def climb(self) -> Verdict:
        try:
            programs = (self.left, self.right)
            memory.refuse(programs, memory.NUMBER, "an evaluation at one input")
        except Refused as error:  # nothing is proved without a search
            return Verdict("unknown", reason=str(error))
        strict, scaling, off_ties = MODES
        proof = "a proof by random interpretation"
        wraps = "if no integer overflows"
        steps: tuple[tuple[str, Callable[[], Verdict | None]], ...] = (
            ("a few inputs", self.glance),
            (proof, lambda: self.interpret(strict)),
            ("a few more inputs", self.second_glance),
            (f"{proof}, with multiples", lambda: self.interpret(scaling)),
            (f"{proof}, value by value", lambda: self.value_by_value(scaling)),
            (f"{proof}, masks decided", self.by_masks),
            (f"{proof}, large constants as masks", self.by_sinking),
            ("a short proof by branches", lambda: self.by_branches(briefly=True)),
            (f"{proof}, constants read", lambda: self.with_readings(briefly=True)),
            (f"{proof}, with sines and cosines", lambda: self.on_circle(scaling)),
            ("a proof block by block", self.by_blocks),
            ("a proof, equations between inputs solved", self.with_equations),
            ("a proof by bits", self.by_bits),
            ("a proof by cases", self.by_cases),
            (f"{proof}, {wraps}", lambda: self.assuming(self.interpret, strict)),
            (f"{proof}, {wraps}", lambda: self.assuming(self.interpret, scaling)),
            (
                f"a proof by cases, {wraps}",
                lambda: self.assuming(lambda mode: self.by_cases(mode.assuming), scaling),
            ),
            (f"{proof}, off ties", lambda: self.interpret(off_ties)),
            (f"{proof}, off ties, value by value", lambda: self.value_by_value(off_ties)),
            (f"{proof}, off ties, {wraps}", lambda: self.assuming(self.interpret, off_ties)),
            (f"{proof} of all branches", lambda: self.by_patterns(PATTERNS)),
            (
                f"{proof} of all branches, {wraps}",
                lambda: self.assuming(self.by_patterns, PATTERNS),
            ),
            (f"{proof}, with sines and cosines, off ties", lambda: self.on_circle(off_ties)),
            (f"{proof} of all branches, with sines", lambda: self.on_circle(PATTERNS)),
            (
                f"{proof} of all branches, value by value",
                lambda: self.value_by_value(PATTERNS),
            ),
            ("a proof by branches", self.by_branches),
            ("a proof, constants read", lambda: self.with_readings(briefly=False)),
            ("the comparison of what has no value", self.refuted_without_values),
            (
                "a directed search for a counterexample",
                lambda: self.search(
                    "a directed search", most=_MANY, skip=_FEW + _SECOND, directed=True
                ),
            ),
        )
        try:
            for name, step in steps:
                with budget.doing(name):
                    verdict = step()
                verdict = self.grounded(verdict)
                if verdict:
                    found = self.search_before_proof()
                    verdict = verdict if found is None else found
                if verdict and self.differ_otherwise(read=True):
                    self.reason = _AS_WRITTEN
                    break
                if verdict and not self.read and self.differ_otherwise(read=False):
                    verdict = replace(verdict, assumptions=(*verdict.assumptions, _HELD))
                if verdict is not None and not (verdict and self.disagreement):
                    with budget.doing("the comparison of rules with JAX"):
                        return self.trusted(verdict)
        except budget.OutOfTime as error:
            before = f"; before that: {self.reason}" if self.reason else ""
            self.reason = f"{error}{before}"
        if self.disagreement:
            return Verdict("unknown", reason=self.disagreement)
        if explained := self.comparison.rounding.explained:
            self.reason += (
                f"; {explained} differences were no larger than the rounding of the constants "
                'explains (constants="exact" takes them at their word)'
            )
        if self.searchable:
            self.reason += f" ({self.comparison.evaluations} inputs tried)"
        self.reason += self.where_they_part()
        return Verdict("unknown", reason=self.reason)

    def where_they_part(self) -> str:
        """For a reason: the first values that the other program does not have, and their lines."""
        try:
            with budget.last_words():
                read = [other for _, other in self.readings if other.difference is not None]
                last = (read or [self])[-1]
                if last.difference is None:
                    return ""
                told = None if last.given is None else last.given.told(last.left, last.right)
                where = where_they_part(last.left, last.right, last.difference, self.draw(), told)
        except budget.OutOfTime:
            return ""
        return f"; {where}" if where else ""

    def grounded(self, verdict: Verdict | None) -> Verdict | None:
        """Under a precondition, a proof that assumes more counts only if some input that satisfies
        it satisfies that too; where it has no open set, what is true almost everywhere is no fact.
        """
        if self.given is None or not verdict or not verdict.assumptions:
            return verdict
        if NO_TIES in verdict.assumptions and not self.given.is_open:
            return None
        if self.defined(verdict.assumptions):
            return verdict
        self.reason = (
            "the programs agree where both are defined, but no input that satisfies what is "
            f"assumed was found at which also holds: {'; '.join(verdict.assumptions)}"
        )
        return None

    def trusted(self, verdict: Verdict) -> Verdict:
        """A proof counts if verify reads both programs as JAX computes them."""
        # A generator of its own: how much is drawn depends on what the process has compared before.
        rng = np.random.default_rng(self.draw())
        wrong = selfcheck.disagreement(self.left, self.right, rng) if verdict else None
        if verdict and wrong is None and self.given is not None:
            program = self.given.program
            wrong = selfcheck.disagreement(program, program, rng)
        if wrong is not None:
            return Verdict("unknown", reason=wrong)
        found = self.without_values() if verdict and verdict.assumptions else None
        return verdict if found is None else found

    def without_values(self) -> Verdict | None:
        """What JAX has to say where something is compared that has no value."""
        found = unordered(self.comparison, self.rng) if self.searchable else None
        if found is None:
            return None
        if found.witness is None:
            return Verdict("unknown", reason=found.text)
        method = "JAX's evaluation where what is compared has no value"
        return _refuted(self.comparison, found.witness, self.examples, self.names, method)

    def refuted_without_values(self) -> Verdict | None:
        """Before the long search, which may take all the seconds."""
        found = self.without_values()
        return found if found is not None and found.status == "refuted" else None

    def glance(self) -> Verdict | None:
        """A few evaluations: most differences show at once. One for large programs, at weights:
        small integers overflow the exponentials of a deep network."""
        large = max(self.left.size(), self.right.size()) > _LARGE
        skip, at_least = (1, 1) if large else (0, 2)
        return self.search(
            "exact evaluation",
            most=_FEW,
            work=_GLANCE_WORK,
            skip=skip,
            at_least=at_least,
        )

    def second_glance(self) -> Verdict | None:
        """A few more, once the programs are known to differ as terms: cheaper than more laws."""
        return self.search(
            "exact evaluation",
            most=_FEW + _SECOND,
            work=_GLANCE_WORK,
            skip=_FEW,
            at_least=_SECOND,
        )

    def search(
        self, name: str, most: int, work: float = _SEARCH_WORK, **options: Any
    ) -> Verdict | None:
        if not self.searchable:
            return None
        try:
            for witness in search(self.comparison, self.rng, work, most, **options):
                verdict = self.refuted(witness, name)
                if verdict is not None or self.rejected >= _MOST_REJECTED:
                    return verdict
        except Unsupported as error:
            self.searchable, self.reason = False, str(error)
        return None

    def search_before_proof(self) -> Verdict | None:
        """Dozens of inputs, aimed at the programs' constants, guards and widths, whatever the proof
        says: a proof by a method that is wrong is not given where they show a difference."""
        if self.searched:
            return None
        self.searched = True
        if not self.searchable:
            found = differ_by_jax(self.comparison, self.rng)
            return None if found is None else Verdict("unknown", reason=found)
        for witness in before_proof(self.comparison, self.rng):
            verdict = self.refuted(witness, "a search before the proof")
            if verdict is not None or self.rejected >= _MOST_REJECTED:
                return verdict
        return None

    def interpret(self, mode: Mode, ignore: Any = None) -> Verdict | None:
        """Random interpretation with the laws of one mode."""
        if self.refused:
            return None
        effort.refuse((self.left, self.right))
        try:
            work = _PATTERN_WORK if mode.decides else math.inf
            result = prove(self.left, self.right, mode, self.draw(), ignore, work, self.told)
        except (Unsupported, TooLarge) as error:
            self.reason, self.refused = str(error), isinstance(error, Refused)
            self.too_large |= isinstance(error, TooLarge)
            return None
        if isinstance(result, Difference):
            self.difference = result
            self.wrapping |= result.wrapping
            self.reason = (
                f"the programs are not identical under the known laws in {result}, but no input "
                "was found on which their values differ"
            )
            return None
        branches = " of all branches" if mode.patterns else " of all masks" if mode.masks else ""
        return self.agreement(result, f"random interpretation{branches}")

    @property
    def told(self) -> Any:
        """What tells a trial which inputs count; None where all do."""
        return None if self.given is None else self.given.told(self.left, self.right)

    def by_blocks(self) -> Verdict | None:
        """Random interpretation with cuts, where without them the polynomials are too large, or
        the programs are long."""
        length = min(len(program.equations) for program in (self.left, self.right))
        if self.refused or not (self.too_large or (self.difference and length > _LONG)):
            return None
        effort.refuse((self.left, self.right))
        with budget.limit(_BLOCKS_WORK):
            try:
                result = by_blocks(self.left, self.right, self.draw(), self.told)
            except Unsupported as error:
                self.reason = str(error)
                return None
        if result is None:
            return None
        return self.agreement(result, "random interpretation, block by block,")

    def agreement(self, result: Agreement, method: str) -> Verdict | None:
        """The verdict, if what it assumes holds somewhere and nowhere shows a difference."""
        refuted = self.doubt(result.assumptions, NO_TIES not in result.assumptions)
        if refuted is not None:
            return refuted
        if result.partial and not self.defined(result.assumptions):
            self.reason = (
                "the programs agree where both are defined, but no input was found at which what "
                f"is assumed of them holds ({'; '.join(result.assumptions)})"
            )
            return None
        return Verdict(
            "proved",
            method=f"{method} over {result.primes} random primes",
            error_probability=result.error_probability,
            assumptions=result.assumptions,
        )

    @functools.cached_property
    def readings(self) -> list[tuple[tuple[str, ...], _Ladder]]:
        """The programs with rounded constants as they are read, and what a proof of them assumes:
        all constants; then only those that one program has and the other has not."""
        if not self.comparison.lenient_literals:
            return []
        found, numbers = [], self.comparison.numbers
        for all_of_them in (True, False) if numbers.common else (True,):
            known = rewriting.read(self.left, self.right, numbers, all_of_them=all_of_them)
            if known is not None:
                found.append((known.sentences, self.beside(known.left, known.right, self.given)))
        return found

    def beside(self, left: Program, right: Program, given: Precondition | None) -> _Ladder:
        """The same question of other programs; a search before a proof is one among those as they
        are."""
        programs = Comparison(left, right, given=given)
        return _Ladder(programs, self.examples, self.names, self.rng, searched=True)

    def with_readings(self, *, briefly: bool) -> Verdict | None:
        """A proof in which rounded constants are what they are read as; `briefly`: by the first
        modes of random interpretation only, else by what comes after them."""
        best = None
        for sentences, other in self.readings:
            verdict = other.grounded(other.proved(briefly=briefly))
            if not verdict:
                break
            # An epsilon of both programs needs no assumption if they are the same whether it is
            # read or not. Not read alone it proves nothing: 0.3 as a float is no three times 1/10.
            assumptions = dict.fromkeys((*sentences, *verdict.assumptions))
            best, self.read = replace(verdict, assumptions=tuple(assumptions)), True
        return best

    def differ_otherwise(self, *, read: bool) -> bool:
        """Whether the programs, which have been proved the same, differ where literals are other
        numbers that round to them: 10 * 0.1 > 1 is true of a float32, and not of 1/10. `read`:
        literals with a reading are that."""
        rounding, left = self.comparison.rounding, self.left
        if not self.comparison.lenient_literals or not self.searchable:
            return False
        constants = [c for program in (left, self.right) for c in program.constants()]
        stream = candidates(left.inputs, constants, np.random.default_rng(self.draw()))
        late = budget.after(_GLANCE_WORK)
        for number, drawn in enumerate(itertools.islice(stream, _OTHERWISE)):
            inputs = self.comparison.moved(drawn)
            if number and late():
                break
            if inputs is not None and rounding.decides(inputs, read=read):
                return True
        return False

    def with_equations(self) -> Verdict | None:
        """A proof in which the precondition's equations between inputs are solved."""
        solved = None if self.given is None else self.given.solved(self.left, self.right)
        if solved is None:
            return None
        given, (left, right) = solved
        if not given.inhabited:
            return None
        other = self.beside(left, right, given)
        for briefly in (True, False):
            verdict = other.grounded(other.proved(briefly=briefly))
            if verdict:
                return verdict
        return None

    def proved(self, *, briefly: bool) -> Verdict | None:
        """A proof by the first method that has one."""
        strict, scaling, off_ties = MODES
        methods: tuple[Callable[[], Verdict | None], ...] = (
            lambda: self.value_by_value(scaling),
            self.by_masks,
            self.by_sinking,
            lambda: self.by_branches(briefly=True),
            self.by_blocks,
            lambda: self.on_circle(scaling),
            self.by_bits,
            self.by_cases,
            lambda: self.interpret(off_ties),
            lambda: self.value_by_value(off_ties),
            lambda: self.by_patterns(PATTERNS),
            lambda: self.on_circle(off_ties),
            lambda: self.value_by_value(PATTERNS),
            self.by_branches,
        )
        if briefly:
            methods = (
                lambda: self.interpret(strict),
                lambda: self.interpret(scaling),
                self.by_masks,
                self.by_sinking,
            )
        for method in methods:
            verdict = method()
            if verdict is not None and verdict.status == "proved":
                return verdict
        return None

    def assuming(self, method: Callable[[Mode], Verdict | None], mode: Mode) -> Verdict | None:
        """A method once more, integers being taken not to wrap where something looks at them; only
        where it matters, so that other programs pay nothing."""
        return method(replace(mode, assuming=True)) if self.wrapping else None

    def chooses(self) -> bool:
        """Whether there is something to choose."""
        return self.takes_masks or any(p.primitives() & _CHOICES for p in (self.left, self.right))

    @property
    def takes_masks(self) -> bool:
        """Whether there are truth values among the inputs."""
        return any(v.dtype == np.bool_ for v in self.left.inputs)

    @property
    def small(self) -> bool:
        """Whether the programs are small enough to be taken branch by branch."""
        return self.left.size() + self.right.size() <= _PATTERN_SIZE

    def value_by_value(self, mode: Mode) -> Verdict | None:
        """With numbers that take few values case by case, where there may be any."""
        if not self.has_few:
            return None
        split = replace(mode, split=True)
        circle = turns(self.left) or turns(self.right)
        return self.first_of((split, replace(split, circle=True)) if circle else (split,))

    @functools.cached_property
    def has_few(self) -> bool:
        """Whether a number in the programs may have few values."""
        if any(p.primitives() & _FEW_VALUES for p in (self.left, self.right)):
            return True
        read = None if self.given is None else self.given.reading
        whole = any(is_integer(v.dtype) for v in self.left.inputs)
        return whole or self.takes_masks or (read is not None and bool(read.values))

    @property
    def has_masks(self) -> bool:
        """Whether masks, or numbers of few values, are among the inputs, and the programs small."""
        few = self.given is not None and self.given.has_few_values
        return (self.takes_masks or few) and self.small

    def by_masks(self) -> Verdict | None:
        """Mask by mask."""
        return self.besides(MASKS) if self.has_masks else None

    def by_sinking(self) -> Verdict | None:
        """Large constants are masks, where something lets them sink: exponentials and maxima."""
        programs = (self.left, self.right)
        if not any(p.primitives() & _SINK for p in programs) or not has_large(*programs):
            return None
        modes = (MODES[1], MASKS) if self.has_masks else (MODES[1],)
        return next(filter(None, (self.besides(replace(m, sinking=True)) for m in modes)), None)

    def besides(self, mode: Mode) -> Verdict | None:
        """A mode that leaves no trace if it fails, but for the first difference that is found."""
        return self.interpret(mode) if self.difference is None else self.first_of((mode,))

    def first_of(self, modes: Iterable[Mode]) -> Verdict | None:
        """The first of these modes that says something; if none does, they leave no trace, as case
        analysis goes on from what was known before."""
        before = self.reason, self.difference
        for mode in modes:
            verdict = self.by_patterns(mode) if mode.patterns else self.interpret(mode)
            if verdict is not None:
                return verdict
        self.reason, self.difference = before
        return None

    def by_patterns(self, mode: Mode) -> Verdict | None:
        """Branch by branch, where there is something to choose and the programs are small."""
        if not self.chooses() or not self.small:
            return None
        reason = self.reason
        verdict = self.interpret(mode)
        self.reason = self.reason if verdict is None and not reason else reason
        return verdict

    def on_circle(self, mode: Mode) -> Verdict | None:
        """The laws of a mode and those of sines and cosines, where there are any."""
        if not (turns(self.left) or turns(self.right)) or not (mode.ties or self.chooses()):
            return None
        nested = (False,) if mode.patterns else (False, True)
        return self.first_of(replace(mode, circle=True, nested=each) for each in nested)

    def defined(self, assumptions: Iterable[str]) -> bool:
        """Whether the assumptions of a proof hold anywhere."""
        sentences = set(assumptions)
        unwrapped = any("overflow" in sentence or sentence == HELD for sentence in sentences)
        if unwrapped not in self.inhabited:
            found = inhabited(self.comparison, self.rng, _DOUBT_WORK, unwrapped=unwrapped)
            self.inhabited[unwrapped] = found
        return self.inhabited[unwrapped] and (not sentences & _OF_BITS or self.exact_somewhere)

    @functools.cached_property
    def exact_somewhere(self) -> bool:
        """Whether at some input the machine's numbers whose bits are looked at are real ones."""
        return somewhere_exact(self.comparison, self.rng)

    def doubt(self, assumptions: Iterable[str], ties: bool = True) -> Verdict | None:
        """Before a proof counts: a search where its assumptions fail: on ties, where integers
        overflow, where a negative number has a power."""
        assumptions = list(assumptions)
        overflow = any("overflow" in sentence for sentence in assumptions)
        overflow |= SAME_INDEX in assumptions
        powers = POWERS in assumptions
        if ties and not overflow and not powers:
            return None
        most = _TIES if not ties else _FEW
        return self.search(
            "a search where the proof's assumptions fail",
            most=most,
            work=_DOUBT_WORK,
            skip=_FEW - 1,
            at_least=_DOUBT_AT_LEAST,
            overflow=overflow,
            powers=powers,
            directed=not ties,
        )

    def by_cases(self, assuming: bool = False) -> Verdict | None:
        """The elements that still differ as terms, by linear arithmetic; the others stay proved."""
        method = functools.partial(cases.settle, assuming=assuming)
        return self.by_solver(method, "case analysis", replace(MODES[1], assuming=assuming))

    def by_bits(self) -> Verdict | None:
        """The same with integers as bit-vectors, where there are any among the inputs: of those
        made of floats nothing is known."""
        if not any(is_integer(v.dtype) for v in self.left.inputs):
            return None
        return self.by_solver(cases.settle_bits, "bit-vectors", MODES[1])

    def by_solver(self, settle: Callable[..., Any], name: str, others: Mode) -> Verdict | None:
        """The elements that still differ as terms, by an SMT solver; `others` proves the rest."""
        if self.difference is None or not smt.available():
            return None
        assumptions: dict[str, None] = {}
        elements = self.difference.elements
        known = None if self.given is None else self.given.certain
        partial = False
        for output, flat in elements.items():
            try:
                with budget.limit(_CASES_WORK):
                    settled = settle(self.left, self.right, output, flat, condition=known)
            except Unsupported:
                return None
            if isinstance(settled, cases.Suggestion):
                witness = self.comparison.meet(settled.inputs) if self.searchable else None
                return None if witness is None else self.refuted(witness, name)
            if settled is None:
                return None
            assumptions.update(dict.fromkeys(settled.assumptions))
            partial |= settled.partial
        refuted = self.doubt(assumptions)
        if refuted is not None:
            return refuted
        if partial and not self.defined(assumptions):
            return None
        verdict = self.interpret(others, elements)
        if verdict is None or not verdict:
            return verdict
        assumptions.update(dict.fromkeys(verdict.assumptions))
        method = f"{verdict.method}, and {name} of {self._count(elements)} elements by z3"
        return replace(verdict, method=method, assumptions=tuple(assumptions))

    def by_branches(self, *, briefly: bool = False) -> Verdict | None:
        """The elements that still differ, in all possible branches; the others stay proved. A short
        proof takes no integer not to wrap and leaves out no tie, as what comes after it may not
        have to."""
        if self.difference is None or not smt.available():
            return None
        if not self.chooses() and not any(p.primitives() & _ROOTS for p in (self.left, self.right)):
            return None
        if self.given is not None and not self.given.is_open:
            return None  # where all is a tie, a branch of measure zero is all there is
        elements, mode = self.difference.elements, self.difference.mode
        share = _BRIEFLY if briefly else 1.0
        try:
            lenient = self.comparison.lenient
            tries = (
                branches.settle(
                    self.left,
                    self.right,
                    elements,
                    share * _BRANCH_WORK,
                    share=share,
                    ties=ties,
                    lenient=lenient,
                    assuming=assuming,
                    given=None if self.given is None else self.given.written,
                )
                for assuming in ((False, True) if self.wrapping and not briefly else (False,))
                for ties in ((True,) if briefly else (True, False))
            )
            settled = next((found for found in tries if found is not None), None)
        except Unsupported:
            return None
        if settled is None:
            return None
        refuted = self.doubt(settled.assumptions, NO_TIES not in settled.assumptions)
        if refuted is not None:
            return refuted
        if settled.partial and not self.defined(settled.assumptions):
            return None
        verdict = Verdict("proved", error_probability=0.0)
        count = self._count(elements)
        method = f"the possible branches of {count} elements, with linear arithmetic by z3"
        if count < sum(int(np.prod(v.shape)) for v in self.left.outputs):
            others = self.interpret(mode, elements)
            if others is None or not others:
                return others
            verdict, method = others, f"{others.method}, and {method}"
        assumptions = dict.fromkeys((*settled.assumptions, *verdict.assumptions))
        return replace(verdict, method=method, assumptions=tuple(assumptions))

    @staticmethod
    def _count(elements: Any) -> int:
        return sum(len(flat) for flat in elements.values())

    def draw(self) -> int:
        return int.from_bytes(self.rng.bytes(16))

    def refuted(self, witness: Witness, method: str) -> Verdict | None:
        """With a small counterexample that JAX confirms; None if it confirms none."""
        with budget.apart():  # most of it is XLA's compilation, of one operation after the other
            found = agreed(self.comparison, witness)
        if isinstance(found, str):
            self.disagreement, self.rejected = found or self.disagreement, self.rejected + 1
            return None
        try:
            small = shrink(self.comparison, witness, _SHRINK_WORK)
            with budget.apart():
                again = agreed(self.comparison, small)
        except budget.OutOfTime:
            again = "the seconds were over"
        best = found if isinstance(again, str) else again
        return _refuted(self.comparison, best, self.examples, self.names, method)


def _structure(left: Program, right: Program, examples: Any) -> Verdict | None:
    """A refutation if the outputs differ in tree, shape or dtype."""
    if left.out_tree != right.out_tree:
        one, two = str(left.out_tree), str(right.out_tree)
        return _structural(examples, one, two, "the outputs have different structures")
    for number, (a, b) in enumerate(zip(left.outputs, right.outputs, strict=True)):
        if a.shape != b.shape or a.dtype != b.dtype:
            what = "shapes" if a.shape != b.shape else "dtypes"
            one, two = (f"{v.dtype}{list(v.shape)}" for v in (a, b))
            return _structural(examples, one, two, f"output {number}: the {what} differ")
    return None


def _structural(examples: Any, left: str, right: str, why: str) -> Verdict:
    zeros = jax.tree.map(_zeros, examples)
    text = f"{why}: left {left}, right {right}"
    return Verdict(
        "refuted",
        method="abstract evaluation",
        counterexample=Counterexample(zeros, left, right, None, text),
    )


def _zeros(example: Any) -> np.ndarray:
    """An input of the example's own type; of keys, their words."""
    if not hasattr(example, "dtype"):
        return np.zeros(np.shape(example), np.asarray(example).dtype)
    if isinstance(example.dtype, np.dtype):
        return np.zeros(example.shape, example.dtype)
    _, words = GENERATORS[str(example.dtype)]
    return np.zeros((*example.shape, words), np.uint32)


def _explained(comparison: Comparison, witness: Witness, names: list[str]) -> str:
    try:
        return explain(comparison.left, comparison.right, witness, names)
    except budget.OutOfTime:
        return "the seconds were over before this was explained"


def _refuted(
    comparison: Comparison,
    witness: Witness,
    examples: Any,
    names: list[str],
    method: str,
) -> Verdict:
    tree, small = jax.tree.structure(examples), witness
    leaves = own(comparison.left.inputs, small.inputs)
    example = Counterexample(
        jax.tree.unflatten(tree, leaves),
        small.left,
        small.right,
        (small.output, small.index),
        _explained(comparison, small, names),
        tuple(names),
        (comparison.left, comparison.right),
    )
    return Verdict("refuted", method=method, counterexample=example)
