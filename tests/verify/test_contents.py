"""Value numbers of what arrays hold: the same up to dimensions of size one, and nothing else is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.random import threefry_2x32

import verify
from verify.programs import call, trace
from verify.programs.contents import Contents, held, same

X = jax.ShapeDtypeStruct((4, 3), jnp.float32)
IMAGES = jax.ShapeDtypeStruct((2, 6, 6, 2), jnp.float32)
KERNEL = jax.ShapeDtypeStruct((3, 3, 2, 5), jnp.float32)
MATRIX = jax.ShapeDtypeStruct((3, 5), jnp.float32)


def one_by_one(f, batched=(0,)):
    """f of batches of one, for each of a batch."""

    def of_all(*args):
        axes = tuple(0 if i in batched else None for i in range(len(args)))

        def of_one(*ones):
            wide = [x[None] if i in batched else x for i, x in enumerate(ones)]
            return jax.tree.map(lambda y: y[0], f(*wide))

        return jax.vmap(of_one, in_axes=axes)(*args)

    return of_all


def conv(x, k):
    return lax.conv_general_dilated(
        x, k, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def pooled(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


BATCHED = {
    "softmax": (lambda x: jax.nn.softmax(x, axis=1), [X]),
    "layer norm": (lambda x: (x - x.mean(1, keepdims=True)) / (x.var(1, keepdims=True) + 1), [X]),
    "dense": (lambda x, w: jax.nn.relu(x @ w + 1), [X, MATRIX]),
    "dense of flattened": (
        lambda x, k: x.reshape(len(x), -1)[:, :18] @ k.reshape(18, 5),
        [IMAGES, KERNEL],
    ),
    "convolution and pooling": (lambda x, k: pooled(conv(x, k)), [IMAGES, KERNEL]),
    "along": (lambda x: jnp.cumsum(jnp.flip(jnp.sort(x, axis=1), 1), axis=1), [X]),
    "places": (lambda x: jnp.argmax(x, axis=1), [X]),
    "padded": (lambda x: jnp.pad(x, ((0, 0), (1, 2)))[:, 1:4], [X]),
    "joined": (lambda x: jnp.concatenate([x, 2 * x], axis=1), [X]),
    "counted": (lambda x: x * jnp.arange(3), [X]),
    "transposed": (lambda x: jnp.transpose(x, (0, 2, 1, 3)) + 1, [IMAGES]),
    "chosen": (lambda x: jnp.where(x > 0, x, 0.1 * x), [X]),
}


@pytest.mark.parametrize("name", BATCHED)
def test_a_batch_of_single_inputs_is_the_batch(name):
    f, examples = BATCHED[name]
    assert same(trace(f, *examples), trace(one_by_one(f), *examples))


# Each differs from the one beside it in what decides a number.
NEAR = {
    "another axis": (lambda x: x.sum(0) + x.sum(1).sum(), lambda x: x.sum(0) + x.sum()),
    "repeated along another dimension": (
        lambda x: x[:3, None, :] + 0 * x[:3, :3],
        lambda x: x[:3, :, None] + 0 * x[:3, :3],
    ),
    "transposed": (lambda x: x[:3] @ x[:3], lambda x: x[:3] @ x[:3].T),
    "operands exchanged": (lambda x: x[:3] @ x[:3].T, lambda x: x[:3].T @ x[:3]),
    "flipped": (lambda x: jnp.flip(x, 0), lambda x: jnp.flip(x, 1)),
    "reversed sum": (lambda x: jnp.cumsum(x, 1), lambda x: lax.cumsum(x, 1, reverse=True)),
    "reshaped": (lambda x: x.reshape(3, 4), lambda x: x.T),
    "rows in another order": (
        lambda x: (x[:, :2].reshape(2, 4)).sum(1),
        lambda x: (x[:, :2].T).sum(1),
    ),
    "regrouped": (
        lambda x: jnp.broadcast_to(x[:, 0], (2, 4)).reshape(4, 2),
        lambda x: jnp.broadcast_to(x[:, :1], (4, 2)),
    ),
    "padded elsewhere": (
        lambda x: jnp.pad(x, ((1, 0), (0, 0))),
        lambda x: jnp.pad(x, ((0, 1), (0, 0))),
    ),
    "padded by something else": (
        lambda x: jnp.pad(x, 1),
        lambda x: jnp.pad(x, 1, constant_values=1),
    ),
    "sliced elsewhere": (lambda x: x[1:], lambda x: x[:-1]),
    "every other": (lambda x: x[::2], lambda x: x[:2]),
    "joined the other way": (
        lambda x: jnp.concatenate([x, 2 * x]),
        lambda x: jnp.concatenate([2 * x, x]),
    ),
    "joined along the other": (
        lambda x: jnp.concatenate([x[:3], x[:3]], 0)[:3],
        lambda x: jnp.concatenate([x[:3], x[:3]], 1)[:, 3:].T,
    ),
    "stacked": (lambda x: jnp.stack([x[:3], x[:3].T], 0), lambda x: jnp.stack([x[:3], x[:3].T], 1)),
    "counted the other way": (
        lambda x: x[:3] * lax.broadcasted_iota(jnp.float32, (3, 3), 0),
        lambda x: x[:3] * lax.broadcasted_iota(jnp.float32, (3, 3), 1),
    ),
    "not commuting": (lambda x: x - 1, lambda x: 1 - x),
    "a constant of another sign of zero": (lambda x: x / 0.0, lambda x: x / -0.0),
    "a constant array": (
        lambda x: x * np.array([1, 1, 2], np.float32),
        lambda x: x * np.array([1, 1, 1], np.float32),
    ),
    "rounded": (
        lambda x: x.astype(jnp.bfloat16).astype(jnp.float32) * 1,
        lambda x: lax.reduce_precision(x, 5, 3) * 1,
    ),
    "windows": (
        lambda x: lax.reduce_window(x, 0.0, lax.add, (2, 1), (1, 1), "VALID").sum(),
        lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 2), (1, 1), "VALID").sum(),
    ),
    "largest and smallest": (lambda x: x.max(1), lambda x: x.min(1)),
    "its place": (lambda x: x.argmax(1), lambda x: x.argmin(1)),
    "of batches": (
        lambda x: jnp.einsum("ij,ij->i", x, x),
        lambda x: jnp.einsum("ij,kj->i", x, x),
    ),
}


@pytest.mark.parametrize("name", NEAR)
def test_what_differs_is_not_the_same(name):
    f, g = NEAR[name]
    assert not same(trace(f, X), trace(g, X))
    assert same(trace(f, X), trace(f, X))


def _drawn(rng, x):
    """A random operation that moves, repeats, folds or computes."""
    shape = x.shape
    axis = int(rng.integers(max(x.ndim, 1)))
    kind = int(rng.integers(12))
    if kind == 0:
        return jnp.expand_dims(x, int(rng.integers(x.ndim + 1)))
    if kind == 1 and x.ndim:
        return jnp.transpose(x, tuple(rng.permutation(x.ndim).tolist()))
    if kind == 2:
        return x.reshape(-1)
    if kind == 3 and x.size % 2 == 0:
        return x.reshape(2, -1)
    if kind == 4 and x.size < 60:
        return jnp.broadcast_to(x, (2, *shape))
    if kind == 5 and x.ndim > 1:
        return x.sum(axis)
    if kind == 6 and x.ndim:
        return jnp.cumsum(x, axis)
    if kind == 7 and x.ndim:
        return jnp.flip(x, axis)
    if kind == 8 and x.ndim and shape[axis] > 1:
        return lax.slice_in_dim(x, 1, None, axis=axis)
    if kind == 9 and x.ndim == 2:
        return x @ x.T if rng.integers(2) else x.T @ x
    if kind == 10:
        return jnp.squeeze(x)
    return x * x + 1 if rng.integers(2) else jnp.sin(x)


@pytest.mark.parametrize("seed", range(8))
def test_values_with_one_number_and_shape_are_one_value(seed):
    """Of random programs, evaluated: the numbers never say more than is true."""
    rng = np.random.default_rng(seed)
    contents, seen = Contents(), {}
    x = rng.normal(size=(2, 1, 3)).astype(np.float32)
    told = 0
    for _ in range(20):
        plan = rng.integers(2**31)

        def program(x, plan=plan):
            steps, values = np.random.default_rng(plan), [x]
            for _ in range(6):
                values.append(_drawn(steps, values[-1]))
            return values[1:]

        made = trace(program, x)
        numbers = held(made, contents)
        for v, value in zip(made.outputs, call(made, x), strict=True):
            key = (contents.atom(v, numbers), v.shape)
            told += key in seen
            np.testing.assert_allclose(value, seen.setdefault(key, value), rtol=1e-4)
    assert told > 5


def residual(params, x):
    """A network as deep as they are, with the convolutions of `lax`."""
    x = conv(x, params["first"])
    for k in params["blocks"]:
        y = conv(jax.nn.relu((x - k["mean"]) * k["scale"]), k["one"])
        x = x + conv(jax.nn.relu(y), k["two"])
    return pooled(jax.nn.relu(x)).mean((1, 2)) @ params["last"]


def test_a_deep_network_of_single_images_is_the_network():
    def of(*shape):
        return jax.ShapeDtypeStruct(shape, jnp.float32)

    each = {"mean": of(32), "scale": of(32), "one": of(3, 3, 32, 32), "two": of(3, 3, 32, 32)}
    params = {"first": of(3, 3, 3, 32), "blocks": [each] * 8, "last": of(32, 10)}
    images = of(8, 64, 64, 3)
    alone = one_by_one(residual, batched=(1,))

    def lost(params, images):  # the second image is the first one
        return alone(params, images.at[1].set(images[0]))

    verdict = verify.equivalent(residual, alone, params, images)
    assert verdict
    assert verdict.method.startswith("value numbering")
    assert not same(trace(residual, params, images), trace(lost, params, images))


def test_operations_of_several_results_are_themselves():
    def f(k, c):
        return threefry_2x32(k, c) + 1

    examples = jax.ShapeDtypeStruct((2,), jnp.uint32), jax.ShapeDtypeStruct((4,), jnp.uint32)
    assert same(trace(f, *examples), trace(lambda k, c: 1 + threefry_2x32(k, c), *examples))
    assert not same(trace(f, *examples), trace(lambda k, c: threefry_2x32(k, c + 1) + 1, *examples))


# Networks in another layout: dimensions are moved, and moved back.
LAYOUTS = {
    "another axis of batches": (
        lambda x, w: jax.nn.softmax(jnp.tanh(x @ w) - x.sum(1, keepdims=True), axis=-1),
        lambda x, w: (
            jax.vmap(
                lambda one: jax.nn.softmax(jnp.tanh(one @ w) - one.sum()), in_axes=1, out_axes=1
            )(x.T).T
        ),
    ),
    "matrices of columns": (
        lambda x, w: jnp.cumsum(jnp.maximum(x @ w, 0), axis=1)[:, 1:],
        lambda x, w: jnp.cumsum(jnp.maximum(x @ w, 0).T, axis=0)[1:].T,
    ),
    "joined and padded": (
        lambda x, w: jnp.pad(jnp.concatenate([x, 2 * x]), ((0, 1), (2, 0))),
        lambda x, w: jnp.pad(jnp.concatenate([x.T, 2 * x.T], 1), ((2, 0), (0, 1))).T,
    ),
    "stacked": (
        lambda x, w: jnp.stack([x, jnp.sin(x)], 2).sum(1),
        lambda x, w: jnp.stack([x.T, jnp.sin(x.T)], 0).sum(1).T,
    ),
    "flattened": (
        lambda x, w: jnp.exp(x.reshape(2, 2, 3)).transpose(2, 0, 1).reshape(3, 4),
        lambda x, w: jnp.exp(x.T),
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_dimensions_that_are_moved_and_moved_back_stand_where_they_stood(name):
    f, g = (trace(h, X, MATRIX) for h in LAYOUTS[name])
    assert same(f, g)
    turned = trace(lambda x, w: jnp.flip(LAYOUTS[name][1](x, w), 0), X, MATRIX)
    assert not same(f, turned)


def test_what_does_more_than_compute_is_never_the_same():
    def told(x):
        jax.debug.callback(lambda x: None, x)
        return x + 1

    assert not same(trace(told, X), trace(told, X))
