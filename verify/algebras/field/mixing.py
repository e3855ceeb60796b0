"""Random functions of residue tuples: the random oracle of random interpretation.

An unknown function (tanh, a maximum's choice, ...) is interpreted as a random function of the
residues of its arguments: equal arguments give equal results, others give independent ones
(Gulwani and Necula, "Random interpretation", POPL 2004).

`digest` condenses a column of residues to 192 bits, `expand` draws residues from a digest. Both are
keyed by random numbers of the trial, and mix with splitmix64's finaliser (Steele, Lea, Flood 2014).
"""

from __future__ import annotations

import hashlib

import numpy as np

from verify.algebras.field import residues
from verify.algebras.field.residues import each_row
from verify.limits import budget

WORDS = 3
DIGEST_BITS = 64 * WORDS

_A = np.uint64(0xBF58476D1CE4E5B9)
_B = np.uint64(0x94D049BB133111EB)
_STEP = np.uint64(0x9E3779B97F4A7C15)


def _mix(x: np.ndarray) -> np.ndarray:
    x = x ^ (x >> np.uint64(30))
    x *= _A
    x ^= x >> np.uint64(27)
    x *= _B
    x ^= x >> np.uint64(31)
    return x


def tag_words(tag: object) -> np.ndarray:
    """A name of anything with a stable repr: (WORDS,) words of a cryptographic hash, for who writes
    the programs also chooses what is named, and two tags of one name would be one function."""
    name = hashlib.blake2b(repr(tag).encode(), digest_size=8 * WORDS).digest()
    return np.frombuffer(name, np.uint64)


def digest(rows: np.ndarray, key: np.ndarray) -> np.ndarray:
    """(rows, *shape) residues -> (WORDS, *shape) words. `key`: WORDS random words."""
    budget.spend(WORDS * (rows.size + 4 * budget.OPERATION * len(rows)))
    shape = rows.shape[1:]
    if residues.short(rows):
        words = np.broadcast_to(key.reshape(-1, *[1] * len(shape)), (WORDS, *shape)).copy()
        with np.errstate(over="ignore"):
            for row in rows.astype(np.uint64) + _STEP:
                words = _mix(words + row)
        return words
    state = np.empty((WORDS, *shape), np.uint64)

    def one(word: int) -> None:
        with np.errstate(over="ignore"):
            value = np.full(shape, key[word], np.uint64)
            for row in rows:
                value = _mix(value + row.astype(np.uint64) + _STEP)
            state[word] = value

    each_row(one, state)
    return state


def combine(*digests: np.ndarray, tag: object = None) -> np.ndarray:
    """An ordered combination of digests, each (WORDS, ...) and broadcast against one another, and
    a tag."""
    with np.errstate(over="ignore"):
        words = tag_words(tag)
        value = None
        for part in digests:
            name = words.reshape(-1, *[1] * (part.ndim - 1))
            value = _mix((part if value is None else value * _STEP + part) + name)
    assert value is not None
    return value


def unordered(digests: np.ndarray, present: np.ndarray) -> np.ndarray:
    """The digest of a set: (WORDS, ..., S) -> (WORDS, ...); `present` (..., S) says who is in."""
    with np.errstate(over="ignore"):
        return _mix(np.where(present, _mix(digests + _STEP), np.uint64(0)).sum(axis=-1))


def expand(state: np.ndarray, moduli: np.ndarray) -> np.ndarray:
    """(WORDS, *shape) words -> (rows, *shape) residues, one independent draw a row."""
    out = np.empty((len(moduli), *state.shape[1:]), np.int64)
    budget.spend(2 * out.size + 8 * budget.OPERATION * len(out))
    if residues.short(out):
        row = np.arange(1, len(out) + 1, dtype=np.uint64) * _STEP
        row = residues.column(row, out.ndim)
        value = _mix(state[:1] + row)
        value = _mix(_mix(value ^ state[1:2]) + state[2:3])
        every = residues.column(moduli.astype(np.uint64), out.ndim)
        return (value % every).astype(np.int64)

    def one(row: int) -> None:
        with np.errstate(over="ignore"):
            value = _mix(state[0] + np.uint64((row + 1) * int(_STEP) % 2**64))
            value = _mix(value ^ state[1])
            value = _mix(value + state[2])
            out[row] = (value % np.uint64(moduli[row])).astype(np.int64)

    each_row(one, out)
    return out
