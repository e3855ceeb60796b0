"""JAX programs as plain data: the only file that knows JAX's program representation.

`trace(f, *examples)` runs `jax.make_jaxpr` and turns the result into a `Program`: a list of
equations over variables, with calls that only wrap another program (`jit`, `remat`, `custom_jvp`,
`custom_vjp`, ...) inlined. Loops and branches keep their bodies as `Program`s among the parameters.
Of a choice by platform (`lax.platform_dependent`) the program is the branch of the process's own.

Dimensions are whatever JAX gives: integers, or expressions of `jax.export.symbolic_shape`.

Everything else in `verify` works on these classes, so a change of JAX's internals is mended here.
Works with JAX 0.10 (two classes `ClosedJaxpr`, `Jaxpr`) and with 0.11 and later (one class).
"""

from __future__ import annotations

import functools
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import jax
import numpy as np
from jax.extend import core as jex

from verify.algebras.base import Unsupported

Result = TypeVar("Result")

_JAX_FOLDER = os.path.dirname(os.path.abspath(jax.__file__))
_OWN_FOLDER = os.path.dirname(__file__)

# Primitives that mean exactly what the program inside them means, and the parameter that holds it.
# A custom rule says how to differentiate, not what the function is: the primal program is inlined.
_WRAPPERS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "call": "call_jaxpr",
    "remat": "jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "custom_lin": "call_jaxpr",
}


@dataclass(frozen=True, eq=False)
class Var:
    """A variable: an array of one shape and dtype. Compared by identity."""

    shape: tuple[Any, ...]
    dtype: Any  # a NumPy dtype, or one of JAX's extended dtypes (typed random keys)
    mutable: bool = False  # a `jax.Ref`: no value, but a place whose value changes


@dataclass(frozen=True, eq=False)
class Const:
    """A constant that the program holds: a literal or a captured array."""

    value: Any  # np.ndarray, a JAX array of typed random keys, or a `jax.Ref`

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.value.shape)

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def mutable(self) -> bool:
        return is_mutable(self.value)


Atom = Var | Const


@dataclass(frozen=True, eq=False)
class Equation:
    """One primitive applied: `outputs = primitive(inputs; params)`."""

    primitive: str
    inputs: tuple[Atom, ...]
    outputs: tuple[Var, ...]
    params: Mapping[str, Any]
    source: str  # "file.py:12 (function)" of the user's line, "" if unknown
    _bind: Any = None  # JAX's primitive, to evaluate on concrete arrays
    _bind_params: Any = None
    partitionable: bool | None = None  # of what draws bits: which bits are a key's, see `_DRAWS`

    @functools.cached_property
    def elements(self) -> int:
        """Of all operands and results."""
        return sum(math.prod(atom.shape) for atom in (*self.inputs, *self.outputs))


@dataclass(frozen=True, eq=False)
class Program:
    """Inputs, equations in order, and outputs; the trees are those of the user's function."""

    inputs: tuple[Var, ...]
    equations: tuple[Equation, ...]
    outputs: tuple[Atom, ...]
    in_tree: Any = None
    out_tree: Any = None

    def every_equation(self) -> Iterator[Equation]:
        """All equations, those in loop bodies and branches included."""
        return iter(self._every)

    @functools.cached_property
    def _every(self) -> tuple[Equation, ...]:
        found: list[Equation] = []
        for equation in self.equations:
            found.append(equation)
            for value in equation.params.values():
                for inner in _programs_in(value):
                    found += inner._every
        return tuple(found)

    def primitives(self) -> frozenset[str]:
        """The names of all primitives, those in loop bodies and branches included."""
        return self._primitives

    @functools.cached_property
    def _primitives(self) -> frozenset[str]:
        return frozenset(equation.primitive for equation in self._every)

    def size(self) -> int:
        """How many array elements the equations compute, a loop's body counted once."""
        total = 0
        for equation in self.equations:
            total += sum(int(np.prod(v.shape)) for v in equation.outputs)
            for value in equation.params.values():
                total += sum(inner.size() for inner in _programs_in(value))
        return total

    def is_symbolic(self) -> bool:
        """Whether a dimension of an input is an expression of `jax.export.symbolic_shape`."""
        return any(not isinstance(n, int | np.integer) for v in self.inputs for n in v.shape)

    def is_stateful(self) -> bool:
        """Whether it reads or writes mutable arrays (`jax.new_ref`), of which no rule is known."""
        return any(atom.mutable for e in self.every_equation() for atom in (*e.inputs, *e.outputs))

    def constants(self) -> list[np.ndarray]:
        """Every constant in the program, literals included: where a search should aim."""
        found: list[np.ndarray] = []
        for equation in self.equations:
            found += [
                np.asarray(atom.value)
                for atom in equation.inputs
                if isinstance(atom, Const) and isinstance(atom.dtype, np.dtype)
                if not atom.mutable
            ]
            for value in equation.params.values():
                for inner in _programs_in(value):
                    found += inner.constants()
        return found


def once_a_program(f: Callable[[Program], Result]) -> Callable[[Program], Result]:
    """f, worked out once for each program, and kept as long as that lives."""
    known: WeakKeyDictionary[Program, Result] = WeakKeyDictionary()

    @functools.wraps(f)
    def remembered(program: Program) -> Result:
        if program not in known:
            known[program] = f(program)
        return known[program]

    return remembered


def _programs_in(value: Any) -> list[Program]:
    if isinstance(value, Program):
        return [value]
    if isinstance(value, tuple | list):
        return [inner for item in value for inner in _programs_in(item)]
    return []


def last_uses(program: Program) -> dict[int, list[Var]]:
    """For each equation, the variables that nothing after it reads."""
    last: dict[Var, int] = {}
    for position, equation in enumerate(program.equations):
        for atom in equation.inputs:
            if isinstance(atom, Var):
                last[atom] = position
    for atom in program.outputs:
        if isinstance(atom, Var):
            last.pop(atom, None)
    uses: dict[int, list[Var]] = {}
    for var, position in last.items():
        uses.setdefault(position, []).append(var)
    return uses


def leading_to(
    equations: Sequence[Equation],
    wanted: Iterable[Atom],
    known: Set[Var] = frozenset(),
    always: Callable[[Equation], bool] = lambda equation: False,
) -> list[Equation]:
    """The equations that make what is wanted, in order, out of what is known and the inputs;
    `always`: those that are wanted whatever they make."""
    missing = {atom for atom in wanted if isinstance(atom, Var)} - known
    found: list[Equation] = []
    for equation in reversed(equations):
        if always(equation) or not missing.isdisjoint(equation.outputs):
            found.append(equation)
            missing |= {a for a in equation.inputs if isinstance(a, Var)} - known
    return found[::-1]


def part_of(program: Program, outputs: Iterable[Var]) -> Program:
    """The part of a program that leads to these of its variables, with its own inputs."""
    wanted = tuple(outputs)
    return Program(program.inputs, tuple(leading_to(program.equations, wanted)), wanted)


def inner_programs(equation: Equation) -> list[Program]:
    """The bodies of a loop, the branches of a choice."""
    return [inner for value in equation.params.values() for inner in _programs_in(value)]


def trace(f: Callable[..., Any], *examples: Any) -> Program:
    """The program of `f` on arguments like `examples` (arrays, ShapeDtypeStructs, pytrees of them).

    Typed random keys among the arguments become their words: inputs of dtype uint32, one axis more.

    >>> import jax.numpy as jnp
    >>> program = trace(lambda x: jnp.maximum(x, 0) * 2, jnp.zeros(3))
    >>> [equation.primitive for equation in program.equations]
    ['max', 'mul']
    """
    return read(make(f, *examples))


@dataclass(frozen=True, eq=False)
class Traced:
    """What JAX says of a function: to be read."""

    jaxpr: Any
    in_tree: Any
    out_tree: Any

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
    def captured(self) -> Any:
        """A value that an outer transformation is tracing and the function closes over, or None."""
        return next(_tracers_in(self.jaxpr), None)


def make(f: Callable[..., Any], *examples: Any) -> Traced:
    """The first half of `trace`, in which f is called: what it raises is f's own error."""
    __tracebackhide__ = True
    abstract = jax.tree.map(_abstract, examples)
    if any(_is_key(leaf.dtype) for leaf in jax.tree.leaves(abstract)):
        f, abstract = _with_words(f, abstract)
    jaxpr, out_shape = jax.make_jaxpr(_anew(f), return_shape=True)(*abstract)
    return Traced(jaxpr, jax.tree.structure(examples), jax.tree.structure(out_shape))


def _anew(f: Callable[..., Any]) -> Callable[..., Any]:
    """f, as a function that JAX has not seen: of those that it has, it keeps the trace, whatever
    has changed since in what f refers to."""

    @functools.wraps(f, updated=())
    def called(*arguments: Any) -> Any:
        __tracebackhide__ = True
        return f(*arguments)

    return called


def _tracers_in(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple | list):
        for item in value:
            yield from _tracers_in(item)
    elif isinstance(value, _JAXPR_TYPES):
        consts = list(getattr(value, "consts", ()) or ())
        yield from (const for const in consts if isinstance(const, jax.core.Tracer))
        inner: Any = getattr(value, "jaxpr", value)
        for eqn in inner.eqns:
            yield from _tracers_in(list(eqn.params.values()))


def read(traced: Traced) -> Program:
    """The second half of `trace`: what it raises is a failure of this file."""
    program = _convert(traced.jaxpr)
    trees = traced.in_tree, traced.out_tree
    return Program(program.inputs, program.equations, program.outputs, *trees)


_MUTABLE: tuple[type, ...] = tuple(
    getattr(jax, name) for name in ("Ref", "ArrayRef") if isinstance(getattr(jax, name, 0), type)
)

# The names of JAX's key dtypes: the generators, and how many words of 32 bits their keys have.
GENERATORS = {
    "key<fry>": ("threefry2x32", 2),
    "key<rbg>": ("rbg", 4),
    "key<urbg>": ("unsafe_rbg", 4),
}


# Their meaning depends on `jax.threefry_partitionable`, which is no parameter of an equation but
# part of the context in which it was traced.
_DRAWS = frozenset(("random_bits", "random_split", "random_gamma"))


def is_mutable(value: Any) -> bool:
    """Whether a value is a mutable array, a `jax.Ref`."""
    return isinstance(value, _MUTABLE)


def _is_key(dtype: Any) -> bool:
    return bool(jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key))


def _with_words(f: Callable[..., Any], abstract: Any) -> tuple[Callable[..., Any], Any]:
    """f as a function of the words of its keys, and what the words look like."""
    names = jax.tree.map(lambda leaf: str(leaf.dtype) if _is_key(leaf.dtype) else "", abstract)

    def words(leaf: Any, name: str) -> Any:
        if not name:
            return leaf
        return jax.ShapeDtypeStruct((*leaf.shape, GENERATORS[name][1]), np.dtype(np.uint32))

    def wrapped(leaf: Any, name: str) -> Any:
        return jax.random.wrap_key_data(leaf, impl=GENERATORS[name][0]) if name else leaf

    def of_words(*arguments: Any) -> Any:
        return f(*jax.tree.map(wrapped, arguments, names))

    return of_words, jax.tree.map(words, abstract, names)


def _abstract(leaf: Any) -> jax.ShapeDtypeStruct:
    """What an example looks like. Numbers of Python, and arrays made of them, are weakly typed:
    they do not widen what they meet."""
    if hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
        dtype = leaf.dtype  # without 64-bit types, JAX would narrow it, from 0.12 on with a warning
        dtype = dtype if _is_key(dtype) else jax.dtypes.canonicalize_dtype(dtype)
        weak = bool(getattr(leaf, "weak_type", False))
        return jax.ShapeDtypeStruct(leaf.shape, dtype, weak_type=weak)
    array = jax.numpy.asarray(leaf)
    return jax.ShapeDtypeStruct(array.shape, array.dtype, weak_type=bool(array.weak_type))


def is_weak(example: Any) -> bool:
    """Whether an example's type gives way to those that it meets.

    >>> is_weak(3.0), is_weak(np.float32(3))
    (True, False)
    """
    return bool(_abstract(example).weak_type)


# The equation fields that hold a program are recognised by type, in either JAX.
_JAXPR_TYPES: tuple[type, ...] = tuple({jex.Jaxpr, jex.ClosedJaxpr})


def _convert(jaxpr: Any) -> Program:
    """A (closed) jaxpr as a Program."""
    inner = getattr(jaxpr, "jaxpr", jaxpr)
    consts = list(getattr(jaxpr, "consts", ()) or ())
    environment: dict[Any, Atom] = {}
    for var, value in zip(inner.constvars, consts, strict=False):
        environment[var] = Const(_concrete(value))
    inputs = tuple(_variable(v) for v in inner.invars)
    environment.update(zip(inner.invars, inputs, strict=True))
    equations: list[Equation] = []
    outputs = _walk(inner, environment, equations)
    return Program(inputs, tuple(equations), outputs)


def _name(primitive: Any) -> str:
    """Its name, if it is a primitive of JAX; others may have any name, and none of the rules."""
    # JAX imports some of its modules late.
    if id(primitive) in _of_jax(len(sys.modules)):
        return str(primitive.name)
    return f"{primitive.name} (not one of JAX's)"


@functools.lru_cache(maxsize=1)
def _of_jax(modules: int) -> frozenset[int]:
    """The identities of the primitives in JAX's modules, while so many modules are imported."""
    own = [m for name, m in list(sys.modules.items()) if name.partition(".")[0] == "jax"]
    values = (value for module in own for value in list(vars(module).values()))
    return frozenset(id(value) for value in values if issubclass(type(value), jex.Primitive))


def _walk(
    inner: Any, environment: dict[Any, Atom], equations: list[Equation], caller: str = ""
) -> tuple[Atom, ...]:
    """Appends the equations; `caller` is the user's line for those that carry none themselves."""

    def read(atom: Any) -> Atom:
        if isinstance(atom, jex.Literal):
            return Const(_concrete(atom.val, getattr(atom.aval, "dtype", None)))
        return environment[atom]

    for eqn in inner.eqns:
        name = _name(eqn.primitive)
        source = _source(eqn) or caller
        arguments = tuple(read(atom) for atom in eqn.invars)
        field = _WRAPPERS.get(name)
        if field is not None and field in eqn.params:
            results = _inline(eqn.params[field], arguments, equations, source)
            environment.update(zip(eqn.outvars, results, strict=True))
            continue
        if name == "platform_index":
            index = _platform_index(eqn.params["platforms"])
            environment[eqn.outvars[0]] = Const(np.asarray(index, np.int32))
            continue
        if eqn.params.get("branches_platforms") is not None:
            results = _inline(_branch(eqn), arguments[1:], equations, source)
            environment.update(zip(eqn.outvars, results, strict=True))
            continue
        outputs = tuple(_variable(v) for v in eqn.outvars)
        environment.update(zip(eqn.outvars, outputs, strict=True))
        params = {key: _parameter(value) for key, value in eqn.params.items()}
        drawn = eqn.ctx.threefry_partitionable if name in _DRAWS else None
        equations.append(
            Equation(name, arguments, outputs, params, source, eqn.primitive, eqn.params, drawn)
        )
    return tuple(read(atom) for atom in inner.outvars)


def _branch(eqn: Any) -> Any:
    """Of a choice by platform (`lax.platform_dependent`), the branch that this process runs."""
    return eqn.params["branches"][_platform_index(eqn.params["branches_platforms"])]


def _platform_index(platforms: Any) -> int:
    name = jax.default_backend()
    if name == "gpu":  # of these there are two kinds
        name = "rocm" if "rocm" in jax.devices()[0].client.platform_version else "cuda"
    for index, known in enumerate(platforms):
        if known is None or name in known:
            return index
    raise Unsupported(f"a choice by platform without a branch for {name}")


def _inline(
    jaxpr: Any, arguments: Sequence[Atom], equations: list[Equation], caller: str
) -> tuple[Atom, ...]:
    inner = getattr(jaxpr, "jaxpr", jaxpr)
    consts = [Const(_concrete(value)) for value in getattr(jaxpr, "consts", ()) or ()]
    # From JAX 0.11 on, an open program may carry its constants as leading arguments.
    missing = len(inner.invars) - len(arguments)
    environment: dict[Any, Atom] = dict(zip(inner.constvars, consts, strict=False))
    leading = consts[len(inner.constvars) :] if missing > 0 else []
    environment.update(zip(inner.invars, [*leading, *arguments], strict=True))
    return _walk(inner, environment, equations, caller)


def _variable(var: Any) -> Var:
    aval = var.aval
    return Var(
        tuple(getattr(aval, "shape", ())), getattr(aval, "dtype", None), hasattr(aval, "inner_aval")
    )


def _parameter(value: Any) -> Any:
    if isinstance(value, _JAXPR_TYPES):
        return _convert(value)
    if isinstance(value, tuple | list) and any(isinstance(item, _JAXPR_TYPES) for item in value):
        return tuple(_parameter(item) for item in value)
    return value


def _concrete(value: Any, dtype: Any = None) -> Any:
    if isinstance(value, jax.Array) and jax.dtypes.issubdtype(value.dtype, jax.dtypes.extended):
        return value
    if is_mutable(value):
        return value
    if getattr(value, "dtype", None) == jax.dtypes.float0:  # the tangent of an integer: nothing
        return np.zeros(np.shape(value), np.bool_)
    array = np.asarray(value, dtype=dtype if isinstance(dtype, np.dtype) else None)
    if array.dtype == object:  # an array that may change (`jax.new_ref`), say
        raise Unsupported(f"a constant that is no array, but {type(value).__name__}")
    return array


def _source(eqn: Any) -> str:
    """The innermost line outside JAX that made this equation."""
    traceback = getattr(eqn.source_info, "traceback", None)
    for frame in getattr(traceback, "frames", ()) or ():
        name = frame.file_name
        if name.startswith((_JAX_FOLDER, "<")) or os.path.dirname(name) == _OWN_FOLDER:
            continue
        return f"{os.path.basename(name)}:{frame.line_num} ({frame.function_name})"
    return ""


def call(program: Program, *arguments: Any, rules: bool = True) -> tuple[Any, ...]:
    """The program's outputs, by JAX: what `jax.jit(functools.partial(call, program))` compiles is
    what it compiles of the function that the program was traced from.

    Differentiated, it knows no custom rule but those in the bodies of loops and branches, and
    without ``rules`` not these either. ValueError where one cannot be taken out.

    >>> import functools
    >>> program = trace(lambda x: x * x, 3.0)
    >>> [float(y) for y in jax.jit(functools.partial(call, program))(3.0)]
    [9.0]
    """
    environment: dict[Var, Any] = dict(zip(program.inputs, arguments, strict=True))

    def read(atom: Atom) -> Any:
        return atom.value if isinstance(atom, Const) else environment[atom]

    for equation in program.equations:
        params = equation._bind_params if rules else _without_rules(equation)
        results = bind(equation, [read(atom) for atom in equation.inputs], params)
        environment.update(zip(equation.outputs, results, strict=True))
    return tuple(read(atom) for atom in program.outputs)


def bind(equation: Equation, values: Sequence[Any], params: Any = None) -> list[Any]:
    """One equation by JAX, on arrays or on what it traces with; with other parameters, if given."""
    primitive = equation._bind
    known = primitive.get_bind_params(equation._bind_params if params is None else params)
    functions, known = known if isinstance(known, tuple) else ((), known)
    if equation.partitionable is None:
        results = primitive.bind(*functions, *values, **known)
    else:
        with jax.threefry_partitionable(equation.partitionable):
            results = primitive.bind(*functions, *values, **known)
    return list(results) if primitive.multiple_results else [results]


# How to differentiate a primal program, where JAX was told; `custom_vjp` in reverse only.
_RULES = {
    "custom_jvp_call": "jvp",
    "custom_vjp_call": "vjp",
    "custom_vjp_call_jaxpr": "vjp",
    "linear_call": "transpose",
    "custom_transpose_call": "transpose",
    "custom_linear_solve": "transpose",
}
_BODIES = frozenset(("scan", "while", "cond"))  # whose bodies can be exchanged


def custom_rules(f: Callable[..., Any], *examples: Any) -> frozenset[str]:
    """The kinds of custom derivatives in f, those in loops and branches included: "jvp", "vjp",
    "transpose" (of what is said to be linear), and "zeros" where one of them asks what is
    differentiated.

    >>> import jax.numpy as jnp
    >>> sorted(custom_rules(lambda x: jax.nn.relu(x).sum(), jnp.ones(3)))
    ['jvp']
    """
    return _rules_in(jax.make_jaxpr(_anew(f))(*jax.tree.map(_abstract, examples)))


def _rules_in(value: Any) -> frozenset[str]:
    if isinstance(value, tuple | list):
        return frozenset().union(*map(_rules_in, value))
    if not isinstance(value, _JAXPR_TYPES):
        return frozenset()
    found: set[str] = set()
    inner: Any = getattr(value, "jaxpr", value)
    for eqn in inner.eqns:
        if _name(eqn.primitive) in _RULES:
            found.add(_RULES[_name(eqn.primitive)])
            found |= {"zeros"} if eqn.params.get("symbolic_zeros") else set()
        by_platform = eqn.params.get("branches_platforms") is not None
        for parameter in [_branch(eqn)] if by_platform else eqn.params.values():
            found |= _rules_in(parameter)
    return frozenset(found)


def _without_rules(equation: Equation) -> Any:
    """The parameters to bind, with bodies that know no custom rules."""
    if not any(_rules_in(value) for value in equation._bind_params.values()):
        return equation._bind_params
    if equation.primitive not in _BODIES:
        raise ValueError(f"a custom rule inside of {equation.primitive} at {equation.source}")
    params = dict(equation._bind_params)
    for key, value in equation.params.items():
        if isinstance(value, Program):
            params[key] = _jaxpr(value)
        elif isinstance(value, tuple) and any(isinstance(item, Program) for item in value):
            params[key] = tuple(map(_jaxpr, value))
    return params


def _jaxpr(program: Program) -> Any:
    arguments = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in program.inputs]
    return jax.make_jaxpr(lambda *values: call(program, *values, rules=False))(*arguments)


def run_with_jax(equation: Equation, values: Sequence[Any]) -> list[Any]:
    """One equation on concrete arrays, by JAX itself, on the CPU: for integers, keys and bits.

    Integer arithmetic, comparisons of integers and random bits are exact there, with JAX's own
    wrap-around, so their meaning need not be written a second time.
    """
    device = jax.local_devices(backend="cpu")[0]
    with jax.default_device(device), jax.ensure_compile_time_eval(), jax.enable_x64(True):
        arguments = [
            value if isinstance(value, jax.Array) else jax.device_put(np.asarray(value), device)
            for value in values
        ]
        results = bind(equation, arguments)
    return [
        r if jax.dtypes.issubdtype(r.dtype, jax.dtypes.extended) else np.asarray(r) for r in results
    ]
