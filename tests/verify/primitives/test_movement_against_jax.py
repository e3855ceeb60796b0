"""The rules of primitives that move elements mean what JAX means by them."""

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.verify.harness import check_rule

X, Y = np.zeros((3, 4, 2)), np.zeros((3, 5, 2))
SCALAR = np.zeros(())
CASES = {
    "reshape": (lambda x: x.reshape(4, 6), X),
    "reshape to scalar": (lambda x: lax.reshape(x[:1, :1, :1], ()), X),
    "squeeze, expand": (lambda x: jnp.squeeze(jnp.expand_dims(x, (0, 2)), 0), X),
    "broadcast_in_dim": (lambda x: lax.broadcast_in_dim(x, (5, 3, 4, 6, 2), (1, 2, 4)), X),
    "broadcast transposes": (lambda x: lax.broadcast_in_dim(x, (2, 5, 3, 4), (2, 3, 0)), X),
    "broadcast turned ones": (lambda x: lax.broadcast_in_dim(x[:, :1], (7, 2, 3), (2, 0, 1)), X),
    "broadcast turned nothing": (lambda x: lax.broadcast_in_dim(x[:0], (2, 4, 0), (2, 1, 0)), X),
    "broadcast ones": (lambda x: jnp.broadcast_to(x[:, :1], (7, 3, 4, 2)), X),
    "broadcast scalar": (lambda s: jnp.broadcast_to(s, (2, 3)), SCALAR),
    "transpose": (lambda x: x.transpose(2, 0, 1), X),
    "rev": (lambda x: lax.rev(x, (0, 2)), X),
    "slice": (lambda x: lax.slice(x, (1, 0, 1), (3, 4, 2), (1, 2, 1)), X),
    "split": (lambda x: lax.split(x, (1, 3), axis=1), X),
    "concatenate": (lambda x, y: jnp.concatenate([x, y, x], axis=1), X, Y),
    "pad": (lambda x, s: lax.pad(x, s, ((1, 2, 0), (0, 1, 2), (3, 0, 1))), X, SCALAR),
    "pad negative": (lambda x, s: lax.pad(x, s, ((-1, 2, 0), (1, -3, 2), (-1, -1, 1))), X, SCALAR),
    "pad to nothing": (lambda x, s: lax.pad(x, s, ((-1, -2, 0), (0, 0, 0), (0, 0, 0))), X, SCALAR),
    "pad nothing": (lambda x, s: lax.pad(x[:0], s, ((2, 1, 3), (0, 0, 0), (0, 0, 1))), X, SCALAR),
    "pad one inside": (
        lambda x, s: lax.pad(x[:1], s, ((0, 0, 5), (0, 0, 0), (0, 0, 0))),
        X,
        SCALAR,
    ),
    "copy": (lambda x: jnp.array(lax.stop_gradient(x), copy=True), X),
    "barrier": (lambda x, y: lax.optimization_barrier((x, y)), X, Y),
    "tile": (lambda x: jnp.tile(x, (1, 2, 3)), X),
    "roll": (lambda x: jnp.roll(x, 3, axis=1), X),
    "stack": (lambda x: jnp.stack([x, -x], axis=2), X),
    "integers": (lambda i: jnp.flip(i.T), np.arange(12, dtype=np.int32).reshape(3, 4)),
}


@pytest.mark.parametrize("name", CASES)
def test_rule_means_what_jax_means(name: str) -> None:
    f, *inputs = CASES[name]
    check_rule(f, *inputs)
