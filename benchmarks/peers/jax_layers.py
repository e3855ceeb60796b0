"""`cnnjax` as `cnnjax.train` uses it, with two things more, and the same program on plain lax.

cnnjax: lowerings chosen by the layers, the compiler options of `cnnjax.train`, a jitted step.
cnnjax, kept: the same, in a process whose malloc keeps freed memory (see `benchmarks.worker`), and
with short steps done many in one compiled loop; `cnnjax.train` does neither yet.
lax: plain convolutions and pools, a jitted step, a Python loop.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

import cnnjax
from benchmarks import networks as n
from benchmarks.peers import Job
from benchmarks.peers.jax_common import loss, prepare, sgd
from cnnjax import init as initializers
from cnnjax.train.compiler import compiler_options


def build(job: Job) -> Callable[[], None]:
    network, images, labels = prepare(job)
    ours, kept = job.peer != "lax", job.peer == "cnnjax, kept"
    lowering = None if ours else "lax"
    keys = iter(jax.random.split(jax.random.key(0), 1000))
    params, stats, _ = init(network.layers, (1, *network.image), keys)
    options = compiler_options(jax.default_backend(), images.dtype, job.batch) if ours else None
    compiled = partial(jax.jit, compiler_options=options)
    forward = partial(apply, network.layers, lowering=lowering)
    if not job.training:

        def infer(params: Any, stats: Any, images: Any) -> Any:
            return forward(params, stats, images, training=False)[0]

        if kept and network.steps > 1:
            infer = partial(_mapped, infer)
            run = compiled(infer)
            return lambda: jax.block_until_ready(run(params, stats, images))
        run = compiled(infer)
        return lambda: jax.block_until_ready([run(params, stats, x) for x in images])

    transform = sgd()
    state = [(params, stats, transform.init(params))]

    def step(state: Any, batch: Any) -> tuple[Any, jax.Array]:
        params, stats, momentum = state
        x, y = batch

        def cost(params: Any) -> Any:
            logits, new = forward(params, stats, x, training=True)
            return loss(logits, y), new

        (value, stats), grads = jax.value_and_grad(cost, has_aux=True)(params)
        updates, momentum = transform.update(grads, momentum, params)
        params = jax.tree.map(lambda p, u: p + u, params, updates)
        return (params, stats, momentum), value

    if kept and network.steps > 1:
        scanned = compiled(lambda state, batches: lax.scan(step, state, batches), donate_argnums=0)

        def call() -> None:
            state[0], values = scanned(state[0], (images, labels))
            values.block_until_ready()

        return call
    one = compiled(step, donate_argnums=0)

    def loop() -> None:
        for batch in zip(images, labels, strict=True):
            state[0], value = one(state[0], batch)
        value.block_until_ready()

    return loop


def _mapped(infer: Callable[..., Any], params: Any, stats: Any, images: Any) -> Any:
    return lax.map(lambda x: infer(params, stats, x), images)


def init(layers: Any, shape: Any, keys: Any) -> tuple[list[Any], list[Any], Any]:
    """Parameters, running statistics and the output shape of a sequence of layers."""
    params: list[Any] = []
    stats: list[Any] = []
    for layer in layers:
        p: Any = {}
        s: Any = {}
        match layer:
            case n.Conv():
                inputs = 1 if layer.depthwise else shape[-1]
                window = (layer.window, layer.window, inputs, layer.outputs)
                p["kernel"] = initializers.he_normal(next(keys), window, dtype=jnp.float32)
                if layer.bias:
                    p["bias"] = jnp.zeros(layer.outputs)
                side = [(m + 2 * layer.pad - layer.window) // layer.stride + 1 for m in shape[1:3]]
                shape = (1, *side, layer.outputs)
            case n.BatchNorm():
                p = {"scale": jnp.ones(shape[-1]), "bias": jnp.zeros(shape[-1])}
                s = {"mean": jnp.zeros(shape[-1]), "var": jnp.ones(shape[-1])}
            case n.MaxPool(window) | n.AvgPool(window):
                shape = (1, shape[1] // window, shape[2] // window, shape[3])
            case n.Flatten():
                shape = (1, shape[1] * shape[2] * shape[3])
            case n.Dense(outputs):
                p["kernel"] = initializers.he_normal(
                    next(keys), (shape[-1], outputs), dtype=jnp.float32
                )
                p["bias"], shape = jnp.zeros(outputs), (1, outputs)
            case n.Residual(body, shortcut):
                first, running, after = init(body, shape, keys)
                second, others, _ = init(shortcut, shape, keys)
                p, s, shape = [first, second], [running, others], after
        params.append(p)
        stats.append(s)
    return params, stats, shape


def apply(
    layers: Any, params: Any, stats: Any, x: Any, *, training: bool, lowering: str | None
) -> tuple[Any, list[Any]]:
    """The output, and the new running statistics."""
    again = partial(apply, training=training, lowering=lowering)
    new = []
    for layer, p, s in zip(layers, params, stats, strict=True):
        match layer:
            case n.Conv():
                p = {name: leaf.astype(x.dtype) for name, leaf in p.items()}
                groups = layer.outputs if layer.depthwise else 1
                x = cnnjax.conv(
                    x,
                    **p,
                    stride=layer.stride,
                    padding=layer.pad,
                    groups=groups,
                    lowering=lowering,
                )
            case n.BatchNorm():
                x, s = cnnjax.batch_norm(x, p, s, training=training)
            case n.Relu():
                x = cnnjax.relu(x)
            case n.MaxPool(window):
                x = cnnjax.max_pool(x, window, lowering=lowering)
            case n.AvgPool(window):
                x = cnnjax.avg_pool(x, window)
            case n.Flatten():
                x = cnnjax.flatten(x)
            case n.Dense():
                x = cnnjax.dense(x, p["kernel"].astype(x.dtype), p["bias"].astype(x.dtype))
            case n.Residual(body, shortcut):
                y, one = again(body, p[0], s[0], x)
                z, two = again(shortcut, p[1], s[1], x)
                x, s = y + z, [one, two]
        new.append(s)
    return x, new
