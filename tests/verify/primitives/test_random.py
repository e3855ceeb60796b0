"""Random keys: computed by JAX where they are known, functions of the key where they are not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verify.algebras.extended import lift, parts
from verify.algebras.field import Field
from verify.algebras.numeric import Numeric
from verify.evaluate import evaluate
from verify.programs import trace

KEY = jax.random.key(3)
DRAWS = {
    "bits": lambda k: jax.random.bits(k, (3, 2)),
    "narrow bits": lambda k: jax.random.bits(k, (5,), jnp.uint8),
    "uniform": lambda k: jax.random.uniform(k, (4,)),
    "normal": lambda k: jax.random.normal(k, (4,)),
    "bernoulli": lambda k: jax.random.bernoulli(k, 0.3, (20,)),
    "integers": lambda k: jax.random.randint(k, (6,), 0, 10),
    "split": lambda k: jax.random.uniform(jax.random.split(k, 3)[1], (2,)),
    "fold_in": lambda k: jax.random.uniform(jax.random.fold_in(k, 7), (2,)),
    "keys": lambda k: jax.random.split(k, (2, 2))[1],
    "batch": lambda k: jax.vmap(lambda k: jax.random.uniform(k, (2,)))(jax.random.split(k, 3)),
    "where": lambda k: jax.random.bits(jnp.where(k == k, k, jax.random.key(0)), ()),
    "seed": lambda k: jax.random.bits(jax.random.key(jax.random.bits(k, ())), (2,)),
    "permutation": lambda k: jax.random.permutation(k, 6),
}


def partitioned(f, yes: bool):
    """f with the bits of keys laid out so that they can be drawn in parts, or not."""

    def inner(*xs):
        with jax.threefry_partitionable(yes):
            return f(*xs)

    return inner


for _name in ("bits", "uniform", "split", "permutation", "batch"):
    for _yes in (True, False):
        DRAWS[f"{_name}, {'' if _yes else 'not '}in parts"] = partitioned(DRAWS[_name], _yes)

OTHERS = [(name, impl) for name in ("bits", "split") for impl in ("rbg", "unsafe_rbg")]


@pytest.mark.parametrize(("name", "impl"), [*((name, "threefry2x32") for name in DRAWS), *OTHERS])
def test_known_keys_give_jaxs_numbers(name: str, impl: str) -> None:
    f, key = DRAWS[name], jax.random.key(3, impl=impl)
    program = trace(f, key)
    words = np.asarray(jax.random.key_data(key))
    (ours,) = evaluate(program, Numeric(), [lift(Numeric(), words)])
    theirs = f(key)
    if jax.dtypes.issubdtype(theirs.dtype, jax.dtypes.prng_key):
        theirs = jax.random.key_data(theirs)
    (value,) = parts(ours)
    np.testing.assert_allclose(value.value, np.asarray(theirs), rtol=3e-6, atol=1e-7)


def test_raw_keys_and_typed_keys_are_the_same() -> None:
    raw = jax.random.PRNGKey(5)

    def f(k):
        return jax.random.uniform(jax.random.split(k)[0], (3,))

    (ours,) = evaluate(trace(f, raw), Numeric(), [lift(Numeric(), np.asarray(raw))])
    np.testing.assert_allclose(ours.value, f(raw), rtol=1e-6)


def outcomes(f, g, example=KEY) -> tuple[np.ndarray, np.ndarray]:
    """Residues of both functions of one unknown key."""
    field = Field(1)
    programs = trace(f, example), trace(g, example)
    key = field.random(jax.random.key_data(example).shape, np.dtype(np.uint32))
    left, right = (evaluate(program, field, [key]) for program in programs)
    return tuple(
        np.concatenate([p.rows.ravel() for x in y for p in parts(x)]) for y in (left, right)
    )


EQUAL = {
    "the same draw": (lambda k: jax.random.uniform(k, (3,)), lambda k: jax.random.uniform(k, (3,))),
    "a batch and one by one": (
        lambda k: jax.vmap(lambda k: jax.random.bits(k, (4,)))(jax.random.split(k, 3)),
        lambda k: jnp.stack([jax.random.bits(s, (4,)) for s in jax.random.split(k, 3)]),
    ),
    "moved keys": (
        lambda k: jax.random.bits(jax.random.split(k, 4).reshape(2, 2).T[0, 1], (2,)),
        lambda k: jax.random.bits(jax.random.split(k, 4)[2], (2,)),
    ),
    "wrapped and unwrapped": (
        lambda k: jax.random.bits(jax.random.wrap_key_data(jax.random.key_data(k)), (2,)),
        lambda k: jax.random.bits(k, (2,)),
    ),
    "folding": (
        lambda k: jax.random.key_data(jax.vmap(lambda i: jax.random.fold_in(k, i))(jnp.arange(3))),
        lambda k: jnp.stack([jax.random.key_data(jax.random.fold_in(k, i)) for i in range(3)]),
    ),
    "keys carried by a loop": (
        lambda k: jax.lax.scan(lambda k, _: tuple(jax.random.split(k)), k, length=2)[0],
        lambda k: jax.random.split(jax.random.split(k)[0])[0],
    ),
    "compared keys": (
        lambda k: jnp.where(jax.random.split(k)[0] == k, k, jax.random.split(k)[0]),
        lambda k: jnp.where(jax.random.split(k)[0] != k, jax.random.split(k)[0], k),
    ),
    "not in parts, folded": (
        partitioned(lambda k: jax.random.key_data(jax.random.fold_in(k, 3)), False),
        partitioned(lambda k: jax.random.key_data(jax.random.fold_in(k, 3)), True),
    ),
    "not in parts, on both sides": (
        partitioned(lambda k: jax.random.bits(k, (4,))[::-1], False),
        partitioned(lambda k: jnp.flip(jax.random.bits(k, (4,))), False),
    ),
    "gamma": (
        lambda k: jax.random.gamma(k, 2.0, (3,)) * 2,
        lambda k: jax.random.gamma(k, 2.0, (3,)) + jax.random.gamma(k, 2.0, (3,)),
    ),
    "generator": (
        lambda k: jax.lax.rng_bit_generator(jnp.tile(jax.random.key_data(k), 2), (3,)),
        lambda k: jax.lax.rng_bit_generator(jnp.tile(jax.random.key_data(k), 2), (3,)),
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal_draws_from_an_unknown_key_are_equal(name: str) -> None:
    one, two = outcomes(*EQUAL[name])
    np.testing.assert_array_equal(one, two)
    assert len(np.unique(one)) > len(one) / 2, "the draws must differ from one another"


DIFFERENT = {
    "another key": (
        lambda k: jax.random.bits(k, (2,)),
        lambda k: jax.random.bits(jax.random.split(k)[0], (2,)),
    ),
    "another shape": (
        lambda k: jax.random.bits(k, (2, 2)).ravel(),
        lambda k: jax.random.bits(k, (4,)),
    ),
    "another width": (
        lambda k: jax.random.bits(k, (2,), jnp.uint16).astype(jnp.uint32),
        lambda k: jax.random.bits(k, (2,), jnp.uint32),
    ),
    "another place": (
        lambda k: jax.random.bits(k, (2,)),
        lambda k: jax.random.bits(k, (2,))[::-1],
    ),
    "another number folded in": (
        lambda k: jax.random.key_data(jax.random.fold_in(k, 1)),
        lambda k: jax.random.key_data(jax.random.fold_in(k, 2)),
    ),
    "split and fold": (
        lambda k: jax.random.key_data(jax.random.fold_in(k, 0)),
        lambda k: jax.random.key_data(jax.random.split(k)[0]),
    ),
    "another generator": (
        lambda k: jax.lax.rng_bit_generator(jnp.tile(jax.random.key_data(k), 2), (2,))[0],
        lambda k: jnp.tile(jax.random.key_data(k), 2),
    ),
    "not in parts": (partitioned(DRAWS["bits"], False), partitioned(DRAWS["bits"], True)),
    "words split, not in parts": (
        partitioned(lambda k: jax.random.key_data(jax.random.split(k, 3)), False),
        partitioned(lambda k: jax.random.key_data(jax.random.split(k, 3)), True),
    ),
    "gamma, not in parts": (
        partitioned(lambda k: jax.random.gamma(k, 2.0, (2,)), False),
        partitioned(lambda k: jax.random.gamma(k, 2.0, (2,)), True),
    ),
    "not in parts, in a loop": tuple(
        partitioned(
            lambda k: jax.lax.scan(lambda k, _: (k, jax.random.bits(k, (2,))), k, length=2)[1],
            yes,
        )
        for yes in (True, False)
    ),
    "another gamma distribution": (
        lambda k: jax.random.gamma(k, 2.0, (2,)),
        lambda k: jax.random.gamma(k, 3.0, (2,)),
    ),
}


def in_a_batch(draw):
    """The draws of three keys at once, and one after the other."""
    return (
        lambda k: jax.vmap(draw)(jax.random.split(k, 3)),
        lambda k: jnp.stack([draw(s) for s in jax.random.split(k, 3)]),
    )


BATCHED = {
    "bits": in_a_batch(lambda k: jax.random.bits(k, (2,))),
    "uniform": in_a_batch(lambda k: jax.random.uniform(k, ())),
    "split": in_a_batch(lambda k: jax.random.key_data(jax.random.split(k, 2))),
    "gamma": in_a_batch(lambda k: jax.random.gamma(k, 2.0)),
    "folded": (
        lambda k: jax.vmap(lambda i: jax.random.key_data(jax.random.fold_in(k, i)))(jnp.arange(3)),
        lambda k: jnp.stack([jax.random.key_data(jax.random.fold_in(k, i)) for i in range(3)]),
    ),
}


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg", "unsafe_rbg"])
@pytest.mark.parametrize("name", BATCHED)
def test_a_batch_of_keys_is_its_keys_one_by_one_for_threefry_only(name: str, impl: str) -> None:
    f, g = BATCHED[name]
    key = jax.random.key(3, impl=impl)
    one, two = outcomes(f, g, key)
    if (np.asarray(f(key)) != np.asarray(g(key))).any():
        assert (one != two).any()
    if impl == "threefry2x32":
        np.testing.assert_array_equal(one, two)
    for h in (f, g):  # what is batched in the same way is the same
        np.testing.assert_array_equal(*outcomes(h, lambda k, h=h: h(k)[::-1][::-1], key))


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_draws_from_an_unknown_key_differ(name: str) -> None:
    one, two = outcomes(*DIFFERENT[name])
    assert (one != two).all()
