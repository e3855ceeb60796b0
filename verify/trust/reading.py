"""One equation, as verify reads it against what JAX makes of it.

The rule of the primitive (`verify/primitives`) is evaluated at concrete operands in numbers with
certified errors; the primitive itself is run by JAX on the same arrays. The two are compared
element by element:

* integers, booleans and keys: equal, or the rule is wrong;
* floats of a primitive that `verify/checks/compiled.py` names: within the error that the compiled
  operation may have (`algebras/rounded.py`), zero for exact sums of small numbers;
* other floats, and complex numbers: within `LOOSE` units of roundoff of the largest number;
* an unknown element (NaN in the numeric domain) says nothing, and is not counted as compared;
* a number that verify is certain of where JAX has NaN or another infinity is a disagreement, unless
  an intermediate result may have left the format (`_may_overflow`).

How to use it:

    reading = read(equation, operands)        # one array an input of the equation, of its dtypes
    assert reading.disagreement is None, reading.disagreement
    assert reading.compared                   # how many elements there was anything to compare of
    reading.open                              # why nothing could be compared, "" if something was

`read_all` does so for many equations with one compilation. Nothing here knows the ladder of proofs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np

from verify.algebras.base import Unsupported, Value
from verify.algebras.complex import Pair
from verify.algebras.extended import lift, parts, parts_of
from verify.algebras.keys import is_key
from verify.algebras.numeric import Bounded, Numeric
from verify.algebras.rounded import Rounded
from verify.checks.compiled import check
from verify.checks.roundoff import by_rules
from verify.dtypes import DType, has_infinity, is_kind
from verify.evaluate import evaluate
from verify.primitives import RULES
from verify.programs import Equation, Program, bind
from verify.trust import child, dangers
from verify.trust.disagreements import Disagreement, described

LOOSE = 2.0**10  # units of roundoff, where no bound is certified; of float32 and wider
_LOOSE_NARROW = 8.0  # of formats with fewer bits, which mostly round a float32 result once

# Elements that JAX says nothing of: which ones it does, by the primitive.
_UNSPECIFIED = {"cholesky": lambda shape: np.broadcast_to(np.tri(shape[-1], dtype=bool), shape)}


@dataclass(frozen=True)
class Reading:
    """What a comparison gave."""

    disagreement: Disagreement | None = None
    compared: int = 0
    open: str = ""


def disagreement(equation: Equation, operands: Sequence[np.ndarray]) -> str | None:
    """A description of where verify's rule and JAX differ on these operands, or None.

    >>> from verify.programs import trace
    >>> program = trace(lambda x: jnp.cumsum(x[::-1]), jnp.zeros(3))
    >>> [disagreement(e, [np.float32([3, 1, 2])]) for e in program.equations]
    [None, None]
    """
    found = read(equation, operands).disagreement
    return None if found is None else str(found)


def read(
    equation: Equation, operands: Sequence[np.ndarray], theirs: Sequence[np.ndarray] | None = None
) -> Reading:
    """Compares the rule with JAX at these operands: one array an input, of the input's own dtype.

    theirs: JAX's results, if they are known already.
    """
    ours: list[Value] | Exception
    try:
        ours, certified = by_rule(equation, operands)
    except Unsupported as error:
        return Reading(open=str(error))
    except Exception as error:  # a rule that fails is wrong, if JAX has a result
        ours, certified = error, False
    if theirs is None:
        try:
            theirs = by_jax([(equation, operands)])[0]
        except Exception as error:  # whatever JAX, or the compiler, has to say
            return Reading(open=f"JAX: {type(error).__name__}: {str(error)[:200]}")
    if isinstance(ours, Exception):
        failure = f"an error ({type(ours).__name__}: {str(ours)[:200]})"
        return Reading(described(equation, operands, 0, (), failure, "a result"))
    return compare(equation, operands, ours, theirs, certified)


def read_all(cases: Sequence[tuple[Equation, Sequence[np.ndarray]]]) -> list[Reading]:
    """`read` for many equations, compiled together: one compilation costs little more than that of
    a single operation. Where they do not compile together, one by one."""
    try:
        theirs: Sequence[list[np.ndarray] | None] = by_jax(cases)
    except Exception:  # one of them does not compile: each says so itself
        theirs = [None] * len(cases)
    triples = zip(cases, theirs, strict=True)
    return [read(equation, operands, known) for (equation, operands), known in triples]


# -- verify's side --------------------------------------------------------------------------------


def alone(equation: Equation) -> Program:
    """A program of this equation, all of whose operands are inputs.

    The rules alone evaluate it: `evaluate` would leave constant integers to JAX.
    """
    return by_rules(dangers.alone(equation))


def by_rule(equation: Equation, operands: Sequence[np.ndarray]) -> tuple[list[Value], bool]:
    """The results by the rule, and whether their errors cover what JAX may compute.

    Raises `Unsupported` where the rule, or the numeric domain, does not go.
    """
    if equation.primitive not in RULES:
        raise Unsupported(f"no rule for the primitive {equation.primitive!r}")
    program = alone(equation)
    with np.errstate(all="ignore"):
        try:
            check(program)
            rounded = Rounded()
            return evaluate(program, rounded, [rounded.input(x) for x in operands]), True
        except Unsupported:
            numeric = Numeric()
            pairs = zip(operands, equation.inputs, strict=True)
            return evaluate(program, numeric, [lift(numeric, x, v.dtype) for x, v in pairs]), False


# -- JAX's side -----------------------------------------------------------------------------------


def by_jax(cases: Sequence[tuple[Equation, Sequence[np.ndarray]]]) -> list[list[np.ndarray]]:
    """The results of the primitives themselves, in one jitted call with separate arguments, so that
    nothing is fused and nothing is folded."""
    equations = [equation for equation, _ in cases]

    def run(arguments: list[list[jax.Array]]) -> list[list[jax.Array]]:
        results = []
        for equation, operands in zip(equations, arguments, strict=True):
            results.append(bind(equation, operands))
        return results

    with child.own_types(equations):
        found = jax.jit(run)([[jnp.asarray(x) for x in operands] for _, operands in cases])
        return [[_as_array(x) for x in one] for one in found]


def _as_array(x: jax.Array) -> np.ndarray:
    """NumPy's, but for keys, which go by the name of arrays too."""
    return cast(np.ndarray, x) if is_key(x.dtype) else np.asarray(x)


# -- the comparison -------------------------------------------------------------------------------


def compare(
    equation: Equation,
    operands: Sequence[np.ndarray],
    ours: Sequence[Value],
    theirs: Sequence[np.ndarray],
    certified: bool,
) -> Reading:
    """Results of a rule, in the numeric domain or a refinement of it, against JAX's."""
    if len(ours) != len(theirs):
        found = f"{len(ours)} results", f"{len(theirs)} results"
        return Reading(described(equation, operands, 0, (), *found))
    compared = 0
    moderate = not _may_overflow(equation, operands)
    for number, (value, result) in enumerate(zip(ours, theirs, strict=True)):
        if not all(isinstance(part, Bounded) for part in parts(value)):
            return Reading(open=f"{equation.primitive}: a value on several devices")
        for part, array in zip(parts_of(value, Bounded), _halves(value, result), strict=True):
            if part.shape != array.shape:
                shapes = f"an array of shape {part.shape}", f"one of shape {array.shape}"
                return Reading(described(equation, operands, number, (), *shapes))
            if is_kind(array.dtype, np.floating):
                slack = np.zeros(part.shape)
                if not certified:
                    slack = _loose(operands, value, array.dtype)
                wrong, known = _floats(part, array, slack, moderate)
            else:
                known = ~part.unknown
                wrong = known & (part.value != array)
            if equation.primitive in _UNSPECIFIED:
                said = _UNSPECIFIED[equation.primitive](array.shape)
                wrong, known = wrong & said, known & said
            compared += int(known.sum())
            if wrong.any():
                place = tuple(int(i) for i in np.argwhere(wrong)[0])
                one = part.value[place]
                error = float(part.errors[place])
                text = f"{one} +- {error:.2g}" if error else str(one)
                return Reading(
                    described(equation, operands, number, place, text, str(array[place])), compared
                )
    return Reading(None, compared, "" if compared else "every element is unknown")


def _floats(
    part: Bounded, array: np.ndarray, slack: np.ndarray, moderate: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Where a float result is wrong, and where there was anything to compare."""
    with np.errstate(all="ignore"):
        theirs = array.astype(np.float64)
        value, error = part.value, part.errors + slack
        known = ~np.isnan(value) & ~np.isnan(error)
        same = value == theirs
        near = np.isfinite(theirs) & (np.abs(value - theirs) <= error * (1 + 2.0**-40))
        left_format = ~np.isfinite(theirs) & np.isfinite(value)  # an overflow, if that is possible
        largest = float(jnp.finfo(array.dtype).max)
        over = left_format & ((np.abs(value) + error >= largest * (1 - 2.0**-6)) | (not moderate))
        # An infinity on the way to another: 0 times it is NaN where blocks are inverted first.
        over |= ~np.isfinite(theirs) & np.isinf(value) & (slack > 0) & (not moderate)
        if float(jnp.finfo(array.dtype).min) > 0:  # powers of two alone: no zero, no sign
            over |= left_format
        if not has_infinity(array.dtype):  # what is too large for it is NaN
            over |= np.isnan(theirs) & np.isinf(value)
        known &= ~over
        return known & ~same & ~near, known


def _loose(operands: Sequence[np.ndarray], value: Value, dtype: DType) -> np.ndarray:
    """LOOSE units of roundoff of the largest number involved, both parts of complex ones."""
    info = jnp.finfo(dtype)
    units = LOOSE if info.bits >= 32 else _LOOSE_NARROW
    sizes = [_largest(x) for x in (*operands, *(part.value for part in parts_of(value, Bounded)))]
    scale = max((s for s in sizes if s is not None), default=0.0)
    return np.full(value.shape, units * float(info.eps) * scale + float(info.tiny))


def _largest(array: np.ndarray) -> float | None:
    """The largest magnitude of a finite element."""
    if is_key(array.dtype) or array.dtype == np.bool_ or array.size == 0:
        return None
    with np.errstate(all="ignore"):
        wide = np.complex128 if np.iscomplexobj(array) else np.float64
        magnitude = np.abs(np.asarray(array).astype(wide))
    return float(np.max(magnitude, where=np.isfinite(magnitude), initial=0.0))


def _may_overflow(equation: Equation, operands: Sequence[np.ndarray]) -> bool:
    """Whether an intermediate float may leave its format: an operand above the fourth root of the
    largest number, or a format of so few bits that this says nothing."""
    formats = [
        jnp.finfo(v.dtype)
        for v in (*equation.inputs, *equation.outputs)
        if isinstance(v.dtype, np.dtype) and is_kind(v.dtype, np.inexact)
    ]
    if not formats:
        return False
    limit = min(float(f.max) for f in formats) ** 0.25
    sizes = (_largest(x) for x in operands)
    return any(size is not None and size > limit for size in sizes)


def _halves(value: Value, result: np.ndarray) -> list[np.ndarray]:
    """JAX's result in the parts of a value: real and imaginary, or the words of keys."""
    if is_key(result.dtype):
        return [np.asarray(jax.random.key_data(result))]
    array = np.asarray(result)
    return [array.real, array.imag] if isinstance(value, Pair) else [array]
