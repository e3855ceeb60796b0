"""Facts of the catalogue of primitives, compared with what JAX computes, and with the rules."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.verify.registered import JAX
from verify.algebras.numeric import Numeric
from verify.evaluate import evaluate
from verify.programs import trace
from verify.programs.catalogue import Fact, having, row

# -- facts by JAX ---------------------------------------------------------------------------------

_FLOATS = np.array([-1e3, -2.5, -1.5, -0.75, -0.5, 0.0, 0.25, 0.5, 0.6, 0.875, 1.0, 2.0, 3.5, 80.0])
_PARAMETERS: dict[str, dict[str, Any]] = {
    **{name: {"accuracy": None} for name in ("sin", "cos", "exp2", "logistic")},
    "integer_pow": {"y": 3},
    "round": {"rounding_method": jax.lax.RoundingMethod.AWAY_FROM_ZERO},
    "reduce_precision": {"exponent_bits": 5, "mantissa_bits": 10},
    "convert_element_type": {"new_dtype": np.float64, "weak_type": False, "sharding": None},
    "name": {"name": "x"},
    "reduce_sum": {"axes": (0,), "out_sharding": None},
    "reduce_prod": {"axes": (0,)},
    "reduce_max": {"axes": (0,), "out_sharding": None},
    "reduce_min": {"axes": (0,), "out_sharding": None},
    "reshape": {"new_sizes": (2, 6), "dimensions": None, "sharding": None},
    "transpose": {"permutation": (1, 0)},
    "rev": {"dimensions": (1,)},
    "tile": {"reps": (2, 1)},
    "slice": {"start_indices": (0, 1), "limit_indices": (3, 3), "strides": (1, 2)},
    "split": {"sizes": (1, 3), "axis": 1},
    "unstack": {"axis": 0},
    "copy": {},
    "stop_gradient": {},
    "broadcast_in_dim": {
        "shape": (2, 3, 4),
        "broadcast_dimensions": (1, 2),
        "sharding": None,
    },
    "cumsum": {"axis": 0, "reverse": False},
    "cumprod": {"axis": 0, "reverse": False},
    "cummax": {"axis": 0, "reverse": False},
    "cummin": {"axis": 0, "reverse": False},
    "sort": {"dimension": 1, "is_stable": True, "num_keys": 1},
}
# Of integers: all others are given floats.
_INTEGERS = """
and or xor not clz mulhi shift_left shift_right_logical shift_right_arithmetic population_count
"""
_OF_INTEGERS = frozenset(_INTEGERS.split())
# By whoever has keys, types of arrays, or complex numbers: not asked here.
_NOT_ASKED = frozenset({"threefry2x32", "complex", "real", "imag", "conj"})


def _run(name: str, *operands: Any) -> np.ndarray:
    with jax.enable_x64(True):
        found = JAX[name].bind(*map(jnp.asarray, operands), **_PARAMETERS.get(name, {}))
    return np.asarray(found[0] if JAX[name].multiple_results else found)


def _unary(fact: Fact) -> list[str]:
    """The functions of one operand with this fact, where it is about numbers in general."""
    names = having(fact, Fact.ELEMENTWISE) & set(JAX) - _NOT_ASKED - having(Fact.CASTS)
    return sorted(name for name in names if _count(name) == 1)


_TWO_OPERANDS = """
add add_any sub mul div rem pow max min atan2 eq ne lt le gt ge eq_to lt_to le_to nextafter igamma
igammac igamma_grad_a zeta polygamma and or xor mulhi shift_left shift_right_logical
shift_right_arithmetic
"""
_BINARY = frozenset(_TWO_OPERANDS.split())


def _count(name: str) -> int:
    ternary = ("clamp", "select_n", "regularized_incomplete_beta")
    return 3 if name in ternary else 2 if name in _BINARY else 1


def _numbers(name: str) -> np.ndarray:
    return np.arange(-7, 7) * 12345 if name in _OF_INTEGERS else _FLOATS


def _same(a: np.ndarray, b: np.ndarray) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-13)


@pytest.mark.parametrize("name", _unary(Fact.ODD))
def test_odd_functions_are_odd(name):
    _same(_run(name, -_FLOATS), -_run(name, _FLOATS))


@pytest.mark.parametrize("name", _unary(Fact.EVEN))
def test_even_functions_are_even(name):
    _same(_run(name, -_FLOATS), _run(name, _FLOATS))


_MAYBE_ODD = having(Fact.ODD) | having(Fact.MOVES) | {"integer_pow"}  # as its parameter is


@pytest.mark.parametrize("name", sorted(set(_unary(Fact.NONE)) - _MAYBE_ODD - _OF_INTEGERS))
def test_what_is_not_called_odd_is_not_odd(name):
    there, here = _run(name, -_FLOATS), _run(name, _FLOATS)
    assert here.dtype == np.bool_ or not np.array_equal(there, -here, equal_nan=True)


@pytest.mark.parametrize("name", _unary(Fact.NONE))
def test_what_increases_is_larger_at_every_larger_number(name):
    if name in having(Fact.MOVES) | _OF_INTEGERS | {"integer_pow"}:
        return
    found = _run(name, np.linspace(-4.1, 4.1, 83)).astype(float)
    found = found[~np.isnan(found) & ~np.isinf(found)]
    assert (name in having(Fact.INCREASING)) == bool((np.diff(found) > 0).all())


@pytest.mark.parametrize("name", _unary(Fact.POSITIVE))
def test_positive_functions_are_positive_up_to_underflow(name):
    found = _run(name, _FLOATS)
    assert (found[~np.isnan(found)] >= 0).all()
    assert (found[np.isfinite(found) & (np.abs(_FLOATS) < 20)] > 0).all()


@pytest.mark.parametrize("name", _unary(Fact.NOT_NEGATIVE))
def test_what_is_not_negative_is_not(name):
    found = _run(name, _FLOATS)
    assert (found[~np.isnan(found)] >= 0).all()


@pytest.mark.parametrize("name", _unary(Fact.KEEPS_SIGN))
def test_signs_are_kept(name):
    inside = np.array([0.0, 0.25, 0.5, 0.75, 0.999, 1.5, 6.0])
    found = _run(name, inside)
    known = ~np.isnan(found)
    assert (found[known] >= 0).all()
    assert (found[known & (inside > 0)] > 0).all()


@pytest.mark.parametrize("name", sorted(set(_unary(Fact.NONE)) - having(Fact.MOVES) - _OF_INTEGERS))
def test_what_is_one_at_zero_says_so(name):
    at_zero = _run(name, np.zeros(1)).astype(float)
    is_one = bool(at_zero[0] == 1) and name != "is_finite"  # a truth value
    assert (name in having(Fact.ONE_AT_ZERO)) == is_one


_TWO = sorted(n for n in having(Fact.ELEMENTWISE) & set(JAX) if n in _BINARY)


def _table(name: str) -> tuple[np.ndarray, np.ndarray]:
    numbers = _numbers(name)
    return tuple(x.ravel() for x in np.meshgrid(numbers, numbers))  # type: ignore[return-value]


@pytest.mark.parametrize("name", _TWO)
def test_what_commutes_is_what_jax_commutes(name):
    a, b = _table(name)
    there, here = _run(name, a, b), _run(name, b, a)
    assert (name in having(Fact.COMMUTES)) == np.array_equal(there, here, equal_nan=True)


def test_what_commutes_has_two_operands_and_was_asked():
    assert having(Fact.COMMUTES) <= set(_TWO)


def _operands(name: str) -> list[np.ndarray]:
    if name == "select_n":
        return [_FLOATS > 0.3, _FLOATS, _FLOATS[::-1]]
    if name == "clamp":
        return [np.full(14, -0.6), _FLOATS, np.full(14, 0.7)]
    if name == "regularized_incomplete_beta":
        return [np.abs(_FLOATS) + 0.5, np.abs(_FLOATS[::-1]) + 0.5, np.linspace(0, 1, 14)]
    return [_numbers(name), _numbers(name)[::-1], _numbers(name)][: _count(name)]


@pytest.mark.parametrize("name", sorted(having(Fact.ELEMENTWISE) & set(JAX) - _NOT_ASKED))
def test_elementwise_primitives_work_element_by_element(name):
    operands = _operands(name)
    whole = _run(name, *operands)
    order = np.random.default_rng(0).permutation(len(whole))
    _same(_run(name, *(x[order] for x in operands)), whole[order])
    _same(_run(name, *(x.reshape(2, 7) for x in operands)), whole.reshape(2, 7))


@pytest.mark.parametrize("name", sorted(having(Fact.MOVES) & set(JAX) & set(_PARAMETERS)))
def test_what_moves_makes_no_number_and_looks_at_none(name):
    x = np.arange(1.0, 15) if name in having(Fact.ELEMENTWISE) else np.arange(1.0, 13).reshape(3, 4)
    found = _run(name, x)
    assert set(found.ravel()) <= set(x.ravel())
    assert name in having(Fact.DROPS) or set(found.ravel()) == set(x.ravel())
    _same(_run(name, -(x**2)), -(found**2))  # whatever the order of the numbers is


@pytest.mark.parametrize("name", sorted(having(Fact.LINEAR) & set(_PARAMETERS) & set(JAX)))
def test_linear_primitives_are_linear(name):
    rng = np.random.default_rng(0)
    x, y = rng.integers(-8, 8, (2, 3, 4)).astype(float)
    _same(_run(name, 2 * x - y), 2 * _run(name, x) - _run(name, y))


@pytest.mark.parametrize("name", sorted(having(Fact.EXACT) & set(_TWO) - _OF_INTEGERS))
def test_exact_functions_of_two_floats_give_one_of_them_or_a_truth(name):
    a, b = _table(name)
    found = _run(name, a, b)
    assert found.dtype == np.bool_ or ((found == a) | (found == b)).all()


@pytest.mark.parametrize("name", sorted(having(Fact.COMPARES)))
def test_comparisons_are_truths_and_those_that_order_change_when_exchanged(name):
    a, b = _table(name)
    found = _run(name, a, b)
    assert found.dtype == np.bool_
    assert (name in having(Fact.ORDERS)) != np.array_equal(found, _run(name, b, a))


_TOTAL = having(Fact.ELEMENTWISE, but=Fact.PARTIAL)


@pytest.mark.parametrize("name", sorted((set(_unary(Fact.NONE)) | set(_TWO)) - _OF_INTEGERS))
def test_what_has_no_value_somewhere_says_so(name):
    """Where JAX has NaN at finite numbers of moderate size, a function is partial."""
    operands = _table(name) if name in _TWO else (_FLOATS,)
    found = _run(name, *operands)
    if np.isnan(found.astype(float)).any():
        assert name not in _TOTAL


# -- facts by the rules ---------------------------------------------------------------------------


class _Recorder(Numeric):
    """Numbers without functions of their own: what a rule makes of others is made of these."""

    native = frozenset[str]()

    def __init__(self) -> None:
        self.called: set[str] = set()

    def function(self, name: str, *args: Any, **params: Any) -> Any:
        self.called.add(name)
        return super().function(name, *args, **params)


_MADE_OF = {"exp": Fact.EXPONENTIAL, "log": Fact.LOGARITHM, "sqrt": Fact.ROOT, "sin": Fact.TURNS}


@pytest.mark.parametrize("name", sorted(set(_unary(Fact.NONE)) - _OF_INTEGERS))
def test_what_rules_make_of_exponentials_roots_and_angles_says_so(name):
    program = trace(lambda x: JAX[name].bind(x, **_PARAMETERS.get(name, {})), jnp.ones(()))
    recorder = _Recorder()
    evaluate(program, recorder, [recorder.lift(np.array(1.25))])
    called = recorder.called | ({"sin"} if "cos" in recorder.called else set())
    called -= {"log"} if name == "exp2" else set()  # of the constant 2
    for function, fact in _MADE_OF.items():
        assert (function in called) == (fact in row(name).facts), function
