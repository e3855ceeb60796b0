"""Functions traced by JAX, and read as programs."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import jax
import numpy as np
from jax.tree_util import PyTreeDef

from verify.dtypes import DType, Function, PyTree, is_array
from verify.programs.ir import Param, Program
from verify.programs.reader import (
    PLAIN,
    Reading,
    consts_of,
    converted,
    equations_of,
    jaxprs_in,
)

# The names of JAX's key dtypes: the generators, and how many words of 32 bits their keys have.
GENERATORS = {
    "key<fry>": ("threefry2x32", 2),
    "key<rbg>": ("rbg", 4),
    "key<urbg>": ("unsafe_rbg", 4),
}


def trace(f: Function, *examples: object) -> Program:
    """The program of `f` on arguments like `examples` (arrays, ShapeDtypeStructs, pytrees of them).

    Typed random keys among the arguments become their words: inputs of dtype uint32, one axis more.

    >>> import jax.numpy as jnp
    >>> program = trace(lambda x: jnp.maximum(x, 0) * 2, jnp.zeros(3))
    >>> [equation.primitive for equation in program.equations]
    ['max', 'mul']
    """
    return read(make(f, *examples))


Shapes = tuple[PyTree, ...]


@dataclass(frozen=True, eq=False)
class Traced:
    """What JAX says of a function: to be read."""

    jaxpr: Param  # what JAX's own programs are depends on its version
    in_tree: PyTreeDef
    result: Param  # shapes and dtypes of what it returns, in the function's own containers

    @property
    def out_tree(self) -> PyTreeDef:
        return jax.tree.structure(self.result)

    @property
    def floating(self) -> tuple[list[int], list[int]]:
        """Which inputs and which outputs are of a floating-point (or complex) type."""
        found = []
        for avals in (self.jaxpr.in_avals, self.jaxpr.out_avals):
            dtypes = [getattr(aval, "dtype", None) for aval in avals]
            floats = (d is not None and jax.dtypes.issubdtype(d, np.inexact) for d in dtypes)
            found.append([i for i, is_float in enumerate(floats) if is_float])
        return found[0], found[1]

    @property
    def closed(self) -> tuple[Param, ...]:
        """What the function closes over: arrays, and values that JAX is tracing."""
        return tuple(consts_of(self.jaxpr))

    def held(self) -> Iterator[Param]:
        """The same, and what the programs inside it hold."""
        for jaxpr in jaxprs_in(self.jaxpr):
            yield from consts_of(jaxpr)

    @property
    def captured(self) -> jax.Array | None:
        """A value that an outer transformation is tracing and the function closes over, or None."""
        return next((value for value in self.held() if isinstance(value, jax.core.Tracer)), None)

    def platforms(self) -> frozenset[str]:
        """Those for which the program says another thing than elsewhere.

        >>> from jax import lax
        >>> def f(x): return lax.platform_dependent(x, cpu=abs, default=lambda x: -x)
        >>> sorted(make(f, 1.0).platforms())
        ['cpu']
        """
        chosen = (
            platforms
            for jaxpr in jaxprs_in(self.jaxpr)
            for eqn in equations_of(jaxpr)
            for platforms in eqn.params.get("branches_platforms") or ()
        )
        return frozenset(name for platforms in chosen for name in platforms or ())

    def __str__(self) -> str:
        """The program as JAX prints it."""
        return str(self.jaxpr)


def make(f: Function, *examples: object) -> Traced:
    """The first half of `trace`, in which f is called: what it raises is f's own error."""
    __tracebackhide__ = True
    abstract: Shapes = jax.tree.map(abstract_of, examples)
    if any(_is_key(leaf.dtype) for leaf in jax.tree.leaves(abstract)):
        f, abstract = _with_words(f, abstract)
    return replace(make_as_given(f, *abstract), in_tree=jax.tree.structure(examples))


def make_as_given(f: Function, *arguments: object) -> Traced:
    """The same of arguments as they are, with whatever else JAX knows of them: that they are keys,
    how they lie on devices."""
    __tracebackhide__ = True
    jaxpr, result = jax.make_jaxpr(anew(f), return_shape=True)(*arguments)
    return Traced(jaxpr, jax.tree.structure(arguments), result)


def anew(f: Function) -> Function:
    """f, as a function that JAX has not seen: of those that it has, it keeps the trace, whatever
    has changed since in what f refers to."""

    @functools.wraps(f, updated=())
    def called(*arguments: object) -> object:
        __tracebackhide__ = True
        return f(*arguments)

    return called


def read(traced: Traced, reading: Reading = PLAIN) -> Program:
    """The second half of `trace`: what it raises is a failure of ours."""
    program = converted(traced.jaxpr, reading)
    trees = traced.in_tree, traced.out_tree
    return Program(program.inputs, program.equations, program.outputs, *trees)


def _is_key(dtype: DType) -> bool:
    return bool(jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key))


def _with_words(f: Function, abstract: Shapes) -> tuple[Function, Shapes]:
    """f as a function of the words of its keys, and what the words look like."""
    names = jax.tree.map(lambda leaf: str(leaf.dtype) if _is_key(leaf.dtype) else "", abstract)

    def words(leaf: jax.ShapeDtypeStruct, name: str) -> jax.ShapeDtypeStruct:
        if not name:
            return leaf
        return jax.ShapeDtypeStruct((*leaf.shape, GENERATORS[name][1]), np.dtype(np.uint32))

    def wrapped(leaf: jax.Array, name: str) -> jax.Array:
        return jax.random.wrap_key_data(leaf, impl=GENERATORS[name][0]) if name else leaf

    def of_words(*arguments: object) -> object:
        return f(*jax.tree.map(wrapped, arguments, names))

    return of_words, jax.tree.map(words, abstract, names)


def abstract_of(leaf: object) -> jax.ShapeDtypeStruct:
    """What an example looks like. Numbers of Python, and arrays made of them, are weakly typed:
    they do not widen what they meet."""
    if is_array(leaf):
        dtype = leaf.dtype  # without 64-bit types, JAX would narrow it, from 0.12 on with a warning
        dtype = dtype if _is_key(dtype) else jax.dtypes.canonicalize_dtype(dtype)
        weak = bool(getattr(leaf, "weak_type", False))
        return jax.ShapeDtypeStruct(leaf.shape, dtype, weak_type=weak)
    array = jax.numpy.asarray(leaf)
    return jax.ShapeDtypeStruct(array.shape, array.dtype, weak_type=bool(array.weak_type))


def is_weak(example: object) -> bool:
    """Whether an example's type gives way to those that it meets.

    >>> is_weak(3.0), is_weak(np.float32(3))
    (True, False)
    """
    return bool(abstract_of(example).weak_type)
