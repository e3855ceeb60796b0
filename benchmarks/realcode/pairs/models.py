"""Whole small models: flax, haiku, equinox and keras against plain jnp and each other."""

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.realcode.inputs import like, real, whole
from benchmarks.realcode.pair import Group, library

nn, eqx, haiku = (library(n) for n in ("flax.linen", "equinox", "haiku"))
optax = library("optax")

GROUP = Group("models", ("flax",))


def parameters(make, *x):
    """Of a flax module: their shapes, and those of its inputs."""

    def examples():
        structs = [jax.ShapeDtypeStruct(one.shape, one.dtype) for one in x]
        found = jax.eval_shape(make().init, jax.random.key(0), *structs)
        return [like(found["params"]), *x]

    return examples


def mlp():
    return nn.Sequential([nn.Dense(8), nn.relu, nn.Dense(8), jnp.tanh, nn.Dense(3)])


def mlp_by_hand(p, x):
    one, two, three = (p[f"layers_{i}"] for i in (0, 2, 4))
    x = jnp.maximum(x @ one["kernel"] + one["bias"], 0)
    x = jnp.tanh(x @ two["kernel"] + two["bias"])
    return x @ three["kernel"] + three["bias"]


def linear(layer):
    """A flax dense layer as equinox's."""
    made = eqx.nn.Linear(*layer["kernel"].shape, key=jax.random.key(0))
    return eqx.tree_at(lambda m: (m.weight, m.bias), made, (layer["kernel"].T, layer["bias"]))


def mlp_equinox(p, x):
    one, two, three = (linear(p[f"layers_{i}"]) for i in (0, 2, 4))
    return jax.vmap(lambda x: three(jnp.tanh(two(jax.nn.relu(one(x))))))(x)


def mlp_haiku(p, x):
    def net(x):
        return haiku.Sequential(
            [haiku.Linear(8), jax.nn.relu, haiku.Linear(8), jnp.tanh, haiku.Linear(3)]
        )(x)

    names = ("linear", "linear_1", "linear_2")
    params = {
        name: {"w": p[f"layers_{i}"]["kernel"], "b": p[f"layers_{i}"]["bias"]}
        for name, i in zip(names, (0, 2, 4), strict=True)
    }
    return haiku.without_apply_rng(haiku.transform(net)).apply(params, x)


GROUP.add(
    "a perceptron of flax",
    lambda p, x: mlp().apply({"params": p}, x),
    equal={"jnp": mlp_by_hand, "equinox": mlp_equinox, "haiku": mlp_haiku},
    near={
        "a lost bias": lambda p, x: mlp_by_hand(
            {**p, "layers_2": {**p["layers_2"], "bias": jnp.zeros(8)}}, x
        ),
        "layers swapped": lambda p, x: mlp_by_hand(
            {**p, "layers_2": {**p["layers_2"], "kernel": p["layers_2"]["kernel"].T}}, x
        ),
    },
    on=parameters(mlp, real(2, 4)),
    libraries=["flax", "equinox", "haiku"],
)
GROUP.add(
    "the gradient of a perceptron's loss",
    lambda p, x, n: jax.grad(
        lambda p: optax.softmax_cross_entropy_with_integer_labels(
            mlp().apply({"params": p}, x), n
        ).mean()
    )(p)["layers_2"],
    equal=lambda p, x, n: jax.grad(
        lambda p: -jnp.mean(jax.nn.log_softmax(mlp_by_hand(p, x))[jnp.arange(2), n])
    )(p)["layers_2"],
    near=lambda p, x, n: jax.grad(
        lambda p: -jnp.sum(jax.nn.log_softmax(mlp_by_hand(p, x))[jnp.arange(2), n])
    )(p)["layers_2"],
    on=lambda: [*parameters(mlp, real(2, 4))(), whole(0, 3, 2)],
    libraries=["flax", "optax"],
)


def cnn():
    return nn.Sequential(
        [
            nn.Conv(4, (3, 3)),
            nn.relu,
            lambda x: nn.max_pool(x, (2, 2), (2, 2)),
            nn.Conv(6, (3, 3), padding="VALID"),
            nn.relu,
            lambda x: x.reshape(x.shape[0], -1),
            nn.Dense(3),
        ]
    )


def cnn_by_hand(p, x, first=jnp.maximum):
    """Pools first and then takes the ReLU; convolutions as sums of shifted products."""
    k, b = p["layers_0"]["kernel"], p["layers_0"]["bias"]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    x = sum(padded[:, i : i + 6, j : j + 6] @ k[i, j] for i in range(3) for j in range(3)) + b
    x = x.reshape(x.shape[0], 3, 2, 3, 2, -1).max((2, 4))
    x = first(x, 0)
    k, b = p["layers_3"]["kernel"], p["layers_3"]["bias"]
    x = jnp.maximum(jnp.einsum("bhwc,hwcd->bd", x, k) + b, 0)
    return x @ p["layers_6"]["kernel"] + p["layers_6"]["bias"]


def convolution(layer, padding):
    kernel = layer["kernel"].transpose(3, 2, 0, 1)
    made = eqx.nn.Conv2d(
        kernel.shape[1], kernel.shape[0], 3, padding=padding, key=jax.random.key(0)
    )
    bias = layer["bias"][:, None, None]
    return eqx.tree_at(lambda m: (m.weight, m.bias), made, (kernel, bias))


def cnn_equinox(p, x):
    """Channels first; its flattened features are one pixel each, so that no order differs."""

    def net(x):
        x = jax.nn.relu(convolution(p["layers_0"], 1)(x.transpose(2, 0, 1)))
        x = eqx.nn.MaxPool2d(2, 2)(x)
        x = jax.nn.relu(convolution(p["layers_3"], 0)(x))
        return linear(p["layers_6"])(x.ravel())

    return jax.vmap(net)(x)


GROUP.add(
    "a convolutional network of flax",
    lambda p, x: cnn().apply({"params": p}, x),
    equal={"jnp": cnn_by_hand, "equinox": cnn_equinox},
    near={
        "flipped kernel": lambda p, x: cnn_by_hand(
            {**p, "layers_0": {**p["layers_0"], "kernel": p["layers_0"]["kernel"][::-1]}}, x
        ),
        "no first ReLU": lambda p, x: cnn_by_hand(p, x, first=lambda x, _: x),
    },
    on=parameters(cnn, real(1, 6, 6, 2)),
    libraries=["flax", "equinox"],
)


def depthwise(p, x):
    layer = nn.Conv(4, (3, 3), feature_group_count=2, use_bias=False)
    return layer.apply({"params": {"kernel": p}}, x)


GROUP.add(
    "flax.linen.Conv, grouped",
    depthwise,
    equal={
        "two convolutions": lambda p, x: jnp.concatenate(
            [
                lax.conv_general_dilated(
                    x[..., i : i + 1],
                    p[..., 2 * i : 2 * i + 2],
                    (1, 1),
                    "SAME",
                    dimension_numbers=("NHWC", "HWIO", "NHWC"),
                )
                for i in (0, 1)
            ],
            -1,
        ),
    },
    near=lambda p, x: depthwise(p[..., jnp.array([0, 2, 1, 3])], x),
    on=[real(3, 3, 1, 4), real(1, 4, 4, 2)],
)
GROUP.add(
    "flax.linen.ConvTranspose",
    lambda k, x: nn.ConvTranspose(3, (3, 3), (2, 2), padding="VALID", use_bias=False).apply(
        {"params": {"kernel": k}}, x
    ),
    equal={
        "adjoint": lambda k, x: jax.vjp(
            lambda y: lax.conv_general_dilated(
                y,
                k[::-1, ::-1].transpose(0, 1, 3, 2),
                (2, 2),
                "VALID",
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
            ),
            jnp.zeros((1, 7, 7, 3)),
        )[1](x)[0],
        "dilated": lambda k, x: lax.conv_general_dilated(
            jnp.zeros((1, 5, 5, 2)).at[:, ::2, ::2].set(x),
            k,
            (1, 1),
            [(2, 2), (2, 2)],
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        ),
    },
    near=lambda k, x: nn.ConvTranspose(3, (3, 3), (2, 2), padding="VALID", use_bias=False).apply(
        {"params": {"kernel": k[::-1, ::-1]}}, x
    ),
    on=[real(3, 3, 2, 3), real(1, 3, 3, 2)],
)
GROUP.add(
    "flax.linen.Embed",
    lambda t, n: nn.Embed(6, 4).apply({"params": {"embedding": t}}, n),
    equal={
        "one-hot": lambda t, n: jax.nn.one_hot(n, 6) @ t,
        "take": lambda t, n: jnp.take(t, n, axis=0),
    },
    near=lambda t, n: jax.nn.one_hot(n + 1, 6) @ t,
    on=[real(6, 4), whole(0, 6, 3)],
)
GROUP.add(
    "flax.linen.Embed, its gradient",
    lambda t, n, g: jax.vjp(lambda t: nn.Embed(6, 2).apply({"params": {"embedding": t}}, n), t)[1](
        g
    )[0],
    equal={
        "segments": lambda t, n, g: jax.ops.segment_sum(g, n, 6),
        "one-hot": lambda t, n, g: jax.nn.one_hot(n, 6).T @ g,
        "scatter": lambda t, n, g: jnp.zeros((6, 2)).at[n].add(g),
    },
    near=lambda t, n, g: jnp.zeros((6, 2)).at[n].max(g),
    on=[real(6, 2), whole(0, 6, 3), real(3, 2)],
)
