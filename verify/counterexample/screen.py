"""Whether two large programs seem to differ at an input, by one compiled evaluation of both.

An evaluation with certified errors takes some fifty times as long as XLA's. To make a
counterexample of a deep network small takes a hundred of them, most of which show nothing: here
they are cheap. Nothing is believed: what is reported has been evaluated with errors
(`Comparison.at`), and a screen that does not show a difference where one is certain is not used.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from verify.counterexample.confirm import Comparison, Inputs, Witness
from verify.counterexample.held import held, own
from verify.dtypes import Array, is_kind
from verify.limits import budget, effort
from verify.programs import Program, call
from verify.trust import dangers

_DEAR = 1e7  # units of work for one certified evaluation: what takes less needs no screen
_AN_ELEMENT, _A_PRODUCT = 0.05, 0.001  # units of work in a compiled program
_ROUNDING, _MOST = 512.0, 2.0**-4  # units of roundoff, relative to the value, that do not count


def screen(comparison: Comparison, witness: Witness) -> Callable[[Inputs], bool] | None:
    """Whether both programs seem to differ at inputs; None where it would not say so of the
    witness, or is not worth its compilation."""
    programs = (comparison.left, comparison.right)
    if not comparison.compiled or witness.cause or comparison.cost < _DEAR:
        return None
    if not all(map(dangers.harmless, programs)):
        return None
    cost = sum(
        _AN_ELEMENT * program.size() + _A_PRODUCT * effort.products(program)[0]
        for program in programs
    )
    compiled = jax.jit(functools.partial(_apart, *programs))
    variables, given = comparison.left.inputs, comparison.given

    def differ(inputs: Inputs) -> bool:
        budget.spend(cost)
        inputs = held(variables, inputs)
        if given is not None and not given.holds(inputs):
            return False
        return bool(compiled(*own(variables, inputs)))

    try:
        with budget.apart():  # XLA's compilation
            seen = differ(witness.inputs)
    except Exception:  # whatever the compiler has to say: there is a slower way
        return None
    return differ if seen else None


def _apart(left: Program, right: Program, *inputs: jax.Array) -> jax.Array:
    """Whether any elements of the outputs are further apart than rounding may take them."""
    pairs = zip(call(left, *inputs), call(right, *inputs), strict=True)
    return functools.reduce(jnp.logical_or, [_differ(a, b).any() for a, b in pairs])


def _differ(one: Array, two: Array) -> jax.Array:
    if jax.dtypes.issubdtype(one.dtype, jax.dtypes.prng_key):
        one, two = (jax.random.key_data(x) for x in (one, two))
    one, two = jnp.asarray(one), jnp.asarray(two)
    if not is_kind(one.dtype, np.inexact):
        return one != two
    size = jnp.maximum(jnp.abs(one), jnp.abs(two))
    return jnp.abs(one - two) > min(_ROUNDING * float(jnp.finfo(one.dtype).eps), _MOST) * size
