"""flax.nnx, as its guide to training has it: modules, `nnx.Optimizer`, `nnx.jit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from benchmarks import networks as n
from benchmarks.peers import Job
from benchmarks.peers.jax_common import loss, prepare, sgd


class Sequence(nnx.Module):
    """The layers one after the other."""

    def __init__(self, layers: Any, shape: Any, dtype: Any, rngs: nnx.Rngs):
        made: list[Any] = []
        for layer in layers:
            module, shape = _make(layer, shape, dtype, rngs)
            made.append(module)
        self.layers = nnx.List(made)
        self.shape = tuple(shape)

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x


class Residual(nnx.Module):
    def __init__(self, body: Any, shortcut: Any, shape: Any, dtype: Any, rngs: nnx.Rngs):
        self.body = Sequence(body, shape, dtype, rngs)
        self.shortcut = Sequence(shortcut, shape, dtype, rngs)

    def __call__(self, x: Any) -> Any:
        return self.body(x) + self.shortcut(x)


class Apply(nnx.Module):
    """A function of no parameters."""

    def __init__(self, f: Callable[[Any], Any]):
        self.f = f

    def __call__(self, x: Any) -> Any:
        return self.f(x)


def _make(layer: Any, shape: Any, dtype: Any, rngs: nnx.Rngs) -> tuple[Any, Any]:
    match layer:
        case n.Conv():
            module = nnx.Conv(
                shape[-1],
                layer.outputs,
                (layer.window, layer.window),
                strides=layer.stride,
                padding=[(layer.pad, layer.pad)] * 2,
                feature_group_count=layer.outputs if layer.depthwise else 1,
                use_bias=layer.bias,
                dtype=dtype,
                rngs=rngs,
            )
            side = [(m + 2 * layer.pad - layer.window) // layer.stride + 1 for m in shape[:2]]
            return module, (*side, layer.outputs)
        case n.BatchNorm():
            return nnx.BatchNorm(shape[-1], momentum=0.9, dtype=dtype, rngs=rngs), shape
        case n.Relu():
            return Apply(nnx.relu), shape
        case n.Relu6():
            return Apply(nnx.relu6), shape
        case n.MaxPool(window, stride, pad):
            pads = [(pad, pad)] * 2
            pool = Apply(lambda x: nnx.max_pool(x, (window,) * 2, (stride,) * 2, pads))
            side = [(m + 2 * pad - window) // stride + 1 for m in shape[:2]]
            return pool, (*side, shape[2])
        case n.AvgPool(window):
            pool = Apply(lambda x: nnx.avg_pool(x, (window, window), (window, window)))
            return pool, (shape[0] // window, shape[1] // window, shape[2])
        case n.Flatten():
            return Apply(lambda x: x.reshape(len(x), -1)), (shape[0] * shape[1] * shape[2],)
        case n.Dense(outputs):
            return nnx.Linear(shape[-1], outputs, dtype=dtype, rngs=rngs), (outputs,)
        case n.Residual(body, shortcut):
            residual = Residual(body, shortcut, shape, dtype, rngs)
            return residual, residual.body.shape
    raise TypeError(layer)


def build(job: Job) -> Callable[[], None]:
    network, images, labels = prepare(job)
    model = Sequence(network.layers, network.image, images.dtype, nnx.Rngs(0))
    if not job.training:
        model.eval()
        run = nnx.jit(lambda model, x: model(x))
        return lambda: jax.block_until_ready([run(model, x) for x in images])
    model.train()
    optimizer = nnx.Optimizer(model, sgd(), wrt=nnx.Param)

    @nnx.jit
    def step(model: Any, optimizer: Any, x: Any, y: Any) -> jax.Array:
        value, grads = nnx.value_and_grad(lambda model: loss(model(x), y))(model)
        optimizer.update(model, grads)
        return value

    def call() -> None:
        value = jnp.zeros(())
        for x, y in zip(images, labels, strict=True):
            value = step(model, optimizer, x, y)
        jax.block_until_ready((value, nnx.state(model)))

    return call
