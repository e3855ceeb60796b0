"""Every layer and its gradients, over a mesh of four devices and on one: the same numbers.

    python tests/cnnjax/layers/over_meshes.py explicit|automatic [few]

Started by `test_meshes.py`. Of all layers JAX's types are compared, which say how arrays are split;
the numbers of all of them or, since compilation takes time, of a few.
"""

import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import cnnjax
from cnnjax.losses import accuracy, cross_entropy
from cnnjax.models import build
from cnnjax.train.mesh import placement

X = ((4, 8, 8, 8), P("data", None, None, "model"))
BATCH = ((4, 8, 8, 8), P("data"))
IMAGE = ((4, 8, 8, 8), P(None, "data", "model"))
KERNEL = ((3, 3, 8, 4), P(None, None, None, "model"))
INPUTS = ((3, 3, 8, 4), P(None, None, "model", "data"))
BIAS = ((4,), P("model"))
CHANNELS = (((8,), P("model")), ((8,), P("model")))


def norm(layer, x, scale, bias, **options):
    return layer(x, {"scale": scale, "bias": bias}, **options)


def batch_norm(x, scale, bias, mean, var):
    given = {"scale": scale, "bias": bias}, {"mean": mean, "var": var**2 + 1}
    y, state = cnnjax.batch_norm(x, *given, training=True)
    return y, state["mean"], state["var"]


def at_inference(x, scale, bias, mean, var):
    given = {"scale": scale, "bias": bias}, {"mean": mean, "var": var**2 + 1}
    return cnnjax.batch_norm(x, *given, training=False)[0]


def pool(x, **options):
    return cnnjax.avg_pool(x, 3, stride=2, padding="SAME", **options)


SPLIT = P("data", None, None, "model")
# The layer, its arrays, and how its result is split.
LAYERS = {
    "conv": (cnnjax.conv, (X, KERNEL, BIAS), SPLIT),
    "conv, of a batch": (cnnjax.conv, (BATCH, ((3, 3, 8, 4), P())), P("data")),
    "conv, stride 2": (partial(cnnjax.conv, stride=2, padding=2), (X, KERNEL), SPLIT),
    "conv, input channels": (cnnjax.conv, (BATCH, INPUTS), P("data")),  # "data" is taken
    "conv, images": (cnnjax.conv, (IMAGE, ((3, 3, 8, 4), P())), P(None, "data", "model")),
    "conv, images that do not divide": (
        partial(cnnjax.conv, padding="VALID", stride=2),
        (IMAGE, ((3, 3, 8, 4), P())),
        P(),
    ),
    "conv, lax": (partial(cnnjax.conv, lowering="lax"), (X, KERNEL, BIAS), SPLIT),
    "conv, Winograd": (partial(cnnjax.conv, lowering="winograd"), (X, KERNEL, BIAS), SPLIT),
    "conv, blocked": (partial(cnnjax.conv, lowering="blocked"), (X, KERNEL, BIAS), SPLIT),
    "conv, wide": (partial(cnnjax.conv, lowering="wide"), (X, KERNEL, BIAS), SPLIT),
    "conv, pointwise": (cnnjax.conv, (X, ((1, 1, 8, 4), KERNEL[1]), BIAS), SPLIT),
    "conv, depthwise": (partial(cnnjax.conv, groups=8), (X, ((3, 3, 1, 8), P())), SPLIT),
    "conv, grouped": (
        partial(cnnjax.conv, groups=2),
        (X, ((3, 3, 4, 6), KERNEL[1]), ((6,), P())),
        SPLIT,
    ),
    "conv, several batch axes": (
        cnnjax.conv,
        (((2, 2, 4, 4, 8), P("data", "model")), ((3, 3, 8, 4), P())),
        P("data", "model"),
    ),
    "conv, 1-D": (cnnjax.conv, (((4, 8, 8), P("data")), ((3, 8, 2), P())), P("data")),
    "conv_transpose": (
        partial(cnnjax.conv_transpose, stride=2, padding="SAME"),
        (((4, 4, 4, 4), SPLIT), ((3, 3, 8, 4), P(None, None, "model"))),
        SPLIT,
    ),
    "conv_transpose, stride 1": (
        partial(cnnjax.conv_transpose, stride=1, padding="SAME"),
        (((4, 4, 4, 4), P("data")), ((3, 3, 8, 4), P()), ((8,), P())),
        P("data"),
    ),
    "conv, reflected": (partial(cnnjax.conv, padding_mode="reflect"), (X, KERNEL, BIAS), SPLIT),
    "pad, circular": (partial(cnnjax.pad, padding=1, mode="circular"), (X,), SPLIT),
    "max_pool": (partial(cnnjax.max_pool, window=2), (X,), SPLIT),
    "max_pool, overlapping": (partial(cnnjax.max_pool, window=3, stride=2), (X,), SPLIT),
    "max_pool, images": (partial(cnnjax.max_pool, window=2), (IMAGE,), P(None, "data", "model")),
    "avg_pool": (partial(cnnjax.avg_pool, window=2), (X,), SPLIT),
    "avg_pool, padded": (partial(pool, count_padding=False), (X,), SPLIT),
    "avg_pool, images": (partial(cnnjax.avg_pool, window=2), (IMAGE,), P(None, "data", "model")),
    "global_avg_pool": (cnnjax.global_avg_pool, (X,), P("data", "model")),
    "global_avg_pool, images": (cnnjax.global_avg_pool, (IMAGE,), P()),
    "global_max_pool": (cnnjax.global_max_pool, (X,), P("data", "model")),
    "batch_norm": (batch_norm, (X, *CHANNELS, *CHANNELS), SPLIT),
    "batch_norm, replicated": (batch_norm, (BATCH, *[((8,), P())] * 4), P("data")),
    "batch_norm, inference": (at_inference, (X, *CHANNELS, *CHANNELS), SPLIT),
    "layer_norm": (partial(norm, cnnjax.layer_norm), (X, *CHANNELS), SPLIT),
    "group_norm": (partial(norm, partial(cnnjax.group_norm, groups=4)), (X, *CHANNELS), SPLIT),
    "instance_norm": (partial(norm, cnnjax.instance_norm), (X, *CHANNELS), SPLIT),
    "rms_norm": (
        lambda x, scale: cnnjax.rms_norm(x, {"scale": scale}),
        (X, ((8,), P("model"))),
        SPLIT,
    ),
    "flatten": (cnnjax.flatten, (X,), P("data")),
    "dense": (
        cnnjax.dense,
        (((4, 8), P("data")), ((8, 4), P(None, "model")), BIAS),
        P("data", "model"),
    ),
    "dense, inputs": (
        cnnjax.dense,
        (((4, 8), P("data", "model")), ((8, 4), P("model"))),
        P("data"),
    ),
    "dropout": (lambda x: cnnjax.dropout(jax.random.key(0), x, 0.5), (X,), SPLIT),
    "stochastic_depth": (
        lambda x: cnnjax.stochastic_depth(jax.random.key(0), x, 0.5),
        (X,),
        SPLIT,
    ),
    "softmax": (cnnjax.softmax, (X,), SPLIT),
    "cross_entropy": (
        lambda x: cross_entropy(x, jnp.arange(4), label_smoothing=0.1),
        (((4, 8), P("data", "model")),),
        P("data"),
    ),
    "tiles": (
        lambda x, k: cnnjax.tiled(lambda x: cnnjax.max_pool(cnnjax.conv(x, k), 2), 3)(x),
        (BATCH, ((3, 3, 8, 4), P())),
        None,
    ),
}
for _name in ("relu", "relu6", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh", "softplus"):
    LAYERS[_name] = (getattr(cnnjax, _name), (X,), SPLIT)


def everything(f, *arrays):
    """The result, gradients of a loss, and a slope."""

    def loss(*arrays):
        leaves = jax.tree.leaves(f(*arrays))
        return sum(jnp.sum(jnp.sin(y)) for y in leaves)

    every = tuple(range(len(arrays)))
    return f(*arrays), jax.grad(loss, every)(*arrays), jax.jvp(loss, arrays, arrays)


def all_layers(given):
    """All of them in one program: what takes time here is compilation."""
    return {name: everything(LAYERS[name][0], *arrays) for name, arrays in given.items()}


FEW = ("conv", "conv_transpose", "max_pool", "avg_pool", "dense")


def wrong_types(name, over):
    """What JAX says of a layer's result and of its gradients, without computing them."""
    f, arrays, split = LAYERS[name]
    y, gradients, _ = jax.eval_shape(partial(everything, f), *over)
    wanted = [*zip(gradients, (spec for _, spec in arrays), strict=True)]
    if split is not None:
        wanted.append((jax.tree.leaves(y)[0], split))
    for array, spec in wanted:
        if not array.sharding.is_equivalent_to(array.sharding.update(spec=spec), array.ndim):
            yield f"split as {array.sharding.spec}, not as {spec}"


MODELS = {
    "notes": {"widths": (8, 16)},
    "lenet": {},
    "resnet18": {"image": (16, 16, 3)},
    "vgg11": {"image": (32, 32, 3)},
}


def wrong_models(mesh, names):
    """Gradients of a step of the caller's own, parameters split by channel: by types alone."""
    for name in names:
        model = build(name, classes=10, **MODELS[name])
        shapes = jax.eval_shape(model.init, jax.random.key(0))
        params = jax.tree.map(typed, shapes, placement(shapes, mesh))
        batch = NamedSharding(mesh, P("data"))
        images = typed(jax.ShapeDtypeStruct((4, *model.image), jnp.float32), batch)
        labels = typed(jax.ShapeDtypeStruct((4,), jnp.int32), batch)

        def loss(params, images, labels, model=model):
            logits, _ = model.apply_train(params, images, jax.random.key(1))
            return jnp.mean(cross_entropy(logits, labels)) + accuracy(logits, labels)

        gradients = jax.eval_shape(jax.grad(loss), params, images, labels)
        for found, like in zip(*map(jax.tree.leaves, (gradients, params)), strict=True):
            if found.sharding.spec != like.sharding.spec:
                yield f"{name}: a gradient {found} for {like}"


def typed(like, sharding):
    return jax.ShapeDtypeStruct(like.shape, like.dtype, sharding=sharding)


def main(kind, few):
    axis = AxisType.Explicit if kind == "explicit" else AxisType.Auto
    mesh = jax.make_mesh((2, 2), ("data", "model"), axis_types=(axis, axis))
    rng = np.random.default_rng(0)
    given = {
        name: [rng.integers(-2, 3, shape).astype(np.float32) for shape, _ in arrays]
        for name, (_, arrays, _) in LAYERS.items()
    }
    over = {
        name: [
            jax.device_put(array, NamedSharding(mesh, spec))
            for array, (_, spec) in zip(given[name], arrays, strict=True)
        ]
        for name, (_, arrays, _) in LAYERS.items()
    }
    failed = []
    if kind == "explicit":
        failed += [f"{name}: {what}" for name in LAYERS for what in wrong_types(name, over[name])]
        failed += wrong_models(mesh, list(MODELS)[: 2 if few else None])
    for name in set(given) - set(FEW) if few else ():
        del given[name], over[name]
    expected = jax.jit(all_layers)(given)
    for name, result in jax.jit(all_layers)(over).items():
        for a, b in zip(*map(jax.tree.leaves, (result, expected[name])), strict=True):
            scale = max(1.0, float(np.abs(b).max()))
            if not np.allclose(a, b, rtol=0, atol=1e-4 * scale):
                failed.append(f"{name}: differs by {np.abs(a - b).max()} of {scale}")
    for name in FEW:  # each operation by itself
        y = LAYERS[name][0](*over[name])
        np.testing.assert_allclose(y, expected[name][0], atol=1e-4 * float(np.abs(y).max()))
    print("\n".join(failed) or f"all layers agree: {len(LAYERS)}")
    return int(bool(failed))


if __name__ == "__main__":
    assert len(jax.devices()) == 4, jax.devices()
    sys.exit(main(sys.argv[1], sys.argv[2:] == ["few"]))
