"""Custom derivatives in programs: which there are."""

from __future__ import annotations

import jax

from verify.dtypes import Function
from verify.programs.reader import FOREIGN, equations_of, jaxprs_in, name_of
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


# The calls that are differentiated by a rule of their own.
WITH_RULES = frozenset(name for name, rule in _RULES.items() if rule in ("jvp", "vjp"))


def custom_rules(f: Function, *examples: object) -> frozenset[str]:
    """The kinds of custom derivatives in f, those in loops and branches included: "jvp", "vjp",
    "transpose" (of what is said to be linear), "foreign" (of a primitive that is not one of JAX's),
    and "zeros" where one of them asks what is differentiated.

    >>> import jax.numpy as jnp
    >>> sorted(custom_rules(lambda x: jax.nn.relu(x).sum(), jnp.ones(3)))
    ['jvp']
    """
    return rules_in(jax.make_jaxpr(anew(f))(*jax.tree.map(abstract_of, examples)))


def rules_in(value: object) -> frozenset[str]:
    """The same of JAX's programs in a value."""
    found: set[str] = set()
    for jaxpr in jaxprs_in(value, here=True):
        for eqn in equations_of(jaxpr):
            name = name_of(eqn.primitive)
            if name in _RULES:
                found.add(_RULES[name])
                found |= {"zeros"} if eqn.params.get("symbolic_zeros") else set()
            elif name.endswith(FOREIGN):
                found.add("foreign")
    return frozenset(found)
