"""Proposals of elementwise primitives: every dtype, axes of size one, casts, choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tests.verify.conformance import numbers
from tests.verify.conformance.proposals import (
    BOOL,
    COMPLEX,
    FLOATS,
    INTEGERS,
    NARROW_FLOATS,
    NARROW_INTEGERS,
    Operand,
    Proposal,
    Source,
    generator,
    like,
    primitive,
)

X = np.ones((2, 2), np.float32)
I = np.ones((2, 2), np.int32)  # noqa: E741
REAL = (FLOATS, FLOATS, NARROW_FLOATS, COMPLEX)
WHOLE = (INTEGERS, INTEGERS, INTEGERS, NARROW_INTEGERS, BOOL)


def shapes(r: Source, count: int) -> list[tuple[int, ...]]:
    """Mostly equal ones; now and then a scalar or an axis of one among them."""
    shape = r.shape()
    found = [shape] * count
    if count > 1 and r.flag(0.25):
        which = r.number(0, count - 1)
        found[which] = () if r.flag() else tuple(1 if r.flag() else n for n in shape)
    return found


def operands(r: Source, count: int, dtype: Any, draw: Any = numbers.anything) -> list[Operand]:
    return [Operand(shape, np.dtype(dtype), draw) for shape in shapes(r, count)]


# -- of one and of two operands --------------------------------------------------------------------

_ALL = "neg square abs sign"
_FUNCTIONS = """
acos acosh asin asinh atan atanh cbrt ceil cos cosh digamma erf erf_inv erfc exp exp2 expm1 floor
is_finite lgamma log log1p log2 logistic rsqrt sin sinh sqrt tan tanh bessel_i0e bessel_i1e
one_minus_square
"""
_BITS = "not population_count clz"
_BINARY = "add add_any sub mul max min div rem eq ne lt le gt ge eq_to lt_to le_to"
_BINARY_BITS = "and or xor shift_left shift_right_logical shift_right_arithmetic mulhi"
_BINARY_REAL = "atan2 nextafter igamma igammac igamma_grad_a random_gamma_grad polygamma zeta"


@generator(*_ALL.split())
def _any(r: Source, name: str) -> Proposal:
    return _plain(r, name, operands(r, 1, r.dtype()))


@generator(*_FUNCTIONS.split())
def _function(r: Source, name: str) -> Proposal:
    draw = r.one_of([numbers.anything, numbers.within(-1, 1), numbers.within(0, 6)])
    return _plain(r, name, operands(r, 1, r.dtype(*REAL), draw))


@generator(*_BITS.split())
def _bits(r: Source, name: str) -> Proposal:
    return _plain(r, name, operands(r, 1, r.dtype(*WHOLE)))


@generator(*_BINARY.split())
def _binary(r: Source, name: str) -> Proposal:
    return _plain(r, name, operands(r, 2, r.dtype()))


@generator(*_BINARY_BITS.split())
def _binary_bits(r: Source, name: str) -> Proposal:
    dtype = r.dtype(*WHOLE)
    left, right = operands(r, 2, dtype)
    if name.startswith("shift") and r.flag():
        right = Operand(right.shape, dtype, numbers.within(-2, 70))
    return _plain(r, name, [left, right])


@generator(*_BINARY_REAL.split())
def _binary_real(r: Source, name: str) -> Proposal:
    draw = r.one_of([numbers.anything, numbers.within(0, 5), numbers.within(1, 20)])
    return _plain(r, name, operands(r, 2, r.dtype(FLOATS, FLOATS, NARROW_FLOATS), draw))


@generator("regularized_incomplete_beta")
def _beta(r: Source, name: str) -> Proposal:
    positive = operands(r, 3, r.dtype(FLOATS), numbers.within(0, 4))
    return _plain(r, name, positive)


def _plain(r: Source, name: str, xs: Sequence[Operand]) -> Proposal:
    """The primitive with the parameters that its own function gives it."""
    found = primitive(name)
    example = [np.ones((), x.dtype) for x in xs]
    function = getattr(
        lax, "bitwise_" + name if name in ("and", "or", "xor", "not") else name, None
    )
    params: dict[str, Any] = {}
    if function is not None:
        try:
            params = like(name, function, *example)
        except Exception:  # not of these dtypes
            params = {}
    if name == "mul" and "out_dtype" in params and r.flag(0.2):
        params["out_dtype"] = r.dtype()
    return Proposal(name, lambda *ys: found.bind(*ys, **params), tuple(xs))


# -- with parameters of their own ------------------------------------------------------------------


@generator("polynomial")
def _polynomial(r: Source, name: str) -> Proposal:
    return _plain(r, name, operands(r, r.number(1, 4), r.dtype(FLOATS)))


@generator("integer_pow")
def _integer_pow(r: Source, name: str) -> Proposal:
    y = r.one_of([r.number(-4, 9), r.number(-20, 40)])
    return r.bind(name, operands(r, 1, r.dtype()), y=y)


@generator("pow")
def _pow(r: Source, name: str) -> Proposal:
    dtype = r.dtype(*REAL, INTEGERS)
    base, exponent = operands(r, 2, dtype)
    if r.flag():
        exponent = Operand(exponent.shape, dtype, numbers.within(-4, 4))
    if r.flag(0.3):
        exponent = Operand(exponent.shape, r.dtype(INTEGERS), numbers.within(-4, 9))
    return r.bind(name, [base, exponent])


@generator("round")
def _round(r: Source, name: str) -> Proposal:
    method = r.one_of(list(lax.RoundingMethod))
    draw = r.one_of([numbers.anything, lambda g, s, d: (g.integers(-9, 10, s) / 2 + 0.0).astype(d)])
    return r.bind(name, operands(r, 1, r.dtype(*REAL), draw), rounding_method=method)


@generator("clamp")
def _clamp(r: Source, name: str) -> Proposal:
    """Bounds of the operand's shape or scalars, in any order."""
    dtype, shape = r.dtype(), r.shape()
    low, high = (r.operand(r.one_of([shape, ()]), dtype) for _ in range(2))
    return r.bind(name, [low, r.operand(shape, dtype), high])


@generator("select_n")
def _select_n(r: Source, name: str) -> Proposal:
    """A selector of booleans or int32, of the cases' shape or a scalar; out of range too."""
    shape, dtype, count = r.shape(), r.dtype(), r.number(1, 4)
    where = r.one_of([shape, shape, ()])
    if r.flag():
        which = Operand(where, np.dtype(np.bool_))
    else:
        which = Operand(where, r.one_of([np.dtype(np.int32), r.dtype()]), numbers.indices(count))
    return r.bind(name, [which, *[r.operand(shape, dtype) for _ in range(count)]])


@generator("convert_element_type")
def _convert(r: Source, name: str) -> Proposal:
    """Between all pairs."""
    params = like(name, _to_integers, X)
    params |= {"new_dtype": r.dtype(), "weak_type": r.flag(0.2)}
    return r.bind(name, operands(r, 1, r.dtype()), **params)


def _to_integers(x: Any) -> Any:
    return x.astype(np.int32)


@generator("bitcast_convert_type")
def _bitcast(r: Source, name: str) -> Proposal:
    """Between all pairs: wider, narrower, of equal width."""
    old, new = r.dtype(), r.dtype()
    shape = r.shape()
    bits = [jnp.finfo(d).bits if jax.dtypes.issubdtype(d, np.floating) else 8 for d in (old, new)]
    for place, dtype in enumerate((old, new)):
        if jax.dtypes.issubdtype(dtype, np.integer):
            bits[place] = jnp.iinfo(dtype).bits
    if bits[1] > bits[0] and r.flag(0.9):
        shape = (*shape, bits[1] // bits[0])
    return r.bind(name, [r.operand(shape, old)], new_dtype=new)


@generator("reduce_precision")
def _reduce_precision(r: Source, name: str) -> Proposal:
    exponent, mantissa = r.number(1, 11), r.number(0, 52)
    xs = operands(r, 1, r.dtype(*REAL))
    return r.bind(name, xs, exponent_bits=exponent, mantissa_bits=mantissa)


# -- complex numbers -------------------------------------------------------------------------------


@generator("complex")
def _complex(r: Source, name: str) -> Proposal:
    return r.bind(name, operands(r, 2, r.dtype(FLOATS)))


@generator("real", "imag")
def _part(r: Source, name: str) -> Proposal:
    return r.bind(name, operands(r, 1, r.dtype(COMPLEX, FLOATS)))


@generator("conj")
def _conj(r: Source, name: str) -> Proposal:
    dtype = r.dtype(COMPLEX, FLOATS)
    return r.bind(name, operands(r, 1, dtype), input_dtype=dtype)


@generator("copy", "copy_p", "stop_gradient", "sharding_constraint")
def _same(r: Source, name: str) -> Proposal:
    params = like(name, _constrained, X) if name == "sharding_constraint" else {}
    return r.bind(name, operands(r, 1, r.dtype()), **params)


def _constrained(x: Any) -> Any:
    return lax.with_sharding_constraint(x, jax.sharding.SingleDeviceSharding(jax.devices()[0]))


@generator("name")
def _name(r: Source, name: str) -> Proposal:
    found = primitive(name)
    return Proposal(name, lambda x: found.bind(x, name="a"), tuple(operands(r, 1, r.dtype())))


@generator("optimization_barrier")
def _barrier(r: Source, name: str) -> Proposal:
    return r.bind(name, [r.operand(r.shape()) for _ in range(r.number(1, 3))])


@generator("device_put")
def _device_put(r: Source, name: str) -> Proposal:
    return r.bind(name, operands(r, 1, r.dtype()), **like(name, jax.device_put, X))


@generator("empty2")
def _empty(r: Source, name: str) -> Proposal:
    return r.bind(name, [], dtype=r.dtype(), memory_space=jax.memory.Space.Device)
