"""Random keys and bits: unknown functions of the key, where the key depends on the inputs.

(On constant keys JAX itself computes them, see `evaluate.py`.) Each element of a result is a
function of the key's words and of the element's place, so that equal keys give equal bits, and
nothing else is known about them. The same key must be used for the same shape: prefixes of longer
draws are not recognised. Which bits a key has depends on `jax.threefry_partitionable` where it is
used, so that is part of the function's name.

Threefry draws for each key of an array as for that key alone. The other generators do not: JAX
fills a batch with the bits of its first key, and what it fills has the batch's shape. So there the
draws are a function of all keys of the array together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import SupportsInt

import numpy as np

from verify.algebras.base import Unsupported, V
from verify.algebras.keys import bits_of, generator, keys_of
from verify.dtypes import DType
from verify.primitives.registry import Context, elementwise, flat_index, rule, spread


def _key_by_key(dtype: DType) -> bool:
    """Whether an array of keys of this dtype is what its keys are, one by one."""
    return generator(dtype)[0] == "threefry2x32"


def _together(ctx: Context[V], words: V, *others: V) -> V:
    """One word (1,) that is a function of all that is in some arrays, and of their shapes."""
    algebra, arrays = ctx.algebra, (words, *others)
    entries = [algebra.pick([x], np.array(i)) for x in arrays for i in range(flat_index(x).size)]
    shapes = tuple(tuple(x.shape) for x in arrays)
    word = algebra.function("a batch of keys", entries, (), np.dtype(np.uint32), shapes)
    return algebra.reshape(word, (1,))


def _draw(
    ctx: Context[V],
    name: str,
    words: V,
    shape: tuple[int, ...],
    dtype: DType,
    *,
    params: object,
    key_by_key: bool = True,
) -> V:
    """function(name)(words of the key, place): for words (*lead, W) an array (*lead, *shape)."""
    if not key_by_key and len(words.shape) > 1:
        shape = (*words.shape[:-1], *shape)
        words = _together(ctx, words)
    algebra = ctx.algebra
    lead, count = words.shape[:-1], words.shape[-1]
    size = int(np.prod(shape))
    whole = (*lead, *shape)
    starts = np.arange(int(np.prod(lead))).reshape((*lead, *(1,) * len(shape))) * count
    place = np.broadcast_to(np.arange(size).reshape(shape), whole)
    args = [algebra.pick([words], np.broadcast_to(starts + word, whole)) for word in range(count)]
    args.append(algebra.lift(np.array(place, np.int32)))
    known = (params, ctx.equation.partitionable)  # one key has other bits in the other context
    return algebra.function(name, args, whole, dtype, known)


def _draw_keys(
    ctx: Context[V], name: str, words: V, shape: tuple[int, ...], *, params: object
) -> V:
    """New keys (*lead, *shape) out of words."""
    count = generator(ctx.dtype)[1]
    bits = _draw(
        ctx,
        name,
        words,
        (*shape, count),
        np.dtype(np.uint32),
        params=params,
        key_by_key=_key_by_key(ctx.dtype),
    )
    return keys_of(bits, ctx.dtype)


@rule("random_wrap")
def _random_wrap(ctx: Context[V], bits: V, **_: object) -> V:
    generator(ctx.dtype)  # must be a known one
    return keys_of(bits, ctx.dtype)


@rule("random_unwrap")
def _random_unwrap(ctx: Context[V], keys: V) -> V:
    return bits_of(keys)


@rule("random_clone")
def _random_clone(ctx: Context[V], keys: V) -> V:
    return keys


@rule("random_bits")
def _random_bits(
    ctx: Context[V], keys: V, *, bit_width: int, shape: Sequence[int], **_: object
) -> V:
    params = (generator(keys.dtype), bit_width, tuple(shape))
    return _draw(
        ctx,
        "random_bits",
        bits_of(keys),
        tuple(shape),
        ctx.dtype,
        params=params,
        key_by_key=_key_by_key(keys.dtype),
    )


@rule("random_split")
def _random_split(ctx: Context[V], keys: V, *, shape: Sequence[int], **_: object) -> V:
    params = (generator(keys.dtype), tuple(shape))
    return _draw_keys(ctx, "random_split", bits_of(keys), tuple(shape), params=params)


@rule("random_fold_in")
def _random_fold_in(ctx: Context[V], keys: V, data: V) -> V:
    algebra, words = ctx.algebra, bits_of(keys).shape[-1]
    whole = ctx.shape
    keys, data = spread(algebra, keys, whole), spread(algebra, data, whole)
    data = algebra.cast(data, np.dtype(np.uint32))
    size = int(np.prod(whole))
    index = np.arange(size).reshape(*whole, 1)
    joined = np.concatenate([index * words + np.arange(words), size * words + index], axis=-1)
    together = algebra.pick([bits_of(keys), data], joined)
    return _draw_keys(ctx, "random_fold_in", together, (), params=generator(keys.dtype))


@rule("random_seed")
def _random_seed(ctx: Context[V], seeds: V, **_: object) -> V:
    words = ctx.algebra.reshape(seeds, (*seeds.shape, 1))
    params = (generator(ctx.dtype), np.dtype(seeds.dtype).name)
    return _draw_keys(ctx, "random_seed", words, (), params=params)


@rule("random_gamma")
def _random_gamma(ctx: Context[V], keys: V, alpha: V, *, log_space: bool) -> V:
    """Sample i of a key's block is a function of the key, of i and of its own alpha."""
    lead = keys.shape
    if alpha.shape[: len(lead)] != lead:
        raise Unsupported(f"gamma samples of shape {alpha.shape} from keys {lead}")
    rest = alpha.shape[len(lead) :]
    what = (bool(log_space), np.dtype(alpha.dtype).name)
    if not _key_by_key(keys.dtype):  # nor sample by sample, which share what is drawn for a batch
        word = _together(ctx, bits_of(keys), alpha)
        params = (generator(keys.dtype), *what)
        return _draw(ctx, "random_gamma", word, ctx.shape, ctx.dtype, params=params)
    bits = _draw(
        ctx,
        "random_gamma bits",
        bits_of(keys),
        rest,
        ctx.dtype,
        params=(generator(keys.dtype), int(np.prod(rest))),
    )
    return ctx.algebra.function("random_gamma", [bits, alpha], ctx.shape, ctx.dtype, what)


@rule("rng_bit_generator")
def _rng_bit_generator(
    ctx: Context[V],
    key: V,
    *,
    shape: Sequence[int],
    dtype: DType,
    algorithm: SupportsInt,
    **_: object,
) -> tuple[V, V]:
    """The next key, and the bits."""
    if len(key.shape) != 1:
        raise Unsupported("a batch of generators")
    params = (int(algorithm), tuple(shape), np.dtype(dtype).name)
    following = _draw(ctx, "rng key", key, tuple(key.shape), key.dtype, params=params)
    return following, _draw(ctx, "rng bits", key, tuple(shape), np.dtype(dtype), params=params)


@elementwise("threefry2x32")
def _threefry(ctx: Context[V], *words: V) -> tuple[V, V]:
    def half(number: int) -> V:
        return ctx.algebra.function("threefry2x32", list(words), ctx.shape, ctx.dtype, number)

    return half(0), half(1)
