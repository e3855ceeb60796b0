"""Recurrent cells and transformer blocks of flax, equinox and haiku."""

import jax
import jax.numpy as jnp
from jax.nn import sigmoid

from benchmarks.realcode.inputs import real
from benchmarks.realcode.pair import Group, library
from benchmarks.realcode.pairs.models import linear, parameters

nn, eqx = library("flax.linen"), library("equinox")

GROUP = Group("sequence models", ("flax",))
c, x = real(2, 3), real(2, 4)


def dense(p, x):
    return x @ p["kernel"] + p.get("bias", 0.0)


def lstm(p, carry, x):
    c, h = carry
    i, f, g, o = (dense(p[f"i{n}"], x) + dense(p[f"h{n}"], h) for n in "ifgo")
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    return sigmoid(o) * jnp.tanh(c)


def lstm_equinox(p, carry, x):
    cell = eqx.nn.LSTMCell(4, 3, key=jax.random.key(0))
    weights = (
        jnp.concatenate([p[f"i{n}"]["kernel"].T for n in "ifgo"]),
        jnp.concatenate([p[f"h{n}"]["kernel"].T for n in "ifgo"]),
        jnp.concatenate([p[f"h{n}"]["bias"] for n in "ifgo"]),
    )
    cell = eqx.tree_at(lambda m: (m.weight_ih, m.weight_hh, m.bias), cell, weights)
    return jax.vmap(cell)(x, (carry[1], carry[0]))[0]


def cell_parameters(make, carry):
    def examples():
        structs = jax.tree.map(lambda one: one.struct, (carry, x))
        found = jax.eval_shape(make().init, jax.random.key(0), *structs)["params"]
        return [jax.tree.map(lambda leaf: real(*leaf.shape), found), carry, x]

    return examples


GROUP.add(
    "flax.linen.LSTMCell",
    lambda p, carry, x: nn.LSTMCell(3).apply({"params": p}, carry, x)[1],
    equal={
        "formula": lstm,
        "equinox": lstm_equinox,
        "flax, optimised": lambda p, carry, x: nn.OptimizedLSTMCell(3).apply(
            {"params": p}, carry, x
        )[1],
    },
    near={
        "gates swapped": lambda p, carry, x: lstm({**p, "ii": p["if"], "if": p["ii"]}, carry, x),
        "a forget bias": lambda p, carry, x: lstm(
            {**p, "hf": {**p["hf"], "bias": p["hf"]["bias"] + 1}}, carry, x
        ),
    },
    on=cell_parameters(lambda: nn.LSTMCell(3), (c, c)),
    libraries=["flax", "equinox"],
)


def gru(p, h, x, after=True):
    r = sigmoid(dense(p["ir"], x) + dense(p["hr"], h))
    z = sigmoid(dense(p["iz"], x) + dense(p["hz"], h))
    inner = r * dense(p["hn"], h) if after else dense(p["hn"], r * h)
    n = jnp.tanh(dense(p["in"], x) + inner)
    return n + z * (h - n)


GROUP.add(
    "flax.linen.GRUCell",
    lambda p, h, x: nn.GRUCell(3).apply({"params": p}, h, x)[1],
    equal=gru,
    near={
        "reset before": lambda p, h, x: gru(p, h, x, after=False),
    },
    on=cell_parameters(lambda: nn.GRUCell(3), c),
)


def rnn(p, x):
    cell = nn.SimpleCell(3, param_dtype=x.dtype)
    return nn.RNN(cell).apply({"params": {"cell": p}}, x)


def rnn_loop(p, x, first=0.0):
    h, found = jnp.full((1, 3), first), []
    for t in range(4):
        h = jnp.tanh(dense(p["i"], x[:, t]) + dense(p["h"], h))
        found.append(h)
    return jnp.stack(found, 1)


GROUP.add(
    "flax.linen.RNN of a simple cell",
    rnn,
    equal=rnn_loop,
    near={
        "another first state": lambda p, x: rnn_loop(p, x, 1.0),
        "no memory": lambda p, x: jnp.tanh(dense(p["i"], x)),
    },
    on=[
        {"i": {"kernel": real(2, 3), "bias": real(3)}, "h": {"kernel": real(3, 3)}},
        real(1, 4, 2),
    ],
)


class Block:
    """A transformer block, built when flax is there: pre-norm, two heads, GELU."""

    def __call__(self):
        class Module(nn.Module):
            @nn.compact
            def __call__(self, x):
                y = nn.LayerNorm(name="norm1")(x)
                x = x + nn.MultiHeadDotProductAttention(2, name="attention")(y)
                y = nn.LayerNorm(name="norm2")(x)
                y = nn.gelu(nn.Dense(8, name="up")(y))
                return x + nn.Dense(4, name="down")(y)

        return Module()


block = Block()


def norm(p, x, eps=1e-6):
    centred = x - x.mean(-1, keepdims=True)
    var = (centred**2).mean(-1, keepdims=True)
    return centred / jnp.sqrt(var + eps) * p["scale"] + p["bias"]


def block_by_hand(p, x, second="norm2", skip=True):
    a = p["attention"]
    y = norm(p["norm1"], x)
    q, k, v = (
        jnp.einsum("btc,chd->bhtd", y, a[n]["kernel"]) + a[n]["bias"][None, :, None]
        for n in ("query", "key", "value")
    )
    weights = jax.nn.softmax(q @ k.swapaxes(2, 3) / jnp.sqrt(2.0), -1)
    y = jnp.einsum("bhtd,hdc->btc", weights @ v, a["out"]["kernel"]) + a["out"]["bias"]
    x = x + y if skip else y
    y = norm(p[second], x)
    return x + dense(p["down"], jax.nn.gelu(dense(p["up"], y)))


def block_equinox(p, x):
    a = p["attention"]
    attention = eqx.nn.MultiheadAttention(
        2,
        4,
        use_query_bias=True,
        use_key_bias=True,
        use_value_bias=True,
        use_output_bias=True,
        key=jax.random.key(0),
    )
    for name, part in (("query",) * 2, ("key",) * 2, ("value",) * 2, ("out", "output")):
        layer = {"kernel": a[name]["kernel"].reshape(4, 4), "bias": a[name]["bias"].reshape(4)}
        attention = eqx.tree_at(
            lambda m, part=f"{part}_proj": getattr(m, part), attention, linear(layer)
        )

    def layer_norm(p):
        made = eqx.nn.LayerNorm(4, eps=1e-6)
        return jax.vmap(eqx.tree_at(lambda m: (m.weight, m.bias), made, (p["scale"], p["bias"])))

    def net(x):
        y = layer_norm(p["norm1"])(x)
        x = x + attention(y, y, y)
        y = layer_norm(p["norm2"])(x)
        return x + jax.vmap(lambda y: linear(p["down"])(jax.nn.gelu(linear(p["up"])(y))))(y)

    return jax.vmap(net)(x)


GROUP.add(
    "a transformer block of flax",
    lambda p, x: block().apply({"params": p}, x),
    equal={"jnp": block_by_hand, "equinox": block_equinox},
    near={
        "the same norm twice": lambda p, x: block_by_hand(p, x, second="norm1"),
        "a lost skip": lambda p, x: block_by_hand(p, x, skip=False),
    },
    on=parameters(block, real(1, 3, 4)),
    libraries=["flax", "equinox"],
)
GROUP.add(
    "a transformer block against itself",
    lambda p, x: block().apply({"params": p}, x),
    equal={
        "jit": lambda p, x: jax.jit(lambda p, x: block().apply({"params": p}, x))(p, x),
        "remat": lambda p, x: nn.remat(type(block()))().apply({"params": p}, x),
        "vmap": lambda p, x: jax.vmap(lambda x: block().apply({"params": p}, x[None])[0])(x),
    },
    near=lambda p, x: block().apply({"params": p}, x[:, ::-1]),
    on=parameters(block, real(1, 3, 4)),
)
GROUP.add(
    "a transformer block's gradient",
    lambda p, x: jax.grad(lambda x: block().apply({"params": p}, x).sum())(x),
    equal=lambda p, x: jax.grad(lambda x: block_by_hand(p, x).sum())(x),
    near=lambda p, x: jax.grad(lambda x: block_by_hand(p, x).mean())(x),
    on=parameters(block, real(1, 2, 4)),
)
