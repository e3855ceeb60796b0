"""Literals that are read as what one of the programs makes of constants alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from verify import equivalent
from verify.constants.numbers import of
from verify.programs import trace

X = jax.ShapeDtypeStruct((12, 8), jnp.float32)


def angles(length: int, width: int, base: float = 10000.0, first: int = 0) -> np.ndarray:
    frequencies = 1 / base ** (np.arange(0, width, 2) / width)
    return np.outer(np.arange(first, first + length), frequencies)


def rotated(x):
    """Rotary positions, as a program computes them."""
    length, width = x.shape
    frequencies = 1 / 10000 ** (jnp.arange(0, width, 2) / width)
    turns = jnp.outer(jnp.arange(length, dtype=jnp.float32), frequencies)
    turns = jnp.concatenate([turns, turns], -1)
    turned = jnp.concatenate([-x[:, width // 2 :], x[:, : width // 2]], -1)
    return x * jnp.cos(turns) + turned * jnp.sin(turns)


def by_tables(cosines, sines):
    """The same, with tables worked out beforehand."""
    cosines, sines = (np.asarray(t, np.float32) for t in (cosines, sines))

    def f(x):
        one, two = jnp.split(x, 2, axis=-1)
        parts = [one * cosines - two * sines, two * cosines + one * sines]
        return jnp.concatenate(parts, -1)

    return f


def tables(*args, **options):
    a = angles(*args, **options)
    return np.cos(a), np.sin(a)


@pytest.mark.parametrize(("length", "width"), [(12, 8), (16, 64)])
def test_rotary_tables(length, width):
    """With 64 there is a cosine among them that is 1 as a float."""
    x = jax.ShapeDtypeStruct((length, width), jnp.float32)
    verdict = equivalent(by_tables(*tables(length, width)), rotated, x)
    assert verdict, verdict
    assert any("are what is computed at" in said for said in verdict.assumptions)


def one_off(cosines, sines):
    cosines = np.float32(cosines)
    cosines[3, 1] = np.nextafter(cosines[3, 1], np.float32(2))
    return cosines, sines


def one_moved(cosines, sines):
    cosines = np.float32(cosines)
    cosines[1], cosines[2] = cosines[2].copy(), cosines[1].copy()
    return cosines, sines


def one_less(cosines, sines):
    """1 is no cosine of theirs."""
    cosines = np.float32(cosines)
    cosines[2, 0] = 1
    return cosines, sines


FAULTS = {
    "another base": tables(12, 8, base=1000.0),
    "one position on": tables(12, 8, first=1),
    "cosines for sines": tables(12, 8)[::-1],
    "one unit in the last place": one_off(*tables(12, 8)),
    "two rows changed": one_moved(*tables(12, 8)),
    "one is 1": one_less(*tables(12, 8)),
    "backwards": tuple(t[::-1] for t in tables(12, 8)),
    "the other sign": (tables(12, 8)[0], -tables(12, 8)[1]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_other_tables(fault):
    verdict = equivalent(by_tables(*FAULTS[fault]), rotated, X)
    assert verdict.status == "refuted", verdict


def test_a_table_that_is_turned_round():
    """The rows of x are taken backwards, and back: the table's are, too."""
    backwards = [t[::-1] for t in tables(12, 8)]

    def f(x):
        return rotated(x[::-1])[::-1]

    assert equivalent(by_tables(*backwards), f, X)
    assert equivalent(by_tables(*tables(12, 8)), f, X).status == "refuted"


def window(n: int):
    return lambda x: x * (0.5 - 0.5 * jnp.cos(2 * jnp.pi * jnp.arange(n) / (n - 1)))


def test_a_window():
    hann = np.hanning(16).astype(np.float32)
    x = jax.ShapeDtypeStruct((16,), jnp.float32)
    assert equivalent(lambda x: x * hann, window(16), x)
    wrong = np.hanning(17).astype(np.float32)[:16]
    assert equivalent(lambda x: x * wrong, window(16), x).status == "refuted"


def kernel(sigma: float) -> np.ndarray:
    k = np.exp(-0.5 * (np.arange(-2, 3) / sigma) ** 2)
    return np.float32(k / k.sum())


def blurred(x):
    k = jnp.exp(-((jnp.arange(5) - 2.0) ** 2) / (2 * 1.5**2))
    return sum((k / k.sum())[i] * x[i : i + x.shape[0] - 4] for i in range(5))


@pytest.mark.parametrize("sigma", [1.5, 1.4, 1.500001])
def test_single_numbers(sigma):
    """Five are no table."""
    x = jax.ShapeDtypeStruct((9,), jnp.float32)
    k = kernel(sigma)
    verdict = equivalent(lambda x: jnp.convolve(x, k, mode="valid"), blurred, x)
    assert verdict.status == ("proved" if sigma == 1.5 else "refuted"), verdict


def test_rounds():
    """Frequencies that NumPy has worked out are read at first, and then tables of their cosines."""
    frequencies = np.float32(1 / 10000 ** (np.arange(0, 64, 2) / 64))

    def f(x):
        turns = jnp.arange(6, dtype=jnp.float32)[:, None] * frequencies
        return x * jnp.cos(turns), x * jnp.asarray(1 / 10000 ** (jnp.arange(0, 64, 2) / 64))

    cosines, g32 = np.float32(np.cos(angles(6, 64))), frequencies
    x = jax.ShapeDtypeStruct((6, 32), jnp.float32)
    found = of(trace(f, x), trace(lambda x: (x * cosines, x * g32), x))
    assert len(found.rounds) == 3
    assert len(found.tables) == 2
    assert equivalent(f, lambda x: (x * cosines, x * g32), x)


def test_a_literal_is_not_read_as_itself():
    """What is only moved says nothing about what it is."""
    table = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
    programs = [trace(lambda x: x * jnp.asarray(table).T, table), trace(lambda x: x * table, table)]
    found = of(*programs)
    assert not found.tables
    assert not any(read.made for read in found.readings.values())


def test_bits_are_what_they_are():
    """A table whose bits are looked at holds floats, not what they were rounded from."""
    cosines = np.float32(np.cos(np.arange(8)))

    def f(x):
        bits = jax.lax.bitcast_convert_type(jnp.asarray(cosines), jnp.int32)
        return x * jnp.cos(jnp.arange(8.0)), bits

    def g(x):
        bits = jax.lax.bitcast_convert_type(jnp.asarray(cosines), jnp.int32)
        return x * cosines, bits

    x = jax.ShapeDtypeStruct((8,), jnp.float32)
    assert not of(trace(f, x), trace(g, x)).tables
    assert not equivalent(f, g, x)


def test_large_tables():
    """Too many numbers to look at each: the table alone is read."""
    x = jax.ShapeDtypeStruct((160, 64), jnp.float32)
    assert angles(160, 64).size > 4096
    assert equivalent(by_tables(*tables(160, 64)), rotated, x)
    wrong = by_tables(*one_off(*tables(160, 64)))
    assert equivalent(wrong, rotated, x).status == "refuted"


def test_small_numbers_are_no_zeros():
    """Beside 1 they are as small as what is left of a zero, and mean what they say."""
    steps = np.arange(12)
    tail = np.exp(-5.0 * steps).astype(np.float32)
    x = jax.ShapeDtypeStruct((12,), jnp.float32)

    def f(x):
        return x * jnp.exp(-5.0 * jnp.arange(12.0)) * 1e19

    assert equivalent(lambda x: x * tail * 1e19, f, x)
    sines = np.sin(0.25 * steps).astype(np.float32)
    denormal = np.where(steps == 0, np.float32(3e-45), sines)
    assert equivalent(lambda x: x * sines, lambda x: x * jnp.sin(0.25 * jnp.arange(12.0)), x)
    assert not equivalent(lambda x: x * denormal, lambda x: x * jnp.sin(0.25 * jnp.arange(12.0)), x)
    other = np.where(steps < 8, tail, np.float32(1.9) * tail)
    assert equivalent(lambda x: x * other * 1e19, f, x).status == "refuted"
