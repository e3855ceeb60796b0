"""Complex numbers over any algebra of real ones: a value is a pair of real values.

`Complex(inner)` is an algebra whose operations take pairs where numbers are complex and pass
everything else to `inner`, so every rule that is written over an algebra works on complex numbers
too. The evaluation puts it around the algebra at hand for equations with a complex dtype.

    (a + ib)(c + id) = (ac - bd) + i(ad + bc)
    (a + ib) / (c + id) = (a + ib)(c - id) / (c**2 + d**2)
    exp(a + ib) = exp(a) (cos b + i sin b)
    log z = log(|z|**2) / 2 + i atan2(b, a)
    sqrt z = sqrt((|z| + a) / 2) +- i sqrt((|z| - a) / 2), with the sign of b

These are the principal branches, as in JAX. There is no order: maxima and sorting are unsupported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from verify.algebras.around import Around
from verify.algebras.base import Algebra, Unsupported, Value
from verify.dtypes import DType, is_kind


@dataclass(frozen=True, eq=False)
class Pair:
    """A complex array: its real and imaginary parts, two real values of equal shape."""

    re: Value
    im: Value
    dtype: DType  # complex64 or complex128

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.re.shape)

    @property
    def concrete(self) -> np.ndarray | None:
        if self.re.concrete is None or self.im.concrete is None:
            return None
        whole = np.empty(self.shape, np.complex128)
        whole.real, whole.imag = self.re.concrete, self.im.concrete  # 1j * inf is not a number
        return whole


def is_complex(dtype: object) -> bool:
    return isinstance(dtype, np.dtype) and bool(is_kind(dtype, np.complexfloating))


def real_dtype(dtype: DType) -> np.dtype:
    """The dtype of the parts."""
    return np.dtype(np.float32 if np.dtype(dtype) == np.complex64 else np.float64)


class Complex(Around[Algebra[Value]]):
    """The algebra of pairs; see the module's text, and `algebras/base.py` for the operations."""

    own = (Pair,)

    def __init__(self, inner: Algebra[Value]) -> None:
        self.inner = inner

    # -- making values ----------------------------------------------------------------------------

    def lift(self, array: np.ndarray, dtype: DType | None = None) -> Value:
        array = np.asarray(array)
        dtype = array.dtype if dtype is None else dtype
        if not is_complex(dtype):
            return self.inner.lift(array, dtype)
        part = real_dtype(dtype)
        re, im = np.asarray(array.real, np.float64), np.asarray(array.imag, np.float64)
        return Pair(self.inner.lift(re, part), self.inner.lift(im.copy(), part), np.dtype(dtype))

    def pair(self, x: Value, dtype: DType) -> Pair:
        """x as a complex value: a real one gets the imaginary part zero."""
        if isinstance(x, Pair):
            return Pair(x.re, x.im, np.dtype(dtype))
        part = real_dtype(dtype)
        zero = self.inner.lift(np.zeros(x.shape), part)
        return Pair(self.inner.cast(x, part), zero, np.dtype(dtype))

    # -- movement and choice: each part alone -----------------------------------------------------

    def reshape(self, x: Value, shape: tuple[int, ...]) -> Value:
        return self._each(lambda part: self.inner.reshape(part, shape), x)

    def pick(self, operands: Sequence[Value], index: np.ndarray) -> Value:
        return self._each(lambda *parts: self.inner.pick(list(parts), index), *operands)

    def select(self, which: Value, cases: Sequence[Value]) -> Value:
        return self._each(lambda *parts: self.inner.select(which, list(parts)), *cases)

    # -- ring and field ---------------------------------------------------------------------------

    def neg(self, a: Value) -> Value:
        return self._each(self.inner.neg, a)

    def add(self, a: Value, b: Value) -> Value:
        return self._each(self.inner.add, a, b)

    def sub(self, a: Value, b: Value) -> Value:
        return self._each(self.inner.sub, a, b)

    def sum(self, x: Value) -> Value:
        return self._each(self.inner.sum, x)

    def mul(self, a: Value, b: Value) -> Value:
        return self._bilinear(self.inner.mul, a, b)

    def dot(self, a: Value, b: Value) -> Value:
        return self._bilinear(self.inner.dot, a, b)

    def div(self, a: Value, b: Value) -> Value:
        if not (isinstance(a, Pair) or isinstance(b, Pair)):
            return self.inner.div(a, b)
        a, b = self.pair(a, _dtype(a, b)), self.pair(b, _dtype(a, b))
        self._only_numbers(a, b)
        top = self._product(self.inner.mul, a, self.conj(b))
        square = self._square(b)
        re, im = (self.inner.div(part, square) for part in (top.re, top.im))
        return self._whole(re, im, top.dtype)

    def prod(self, x: Value) -> Value:
        """Over the last axis, in halves."""
        if not isinstance(x, Pair):
            return self.inner.prod(x)
        lead, size = x.shape[:-1], x.shape[-1]
        if size == 0:
            return self.lift(np.ones(lead), x.dtype)
        one = self.lift(np.ones(1), x.dtype)
        while size > 1:
            index = np.arange(int(np.prod(x.shape))).reshape(x.shape)
            if size % 2:
                index = np.concatenate([index, np.full((*lead, 1), index.size)], axis=-1)
            size = index.shape[-1] // 2
            x = self.mul(
                self.pick([x, one], index[..., :size]), self.pick([x, one], index[..., size:])
            )
        return self.reshape(x, lead)

    # -- order, logic, casts ----------------------------------------------------------------------

    def compare(self, op: str, a: Value, b: Value) -> Value:
        if not isinstance(a, Pair) or not isinstance(b, Pair):
            return self.inner.compare(op, a, b)
        if op not in ("eq", "ne"):
            raise Unsupported("an order of complex numbers")
        join = self.inner.logical_and if op == "eq" else self.inner.logical_or
        return join(self.inner.compare(op, a.re, b.re), self.inner.compare(op, a.im, b.im))

    def maximum(self, a: Value, b: Value) -> Value:
        _no_order(a)
        return self.inner.maximum(a, b)

    def max(self, x: Value) -> Value:
        _no_order(x)
        return self.inner.max(x)

    def winner(self, x: Value, *, last: bool = False) -> Value:
        _no_order(x)
        return self.inner.winner(x, last=last)

    def cast(self, x: Value, dtype: DType) -> Value:
        if is_complex(dtype):
            return self.pair(x, dtype)
        return self.inner.cast(x.re if isinstance(x, Pair) else x, dtype)

    # -- functions --------------------------------------------------------------------------------

    def conj(self, x: Pair) -> Pair:
        return Pair(x.re, self.inner.neg(x.im), x.dtype)

    def absolute(self, x: Pair) -> Value:
        self._only_numbers(x)
        return self._real("sqrt", self._square(x))

    def function(
        self,
        name: str,
        args: Sequence[Value],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Value:
        if not any(isinstance(x, Pair) for x in args):
            return self.inner.function(name, args, shape, dtype, params)
        function = _FUNCTIONS.get(name)
        if function is None:
            raise Unsupported(f"{name} of a complex number")
        self._only_numbers(*args)
        return function(self, *args)

    def exp(self, z: Pair) -> Pair:
        size = self._real("exp", z.re)
        cos, sin = self._real("cos", z.im), self._real("sin", z.im)
        return self._whole(self.inner.mul(size, cos), self.inner.mul(size, sin), z.dtype)

    def log(self, z: Pair) -> Pair:
        twice = self._real("log", self._square(z))
        return self._whole(self._half(twice), self._real("atan2", z.im, z.re), z.dtype)

    def sqrt(self, z: Pair) -> Pair:
        inner, size = self.inner, self.absolute(z)
        re = self._real("sqrt", self._half(inner.add(size, z.re)))
        im = self._real("sqrt", self._half(inner.sub(size, z.re)))
        below = inner.compare("lt", z.im, inner.lift(np.zeros(z.shape), z.im.dtype))
        return Pair(re, inner.select(below, [im, inner.neg(im)]), z.dtype)

    def sin(self, z: Pair) -> Pair:
        """sin a cosh b + i cos a sinh b."""
        cosh, sinh = self._hyperbolic(z.im)
        re = self.inner.mul(self._real("sin", z.re), cosh)
        return Pair(re, self.inner.mul(self._real("cos", z.re), sinh), z.dtype)

    def cos(self, z: Pair) -> Pair:
        """cos a cosh b - i sin a sinh b."""
        cosh, sinh = self._hyperbolic(z.im)
        im = self.inner.mul(self._real("sin", z.re), sinh)
        return Pair(self.inner.mul(self._real("cos", z.re), cosh), self.inner.neg(im), z.dtype)

    def may_be_no_number(self, x: Value) -> bool:
        return any(map(self.inner.may_be_no_number, _parts(x)))

    # -- helpers ----------------------------------------------------------------------------------

    def _hyperbolic(self, x: Value) -> tuple[Value, Value]:
        up, down = self._real("exp", x), self._real("exp", self.inner.neg(x))
        return self._half(self.inner.add(up, down)), self._half(self.inner.sub(up, down))

    def _real(self, name: str, *args: Value) -> Value:
        return self.inner.function(name, list(args), args[0].shape, args[0].dtype)

    def _half(self, x: Value) -> Value:
        return self.inner.mul(x, self.inner.lift(np.full(x.shape, 0.5), x.dtype))

    def _square(self, z: Pair) -> Value:
        return self.inner.add(self.inner.mul(z.re, z.re), self.inner.mul(z.im, z.im))

    def _each(self, operation: Callable[..., Value], *xs: Value) -> Value:
        """An operation that acts on real and imaginary parts separately."""
        if not any(isinstance(x, Pair) for x in xs):
            return operation(*xs)
        dtype = _dtype(*xs)
        pairs = [self.pair(x, dtype) for x in xs]
        re = operation(*(p.re for p in pairs))
        return Pair(re, operation(*(p.im for p in pairs)), dtype)

    def _bilinear(self, product: Callable[..., Value], a: Value, b: Value) -> Value:
        if not isinstance(a, Pair) and not isinstance(b, Pair):
            return product(a, b)
        self._only_numbers(a, b)
        dtype = _dtype(a, b)
        if not isinstance(a, Pair):
            assert isinstance(b, Pair)
            return self._whole(product(a, b.re), product(a, b.im), dtype)
        if not isinstance(b, Pair):
            return self._whole(product(a.re, b), product(a.im, b), dtype)
        return self._product(product, a, b)

    def _product(self, product: Callable[..., Value], a: Pair, b: Pair) -> Pair:
        re = self.inner.sub(product(a.re, b.re), product(a.im, b.im))
        im = self.inner.add(product(a.re, b.im), product(a.im, b.re))
        return self._whole(re, im, _dtype(a, b))

    def _only_numbers(self, *values: Value) -> None:
        """The formulas are right of numbers: of infinities JAX has others (1 / (inf + iy) is 0)."""
        if any(map(self.may_be_no_number, values)):
            raise Unsupported("arithmetic of complex numbers that may be infinite or NaN")

    def _whole(self, re: Value, im: Value, dtype: DType) -> Pair:
        """The parts of a result. Where one of them is infinite nothing is known of either, in
        domains that know infinities: it depends on the order of operations which is NaN."""
        re, im = self.inner.jointly(re, im)
        return Pair(re, im, dtype)


_FUNCTIONS: dict[str, Callable[..., Value]] = {
    **{"exp": Complex.exp, "log": Complex.log, "sqrt": Complex.sqrt},
    **{"sin": Complex.sin, "cos": Complex.cos},
}


def _parts(x: Value) -> tuple[Value, ...]:
    return (x.re, x.im) if isinstance(x, Pair) else (x,)


def _dtype(*xs: Value) -> DType:
    return next(x.dtype for x in xs if isinstance(x, Pair))


def _no_order(x: Value) -> None:
    if isinstance(x, Pair):
        raise Unsupported("an order of complex numbers")
