"""verify: proves that two JAX programs are the same function, or shows where they differ."""

from verify import verdict
from verify.assertions import assert_derivatives, assert_equivalent, assert_faithful
from verify.checks.dependence import dependence
from verify.checks.derivatives import derivatives
from verify.checks.faithful import faithful
from verify.equivalence import equivalent
from verify.found import Counterexample
from verify.verdict import Rounding, Verdict, rounding

__all__ = [
    "Counterexample",
    "Rounding",
    "Verdict",
    "assert_derivatives",
    "assert_equivalent",
    "assert_faithful",
    "dependence",
    "derivatives",
    "equivalent",
    "faithful",
    "rounding",
]


def _drawing(found: Verdict) -> str:
    from verify.report import notebook  # only where somebody looks

    return notebook.html(found)


verdict.drawing = _drawing
