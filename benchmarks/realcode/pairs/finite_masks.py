"""Masks of large finite numbers against -inf.

Over the reals exp(-1e9) is positive. These pairs are equal once it is read as zero, as the contract
asks: with that stated as an assumption, where the scores of the domain lie far above the mask.
"""

import jax
import jax.numpy as jnp

from benchmarks.realcode.inputs import flags, real, whole
from benchmarks.realcode.pair import Group, library
from benchmarks.realcode.pairs.attention import CAUSAL, attention

nn, optax, distrax = library("flax.linen"), library("optax"), library("distrax")

GROUP = Group("finite masks", ("jax",))
q, scores, mask = real(1, 3, 1, 2), real(2, 4), flags(2, 4)
LEAST = float(jnp.finfo(jnp.float32).min)


def bounded(*x):
    return tuple(jnp.abs(one) <= 20 for one in x)


def left(s, m):
    """Bounded scores, and something left in every row."""
    return jnp.abs(s) <= 100, jnp.any(m, -1)


GROUP.add(
    "finite masks, causal attention",
    lambda q, k, v: attention(q, k, v, CAUSAL, -jnp.inf),
    equal={
        "jax.nn, -0.7 max": lambda q, k, v: jax.nn.dot_product_attention(q, k, v, is_causal=True),
        "flax, finfo.min": lambda q, k, v: nn.dot_product_attention(
            q, k, v, mask=nn.make_causal_mask(jnp.ones((1, 3)))
        ),
        "-1e9": lambda q, k, v: attention(q, k, v, CAUSAL, -1e9),
        "added -1e9": lambda q, k, v: jax.nn.dot_product_attention(
            q, k, v, bias=-1e9 * (1.0 - CAUSAL)[None, None]
        ),
    },
    near={
        "-10": lambda q, k, v: attention(q, k, v, CAUSAL, -10.0),
        "flax, transposed": lambda q, k, v: nn.dot_product_attention(q, k, v, mask=CAUSAL.T),
    },
    on=[q, q, q],
    more=bounded,
    libraries=["flax"],
)
GROUP.add(
    "jax.nn.dot_product_attention against flax.linen, causal",
    lambda q, k, v: jax.nn.dot_product_attention(q, k, v, is_causal=True),
    equal=lambda q, k, v: nn.dot_product_attention(
        q, k, v, mask=nn.make_causal_mask(jnp.ones((1, 3)))
    ),
    near=lambda q, k, v: nn.dot_product_attention(q, k, v),
    on=[q, q, q],
    more=bounded,
    libraries=["flax"],
)
GROUP.add(
    "finite masks, padded keys",
    lambda q, k, v, n: attention(q, k, v, jnp.arange(3) < n, -jnp.inf),
    equal={
        "jax.nn": lambda q, k, v, n: jax.nn.dot_product_attention(
            q, k, v, key_value_seq_lengths=n[None]
        ),
        "flax": lambda q, k, v, n: nn.dot_product_attention(
            q, k, v, mask=(jnp.arange(3) < n)[None, None, None]
        ),
    },
    near=lambda q, k, v, n: attention(q, k, v, jnp.arange(3) <= n, -jnp.inf),
    on=[q, q, q, whole(1, 4)],
    more=lambda q, k, v, n: bounded(q, k, v),
    libraries=["flax"],
)
GROUP.add(
    "finite masks, softmax",
    lambda s, m: jax.nn.softmax(jnp.where(m, s, -jnp.inf), -1),
    equal={
        "-1e9": lambda s, m: jax.nn.softmax(jnp.where(m, s, -1e9), -1),
        "finfo.min": lambda s, m: jax.nn.softmax(jnp.where(m, s, LEAST), -1),
        "BERT's": lambda s, m: jax.nn.softmax(s + (1.0 - m) * -1e9, -1),
        "where= against -1e30": lambda s, m: jax.nn.softmax(jnp.where(m, s, -1e30), where=m),
    },
    near={
        "-1": lambda s, m: jax.nn.softmax(jnp.where(m, s, -1.0), -1),
        "multiplied": lambda s, m: jax.nn.softmax(s * m, -1),
    },
    on=[scores, mask],
    more=left,
)
GROUP.add(
    "finite masks, a maximum",
    lambda s, m: jnp.max(s, -1, where=m, initial=-jnp.inf),
    equal={
        "finfo.min": lambda s, m: jnp.max(jnp.where(m, s, LEAST), -1),
        "-1e9": lambda s, m: jnp.max(jnp.where(m, s, -1e9), -1),
        "minus a penalty": lambda s, m: jnp.max(jnp.where(m, s, s - 1e6), -1),
    },
    near=lambda s, m: jnp.max(jnp.where(m, s, 0.0), -1),
    on=[scores, mask],
    more=left,
)
GROUP.add(
    "finite masks, argmax",
    lambda s, m: jnp.argmax(jnp.where(m, s, -jnp.inf), -1),
    equal={"-1e9": lambda s, m: jnp.argmax(jnp.where(m, s, -1e9), -1)},
    near=lambda s, m: jnp.argmax(s * m, -1),
    on=[scores, mask],
    more=left,
)
GROUP.add(
    "invalid actions",
    lambda s, m, a: jax.nn.log_softmax(jnp.where(m, s, -jnp.inf))[jnp.arange(2), a],
    equal=lambda s, m, a: distrax.Categorical(jnp.where(m, s, -1e9)).log_prob(a),
    near=lambda s, m, a: distrax.Categorical(s).log_prob(a),
    on=[scores, mask, whole(0, 4, 2)],
    more=lambda s, m, a: (jnp.abs(s) <= 100, m[jnp.arange(2), a]),
    libraries=["distrax"],
)
GROUP.add(
    "safe cross entropy with padded classes",
    lambda s, m: optax.softmax_cross_entropy(
        jnp.where(m, s, -1e9), m / jnp.sum(m, -1, keepdims=True)
    ),
    equal=lambda s, m: jnp.log(jnp.sum(m * jnp.exp(s), -1)) - jnp.sum(m * s, -1) / jnp.sum(m, -1),
    near=lambda s, m: jnp.log(jnp.sum(jnp.exp(s), -1)) - jnp.sum(m * s, -1) / jnp.sum(m, -1),
    on=[scores, mask],
    more=left,
    libraries=["optax"],
)
