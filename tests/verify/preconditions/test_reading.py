"""What is read from a precondition's program, and where inputs are moved to."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verify.preconditions.condition import Precondition
from verify.preconditions.reading import read
from verify.programs import trace


def like(dtype, *shape):
    return jax.ShapeDtypeStruct(shape, jnp.dtype(dtype))


X, N, B = like("float32", 3), like("int32"), like("bool")


def test_bounds_are_the_tightest_and_know_what_they_leave_out():
    found = read(trace(lambda x: ((x > 0) & (x >= 0) & (2 * x <= 6), x[0] < 3), X))
    assert found.lower == {n: (Fraction(0), True) for n in range(3)}
    assert found.upper == {0: (3, True), 1: (3, False), 2: (3, False)}
    assert found.total
    assert not found.unread
    assert not found.impossible


def test_bounds_of_integers_are_integers():
    found = read(trace(lambda n: (n > 2) & (n < 9), N))
    assert (found.lower[0], found.upper[0]) == ((3, False), (8, False))


@pytest.mark.parametrize(
    ("condition", "unread"),
    [
        (lambda x, n, b: (x.min() >= 0) & b, 0),
        (lambda x, n, b: jnp.abs(x).max() <= 1, 0),
        (lambda x, n, b: ~((x[0] > 1) | (n < 0) | ~b), 0),
        (lambda x, n, b: x.max() >= 0, 1),
        (lambda x, n, b: x[0] * x[1] > 0, 1),
        (lambda x, n, b: n + 1 > 0, 1),  # may wrap
        (lambda x, n, b: (x[0] > 1) | b, 1),
        (lambda x, n, b: (x.sum() == 1) & (jnp.sqrt(x[0]) > 0), 1),
    ],
)
def test_what_is_linear_is_read(condition, unread):
    assert read(trace(condition, X, N, B)).unread == unread


def test_what_may_have_no_value_is_no_fact():
    assert not read(trace(lambda x: ~(jnp.log(x) > 0), X)).total
    assert not read(trace(lambda x: ~(1 / x > 0), X)).total


CONDITIONS = {
    "a simplex": lambda x, n, b: ((x >= 0).all(), x.sum() == 1),
    "sorted and apart": lambda x, n, b: x[:-1] + 1 < x[1:],
    "open bounds": lambda x, n, b: (x > 0) & (x < 0.25),
    "one number": lambda x, n, b: (n == 7, b),
    "an order of kinds": lambda x, n, b: (x[0] >= n, n >= 100),
    "a plane": lambda x, n, b: 2 * x[0] - 3 * x[1] == x[2] + 1,
    "not zero": lambda x, n, b: (x != 0, n != 0),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_inputs_are_moved_to_where_it_holds(name):
    condition = CONDITIONS[name]
    given = Precondition(trace(condition, X, N, B))
    rng = np.random.default_rng(0)
    met = set()
    for _ in range(40):
        drawn = [rng.normal(scale=5, size=3), rng.integers(-1000, 1000), rng.random() < 0.5]
        found = given.moved(drawn)
        assert found is not None
        x, n, b = (np.asarray(y).astype(t) for y, t in zip(found, ("f4", "i4", "?"), strict=True))
        assert all(np.all(part) for part in jax.tree.leaves(condition(x, n, b)))
        met.add(x.tobytes())
    assert len(met) > 20  # not all to one place


def test_a_domain_without_inside_is_told_from_one_with():
    flat = Precondition(trace(lambda x: (x[0] - x[1]) ** 2 <= 0, X))
    assert not flat.is_open
    assert Precondition(trace(lambda x: x[0] > x[1], X)).is_open
