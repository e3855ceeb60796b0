"""Before "proved" is said: does verify read both programs as JAX computes them?

Every kind of equation (`kinds.py`) that this process has not met is compared with JAX, at operands
that are apt to show a wrong rule (`operands.py`): those of loop bodies and branches too. What JAX
computes comes from StableHLO's reference interpreter (`reference.py`), and from XLA where that does
not go. Where primitives are new, both programs are also run as a whole, at small whole numbers.

Work is counted, not time: so many new kinds a proof, so many elements an equation. What is too
large and has no smaller equation of its kind is not compared.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.keys import is_key
from verify.algebras.numeric import Numeric
from verify.algebras.rounded import Rounded
from verify.checks.compiled import check
from verify.dtypes import Array, is_integer
from verify.evaluate import evaluate
from verify.limits import budget
from verify.programs import Equation, Program, Var, call, inner_programs, once_a_program
from verify.programs.catalogue import Fact, having
from verify.trust import child, kinds, operands, reading, reading_field
from verify.trust.results import Case, Found, by_jax, is_refused

MOST_KINDS = 200  # new ones a proof
_MOST_WORK = 6_000  # element operations of an equation
_MOST_WHOLE = 20_000  # of a whole program
_REMEMBERED = 20_000
_MOST_BODY = 20  # equations within an equation that holds others of its own primitive
_FEW = 12  # small numbers, for the domain of proofs
_FIRST = 3  # kinds of one primitive and its dtypes that are compared at more operands than others
_CALLBACKS = having(Fact.CALLS_PYTHON)
_LEFT_OUT = _CALLBACKS | {"while", "shard_map"}

REPORT = "this is a fault in verify, please report it: "


@dataclass
class Memory:
    """Which kinds of equations have been compared with JAX, the oldest forgotten first."""

    known: OrderedDict[Hashable, str] = field(default_factory=OrderedDict)  # "" or what was wrong
    primitives: set[Hashable] = field(default_factory=set)  # and their rules
    counts: Counter[Hashable] = field(default_factory=Counter)  # of kinds, by primitive and dtypes

    def add(self, kind: Hashable, wrong: str) -> None:
        self.known[kind] = wrong
        while len(self.known) > _REMEMBERED:
            self.known.popitem(last=False)

    def forget(self) -> None:
        self.known.clear()
        self.primitives.clear()
        self.counts.clear()


MEMORY = Memory()


def disagreement(
    left: Program, right: Program, rng: np.random.Generator, most: int = MOST_KINDS
) -> str | None:
    """Where verify's reading of one of the programs differs from what JAX computes, or None.

    most: how many kinds of equations that are new in this process to compare.

    >>> import jax.numpy as jnp
    >>> from verify.programs import trace
    >>> one, two = (trace(f, jnp.zeros(3)) for f in (lambda x: x[::-1] + 1, lambda x: jnp.exp(x)))
    >>> disagreement(one, two, np.random.default_rng(0))
    """
    new: dict[Hashable, Equation] = {}
    for program in (left, right):
        for equation in program.every_equation():
            kind = kinds.kind(equation)
            wrong = MEMORY.known.get(kind)
            if wrong:
                return wrong
            if wrong is None:
                new.setdefault(kind, equation)
    if not new:
        return None
    inner_first = sorted(new.items(), key=lambda item: _has_body(item[1]))
    chosen = dict(inner_first[:most])
    met = {(e.primitive, kinds.RULES.get(e.primitive)) for e in chosen.values()}
    unusual = not met <= MEMORY.primitives or any(e.primitive == "while" for e in chosen.values())
    found = _compare(chosen, (left, right) if unusual else (), rng)
    if found is None:
        MEMORY.primitives |= met
    return found


def _has_body(equation: Equation) -> bool:
    return bool(equation.params.keys() & {"jaxpr", "branches", "body_jaxpr", "call_jaxpr"})


def _compare(
    new: dict[Hashable, Equation], programs: Sequence[Program], rng: np.random.Generator
) -> str | None:
    """Compares new kinds and whole programs, and remembers what came out of the kinds."""
    cases: list[Case] = []
    owners: list[Hashable] = []
    for kind, equation in new.items():
        name = (equation.primitive, kinds.RULES.get(equation.primitive), *_dtypes(equation))
        MEMORY.counts[name] += 1
        for case in _cases(equation, rng, brief=MEMORY.counts[name] > _FIRST):
            cases.append(case)
            owners.append(kind)
    wholes = [one for program in programs if (one := _as_one(program, rng)) is not None]
    with budget.apart():
        results = by_jax([*cases, *wholes])
    wrong: dict[Hashable, str] = {}
    over_residues: set[Hashable] = set()
    for kind, (equation, values), theirs in zip(owners, cases, results, strict=False):
        if kind not in wrong and theirs is not None and not isinstance(theirs, child.Endless):
            found = reading.read(equation, values, theirs).disagreement
            if found is None and kind not in over_residues and _exact(equation, values):
                over_residues.add(kind)  # once: a trial costs more than a look at numbers
                found = reading_field.read(equation, values, theirs).disagreement
            if found is not None:
                wrong[kind] = REPORT + str(found)
    pairs = zip(wholes, results[len(cases) :], strict=True)
    whole = next(filter(None, (_whole(*case, theirs) for case, theirs in pairs)), None)
    late = any(isinstance(theirs, child.Endless) for theirs in results)
    for kind, equation in new.items():
        if late and equation.primitive == "while":
            continue  # it is asked for again: it may end at other inputs
        if kind in wrong or whole is None:  # else nobody knows yet which of them is to blame
            MEMORY.add(kind, wrong.get(kind, ""))
    return next(iter(wrong.values()), whole)


def _exact(equation: Equation, values: Sequence[np.ndarray]) -> bool:
    """Whether a rule over residues gives exact numbers."""
    return operands.moves(equation) or operands.are_exact(values, _FEW)


def _dtypes(equation: Equation) -> list[str]:
    return [str(atom.dtype) for atom in (*equation.inputs, *equation.outputs)]


def _cases(equation: Equation, rng: np.random.Generator, *, brief: bool = False) -> list[Case]:
    """The equation, or a small one of its kind, at several operands; none where it is too large."""
    if equation.primitive in _LEFT_OUT or equation.primitive not in reading.RULES:
        return []
    if _nested(equation):
        return []
    if not operands.drawable(equation):
        return []
    if kinds.is_elementwise(equation):
        size = max((len(x) for x in operands.combinations(equation, rng) if np.ndim(x)), default=0)
        vector = kinds.elementwise(equation, size)
        scalars = [1] if all(atom.shape for atom in equation.inputs) else range(3)
        few = kinds.elementwise(equation, _FEW)
        whole = all(is_integer(atom.dtype) for atom in few.inputs)
        draw = operands.varied if whole else operands.whole
        small = [draw(atom, rng) for atom in few.inputs]
        if equation.primitive == "select_n":
            small[0] = operands.whole(few.inputs[0], rng)
            small[0] = np.asarray(small[0] % (len(small) - 1)).astype(small[0].dtype)
        found: list[Case] = [(vector, operands.combinations(equation, rng)) for _ in scalars]
        return [*found, (few, small)]
    chosen: Equation | None = equation
    if work(equation) > _MOST_WORK:
        chosen = kinds.small(equation)
    if chosen is None or work(chosen) > _MOST_WORK:
        return []
    return [(chosen, values) for values in operands.draws(chosen, rng, brief=brief)]


def _nested(equation: Equation) -> bool:
    """Whether it is one of many within each other: those inside are compared."""
    inside = [inner.primitives() for inner in inner_programs(equation)]
    if not any(equation.primitive in names for names in inside):
        return False
    return sum(len(list(inner.every_equation())) for inner in inner_programs(equation)) > _MOST_BODY


@dataclass(frozen=True)
class _Program:
    """A program in the place of a primitive."""

    program: Program
    multiple_results = True

    def get_bind_params(self, params: object) -> object:
        return params

    def bind(self, *values: Array) -> tuple[Array, ...]:
        return call(self.program, *values)


def _as_one(program: Program, rng: np.random.Generator) -> Case | None:
    """The program as one equation, at small whole numbers; None where that is too much, or where
    the errors of all of it are not known."""
    equations = list(program.every_equation())
    if sum(map(work, program.equations)) > _MOST_WHOLE or any(map(is_refused, equations)):
        return None
    if program.primitives() & _CALLBACKS or not program.equations:
        return None
    try:
        check(program)
    except Unsupported:
        return None
    inputs, outputs = program.inputs, tuple(Var(a.shape, a.dtype) for a in program.outputs)
    if any(is_key(v.dtype) for v in (*inputs, *outputs)):
        return None
    holds = {"program": program}
    one = Equation("the whole program", inputs, outputs, holds, "", _Program(program), {})
    return one, [operands.whole(v, rng) for v in inputs]


def _whole(equation: Equation, inputs: Sequence[np.ndarray], theirs: Found) -> str | None:
    """Where a program as a whole is read otherwise than JAX computes it."""
    if theirs is None:
        return None
    program, rounded = equation._bind.program, Rounded()
    if isinstance(theirs, child.Endless):
        return _endless(program, inputs, theirs)
    try:
        with np.errstate(all="ignore"):
            ours = evaluate(program, rounded, [rounded.input(x) for x in inputs])
    except Unsupported:
        return None
    found = reading.compare(equation, inputs, ours, theirs, certified=True).disagreement
    return None if found is None else REPORT + str(found)


def _endless(program: Program, inputs: Sequence[np.ndarray], error: child.Endless) -> str | None:
    """What to say where JAX does not end: nothing, if over the reals it need not end either."""
    algebra = Numeric()
    lifted = [algebra.lift(x, v.dtype) for x, v in zip(inputs, program.inputs, strict=True)]
    try:
        with np.errstate(all="ignore"):
            evaluate(program, algebra, lifted)
    except Unsupported:
        return None
    loops = (e.source for e in program.every_equation() if e.primitive == "while")
    where = next((f" at {source}" for source in loops if source), "")
    text = ", ".join(np.array2string(np.asarray(x), separator=", ", threshold=20) for x in inputs)
    return f"JAX does not end the while{where}, which ends over the reals: {error}, at ({text})"


def work(equation: Equation) -> int:
    """About how many element operations an equation takes."""
    sizes = [int(np.prod(atom.shape)) for atom in (*equation.inputs, *equation.outputs)]
    total, name, params = sum(sizes), equation.primitive, equation.params
    if name == "dot_general":
        contracted = params["dimension_numbers"][0][0]
        total += sizes[-1] * int(np.prod([equation.inputs[0].shape[i] for i in contracted]))
    elif name == "conv_general_dilated":
        out = params["dimension_numbers"].rhs_spec[0]
        total += sizes[-1] * (sizes[1] // max(equation.inputs[1].shape[out], 1))
    elif "window_dimensions" in params:
        total += sizes[-1] * int(np.prod(params["window_dimensions"]))
    steps = int(params.get("length", 1))
    for value in params.values():
        for body in value if isinstance(value, tuple) else (value,):
            if isinstance(body, Program):
                total += steps * _work_of(body)
    return total


@once_a_program
def _work_of(program: Program) -> int:
    return sum(map(work, program.equations))
