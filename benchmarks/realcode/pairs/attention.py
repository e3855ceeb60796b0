"""Attention, its masks in all forms, positions and projections."""

import jax
import jax.numpy as jnp

from benchmarks.realcode.inputs import flags, real, whole
from benchmarks.realcode.pair import Group, library

nn, eqx, einops = (library(name) for name in ("flax.linen", "equinox", "einops"))

GROUP = Group("attention", ("jax",))
q = real(1, 3, 2, 4)  # batch, time, heads, channels
CAUSAL = jnp.tril(jnp.ones((3, 3), bool))


def attention(q, k, v, mask=None, fill=-jnp.inf):
    scores = jnp.einsum("bthc,bshc->bhts", q, k) / jnp.sqrt(q.shape[-1])
    if mask is not None:
        scores = jnp.where(mask, scores, fill)
    return jnp.einsum("bhts,bshc->bthc", jax.nn.softmax(scores, -1), v)


def one_head(q, k, v):
    """Without a batch, head by head."""
    each = []
    for h in range(q.shape[2]):
        weights = jnp.exp(q[0, :, h] @ k[0, :, h].T / 2)
        each.append((weights / weights.sum(1, keepdims=True)) @ v[0, :, h])
    return jnp.stack(each, 1)[None]


def online(q, k, v):
    """Blocks of keys, one after the other, with a running maximum (Milakov & Gimelshein 2018)."""
    top = jnp.full(q.shape[:-1], -jnp.inf)
    total, out = jnp.zeros(q.shape[:-1]), jnp.zeros_like(q)
    for s in range(k.shape[1]):
        score = jnp.einsum("bthc,bhc->bth", q, k[:, s]) / 2
        new = jnp.maximum(top, score)
        old, now = jnp.exp(top - new), jnp.exp(score - new)
        total = total * old + now
        out = out * old[..., None] + now[..., None] * v[:, s][:, None]
        top = new
    return out / total[..., None]


GROUP.add(
    "jax.nn.dot_product_attention",
    lambda q, k, v: jax.nn.dot_product_attention(q, k, v),
    equal={
        "formula": attention,
        "flax": lambda q, k, v: nn.dot_product_attention(q, k, v),
        "head by head": one_head,
        "online softmax": online,
        "scaled queries": lambda q, k, v: jax.nn.dot_product_attention(q / 2, k, v, scale=1.0),
    },
    near={
        "no scale": lambda q, k, v: jax.nn.dot_product_attention(q, k, v, scale=1.0),
        "softmax over queries": lambda q, k, v: jnp.einsum(
            "bhts,bshc->bthc",
            jax.nn.softmax(jnp.einsum("bthc,bshc->bhts", q, k) / 2, axis=-2),
            v,
        ),
        "one key less": lambda q, k, v: jax.nn.dot_product_attention(q, k[:, :2], v[:, :2]),
    },
    on=[q, q, q],
)
GROUP.add(
    "causal attention",
    lambda q, k, v: attention(q, k, v, CAUSAL),
    equal={
        "multiplied weights": lambda q, k, v: (
            lambda w: jnp.einsum("bhts,bshc->bthc", w / w.sum(-1, keepdims=True), v)
        )(jnp.exp(jnp.einsum("bthc,bshc->bhts", q, k) / 2) * CAUSAL),
        "where=": lambda q, k, v: jnp.einsum(
            "bhts,bshc->bthc",
            jax.nn.softmax(jnp.einsum("bthc,bshc->bhts", q, k) / 2, where=CAUSAL),
            v,
        ),
        "prefixes": lambda q, k, v: jnp.concatenate(
            [attention(q[:, t : t + 1], k[:, : t + 1], v[:, : t + 1]) for t in range(3)], 1
        ),
        "added bias": lambda q, k, v: jax.nn.dot_product_attention(
            q, k, v, bias=jnp.where(CAUSAL, 0.0, -jnp.inf)[None, None]
        ),
    },
    near={
        "one key forgotten": lambda q, k, v: attention(q, k, v, CAUSAL.at[2, 0].set(False)),
        "transposed mask": lambda q, k, v: attention(q, k, v, CAUSAL.T),
        "masked after the softmax": lambda q, k, v: jnp.einsum(
            "bhts,bshc->bthc",
            jax.nn.softmax(jnp.einsum("bthc,bshc->bhts", q, k) / 2) * CAUSAL,
            v,
        ),
    },
    on=[q, q, q],
)
scores, mask = real(2, 4), flags(2, 4)


GROUP.add(
    "masked softmax",
    lambda s, m: jax.nn.softmax(jnp.where(m, s, -jnp.inf), -1),
    equal={
        "where=": lambda s, m: jax.nn.softmax(s, -1, where=m),
        "products": lambda s, m: jnp.exp(s) * m / jnp.sum(jnp.exp(s) * m, -1, keepdims=True),
        "log of the mask": lambda s, m: jax.nn.softmax(s + jnp.log(m.astype(s.dtype)), -1),
        "added -inf": lambda s, m: jax.nn.softmax(s + jnp.where(m, 0.0, -jnp.inf), -1),
        "renormalised": lambda s, m: (lambda p: p / jnp.sum(p, -1, keepdims=True))(
            jax.nn.softmax(s, -1) * m
        ),
    },
    near=lambda s, m: jax.nn.softmax(jnp.where(m, s, 0.0), -1),
    on=[scores, mask],
    more=lambda s, m: jnp.any(m, -1),
)
GROUP.add(
    "masked log-softmax, its finite part",
    lambda s, m: jnp.where(m, jax.nn.log_softmax(jnp.where(m, s, -jnp.inf), -1), 0.0),
    equal={
        "where=": lambda s, m: jnp.where(m, jax.nn.log_softmax(s, -1, where=m), 0.0),
        "logsumexp b=": lambda s, m: jnp.where(
            m, s - jax.nn.logsumexp(s, -1, b=m.astype(s.dtype), keepdims=True), 0.0
        ),
        "logsumexp where=": lambda s, m: jnp.where(
            m, s - jax.nn.logsumexp(s, -1, where=m, keepdims=True), 0.0
        ),
    },
    near=lambda s, m: jnp.where(m, jax.nn.log_softmax(s, -1), 0.0),
    on=[scores, mask],
    more=lambda s, m: jnp.any(m, -1),
)
GROUP.add(
    "a masked maximum",
    lambda s, m: jnp.max(s, -1, where=m, initial=-jnp.inf),
    equal={
        "where": lambda s, m: jnp.max(jnp.where(m, s, -jnp.inf), -1),
        "the least of them": lambda s, m: jnp.max(jnp.where(m, s, jnp.min(s)), -1),
    },
    near=lambda s, m: jnp.max(jnp.where(m, s, 0.0), -1),
    on=[scores, mask],
    more=lambda s, m: jnp.any(m, -1),
)
GROUP.add(
    "a masked mean over time",
    lambda x, n: jnp.mean(x, 1, where=(jnp.arange(4) < n[:, None])[..., None]),
    equal={
        "einsum": lambda x, n: (
            jnp.einsum("btc,bt->bc", x, 1.0 * (jnp.arange(4) < n[:, None])) / n[:, None]
        ),
        "cumulative": lambda x, n: jnp.cumsum(x, 1)[jnp.arange(2), n - 1] / n[:, None],
    },
    near=lambda x, n: jnp.mean(jnp.where((jnp.arange(4) < n[:, None])[..., None], x, 0), 1),
    on=[real(2, 4, 3), whole(1, 5, 2)],
)


def rotary(x, halves):
    """Su et al. 2021, over pairs of neighbours, or of halves as in GPT-NeoX."""
    angle = jnp.arange(3)[:, None] / 10000.0 ** (jnp.arange(2) * 2 / 4)
    cos, sin = jnp.cos(angle)[:, None], jnp.sin(angle)[:, None]
    one, two = (x[..., :2], x[..., 2:]) if halves else (x[..., ::2], x[..., 1::2])
    turned = one * cos - two * sin, one * sin + two * cos
    return jnp.concatenate(turned, -1) if halves else jnp.stack(turned, -1).reshape(x.shape)


def complex_rotary(x):
    angle = jnp.arange(3)[:, None] / 10000.0 ** (jnp.arange(2) * 2 / 4)
    turned = (x[..., ::2] + 1j * x[..., 1::2]) * jnp.exp(1j * angle)[:, None]
    return jnp.stack([turned.real, turned.imag], -1).reshape(x.shape)


GROUP.add(
    "rotary positions",
    lambda x: rotary(x, True),
    equal={
        "equinox": lambda x: jax.vmap(eqx.nn.RotaryPositionalEmbedding(4), in_axes=1, out_axes=1)(
            x
        ),
        "rotate half": lambda x: (
            x * jnp.tile(jnp.cos(jnp.arange(3)[:, None] * jnp.array([1, 0.01])), (1, 2))[:, None]
            + jnp.concatenate([-x[..., 2:], x[..., :2]], -1)
            * jnp.tile(jnp.sin(jnp.arange(3)[:, None] * jnp.array([1, 0.01])), (1, 2))[:, None]
        ),
        "neighbours, permuted": lambda x: rotary(x[..., jnp.array([0, 2, 1, 3])], False)[
            ..., jnp.array([0, 2, 1, 3])
        ],
    },
    near=lambda x: rotary(x, False),
    on=[real(3, 2, 4)],
    libraries=["equinox"],
)
GROUP.add(
    "rotary positions by complex numbers",
    lambda x: rotary(x, False),
    equal=complex_rotary,
    near=lambda x: complex_rotary(x[::-1])[::-1],
    on=[real(3, 2, 4)],
)
TREE = {
    name: {"kernel": real(4, 2, 2), "bias": real(2, 2)} for name in ("query", "key", "value")
} | {"out": {"kernel": real(2, 2, 4), "bias": real(4)}}


def by_hand(p, x):
    each = [jnp.einsum("btc,chd->bthd", x, p[n]["kernel"]) + p[n]["bias"] for n in list(TREE)[:3]]
    return jnp.einsum("bthd,hdc->btc", attention(*each), p["out"]["kernel"]) + p["out"]["bias"]


def fused(p, x):
    """One matrix for queries, keys and values."""
    kernel = jnp.concatenate([p[n]["kernel"].reshape(4, 4) for n in list(TREE)[:3]], 1)
    bias = jnp.concatenate([p[n]["bias"].reshape(4) for n in list(TREE)[:3]])
    each = einops.rearrange(x @ kernel + bias, "b t (n h d) -> n b t h d", n=3, h=2)
    out = einops.rearrange(attention(*each), "b t h d -> b t (h d)")
    return out @ p["out"]["kernel"].reshape(4, 4) + p["out"]["bias"]


def equinox_attention(p, x):
    module = eqx.nn.MultiheadAttention(
        2,
        4,
        use_query_bias=True,
        use_key_bias=True,
        use_value_bias=True,
        use_output_bias=True,
        key=jax.random.key(0),
    )
    for name, part in zip(TREE, ("query", "key", "value", "output"), strict=True):
        kernel, bias = p[name]["kernel"].reshape(4, 4).T, p[name]["bias"].reshape(4)
        module = eqx.tree_at(
            lambda m, part=f"{part}_proj": (getattr(m, part).weight, getattr(m, part).bias),
            module,
            (kernel, bias),
        )
    return jax.vmap(lambda x: module(x, x, x))(x)


GROUP.add(
    "flax.linen.MultiHeadDotProductAttention",
    lambda p, x: nn.MultiHeadDotProductAttention(2).apply({"params": p}, x),
    equal={"einsum": by_hand, "fused, einops": fused, "equinox": equinox_attention},
    near={
        "keys for values": lambda p, x: by_hand({**p, "value": p["key"]}, x),
        "heads transposed": lambda p, x: by_hand(
            {**p, "out": {**p["out"], "kernel": p["out"]["kernel"].transpose(1, 0, 2)}}, x
        ),
    },
    on=[TREE, real(1, 3, 4)],
    libraries=["flax", "equinox", "einops"],
)
