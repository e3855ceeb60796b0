"""A receptive field is exactly what is claimed, or it is said why not."""

import jax.numpy as jnp
import pytest

from verify.claims.programs import f32
from verify.claims.receptive_field import Stack, formula, one_output
from verify.claims.seen_pixels import sees_exactly

X = f32(6, 6, 1)


def middle(x):
    return x[2:4, 1:4].sum()


RIGHT = (slice(2, 4), slice(1, 4))


def test_the_right_box_is_proved():
    assert sees_exactly(middle, RIGHT, X)


SMALLER = [
    (slice(3, 4), slice(1, 4)),
    (slice(2, 3), slice(1, 4)),
    (slice(2, 4), slice(2, 4)),
    (slice(2, 4), slice(1, 3)),
]


@pytest.mark.parametrize("box", SMALLER)
def test_a_smaller_box_is_refuted_by_a_pixel(box):
    verdict = sees_exactly(middle, box, X)
    assert verdict.status == "refuted"


LARGER = [
    (slice(1, 4), slice(1, 4)),
    (slice(2, 5), slice(1, 4)),
    (slice(2, 4), slice(0, 4)),
    (slice(2, 4), slice(1, 5)),
]


@pytest.mark.parametrize("box", LARGER)
def test_a_larger_box_is_not_proved(box):
    verdict = sees_exactly(middle, box, X)
    assert verdict.status == "unknown"
    assert "2x3 pixels, rows 2 to 3, columns 1 to 3" in verdict.reason


def test_what_only_the_analysis_takes_for_needed_is_not_proved():
    """x - x does not depend on x; the dependence analysis says that it may."""
    verdict = sees_exactly(
        lambda x: x[2, 2, 0] + x[2, 3, 0] - x[2, 3, 0], (slice(2, 3), slice(2, 4)), X
    )
    assert verdict.status == "unknown"


def test_the_formula_is_that_of_the_note():
    assert formula(Stack()).field == 9
    assert formula(Stack(pool=2)).field == 14
    assert formula(Stack(layers=3, pool=2)).field == 32


def test_a_program_with_another_field_is_found_out():
    stack = Stack(kernel=3)

    def reads_too_far(x, kernels):
        return one_output(stack, 3)(x, kernels) + jnp.where(x[6, 6, 0] > 5, 1.0, 0.0)

    box = (slice(1, 6), slice(1, 6))
    assert sees_exactly(one_output(stack, 3), box, f32(7, 7, 2), stack.kernels)
    assert not sees_exactly(reads_too_far, box, f32(7, 7, 2), stack.kernels)
