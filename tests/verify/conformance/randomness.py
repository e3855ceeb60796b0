"""Proposals of random keys and bits, of every generator of JAX's."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax import lax

from tests.verify.conformance import numbers
from tests.verify.conformance.proposals import (
    FLOATS,
    INTEGERS,
    Operand,
    Proposal,
    Source,
    generator,
)

_KEYS = ("threefry2x32", "rbg", "unsafe_rbg")
WORDS = {"threefry2x32": 2, "rbg": 4, "unsafe_rbg": 4}
UINT32 = np.dtype(np.uint32)


def _keys(r: Source, shape: tuple[int, ...], kind: str) -> Operand:
    def draw(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
        words = rng.integers(0, 2**32, (*shape, WORDS[kind]), dtype=np.uint32)
        return jax.random.wrap_key_data(words, impl=kind)

    return Operand(shape, jax.random.key(0, impl=kind).dtype, draw)


@generator("random_wrap")
def _wrap(r: Source, name: str) -> Proposal:
    kind = r.one_of(_KEYS)
    words = Operand((*r.shape(0, 2), WORDS[kind]), UINT32)
    return Proposal(name, lambda x: jax.random.wrap_key_data(x, impl=kind), (words,))


@generator("random_unwrap", "random_clone")
def _unwrap(r: Source, name: str) -> Proposal:
    function = jax.random.key_data if name == "random_unwrap" else jax.random.clone
    return Proposal(name, function, (_keys(r, r.shape(0, 2), r.one_of(_KEYS)),))


@generator("random_seed")
def _seed(r: Source, name: str) -> Proposal:
    kind, dtype = r.one_of(_KEYS), r.dtype(INTEGERS)
    return Proposal(name, lambda s: jax.random.key(s, impl=kind), (Operand((), dtype),))


@generator("random_split")
def _split(r: Source, name: str) -> Proposal:
    shape = r.shape(1, 2, 3)
    return Proposal(name, lambda k: jax.random.split(k, shape), (_keys(r, (), r.one_of(_KEYS)),))


@generator("random_fold_in")
def _fold_in(r: Source, name: str) -> Proposal:
    data = Operand((), r.dtype(INTEGERS), numbers.within(0, 9))
    return Proposal(name, jax.random.fold_in, (_keys(r, (), r.one_of(_KEYS)), data))


@generator("random_bits")
def _bits(r: Source, name: str) -> Proposal:
    shape, dtype = r.shape(0, 2), r.one_of([np.uint8, np.uint16, np.uint32, np.uint64])
    return Proposal(
        name, lambda k: jax.random.bits(k, shape, dtype), (_keys(r, (), r.one_of(_KEYS)),)
    )


@generator("random_gamma")
def _gamma(r: Source, name: str) -> Proposal:
    shape, dtype = r.shape(0, 2), r.one_of([np.float32, np.float64])
    alpha = Operand(shape, np.dtype(dtype), numbers.within(1, 4))
    return Proposal(
        name, lambda k, a: jax.random.gamma(k, a, dtype=dtype), (_keys(r, (), _KEYS[0]), alpha)
    )


@generator("rng_bit_generator")
def _generator(r: Source, name: str) -> Proposal:
    shape = r.shape(0, 2)
    dtype = r.one_of([np.uint8, np.uint16, np.uint32, np.uint64])
    algorithm = r.one_of(list(lax.RandomAlgorithm))
    key = Operand((r.one_of([4, 4, 2]),), r.one_of([UINT32, np.dtype(np.uint64)]))
    return Proposal(
        name, lambda k: lax.rng_bit_generator(k, shape, dtype, algorithm=algorithm), (key,)
    )


@generator("threefry2x32")
def _threefry(r: Source, name: str) -> Proposal:
    shape = r.shape(0, 2)
    return r.bind(name, [Operand(shape, UINT32) for _ in range(4)])


_ = FLOATS
