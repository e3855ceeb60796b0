"""Programs at which rules used to fail: a verdict, never an exception, and the right one."""

import warnings

import jax
import jax.experimental
import jax.numpy as jnp
import jax.scipy.optimize
import numpy as np
import pytest
from jax import lax
from jax.experimental.ode import odeint

from verify import dependence, equivalent, faithful


def s(*shape, dtype=np.float32):
    return jax.ShapeDtypeStruct(shape, dtype)


BOOLS = s(4, dtype=np.bool_)
TRUTHS = {
    "max is any": (lambda x: lax.reduce_max(x, (0,)), lambda x: x.any()),
    "min is all": (lambda x: lax.reduce_min(x, (0,)), lambda x: x.all()),
    "maximum is or": (lambda x: lax.max(x, x[::-1]), lambda x: x | x[::-1]),
    "minimum is and": (lambda x: lax.min(x, x[::-1]), lambda x: x & x[::-1]),
    "clamp": (lambda x: lax.clamp(x[0], x, x[1]), lambda x: (x | x[0]) & x[1]),
    "clamp between all": (lambda x: lax.clamp(x[::-1], x, x), lambda x: x),
    "argmax is the first": (lambda x: x[jnp.argmax(x)], lambda x: x.any()),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_truth_values_have_an_order(name: str) -> None:
    f, g = TRUTHS[name]
    assert equivalent(f, g, BOOLS).status == "proved"


@pytest.mark.parametrize("name", [n for n in TRUTHS if n != "clamp between all"])
def test_another_truth_value_is_refuted(name: str) -> None:
    f, g = TRUTHS[name]
    assert equivalent(f, lambda x: ~g(x), BOOLS).status == "refuted"
    assert equivalent(f, lambda x: g(x) ^ x[2], BOOLS).status == "refuted"


CONJUGATES = {
    "log": jnp.log,
    "sqrt": jnp.sqrt,
    "log of the square": lambda z: jnp.log(z * z),
    "log of the negative": lambda z: jnp.log(-z),
    "angle": lambda z: jnp.arctan2(z.imag, z.real) + 0j,
}


@pytest.mark.parametrize("name", CONJUGATES)
def test_a_function_of_the_conjugate_is_explained(name: str) -> None:
    """They agree but for the cut, where zeros have signs: no proof, and no exception."""
    f = CONJUGATES[name]
    verdict = equivalent(lambda z: f(z.conj()), lambda z: f(z).conj(), s(2, dtype=np.complex64))
    assert verdict.status != "proved"
    assert str(verdict)


C = np.array([2.0, 0.0, 3.0], np.float32)
DIVISIONS = {
    "selected": lambda x: jnp.where(C > 0, x / C, 0),
    "of a sum": lambda x: jnp.where(C > 0, (x + 1) / C + x, 0),
    "in a row": lambda x: jnp.where(C > 0, x / C / C, 0),
    "of a product": lambda x: jnp.where(C > 0, x * x / C, 0),
    "by a constant product": lambda x: jnp.where(C > 0, x / (C * jnp.asarray(C)), 0),
}


@pytest.mark.parametrize("name", DIVISIONS)
def test_a_constant_divisor_may_hold_zeros(name: str) -> None:
    assert faithful(DIVISIONS[name], s(3), seed=0).status == "proved"


def test_what_is_divided_by_zero_has_no_bound() -> None:
    assert faithful(lambda x: x / C, s(3)).status == "unknown"


# -- mutable arrays --------------------------------------------------------------------------------

REF = jax.new_ref(jnp.ones(2))


def _inside(x):
    ref = jax.new_ref(jnp.zeros(2))
    ref[...] = x
    ref[0] += 1
    return ref[...]


def _in_a_loop(x):
    ref = jax.new_ref(jnp.zeros(2))

    def body(i, carry):
        ref[...] = ref[...] + x
        return carry

    lax.fori_loop(0, 3, body, 0)
    return ref[...]


def _in_a_branch(x):
    ref = jax.new_ref(jnp.zeros(2))
    lax.cond(x[0] > 0, lambda: ref.__setitem__(0, 1.0), lambda: None)
    return ref[...]


def _written(x):
    REF[...] = x
    return x


MUTABLE = {
    "closed over": lambda x: x + REF[...],
    "written": _written,
    "made inside": _inside,
    "in a loop": _in_a_loop,
    "in a branch": _in_a_branch,
}


@pytest.mark.parametrize("name", MUTABLE)
def test_mutable_arrays_are_unknown_with_their_line(name: str) -> None:
    f = MUTABLE[name]
    verdict = equivalent(f, lambda x: f(x) + 0, s(2))
    assert verdict.status == "unknown"
    assert "ref" in verdict.reason
    assert "test_crashes_in_rules.py" in verdict.reason


@pytest.mark.parametrize("name", MUTABLE)
def test_what_went_through_a_mutable_array_depends_on_everything(name: str) -> None:
    (seen,) = dependence(MUTABLE[name], np.ones(2, np.float32)).inputs_of((1,))
    assert seen.all()


# -- 64-bit types and warnings ------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint64", "float64"])
def test_no_warning_becomes_an_exception(dtype: str) -> None:
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("error")
        x = s(3, dtype=np.dtype(dtype))
        given = equivalent(lambda x, n: x * n + x, lambda x, n: x * (n + 1), x, 2)
        fixed = equivalent(lambda x: x * 2 + x, lambda x: x * 3, x)
        wrong = equivalent(lambda x: x * 2 + x, lambda x: x * 4, x)
    assert given.status in ("proved", "refuted")
    assert (fixed.status, wrong.status) == ("proved", "refuted")


def test_parts_of_a_complex_infinity_stay_apart() -> None:
    constant = np.array([1 + 2j, complex(-np.inf, 3), complex(2, np.inf)], np.complex64)
    pairs = (
        equivalent(lambda x: jnp.real(jnp.asarray(constant)) * 0 + x, lambda x: x, s(3)),
        equivalent(lambda x: x + jnp.asarray(constant).imag[:2].sum(), lambda x: x + 5, s(3)),
    )
    assert pairs[1].status == "proved"


# -- solvers ------------------------------------------------------------------------------

A = np.array([[4.0, 1], [1, 3]], np.float32)


def _solve(a, b):
    return lax.custom_linear_solve(lambda v: a @ v, b, lambda mv, v: jnp.linalg.solve(a, v))


def _root(b):
    return lax.custom_root(
        lambda x: x * x - b,
        jnp.ones_like(b),
        lambda f, x: x - f(x) / 2,
        lambda g, y: y / g(1.0 + 0 * y),
    )


SOLVERS = {
    "custom_linear_solve": (_solve, s(2, 2), s(2)),
    "custom_root": (_root, s(2)),
    "cg": (lambda b: jax.scipy.sparse.linalg.cg(lambda v: A @ v, b, maxiter=3)[0], s(2)),
    "gmres": (lambda b: jax.scipy.sparse.linalg.gmres(lambda v: A @ v, b, maxiter=2)[0], s(2)),
    "bicgstab": (lambda b: jax.scipy.sparse.linalg.bicgstab(lambda v: A @ v, b)[0], s(2)),
    "minimize": (
        lambda b: (
            jax.scipy.optimize.minimize(
                lambda v: ((v - 1) ** 2).sum(), b, method="BFGS", options={"maxiter": 2}
            ).x
        ),
        s(2),
    ),
    "odeint": (
        lambda b: odeint(lambda y, t: -y, b, jnp.linspace(0.0, 1.0, 3)),
        s(2),
    ),
}


@pytest.mark.parametrize("name", SOLVERS)
def test_programs_of_solvers_are_read(name: str) -> None:
    """What cannot be proved of them is unknown, with primitive and line."""
    f, *examples = SOLVERS[name]
    verdict = equivalent(f, lambda *xs: f(*xs), *examples, seconds=5)
    assert verdict.status in ("proved", "unknown")
    if verdict.status == "unknown":
        assert "test_crashes_in_rules.py" in verdict.reason


@pytest.mark.parametrize("name", ["custom_linear_solve", "custom_root"])
def test_another_solver_is_not_proved(name: str) -> None:
    f, *examples = SOLVERS[name]
    assert equivalent(f, lambda *xs: 2 * f(*xs), *examples, seconds=5).status != "proved"


KEYS = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 3))
PLACE = s(dtype=np.int32)


def bits(keys):
    return jax.random.key_data(keys)


def key_of(words):
    return jax.random.wrap_key_data(words)


PICKED_KEYS = {
    "an index": (
        lambda k, i: bits(k[i]),
        lambda k, i: bits(k)[i],
        lambda k, i: bits(k[::-1])[i],
    ),
    "a slice": (
        lambda k, i: bits(lax.dynamic_slice(k, (i,), (2,))),
        lambda k, i: lax.dynamic_slice(bits(k), (i, 0), (2, 2)),
        lambda k, i: lax.dynamic_slice(bits(k), (i, 0), (2, 2))[:, ::-1],
    ),
    "several indices": (
        lambda k, i: bits(k[jnp.stack([jnp.clip(i, 0, 2), 0])]),
        lambda k, i: jnp.stack([bits(k)[jnp.clip(i, 0, 2)], bits(k)[0]]),
        lambda k, i: jnp.stack([bits(k)[0], bits(k)[jnp.clip(i, 0, 2)]]),
    ),
    "a draw": (
        lambda k, i: jax.random.bits(k[i], (2,)),
        lambda k, i: jax.random.bits(key_of(bits(k)[i]), (2,)),
        lambda k, i: jax.random.bits(key_of(bits(k)[jnp.clip(i, 0, 1)]), (2,)),
    ),
}


@pytest.mark.parametrize("name", PICKED_KEYS)
def test_keys_are_read_where_the_inputs_say(name: str) -> None:
    f, g, other = PICKED_KEYS[name]
    assert equivalent(f, g, KEYS, PLACE).status == "proved"
    assert equivalent(f, other, KEYS, PLACE).status == "refuted"


def called(n):
    raise AssertionError("a function of the user's was called")


WHOLE = s(dtype=np.int32)
# Of whole numbers that are known: nothing of it is compiled, or called, in this process.
FOLDED = {
    "a window that is cut": lambda: lax.reduce_window(
        lax.iota(np.int32, 3), 0, lax.add, (1,), (1,), ((-1, 0),)
    ).sum(),
    "a maximum in one": lambda: (
        lax.reduce_window(jnp.arange(3), -5, lax.max, (1,), (1,), ((-1, 0),))[-1] + 1
    ),
    "behind a negative padding": lambda: lax.reduce_window(
        lax.pad(jnp.arange(3), 0, ((-1, 0, 0),)), 0, lax.add, (1,), (1,), "VALID"
    ).sum(),
    "in a loop": lambda: lax.fori_loop(
        0,
        1,
        lambda i, c: c + lax.reduce_window(jnp.arange(3), 0, lax.add, (1,), (1,), ((-1, 0),)).sum(),
        0,
    ),
    "in a branch": lambda: lax.cond(
        jnp.arange(2)[1] > 0,
        lambda: lax.reduce_window(jnp.arange(3), 0, lax.add, (1,), (1,), ((-1, 0),)).sum(),
        lambda: 0,
    ),
}
CALLBACKS = {
    "pure": lambda: jax.pure_callback(called, WHOLE, np.int32(2)),
    "ordered": lambda: jax.experimental.io_callback(called, WHOLE, np.int32(2), ordered=True),
}


@pytest.mark.parametrize("name", FOLDED)
def test_constants_that_xla_aborts_on_are_worked_out_by_rules(name: str) -> None:
    constant = FOLDED[name]
    found = equivalent(lambda x: x + constant(), lambda x: x + 3, s())
    assert found.status == "proved"


@pytest.mark.parametrize("name", CALLBACKS)
def test_callbacks_of_constants_are_not_called(name: str) -> None:
    constant = CALLBACKS[name]
    found = equivalent(lambda x: x + constant(), lambda x: x + 3, s())
    assert found.status == "unknown"
    assert "callback" in found.reason


@pytest.mark.parametrize("f", [jnp.sort, lambda z: jnp.sort(z)[::-1]])
def test_complex_numbers_have_no_order(f) -> None:
    found = equivalent(f, lambda z: f(1 * z), s(4, dtype=np.complex64), seconds=2)
    assert found.status == "unknown"
    assert "complex numbers" in found.reason


def times(x, c, k):
    for _ in range(k):
        x = x * c
    return x


LONG_NUMBERS = {
    "a model beyond floats": (
        lambda x: jnp.where(times(x, 1e-38, 10) > 1, 1.0, 0.0),
        lambda x: 0.0 * x,
    ),
    "a remainder beyond floats": (
        lambda x: jnp.mod(times(x, 1e-38, 10), 1.0),
        lambda x: times(x, 1e-38, 10),
    ),
    "a number of thousands of digits": (
        lambda x: lax.fori_loop(0, 700, lambda i, c: c * np.float32(np.pi), x),
        lambda x: lax.fori_loop(0, 350, lambda i, c: c * np.float32(np.pi**2), x),
    ),
}


@pytest.mark.parametrize("name", LONG_NUMBERS)
def test_numbers_that_no_float_holds_have_an_answer(name: str) -> None:
    found = equivalent(*LONG_NUMBERS[name], s(), seconds=20)
    assert found.status in ("unknown", "refuted")
    assert "itself failed" not in found.reason
