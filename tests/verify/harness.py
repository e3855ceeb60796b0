"""Tests of rules: a program evaluated by the rules in the numeric algebra, against JAX in float64.

    check_rule(f, *inputs)

traces `f`, evaluates the trace by the rules alone (nothing is folded by JAX, so that integer rules
are tested too) at the given inputs and at random ones of their shapes and dtypes, and compares with
JAX: bit for bit where the numeric algebra says "exact" and JAX's own float64 is exact, within the
error bounds (the algebra's, and a small multiple of float64's for JAX's own) elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from verify.algebras.extended import lift, over, parts
from verify.algebras.numeric import Bounded, Numeric
from verify.evaluate import evaluate
from verify.primitives import RULES
from verify.primitives.registry import Context
from verify.programs import Atom, Const, Program, Var, run_with_jax, trace


def check_rule(
    f: Callable[..., Any],
    *inputs: Any,
    integers: bool = True,
    reals: bool = True,
    low: float = -4,
    high: float = 4,
    rtol: float = 1e-12,
    may_be_unknown: bool = False,
    by_rules_only: bool = True,
    seed: int = 0,
    algebra: Numeric | None = None,
) -> None:
    """Asserts that the rules give `f` the meaning that JAX gives it.

    inputs: arrays (pytrees are not needed here; any shapes and dtypes). Evaluated at
    1. the inputs as they are;
    2. random small integers in [low, high] in the place of floats (if `integers`): everything that
       the algebra calls exact must equal JAX's float64 result bit for bit;
    3. random reals in [low, high] (if `reals`): within the bounds.
    Integer and boolean inputs are kept as given: they are indices and the like. Floats are traced
    and evaluated as float64, complex numbers as complex128: a rule does not depend on the format.
    rtol: what JAX's own float64 rounding may add, relative to the largest result.
    may_be_unknown: elements of which the algebra knows nothing (NaN) are skipped; without it they
    must be where JAX has NaN, too.
    by_rules_only: False evaluates through `verify.evaluate`, which folds constants with JAX.
    algebra: another numeric algebra, with fewer native functions for instance.
    """
    algebra = Numeric() if algebra is None else algebra
    rng = np.random.default_rng(seed)
    arrays = [widened(np.asarray(x)) for x in inputs]
    cases = [arrays]
    if integers:
        cases.append([_random(rng, x, low, high, whole=True) for x in arrays])
    if reals:
        cases.append([_random(rng, x, low, high, whole=False) for x in arrays])
    with jax.enable_x64(True):
        program = trace(f, *arrays)
        for case in cases:
            lifted = [lift(algebra, x) for x in case]
            run = by_rules if by_rules_only else evaluate
            ours = run(program, algebra, lifted)
            theirs = [np.asarray(x) for x in jax.tree.leaves(f(*map(jax.numpy.asarray, case)))]
            assert len(ours) == len(theirs), f"{len(ours)} results, JAX gives {len(theirs)}"
            for number, (one, two) in enumerate(zip(ours, theirs, strict=True)):
                where = f"result {number} at {case}"
                scale = rtol * _scale(two)
                halves = [two.real, two.imag] if np.iscomplexobj(two) else [two]
                for part, half in zip(parts(one), halves, strict=True):
                    compare(part, half, scale, may_be_unknown, where)


def _scale(x: np.ndarray) -> float:
    """The largest magnitude of a finite element."""
    magnitude = np.abs(x.astype(np.complex128 if np.iscomplexobj(x) else np.float64))
    return float(np.max(magnitude, where=np.isfinite(magnitude), initial=0.0))


def compare(
    ours: Bounded, theirs: np.ndarray, atol: float, may_be_unknown: bool, where: str
) -> None:
    """One result against JAX's."""
    assert isinstance(ours, Bounded), f"{where}: not a value of the numeric algebra: {ours!r}"
    assert ours.shape == theirs.shape, f"{where}: shape {ours.shape}, JAX gives {theirs.shape}"
    unknown, value = ours.unknown, ours.value
    if np.issubdtype(theirs.dtype, np.inexact):
        if not may_be_unknown:
            np.testing.assert_array_equal(
                unknown, np.isnan(theirs), err_msg=f"{where}: where the result is undefined"
            )
        known = ~unknown & ~np.isnan(theirs)
        finite = known & np.isfinite(theirs)
        # Exact results of JAX too: integers and dyadic numbers of few bits.
        few = _few_bits(value) | _few_bits(theirs)
        exact = finite & (ours.errors == 0) & few
        slack = np.where(exact, 0.0, max(atol, 1e-300)) + ours.errors
        np.testing.assert_array_equal(
            value[known & ~finite], theirs[known & ~finite], err_msg=f"{where}: infinities"
        )
        with np.errstate(invalid="ignore"):  # equal infinities
            wrong = finite & ~(np.abs(np.where(finite, value - theirs, 0.0)) <= slack)
    else:
        assert value.dtype == theirs.dtype, f"{where}: {value.dtype}, JAX gives {theirs.dtype}"
        assert may_be_unknown or not unknown.any(), f"{where}: unknown elements {unknown}"
        wrong = ~unknown & (value != theirs)
    assert not wrong.any(), (
        f"{where}: differs from JAX in {int(wrong.sum())} of {wrong.size} elements, first at "
        f"{[int(i) for i in np.argwhere(wrong)[0]]}\nrules: {value}\nJAX: {theirs}"
        f"\nerror bounds: {ours.error}"
    )


def _few_bits(value: np.ndarray) -> np.ndarray:
    """Multiples of 1/16 below 2**20."""
    scaled = np.asarray(value) * 16
    return (np.abs(scaled) < 2.0**24) & (scaled == np.round(scaled))


def _random(rng: np.random.Generator, x: np.ndarray, low: float, high: float, whole: bool) -> Any:
    if not jax.dtypes.issubdtype(x.dtype, np.inexact):
        return x

    def draw() -> np.ndarray:
        if whole:
            drawn = rng.integers(int(np.ceil(low)), int(np.floor(high)) + 1, x.shape)
        else:
            drawn = rng.uniform(low, high, x.shape)
        return np.asarray(drawn, np.float64)

    if jax.dtypes.issubdtype(x.dtype, np.complexfloating):
        return (draw() + 1j * draw()).astype(x.dtype)
    return draw()


def widened(x: np.ndarray) -> np.ndarray:
    """Floats as float64, complex numbers as complex128, all else as it is."""
    if jax.dtypes.issubdtype(x.dtype, np.floating):
        return x.astype(np.float64)
    return x.astype(np.complex128) if jax.dtypes.issubdtype(x.dtype, np.inexact) else x


def by_rules(program: Program, algebra: Any, inputs: Sequence[Any]) -> list[Any]:
    """`evaluate` without constant folding: every equation that has a rule goes through it."""
    environment: dict[Var, Any] = dict(zip(program.inputs, inputs, strict=True))

    def read(atom: Atom) -> Any:
        return lift(algebra, atom.value) if isinstance(atom, Const) else environment[atom]

    for equation in program.equations:
        operands = [read(atom) for atom in equation.inputs]
        rule = RULES.get(equation.primitive)
        if rule is None:
            concrete = [operand.concrete for operand in operands]
            assert all(c is not None for c in concrete), f"no rule for {equation.primitive}"
            results = [lift(algebra, r) for r in run_with_jax(equation, concrete)]
        else:
            dtypes = [atom.dtype for atom in (*equation.inputs, *equation.outputs)]
            context = Context(
                over(algebra, dtypes), equation, lambda body, xs: by_rules(body, algebra, xs)
            )
            result = rule(context, *operands, **equation.params)
            results = list(result) if isinstance(result, tuple | list) else [result]
        environment.update(zip(equation.outputs, results, strict=True))
    return [read(atom) for atom in program.outputs]
