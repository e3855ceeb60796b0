"""PyTorch: eager or compiled, NCHW or channels_last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks import networks as n
from benchmarks.peers import MOMENTUM, RATE, Job


class Residual(nn.Module):
    def __init__(self, body: nn.Module, shortcut: nn.Module):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: Any) -> Any:
        return self.body(x) + self.shortcut(x)


def _sequence(layers: Any, shape: Any) -> tuple[nn.Sequential, Any]:
    made: list[Any] = []
    for layer in layers:
        module: Any = None
        match layer:
            case n.Conv():
                module = nn.Conv2d(
                    shape[0],
                    layer.outputs,
                    layer.window,
                    layer.stride,
                    layer.pad,
                    groups=layer.outputs if layer.depthwise else 1,
                    bias=layer.bias,
                )
                side = [(m + 2 * layer.pad - layer.window) // layer.stride + 1 for m in shape[1:]]
                shape = (layer.outputs, *side)
            case n.BatchNorm():
                module = nn.BatchNorm2d(shape[0])
            case n.Relu():
                module = nn.ReLU()
            case n.Relu6():
                module = nn.ReLU6()
            case n.MaxPool(window, stride, pad):
                module = nn.MaxPool2d(window, stride, pad)
                shape = (shape[0], *((m + 2 * pad - window) // stride + 1 for m in shape[1:]))
            case n.AvgPool(window):
                module = nn.AvgPool2d(window)
                shape = (shape[0], shape[1] // window, shape[2] // window)
            case n.Flatten():
                module, shape = nn.Flatten(), (shape[0] * shape[1] * shape[2],)
            case n.Dense(outputs):
                module, shape = nn.Linear(shape[0], outputs), (outputs,)
            case n.Residual(body, shortcut):
                first, after = _sequence(body, shape)
                module, shape = Residual(first, _sequence(shortcut, shape)[0]), after
        made.append(module)
    return nn.Sequential(*made), shape


def build(job: Job) -> Callable[[], None]:
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = (
        job.precision == "tf32"
    )
    network = n.NETWORKS[job.network]
    height, width, channels = network.image
    model: Any = _sequence(network.layers, (channels, height, width))[0].to(device)
    layout = torch.channels_last if "channels_last" in job.peer else torch.contiguous_format
    model = model.to(memory_format=layout)
    images = [
        torch.randn(job.batch, channels, height, width, device=device).to(memory_format=layout)
        for _ in range(network.steps)
    ]
    labels = [torch.randint(0, 10, (job.batch,), device=device) for _ in images]
    forward = torch.compile(model) if "compile" in job.peer else model
    narrow = job.precision == "bfloat16"

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    def cast() -> Any:
        return torch.autocast(device, torch.bfloat16, enabled=narrow)

    if not job.training:
        model.eval()

        def infer() -> None:
            with torch.inference_mode(), cast():
                for x in images:
                    forward(x)
            wait()

        return infer
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)

    def call() -> None:
        for x, y in zip(images, labels, strict=True):
            optimizer.zero_grad(set_to_none=True)
            with cast():
                cost = functional.cross_entropy(forward(x), y)
            cost.backward()
            optimizer.step()
        wait()

    return call
