"""Is there an input at which both programs are defined?

log(x) and log(-x) have no common domain, so that whatever is said of both is true of nothing. A
proof that assumes something of its inputs (no logarithm of a negative number, ...) counts only once
an input has been found at which the assumptions hold: every function that is not defined everywhere
gave a number, in both programs, whether or not a selection discards it; and, if that is what is
assumed, no integer was looked at that had overflown.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from verify.algebras.base import Algebra, Meaningless, Unsupported, Value
from verify.algebras.extended import anything, lift, parts
from verify.algebras.numeric import Numeric
from verify.algebras.unwrapped import Unwrapped
from verify.counterexample.confirm import Comparison, Inputs, values
from verify.counterexample.held import fit, held
from verify.counterexample.partial import Domain, has_value
from verify.dtypes import Array, is_integer, is_kind
from verify.evaluate import apply, evaluate
from verify.limits import budget
from verify.primitives import RULES
from verify.primitives.indexing import promises
from verify.primitives.registry import Context
from verify.programs import Const, Equation, Program, Var, inner_programs, run_with_jax
from verify.trust import child, dangers

_AT_LEAST, _MOST = 8, 120
_LARGE = 1e5  # far below one unit of roundoff's reciprocal in float32
_CENTRES = (1.0, 2.0, 0.5, 3.0, -1.0, 0.25, -2.0, 5.0, 10.0, -0.5, 30.0, 100.0)
_RANGES = (
    *((0.5, 1.5), (0.01, 0.99), (1.0, 3.0), (-0.9, 0.9), (-3.0, -1.0), (5.0, 9.0)),
    (0.001, 0.003),  # where large powers and exponentials have a value
)


def inhabited(
    comparison: Comparison, rng: np.random.Generator, work: float, *, unwrapped: bool = False
) -> bool:
    """Whether both programs are defined, with all they compute on the way, at some input tried;
    `unwrapped`: without an integer that has overflown where something looks at it."""
    if comparison.domain.inhabited and not unwrapped:
        return True
    late = budget.after(work)
    domain = Domain(comparison.left, comparison.right)
    domain.counts = True
    ways: list[Callable[[Comparison, Inputs], bool]] = [
        functools.partial(_unwrapped, domain) if unwrapped else _by_numbers
    ]
    if not comparison.domain.waiting:  # JAX does not show what happens in a branch
        ways.append(functools.partial(_by_jax, unwrapped=unwrapped))
    for way in ways:
        try:
            for number, inputs in enumerate(_ordinary(comparison.left.inputs, rng)):
                if number >= _MOST or (number >= _AT_LEAST and late()):
                    return False
                moved = comparison.moved(inputs)
                if moved is not None and way(comparison, moved):
                    return True
        except Unsupported:
            continue
    return False


def _by_numbers(comparison: Comparison, inputs: Inputs) -> bool:
    comparison.domain.counts = True
    try:
        comparison.at(inputs)
    finally:
        comparison.domain.counts = False
    return comparison.domain.inhabited


def _unwrapped(domain: Domain, comparison: Comparison, inputs: Inputs) -> bool:
    algebra, inputs = Unwrapped(), held(comparison.left.inputs, inputs)
    try:
        with domain.watch() as observe:
            for program in (comparison.left, comparison.right):
                values(program, inputs, observe, algebra)
                if algebra.overflows:
                    raise Meaningless
    except Meaningless:
        return False
    return domain.inhabited


def _by_jax(comparison: Comparison, inputs: Inputs, *, unwrapped: bool = False) -> bool:
    """For programs with primitives that the numbers have no rule for: what JAX computes."""
    programs = (comparison.left, comparison.right)
    return all(has_numbers(p, inputs, unwrapped=unwrapped) for p in programs)


def has_numbers(program: Program, inputs: Inputs, *, unwrapped: bool = False) -> bool:
    """Whether everything in a program has a value, by JAX; `unwrapped`: and no integer wraps."""
    environment: dict[Var, np.ndarray] = {
        var: np.asarray(array).astype(var.dtype)
        for var, array in zip(program.inputs, inputs, strict=True)
    }
    for equation in program.equations:
        operands = [a.value if isinstance(a, Const) else environment[a] for a in equation.inputs]
        try:
            results = _by_itself(equation, operands)
        except Exception as error:  # whatever JAX says of one equation on its own
            raise Unsupported(f"{equation.primitive} cannot be run alone ({error})") from error
        before, after = ([_array(v) for v in values] for values in (operands, results))
        if not has_value(equation, before, after) or not _moderate(after):
            return False
        if unwrapped and _wraps(equation, operands):
            return False
        if promises(equation) and not _kept(equation, before):
            return False
        environment.update(zip(equation.outputs, results, strict=True))
    return True


def _by_itself(equation: Equation, operands: Sequence[np.ndarray]) -> list[np.ndarray]:
    alone = dangers.alone(equation)
    if dangers.harmless(alone):
        return run_with_jax(equation, operands)
    return [*child.run(alone, operands)]


def _wraps(equation: Equation, operands: Sequence[np.ndarray]) -> bool:
    """Whether a result is not what it would be if integers did not wrap, or may not be."""
    algebra = Unwrapped()

    def run(
        body: Program, values: Sequence[Value], other: Algebra[Value] | None = None
    ) -> list[Value]:
        return evaluate(body, anything(algebra) if other is None else other, values)

    try:
        lifted = [lift(algebra, x) for x in operands]
        results = apply(equation, lifted, algebra, run)
    except Unsupported:  # of which no sum or product of integers is one
        return bool(inner_programs(equation))
    found = (part for value in results for part in parts(value))
    return algebra.overflows or any("expression" in vars(part) for part in found)


def _kept(equation: Equation, operands: Sequence[np.ndarray]) -> bool:
    """Whether the promises about the indices are kept: of what is written they do not speak."""
    algebra = Numeric()
    plain = [algebra.lift(np.zeros(x.shape) if i != 1 else x) for i, x in enumerate(operands)]
    context = Context(algebra, equation, lambda body, values, other=None: [values[1]])
    params = {**equation.params, "update_jaxpr": None} if len(plain) == 3 else equation.params
    try:
        RULES[equation.primitive](context, *plain, **params)
    except Meaningless:
        return False
    return True


def _moderate(results: Sequence[np.ndarray]) -> bool:
    """Whether no result may be a quotient by what is zero but for rounding: a pivot of 1e-8."""
    inexact = (y for y in results if is_kind(y.dtype, np.inexact))
    return all(bool((np.abs(y) < _LARGE).all()) for y in inexact)


def _array(value: Array) -> np.ndarray:
    """A number's array; of a random key, nothing."""
    return np.asarray(value) if isinstance(value.dtype, np.dtype) else np.zeros(0)


def _ordinary(variables: Sequence[Var], rng: np.random.Generator) -> Iterator[Inputs]:
    """Numbers that are often in a domain: positive, between 0 and 1, above 1, close together within
    an argument and apart between arguments. None is special: floats are random."""
    for low, high in _RANGES:
        yield [_near(v, rng, (low + high) / 2, (high - low) / 2) for v in variables]
    yield [_near(v, rng, 0.0, 0.0 if is_integer(v.dtype) else 1.0) for v in variables]
    while True:
        yield [
            _near(v, rng, float(rng.choice(_CENTRES)), 10.0 ** rng.uniform(-3, 0))
            for v in variables
        ]


def _near(v: Var, rng: np.random.Generator, centre: float, spread: float) -> np.ndarray:
    drawn = centre + spread * rng.uniform(-1, 1, v.shape)
    if is_kind(v.dtype, np.complexfloating):
        return np.asarray(drawn + 1j * spread * rng.uniform(-1, 1, v.shape))
    return fit(v, drawn)
