"""No false proof comes out of a wrong rule: the self-check names the equation instead.

Each fault is planted in a rule, with two programs that differ and agree under the fault. Without
the self-check they are "proved" equal (the test sees to that), with it never.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from verify.algebras.base import Unsupported
from verify.limits import budget
from verify.primitives import RULES
from verify.primitives.registry import flat_index
from verify.programs import trace
from verify.provers import accepting
from verify.trust import kinds, selfcheck
from verify.trust.reference import interpret

pytestmark = pytest.mark.unrecorded("what wrong rules prove is of no interest")


def of(*sizes, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(sizes, dtype)


X, N, N8 = of(3, 3), of(4, dtype=jnp.int32), of(4, dtype=jnp.int8)
V, M = of(4), of(4, dtype=jnp.bool_)


def unsorted_broadcast(right):
    """The order of the dimensions is ignored."""

    def rule(ctx, x, *_, shape, broadcast_dimensions, **__):
        index = flat_index(x)
        for axis in range(len(ctx.shape)):
            if axis not in broadcast_dimensions:
                index = np.expand_dims(index, axis)
        return ctx.algebra.pick([x], np.broadcast_to(index, ctx.shape))

    return rule


def changed(**parameters):
    """The right rule with parameters that are not those of the equation."""
    return lambda right: lambda ctx, *xs, **p: right(ctx, *xs, **{**p, **parameters})


def last_axis(right):
    return lambda ctx, x, axes, **p: right(
        ctx, x, axes=tuple(range(len(x.shape) - len(axes), len(x.shape))), **p
    )


def clipped(right):
    return lambda ctx, *xs, mode, **p: right(ctx, *xs, mode=jax.lax.GatherScatterMode.CLIP, **p)


def clamp_from_above(right):
    def rule(ctx, low, x, high):
        least = ctx.algebra.neg(ctx.algebra.maximum(ctx.algebra.neg(x), ctx.algebra.neg(high)))
        return ctx.algebra.maximum(least, low)

    return rule


def no_wrap(right):
    def rule(ctx, x, new_dtype, **p):
        narrower = new_dtype == np.int8 and x.dtype == np.int32
        return x if narrower else right(ctx, x, new_dtype=new_dtype, **p)

    return rule


def swapped(right):
    return lambda ctx, which, *cases: right(ctx, which, *cases[::-1])


def contracts_the_first(right):
    def rule(ctx, x, y, dimension_numbers, **p):
        (left, _), batch = dimension_numbers
        return right(ctx, x, y, dimension_numbers=((left, (0,)), batch), **p)

    return rule


def arithmetic(right):
    return RULES["shift_right_arithmetic"]


def without_sign(right):
    def rule(ctx, a, b):
        result = right(ctx, a, b)
        return ctx.algebra.maximum(result, ctx.algebra.neg(result))

    return rule


def last_of_ties(right):
    def rule(ctx, x, axes, index_dtype, **p):
        turned = ctx.algebra.pick([x], flat_index(x)[::-1].copy())
        place = right(ctx, turned, axes=axes, index_dtype=index_dtype, **p)
        last = ctx.fill(place.shape, x.shape[0] - 1, place.dtype)
        return ctx.algebra.sub(last, place)

    return rule


def pads_at_the_end(right):
    def rule(ctx, x, value, padding_config):
        moved = [(0, high + low, inside) for low, high, inside in padding_config]
        return right(ctx, x, value, padding_config=moved)

    return rule


def flips(right):
    def rule(ctx, x, kernel, **p):
        turned = ctx.algebra.pick([kernel], np.flip(flat_index(kernel), (2,)).copy())
        return right(ctx, x, turned, **p)

    return rule


def of_the_negative(right):
    return lambda ctx, x, **p: right(ctx, ctx.algebra.neg(x), **p)


def identity(right):
    return lambda ctx, x, **_: x


def convolve(x, k):
    return lax.conv_general_dilated(x[None, None], k[None, None], (1,), "VALID")[0, 0]


def by_hand(x, k):
    return sum(x[j : j + 3] * k[1 - j] for j in range(2))


FAULTS = {
    "broadcast_in_dim": (
        unsorted_broadcast,
        lambda y: lax.broadcast_in_dim(y, (2, 3, 3), (2, 1)),
        lambda y: jnp.broadcast_to(y, (2, 3, 3)),
        X,
    ),
    "transpose": (identity, lambda x: x.T * 2, lambda x: x * 2, X),
    "reduce_sum": (last_axis, lambda x: x.sum(0), lambda x: x @ jnp.ones(3), X),
    "cumsum": (
        changed(reverse=False),
        lambda x: lax.cumsum(x, reverse=True),
        lambda x: lax.cumsum(x),
        V,
    ),
    "gather": (
        clipped,
        lambda x, i: x.at[i].get(mode="fill", fill_value=0),
        lambda x, i: x.at[i].get(mode="clip"),
        V,
        N,
    ),
    "clamp": (
        clamp_from_above,
        lax.clamp,
        lambda a, x, b: jnp.maximum(jnp.minimum(x, b), a),
        V,
        V,
        V,
    ),
    "convert_element_type": (
        no_wrap,
        lambda n: n.astype(jnp.int8).astype(jnp.int32),
        lambda n: n,
        N,
    ),
    "select_n": (
        swapped,
        lambda m, x, y: jnp.where(m, x, y),
        lambda m, x, y: m * y + (1 - m) * x,
        M,
        V,
        V,
    ),
    "dot_general": (
        contracts_the_first,
        lambda x, y: lax.dot_general(x, y, (((1,), (1,)), ((), ()))),
        lambda x, y: x @ y,
        X,
        X,
    ),
    "argmin": (
        last_of_ties,
        lambda x: jnp.argmin(x),
        lambda x: 3 - jnp.argmax(-x[::-1]),
        V,
    ),
    "rev": (identity, lambda x: x[::-1] + 1, lambda x: x + 1, V),
    "pad": (
        pads_at_the_end,
        lambda x: lax.pad(x, 0.0, ((-1, 1, 0),)),
        lambda x: x * 1,
        V,
    ),
    "conv_general_dilated": (flips, convolve, by_hand, V, of(2)),
    "expm1": (of_the_negative, lambda x: jnp.expm1(x), lambda x: jnp.exp(-x) - 1, V),
    "neg": (identity, lambda n: -n, lambda n: n, N8),
}


# Where all is known, JAX works integers out: the search finds these, the self-check is not needed.
FOUND_BY_SEARCH = {
    "shift_right_logical": (
        arithmetic,
        lambda a: lax.shift_right_logical(a, 1),
        lambda a: lax.shift_right_arithmetic(a, 1),
        N,
    ),
    "rem": (
        without_sign,
        lambda a, b: lax.rem(a, b),
        lambda a, b: jnp.abs(lax.rem(a, b)),
        N,
        N,
    ),
}


@pytest.fixture(autouse=True)
def fresh_memory():
    selfcheck.MEMORY.forget()
    yield
    selfcheck.MEMORY.forget()


def believing(monkeypatch):
    """The ladder without the self-check."""
    monkeypatch.setattr(accepting, "trusted", lambda question, verdict: verdict)


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_rule_proves_nothing_false(monkeypatch, name):
    spoil, f, g, *examples = FAULTS[name]
    monkeypatch.setitem(RULES, name, spoil(RULES[name]))
    with monkeypatch.context() as patch:
        believing(patch)
        believed = verify.equivalent(f, g, *examples, seed=1, seconds=10)
    assert believed.status == "proved", "the fault is not one that a proof could rest on"
    verdict = verify.equivalent(f, g, *examples, seed=1, seconds=10)
    assert verdict.status == "unknown", verdict
    assert f"verify reads {name}" in verdict.reason
    assert "report it" in verdict.reason


@pytest.mark.parametrize("name", FOUND_BY_SEARCH)
def test_a_wrong_rule_of_integers_is_found_by_the_search_and_by_the_self_check(monkeypatch, name):
    spoil, f, g, *examples = FOUND_BY_SEARCH[name]
    monkeypatch.setitem(RULES, name, spoil(RULES[name]))
    assert verify.equivalent(f, g, *examples, seed=1, seconds=10).status == "refuted"
    program = trace(f, *examples)
    assert f"verify reads {name}" in selfcheck.disagreement(
        program, program, np.random.default_rng(0)
    )


def test_the_right_rules_prove_again_after_a_wrong_one(monkeypatch):
    spoil, f, _, *examples = FAULTS["rev"]
    g = lambda x: f(1 * x)  # noqa: E731 (another program: f against itself asks no rule)
    with monkeypatch.context() as patch:
        patch.setitem(RULES, "rev", spoil(RULES["rev"]))
        assert verify.equivalent(f, g, *examples).status == "unknown"
    assert verify.equivalent(f, g, *examples)


def test_a_wrong_rule_in_the_body_of_a_loop_is_found(monkeypatch):
    monkeypatch.setitem(RULES, "rev", identity(RULES["rev"]))
    body = lambda turn: lambda x: lax.fori_loop(0, 3, lambda i, c: turn(c) + 1, x)  # noqa: E731
    verdict = verify.equivalent(body(lambda c: c[::-1]), body(lambda c: c), V)
    assert verdict.status == "unknown"
    assert "verify reads rev" in verdict.reason


def test_a_large_equation_has_a_small_one_of_its_kind():
    program = trace(lambda x: x.transpose(2, 0, 1), of(300, 200, 40))
    (equation,) = program.equations
    assert selfcheck.work(equation) > selfcheck._MOST_WORK
    stand_in = kinds.small(equation)
    assert stand_in.inputs[0].shape == (3, 4, 5)
    assert stand_in.outputs[0].shape == (5, 3, 4)
    assert kinds.kind(stand_in) == kinds.kind(equation)


LARGE = {
    "dot_general": (lambda x, y: jnp.einsum("bij,bkj->bik", x, y), of(9, 90, 80), of(9, 70, 80)),
    "conv_general_dilated": (
        lambda x, k: lax.conv_general_dilated(
            x,
            k,
            (2, 1),
            "SAME",
            rhs_dilation=(1, 2),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=8,
        ),
        of(4, 60, 50, 16),
        of(5, 5, 2, 32),
    ),
    "reduce_window_max": (
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME"),
        of(4, 60, 50, 16),
    ),
    "slice": (lambda x: x[10:190:2, 5:], of(200, 300)),
    "pad": (lambda x: lax.pad(x, 0.0, ((5, -2, 0), (0, 9, 3))), of(200, 300)),
    "concatenate": (lambda x: jnp.concatenate([x, x, x], 1), of(100, 100)),
    "broadcast_in_dim": (lambda x: lax.broadcast_in_dim(x, (50, 60, 90), (2, 1)), of(90, 60)),
    "reduce_max": (lambda x: x.max((0, 2)), of(40, 30, 20)),
    "cumprod": (lambda x: jnp.cumprod(x, 1), of(100, 100)),
    "sort": (lambda x: lax.sort((x, x), dimension=0, num_keys=2), of(100, 100)),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_equations_are_compared_by_small_ones(monkeypatch, name):
    f, *examples = LARGE[name]
    program = trace(f, *examples)
    (equation,) = [e for e in program.equations if e.primitive == name]
    assert selfcheck.work(equation) > selfcheck._MOST_WORK
    rng = np.random.default_rng(0)
    assert len(selfcheck._cases(equation, rng)) >= 2
    assert selfcheck.disagreement(program, program, rng) is None
    monkeypatch.setitem(RULES, name, lambda ctx, *xs, **_: ctx.fill(ctx.shape, 7, ctx.dtype))
    assert f"verify reads {name}" in selfcheck.disagreement(program, program, rng)


def test_kinds_are_compared_once(monkeypatch):
    program = trace(lambda x: jnp.exp(x[::-1]) + 1, of(5))
    rng = np.random.default_rng(0)
    asked = []
    compare = selfcheck.by_jax
    monkeypatch.setattr(selfcheck, "by_jax", lambda cases: asked.extend(cases) or compare(cases))
    selfcheck.disagreement(program, program, rng)
    assert {e.primitive for e, _ in asked} == {"rev", "exp", "add", "the whole program"}
    asked.clear()
    other = trace(lambda x: jnp.exp(x[::-1]) + 3, of(5))
    selfcheck.disagreement(program, other, rng)
    assert not asked
    selfcheck.disagreement(program, trace(lambda x: x.astype(jnp.bfloat16), of(5)), rng)
    assert {e.primitive for e, _ in asked} == {"convert_element_type", "the whole program"}


def test_the_budget_is_a_number_of_kinds():
    program = trace(lambda x: (x + 1, x * 2, x - 3, jnp.exp(x)), of(5))
    selfcheck.disagreement(program, program, np.random.default_rng(0), most=2)
    assert len(selfcheck.MEMORY.known) == 2


def test_the_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(selfcheck, "_REMEMBERED", 3)
    for number in range(9):
        selfcheck.MEMORY.add(number, "")
    assert list(selfcheck.MEMORY.known) == [6, 7, 8]


def test_programs_are_run_as_a_whole(monkeypatch):
    """A wrong order of equations, say, is no fault of a rule."""
    program = trace(lambda x: x * 2 - 1, of(5))
    rng = np.random.default_rng(0)
    assert selfcheck.disagreement(program, program, rng) is None
    evaluate = selfcheck.evaluate

    def wrong(program, algebra, inputs):
        return [algebra.neg(y) for y in evaluate(program, algebra, inputs)]

    monkeypatch.setattr(selfcheck, "evaluate", wrong)
    assert selfcheck.disagreement(program, program, rng) is None  # known
    selfcheck.MEMORY.forget()
    assert "the whole program" in selfcheck.disagreement(program, program, rng)


def test_derivatives_are_checked_too(monkeypatch):
    @jax.custom_jvp
    def turned(x):
        return x[::-1]

    @turned.defjvp
    def _(primals, tangents):
        return turned(*primals), tangents[0]

    monkeypatch.setitem(RULES, "rev", identity(RULES["rev"]))
    verdict = verify.derivatives(turned, of(4))
    assert verdict.status == "unknown"
    assert "verify reads rev" in verdict.reason


def test_what_is_wrong_with_a_program_as_a_whole_is_found_again(monkeypatch):
    """Nobody knows which equation is to blame, so that none of them is taken to be right."""
    program = trace(lambda x: jnp.cos(x) + 1, of(3))
    rng = np.random.default_rng(0)
    found = iter(["wrong", None, "wrong", None, None, None])
    selfcheck.MEMORY.forget()
    monkeypatch.setattr(selfcheck, "_whole", lambda *_: next(found))
    answers = [selfcheck.disagreement(program, program, rng) for _ in range(2)]
    monkeypatch.undo()
    assert answers == ["wrong", "wrong"]
    assert selfcheck.disagreement(program, program, rng) is None


def test_a_comparison_that_is_cut_short_is_made_again(monkeypatch):
    def over(*_):
        raise budget.OutOfTime("over")

    program = trace(lambda x: jnp.sin(x) * 2, of(3))
    rng = np.random.default_rng(0)
    selfcheck.MEMORY.forget()
    monkeypatch.setattr(selfcheck, "by_jax", over)
    with pytest.raises(budget.OutOfTime):
        selfcheck.disagreement(program, program, rng)
    monkeypatch.undo()
    monkeypatch.setattr(selfcheck, "_whole", lambda *_: "asked")
    assert selfcheck.disagreement(program, program, rng) == "asked"


WIDENED = {
    "convolution in 16 bits": (jnp.int8, jnp.int16),
    "convolution in 32 bits": (jnp.int8, jnp.int32),
    "convolution of unsigned ones": (jnp.uint8, jnp.uint32),
    "convolution in floats": (jnp.int8, jnp.float32),
    "convolution of unsigned ones in floats": (jnp.uint8, jnp.float32),
    "convolution of 16 bits in floats": (jnp.int16, jnp.float32),
    "convolution of truth values": (jnp.bool_, jnp.int32),
    "convolution of truth values in floats": (jnp.bool_, jnp.float32),
}


@pytest.mark.parametrize("name", WIDENED)
def test_narrow_integers_are_summed_as_wide_numbers(name):
    narrow, wide = WIDENED[name]
    selfcheck.MEMORY.forget()

    def conv(x, w, dtype=None):
        y = lax.conv_general_dilated(x, w, (1,), "VALID", preferred_element_type=dtype)
        return y.astype(wide)

    example = of(1, 1, 4, dtype=narrow), of(1, 1, 2, dtype=narrow)
    converted = verify.equivalent(
        lambda x, w: conv(x, w, wide), lambda x, w: conv(x.astype(wide), w.astype(wide)), *example
    )
    assert converted.status == "proved", converted
    assert verify.equivalent(lambda x, w: conv(x, w, wide), conv, *example).status == "refuted"


@pytest.mark.parametrize("index", [jnp.uint8, jnp.uint16, jnp.uint32])
@pytest.mark.parametrize("name", ["read", "write", "read in a loop", "gathered"])
def test_unsigned_positions_are_clamped_to_the_end(name, index):
    def read(x, i):
        return lax.dynamic_slice(x, (i,), (2,))

    def write(x, i):
        return lax.dynamic_update_slice(x, x[:2] + 1, (i,))

    def in_a_loop(x, i):
        return lax.scan(lambda total, _: (total + read(x, i), None), x[:2], None, 2)[0]

    def gather(x, i):
        numbers = lax.GatherDimensionNumbers((0,), (), (0,))
        return lax.gather(x, i.reshape(1), numbers, (2,), mode=lax.GatherScatterMode.CLIP)

    ways = {"read": read, "write": write, "read in a loop": in_a_loop, "gathered": gather}
    f = ways[name]
    selfcheck.MEMORY.forget()
    wide = verify.equivalent(
        f, lambda x, i: f(x, jnp.minimum(i, 3).astype(jnp.int32)), of(4), of(dtype=index)
    )
    assert wide.status == "proved", wide
    cut = verify.equivalent(f, lambda x, i: f(x, i.astype(jnp.int32) - 256), of(4), of(dtype=index))
    assert cut.status == "refuted", cut


BEYOND = {
    "a power": (lambda x: lax.integer_pow(x, 9), lambda x: lax.integer_pow(x, 8) * x),
    "a product": (lambda x: lax.reduce_prod(x, (0,)), lambda x: lax.reduce_prod(x[::-1], (0,))),
    "powers beyond any bound": (
        lambda x: lax.integer_pow(x, 40),
        lambda x: lax.integer_pow(lax.integer_pow(x, 20), 2),
    ),
}


@pytest.mark.parametrize("dtype", [jnp.int32, jnp.uint32])
@pytest.mark.parametrize("name", BEYOND)
def test_integers_beyond_the_product_of_the_primes_are_no_fault(name, dtype):
    f, g = BEYOND[name]
    selfcheck.MEMORY.forget()
    verdict = verify.equivalent(f, g, of(7, dtype=dtype))
    assert verdict.status == "proved", verdict
    other = verify.equivalent(f, lambda x: g(x) + 1, of(7, dtype=dtype))
    assert other.status == "refuted", other


def test_parts_of_complex_numbers_stay_apart_in_the_reference():
    """1j * inf is nan + inf j: a real part made so accuses the right rule, and is remembered."""
    parts = np.float32([-1, 1.5, np.inf, 0]), np.float32([np.nan, np.inf, 2, -np.inf])
    (whole,) = interpret(lambda re, im: [lax.complex(re, im)], parts)
    assert np.array_equal(whole.real, parts[0])
    assert np.array_equal(whole.imag, parts[1], equal_nan=True)


def test_a_scatter_writes_into_no_operand_that_is_read_later():
    """The interpreter does: by its account x.at[0].set(9) changes x itself."""
    x = np.float32([1, 2, 3])
    assert interpret(lambda x: x.at[0].set(9.0), [x])[0].tolist() == [9, 2, 3]
    with pytest.raises(Unsupported, match="used elsewhere"):
        interpret(lambda x: (x.at[0].set(9.0), -x), [x])
    selfcheck.MEMORY.forget()
    verdict = verify.equivalent(
        lambda x: x.at[0].set(0.0) - x,
        lambda x: jnp.where(jnp.arange(3) == 0, -x, 0.0),
        of(3),
    )
    assert verdict.status == "proved", verdict


def test_what_a_format_without_infinities_cannot_hold_is_no_fault():
    def narrow(x):
        return x.astype(jnp.float8_e4m3fn).astype(jnp.float32)

    assert verify.equivalent(narrow, lambda x: x, of()).status == "proved"


def test_wide_integers_are_numbered():
    with jax.enable_x64(True):
        for dtype in (jnp.int64, jnp.uint64):
            x = jax.ShapeDtypeStruct((3,), dtype)
            verdict = verify.equivalent(jnp.sum, lambda x: x[0] + x[1] + x[2], x)
            assert verdict.status == "proved"
