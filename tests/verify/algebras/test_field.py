"""Laws of the field algebra: exact residues, weights that sum to one, logarithms, honest bounds."""

from fractions import Fraction

import numpy as np
import pytest

from verify.algebras.field import Field, Mode, mixing, moduli, residues
from verify.algebras.field.bound import miss_probability
from verify.algebras.field.discrete_logs import discrete_logs
from verify.algebras.field.laws.circle import Imaginary
from verify.algebras.field.laws.logarithms import LOGARITHMS, log_term

F32 = np.dtype(np.float32)


def field(**options):
    return Field(seed=int(np.random.default_rng().integers(2**60)), **options)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    "shape",  # 128 terms are the most with two limbs, 4096 with three; the smaller operand is cut
    [(1, 3, 4, 2), (2, 5, 700, 3), (1, 1, 1, 1), (1, 3, 128, 2), (1, 2, 129, 3), (1, 2, 4100, 5)],
)
@pytest.mark.parametrize("extreme", ["largest", "middle", "limbs"])
def test_matrix_products_are_exact(shape, large, extreme, monkeypatch):
    monkeypatch.setattr(residues, "_LARGE", 0 if large else 2**60)
    b, m, k, n = shape
    f = field()
    rng = np.random.default_rng(1)
    # Where the partial sums are largest: at the ends, in the middle, at full limbs.
    low = {"largest": lambda p: p - 3, "middle": lambda p: p // 2 - 1, "limbs": lambda p: 2**30 - 1}
    left = np.stack([rng.integers(low[extreme](p), low[extreme](p) + 3, (b, m, k)) for p in f.m])
    full = sum(1 << bit for bit in (9, 10, 15, 20, 21, 29))  # half of a limb of 11 or of 16 bits
    right = np.stack([rng.choice([p - 1, full, 2**30 - 1, p // 2], (b, k, n)) for p in f.m])
    left, right = left % f.m[:, None, None, None], right % f.m[:, None, None, None]
    product = residues.matmul(left, right, f.m)
    for row, p in enumerate(f.m.tolist()):
        exact = (left[row].astype(object) @ right[row].astype(object)) % p
        assert (product[row] == exact).all()


def test_long_products_are_exact_in_pieces(monkeypatch):
    monkeypatch.setattr(residues, "_TERMS", 8)
    f = field()
    rng = np.random.default_rng(2)
    left = np.stack([rng.integers(0, p, (1, 2, 21)) for p in f.m])
    right = np.stack([rng.integers(0, p, (1, 21, 2)) for p in f.m])
    product = residues.matmul(left, right, f.m)
    for row, p in enumerate(f.m.tolist()):
        assert (product[row] == left[row].astype(object) @ right[row].astype(object) % p).all()


@pytest.mark.parametrize(
    "number", [0.0, 1.0, -1.0, 0.1, np.float32(0.1), 1e38, 5e-324, -3.5, 2.0**53 + 2, 1 / 3]
)
def test_a_float_is_its_exact_fraction(number):
    f = field()
    rows = f.lift(np.array([number])).rows
    exact = Fraction(float(number))
    for row, p in enumerate(f.m.tolist()):
        expected = exact.numerator * pow(exact.denominator, -1, p) % p
        assert rows[row, 0] == expected


@pytest.mark.parametrize("number", [0, -1, 2**31 - 1, -(2**31), 2**63 - 1])
def test_an_integer_is_itself(number):
    f = field()
    rows = f.lift(np.array([number], np.int64)).rows
    assert [int(r) for r in rows[:, 0]] == [number % int(p) for p in f.m]


def test_sums_subtract_the_modulus_at_most_once():
    f = field()
    rng = np.random.default_rng(3)
    a, b = (np.stack([rng.integers(0, p, 1000) for p in f.m]) for _ in range(2))
    a[:, 0] = b[:, 0] = f.m - 1
    a[:, 1] = b[:, 1] = 0
    assert (residues.add(a, b, f.m) == (a + b) % f.m[:, None]).all()


@pytest.mark.parametrize("fraction", [Fraction(3), Fraction(-7, 3), Fraction(13421773, 2**27)])
def test_fractions_are_reconstructed(fraction):
    primes = moduli.draw(np.random.default_rng(), exponents=False).primes
    column = [fraction.numerator * pow(fraction.denominator, -1, p) % p for p in primes]
    assert residues.rational(column, primes) == (fraction.numerator, fraction.denominator)


def test_random_residues_are_no_small_fractions():
    rng = np.random.default_rng(4)
    primes = moduli.draw(rng, exponents=False).primes
    found = [residues.rational([int(rng.integers(p)) for p in primes], primes) for _ in range(2000)]
    assert found == [None] * 2000


@pytest.mark.parametrize("circle", [False, True])
@pytest.mark.parametrize("source", [moduli.LARGE, moduli.SMALL])
def test_primes_are_prime_and_distinct(source, circle):
    drawn = moduli.draw(np.random.default_rng(), exponents=True, circle=circle, source=source)
    assert len(set(drawn.primes)) == len(drawn.primes) == source.trial
    for p in drawn.primes:
        assert source.low <= p < source.high
        assert moduli.is_prime(p)
        assert moduli.is_prime((p - 1) // (4 if circle else 2))
        assert (p - 1) // drawn.cofactor >= drawn.smallest - 1
    rooted = moduli.draw(np.random.default_rng(), exponents=False, root_order=24)
    assert all(p % 24 == 1 for p in rooted.primes)


def test_counts_of_primes_fit_a_sample():
    """The counts of the error bound, against the density in random windows."""
    rng = np.random.default_rng(5)
    width, windows = 4000, 60
    source = moduli.LARGE
    primes = safe = circle = 0
    for start in rng.integers(source.low, source.high - width, windows).tolist():
        found = [n for n in range(start | 1, start + width, 2) if moduli.is_prime(n)]
        primes += len(found)
        safe += sum(moduli.is_prime((p - 1) // 2) for p in found)
        circle += sum(p % 4 == 1 and moduli.is_prime((p - 1) // 4) for p in found)
    scale = (source.high - source.low) / (width * windows)
    assert primes * scale == pytest.approx(source.primes, rel=0.05)
    assert safe * scale == pytest.approx(source.safe_primes, rel=0.25)
    assert circle * scale == pytest.approx(source.circle_primes, rel=0.35)


def test_counts_of_small_primes_are_exact():
    source = moduli.SMALL
    sieve = np.ones(source.high, bool)
    sieve[:2] = False
    for n in range(2, int(source.high**0.5) + 1):
        if sieve[n]:
            sieve[n * n :: n] = False
    primes = np.flatnonzero(sieve[source.low :]) + source.low
    assert len(primes) == source.primes
    assert sieve[(primes - 1) // 2].sum() == source.safe_primes
    quarters = primes[primes % 4 == 1] // 4
    assert sieve[quarters].sum() == source.circle_primes


@pytest.mark.parametrize("mode", [Mode(), Mode(scaling=True), Mode(ties=False, scaling=True)])
def test_weights_of_a_maximum_sum_to_one(mode):
    f = field(mode=mode)
    x = f.random((20, 5), F32)
    weights = f.chooser.weights.weigh(x.rows.reshape(len(f.m), 20, 5), None).weights
    assert (residues.total(weights, f.m) == 1).all()
    won = f.sum(f.winner(x))
    assert (won.rows == 1).all()


def test_known_orders_are_decided():
    f = field()
    x = f.random((4,), F32)
    shifted = f.add(x, f.lift(np.array([1.0, -2.0, 0.25, 0.0]), F32))
    larger = f.maximum(x, shifted)
    expected = np.where([True, False, True, False], shifted.rows, x.rows)
    assert (larger.rows == expected).all()
    assert (f.compare("gt", shifted, x).rows == np.array([1, 0, 1, 0])).all()


def test_different_sets_get_different_weights():
    f = field(mode=Mode(scaling=True))
    x = f.random((50,), F32)
    zero = f.lift(np.zeros(50), F32)
    relu = f.maximum(x, zero).rows
    mirrored = f.maximum(f.neg(x), zero).rows
    three = f.lift(np.full(50, 3.0), F32)
    scaled = f.maximum(f.mul(three, x), zero).rows
    square = f.maximum(f.mul(x, x), x).rows
    assert (scaled == residues.multiply(relu, np.full_like(relu, 3), f.m)).all()
    assert (relu != mirrored).any(axis=0).all()
    assert (square != relu).any(axis=0).all()


def test_exponentials_and_logarithms_are_inverse_homomorphisms():
    f = field(exponents=True)
    a, b = f.random((6,), F32), f.random((6,), F32)
    points = f.points
    product = f.mul(f.function("exp", [a], (6,), F32), f.function("exp", [b], (6,), F32))
    joint = f.function("exp", [f.add(a, b)], (6,), F32)
    assert (product.rows[:points] == joint.rows[:points]).all()
    logs = log_term(f, product)
    assert (logs.rows[points:] == f.add(a, b).rows[points:]).all()
    u = f.random((6,), F32)
    v = f.random((6,), F32)
    both = f.add(log_term(f, u), log_term(f, v))
    assert (both.rows[points:] == log_term(f, f.mul(u, v)).rows[points:]).all()
    back = f.function("exp", [both], (6,), F32)
    assert (back.rows[:points] == f.mul(u, v).rows[:points]).all()


def test_discrete_logarithms_invert_powers():
    f = field(exponents=True)
    exponents = np.stack([f.rng.integers(0, q, 9) for q in f.moduli.q])
    powers = np.stack(
        [
            [
                pow(pow(f.generators[int(p)], int(base), int(p)), int(e), int(p))
                for e in exponents[row]
            ]
            for row, (p, base) in enumerate(zip(f.moduli.p, f.bases, strict=True))
        ]
    ).astype(np.int64)
    assert (discrete_logs(f, powers) == exponents).all()


def test_points_of_the_circle():
    f = field(mode=Mode(circle=True), exponents=True)
    points, m = f.points, f.moduli.p[:, None]
    a = f.random((6,), F32)
    cos, sin = (f.function(name, [a], (6,), F32) for name in ("cos", "sin"))
    x, y = cos.rows[:points], sin.rows[:points]
    assert ((x * x + y * y) % m == 1).all()
    i = f.law(Imaginary).units[:, None]
    assert (i * i % m == m - 1).all()
    point = (x + i * y % m) % m
    rows = zip(point[:, 0].tolist(), f.moduli.q.tolist(), f.moduli.p.tolist(), strict=True)
    assert all(pow(t, q, p) == 1 for t, q, p in rows)
    assert (point != 1).all()
    base = f.function("exp", [a], (6,), F32)
    assert (base.rows[:points] != point).all()
    opposite = f.function("sin", [f.neg(a)], (6,), F32)
    assert (opposite.rows == f.neg(sin).rows).all()  # modulo q as well
    for name, value in (("cos", 1), ("sin", 0)):
        at_zero = f.function(name, [f.lift(np.zeros(2))], (2,), F32)
        assert (at_zero.rows == value).all()


@pytest.mark.parametrize("nested", [False, True])
def test_powers_of_different_points_of_the_circle_differ(nested):
    f = field(mode=Mode(circle=True, nested=nested), exponents=True)
    a = f.random((20,), F32)
    inner = [f.function(name, [a], (20,), F32) for name in ("cos", "sin")]
    outer = [f.function(name, [x], (20,), F32) for name in ("exp", "cos", "sin") for x in inner]
    columns = np.concatenate([x.rows for x in outer], axis=1)
    upright = np.minimum(columns, f.m[:, None] - columns)  # up to the sign
    assert np.unique(upright, axis=1).shape == columns.shape


def test_logarithms_on_the_circle_are_unknown_functions():
    f = field(mode=Mode(circle=True), exponents=True)
    u, v = f.random((6,), F32), f.random((6,), F32)
    logs = [f.function("log", [x], (6,), F32) for x in (u, v, f.mul(u, v))]
    assert not (f.add(logs[0], logs[1]).rows == logs[2].rows).any()
    assert all(LOGARITHMS.of(x).parity is None and not x.growth.logs for x in logs)
    assert f.function("exp", [logs[0]], (6,), F32) is u


def test_digests_depend_on_every_row():
    rng = np.random.default_rng(6)
    key = rng.integers(0, 2**64, mixing.WORDS, dtype=np.uint64)
    rows = rng.integers(0, 2**31, (10, 1))
    first = mixing.digest(rows, key)
    for row in range(10):
        other = rows.copy()
        other[row] ^= 1
        assert (mixing.digest(other, key) != first).all()


def test_the_bound_grows_with_degree_and_with_arguments():
    f = field()
    small = miss_probability(f)
    x = f.random((3,), F32)
    for _ in range(10):
        x = f.mul(x, x)
    steep = miss_probability(f)
    f.atoms = 10**6
    assert small < steep < miss_probability(f) <= 1.0
    for _ in range(25):
        x = f.mul(x, x)
    assert miss_probability(f) == 1.0  # a degree beyond the primes proves nothing


def test_sets_that_are_compared_up_to_a_factor_count_one_point_a_prime():
    bounds = []
    for scaling in (False, True):
        f = Field(0, Mode(scaling=scaling))
        x, y = f.random((50,), F32), f.random((50,), F32)
        _ = f.maximum(x, y).rows
        bounds.append(miss_probability(f))
        assert f.chooser.weights.scaled == (50 if scaling else 0)
        assert miss_probability(f, primes=3) < miss_probability(f, primes=2)
    both_points, one_point = np.log2(bounds)
    assert one_point > both_points + 10  # bits
