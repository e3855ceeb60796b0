"""Walks a traced program once and collects its layers.

Every value is a `Value`: which inputs it reads (a flow, None if it does not depend on x), which
parameters it was made of, and the last layer before it. Parameters belong to the layer of the
equation where they first meet something that depends on x.

Reads JAX's programs through `jax.make_jaxpr` and `jax.extend.core` alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax.numpy as jnp
from jax.extend import core

from cnnjax.summary import layers, rules
from cnnjax.summary.fields import Flow, everywhere, join
from cnnjax.summary.layers import Layer

# Primitives that compute what the program inside them computes.
CALL_NAMES = """
    jit pjit closed_call core_call remat remat2 checkpoint custom_jvp_call custom_vjp_call
    custom_vjp_call_jaxpr shard_map
"""
CALLS = frozenset(CALL_NAMES.split())


@dataclass(frozen=True)
class Leaf:
    """A parameter array: its path where it is known, its size, whether it is trained."""

    path: str
    size: int
    trained: bool = True


@dataclass(frozen=True)
class Value:
    """What is known of a variable."""

    flow: Flow | None
    leaves: frozenset[int] = frozenset()
    layer: Layer | None = None


@dataclass
class Walk:
    """What has been found so far."""

    layers: list[Layer] = field(default_factory=list)
    leaves: dict[int, Leaf] = field(default_factory=dict)  # in the order they were met
    placed: set[int] = field(default_factory=set)
    spatial: set[int] = field(default_factory=set)  # axes of x that a window slid over
    arrays: list[Any] = field(default_factory=list)  # holds closed-over arrays: ids stay theirs

    def leaf(self, key: int, leaf: Leaf) -> Value:
        """A parameter as a value."""
        self.leaves.setdefault(key, leaf)
        return Value(None, frozenset([key]))

    def constant(self, array: Any) -> Value:
        """A closed-over array: a parameter, if it is floating point and more than one number."""
        if jnp.ndim(array) == 0 or not jnp.issubdtype(array.dtype, jnp.floating):
            return Value(None)
        self.arrays.append(array)
        return self.leaf(id(array), Leaf("", int(array.size)))

    def program(self, closed: Any, args: Sequence[Value], scope: str, times: int) -> list[Value]:
        """Follow a program called with `args`; what it does counts `times` times."""
        jaxpr, consts = getattr(closed, "jaxpr", closed), getattr(closed, "consts", ())
        env: dict[Any, Value] = {}
        env.update(zip(jaxpr.constvars, map(self.constant, consts), strict=True))
        env.update(zip(jaxpr.invars, args, strict=True))

        def read(atom: Any) -> Value:
            return self.constant(atom.val) if isinstance(atom, core.Literal) else env[atom]

        for eqn in jaxpr.eqns:
            inner = layers.join_scopes(scope, layers.scope_of(eqn))
            results = self.equation(eqn, [read(atom) for atom in eqn.invars], inner, times)
            env.update(zip(eqn.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def equation(self, eqn: Any, values: list[Value], scope: str, times: int) -> list[Value]:
        name, params = eqn.primitive.name, eqn.params
        if all(value.flow is None for value in values):
            made_of = frozenset().union(*(value.leaves for value in values))
            return [Value(None, made_of)] * len(eqn.outvars)
        if name in CALLS:
            return self.program(inner_program(eqn), values, scope, times)
        if name == "scan":
            constants, carried = params["num_consts"], params["num_carry"]
            args = mixed(eqn, values, range(constants, constants + carried))
            results = self.program(params["jaxpr"], args, scope, times * params["length"])
            return mixed_results(results)
        if name == "while":
            # How often it runs is not known from the program: counted once.
            constants = params["cond_nconsts"]
            first = constants + params["body_nconsts"]
            args = mixed(eqn, values, range(first, len(values)))[constants:]
            return mixed_results(self.program(params["body_jaxpr"], args, scope, times))
        if name == "cond":
            return self.branches(eqn, values, scope, times)
        return self.plain(eqn, values, scope, times)

    def branches(self, eqn: Any, values: list[Value], scope: str, times: int) -> list[Value]:
        """The layers of the branch with the most multiply-adds; fields that hold for all."""
        tried = []
        for branch in eqn.params["branches"]:
            start = len(self.layers)
            results = self.program(branch, values[1:], scope, times)
            tried.append((self.layers[start:], results))
        most = max(range(len(tried)), key=lambda i: sum(r.multiply_adds for r in tried[i][0]))
        for i, (rows, _) in enumerate(tried):
            for row in rows:
                row.shown = row.shown and i == most
        joined = []
        for k, atom in enumerate(eqn.outvars):
            flows = [results[k].flow for _, results in tried]
            if values[0].flow is not None:  # the choice reads x, so does every result
                flows.append(everywhere(values[0].flow, ()))
            given = [flow for flow in flows if flow is not None]
            flow = join(given, atom.aval.shape) if given else None
            joined.append(replace(tried[most][1][k], flow=flow))
        return joined

    def plain(self, eqn: Any, values: list[Value], scope: str, times: int) -> list[Value]:
        """An equation without programs inside: pass the flow on and note a layer, if it is one."""
        flows = rules.flows_of(eqn, [value.flow for value in values])
        kind = layers.kind_of(eqn, [value.flow for value in values], self.spatial)
        unplaced = [key for key in self.leaves if key not in self.placed and reads(values, key)]
        path = self.leaves[unplaced[0]].path if unplaced else ""
        before = self.before(values)
        layer = before
        if not kind and unplaced:
            layer = layers.for_parameters(self.layers, before, scope)
        if kind or (unplaced and layer is None):
            layer = Layer(kind or "elementwise", scope, path, eqn.outvars[0].aval.shape, flows[0])
            layer.multiply_adds = times * layers.multiply_adds(eqn)
            self.layers.append(layer)
        elif layer is before:
            layers.restore_batch(eqn, before, len(self.spatial))
        if layer is not None:
            layer.leaves += unplaced
        self.placed.update(unplaced)
        return [Value(flow, layer=layer) for flow in flows]

    def before(self, values: Sequence[Value]) -> Layer | None:
        """The last layer before an equation.

        A mean over the image that meets the image again (a norm) was no pooling layer.
        """
        given = [value for value in values if value.flow is not None]
        sliding = [
            any(f.strides for i, f in enumerate(v.flow or ()) if i in self.spatial) for v in given
        ]
        found = []
        for value, slides in zip(given, sliding, strict=True):
            if value.layer is None:
                continue
            if value.layer.kind == layers.GLOBAL_POOL and not slides and any(sliding):
                value.layer.shown = False
                continue
            found.append(value.layer)
        return max(found, key=self.layers.index, default=None)


def reads(values: Sequence[Value], key: int) -> bool:
    return any(value.flow is None and key in value.leaves for value in values)


def inner_program(eqn: Any) -> Any:
    """The program among the parameters of a call."""
    return next(p for p in eqn.params.values() if hasattr(p, "eqns") or hasattr(p, "jaxpr"))


def mixed(eqn: Any, values: Sequence[Value], carried: range) -> list[Value]:
    """The operands of a loop's body: what is carried may read all that any operand reads."""
    args = []
    reached = [
        everywhere(value.flow, atom.aval.shape)
        for atom, value in zip(eqn.invars, values, strict=True)
        if value.flow is not None
    ]
    flow = join(reached, ())
    last = next(value.layer for value in values if value.flow is not None)
    for i, value in enumerate(values):
        if i in carried:
            args.append(Value(flow, value.leaves, last))
        elif value.flow is not None:
            args.append(replace(value, flow=flow))
        else:
            args.append(value)
    return args


def mixed_results(results: Sequence[Value]) -> list[Value]:
    """Whatever leaves a loop has no axis that is known to follow one of x."""
    return [
        value if value.flow is None else replace(value, flow=everywhere(value.flow, ()))
        for value in results
    ]
