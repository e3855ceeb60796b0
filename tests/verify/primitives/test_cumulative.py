"""The rules of running sums, products and maxima mean what JAX means by them."""

import numpy as np
import pytest
from jax import lax

from tests.verify.harness import check_rule
from verify.primitives import cumulative

INT = np.random.default_rng(0).integers(-(2**31), 2**31, (4, 7)).astype(np.int32)
BYTE = np.random.default_rng(1).integers(0, 256, (4, 7)).astype(np.uint8)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", ["cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"])
@pytest.mark.parametrize(
    ("shape", "axis"), [((4, 7), 1), ((4, 7), 0), ((3, 2, 5), 1), ((1,), 0), ((2, 0), 1), ((8,), 0)]
)
def test_running_fold_means_what_jax_means(name: str, shape, axis: int, reverse: bool) -> None:
    function = getattr(lax, name)
    check_rule(lambda x: function(x, axis=axis, reverse=reverse), np.zeros(shape))


@pytest.mark.parametrize("x", [INT, BYTE], ids=["int32", "uint8"])
@pytest.mark.parametrize("name", ["cumsum", "cumprod", "cummax", "cummin"])
def test_integers_wrap(name: str, x: np.ndarray) -> None:
    check_rule(lambda i: getattr(lax, name)(i, axis=1), x)


@pytest.mark.parametrize("size", [1, 2, 5, 8])
@pytest.mark.parametrize("name", ["cummax", "cummin"])
def test_long_axes_take_another_way_to_the_same(
    name: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cumulative, "BLOCK", 0)
    check_rule(lambda x: getattr(lax, name)(x, axis=0), np.zeros((size, 2)))
