"""The page that `verify notes` writes: every claim with its verdicts, counterexamples drawn."""

from verify.report.page import write

__all__ = ["write"]
