"""Whoever writes the programs must not know what the proof will draw, nor choose what is hashed."""

import jax
import numpy as np
import pytest

import verify
from tests.verify.pairs.law import f32
from verify.algebras.field import mixing, state
from verify.provers import accepting
from verify.provers.searching import Search

pytestmark = pytest.mark.unrecorded("what is asked here is which primes are drawn")

# Two shapes of as many ones as that, whose text has one CRC-32, forwards and backwards.
SAME_CHECKSUM = (
    "11321111311112112111111121111111211211111111122111",
    "11211121111111211111211111112111112111113121113111",
)


def asked(monkeypatch, f, g, seed):
    """What random interpretation says of f = g, and the primes of its trials."""
    primes, draw = [], state.draw

    def spy(*args, **options):
        primes.append(draw(*args, **options))
        return primes[-1]

    with monkeypatch.context() as patch:
        without_nets(patch)
        patch.setattr(state, "draw", spy)
        verdict = verify.equivalent(f, g, f32(2), seed=seed, seconds=20)
    return verdict, [tuple(moduli.primes) for moduli in primes]


def without_nets(patch):
    """Random interpretation alone: a search would see most differences at once."""
    for name in ("glance", "second_glance", "look", "before_proof"):
        patch.setattr(Search, name, lambda *_, **__: None)
    patch.setattr(accepting, "trusted", lambda _, verdict: verdict)


def drawn(*question, seed):
    verdict, primes = asked(*question, seed)
    assert verdict
    return primes


def test_a_seed_repeats_a_proof_but_tells_nothing_of_another(monkeypatch):
    def twice(x):
        return x + x

    first = drawn(monkeypatch, twice, lambda x: 2 * x, seed=7)
    assert drawn(monkeypatch, twice, lambda x: 2 * x, seed=7) == first
    for other in (lambda x: x * 2, lambda x: 2 * x + 0, lambda x: 3 * x - x):
        assert not set(drawn(monkeypatch, twice, other, seed=7)) & set(first)
    assert not set(drawn(monkeypatch, lambda x: 2 * x, twice, seed=7)) & set(first)
    assert not set(drawn(monkeypatch, twice, lambda x: 2 * x, seed=8)) & set(first)


def test_a_program_that_vanishes_modulo_the_primes_of_a_seed_is_not_proved_with_that_seed(
    monkeypatch,
):
    known = [2]
    for _ in range(4):  # until it vanishes modulo all primes that a proof about it draws

        def vanishes(x, factors=tuple(known)):
            for p in factors:
                x = x * (p // 2**16) * 2.0**16 + x * (p % 2**16)
            return x

        verdict, primes = asked(monkeypatch, vanishes, lambda x: 0 * x, 7)
        assert not verdict
        known = list(primes[0])


def test_functions_with_other_parameters_are_other_functions():
    names = [("random_bits", (shape,), d) for shape in SAME_CHECKSUM for d in ("u4", "u8")]
    words = np.stack([mixing.tag_words(name) for name in names])
    assert all(len(np.unique(column)) == len(names) for column in words.T)
    # Each word is another hash: they do not agree all together or not at all.
    assert len(np.unique(words)) == words.size


def test_shapes_of_one_checksum_are_told_apart(monkeypatch):
    one, other = (tuple(map(int, digits)) for digits in SAME_CHECKSUM)
    key = jax.eval_shape(lambda: jax.random.key(0))

    def first_word(shape):
        return lambda k: jax.random.bits(k, shape, "uint32").reshape(-1)[0]

    without_nets(monkeypatch)
    with jax.threefry_partitionable(False):
        assert verify.equivalent(first_word(one), first_word(one), key)
        assert not verify.equivalent(first_word(one), first_word(other), key, seconds=20)
