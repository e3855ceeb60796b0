"""One primitive, applied once: accepted by JAX or not, run by JAX and by the rules, compared.

A draw is named by (primitive, seed, index, set): the index fixes the equation, the set its
operands. So each can be drawn again by itself, in another process too.
"""

from __future__ import annotations

import contextlib
import io
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.verify.conformance import residues
from tests.verify.conformance.proposals import GENERATORS, Absent, Operand, Proposal, Source
from verify.algebras.base import Unsupported
from verify.algebras.extended import lift, parts
from verify.algebras.keys import is_key
from verify.algebras.numeric import Bounded, Numeric
from verify.algebras.rounded import Rounded
from verify.checks.compiled import check
from verify.checks.roundoff import by_rules
from verify.evaluate import evaluate
from verify.primitives import RULES
from verify.programs import Equation, Program, call
from verify.programs.reader import converted
from verify.trust import reading


@dataclass(frozen=True)
class Case:
    """An equation that JAX accepts, as a program of its operands."""

    name: str
    seed: int
    index: int
    program: Program
    operands: tuple[Operand, ...]
    key: str  # equal for equal equations
    risky: bool

    def sample(self, number: int) -> list[Any]:
        """The operands of set `number`."""
        rng = np.random.default_rng([self.seed, _hash(self.name), self.index, number + 1])
        return [operand.sample(rng) for operand in self.operands]


def _hash(name: str) -> int:
    return zlib.crc32(name.encode())


def case(name: str, seed: int, index: int) -> Case | None:
    """Proposal `index` of a primitive; None where JAX does not accept it. Raises Absent."""
    source = Source(np.random.default_rng([seed, _hash(name), index]))
    try:
        proposal = GENERATORS[name](source, name)
        program, key = _traced(proposal)
    except Absent:
        raise
    except Exception:  # whatever JAX says against it
        return None
    if name not in program.primitives():
        return None
    return Case(name, seed, index, program, proposal.operands, key, proposal.risky)


def _traced(proposal: Proposal) -> tuple[Program, str]:
    abstract = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in proposal.operands]
    with jax.enable_x64(True):
        jaxpr = jax.make_jaxpr(proposal.function)(*abstract)
        return converted(jaxpr), str(jaxpr)


# -- by JAX ----------------------------------------------------------------------------------------


def by_jax(cases: Sequence[Case], sets: int) -> list[list[list[Any]] | None]:
    """For each case and each set the results, all cases compiled together; None for those that do
    not compile."""
    if not cases:
        return []

    def run(arguments: Any) -> Any:
        pairs = zip(cases, arguments, strict=True)
        return [list(call(one.program, *operands)) for one, operands in pairs]

    try:
        with jax.enable_x64(True), contextlib.redirect_stdout(io.StringIO()):
            compiled = jax.jit(run)
            found = [
                compiled([[jnp.asarray(x) for x in one.sample(number)] for one in cases])
                for number in range(sets)
            ]
        return [[_arrays(results[i]) for results in found] for i in range(len(cases))]
    except Exception:  # the compiler accepts less than the primitive's own checks
        if len(cases) == 1:
            return [None]
        half = len(cases) // 2
        return by_jax(cases[:half], sets) + by_jax(cases[half:], sets)


def _arrays(results: Sequence[Any]) -> list[Any]:
    return [np.asarray(jax.random.key_data(x) if is_key(x.dtype) else x) for x in results]


# -- by the rules ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ours:
    """What the rules make of a case: in numbers with bounds for what is compiled, if those are
    known, and in real numbers; or why not."""

    results: list[Any] | None
    certified: bool = False
    reals: list[Any] | None = None
    failure: str = ""  # an error that is not Unsupported


def by_the_rules(one: Case, operands: Sequence[Any]) -> Ours:
    program = by_rules(one.program)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            numeric = Numeric()
            pairs = zip(operands, program.inputs, strict=True)
            reals = evaluate(program, numeric, [lift(numeric, x, v.dtype) for x, v in pairs])
    except Unsupported:
        return Ours(None)
    except Exception as error:
        return Ours(None, failure=f"{type(error).__name__}: {error}")
    with np.errstate(all="ignore"):
        try:
            check(program)
            rounded = Rounded()
            balls = evaluate(program, rounded, [rounded.input(x) for x in operands])
        except Unsupported:
            return Ours(reals, False, reals)
        except Exception as error:
            return Ours(None, failure=f"{type(error).__name__} (rounded): {error}")
        return Ours(balls, True, reals)


def compared(one: Case, operands: Sequence[Any], ours: Ours, theirs: Sequence[Any]) -> str:
    """A description of a disagreement, or an empty string."""
    if ours.failure:
        return f"{ours.failure}, in {shown(one, operands)}"
    assert ours.results is not None
    equation = _equation(one)
    found = reading.compare(equation, operands, ours.results, theirs, ours.certified)
    if found.disagreement is not None:
        return f"{found.disagreement}\n{shown(one, operands)}"
    for value, result in zip(ours.results, one.program.outputs, strict=True):
        if not is_key(result.dtype) and value.dtype != result.dtype:
            return f"a result of {value.dtype} for {result.dtype}: {shown(one, operands)}"
    assert ours.reals is not None
    for ball, real in zip(ours.results, ours.reals, strict=True):
        for a, b in zip(parts(ball), parts(real), strict=True):
            if isinstance(a, Bounded) and not _meet(a, b):
                return f"real numbers {b} outside of the bounds {a}: {shown(one, operands)}"
    try:
        wrong = residues.differ(one.name, one.program, operands, ours.reals)
    except Exception as error:
        return f"{type(error).__name__}: {error} (residues), in {shown(one, operands)}"
    if wrong:
        return f"other residues than those of {ours.reals}: {shown(one, operands)}"
    return ""


def _equation(one: Case) -> Equation:
    """The program as one equation, for what is said of it."""
    named = [e for e in one.program.equations if e.primitive == one.name]
    params = named[0].params if named else {}
    outputs: Any = one.program.outputs
    return Equation(one.name, one.program.inputs, outputs, params, "")


def _meet(a: Bounded, b: Bounded) -> bool:
    """Whether the balls have a number in common, wherever both are known."""
    if a.value.dtype.kind != "f":
        return bool(((a.value == b.value) | a.unknown | b.unknown).all())
    with np.errstate(all="ignore"):
        apart = np.abs(a.value - b.value) > (a.errors + b.errors) * (1 + 1e-9)
        return not (apart & np.isfinite(a.value) & np.isfinite(b.value)).any()


def shown(one: Case, operands: Sequence[Any]) -> str:
    place = f"(primitive {one.name!r}, seed {one.seed}, index {one.index})"
    return (
        f"{one.key}\n{place} at {[np.asarray(x) if not is_key(x.dtype) else x for x in operands]}"
    )


_ = RULES
