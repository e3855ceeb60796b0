"""What few seeds allow to say: the interval against SciPy's Student distribution."""

import numpy as np
import pytest
from scipy import stats

from experiments.claims.statistics import paired, spread


@pytest.mark.parametrize("n", [2, 3, 4, 5, 11])
def test_the_interval_is_students(n):
    rng = np.random.default_rng(n)
    first, second = rng.random((2, n))
    found = paired(first, second)
    low, high = stats.ttest_rel(first, second).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-3)


def test_swapping_the_sides_turns_the_sign():
    low, high = [0.1, 0.2, 0.3], [0.5, 0.7, 0.7]
    assert (paired(high, low).sign, paired(low, high).sign) == (1, -1)


def test_noise_and_a_single_seed_decide_nothing():
    assert paired([0.1, 0.9, 0.5], [0.2, 0.4, 0.6]).sign == 0
    assert paired([0.9], [0.1]).sign == 0


@pytest.mark.parametrize("pair", [([], []), ([1.0], [1.0, 2.0])])
def test_what_is_no_pair_is_an_error(pair):
    with pytest.raises(ValueError, match="not pairs"):
        paired(*pair)


def test_the_spread_is_that_of_a_sample():
    assert spread([1.0, 2.0, 4.0]) == pytest.approx(np.std([1, 2, 4], ddof=1))
