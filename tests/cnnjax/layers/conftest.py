"""Layers are tested with implicit promotion forbidden: neither dtypes nor ranks may be promoted."""

import jax
import pytest


@pytest.fixture(autouse=True)
def strict_promotion():
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield
