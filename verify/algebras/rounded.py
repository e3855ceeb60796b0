"""Numbers as a compiled program has them: the algebra of rounding errors.

A value is a ball, as in `numeric`: float64 `value` with `error`. Here it holds the real number and
every number that the compiled program may have in its place, in the dtypes that it computes in. So
a comparison that rounding may turn round is an unknown boolean, a choice by it a hull, and what
cannot be bounded (an overflow, a division by what may be flushed to zero) is NaN: nothing is known.

    a + b                 u (|a| + |b|)
    a b                   u |a b|
    a / b                 3 u |a / b|: XLA multiplies by the reciprocal of a constant
    sums of n             ((1 + u)**n - 1) * (sum of magnitudes), whatever the order, fma or not
    functions             units in the last place, by `rounded_function`'s table

with one more rounding to spare everywhere. The magnitudes are those of the computed operands.
Here is the table of operations; see `rounded_sum`, `rounded_product` and `rounded_function`.

XLA is allowed to compute something else that is equal over the reals, and does (seen on the CPU):

* (a + c) + d with constants c, d is a + (c + d). Hence |a| + |b| above in the place of |a + b|, and
  an exact sum stays exact only as long as *all* its terms lie on a grid that the format holds;
  c + d may overflow: `reach` is how far partial sums do. c a + c b is c (a + b): `scaled`.
* A sum of sums is one sum over both axes: `terms` and `mass` are those of the innermost.
* (a c) d is a (c d), a / b / c is a / (b c): the product may leave the format though no number of
  the program does. `span` holds how far; beyond the format the result may be 0, or unknown.
* a / sqrt(b) is a rsqrt(b), exp(a) exp(b) is exp(a + b): see the table.

Assumed: XLA's CPU backend with its default flags (no fast-math), round to nearest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from verify.algebras import rounded_product, rounded_sum
from verify.algebras.base import Unsupported, Value
from verify.algebras.numeric import Bounded, Numeric
from verify.algebras.numeric_value import kind, make
from verify.algebras.rounded_function import function_error, power_error
from verify.algebras.rounded_value import (
    SPARE,
    Changes,
    Format,
    Tracked,
    computed,
    entered,
    format_of,
    fraction,
    largest,
    marks,
    mass,
    reach,
    representable,
    tracked,
    unmarked,
)
from verify.dtypes import DType


class Rounded(Numeric):
    """The algebra of compiled numbers. Evaluate under `np.errstate(all="ignore")`: overflows are
    part of it.

    >>> rounded = Rounded()
    >>> third = rounded.input(np.array([1 / 3], np.float32))
    >>> product = rounded.mul(third, third)
    >>> bool(2.0**-25 / 9 < product.error[0] < 2.0**-22 / 9)
    True
    >>> rounded.sum(rounded.input(np.arange(9, dtype=np.float32))).error is None  # exact
    True
    """

    def settled(self, operands: Sequence[Value], results: list[Value]) -> list[Value]:
        """The results of an equation: constants if its operands are, whatever computed them."""
        if not all(marks(x).constant for x in operands):
            return results
        return [tracked(x, constant=True) if isinstance(x, Bounded) else x for x in results]

    def lift(self, array: np.ndarray, dtype: DType | None = None) -> Bounded:
        """A constant of the program."""
        return tracked(self.input(array, dtype), constant=True)

    def input(self, array: np.ndarray, dtype: DType | None = None) -> Bounded:
        x = super().lift(array, dtype)
        return entered(x) if kind(x.dtype) == "float" else x

    def cast(self, x: Bounded, dtype: DType) -> Bounded:
        result = super().cast(x, dtype)
        if kind(result.dtype) != "float" or kind(x.dtype) == "bool":
            return result
        form = format_of(result.dtype)
        if kind(x.dtype) == "float":
            source = format_of(x.dtype)
            if source.bits <= form.bits and source.highest <= form.highest:
                return tracked(result, x)
        return tracked(self._rounded(result, form), x)

    def reduce_precision(self, x: Bounded, exponent_bits: int, mantissa_bits: int) -> Bounded:
        """Rounded to a format, if the compiler does not leave it out."""
        highest = 2 ** (exponent_bits - 1) - 1
        form = Format(mantissa_bits + 1, 1 - highest, highest)
        own = format_of(x.dtype)
        if form.bits >= own.bits and highest >= own.highest:
            return x
        return self._rounded(x, form)

    def _rounded(self, x: Bounded, form: Format) -> Bounded:
        charge = largest(x) * form.growth(1 + SPARE)
        exact = representable(form, x.value) & (x.errors == 0)
        return computed(x, np.where(exact, 0.0, charge), form)

    # -- movement ---------------------------------------------------------------------------------

    def reshape(self, x: Bounded, shape: tuple[int, ...]) -> Bounded:
        result = super().reshape(x, shape)
        if not isinstance(x, Tracked):
            return result
        return tracked(
            result,
            x,
            mass=None if x.mass is None else x.mass.reshape(shape),
            reach=None if x.reach is None else x.reach.reshape(shape),
        )

    def pick(self, operands: Sequence[Bounded], index: np.ndarray) -> Bounded:
        result = super().pick(operands, index)
        marked = [x for x in operands if isinstance(x, Tracked)]
        if not marked or kind(result.dtype) != "float":
            return result
        changes: Changes = {"constant": len(marked) == len(operands)}
        changes["constant"] &= all(x.constant for x in marked)
        if any(x.mass is not None for x in marked):
            grains = [fraction(x) for x in operands]
            changes["mass"] = np.concatenate([mass(x).reshape(-1) for x in operands])[index]
            changes["terms"] = max(x.terms for x in marked)
            changes["fraction"] = max((g for g in grains if g is not None), default=None)
            if None in grains:
                changes["fraction"] = None
        if any(x.reach is not None for x in marked):
            changes["reach"] = np.concatenate([reach(x).reshape(-1) for x in operands])[index]
        scaled = [x.scaled for x in marked if x.scaled is not None]
        if scaled:
            changes["scaled"] = max(s[0] for s in scaled), max(s[1] for s in scaled)
        spans = [x.span for x in marked if x.span is not None]
        if spans:
            changes["span"] = min(s[0] for s in spans), max(s[1] for s in spans)
            changes["quotient"] = any(x.quotient for x in marked)
        return tracked(result, unmarked(result), **changes)

    def neg(self, a: Bounded) -> Bounded:
        result = super().neg(a)
        return tracked(result, a) if isinstance(a, Tracked) else result

    # -- arithmetic -------------------------------------------------------------------------------

    def add(self, a: Bounded, b: Bounded) -> Bounded:
        return rounded_sum.add(a, b) if kind(a.dtype) == "float" else super().add(a, b)

    def sum(self, x: Bounded) -> Bounded:
        if kind(x.dtype) != "float" or x.shape[-1] == 0:
            return super().sum(x)
        return rounded_sum.sum_last(x)

    def dot(self, a: Bounded, b: Bounded) -> Bounded:
        if kind(a.dtype) != "float" or a.shape[-1] == 0:
            return super().dot(a, b)
        return rounded_sum.dot(a, b)

    def mul(self, a: Bounded, b: Bounded) -> Bounded:
        return rounded_product.mul(a, b) if kind(a.dtype) == "float" else super().mul(a, b)

    def div(self, a: Bounded, b: Bounded) -> Bounded:
        return rounded_product.div(a, b)

    def prod(self, x: Bounded) -> Bounded:
        result = super().prod(x)
        if kind(x.dtype) != "float" or x.shape[-1] < 2:
            return result
        return rounded_product.prod(result, x)

    def in_any_order(self, name: str, folded: Bounded, rows: Bounded) -> Bounded:
        """Running sums and products along the last axis, folded from `rows` in one order: with what
        any other order may add."""
        if kind(rows.dtype) != "float":
            return folded
        if name == "mul":
            return rounded_product.prod(folded, rows, running=True)
        return rounded_sum.running(folded, rows)

    # -- functions --------------------------------------------------------------------------------

    def function(
        self,
        name: str,
        args: Sequence[Bounded],
        shape: tuple[int, ...],
        dtype: DType,
        params: object = (),
    ) -> Bounded:
        result = super().function(name, args, shape, dtype, params)
        if kind(result.dtype) != "float":
            if any(kind(x.dtype) == "float" for x in args):
                raise Unsupported(f"rounding errors of {name}")
            return result
        if kind(args[0].dtype) != "float":  # bits that become a number
            return entered(result)
        form = format_of(result.dtype)
        # asin is zero below twice the smallest normal number.
        result = computed(result, function_error(name, args[0], result, form), form, flush=4)
        return _either_side(result, *args) if name == "atan2" else result

    def power(self, result: Bounded) -> Bounded:
        """x**y, worked out by products and roots, as the compiled function of two arguments."""
        form = format_of(result.dtype)
        return computed(result, power_error(result, form), form)


def _either_side(angle: Bounded, y: Bounded, x: Bounded) -> Bounded:
    """atan2(y, x) jumps by 2 pi where y is zero of either sign, and x is not positive."""
    jumps = (np.abs(y.value) <= y.errors) & (x.value <= x.errors)
    return make(np.where(jumps, np.nan, angle.value), angle.error, angle.dtype)
