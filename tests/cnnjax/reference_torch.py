"""The functions of reference.py by PyTorch, in float64: its own kernels and its own autograd.

Images go in and out channels last; PyTorch has channels first. What PyTorch's layers cannot pad
(one side more than the other) is padded before them.
"""

from __future__ import annotations

import numpy as np
import torch

F = torch.nn.functional
Tensor = torch.Tensor

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}


def _in(x) -> Tensor:
    """(N, *image, C) -> (N, C, *image)."""
    return torch.tensor(np.moveaxis(np.asarray(x, np.float64), -1, 1))


def _out(x: Tensor) -> np.ndarray:
    return np.moveaxis(x.detach().numpy(), 1, -1)


def _kernel(kernel) -> Tensor:
    """(*window, C // groups, O) -> (O, C // groups, *window)."""
    axes = np.ndim(kernel) - 2
    order = (axes + 1, axes, *range(axes))
    return torch.tensor(np.asarray(kernel, np.float64).transpose(order).copy())


def _kernel_out(kernel: Tensor) -> np.ndarray:
    axes = kernel.ndim - 2
    return kernel.detach().numpy().transpose(*range(2, axes + 2), 1, 0)


def _pad(x: Tensor, pads, value: float = 0.0) -> Tensor:
    return F.pad(x, [p for pair in reversed(pads) for p in pair], value=value)


def conv(x, kernel, bias, stride, dilation, pads, groups):
    bias = None if bias is None else torch.tensor(np.asarray(bias, np.float64))
    f = CONV[len(stride)]
    return _out(f(_pad(_in(x), pads), _kernel(kernel), bias, stride, 0, tuple(dilation), groups))


def conv_gradients(x, kernel, stride, dilation, pads, groups, g):
    x, kernel = _in(x).requires_grad_(), _kernel(kernel).requires_grad_()
    bias = torch.zeros(len(kernel), dtype=torch.float64, requires_grad=True)
    y = CONV[len(stride)](_pad(x, pads), kernel, bias, stride, 0, tuple(dilation), groups)
    dx, dkernel, dbias = torch.autograd.grad(y, (x, kernel, bias), _in(g))
    return _out(dx), _kernel_out(dkernel), dbias.numpy()


def max_pool(x, window, stride, pads):
    return _out(MAX[len(window)](_pad(_in(x), pads, -np.inf), tuple(window), tuple(stride))), None


def max_pool_gradient(x, window, stride, pads, g):
    x = _in(x).requires_grad_()
    y = MAX[len(window)](_pad(x, pads, -np.inf), tuple(window), tuple(stride))
    return _out(torch.autograd.grad(y, x, _in(g))[0])


def _mean(x: Tensor, window, stride, pads, count_padding) -> Tensor:
    """Window sums (avg_pool with divisor 1, which 2-D and 3-D have) over the counts."""
    window, stride = tuple(window), tuple(stride)
    flat = len(window) == 1
    if flat:
        x, window, stride, pads = x[:, :, None], (1, *window), (1, *stride), ((0, 0), *pads)
    pool = F.avg_pool2d if len(window) == 2 else F.avg_pool3d
    y = pool(_pad(x, pads), window, stride, divisor_override=1)
    inside = pool(_pad(torch.ones_like(x), pads), window, stride, divisor_override=1)
    y = y / (np.prod(window) if count_padding else inside)
    return y[:, :, 0] if flat else y


def avg_pool(x, window, stride, pads, count_padding):
    return _out(_mean(_in(x), window, stride, pads, count_padding))


def avg_pool_gradient(x, window, stride, pads, count_padding, g):
    x = _in(x).requires_grad_()
    y = _mean(x, window, stride, pads, count_padding)
    return _out(torch.autograd.grad(y, x, _in(g))[0])


def _norm(x, scale, bias, kind, groups, eps):
    if kind == "group":
        return F.group_norm(x, groups, scale, bias, eps)
    if kind == "batch":
        return F.batch_norm(x, None, None, scale, bias, training=True, eps=eps)
    last = torch.movedim(x, 1, -1)
    return torch.movedim(F.layer_norm(last, last.shape[-1:], scale, bias, eps), -1, 1)


def norm(x, scale, bias, kind, groups, eps):
    scale, bias = torch.tensor(scale), torch.tensor(bias)
    return _out(_norm(_in(x), scale, bias, kind, groups, eps))


def norm_gradients(x, scale, kind, groups, eps, g):
    x, scale = _in(x).requires_grad_(), torch.tensor(scale, requires_grad=True)
    bias = torch.zeros_like(scale, requires_grad=True)
    y = _norm(x, scale, bias, kind, groups, eps)
    dx, dscale, dbias = torch.autograd.grad(y, (x, scale, bias), _in(g))
    return _out(dx), dscale.numpy(), dbias.numpy()


def running(x):
    channels = x.shape[-1]
    mean, var = torch.zeros(channels).double(), torch.zeros(channels).double()
    F.batch_norm(_in(x), mean, var, training=True, momentum=1.0)
    return mean.numpy(), var.numpy()
