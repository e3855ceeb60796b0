"""How far a norm computed in floating point may lie from the exact one: first-order rounding
analysis (Higham, Accuracy and Stability of Numerical Algorithms, sections 3.1 and 4.2), doubled
for what is of higher order.

Notation: u unit roundoff; a sum of n terms in any order errs by at most gamma = (n + 4) u times
the sum of magnitudes; c = x - mean, r = 1 / sqrt(var + eps), z = c r, h = g scale; d... is the
error of ....
"""

from __future__ import annotations

import numpy as np

from tests.cnnjax.reference import _split, statistics_axes


def norm_bounds(x, scale, bias, g, kind, groups, eps, dtype):
    """Bound the error of y and of the gradients in x, scale and bias, elementwise.

    Arrays are float64; ``dtype`` is what the layer computes in.
    """
    u = np.finfo(dtype).eps / 2
    channels = tuple(range(x.ndim - 1))
    x, scale, bias, g = (_split(a, groups) for a in (x, scale, bias, g))
    axes = statistics_axes(kind, x.ndim)

    def mean(a):
        return a.mean(axes, keepdims=True)

    n = np.prod([x.shape[a] for a in axes])
    gamma = (n + 4) * u
    c = x - mean(x)
    var = mean(c * c) + eps
    r = 1 / np.sqrt(var)
    z, h = c * r, g * scale

    dmean = gamma * mean(np.abs(x))
    dc = dmean + u * np.abs(c)
    dvar = gamma * mean(c * c) + mean(2 * np.abs(c) * dc) + u * var
    dr = dvar / (2 * var) + 4 * u  # relative; 4 u for rsqrt itself
    dz = dc * r + np.abs(z) * (dr + 2 * u)
    y = np.abs(scale) * dz + 3 * u * (np.abs(scale * z) + np.abs(bias))

    # dx = r (h - mean(h) - z mean(h z)); reverse mode also sends the variance's gradient through
    # the mean inside it, which is mean(c) = 0 times mean(h z), so here an error.
    hz = mean(np.abs(h * z))
    terms = r * (np.abs(h) + mean(np.abs(h)) + np.abs(z) * hz)
    image = terms * (2 * gamma + 8 * u + 3 * dr)
    image = image + r * (dz * hz + np.abs(z) * mean(np.abs(h) * dz))
    image = image + r * hz * (dmean * r + gamma * mean(np.abs(z)))

    total = (x.size // scale.size + 4) * u
    dscale = (np.abs(g) * dz).sum(channels) + total * np.abs(g * z).sum(channels)
    dbias = total * np.abs(g).sum(channels)
    flat = (*x.shape[:-2], -1)
    return 2 * y.reshape(flat), 2 * image.reshape(flat), 2 * dscale.ravel(), 2 * dbias.ravel()
