"""The laws of values that are made of square roots, one by one."""

import numpy as np
import pytest

from verify.algebras.base import Unsupported
from verify.algebras.field import Field
from verify.algebras.field.laws.radicals import Signs
from verify.algebras.field.laws.rooted import Parts, Root, Rooted, total
from verify.algebras.field.laws.square_roots import SQUARE_ROOTS, parts


def known_roots(field, rng, count):
    """Arrays of residues r, and the same as unknown roots of r**2: some are equal, some are not."""
    distinct = field.random((3,), np.dtype("float32"))
    out = []
    for _ in range(count):
        plain = field.pick([distinct], rng.integers(0, 3, (2, 2, 2)))
        plain = field.plain(plain.rows, plain, plain.growth)
        rooted = field.plain(plain.rows, plain, plain.growth)
        root, one = Root(field.mul(plain, plain), plain), field.lift(np.ones(plain.shape))
        SQUARE_ROOTS.know(rooted, Parts(lambda root=root, one=one: Rooted((root,), {1: one})))
        out.append((plain, rooted))
    return out


STEPS = {
    "add": lambda field, rng, a, b: field.add(a, b),
    "mul": lambda field, rng, a, b: field.mul(a, b),
    "div": lambda field, rng, a, b: field.div(a, b),
    "neg": lambda field, rng, a, b: field.neg(a),
    "dot": lambda field, rng, a, b: field.dot(a, b),
    "scale": lambda field, rng, a, b: field.mul(a, field.lift(np.full(a.shape, 3.0))),
    "shift": lambda field, rng, a, b: field.add(a, field.lift(np.full(a.shape, 5.0))),
    "divide": lambda field, rng, a, b: field.div(a, field.lift(np.full(a.shape, 7.0))),
    "pick": lambda field, rng, a, b: field.pick([a], rng.permutation(8).reshape(2, 2, 2)),
    "mix": lambda field, rng, a, b: field.pick([a, b], rng.permutation(16)[:8].reshape(2, 2, 2)),
    "sum": lambda field, rng, a, b: field.add(
        field.pick([field.sum(a)], np.arange(4).repeat(2).reshape(2, 2, 2)), b
    ),
}


@pytest.mark.parametrize("seed", range(60))
def test_a_known_root_gives_what_arithmetic_gives(seed):
    """If R is a number r, and u is r**2, then all that is done with R is done with r."""
    field, rng = Field(seed), np.random.default_rng(seed)
    values = known_roots(field, rng, 4)
    for _ in range(12):
        step = STEPS[rng.choice(list(STEPS))]
        (a, rooted_a), (b, rooted_b) = (values[rng.integers(len(values))] for _ in range(2))
        state = rng.bit_generator.state
        plain = step(field, rng, a, b)
        rng.bit_generator.state = state
        try:
            value = step(field, rng, rooted_a, rooted_b)
        except Unsupported:  # the conjugate of r - s is zero where r = -s, though r - s is not
            continue
        assert field.agree(plain, value)
        known = parts(value)
        assert known is None or field.agree(plain, total(field, known))
        values.append((plain, value))


def test_the_square_of_every_root_is_its_radicand():
    field = Field(7)
    a, b = (field.random((3,), np.dtype("float32")) for _ in range(2))

    def number(x):
        return field.lift(np.full(3, x), np.dtype("float32"))

    ab = field.mul(a, b)
    radicands = [
        *(a, field.mul(a, number(4.0)), field.div(a, number(9.0)), field.mul(a, number(2.0))),
        *(field.div(a, number(5.0)), field.div(field.mul(a, number(2.0)), number(27.0))),
        *(b, field.mul(ab, number(3.0)), field.div(field.mul(b, number(2.0)), a)),
        *(ab, field.mul(ab, number(0.25)), field.div(a, b), field.div(number(1.0), b)),
        *(number(25.0), number(2.0), number(8.0), field.mul(a, number(-4.0)), field.add(a, b)),
    ]
    for u in radicands:
        root = field.function("sqrt", [u], u.shape, u.dtype)
        assert field.agree(field.mul(root, root), u)
    assert field.agree(
        field.function("sqrt", [number(25.0)], (3,), np.dtype("float32")), number(5.0)
    )


def test_a_wish_that_contradicts_others_is_not_granted():
    signs = Signs()
    assert signs.join(1, 2, opposite=True)
    assert signs.join(3, 4, opposite=False)
    assert signs.join(2, 3, opposite=True)
    assert not signs.join(1, 4, opposite=True)
    assert signs.join(1, 4, opposite=False)
    signs.positive.add(0)  # the root of a positive number has no choice
    assert signs.join(0, 1, opposite=True)
    assert signs.join(0, 1, opposite=False)
