"""Arithmetic on rows of residues, each row modulo its own prime.

An array of residues has shape `(rows, *shape)` and dtype int64; row `r` holds values modulo
`moduli[r]`, all below 2**31, so that a product fits into an int64.

Matrix products go through float64 BLAS: residues are split into a low half below 2**16 and a high
half below 2**15, and every partial sum of products of halves stays below 2**53 for up to 2**19
terms (Karatsuba's middle product has halves below 2**17), so float64 sums are exact.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np

from verify.algebras import products
from verify.algebras.field import compiled
from verify.limits import budget

_HALF = 16
_PARALLEL = 2**21  # elements from which several threads are worth starting
_LARGE = 2**20  # products of more elements than this are computed by a compiled kernel
_BLOCK = 2**17  # elements of a block of one operand
_SHORT = 128  # elements of a row
_ONE_BY_ONE = 200  # different numbers of a row that Python inverts faster than NumPy does
_TERMS = 2**18  # a dot product longer than this is summed in pieces


def column(moduli: np.ndarray, ndim: int) -> np.ndarray:
    """The moduli shaped to broadcast against `(rows, *shape)` arrays of `ndim` dimensions."""
    return moduli.reshape((-1,) + (1,) * (ndim - 1))


def short(x: np.ndarray) -> bool:
    """Whether rows are so short that a loop over them costs more than it saves."""
    return x.ndim > 1 and x[:1].size <= _SHORT and len(x) > 8


def reduce(x: np.ndarray, moduli: np.ndarray) -> np.ndarray:
    """x modulo its row's prime; a scalar modulus for each row is twice as fast as a column."""
    budget.spend(x.size + budget.OPERATION * len(x))
    if x.ndim == 1:
        return x % moduli
    if short(x):
        return np.remainder(x, column(moduli[: len(x)], x.ndim))
    out = np.empty_like(x)

    def one(row: int) -> None:
        np.remainder(x[row], int(moduli[row]), out=out[row, ...])

    each_row(one, x)
    return out


def each_row(one: Callable[[int], None], x: np.ndarray) -> None:
    """Calls `one` for every row, in several threads where the rows are long (NumPy lets others run
    while it computes)."""
    if x.size < _PARALLEL:
        for row in range(len(x)):
            one(row)
        return
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        list(pool.map(one, range(len(x))))


def take(x: np.ndarray, index: np.ndarray) -> np.ndarray:
    """(rows, N) -> (rows, *index.shape)."""
    budget.spend(len(x) * (index.size + budget.OPERATION))
    out = np.empty((len(x), *index.shape), x.dtype)
    if short(out):
        np.take(x, index, axis=1, out=out, mode="clip")
        return out

    def one(row: int) -> None:
        np.take(x[row], index, out=out[row, ...], mode="clip")  # other modes buffer the result

    each_row(one, out)
    return out


def multiply(a: np.ndarray, b: np.ndarray, moduli: np.ndarray) -> np.ndarray:
    return reduce(a * b, moduli)


def add(a: np.ndarray, b: np.ndarray, moduli: np.ndarray) -> np.ndarray:
    """The sum of residues: one subtraction where it is too large, much faster than a remainder."""
    budget.spend(a.size + budget.OPERATION * len(a))
    if a.ndim == 1:
        return (a + b) % moduli
    if short(a):
        every = column(moduli[: len(a)], a.ndim)
        total = a - (every - b)
        return np.where(total < 0, total + every, total)
    out = np.empty_like(a)

    def one(row: int) -> None:
        modulus = int(moduli[row])
        total = np.subtract(a[row], modulus - b[row], out=out[row, ...])
        total += (total >> 63) & modulus

    each_row(one, a)
    return out


def matmul(a: np.ndarray, b: np.ndarray, moduli: np.ndarray) -> np.ndarray:
    """(rows, B, M, K) x (rows, B, K, N) -> (rows, B, M, N), exact."""
    terms = a.shape[-1]
    if not (a.size and b.size):
        return np.zeros((*a.shape[:-1], b.shape[-1]), np.int64)
    size, result = a.size + b.size, a[..., 0].size * b.shape[3]
    # Where little comes out of much, the operands are only read: nothing to gain.
    large = size + result >= _LARGE and 64 * result >= size
    longest = compiled.TERMS if large else _TERMS
    if terms > longest:
        total = None
        for start in range(0, terms, longest):
            part = matmul(
                a[..., start : start + longest], b[..., start : start + longest, :], moduli
            )
            total = part if total is None else reduce(total + part, moduli)
        assert total is not None
        return total
    if large:
        return _in_pieces(a, b, moduli)
    step = max(64, _BLOCK // (a.shape[1] * max(a.shape[2], b.shape[3])))
    if size >= _LARGE and terms > step:
        return _in_blocks(a, b, moduli, step)
    products.spend(4 * result * terms)
    a_low, a_high = (a & 0xFFFF).astype(np.float64), (a >> _HALF).astype(np.float64)
    b_low, b_high = (b & 0xFFFF).astype(np.float64), (b >> _HALF).astype(np.float64)
    low, high = a_low @ b_low, a_high @ b_high
    middle = (a_low + a_high) @ (b_low + b_high) - low - high
    # high < 2**49, middle < 2**52, low < 2**50: each sum below stays under 2**63.
    result = (reduce(high.astype(np.int64), moduli) << _HALF) + middle.astype(np.int64)
    result = (reduce(result, moduli) << _HALF) + low.astype(np.int64)
    return reduce(result, moduli)


def _in_blocks(a: np.ndarray, b: np.ndarray, moduli: np.ndarray, step: int) -> np.ndarray:
    """A row at a time, so many terms at a time, in memory that is used again: fresh pages cost more
    than the products of operands that are read once."""
    out = np.zeros((*a.shape[:-1], b.shape[-1]), np.int64)
    for row in range(len(moduli)):
        one, two, m = a[row : row + 1], b[row : row + 1], moduli[row : row + 1]
        for start in range(0, a.shape[-1], step):
            some = slice(start, start + step)
            out[row] += matmul(one[..., some], two[..., some, :], m)[0]
    return reduce(out, moduli)


def _in_pieces(a: np.ndarray, b: np.ndarray, moduli: np.ndarray) -> np.ndarray:
    """Compiled products, of no more rows of a (or columns of b) at a time than take a moment."""
    rows, columns = a.shape[2], b.shape[3]
    across = rows < columns
    terms = 3 * len(moduli) * a.shape[1] * a.shape[3]  # of limbs, for one element of the result
    each = terms * (rows if across else columns)
    parts = []
    for piece in products.pieces(columns if across else rows, each):
        one, two = (a, b[..., piece]) if across else (a[:, :, piece], b)
        products.spend(terms * one.shape[2] * two.shape[3])
        parts.append(compiled.matmul(one, two, moduli))
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=3 if across else 2)


def total(x: np.ndarray, moduli: np.ndarray) -> np.ndarray:
    """The sum over the last axis: int64 sums of values below 2**31 are safe to 2**32 terms."""
    return reduce(x.sum(axis=-1), moduli)


def power(x: np.ndarray, exponent: int, moduli: np.ndarray) -> np.ndarray:
    """x**exponent for one exponent >= 0 (square and multiply)."""
    result = np.ones_like(x)
    while exponent:
        if exponent & 1:
            result = multiply(result, x, moduli)
        exponent >>= 1
        if exponent:
            x = multiply(x, x, moduli)
    return result


def inverse(x: np.ndarray, moduli: np.ndarray) -> np.ndarray:
    """x**-1, row by row; zero stays zero."""
    if x.size > _ONE_BY_ONE and short(x):
        return _inverses(x, column(moduli, x.ndim))
    out = np.empty_like(x)
    for row, modulus in enumerate(moduli):
        # Few distinct denominators are common (a mean, a variance a channel): invert each once.
        values, where = np.unique(x[row], return_inverse=True)
        if len(values) <= _ONE_BY_ONE:
            budget.spend(100 * len(values) + budget.OPERATION)
            inverses = _one_by_one(values, int(modulus))
        else:  # by Fermat's little theorem
            inverses = power(values[None], int(modulus) - 2, moduli[row : row + 1])[0]
        out[row] = inverses[where].reshape(x.shape[1:])
    return out


def _one_by_one(values: np.ndarray, modulus: int) -> np.ndarray:
    """Python inverts a number in less than a microsecond."""
    inverses = [pow(v, -1, modulus) if v else 0 for v in values.tolist()]
    return np.array(inverses, dtype=np.int64)


def _inverses(x: np.ndarray, moduli: np.ndarray) -> np.ndarray:
    """All rows at once, whose exponents differ."""
    exponents, result = moduli - 2, np.ones_like(x)
    budget.spend(2 * int(moduli.max()).bit_length() * (x.size + budget.OPERATION))
    while exponents.any():
        result = np.where(exponents & 1, result * x % moduli, result)
        x, exponents = x * x % moduli, exponents >> 1
    return result


def inverse_of_integer(n: int, moduli: np.ndarray) -> np.ndarray:
    """(rows,) inverses of one integer."""
    return np.array([pow(n % int(m), -1, int(m)) for m in moduli], dtype=np.int64)


def from_integers(x: np.ndarray, moduli: np.ndarray) -> np.ndarray:
    """Machine or Python integers as residues."""
    x = np.asarray(x)
    x = x.astype(object if x.dtype in (np.uint64, object) else np.int64)
    rows = [np.asarray(x % int(m)).astype(np.int64) for m in moduli]
    return np.stack(rows) if rows else np.empty((0, *x.shape), np.int64)


_NARROW = 24  # bits of a float32's significand, fewer than those of any modulus but the small ones


def from_floats(x: np.ndarray, moduli: np.ndarray) -> np.ndarray:
    """Finite floats as residues: a float is the dyadic rational mantissa * 2**exponent, exactly."""
    x = np.asarray(x, dtype=np.float64)
    if x.size > 1 and (x == x.flat[0]).all():  # zeros to compare with, say
        one = from_floats(np.asarray(x.flat[0]), moduli)
        return np.broadcast_to(one.reshape(-1, *(1,) * x.ndim), (len(one), *x.shape))
    mantissa, exponent = np.frexp(x)
    # Of float32 numbers 24 bits are as many as there are, and residues already.
    bits = _NARROW if (np.ldexp(mantissa, _NARROW) % 1 == 0).all() else 53
    integer = np.ldexp(mantissa, bits).astype(np.int64)
    shift = exponent.astype(np.int64) - bits
    shift = np.where(integer == 0, 0, shift)
    values, where = np.unique(shift, return_inverse=True)
    rows: dict[int, np.ndarray] = {}
    for m in dict.fromkeys(moduli.tolist()):  # two points share a prime
        scale = np.array([pow(2, int(s), m) for s in values], dtype=np.int64)
        small = integer if 2**bits <= m else integer % m
        rows[m] = small * scale[where].reshape(integer.shape) % m
    return np.stack([rows[m] for m in moduli.tolist()])


def rational(residues: list[int], primes: list[int], bits: int = 36) -> tuple[int, int] | None:
    """The fraction n/d with |n|, d < 2**bits that has these residues, or None.

    Wang's rational reconstruction, after the Chinese remainder theorem. It is unique when
    2**(2 bits + 1) is below the product of the primes, and a number that is no such fraction
    passes for one with probability about 2**(2 bits + 1) / product.
    """
    value, modulus = 0, 1
    for residue, prime in zip(residues, primes, strict=True):
        step = (residue - value) * pow(modulus, -1, prime) % prime
        value, modulus = value + modulus * step, modulus * prime
    bound = 1 << bits
    budget.spend(10 * budget.OPERATION)
    old, new = (modulus, 0), (value, 1)
    while new[0] >= bound:
        quotient = old[0] // new[0]
        old, new = new, (old[0] - quotient * new[0], old[1] - quotient * new[1])
    numerator, denominator = new
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    if denominator == 0 or denominator >= bound or math.gcd(numerator, denominator) != 1:
        return None
    return numerator, denominator


def fraction(ratio: np.ndarray, primes: np.ndarray) -> Fraction | None:
    """The fraction with these residues, a prime a number: of 36 bits at most, and no more than
    leave a chance of 2**-60 that a number that is none passes for one; None for another number."""
    bits = min(36, int(sum(map(math.log2, primes.tolist())) - 60) // 2)
    found = rational(ratio.tolist(), primes.tolist(), bits) if bits > 1 else None
    return None if found is None else Fraction(*found)
