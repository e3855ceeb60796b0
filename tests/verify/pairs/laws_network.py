"""Whole programs: forward, loss and gradient of a small CNN against a rewritten one."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tests.verify.pairs.law import Case, f32, law
from tests.verify.pairs.laws_convolution import conv, shifted

Rng = np.random.Generator


def _network(rng: Rng) -> tuple[Any, Any, tuple[Any, ...], Any]:
    """A network, the same rewritten with an optional bug, example arguments and the bugs."""
    classes, width = int(rng.integers(2, 4)), int(rng.integers(1, 3))
    pad = ((1, 1), (1, 1))
    normalised = bool(rng.integers(2))

    def plain(x: Any, w: Any, b: Any, d: Any) -> Any:
        y = conv(x, w, padding="SAME") + b
        if normalised:
            y = (y - b * 0.5) / jnp.sqrt(b * b + 1e-3)
        y = jax.nn.relu(y)
        y = lax.reduce_window(y, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        return y.reshape(y.shape[0], -1) @ d

    def rewritten(x: Any, w: Any, b: Any, d: Any, bug: str = "") -> Any:
        y = shifted(x, w, (1, 1), pad, (1, 1), -1 if bug == "flipped kernel" else 1)
        y = y + (b.at[0].set(0) if bug == "lost bias" else b)
        if normalised:
            epsilon = 1e-2 if bug == "epsilon" else 1e-3
            y = (y - b * 0.5) * lax.rsqrt(b**2 + epsilon)
        n, h, v, c = y.shape
        y = y.reshape(n, h // 2, 2, v // 2, 2, c).max((2, 4))
        y = jnp.maximum(y, 0)
        if bug == "swapped axes":
            y = y.transpose(0, 2, 1, 3)
        return jnp.einsum("bhwc,hwco->bo", y, d.reshape(*y.shape[1:], -1))

    bugs = ["flipped kernel", "lost bias", "swapped axes"] + (["epsilon"] if normalised else [])
    examples = (f32(1, 4, 4, 1), f32(3, 3, 1, width), f32(width), f32(4 * width, classes))
    return plain, rewritten, examples, str(rng.choice(bugs))


@law("network forward")
def forward(rng: Rng) -> Case:
    plain, rewritten, examples, bug = _network(rng)
    return Case(plain, rewritten, lambda *a: rewritten(*a, bug=bug), examples)


@law("network loss")
def loss(rng: Rng) -> Case:
    plain, rewritten, examples, bug = _network(rng)

    def stable(*a: Any) -> Any:
        return -jax.nn.log_softmax(plain(*a))[:, 0].mean()

    def naive(*a: Any, bug: str = "") -> Any:
        logits = rewritten(*a, bug=bug)
        return (jnp.log(jnp.exp(logits).sum(-1)) - logits[:, 0]).mean()

    return Case(stable, naive, lambda *a: naive(*a, bug=bug), examples)


@law("network gradient")
def kernel_and_bias_gradient(rng: Rng) -> Case:
    plain, rewritten, examples, bug = _network(rng)
    target = float(rng.integers(1, 4))

    def gradient(f: Any) -> Any:
        return jax.grad(lambda w, b, x, d: ((f(x, w, b, d) - target) ** 2).sum(), (0, 1))

    def by_hand(x: Any, w: Any, b: Any, d: Any) -> Any:
        """Back-propagation of the last layer by hand, the rest by a pull-back."""

        def features(w: Any, b: Any) -> Any:
            return plain(x, w, b, jnp.eye(d.shape[0]))

        y, pull = jax.vjp(features, w, b)
        return pull(2 * (y @ d - target) @ d.T)

    return Case(
        lambda x, w, b, d: gradient(plain)(w, b, x, d),
        by_hand,
        lambda x, w, b, d: gradient(lambda *a: rewritten(*a, bug=bug))(w, b, x, d),
        examples,
    )
