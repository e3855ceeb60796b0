"""Layers trace with symbolic sizes, and the traced program does what the layer does.

`jax.export` compiles the program once for every size; called at several sizes it must give what
the layer gives there.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import cnnjax

KERNEL = jnp.asarray(np.random.default_rng(1).integers(-4, 5, (3, 4, 2, 3)), jnp.float32)
NORM = {"scale": jnp.asarray([1.0, 2.0]), "bias": jnp.asarray([3.0, 4.0])}
STATE = {"mean": jnp.asarray([1.0, 2.0]), "var": jnp.asarray([3.0, 4.0])}

CALLS = {
    "SAME": lambda x: cnnjax.conv(x, KERNEL, stride=2),
    "SAME_LOWER": lambda x: cnnjax.conv(x, KERNEL, stride=(1, 2), padding="SAME_LOWER"),
    "VALID": lambda x: cnnjax.conv(x, KERNEL, padding="VALID", dilation=2),
    "wide": lambda x: cnnjax.conv(x, KERNEL, padding=((0, 7), (5, 1)), stride=3),
    "transpose": lambda x: cnnjax.conv_transpose(
        x, jnp.swapaxes(KERNEL, 2, 3), stride=2, padding="SAME"
    ),
    "max_pool": lambda x: cnnjax.max_pool(x, 2, padding="SAME"),
    "avg_pool": lambda x: cnnjax.avg_pool(x, 3, stride=2, padding=1, count_padding=False),
    "flatten": cnnjax.flatten,
    "global_avg_pool": cnnjax.global_avg_pool,
    "global_max_pool": cnnjax.global_max_pool,
    "batch_norm": lambda x: cnnjax.batch_norm(x, NORM, STATE, training=False)[0],
    "group_norm": lambda x: cnnjax.group_norm(x, NORM, groups=2),
}


@pytest.mark.parametrize("name", CALLS)
def test_program_of_symbolic_sizes_is_the_layer_at_every_size(name):
    call = CALLS[name]
    b, h, w = export.symbolic_shape("b,h,w", constraints=["h >= 7", "w >= 7"])
    shape = jax.ShapeDtypeStruct((b, h, w, 2), jnp.float32)
    program = export.export(jax.jit(call))(shape)
    for size in [(1, 7, 8), (2, 10, 7)]:
        x = jnp.asarray(np.random.default_rng(0).integers(-4, 5, (*size, 2)), jnp.float32)
        np.testing.assert_allclose(program.call(x), call(x), rtol=1e-6, atol=1e-5)


def test_window_and_two_batch_axes_may_be_symbolic():
    n, b, h, k = export.symbolic_shape("n,b,h,k", constraints=["h >= k"])
    x = jax.ShapeDtypeStruct((n, b, h, h, 2), jnp.float32)
    kernel = jax.ShapeDtypeStruct((k, k, 2, 3), jnp.float32)
    assert jax.eval_shape(cnnjax.conv, x, kernel).shape == (n, b, h, h, 3)
