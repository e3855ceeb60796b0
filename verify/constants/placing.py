"""Arrays of numbers with some of them read: computed by JAX from whole numbers, in their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from verify.constants.readings import Name, Reading, Source
from verify.constants.tables import Table
from verify.dtypes import Array

_SINGLE = 4  # different numbers of an array that are put in one by one


@dataclass
class Plan:
    """An array of real floats, and what some of its values are read as, or the whole table; arrays
    that these are elements of."""

    values: np.ndarray
    dtype: np.dtype
    read: dict[float, Reading]
    table: Table | None = None
    arrays: Mapping[Name, jax.Array] = field(default_factory=dict)

    def sources(self) -> Iterator[Source]:
        if self.table is not None:
            yield self.table.array.source
        yield from (read.made.source for read in self.read.values() if read.made is not None)


def whole(plans: list[Plan], dtype: np.dtype) -> jax.Array:
    made = [lax.convert_element_type(_array(plan), plan.dtype) for plan in plans]
    return made[0] if len(made) == 1 else lax.complex(*made)


def _array(plan: Plan) -> Array:
    """The array, with the values that are read in their places; all else is what it is."""
    if plan.table is not None:
        taken = _taken(plan.arrays[plan.table.array.source.array], plan.table.index)
        return lax.convert_element_type(lax.mul(taken, np.float64(plan.table.sign)), plan.dtype)
    single = {v: r for v, r in plan.read.items() if r.made is None}
    made: Array = plan.values.astype(plan.dtype)
    for name, array in plan.arrays.items():
        made = _from(plan, name, array, made)
    if len(single) > _SINGLE:  # one division for all fractions
        fractions = {v: r.factor for v, r in single.items() if r.rational}
        single = {v: r for v, r in single.items() if not r.rational}
        top, bottom = np.ones_like(plan.values), np.ones_like(plan.values)
        for value, fraction in fractions.items():
            here = plan.values == value
            top[here], bottom[here] = float(fraction.numerator), float(fraction.denominator)
        made = _put(plan.values, np.isin(plan.values, list(fractions)), lax.div(top, bottom), made)
    for value, found in single.items():
        number = lax.broadcast(_scalar(found), plan.values.shape)
        made = _put(plan.values, plan.values == value, number, made)
    return made


def _from(plan: Plan, name: Name, array: jax.Array, old: Array) -> Array:
    """Elements of an array, times powers of two, in the places of the values that they are."""
    here, index = np.zeros(plan.values.shape, bool), np.zeros(plan.values.shape, int)
    factor = np.zeros(plan.values.shape)
    for value, read in plan.read.items():
        if read.made is not None and read.made.source.array == name:
            at = plan.values == value
            here, index = here | at, np.where(at, read.made.index, index)
            factor = np.where(at, float(read.factor), factor)
    if not here.any():
        return old
    return _put(plan.values, here, lax.mul(_taken(array, index), factor), old)


def _taken(array: jax.Array, index: np.ndarray) -> jax.Array:
    """Elements of an array by their flat indices, as float64."""
    return _wide(jnp.take(lax.reshape(array, (array.size,)), index, mode="clip"))


def _put(values: np.ndarray, where: np.ndarray, new: jax.Array, old: Array) -> jax.Array:
    """The new values somewhere, else the old ones."""
    if where.all():
        return new
    return lax.select(where, lax.convert_element_type(new, np.float64), _wide(old))


def _wide(array: Array) -> jax.Array:
    return lax.convert_element_type(array, np.float64)


def _scalar(read: Reading) -> jax.Array:
    def fraction(f: Fraction) -> jax.Array:
        return lax.div(np.float64(f.numerator), np.float64(f.denominator))

    def times_turns(value: jax.Array) -> jax.Array:
        """value * pi**power * e**exponent, for the powers of readings: 1, 1/2, 0, -1/2, -1."""
        if read.exponent:
            value = lax.mul(value, lax.exp(fraction(read.exponent)))
        if not read.power:
            return value
        pi = lax.mul(np.float64(4), lax.atan(np.float64(1)))
        turns = lax.sqrt(pi) if read.power.denominator == 2 else pi
        return lax.mul(value, lax.div(np.float64(1), turns) if read.power < 0 else turns)

    if read.of is not None:
        inside = lax.log(times_turns(fraction(read.of)))
        return (lax.div if read.below else lax.mul)(fraction(read.factor), inside)
    value = times_turns(fraction(read.factor))
    return value if read.root == 1 else lax.mul(value, lax.sqrt(fraction(read.root)))
