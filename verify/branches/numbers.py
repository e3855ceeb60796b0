"""The sign of a number in a proof by branches: of what has no input, log(2) - 2/3 or 4 atan(1).

Worked out with 200 digits, and believed where it is larger than 1e-30 of its largest term: each
operation is right to the last digit, a sum loses 30 digits at most, and a function of what is lost
may lose as much again, but five of them within one another leave 50. A number that is smaller has
no sign here, and is a tie or none like any other polynomial.
"""

from __future__ import annotations

from decimal import Decimal, localcontext

from verify.branches.asked import Terms
from verify.branches.polynomials import Polynomial, Quotient

_DIGITS, _CERTAIN, _DEEP = 200, Decimal("1e-30"), 5
_LARGEST = 100  # exponents
_HALVINGS = 4


class _Unknown(Exception):
    """A function that is not worked out here, or where it has no value."""


def sign(terms: Terms, p: Polynomial) -> int | None:
    """1 or -1 where it is certain."""
    with localcontext() as context:
        context.prec = _DIGITS
        try:
            value, size = _value(terms, p, _DEEP)
        except (_Unknown, ArithmeticError):
            return None
        if abs(value) <= _CERTAIN * size:
            return None
        return 1 if value > 0 else -1


def _value(terms: Terms, p: Polynomial, deep: int) -> tuple[Decimal, Decimal]:
    """The value, and the largest of its terms."""
    total, size = Decimal(0), Decimal(0)
    for m, c in p.items():
        term = Decimal(c.numerator) / Decimal(c.denominator)
        for a, e in m:
            base = _atom(terms, a, deep)
            if e.denominator == 1:
                term *= base ** int(e)
            elif base > 0 and abs(e) < _LARGEST:
                term *= (base.ln() * Decimal(e.numerator) / Decimal(e.denominator)).exp()
            else:
                raise _Unknown
        total, size = total + term, max(size, abs(term))
    return total, size


def _quotient(terms: Terms, u: Quotient, deep: int) -> Decimal:
    parts = []
    for p in (u.over, u.under):
        value, size = _value(terms, p, deep)
        if abs(value) <= _CERTAIN * size:  # too little is known of it for a function of it
            raise _Unknown
        parts.append(value)
    return parts[0] / parts[1]


def _atom(terms: Terms, a: int, deep: int) -> Decimal:
    atom = terms.atoms[a]
    known = atom.kind == "fn" and atom.name[0] == "atan"
    if atom.kind not in ("exp", "log", "root") and not known:
        raise _Unknown
    if not deep:
        raise _Unknown
    x = _quotient(terms, atom.args[0], deep - 1)
    if atom.kind == "exp" and abs(x) < _LARGEST:
        return x.exp()
    if atom.kind == "log" and x > 0:
        return x.ln()
    if atom.kind == "root" and x > 0:
        return x.sqrt()
    if atom.kind == "fn":
        return _arctangent(x)
    raise _Unknown


def _arctangent(x: Decimal) -> Decimal:
    """atan x = 2 atan(x / (1 + sqrt(1 + x x))), and its series once that is small."""
    for _ in range(_HALVINGS):
        x = x / (1 + (1 + x * x).sqrt())
    total, power, n = Decimal(0), x, 1
    while abs(power) > Decimal(10) ** -(_DIGITS + 5):
        total += power / n
        power, n = -power * x * x, n + 2
    return total * 2**_HALVINGS
