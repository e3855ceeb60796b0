"""Custom derivatives in programs: which there are."""

from __future__ import annotations

import jax

from verify.dtypes import Function
from verify.programs.ir import Param
from verify.programs.reader import JAXPR_TYPES, branch_of, name_of
from verify.programs.tracing import abstract_of, anew

# How to differentiate a primal program, where JAX was told; `custom_vjp` in reverse only.
_RULES = {
    "custom_jvp_call": "jvp",
    "custom_vjp_call": "vjp",
    "custom_vjp_call_jaxpr": "vjp",
    "linear_call": "transpose",
    "custom_transpose_call": "transpose",
    "custom_linear_solve": "transpose",
}


def custom_rules(f: Function, *examples: object) -> frozenset[str]:
    """The kinds of custom derivatives in f, those in loops and branches included: "jvp", "vjp",
    "transpose" (of what is said to be linear), and "zeros" where one of them asks what is
    differentiated.

    >>> import jax.numpy as jnp
    >>> sorted(custom_rules(lambda x: jax.nn.relu(x).sum(), jnp.ones(3)))
    ['jvp']
    """
    return rules_in(jax.make_jaxpr(anew(f))(*jax.tree.map(abstract_of, examples)))


def rules_in(value: object) -> frozenset[str]:
    if isinstance(value, tuple | list):
        return frozenset().union(*map(rules_in, value))
    if not isinstance(value, JAXPR_TYPES):
        return frozenset()
    found: set[str] = set()
    inner: Param = getattr(value, "jaxpr", value)
    for eqn in inner.eqns:
        if name_of(eqn.primitive) in _RULES:
            found.add(_RULES[name_of(eqn.primitive)])
            found |= {"zeros"} if eqn.params.get("symbolic_zeros") else set()
        by_platform = eqn.params.get("branches_platforms") is not None
        for parameter in [branch_of(eqn)] if by_platform else eqn.params.values():
            found |= rules_in(parameter)
    return frozenset(found)
