"""The rules of sort, top_k, argmax and argmin mean what JAX means by them, on ties as well."""

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.verify.harness import check_rule
from verify.algebras.base import Unsupported
from verify.primitives import sorting
from verify.primitives.exchanges import exchanges

INT = np.random.default_rng(0).integers(-3, 3, (3, 6)).astype(np.int32)
EXTREME = ((np.random.default_rng(1).integers(0, 4, (3, 6)) - 2) * 64).astype(np.int8)
UNSIGNED = np.random.default_rng(2).integers(0, 256, (3, 6)).astype(np.uint8)
BOOL = np.random.default_rng(3).random((3, 6)) < 0.5
X = np.zeros((3, 6))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 8, 9, 13, 16, 21])
def test_sort_of_any_length(size: int) -> None:
    check_rule(lambda x: lax.sort(x, dimension=1), np.zeros((2, size)))


@pytest.mark.parametrize("size", [2, 3, 4, 7, 8, 9, 12, 16, 17, 31])
def test_the_network_sorts_whatever_is_zero_or_one(size: int) -> None:
    """A network sorts everything if it sorts all sequences of zeros and ones (Knuth, 5.3.4)."""
    rows = np.random.default_rng(size).random((2000, size)) < np.linspace(0, 1, 2000)[:, None]
    if size <= 12:
        rows = (np.arange(2**size)[:, None] >> np.arange(size)) & 1 == 1
    for stage in exchanges(size):
        assert len({place for pair in stage for place in pair}) == 2 * len(stage)
        for i, j in stage:
            assert 0 <= i < j < size
            rows[:, i], rows[:, j] = rows[:, i] & rows[:, j], rows[:, i] | rows[:, j]
    assert (rows == np.sort(rows, axis=1)).all()


CASES = {
    "axis": (lambda x: [lax.sort(x, dimension=0), jnp.sort(x, axis=1)], X),
    "median": (lambda x: jnp.median(x, 1), X),
    "integers": (lambda i: [jnp.sort(i), jnp.sort(i, axis=0)], INT),
    "extremes": (lambda i: jnp.sort(i), EXTREME),
    "unsigned": (lambda i: jnp.sort(i), UNSIGNED),
    "booleans": (lambda b: lax.sort(b), BOOL),
    "argsort": (lambda x: [jnp.argsort(x), jnp.argsort(x, descending=True)], X),
    "argsort of integers": (lambda x: jnp.argsort(x, axis=0), EXTREME),
    "two keys": (lambda x, y, i: lax.sort((x, y, i), num_keys=2), X, X, INT),
    "three keys": (lambda b, x, i: lax.sort((b, x, i), num_keys=3, dimension=0), BOOL, X, INT),
    "integer keys": (lambda i, x: lax.sort((i, x), num_keys=1), INT, X),
    "lexsort": (lambda x, y: jnp.lexsort((x, y)), X, X),
    "argmax": (lambda x: [jnp.argmax(x, 0), jnp.argmax(x, 1), jnp.argmax(x)], X),
    "argmin": (lambda x: [jnp.argmin(x, 0), jnp.argmin(x, 1), jnp.argmin(x)], X),
    "argmax of integers": (lambda i: [jnp.argmax(i, 1), jnp.argmin(i, 1)], INT),
    "argmax of extremes": (lambda i: [jnp.argmax(i, 1), jnp.argmin(i, 1)], EXTREME),
    "argmin of unsigned": (lambda i: [jnp.argmax(i, 1), jnp.argmin(i, 1)], UNSIGNED),
    "argmax of booleans": (lambda b: [jnp.argmax(b, 1), jnp.argmin(b, 1)], BOOL),
    "index dtype": (lambda x: lax.argmax(x, 1, np.int8), X),
    "top 1": (lambda x: lax.top_k(x, 1), X),
    "top 3": (lambda x: lax.top_k(x, 3), X),
    "top all": (lambda x: lax.top_k(x, 6), X),
    "top of integers": (lambda i: lax.top_k(i, 2), INT),
    "top of extremes": (lambda i: lax.top_k(i, 3), EXTREME),
    "top of unsigned": (lambda i: lax.top_k(i, 3), UNSIGNED),
    "top of a long axis": (lambda x: lax.top_k(x, 2), np.zeros((2, 11))),
    "top none": (lambda x: lax.top_k(x, 0), X),
}


@pytest.mark.parametrize("name", CASES)
def test_rule_means_what_jax_means(name: str) -> None:
    f, *inputs = CASES[name]
    # Few different numbers: many ties.
    check_rule(f, *inputs, low=-2, high=2)


@pytest.mark.parametrize("axis", [0, 1])
def test_top_along_any_axis(axis: int) -> None:
    check_rule(lambda x: lax.top_k(x, 2, axis=axis), X, low=-2, high=2)


def test_an_unstable_sort_by_some_keys_is_refused() -> None:
    with pytest.raises(Unsupported, match="unstable"):
        check_rule(lambda x, y: lax.sort((x, y), num_keys=1, is_stable=False), X, X)
    check_rule(lambda x, y: lax.sort((x, y), num_keys=2, is_stable=False), X, X)
    check_rule(lambda x: lax.sort(x, is_stable=False), X)


def test_sorting_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "LIMIT", 10)
    for f in (lax.sort, jnp.argsort, lambda x: lax.sort(x.reshape(-1))):
        with pytest.raises(Unsupported, match="comparisons"):
            check_rule(f, X)
