"""The settings of JAX and NumPy that verify's own arithmetic runs under.

A caller may debug with JAX's flags on: an array that has a NaN raises, a transfer from the host is
forbidden, types or ranks are not promoted silently. They are about his programs as he runs them. We
run programs, and parts of them, at inputs where NaN and infinities are to be expected.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import jax
import numpy as np


@contextmanager
def usual() -> Iterator[None]:
    """JAX's and NumPy's own settings within, whatever the caller's are.

    >>> with jax.debug_nans(True), usual():
    ...     print(jax.numpy.zeros(1) / 0)
    [nan]
    """
    with ExitStack() as settings:
        settings.enter_context(
            np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
        )
        settings.enter_context(jax.debug_nans(False))
        settings.enter_context(jax.debug_infs(False))
        settings.enter_context(jax.numpy_rank_promotion("allow"))
        settings.enter_context(jax.numpy_dtype_promotion("standard"))
        settings.enter_context(jax.transfer_guard("allow"))
        yield
