"""Every model computes the function of plain `lax`, whatever lowerings its layers take: proved.

Layer by layer: each kind of call that the models make (window, stride, padding, groups, and the
lowering that it takes on a CPU at the model's own sizes) is proved with its derivatives for every
cotangent and tangent, at few channels and a small image. A network is its layers one after the
other, so by the chain rule its gradient is proved with it.

And whole: forward passes of small versions, and gradients where a minute is enough for them.
"""

from functools import partial

import jax
import jax.numpy as jnp
import pytest

import cnnjax
import verify
from cnnjax.lowerings import CONV, CONV_TRANSPOSE, plain_only
from cnnjax.lowerings.choosing import chosen
from cnnjax.lowerings.circumstances import lowered_for, recorded
from cnnjax.models import build, mobilenet, resnet
from tests.cnnjax.lowerings.cases import spec
from tests.cnnjax.lowerings.test_proofs import everything
from verify.programs import trace

# As published, and for small images; U-Net's halvings are alike, so that few are enough.
MODELS = {
    "vgg16": ({}, {"image": (32, 32, 3)}),
    "resnet34": ({}, {"image": (32, 32, 3)}),
    "resnet50": ({}, {"image": (32, 32, 3)}),
    "mobilenet_v2": ({}, {"image": (32, 32, 3)}),
    "convnext": ({}, {"image": (32, 32, 3)}),
    "unet": ({"depth": 2}, {"image": (28, 28, 1), "width": 8, "depth": 2}),
}


def calls(name, options):
    """The convolutions of a model: whether it is a transposed one, its lowering, its geometry."""
    model = build(name, classes=10, **options)
    params = jax.eval_shape(model.init, jax.random.key(0))
    x = spec(8, *model.image)
    with recorded() as found, lowered_for("cpu"):
        jax.eval_shape(model.apply_train, params, x, jax.random.key(0))
    for call in found:
        if call.layer not in ("conv", "conv_transpose"):
            continue
        table = CONV if call.layer == "conv" else CONV_TRANSPOSE
        with lowered_for("cpu"):
            way = chosen(call.layer, table, None, *call.arguments, measured=False)
        lowering = next(name for name, known in table.items() if known is way)
        kernel, how = call.arguments[1:3]
        grouped = how.groups > 1
        yield call.layer, lowering, kernel.shape[:2], how.stride, how.pads, how.dilation, grouped


def prove(layer, lowering, window, stride, pads, dilation, grouped):
    """A call of this kind, with a bias, equals the plain one with its derivatives."""
    options = {
        "stride": stride,
        "padding": pads,
        "dilation": dilation,
        "groups": 2 if grouped else 1,
    }
    side = tuple(k + s for k, s in zip(window, stride, strict=True))
    kernel = spec(*window, 1 if grouped else 2, 2)
    f, image = cnnjax.conv, spec(1, *side, 2)
    if layer == "conv_transpose":
        image = jax.eval_shape(partial(f, **options), image, kernel)
        f = cnnjax.conv_transpose
    arrays = image, kernel, spec(2)
    left, examples = everything(partial(f, **options, lowering=lowering), *arrays)
    right, _ = everything(partial(f, **options, lowering="lax"), *arrays)
    return verify.equivalent(left, right, *examples, seed=0)


@pytest.mark.slow
def test_every_convolution_of_every_model_is_proved_in_the_lowering_that_it_takes():
    kinds = {
        kind
        for name, variants in MODELS.items()
        for options in variants
        for kind in calls(name, options)
    }
    assert {lowering for _, lowering, *_ in kinds} >= {"shifted", "pointwise", "phases"}
    for kind in sorted(kinds, key=str):
        if kind[1] != "lax":
            verdict = prove(*kind)
            assert verdict.status == "proved", (kind, verdict)


# Blocks like those that are left out.
BLOCKS = {"resnet34": ("basic", (1, 1, 1, 1)), "resnet50": ("bottleneck", (1, 1, 1, 1))}
ROWS = ((1, 16, 1, 1), (6, 24, 1, 2))
SMALL = {
    "vgg16": {"image": (32, 32, 1), "width": 1, "head": 2, "dropout": 0.0},
    "resnet34": {"image": (8, 8, 1), "width": 1},
    "resnet50": {"image": (8, 8, 1), "width": 1},
    "mobilenet_v2": {"image": (2, 3, 1), "width": 0.1, "dropout": 0.0},
    "convnext": {"image": (8, 8, 1), "depths": (1, 1), "widths": (2, 2), "patch": 2, "drop": 0.0},
    "unet": {"image": (4, 4, 1), "width": 1, "depth": 1},
}


@pytest.fixture
def shallow(monkeypatch):
    for name, blocks in BLOCKS.items():
        monkeypatch.setitem(resnet.BLOCKS, name, blocks)
    monkeypatch.setattr(mobilenet, "SETTINGS", ROWS)


def both(name, function):
    """A function of a small version, in its lowerings and plain, that differ as programs."""
    model = build(name, classes=2, **SMALL[name])
    params = jax.eval_shape(model.init, jax.random.key(0))
    x = spec(2, *model.image)
    given = params, x, jax.eval_shape(model.apply, params, x)
    ours = partial(function, model)

    def plain(*arrays):
        with plain_only():
            return function(model, *arrays)

    primitives = [[e.primitive for e in trace(f, *given).equations] for f in (ours, plain)]
    assert primitives[0] != primitives[1]
    return ours, plain, given


def forward(model, params, x, g):
    return model.apply(params, x)


def gradient(model, params, x, g):
    """Logits and statistics in training, the gradient of the parameters, logits in inference."""
    apply = partial(model.apply_train, x=x, key=jax.random.key(0))
    y, pull, stats = jax.vjp(apply, params, has_aux=True)
    return y, pull(g), stats, model.apply(params, x)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_forward_pass_of_a_small_version_is_proved_whole(name, shallow):
    ours, plain, given = both(name, forward)
    verify.assert_equivalent(ours, plain, *given)


@pytest.mark.full
@pytest.mark.unrecorded("run in the whole matrix alone")
@pytest.mark.parametrize("name", ["resnet34", "resnet50"])
def test_the_gradient_of_a_small_version_is_proved_whole(name, shallow):
    ours, plain, given = both(name, gradient)
    verify.assert_equivalent(ours, plain, *given)


@pytest.mark.parametrize("what", ["a tap", "the stride's place", "a bias"])
def test_a_broken_network_is_refuted(what):
    """As a lowering could break it: in one of many layers, for one channel."""
    options = {"image": (4, 4, 1), "widths": (2, 2), "kernel": 3}
    model = build("notes", classes=2, **options)
    params = jax.eval_shape(model.init, jax.random.key(0))

    def broken(params, x):
        layer = dict(params["conv2"])
        if what == "a tap":
            layer["kernel"] = layer["kernel"].at[0, 2, 1, 0].set(0.0)
        elif what == "a bias":
            layer["bias"] = layer["bias"].at[1].multiply(2.0)
        else:
            x = jnp.roll(x, 1, 1)
        return model.apply({**params, "conv2": layer}, x)

    def plain(params, x):
        with plain_only():
            return model.apply(params, x)

    verdict = verify.equivalent(broken, plain, params, spec(1, *model.image), seed=0)
    assert verdict.status == "refuted", verdict
