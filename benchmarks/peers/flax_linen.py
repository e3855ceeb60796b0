"""flax.linen: a compact module, a jitted step with donated state."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from flax import linen as nn

from benchmarks import networks as n
from benchmarks.peers import Job
from benchmarks.peers.jax_common import loss, prepare, sgd


class Sequence(nn.Module):
    layers: Any
    training: bool

    @nn.compact
    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            match layer:
                case n.Conv():
                    x = nn.Conv(
                        layer.outputs,
                        (layer.window, layer.window),
                        strides=layer.stride,
                        padding=[(layer.pad, layer.pad)] * 2,
                        feature_group_count=layer.outputs if layer.depthwise else 1,
                        use_bias=layer.bias,
                        dtype=x.dtype,
                    )(x)
                case n.BatchNorm():
                    x = nn.BatchNorm(not self.training, momentum=0.9, dtype=x.dtype)(x)
                case n.Relu():
                    x = nn.relu(x)
                case n.Relu6():
                    x = nn.relu6(x)
                case n.MaxPool(window, stride, pad):
                    x = nn.max_pool(x, (window,) * 2, (stride,) * 2, [(pad, pad)] * 2)
                case n.AvgPool(window):
                    x = nn.avg_pool(x, (window, window), (window, window))
                case n.Flatten():
                    x = x.reshape(len(x), -1)
                case n.Dense(outputs):
                    x = nn.Dense(outputs, dtype=x.dtype)(x)
                case n.Residual(body, shortcut):
                    x = Sequence(body, self.training)(x) + Sequence(shortcut, self.training)(x)
        return x


def build(job: Job) -> Callable[[], None]:
    network, images, labels = prepare(job)
    model = Sequence(network.layers, job.training)
    variables = dict(jax.jit(model.init)(jax.random.key(0), images[0]))
    params = variables.pop("params")
    if not job.training:
        run = jax.jit(lambda params, rest, x: model.apply({"params": params, **rest}, x))
        return lambda: jax.block_until_ready([run(params, variables, x) for x in images])
    transform = sgd()
    state = [(params, variables, transform.init(params))]

    @partial(jax.jit, donate_argnums=0)
    def step(state: Any, x: Any, y: Any) -> tuple[Any, jax.Array]:
        params, rest, momentum = state

        def cost(params: Any) -> Any:
            logits, new = model.apply({"params": params, **rest}, x, mutable=["batch_stats"])
            return loss(logits, y), new

        (value, rest), grads = jax.value_and_grad(cost, has_aux=True)(params)
        updates, momentum = transform.update(grads, momentum, params)
        params = jax.tree.map(lambda p, u: p + u, params, updates)
        return (params, rest, momentum), value

    def call() -> None:
        for x, y in zip(images, labels, strict=True):
            state[0], value = step(state[0], x, y)
        value.block_until_ready()

    return call
