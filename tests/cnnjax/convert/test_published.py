"""The published networks and PyTorch's: the same names, logits, statistics, gradients, both ways.

At small widths, in float64, where equal programs agree far below anything a wrong layout could
leave. What is left out of the deep ones is blocks like those that stay.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax.convert import from_torch, to_torch
from cnnjax.convert.leaves import flatten
from cnnjax.lowerings import plain_only
from cnnjax.models import BATCH_STATS, build, mobilenet, resnet

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")

from tests.cnnjax.convert import torch_twins as twins  # noqa: E402

IMAGE = (18, 13, 2)
BLOCKS = {"resnet34": ("basic", (1, 2, 1, 1)), "resnet50": ("bottleneck", (2, 1, 1, 1))}
ROWS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 1, 2))


def vgg16(classes, width, head, image=(32, 64, 2), full=False):
    plan = [1, 1, 0, 2, 2, 0, 4, 4, 4, 0, 8, 8, 8, 0, 8, 8, 8, 0]
    cells = (image[0] // 32) * (image[1] // 32)
    return twins.VGG([width * w for w in plan], image[2], cells, head, classes)


def resnets(block, blocks):
    def make(classes, width, image=IMAGE, imagenet=False):
        return twins.ResNet(block, blocks, image[2], width, imagenet, classes)

    return make


def mobilenets(rows):
    def make(classes, image=IMAGE, small=True):
        some = [list(row) for row in rows]
        some[1][3] = 1 if small else 2
        return twins.MobileNetV2(some, image[2], (32, 1 if small else 2), 1280, classes)

    return make


def convnexts(classes, depths, widths, patch, image=IMAGE):
    return twins.ConvNeXt(depths, widths, patch, image[2], classes)


def unets(classes, width, depth, image=IMAGE):
    return twins.UNet(image[2], classes, width, depth)


# The model here, and PyTorch's of the same size.
SMALL = {
    "vgg16": (
        {"image": (32, 64, 2), "width": 2, "head": 6, "dropout": 0.0},
        functools.partial(vgg16, width=2, head=6),
    ),
    "resnet34": (
        {"image": IMAGE, "width": 2},
        functools.partial(resnets(twins.Basic, (1, 2, 1, 1)), width=2),
    ),
    "resnet50": (
        {"image": (34, 50, 2), "width": 2, "stem": "imagenet"},
        functools.partial(
            resnets(twins.Bottleneck, (2, 1, 1, 1)), width=2, image=(34, 50, 2), imagenet=True
        ),
    ),
    "mobilenet_v2": ({"image": IMAGE, "dropout": 0.0}, mobilenets(ROWS)),
    "convnext": (
        {"image": IMAGE, "depths": (1, 2), "widths": (4, 6), "patch": 2, "drop": 0.0},
        functools.partial(convnexts, depths=(1, 2), widths=(4, 6), patch=2),
    ),
    "unet": (
        {"image": IMAGE, "width": 3, "depth": 2},
        functools.partial(unets, width=3, depth=2),
    ),
}
FULL = {
    "vgg16": (138_357_544, lambda: vgg16(1000, 64, 4096, (224, 224, 3))),
    "resnet34": (21_797_672, lambda: resnets(twins.Basic, (3, 4, 6, 3))(1000, 64, (1, 1, 3), True)),
    "resnet50": (
        25_557_032,
        lambda: resnets(twins.Bottleneck, (3, 4, 6, 3))(1000, 64, (1, 1, 3), True),
    ),
    "mobilenet_v2": (
        3_504_872,
        lambda: mobilenets(mobilenet.SETTINGS)(1000, (1, 1, 3), small=False),
    ),
    "convnext": (
        28_589_128,
        lambda: convnexts(1000, (3, 3, 9, 3), (96, 192, 384, 768), 4, (1, 1, 3)),
    ),
    "unet": (31_037_698, lambda: unets(2, 64, 4, (1, 1, 3))),
}


def some_params(model):
    """Random everywhere, biases and statistics too: nothing that is forgotten goes unseen."""
    rng = np.random.default_rng(0)

    def draw(path, leaf):
        noise = rng.standard_normal(leaf.shape)
        if path[-1].key == "kernel":
            noise *= np.sqrt(2 / (leaf.size // leaf.shape[-1]))
        elif path[-1].key in ("var", "scale"):
            noise = 0.5 + np.abs(noise)
        return jnp.asarray(noise)

    shapes = jax.eval_shape(model.init, jax.random.key(0))
    return jax.tree_util.tree_map_with_path(draw, shapes)


@pytest.fixture
def shallow(monkeypatch):
    for name, blocks in BLOCKS.items():
        monkeypatch.setitem(resnet.BLOCKS, name, blocks)
    monkeypatch.setattr(mobilenet, "SETTINGS", ROWS)
    monkeypatch.setattr("cnnjax.convert.names.LAST", 5)


# Programs here run once on tiny arrays: what counts is how fast they compile.
jit = functools.partial(
    jax.jit,
    compiler_options={
        "xla_backend_optimization_level": 0,
        "xla_llvm_disable_expensive_passes": True,
    },
)


def tensors(state):
    return {name: torch.from_numpy(np.array(array)) for name, array in state.items()}


@pytest.mark.parametrize("name", SMALL)
def test_pytorch_has_the_same_logits_statistics_and_gradients(name, shallow):
    options, make = SMALL[name]
    model, twin = build(name, classes=3, **options), make(3).double()
    rng = np.random.default_rng(1)
    x = rng.standard_normal((4, *model.image))
    there = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())

    def here(y):
        return np.moveaxis(y.detach().numpy(), 1, -1)

    with jax.enable_x64(True), plain_only():  # which compiles faster
        params = some_params(model)
        twin.load_state_dict(tensors(to_torch(model, params)), strict=True)

        def everything(params, x, weights):
            def loss(params):
                logits, stats = model.apply_train(params, x, jax.random.key(0))
                return jnp.sum(logits * weights), (logits, stats)

            found, gradient = jax.value_and_grad(loss, has_aux=True)(params)
            return model.apply(params, x), *found[1], gradient

        weights = rng.standard_normal((4, *model.image[:2], 3) if model.per_pixel else (4, 3))
        logits, trained, stats, gradient = jit(everything)(params, jnp.asarray(x), weights)
        assert np.std(logits) > 0.01
        np.testing.assert_allclose(here(twin.eval()(there)), logits, rtol=1e-9, atol=1e-9)

        y = twin.train()(there)
        np.testing.assert_allclose(here(y), trained, rtol=1e-8, atol=1e-8)
        y.backward(torch.from_numpy(np.moveaxis(weights, -1, 1).copy()))
        buffers = dict(twin.named_buffers())
        slopes = {name: p.grad for name, p in twin.named_parameters()}
        theirs = flatten(from_torch(model, {**slopes, **buffers}))
    for path, leaf in flatten(gradient).items():
        if path[0] != BATCH_STATS:
            scale = max(1.0, float(np.abs(leaf).max()))
            close = {"rtol": 1e-6, "atol": 1e-8 * scale}
            np.testing.assert_allclose(theirs[path], leaf, **close, err_msg=str(path))
    for path, leaf in flatten(stats).items():
        found = theirs[(BATCH_STATS, *path)]
        np.testing.assert_allclose(found, leaf, rtol=1e-8, atol=1e-9, err_msg=str(path))


@pytest.mark.parametrize("name", FULL)
def test_names_shapes_and_counts_are_the_published_ones(name):
    count, make = FULL[name]
    with torch.device("meta"):  # shapes without memory
        twin = make()
    assert sum(p.numel() for p in twin.parameters()) == count
    model = build(name, classes=2 if name == "unet" else 1000)
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    zeros = jax.tree.map(lambda leaf: np.broadcast_to(np.float32(0), leaf.shape), shapes)
    ours = {key: array.shape for key, array in _lazily(to_torch, model, zeros).items()}
    assert ours == {key: tuple(tensor.shape) for key, tensor in twin.state_dict().items()}


def _lazily(convert, model, zeros):
    """`to_torch` without the copies: arrays of zeros stay views."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "ascontiguousarray", lambda array: array)
        return convert(model, zeros)


TIMM = {
    "convnext": {
        "stem.0.weight": (4, 2, 2, 2),
        "stem.1.bias": (4,),
        "stages.0.blocks.0.gamma": (4,),
        "stages.0.blocks.0.conv_dw.weight": (4, 1, 7, 7),
        "stages.1.downsample.0.weight": (4,),
        "stages.1.downsample.1.weight": (6, 4, 2, 2),
        "stages.1.blocks.1.mlp.fc1.weight": (24, 6),
        "head.norm.weight": (6,),
        "head.fc.weight": (3, 6),
    },
    "mobilenet_v2": {
        "conv_stem.weight": (32, 2, 3, 3),
        "bn1.running_var": (32,),
        "blocks.0.0.conv_dw.weight": (32, 1, 3, 3),
        "blocks.0.0.conv_pw.weight": (16, 32, 1, 1),
        "blocks.1.1.conv_pw.weight": (144, 24, 1, 1),
        "blocks.2.0.conv_pwl.weight": (32, 144, 1, 1),
        "blocks.2.0.bn3.bias": (32,),
        "conv_head.weight": (1280, 32, 1, 1),
        "classifier.bias": (3,),
    },
}


@pytest.mark.parametrize("name", TIMM)
def test_timm_has_other_names_for_the_same_arrays(name, shallow):
    model = build(name, classes=3, **SMALL[name][0])
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), some_params(model))
    state = to_torch(model, params, names="timm")
    assert {key: state[key].shape for key in TIMM[name]} == TIMM[name]
    for given in (state, {f"module.{key}": array for key, array in state.items()}):
        again = flatten(from_torch(model, given))
        for path, leaf in flatten(params).items():
            np.testing.assert_array_equal(again[path], leaf)
    with pytest.raises(ValueError, match="unknown names 'keras', there are torchvision, timm"):
        to_torch(model, params, names="keras")


@pytest.mark.parametrize("name", SMALL)
def test_there_and_back_again_is_exact(name, shallow):
    model = build(name, classes=3, **SMALL[name][0])
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), some_params(model))
    again = flatten(from_torch(model, to_torch(model, params)))
    assert again.keys() == flatten(params).keys()
    for path, leaf in flatten(params).items():
        np.testing.assert_array_equal(again[path], leaf)
