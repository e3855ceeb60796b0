"""Numbers in the place of literals: exact where they are fractions, one unknown where they are
not."""

from fractions import Fraction

import numpy as np
import pytest

from verify.algebras.numeric import Numeric
from verify.constants import terms
from verify.constants.assigned import Assigned, Ball
from verify.constants.terms import Multiple

ONE = float(np.frexp(np.float64(np.float32(0.1)))[0])  # the significand of 0.1
OTHER = float(np.frexp(np.float64(np.float32(0.57721566)))[0])
numeric = Assigned({ONE: Fraction(4, 5), OTHER: Ball(OTHER, 2.0**-25)})
tenth = numeric.literal(np.float32([0.1]))
euler = numeric.literal(np.float32([0.57721566]))


def number(value):
    return numeric.lift(np.array([value]), np.dtype(np.float32))


def test_a_fraction_is_exact():
    total = number(0.0)
    for _ in range(10):
        total = numeric.add(total, tenth)
    assert total.concrete.item() == 1.0
    ten = numeric.dot(
        numeric.reshape(numeric.pick([tenth], np.zeros(10, int)), (1, 1, 10)),
        numeric.lift(np.ones((1, 10, 1))),
    )
    assert ten.concrete.item() == 1.0


@pytest.mark.parametrize(("op", "expected"), [("ge", True), ("gt", False), ("eq", True)])
def test_a_number_is_itself(op, expected):
    for one in (tenth, euler, numeric.neg(euler), numeric.mul(euler, number(3.0))):
        again = numeric.add(one, number(0.0))
        found = numeric.compare(op, one, again)
        assert found.concrete.item() is expected


def test_of_another_number_only_the_interval_is_known():
    near = number(float(np.float32(0.57721566)))
    assert numeric.compare("eq", euler, near).unknown.all()
    assert numeric.compare("gt", euler, number(0.5)).concrete.item()
    assert numeric.compare("eq", numeric.mul(euler, euler), number(0.3331779)).unknown.all()


@pytest.mark.parametrize("name", sorted(terms.ROUNDINGS))
def test_rounding_as_the_numeric_domain_does(name):
    for value in (-2.5, -1.5, -0.75, -0.5, 0.0, 0.25, 0.5, 1.0, 1.5, 2.5, 7.9):
        expected = Numeric().function(name, [number(value)], (1,), np.dtype(np.float32))
        found = terms.rounding(name, terms.fraction(np.array([value]), True))
        assert float(found[0]) == expected.value.item()


def test_a_whole_number_is_converted():
    three = numeric.mul(tenth, number(30.0))
    assert numeric.cast(three, np.dtype(np.int32)).concrete.item() == 3
    less = numeric.add(three, numeric.mul(tenth, number(-(2.0**-60))))
    assert numeric.cast(less, np.dtype(np.int32)).concrete.item() == 2


def test_terms_that_are_not_known_stay_so():
    a, b = Multiple(Fraction(1), ONE), Multiple(Fraction(2), OTHER)
    one = terms.array(a, ())
    assert terms.add(one, terms.array(b, ()))[()] is None
    assert terms.mul(one, one)[()] is None
    assert terms.div(one, terms.array(Fraction(0), ()))[()] is None
    assert terms.div(one, one)[()] == 1
    assert terms.add(one, terms.neg(one))[()] == 0
    assert np.isnan(terms.order(one, terms.array(b, ())))
