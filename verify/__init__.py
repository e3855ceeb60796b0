"""verify: proves that two JAX programs are the same function, or shows where they differ."""

from verify.dependence import dependence
from verify.derivatives import derivatives
from verify.equivalence import assert_equivalent, equivalent
from verify.faithful import faithful
from verify.verdict import Counterexample, Rounding, Verdict

__all__ = [
    "Counterexample",
    "Rounding",
    "Verdict",
    "assert_equivalent",
    "dependence",
    "derivatives",
    "equivalent",
    "faithful",
]
