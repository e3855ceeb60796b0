"""equinox: modules for one image, channels first, `vmap` over the batch, `eqx.filter_jit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from benchmarks import networks as n
from benchmarks.peers import Job
from benchmarks.peers.jax_common import loss, prepare, sgd


class Sequence(eqx.Module):
    layers: list[Any]

    def __call__(self, x: Any, state: Any) -> tuple[Any, Any]:
        for layer in self.layers:
            if isinstance(layer, Sequence | Residual | eqx.nn.BatchNorm):
                x, state = layer(x, state)
            else:
                x = layer(x)
        return x, state


class Residual(eqx.Module):
    body: Sequence
    shortcut: Sequence

    def __call__(self, x: Any, state: Any) -> tuple[Any, Any]:
        y, state = self.body(x, state)
        z, state = self.shortcut(x, state)
        return y + z, state


def _sequence(layers: Any, shape: Any, keys: Any) -> tuple[Sequence, Any]:
    made: list[Any] = []
    for layer in layers:
        module: Any = None
        match layer:
            case n.Conv():
                groups = layer.outputs if layer.depthwise else 1
                module = eqx.nn.Conv2d(
                    shape[0],
                    layer.outputs,
                    layer.window,
                    layer.stride,
                    layer.pad,
                    groups=groups,
                    use_bias=layer.bias,
                    key=next(keys),
                )
                side = [(m + 2 * layer.pad - layer.window) // layer.stride + 1 for m in shape[1:]]
                shape = (layer.outputs, *side)
            case n.BatchNorm():
                module = eqx.nn.BatchNorm(shape[0], "batch", mode="batch")
            case n.Relu():
                module = jax.nn.relu
            case n.Relu6():
                module = jax.nn.relu6
            case n.MaxPool(window, stride, pad):
                module = eqx.nn.MaxPool2d(window, stride, pad)
                shape = (shape[0], *((m + 2 * pad - window) // stride + 1 for m in shape[1:]))
            case n.AvgPool(window):
                module = eqx.nn.AvgPool2d(window, window)
                shape = (shape[0], shape[1] // window, shape[2] // window)
            case n.Flatten():
                module, shape = jnp.ravel, (shape[0] * shape[1] * shape[2],)
            case n.Dense(outputs):
                module, shape = eqx.nn.Linear(shape[0], outputs, key=next(keys)), (outputs,)
            case n.Residual(body, shortcut):
                first, after = _sequence(body, shape, keys)
                second, _ = _sequence(shortcut, shape, keys)
                module, shape = Residual(first, second), after
        made.append(module)
    return Sequence(made), shape


def build(job: Job) -> Callable[[], None]:
    network, images, labels = prepare(job)
    images = jnp.moveaxis(images, -1, 2)
    height, width, channels = network.image
    keys = iter(jax.random.split(jax.random.key(0), 1000))
    model, state = eqx.nn.make_with_state(
        lambda: _sequence(network.layers, (channels, height, width), keys)[0]
    )()
    if images.dtype == jnp.bfloat16:
        model = jax.tree.map(
            lambda leaf: leaf.astype(jnp.bfloat16) if eqx.is_inexact_array(leaf) else leaf, model
        )

    def batched(model: Any, state: Any, x: Any) -> Any:
        run = jax.vmap(model, axis_name="batch", in_axes=(0, None), out_axes=(0, None))
        return run(x, state)

    if not job.training:
        model = eqx.nn.inference_mode(model)
        run = eqx.filter_jit(lambda model, state, x: batched(model, state, x)[0])
        return lambda: jax.block_until_ready([run(model, state, x) for x in images])
    transform = sgd()
    everything = [(model, state, transform.init(eqx.filter(model, eqx.is_inexact_array)))]

    @eqx.filter_jit(donate="all-except-first")
    def step(batch: Any, everything: Any) -> Any:
        model, state, momentum = everything
        x, y = batch

        def cost(model: Any, state: Any) -> Any:
            logits, state = batched(model, state, x)
            return loss(logits, y), state

        (value, state), grads = eqx.filter_value_and_grad(cost, has_aux=True)(model, state)
        updates, momentum = transform.update(grads, momentum)
        return (eqx.apply_updates(model, updates), state, momentum), value

    def call() -> None:
        for batch in zip(images, labels, strict=True):
            everything[0], value = step(batch, everything[0])
        value.block_until_ready()

    return call
