"""The page that `verify notes` writes: every claim with its verdicts, counterexamples drawn.

What notebooks show of one verdict (`notebook.py`) needs neither the page nor the claims.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verify.claims.claim import Settled, Size

__all__ = ["write"]


def write(settled: Sequence[Settled], path: Path, *, size: Size = "small") -> None:
    """Writes the page: see `page.py`."""
    from verify.report import page

    page.write(settled, path, size=size)
