"""Rows of the primitives that work element by element."""

from __future__ import annotations

from verify.programs.catalogue.facts import Fact as F
from verify.programs.catalogue.facts import Origin, Row

_EACH = F.ELEMENTWISE | F.COMPILED
_COMPARES = _EACH | F.COMPARES | F.EXACT
_CHOOSES = _EACH | F.CHOOSES | F.EXACT
_RISES = _EACH | F.ODD | F.KEEPS_SIGN | F.INCREASING
_SPECIAL = F.ELEMENTWISE | F.PARTIAL  # not measured
_SAME = F.ELEMENTWISE | F.MOVES | F.LINEAR | F.EXACT | F.KEEPS_SIGN | F.COMPILED
_INTEGERS = _EACH | F.EXACT
_ZERO = F.PARTIAL | F.SEES_ZERO_SIGN

FUNCTIONS = (
    # Sums and products.
    Row("add", _EACH | F.LINEAR | F.ADDS | F.COMMUTES | F.KEEPS_SIGN),
    Row("add_any", _EACH | F.LINEAR | F.ADDS | F.COMMUTES | F.KEEPS_SIGN),
    Row("sub", _EACH | F.LINEAR | F.ADDS),
    Row("neg", _EACH | F.LINEAR | F.ODD | F.EXACT),
    Row("mul", _EACH | F.BILINEAR | F.COMMUTES | F.KEEPS_SIGN),
    Row("div", _EACH | F.KEEPS_SIGN | _ZERO, linear_in=(0,)),
    Row("square", _EACH | F.EVEN | F.NOT_NEGATIVE | F.KEEPS_SIGN),
    Row("integer_pow", _EACH | F.KEEPS_SIGN | _ZERO),
    Row("pow", _EACH | F.EXPONENTIAL | F.LOGARITHM | F.ROOT | _ZERO),
    Row("rem", _EACH | F.JUMPS | F.PARTIAL),
    # Comparisons and choices.
    Row("eq", _COMPARES | F.COMMUTES),
    Row("ne", _COMPARES | F.COMMUTES),
    Row("lt", _COMPARES | F.ORDERS),
    Row("le", _COMPARES | F.ORDERS),
    Row("gt", _COMPARES | F.ORDERS),
    Row("ge", _COMPARES | F.ORDERS),
    Row("eq_to", _COMPARES | F.COMMUTES),
    Row("lt_to", _COMPARES | F.ORDERS),
    Row("le_to", _COMPARES | F.ORDERS),
    Row("is_finite", _EACH | F.EXACT),
    Row("max", _CHOOSES | F.ORDERS | F.COMMUTES | F.KEEPS_SIGN),
    Row("min", _CHOOSES | F.ORDERS | F.COMMUTES | F.KEEPS_SIGN),
    Row("clamp", _CHOOSES | F.ORDERS | F.KEEPS_SIGN),
    Row("select_n", _CHOOSES, linear_in=range(1, 1000)),
    Row("abs", _CHOOSES | F.EVEN | F.NOT_NEGATIVE | F.KEEPS_SIGN),
    Row("sign", _EACH | F.ORDERS | F.ODD | F.KEEPS_SIGN | F.EXACT),
    # Whole numbers.
    Row("floor", _EACH | F.JUMPS | F.EXACT),
    Row("ceil", _EACH | F.JUMPS | F.EXACT),
    Row("round", _EACH | F.JUMPS | F.ODD | F.EXACT),
    # Roots.
    Row("sqrt", _EACH | F.ROOT | F.NOT_NEGATIVE | F.KEEPS_SIGN | _ZERO | F.INCREASING),
    Row("rsqrt", _EACH | F.ROOT | F.POSITIVE | F.KEEPS_SIGN | _ZERO),
    Row("cbrt", _RISES),
    # Exponentials and logarithms.
    Row("exp", _EACH | F.EXPONENTIAL | F.POSITIVE | F.KEEPS_SIGN | F.INCREASING | F.ONE_AT_ZERO),
    Row("exp2", _EACH | F.EXPONENTIAL | F.POSITIVE | F.KEEPS_SIGN | F.INCREASING | F.ONE_AT_ZERO),
    Row("expm1", _EACH | F.EXPONENTIAL | F.KEEPS_SIGN | F.INCREASING),
    Row("logistic", _EACH | F.EXPONENTIAL | F.POSITIVE | F.KEEPS_SIGN | F.INCREASING),
    Row("tanh", _RISES | F.EXPONENTIAL),
    Row("sinh", _RISES | F.EXPONENTIAL),
    Row("cosh", _EACH | F.EXPONENTIAL | F.EVEN | F.POSITIVE | F.KEEPS_SIGN | F.ONE_AT_ZERO),
    Row("log", _EACH | F.LOGARITHM | _ZERO | F.INCREASING),
    Row("log2", F.ELEMENTWISE | F.LOGARITHM | _ZERO | F.INCREASING, origin=Origin.OTHER_JAX),
    Row("log1p", _EACH | F.LOGARITHM | F.KEEPS_SIGN | _ZERO | F.INCREASING),
    Row("asinh", _RISES | F.LOGARITHM | F.ROOT),
    Row("acosh", _EACH | F.LOGARITHM | F.ROOT | F.NOT_NEGATIVE | F.PARTIAL | F.INCREASING),
    Row("atanh", _RISES | F.LOGARITHM | F.PARTIAL),
    # Angles.
    Row("sin", _EACH | F.TURNS | F.ODD),
    Row("cos", _EACH | F.TURNS | F.EVEN | F.ONE_AT_ZERO),
    Row("tan", _EACH | F.TURNS | F.ODD | F.PARTIAL),
    Row("asin", _RISES | F.PARTIAL),
    Row("acos", _EACH | F.NOT_NEGATIVE | F.PARTIAL),
    Row("atan", _RISES),
    Row("atan2", _EACH | F.SEES_ZERO_SIGN),
    # Special functions.
    Row("erf", _RISES),
    Row("erfc", _EACH | F.POSITIVE | F.KEEPS_SIGN | F.ONE_AT_ZERO),
    Row("erf_inv", _RISES | F.PARTIAL),
    Row("lgamma", _EACH | F.PARTIAL),
    Row("digamma", _EACH | F.PARTIAL),
    Row("bessel_i0e", F.ELEMENTWISE | F.EVEN | F.POSITIVE | F.KEEPS_SIGN | F.ONE_AT_ZERO),
    Row("bessel_i1e", F.ELEMENTWISE | F.ODD | F.KEEPS_SIGN),
    Row("igamma", _SPECIAL),
    Row("igammac", _SPECIAL),
    Row("igamma_grad_a", _SPECIAL),
    Row("random_gamma_grad", _SPECIAL, origin=Origin.OTHER_JAX),
    Row("polygamma", _SPECIAL),
    Row("zeta", _SPECIAL),
    Row("regularized_incomplete_beta", _SPECIAL),
    # Complex numbers.
    Row("complex", F.ELEMENTWISE | F.LINEAR | F.EXACT),
    Row("real", F.ELEMENTWISE | F.LINEAR | F.EXACT),
    Row("imag", F.ELEMENTWISE | F.LINEAR | F.EXACT),
    Row("conj", F.ELEMENTWISE | F.LINEAR | F.EXACT),
    # Formats, and the bits of floats.
    Row("convert_element_type", _EACH | F.LINEAR | F.CASTS | F.KEEPS_SIGN),
    Row("reduce_precision", _EACH | F.LINEAR | F.CASTS | F.KEEPS_SIGN | F.SEES_DIGITS),
    Row("nextafter", F.ELEMENTWISE | F.SEES_BITS),
    # Truth values and the bits of integers.
    Row("not", _INTEGERS),
    Row("and", _INTEGERS | F.COMMUTES),
    Row("or", _INTEGERS | F.COMMUTES),
    Row("xor", _INTEGERS | F.COMMUTES),
    Row("mulhi", _INTEGERS | F.COMMUTES),
    Row("shift_left", _INTEGERS),
    Row("shift_right_logical", _INTEGERS),
    Row("shift_right_arithmetic", _INTEGERS),
    Row("population_count", _INTEGERS),
    Row("clz", _INTEGERS),
    Row("threefry2x32", _INTEGERS),
    # What is its operand: only the compiler, or a derivative, sees a difference.
    Row("copy", _SAME),
    Row("copy_p", _SAME, origin=Origin.OTHER_JAX),
    Row("stop_gradient", _SAME),
    Row("name", _SAME),
    # What verify makes of numbers that literals stand for.
    Row("one_minus_square", F.ELEMENTWISE | F.EVEN, origin=Origin.VERIFY),
    Row("polynomial", F.ELEMENTWISE, origin=Origin.VERIFY),
)
