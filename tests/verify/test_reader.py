"""One reader for all who read JAX's programs: what each of its options changes."""

from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend import core as jex
from jax.sharding import PartitionSpec

from verify.programs import (
    WITH_RULES,
    Const,
    Reading,
    Var,
    bind,
    call,
    make,
    make_as_given,
    over,
    read,
    reader,
    wrapped,
)
from verify.programs.errors import Unsupported

X = jnp.arange(4.0) - 1.5
W = jnp.array([2.0, 3.0, 5.0, 7.0])


def names(f, *examples, **options):
    program = read(make(f, *examples), Reading(**options))
    return [equation.primitive for equation in program.equations]


# -- what wraps ------------------------------------------------------------------------------------


@jax.custom_jvp
def told_forward(x):
    return jnp.sin(x) * 2


told_forward.defjvp(lambda primals, tangents: (told_forward(*primals), tangents[0]))


@jax.custom_vjp
def told_backward(x):
    return jnp.sin(x) * 2


told_backward.defvjp(lambda x: (told_backward(x), None), lambda _, ct: (ct,))


def on_a_mesh(x):
    mesh = jax.make_mesh((1,), ("i",), axis_types=(jax.sharding.AxisType.Auto,))
    specs = PartitionSpec("i")
    return jax.shard_map(
        lambda x: jnp.sin(x) * 2, mesh=mesh, in_specs=specs, out_specs=specs, check_vma=False
    )(x)


WRAPPED = {
    "jit": jax.jit(lambda x: jnp.sin(x) * 2),
    "checkpoint": jax.checkpoint(lambda x: jnp.sin(x) * 2),
    "custom_jvp": told_forward,
    "custom_vjp": told_backward,
    "shard_map": on_a_mesh,
}


@pytest.mark.parametrize("name", WRAPPED)
def test_what_wraps_a_program_is_that_program(name):
    assert names(WRAPPED[name], X, whole=frozenset()) == ["sin", "mul"]


@pytest.mark.parametrize("name", WRAPPED)
def test_a_wrapper_that_stays_whole_holds_the_program(name):
    f = WRAPPED[name]
    (primitive,) = names(f, X, whole=frozenset(reader.WRAPPERS))
    program = read(make(lambda x: f(x + 1), X), Reading(whole=frozenset((primitive,))))
    add, equation = program.equations
    assert (add.primitive, equation.primitive) == ("add", primitive)
    assert [e.primitive for e in wrapped(equation).equations] == ["sin", "mul"]
    assert wrapped(add) is None
    np.testing.assert_allclose(call(program, X)[0], np.sin(X + 1) * 2, rtol=1e-6)
    np.testing.assert_allclose(bind(equation, [X])[0], np.sin(X) * 2, rtol=1e-6)


def test_only_the_mesh_stays_whole_for_verify():
    for name, f in WRAPPED.items():
        assert names(f, X) == (["shard_map"] if name == "shard_map" else ["sin", "mul"])


def test_a_call_over_its_operands_is_in_the_variables_around_it():
    program = read(make(lambda x, y: told_forward(x) + y, X, X), Reading(whole=WITH_RULES))
    body = over(wrapped(program.equations[0]), program.equations[0].inputs)
    assert body.equations[0].inputs == (program.inputs[0],)
    assert body.outputs[0] is body.equations[1].outputs[0]
    with pytest.raises(ValueError, match="zip"):
        over(wrapped(program.equations[0]), ())


# -- platforms -------------------------------------------------------------------------------------


def by_platform(x):
    return lax.platform_dependent(x, cpu=lambda x: x * 2, cuda=jnp.exp, default=jnp.sin)


PLATFORMS = {None: "mul", "cpu": "mul", "cuda": "exp", "gpu": "exp", "rocm": "sin", "": "sin"}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_of_a_choice_by_platform_one_branch_is_read(platform):
    def in_a_loop(x):
        return lax.scan(lambda c, _: (by_platform(c), None), x, None, length=2)[0]

    assert names(by_platform, 1.0, platform=platform) == [PLATFORMS[platform]]
    program = read(make(in_a_loop, 1.0), Reading(platform=platform))
    assert PLATFORMS[platform] in program.primitives()
    assert not {"cond", "platform_index"} & program.primitives()


def test_a_choice_without_a_branch_is_an_error_of_both_kinds():
    traced = make(lambda x: lax.platform_dependent(x, cuda=jnp.exp, tpu=jnp.sin), 1.0)
    for kind in (Unsupported, ValueError):
        with pytest.raises(kind, match="without a branch for cpu"):
            read(traced, Reading(platform="cpu"))
    assert traced.platforms() == {"cuda", "tpu"}


# -- constants -------------------------------------------------------------------------------------


def closes(x):
    return jax.jit(lambda x: x * W)(x) + 2.0


def test_constants_are_numpys_or_those_that_are_held():
    def product(reading):
        equations = read(make(closes, X), reading).equations
        return next(e for e in equations if e.primitive == "mul").inputs[1]

    plain, held = product(Reading()), product(Reading(held=True))
    assert isinstance(plain.value, np.ndarray)
    assert held.value is W
    assert (plain.shape, plain.dtype) == (held.shape, held.dtype)


def test_literals_that_are_held_give_way_as_jaxs_do():
    f = partial(lax.max, 0.3)
    for held in (False, True):
        program = read(make(lambda: f(0.2)), Reading(held=held))
        (literal, _) = program.equations[0].inputs
        assert (literal.shape, literal.dtype) == ((), np.float32)
        again = jax.make_jaxpr(lambda p=program: call(p))()
        assert again.out_avals[0].weak_type is held


def test_a_value_that_is_being_traced_is_held():
    def outer(w):
        traced = make_as_given(lambda x: x * w, X)
        assert traced.captured is traced.closed[0]
        program = read(traced, Reading(held=True))
        return call(program, X)[0].sum()

    np.testing.assert_allclose(jax.grad(outer)(W), X)


def test_what_a_function_closes_over_can_be_an_input():
    traced = make(lambda x: x * W + jax.jit(lambda x: x - X)(x), X)
    program = read(traced, Reading(closed=True, held=True))
    assert [one is other for one, other in zip(traced.closed, (W,), strict=True)] == [True]
    assert len(program.inputs) == 2
    assert program.equations[0].inputs == program.inputs[::-1]
    # A program inside has its own as constants, and all that is held is told.
    assert isinstance(program.equations[1].inputs[1], Const)
    assert [id(value) for value in traced.held()] == [id(W), id(X)]
    np.testing.assert_allclose(call(program, 2 * W, X)[0], 2 * W * X)
    plain = read(traced)
    assert [len(plain.inputs), *map(type, plain.equations[0].inputs)] == [1, Var, Const]


def test_constants_may_be_leading_arguments():
    """JAX 0.11 has one class of programs, whose constants need no variables of their own."""
    jaxpr = jax.make_jaxpr(lambda x: x * W)(X)
    inner = jaxpr.jaxpr
    one = SimpleNamespace(
        constvars=[],
        invars=[*inner.constvars, *inner.invars],
        eqns=inner.eqns,
        outvars=inner.outvars,
        consts=jaxpr.consts,
    )
    program = reader._inside(one, Reading(held=True), arguments=1)
    assert len(program.inputs) == 1
    assert program.equations[0].inputs[1].value is W
    arguments, equations = (Const(np.asarray(X)),), []
    reader._inline(one, arguments, equations, Reading(held=True), "", None)
    assert [atom.value is W for atom in equations[0].inputs] == [False, True]


# -- where from ------------------------------------------------------------------------------------


def scoped(x):
    with jax.named_scope("outer"):

        @jax.jit
        def inner(x):
            with jax.named_scope("inner"):
                return jnp.sin(x)

        return inner(x)


def test_an_origin_knows_the_calls_around_it_and_the_lines():
    (equation,) = read(make(scoped, X), Reading(origins=True)).equations
    calls = list(equation.origin.outwards())
    assert [origin.scope for origin in calls] == ["inner", "outer"]
    functions = [f.function for f in calls[0].frames() if f.file == __file__]
    assert functions[:1] == ["scoped.<locals>.inner"]
    assert equation.source == str(next(f for f in calls[0].frames() if f.file == __file__))
    (plain,) = read(make(scoped, X)).equations
    assert plain.origin is None
    assert plain.source == equation.source


def test_what_stays_whole_is_still_in_its_calls():
    def f(x):
        with jax.named_scope("around"):
            return told_forward(x)

    (equation,) = read(make(f, X), Reading(whole=WITH_RULES, origins=True)).equations
    inside = wrapped(equation).equations[0]
    assert [origin.scope for origin in inside.origin.outwards()][-1] == "around"


# -- JAX -------------------------------------------------------------------------------------------


def test_the_table_names_the_parameter_that_jax_has():
    """Each wrapper that this JAX makes keeps its program where the table says."""
    for f in WRAPPED.values():
        (eqn,) = jax.make_jaxpr(f)(X).jaxpr.eqns
        field = reader.WRAPPERS[eqn.primitive.name]
        assert isinstance(eqn.params[field], reader.JAXPR_TYPES)


def test_a_primitive_of_someone_elses_is_no_wrapper():
    mine = jex.Primitive("jit")
    mine.def_abstract_eval(lambda x, **_: x)
    jaxpr = jax.make_jaxpr(jnp.sin)(X)
    assert names(lambda x: mine.bind(x, jaxpr=jaxpr), X) == ["jit (not one of JAX's)"]
