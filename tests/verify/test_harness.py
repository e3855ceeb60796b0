"""The harness of the rule tests finds wrong rules: a test that cannot fail is a defect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from tests.verify.harness import check_rule
from verify.algebras.numeric import Bounded
from verify.primitives import RULES

X = np.zeros((2, 3))
INTEGERS = np.array([1, 5, -7], np.int32)


def altered(change: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    right = RULES["mul"]

    def rule(ctx: Any, *operands: Any, **params: Any) -> Any:
        return change(ctx, right(ctx, *operands, **params))

    return rule


def shifted(by: float) -> Callable[[Any, Any], Any]:
    return lambda ctx, x: Bounded(x.value + np.asarray(by).astype(x.value.dtype), x.error, x.dtype)


WRONG: dict[str, Callable[[Any, Any], Any]] = {
    "another operation": lambda ctx, x: ctx.algebra.add(x, x),
    "off by 1": shifted(1),
    "off by 2**-20": shifted(2.0**-20),
    "turned round": lambda ctx, x: Bounded(x.value[..., ::-1], x.error, x.dtype),
    "another shape": lambda ctx, x: ctx.algebra.reshape(x, (1, *x.shape)),
    "unknown": lambda ctx, x: Bounded(np.full(x.shape, np.nan), np.full(x.shape, np.nan), x.dtype),
    "infinite": lambda ctx, x: Bounded(np.full(x.shape, np.inf), None, x.dtype),
    "not a value": lambda ctx, x: x.value,
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_rule(lambda x: x * (x + 3), X)
    monkeypatch.setitem(RULES, "mul", altered(WRONG[name]))
    with pytest.raises(AssertionError):
        check_rule(lambda x: x * (x + 3), X)


@pytest.mark.parametrize("name", ["another operation", "off by 1", "another shape"])
def test_a_wrong_rule_for_integers_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even though evaluation leaves integers to JAX."""
    check_rule(lambda i: i * jnp.int32(3), INTEGERS)
    monkeypatch.setitem(RULES, "mul", altered(WRONG[name]))
    with pytest.raises(AssertionError):
        check_rule(lambda i: i * jnp.int32(3), INTEGERS)


def test_a_claim_of_exactness_that_is_false_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """2**-40 is far below the tolerance for reals, and integers allow none."""
    monkeypatch.setitem(RULES, "mul", altered(shifted(2.0**-44)))
    check_rule(lambda x: x * (x + 3.1), X + 1.3, integers=False, rtol=1e-6)
    with pytest.raises(AssertionError, match="differs from JAX"):
        check_rule(lambda x: x * (x + 3), X + 1, reals=False, rtol=1e-6)


def test_undefined_elements_may_be_excused() -> None:
    check_rule(lambda x: 1 / (x * 0 + jnp.arange(3.0)), X + 1, may_be_unknown=True)
    with pytest.raises(AssertionError, match="undefined"):
        check_rule(lambda x: 1 / (x * 0 + jnp.arange(3.0)), X + 1)
