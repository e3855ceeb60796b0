"""`cnnjax` as `cnnjax.train` uses it, and the same program on plain lax.

cnnjax: lowerings chosen by the layers; the compiler options, the parts of a batch and the loop over
short steps of `cnnjax.train`.
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
from cnnjax.models import Model
from cnnjax.train.compiler import compiler_options
from cnnjax.train.parts import in_parts, mapped_in_parts, parts_that_pay


def build(job: Job) -> Callable[[], Any]:
    network, images, labels = prepare(job)
    if not job.training:
        infer, params, compiled = inference(job, network)
        run = compiled(infer)
        return lambda: jax.block_until_ready([run(params, x) for x in images])
    many = job.peer != "lax" and network.steps > 1
    return (in_a_scan if many else in_a_loop)(*training(job, network), (images, labels))


def in_a_loop(step: Any, state: Any, compiled: Any, batches: Any) -> Callable[[], Any]:
    """A call that does a step a batch, each in a call of its own; it gives the last loss."""
    now = [state]
    one = compiled(step, donate_argnums=0)

    def call() -> Any:
        for batch in zip(*batches, strict=True):
            now[0], value = one(now[0], batch)
        return value.block_until_ready()

    return call


def in_a_scan(step: Any, state: Any, compiled: Any, batches: Any) -> Callable[[], Any]:
    """A call that does a step a batch, all in one program; it gives the last loss."""
    now = [state]
    scanned = compiled(lambda state, batches: lax.scan(step, state, batches), donate_argnums=0)

    def call() -> Any:
        now[0], values = scanned(now[0], batches)
        return values.block_until_ready()[-1]

    return call


def inference(job: Job, network: n.Network) -> tuple[Any, Any, Any]:
    """`infer(params, images) -> logits`, the parameters, the `jax.jit` for it."""
    params, stats, forward, parts, compiled = _prepared(job, network)

    def infer(params: Any, images: Any) -> Any:
        return forward(params, stats, images, training=False)[0]

    return mapped_in_parts(infer, parts), params, compiled


def training(job: Job, network: n.Network) -> tuple[Any, Any, Any]:
    """`step(state, (images, labels)) -> (state, loss)`, its first state, the `jax.jit` for it."""
    params, stats, forward, parts, compiled = _prepared(job, network)
    transform = sgd()

    def step(state: Any, batch: Any) -> tuple[Any, jax.Array]:
        params, stats, momentum = state

        def cost(params: Any, x: Any, y: Any) -> Any:
            logits, new = forward(params, stats, x, training=True)
            return loss(logits, y) / parts, new

        gradient = in_parts(jax.value_and_grad(cost, has_aux=True), parts)
        (value, stats), grads = gradient(params, *batch)
        updates, momentum = transform.update(grads, momentum, params)
        params = jax.tree.map(lambda p, u: p + u, params, updates)
        return (params, stats, momentum), value

    return step, (params, stats, transform.init(params)), compiled


def _prepared(job: Job, network: n.Network) -> tuple[Any, Any, Any, int, Any]:
    """Parameters, running statistics, the forward pass, parts of a batch, and `jax.jit`."""
    ours = job.peer != "lax"
    keys = iter(jax.random.split(jax.random.key(0), 1000))
    params, stats, _ = init(network.layers, (1, *network.image), keys)
    backend = jax.default_backend()
    dtype = jnp.bfloat16 if job.precision == "bfloat16" else jnp.float32
    forward = partial(apply, network.layers, lowering=None if ours else "lax")
    options, parts = None, 1
    if ours:
        options = compiler_options(backend, dtype, job.batch, training=job.training)
        model = _model(network, params, stats, forward)
        parts = parts_that_pay(model, job.batch, backend, training=job.training)
    return params, stats, forward, parts, partial(jax.jit, compiler_options=options)


def _model(network: n.Network, params: Any, stats: Any, forward: Callable[..., Any]) -> Model:
    """The network as `cnnjax.train` would see it."""

    def features(params: Any, x: Any) -> dict[str, jax.Array]:
        maps: dict[str, jax.Array] = {}
        forward(params, stats, x, training=False, maps=maps)
        return maps

    return Model(
        name="benchmark",
        config={},
        image=network.image,
        classes=10,
        init=lambda key: params,
        apply=lambda params, x: forward(params, stats, x, training=False)[0],
        apply_train=lambda params, x, key: forward(params, stats, x, training=True),
        features=features,
    )


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
            case n.MaxPool(window, stride, pad):
                side = [(m + 2 * pad - window) // stride + 1 for m in shape[1:3]]
                shape = (1, *side, shape[3])
            case n.AvgPool(window):
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
    layers: Any,
    params: Any,
    stats: Any,
    x: Any,
    *,
    training: bool,
    lowering: str | None,
    maps: dict[str, jax.Array] | None = None,
) -> tuple[Any, list[Any]]:
    """The output, and the new running statistics; notes what each layer gives in `maps`."""
    again = partial(apply, training=training, lowering=lowering, maps=maps)
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
            case n.Relu6():
                x = cnnjax.relu6(x)
            case n.MaxPool(window, stride, pad):
                x = cnnjax.max_pool(x, window, stride=stride, padding=pad, lowering=lowering)
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
        if maps is not None:
            maps[str(len(maps))] = x
    return x, new
