"""Every lowering is the plain one: proved, values and gradients in both modes, shape by shape.

Proofs are over the reals (`verify`), so they say nothing of rounding; and each kind of bug that
such a rewrite invites is planted and refuted.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cnnjax
import verify
from cnnjax.lowerings import CONV, MEANS, SPREAD, SUM_POOL, Geometry, plain_only
from tests.cnnjax.lowerings.cases import (
    BEYOND,
    BLOCKED,
    DENSE,
    DEPTHWISE,
    POINTWISE,
    POOLS,
    TRANSPOSED,
    WINOGRAD,
    spec,
)
from verify.programs import trace

CONVS = [
    *(("canonical", case) for case in DENSE),
    *(("shifted", case) for case in DEPTHWISE),
    *(("pointwise", case) for case in POINTWISE),
    *(("blocked", case) for case in BLOCKED),
    *(("wide", case) for case in BLOCKED),
    *(("patches", case) for case in (*DENSE, *BEYOND)),
    *(("winograd", case) for case in WINOGRAD),
]


def everything(f, *arrays):
    """(y, gradients for the cotangent g, tangent along t): a function of all of these."""

    def call(arrays, g, t):
        y, pull = jax.vjp(f, *arrays)
        return y, pull(g), jax.jvp(f, arrays, t)[1]

    y = jax.eval_shape(f, *arrays)
    return call, (arrays, spec(*y.shape), arrays)


@pytest.mark.parametrize(("name", "case"), CONVS, ids=str)
def test_convolution_is_the_plain_one_with_its_derivatives(name, case):
    f = partial(cnnjax.conv, **dict(case.options), lowering=name)
    plain = partial(cnnjax.conv, **dict(case.options), lowering="lax")
    left, examples = everything(f, *case.examples)
    right, _ = everything(plain, *case.examples)
    verify.assert_equivalent(left, right, *examples)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 2, 2)], ids=str)
def test_channels_are_spread_and_averaged_as_plainly_with_their_derivatives(shape):
    left, examples = everything(partial(SPREAD["ones"].run, shape=shape), spec(shape[-1]))
    right, _ = everything(partial(SPREAD["lax"].run, shape=shape), spec(shape[-1]))
    verify.assert_equivalent(left, right, *examples)
    left, examples = everything(MEANS["ones"].run, spec(*shape))
    right, _ = everything(MEANS["lax"].run, spec(*shape))
    verify.assert_equivalent(left, right, *examples)


def test_batch_norm_is_the_plain_one_with_its_gradients():
    def both(x, scale, bias, g):
        def f(x, scale, bias):
            state = {"mean": jnp.zeros(2), "var": jnp.ones(2)}
            given = {"scale": scale, "bias": bias}
            return cnnjax.batch_norm(x, given, state, training=True)

        y, pull, state = jax.vjp(f, x, scale, bias, has_aux=True)
        return y, pull(g), state

    def plain(*arrays):
        with plain_only():
            return both(*arrays)

    examples = spec(2, 3, 1, 2), spec(2), spec(2), spec(2, 3, 1, 2)
    ours, theirs = (trace(f, *examples) for f in (both, plain))
    assert [e.primitive for e in ours.equations] != [e.primitive for e in theirs.equations]
    verify.assert_equivalent(both, plain, *examples)


@pytest.mark.parametrize(
    ("shape", "window"),
    [((2, 4, 6, 2), (2, 2)), ((5, 7, 3), (2, 3)), ((2, 3, 2, 5, 1), (3, 1, 2)), ((3, 4, 2), (4,))],
    ids=str,
)
def test_sums_of_windows_are_the_plain_ones_with_their_derivatives(shape, window):
    call = {"window": window, "stride": window, "pads": ((0, 0),) * len(window)}
    left, examples = everything(partial(SUM_POOL["folded"].run, **call), spec(*shape))
    right, _ = everything(partial(SUM_POOL["lax"].run, **call), spec(*shape))
    verify.assert_equivalent(left, right, *examples)


@pytest.mark.parametrize("name", ["spread", "phases"])
@pytest.mark.parametrize("case", TRANSPOSED, ids=str)
def test_transposed_convolution_is_the_plain_one_with_its_derivatives(name, case):
    f = partial(cnnjax.conv_transpose, **dict(case.options))
    left, examples = everything(partial(f, lowering=name), *case.examples)
    right, _ = everything(partial(f, lowering="lax"), *case.examples)
    verify.assert_equivalent(left, right, *examples)


@pytest.mark.parametrize("case", TRANSPOSED, ids=str)
def test_phases_are_the_adjoint_of_the_plain_convolution(case):
    """Against JAX's own transpose of `lax`, not against another form of ours."""
    options = dict(case.options)
    f = partial(cnnjax.conv_transpose, **options, lowering="phases")
    y = jax.eval_shape(f, *case.examples)
    size = options.pop("size", None)
    assert size is None or y.shape[1:-1] == size

    def adjoint(x, kernel):
        def forward(u):
            return cnnjax.conv(u, kernel, **options, lowering="lax")

        return jax.linear_transpose(forward, y)(x)[0]

    verify.assert_equivalent(f, adjoint, *case.examples)


def _one_phase_late(x, kernel):
    """The result of a stride of 2, moved by one pixel."""
    y = cnnjax.conv_transpose(x, kernel, stride=2, padding="SAME", lowering="phases")
    return jnp.roll(y, 1, 1)


def _phases_exchanged(x, kernel):
    y = cnnjax.conv_transpose(x, kernel, stride=2, padding="SAME", lowering="phases")
    return y.reshape(1, 3, 2, 4, 2)[:, :, ::-1].reshape(1, 6, 4, 2)


@pytest.mark.parametrize("bug", [_one_phase_late, _phases_exchanged])
def test_a_wrong_phase_is_refuted(bug):
    plain = partial(cnnjax.conv_transpose, stride=2, padding="SAME", lowering="lax")
    verdict = verify.equivalent(bug, plain, spec(1, 3, 2, 2), spec(3, 3, 2, 2))
    assert verdict.status == "refuted", verdict


@pytest.mark.parametrize("case", POOLS, ids=str)
def test_max_pool_is_the_plain_one_with_its_gradient(case):
    def gradient(lowering, x, g):
        f = partial(
            cnnjax.max_pool,
            window=case.window,
            stride=case.stride,
            padding=case.padding,
            lowering=lowering,
        )
        y, pull = jax.vjp(f, x)
        return y, pull(g)[0]

    x = spec(*case.x)
    y = jax.eval_shape(
        lambda x: cnnjax.max_pool(x, case.window, stride=case.stride, padding=case.padding), x
    )
    verify.assert_equivalent(
        partial(gradient, "argmax"), partial(gradient, "lax"), x, spec(*y.shape)
    )


# What goes wrong in such rewrites, each as a change of the canonical gradients or of the taps.


def _unflipped(x, kernel, g):
    """The image's gradient with the kernel not flipped."""
    return CONV["lax"].run(g, jnp.swapaxes(kernel, 2, 3), Geometry((1, 1), "SAME", (1, 1)))


def _unswapped(x, kernel, g):
    """The kernel's gradient with channels and outputs exchanged."""
    return jnp.swapaxes(_kernel_gradient("canonical", x, kernel, g), 2, 3)


def _off_by_one(x, kernel, g):
    """The kernel's gradient of an image that is padded one pixel too far."""
    return _kernel_gradient("canonical", jnp.roll(x, 1, 1), kernel, g)


def _lost_image(x, kernel, g):
    """The kernel's gradient summed over all images but the last."""
    return _kernel_gradient("canonical", x[:-1], kernel, g[:-1])


def _image_gradient(lowering, x, kernel, g):
    return jax.vjp(lambda x: cnnjax.conv(x, kernel, lowering=lowering), x)[1](g)[0]


def _kernel_gradient(lowering, x, kernel, g):
    return jax.vjp(lambda kernel: cnnjax.conv(x, kernel, lowering=lowering), kernel)[1](g)[0]


@pytest.mark.parametrize(
    ("bug", "right"),
    [
        (_unflipped, _image_gradient),
        (_unswapped, _kernel_gradient),
        (_off_by_one, _kernel_gradient),
        (_lost_image, _kernel_gradient),
    ],
)
def test_a_planted_bug_is_refuted(bug, right):
    examples = spec(2, 5, 4, 2), spec(3, 3, 2, 2), spec(2, 5, 4, 2)
    assert verify.equivalent(partial(right, "canonical"), partial(right, "lax"), *examples)
    verdict = verify.equivalent(bug, partial(right, "lax"), *examples)
    assert verdict.status == "refuted", verdict


def test_another_winner_among_equal_maxima_is_refuted():
    """The values agree, the gradients where inputs tie do not."""

    def last_wins(x, g):
        def pool(x):  # of the image turned around: its first maximum is the last one
            return jnp.flip(cnnjax.max_pool(jnp.flip(x, (0, 1)), 2), (0, 1))

        return jax.vjp(pool, x)[1](g)[0]

    def first_wins(x, g):
        return jax.vjp(lambda x: cnnjax.max_pool(x, 2, lowering="lax"), x)[1](g)[0]

    verdict = verify.equivalent(last_wins, first_wins, spec(4, 4, 1), spec(2, 2, 1))
    assert verdict.status == "refuted", verdict
    x = np.asarray(verdict.counterexample.inputs[0])
    windows = x.reshape(2, 2, 2, 2, 1).swapaxes(1, 2).reshape(4, 4)
    assert any(np.sum(w == w.max()) > 1 for w in windows)
