"""What z3 is asked does not depend on what it was asked before."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify
from verify import smt
from verify.limits import budget
from verify.primitives.arithmetic import NO_ROUNDING
from verify.primitives.powers import POWERS
from verify.programs import trace
from verify.smt import cases

pytest.importorskip("z3")

U8, I32, F32 = jnp.uint8, jnp.int32, jnp.float32


def of(dtype, *shape):
    return jax.ShapeDtypeStruct(shape, dtype)


QUESTIONS = {  # bits, cases, branches; two that z3 decides against
    "a mean": (lambda a, b: (a & b) + ((a ^ b) >> 1), lambda a, b: a // 2 + b // 2 + (a & b & 1)),
    "a mean that is off": (
        lambda a, b: (a & b) + ((a ^ b) >> 1),
        lambda a, b: jnp.where((a == 201) & (b == 17), U8(0), a // 2 + b // 2 + (a & b & 1)),
    ),
    "a sum of floats": (
        lambda a, b: jnp.where(a + b < a, U8(255), a + b).astype(F32) * 0.5,
        lambda a, b: jnp.minimum(a.astype(I32) + b.astype(I32), 255).astype(F32) * 0.5,
    ),
    "an order": (
        lambda a, b: jnp.sort(jnp.stack([a, b]))[0].astype(I32) - a.astype(I32),
        lambda a, b: jnp.where(a <= b, 0, b.astype(I32) - a.astype(I32)),
    ),
    "signs": (
        lambda a, b: abs(a.astype(F32) - 3) * abs(b.astype(F32) - 5),
        lambda a, b: abs((a.astype(F32) - 3) * (b.astype(F32) - 5)),
    ),
}


def answers(names, monkeypatch):
    """The verdict of each question, and z3's answers with the work that they took."""
    found, asked, solve = {}, [], budget.solve

    def listening(solver, units, **options):
        with budget.metered() as meter:
            answer = solve(solver, units, **options)
        asked.append((answer, meter.spent))
        return answer

    monkeypatch.setattr(budget, "solve", listening)
    for name in names:
        asked.clear()
        f, g = QUESTIONS[name]
        verdict = verify.equivalent(f, g, of(U8), of(U8), seed=1, seconds=600)
        found[name] = verdict.status, verdict.assumptions, tuple(asked)
    monkeypatch.setattr(budget, "solve", solve)
    return found


def test_what_z3_answers_does_not_depend_on_the_order_of_questions(monkeypatch):
    once = answers(list(QUESTIONS), monkeypatch)
    again = answers(list(QUESTIONS)[::-1], monkeypatch)
    assert once == again
    assert sum(bool(asked) for _, _, asked in once.values()) >= 3, "z3 is asked"


def test_each_question_has_a_context_of_its_own():
    one, two = smt.Fresh(), smt.Fresh()
    x, y = one.Int("x"), two.Int("x")
    assert x.ctx is one.context
    assert y.ctx is two.context
    assert x.ctx is not y.ctx
    assert one.And().ctx is one.context
    assert two.Or(y > 1, y < 0).ctx is two.context
    solver = one.Solver()
    solver.add(one.Or(x > 1, x < 0), one.Implies(x > 0, x == 5), x >= 0)
    assert budget.solve(solver, 1e6) == "sat"
    assert solver.model()[x].as_long() == 5


@pytest.mark.parametrize("settle", [cases.settle, cases.settle_bits])
def test_what_a_rule_assumes_is_said_by_solvers_too(settle):
    """Not only by proofs over residues and in branches: 5 bits and 2 do not hold every number."""
    narrow = trace(lambda x: jax.lax.reduce_precision(x, 5, 2) + 0.0, F32(0))
    found = settle(narrow, trace(lambda x: x + 0.0, F32(0)), 0, np.array([0]))
    assert isinstance(found, cases.Settled)
    assert found.assumptions == (NO_ROUNDING,)
    assert found.partial


def test_a_power_by_its_logarithm_is_said_to_be_one_of_a_positive_number():
    left, right = (
        trace(f, F32(1), F32(1)) for f in (lambda x, y: x**y, lambda x, y: jnp.exp(y * jnp.log(x)))
    )
    found = cases.settle(left, right, 0, np.array([0]))
    assert isinstance(found, cases.Settled)
    assert found.assumptions == (POWERS,)
