"""Work is counted the same on every machine; the clock stops a whole call, and only that."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import verify
from verify.algebras.base import Unsupported
from verify.counterexample import values
from verify.limits import budget
from verify.primitives import sorting
from verify.programs import trace

pytestmark = pytest.mark.unrecorded("their clock is one of their own")


def test_a_limit_is_reached_exactly_when_more_is_spent():
    with budget.limit(10) as meter:
        budget.spend(10)
        assert (meter.spent, meter.left) == (10, 0)
        with pytest.raises(budget.Exhausted):
            budget.spend(1)


def test_what_is_spent_within_counts_for_all_around():
    with budget.limit(10) as outer:
        with budget.limit(100):
            budget.spend(6)
        assert outer.spent == 6
        with budget.metered() as inner:
            assert inner.left == 4
            with pytest.raises(budget.Exhausted):
                budget.spend(6)


def test_a_smaller_limit_within_ends_only_what_is_within():
    with budget.limit(100) as outer:
        with pytest.raises(budget.Exhausted), budget.limit(10):
            budget.spend(20)
        budget.spend(70)
        assert outer.spent == 90


def test_where_there_is_no_limit_spending_is_free():
    budget.spend(1e30)


def test_exhausted_is_an_answer_of_a_prover_and_out_of_time_is_none():
    assert issubclass(budget.Exhausted, Unsupported)
    assert not issubclass(budget.OutOfTime, Unsupported)


class Clock:
    """A clock that stands still but for the work that is done."""

    def __init__(self, monkeypatch, units_a_second):
        self.time, self.rate = 0.0, units_a_second
        real = budget.spend

        def spend(units):
            real(units)  # the work itself comes afterwards
            self.time += units / self.rate

        monkeypatch.setattr(budget, "now", lambda: self.time)
        monkeypatch.setattr(budget, "spend", spend)


def test_the_seconds_of_a_call_are_over_when_its_clock_says_so(monkeypatch):
    clock = Clock(monkeypatch, units_a_second=10)
    with budget.whole_call(5):
        budget.spend(50)
        assert budget.seconds_left() == 0
        clock.time += 1
        over = pytest.raises(budget.OutOfTime, match="5 seconds were over while trying this")
        with over, budget.doing("this"):
            budget.spend(1)
    clock.time = 1e9
    budget.spend(1)


def test_a_call_within_a_call_has_no_more_time_than_the_one_around(monkeypatch):
    Clock(monkeypatch, units_a_second=1)
    with budget.whole_call(5):
        with budget.whole_call(100):
            assert budget.seconds_left() == 5
        with budget.whole_call(2):
            assert budget.seconds_left() == 2


def test_tracing_and_compiling_do_not_count(monkeypatch):
    clock = Clock(monkeypatch, units_a_second=1)
    with budget.whole_call(5):
        with budget.apart():
            clock.time += 100
        assert budget.seconds_left() == 5


def test_z3_gives_up_after_the_same_work_on_every_machine():
    z3 = pytest.importorskip("z3")

    def hard(size):
        solver, ys = z3.Solver(), [z3.Real(f"x{i}") for i in range(size)]
        total = z3.Sum(ys)
        for i in range(size):
            for j in range(size - 1 - i):
                a, b = ys[j], ys[j + 1]
                ys[j], ys[j + 1] = z3.If(a > b, b, a), z3.If(a > b, a, b)
        solver.add(z3.Sum(ys) != total)
        return solver

    with budget.metered() as meter:
        assert budget.solve(hard(4), 1e8) == "unsat"
    assert 0 < meter.spent < 1e8
    assert budget.solve(hard(9), 1e5) == "unknown"
    with budget.limit(meter.spent / 2):
        assert budget.solve(hard(4), 1e8) == "unknown"


# -- what used to take longer than it may ---------------------------------------------------------

ROW = jax.ShapeDtypeStruct((), jnp.float32)
NUMBERS = np.random.default_rng(0).normal(size=200_000).astype(np.float32)


def nested(count):
    def f(x):
        return x

    for _ in range(count):
        f = lambda x, g=f: lax.cond(x > 0, g, lambda y: y, x)  # noqa: E731
    return f


QUICK = {
    "a sort of constants": (lambda x: x + jnp.sort(NUMBERS), lambda x: jnp.sort(NUMBERS) + x),
    "an order of constants": (
        lambda x: x + jnp.argsort(NUMBERS),
        lambda x: jnp.argsort(NUMBERS) + x,
    ),
    "a sort of constants by columns": (
        lambda x: x + jnp.sort(NUMBERS.reshape(-1, 4), axis=0),
        lambda x: jnp.sort(NUMBERS.reshape(-1, 4), axis=0) + x,
    ),
    "branches within branches": (nested(40), lambda x: x),
    "many branches within branches": (nested(150), lambda x: x),
}


@pytest.mark.parametrize("case", QUICK)
def test_it_takes_few_seconds(case):
    """An hour's worth of comparisons is none, nor are 150 bodies 11,000."""
    f, g = QUICK[case]
    verdict = verify.equivalent(f, g, ROW, seconds=20)
    assert verdict, verdict
    assert verdict.seconds < 20


def test_constants_are_sorted_as_jax_sorts_them(monkeypatch):
    monkeypatch.setattr(sorting, "_LARGE", 0)
    x = np.float32([[3, 0.0, -0.0, np.inf, 0.0], [1, 1, -np.inf, 2, 1]])
    for f in (lambda: jnp.sort(x), lambda: jnp.argsort(x, axis=0), lambda: jnp.argsort(x)):
        program = trace(lambda y: f() + 0 * y, ROW)  # noqa: B023
        (ours,) = values(program, [np.float32(1)])
        assert np.array_equal(ours.value, np.asarray(f()), equal_nan=True)


# -- the whole call --------------------------------------------------------------------------------

S = jax.ShapeDtypeStruct((), jnp.float32)


def endless(x):
    return lax.while_loop(lambda s: s[0] < 1, lambda s: (s[0] * 1, s[1] * 1.5), (0, x))[1]


def chain(count):
    def f(x):
        for i in range(count):
            x = 1.5 * x + 0.25 if i % 2 else x * 0.5 - 0.125
        return x

    return f


def loop(count, step):
    return lambda x: lax.scan(lambda c, _: (step(c), None), x, None, length=count)[0]


SLOW = {
    "an endless loop": (endless, lambda x: x, S),
    "a loop of unknown length": (
        lambda x: lax.while_loop(lambda y: y < 10, lambda y: y + 1, x),
        lambda x: x,
        S,
    ),
    "a loop that is too long": (
        lambda x: lax.fori_loop(0, 10**9, lambda i, y: y * 2, x),
        lambda x: x,
        S,
    ),
    "a scan of many steps": (
        loop(9_000, lambda c: c * 1.5),
        loop(9_000, lambda c: 1.5 * c),
        S,
    ),
    "large powers": (lambda x: x ** (10**9), lambda x: (x ** (10**9 - 1)) * x, S),
    "powers of integers": (lambda x: x**64 * x**63, lambda x: x**127 + 0 * x,
                           jax.ShapeDtypeStruct((50,), jnp.int32)),
    "a chain": (chain(1000), lambda x: chain(1000)(x) + 0, S),
    "a long sort": (jnp.sort, lambda x: jnp.sort(x[::-1]) + 0 * x,
                    jax.ShapeDtypeStruct((120,), jnp.float32)),
    "a large product": (jnp.dot, lambda x, y: (y.T @ x.T).T,
                        *[jax.ShapeDtypeStruct((1500, 1500), jnp.float32)] * 2),
    "a running maximum": (lax.cummax, lambda x: lax.cummax(x) + 0.0,
                          jax.ShapeDtypeStruct((800,), jnp.float32)),
    "choices": (
        lambda x: jnp.sort(jnp.abs(x) * x)[-1],
        lambda x: jnp.max(jnp.where(x > 0, x * x, -x * x)) + 0 * x[0],
        jax.ShapeDtypeStruct((7,), jnp.float32),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SLOW)
@pytest.mark.parametrize("seconds", [0.02, 1.0])
def test_the_seconds_of_a_call_are_not_exceeded_by_more_than_half(monkeypatch, name, seconds):
    clock = Clock(monkeypatch, units_a_second=1e8)
    f, g, *examples = SLOW[name]
    verdict = verify.equivalent(f, g, *examples, seconds=seconds, seed=0)
    assert clock.time <= 1.5 * seconds, verdict
    if "seconds" in verdict.reason:
        assert verdict.status == "unknown"
        assert "while trying" in verdict.reason


def test_a_smaller_number_of_seconds_never_makes_a_proof(monkeypatch):
    """Wherever the seconds end: what is no proof in a minute is none in less."""
    Clock(monkeypatch, units_a_second=1e8)

    def f(x):
        return jnp.where(x > 1234.5, x + 1, x)

    for seconds in np.geomspace(1e-5, 3, 25):
        assert verify.equivalent(f, lambda x: x, S, seconds=seconds, seed=1).status != "proved"


def test_the_same_work_is_done_however_slow_the_clock_is(monkeypatch):
    verdicts = []
    for rate in (1e8, 1e12):
        with monkeypatch.context() as patch:
            Clock(patch, units_a_second=rate)
            verdict = verify.equivalent(
                jnp.logaddexp, lambda x, y: jnp.log(jnp.exp(x) + jnp.exp(y)), S, S, seed=0
            )
            verdicts.append((verdict.status, verdict.method, verdict.assumptions))
    assert verdicts[0] == verdicts[1]


def test_a_counterexample_that_was_found_is_reported_though_the_seconds_are_over(monkeypatch):
    clock = Clock(monkeypatch, units_a_second=1e8)
    x = jax.ShapeDtypeStruct((400,), jnp.float32)

    def refuted(seconds):
        verdict = verify.equivalent(
            jnp.cumsum, lambda x: jnp.cumsum(x) + x[7], x, seconds=seconds, seed=0
        )
        return verdict.status == "refuted"

    assert refuted(60)
    for seconds in np.geomspace(clock.time / 50, clock.time, 6):
        start = clock.time
        refuted(seconds)  # or unknown, but nothing else
        assert clock.time - start <= 1.5 * seconds + 0.01


def test_there_is_a_little_time_to_say_why_there_is_no_answer(monkeypatch):
    clock = Clock(monkeypatch, units_a_second=1)
    with budget.whole_call(10):
        clock.time += 11
        with pytest.raises(budget.OutOfTime):
            budget.check()
        with budget.last_words():
            budget.check()
            clock.time += 2
            with pytest.raises(budget.OutOfTime):
                budget.check()
        with pytest.raises(budget.OutOfTime):
            budget.check()
