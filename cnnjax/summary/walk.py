"""Walks a traced program once and collects its layers.

Every value is a `Value`: which inputs it reads (a flow, None if it does not depend on x), which
parameters it was made of, and the last layer before it. Parameters belong to the layer of the
equation where they first meet something that depends on x.

What only wraps a program is not there any more when `verify.programs` has read it; loops and
choices are equations with programs inside.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax.numpy as jnp

from cnnjax.summary import layers, rules
from cnnjax.summary.fields import Flow, aligned, everywhere, join, keep
from cnnjax.summary.layers import Layer
from verify.programs import Atom, Equation, Program, Reading, Var

# Arrays that a function closes over are known by their identity; scopes name layers. A `shard_map`
# is read as what one device computes.
READING = Reading(whole=frozenset(), held=True, origins=True)


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
        if id(array) not in self.leaves:
            self.arrays.append(array)
        return self.leaf(id(array), Leaf("", int(array.size)))

    def program(
        self, program: Program, args: Sequence[Value], scope: str, times: int
    ) -> list[Value]:
        """Follow a program called with `args`; what it does counts `times` times."""
        env: dict[Var, Value] = dict(zip(program.inputs, args, strict=True))

        def read(atom: Atom) -> Value:
            return env[atom] if isinstance(atom, Var) else self.constant(atom.value)

        for equation in program.equations:
            inner = layers.join_scopes(scope, layers.scope_of(equation))
            results = self.equation(equation, list(map(read, equation.inputs)), inner, times)
            env.update(zip(equation.outputs, results, strict=True))
        return list(map(read, program.outputs))

    def equation(
        self, equation: Equation, values: list[Value], scope: str, times: int
    ) -> list[Value]:
        if all(value.flow is None for value in values):
            made_of = frozenset().union(*(value.leaves for value in values))
            return [Value(None, made_of)] * len(equation.outputs)
        if equation.primitive == "scan":
            return self.scan(equation, values, scope, times)
        if equation.primitive == "while":
            return self.while_(equation, values, scope, times)
        if equation.primitive == "cond":
            return self.branches(equation, values, scope, times)
        return self.plain(equation, values, scope, times)

    def scan(self, equation: Equation, values: list[Value], scope: str, times: int) -> list[Value]:
        """The body once, in place of all its runs; what is carried may read everything."""
        # The parameters that count constants, carry and slices change with JAX; the ranks do not.
        body: Program = equation.params["jaxpr"]
        carried = len(same_rank(equation.outputs, body.outputs))
        after = len(same_rank(equation.inputs, body.inputs))
        first = after - carried
        args = loop_operands(equation, values, first, after)
        for i in range(after, len(args)):
            if (flow := args[i].flow) is not None:
                old = equation.inputs[i].shape
                args[i] = replace(args[i], flow=keep(flow, {k: k - 1 for k in axes_of(old)}, old))
        results = self.program(body, args, scope, times * equation.params["length"])
        for i in range(after - first, len(results)):
            if (flow := results[i].flow) is not None:
                new = equation.outputs[i].shape
                flow = tuple(field.rename({k - 1: k for k in axes_of(new)}) for field in flow)
                results[i] = replace(results[i], flow=flow)
        return results

    def while_(
        self, equation: Equation, values: list[Value], scope: str, times: int
    ) -> list[Value]:
        """As `scan`; how often the body runs is not known from the program: it counts once."""
        skipped = equation.params["cond_nconsts"]
        first = skipped + equation.params["body_nconsts"]
        args = loop_operands(equation, values, first, len(values))
        return self.program(equation.params["body_jaxpr"], args[skipped:], scope, times)

    def branches(
        self, equation: Equation, values: list[Value], scope: str, times: int
    ) -> list[Value]:
        """The layers of the branch with the most multiply-adds; fields that hold for all."""
        tried = []
        for branch in equation.params["branches"]:
            start = len(self.layers)
            results = self.program(branch, values[1:], scope, times)
            tried.append((self.layers[start:], results))
        most = max(range(len(tried)), key=lambda i: sum(r.multiply_adds for r in tried[i][0]))
        for i, (rows, _) in enumerate(tried):
            for row in rows:
                row.shown = row.shown and i == most
        joined = []
        for k, var in enumerate(equation.outputs):
            flows = [results[k].flow for _, results in tried]
            if values[0].flow is not None:  # the choice reads x, so does every result
                flows.append(values[0].flow)
            given = [flow for flow in flows if flow is not None]
            flow = join(given, var.shape) if given else None
            joined.append(replace(tried[most][1][k], flow=flow))
        return joined

    def plain(self, equation: Equation, values: list[Value], scope: str, times: int) -> list[Value]:
        """An equation without programs inside: pass the flow on and note a layer, if it is one."""
        flows = rules.flows_of(equation, [value.flow for value in values])
        kind = layers.kind_of(equation, [value.flow for value in values], self.spatial)
        unplaced = [key for key in self.leaves if key not in self.placed and reads(values, key)]
        path = self.leaves[unplaced[0]].path if unplaced else ""
        before = self.before(values)
        layer = before
        if not kind and unplaced:
            layer = layers.for_parameters(self.layers, before, scope)
        if kind or (unplaced and layer is None):
            layer = Layer(kind or "elementwise", scope, path, equation.outputs[0].shape, flows[0])
            layer.multiply_adds = times * layers.multiply_adds(equation)
            self.layers.append(layer)
        elif layer is before:
            layers.restore_batch(equation, before, len(self.spatial))
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


def same_rank(outside: Sequence[Atom], inside: Sequence[Atom]) -> list[int]:
    """Operands (or results) of a loop that its body gets whole, not slice by slice."""
    return [
        i
        for i, (a, b) in enumerate(zip(outside, inside, strict=True))
        if len(a.shape) == len(b.shape)
    ]


def axes_of(shape: Sequence[int]) -> range:
    """All axes but the one a scan runs along."""
    return range(1, len(shape))


def loop_operands(
    equation: Equation, values: Sequence[Value], first: int, after: int
) -> list[Value]:
    """The operands of a loop's body, those that depend on x as if each read everything.

    `first` to `after` are carried: they come to depend on x even where they start as constants.
    """
    given = [
        (atom.shape, value)
        for atom, value in zip(equation.inputs, values, strict=True)
        if value.flow is not None
    ]
    reached = join([everywhere(value.flow, shape) for shape, value in given if value.flow], ())
    last = next((value.layer for _, value in given if value.layer is not None), None)
    operands = []
    for i, value in enumerate(values):
        if value.flow is not None:
            value = replace(value, flow=aligned(reached, value.flow))
        elif first <= i < after:
            value = Value(reached, value.leaves, last)
        operands.append(value)
    return operands
