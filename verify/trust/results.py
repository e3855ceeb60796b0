"""What JAX computes of equations at given operands: by the interpreter (`reference.py`), and by XLA
where that does not go."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import numpy as np

from verify.dtypes import Array, is_integer, is_kind
from verify.programs import Equation, bind, inner_programs
from verify.trust import child, dangers, reading
from verify.trust.reference import interpret

_REFUSED = """
acos acosh asin asinh atan atanh bessel_i0e bessel_i1e conj cosh digamma erf erf_inv erfc igamma
igamma_grad_a igammac lgamma nextafter polygamma regularized_incomplete_beta sinh zeta fft
cholesky eigh lu qr svd triangular_solve
"""


_FUNCTIONS = frozenset(_REFUSED.split())


Case = tuple[Equation, Sequence[np.ndarray]]


Results = list[np.ndarray]  # of one case


Found = Results | child.Endless | None


def by_jax(cases: Sequence[Case]) -> list[Found]:
    """JAX's results of every case, None where there are none, the error where it did not end."""
    found: list[Found] = [None] * len(cases)

    def ask(numbers: list[int], source: Callable[[list[Case]], list[Results]]) -> list[int]:
        """Fills in the results of these cases, all at once or one by one; those still open."""
        try:
            results = source([cases[i] for i in numbers]) if numbers else []
        except Exception as error:  # whatever a primitive, its lowering or the compiler has to say
            if len(numbers) == 1:
                found[numbers[0]] = error if isinstance(error, child.Endless) else None
                return [] if isinstance(error, child.Endless) else numbers
            return [i for number in numbers for i in ask([number], source)]
        for i, result in zip(numbers, results, strict=True):
            found[i] = result
        return []

    # The interpreter is slow: what has not ended there, might soon.
    endless = [not dangers.ends(dangers.alone(equation)) for equation, _ in cases]
    apart = [i for i, (e, _) in enumerate(cases) if endless[i] or is_refused(e)]
    rest = sorted({*range(len(cases))} - {*apart})
    ask(sorted((*apart, *ask(rest, _interpreted))), _compiled)
    return found


def _compiled(cases: Sequence[Case]) -> list[Results]:
    """By XLA: in this process what it is not known to abort on."""
    if any(not dangers.harmless(dangers.alone(equation)) for equation, _ in cases):
        if len(cases) > 1:
            raise child.Aborted("one by one")
        ((equation, values),) = cases
        return [child.run(dangers.alone(equation), values)]
    return reading.by_jax(cases)


def is_refused(equation: Equation) -> bool:
    """What the interpreter is known not to do, to spare it the question."""
    dtypes = [atom.dtype for atom in (*equation.inputs, *equation.outputs)]
    if any(is_refused(inner) for body in inner_programs(equation) for inner in body.equations):
        return True
    if equation.primitive in ("dot_general", "conv_general_dilated"):
        if equation.primitive != "dot_general" and dtypes[-1] != dtypes[0]:
            return True  # it convolves in the operands' dtype
        return any(0 in atom.shape for atom in equation.inputs)  # of nothing, it aborts
    if equation.primitive in ("dynamic_slice", "dynamic_update_slice"):
        return is_kind(dtypes[-2], np.unsignedinteger)  # it takes the large ones for negative
    if equation.primitive == "gather" or equation.primitive.startswith("scatter"):
        return is_kind(dtypes[1], np.unsignedinteger)  # the same
    if equation.primitive in ("div", "rem"):
        return is_integer(dtypes[0])
    if equation.primitive == "convert_element_type":
        return is_integer(dtypes[1]) and is_kind(dtypes[0], np.inexact)
    return equation.primitive in _FUNCTIONS


def _interpreted(cases: Sequence[Case]) -> list[Results]:
    counts = [len(equation.outputs) for equation, _ in cases]
    arguments = [x for _, values in cases for x in values]

    def run(*flat: Array) -> list[jax.Array]:
        rest, results = list(flat), []
        for equation, values in cases:
            own, rest = rest[: len(values)], rest[len(values) :]
            results += bind(equation, own)
        return results

    with child.own_types(equation for equation, _ in cases):
        flat = iter(interpret(run, arguments))
    return [[next(flat) for _ in range(count)] for count in counts]
