"""Numbers of Python among the examples, and arrays made of them, promote as they do in a call."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify
from verify.programs import trace

I8 = jax.ShapeDtypeStruct((), jnp.int8)
I32 = jnp.int32
WEAK = {
    "a number": 5,
    "an array of one": jnp.asarray(5),
    "what looks like one": jax.ShapeDtypeStruct((), I32, weak_type=True),
}


@pytest.mark.parametrize("name", WEAK)
def test_a_weak_integer_does_not_widen_what_wraps(name):
    verdict = verify.equivalent(
        lambda a, n: (a * n).astype(I32), lambda a, n: a.astype(I32) * n, I8, WEAK[name]
    )
    assert verdict.status == "refuted", str(verdict)
    dtypes = verify.equivalent(lambda a, n: a * n, lambda a, n: a.astype(I32) * n, I8, WEAK[name])
    assert dtypes.status == "refuted"
    assert "dtypes" in str(dtypes)


def test_a_strong_one_does():
    for strong in (np.int32(5), jnp.int32(5), jax.ShapeDtypeStruct((), I32)):
        verify.assert_equivalent(
            lambda a, n: (a * n).astype(I32), lambda a, n: a.astype(I32) * n, I8, strong
        )


@pytest.mark.parametrize(
    "f",
    [
        lambda a, n: a + n,
        lambda a, n: jnp.stack([a, a]) * n,
        lambda a, n: a / n,
        lambda a, n: jnp.where(a > n, a, n),
        lambda a, n: [a - x for x in (n, n)],
    ],
)
@pytest.mark.parametrize("number", [3, 2.5, True, jnp.asarray(3)], ids=str)
def test_programs_have_the_types_of_a_call(f, number):
    for array in (np.int8(7), np.float16(1.5), np.uint16(9)):
        ours = [v.dtype for v in trace(f, array, number).outputs]
        theirs = [y.dtype for y in jax.tree.leaves(f(jnp.asarray(array), number))]
        assert ours == theirs


def test_derivatives_have_them_too():
    f = jax.custom_jvp(lambda x, n: x * n)
    f.defjvp(lambda p, t: (p[0] * p[1], t[0] * p[1] + p[0] * t[1]))
    assert verify.derivatives(f, jax.ShapeDtypeStruct((2,), jnp.float16), 3.0).status == "proved"
