"""The page that `verify notes` writes: every claim with its verdicts, counterexamples drawn.

What notebooks show of one verdict (`notebook.py`) needs neither the page nor the claims.
"""

from typing import Any

__all__ = ["write"]


def write(settled: Any, path: Any, *, size: Any = "small") -> None:
    """Writes the page: see `page.py`."""
    from verify.report import page

    page.write(settled, path, size=size)
