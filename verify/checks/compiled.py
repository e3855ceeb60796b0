"""Which programs' rounding errors are known: every primitive whose rule covers what is compiled.

A rule says what a primitive is over the reals, and may work it out otherwise than the compiled
program does: triangular systems row by row, Fourier transforms as products of matrices. Its
rounding errors then say nothing of the compiled program's. The primitives named here are those
whose compiled form is an order of the same operations, or one function that was measured
(`algebras/rounded_function.py`); any other has no bound. top_k orders -0 below 0, which no rule
tells apart.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax import lax

from verify.algebras.base import Unsupported
from verify.dtypes import is_kind
from verify.programs import Equation, Program

_MOVEMENT = """
reshape squeeze expand_dims broadcast_in_dim transpose rev slice copy copy_p stop_gradient
optimization_barrier name empty2 tile stack unstack split concatenate pad iota gather dynamic_slice
dynamic_update_slice scatter sort argmax argmin
"""
_ELEMENTWISE = """
add add_any sub mul neg square integer_pow max min clamp select_n not convert_element_type
reduce_precision is_finite eq ne lt le gt ge eq_to lt_to le_to div rem pow and or xor mulhi
shift_left shift_right_logical shift_right_arithmetic population_count clz bitcast_convert_type
exp exp2 expm1 log log1p logistic tanh sinh cosh asinh acosh atanh asin acos atan atan2 sin cos tan
sqrt rsqrt cbrt erf erfc erf_inv lgamma digamma abs sign floor ceil round
"""
_FOLDS = """
reduce_sum reduce_prod reduce_max reduce_min reduce_and reduce_or reduce_xor reduce
cumsum cumprod cummax cummin dot_general conv_general_dilated
reduce_window reduce_window_sum reduce_window_max reduce_window_min select_and_scatter_add
scatter-add scatter-sub scatter-mul scatter-min scatter-max
"""
_CONTROL = "scan while cond composite custom_vmap_call"
_RANDOM = """
random_wrap random_unwrap random_clone random_bits random_split random_fold_in random_seed
threefry2x32
"""
KNOWN = frozenset(" ".join((_MOVEMENT, _ELEMENTWISE, _FOLDS, _CONTROL, _RANDOM)).split())


def check(program: Program) -> None:
    """Raises Unsupported unless all of the program is of a kind whose rounding errors are known.

    >>> import jax.numpy as jnp
    >>> from verify.programs import trace
    >>> check(trace(jnp.linalg.cholesky, jnp.eye(2)))
    Traceback (most recent call last):
    verify.algebras.base.Unsupported: rounding errors of cholesky
    """
    if jax.default_backend() != "cpu":
        raise Unsupported(f"rounding errors on {jax.default_backend()}")
    for equation in program.every_equation():
        _check(equation)
    for atom in (*program.inputs, *program.outputs):
        _check_dtype(atom.dtype)
        if not isinstance(atom.dtype, np.dtype):
            raise Unsupported(f"a result of type {atom.dtype}")


def _check(equation: Equation) -> None:
    name = equation.primitive
    if name not in KNOWN:
        raise Unsupported(f"rounding errors of {name}")
    for atom in (*equation.inputs, *equation.outputs):
        _check_dtype(atom.dtype)
    if name == "bitcast_convert_type" and _is_float(equation.inputs[0].dtype):
        raise Unsupported("the bits of a rounded number")
    if not _is_plain(equation.params.get("precision")):
        raise Unsupported(f"{name} by the algorithm {equation.params['precision']}")


def _check_dtype(dtype: Any) -> None:
    if is_kind(dtype, np.complexfloating):
        raise Unsupported("rounding errors of complex numbers")


def _is_float(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and is_kind(dtype, np.floating)


def _is_plain(precision: Any) -> bool:
    """A precision that the CPU may ignore, and not an algorithm that it has to follow."""
    several = precision if isinstance(precision, tuple) else (precision,)
    return all(p is None or isinstance(p, lax.Precision) for p in several)
