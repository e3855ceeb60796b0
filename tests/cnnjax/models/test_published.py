"""Names, shapes and sizes of the models against their sources, and the errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax.convert.leaves import flatten
from cnnjax.models import (
    BATCH_STATS,
    NAMES,
    build,
    convnext,
    lenet5,
    mobilenet_v2,
    notes_cnn,
    resnet18,
    resnet34,
    resnet50,
    unet,
    vgg11,
    vgg16,
)


def trained_size(model):
    params = jax.eval_shape(model.init, jax.random.key(0))
    return sum(leaf.size for path, leaf in flatten(params).items() if path[0] != BATCH_STATS)


def map_shapes(model):
    params = jax.eval_shape(model.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct(model.image, jnp.float32)
    return {name: y.shape for name, y in jax.eval_shape(model.features, params, x).items()}


# Published or counted by hand: torchvision's counts, and that of milesial's Pytorch-UNet.
COUNTS = [
    # 5*5*3*32+32 + 5*5*32*64+64 + 5*5*64*128+128 + 12*12*128*10+10
    (notes_cnn(10), 2_432 + 51_264 + 204_928 + 184_330),
    # The paper has 60,000: its C3 leaves connections out, and its pools have 44 of their own.
    (lenet5(10), 61_706),
    (vgg11(1000), 132_863_336),
    (vgg16(1000), 138_357_544),
    (resnet18(1000), 11_689_512),
    (resnet34(1000), 21_797_672),
    (resnet50(1000), 25_557_032),
    (mobilenet_v2(1000), 3_504_872),
    (convnext(1000), 28_589_128),
    (unet(2), 31_037_698),
]


@pytest.mark.parametrize(("model", "count"), COUNTS, ids=NAMES)
def test_parameter_counts_are_the_published_ones(model, count):
    assert trained_size(model) == count


def test_the_note_says_which_shapes_its_network_has():
    assert map_shapes(notes_cnn(10)) == {
        "conv1": (100, 100, 32),
        "relu1": (100, 100, 32),
        "pool1": (50, 50, 32),
        "conv2": (50, 50, 64),
        "relu2": (50, 50, 64),
        "pool2": (25, 25, 64),
        "conv3": (25, 25, 128),
        "relu3": (25, 25, 128),
        "pool3": (12, 12, 128),
        "dense": (10,),
    }


@pytest.mark.parametrize("depth", [1, 2, 4, 5])
def test_the_number_of_layers_is_the_number_of_widths(depth):
    model = notes_cnn(4, widths=tuple(range(2, 2 + depth)), kernel=3, image=(40, 36, 1))
    shapes = map_shapes(model)
    assert [n for n in shapes if n.startswith("conv")] == [f"conv{i + 1}" for i in range(depth)]
    assert shapes[f"pool{depth}"] == (40 // 2**depth, 36 // 2**depth, 1 + depth)
    assert shapes["dense"] == (4,)


def test_lenet_has_the_sizes_of_the_paper():
    shapes = map_shapes(lenet5())
    stages = ["conv1", "pool1", "conv2", "pool2", "dense1", "dense2", "dense3"]
    assert [shapes[name] for name in stages] == [
        (28, 28, 6),
        (14, 14, 6),
        (10, 10, 16),
        (5, 5, 16),
        (120,),
        (84,),
        (10,),
    ]


def test_vgg11_has_the_maps_of_the_paper_at_224():
    shapes = map_shapes(vgg11())
    sizes = [shapes[f"pool{i}"] for i in range(1, 6)]
    assert sizes == [(112, 112, 64), (56, 56, 128), (28, 28, 256), (14, 14, 512), (7, 7, 512)]


@pytest.mark.parametrize(
    ("image", "first", "last"),
    [
        ((224, 224, 3), (112, 112, 64), (7, 7, 512)),
        ((65, 64, 3), (33, 32, 64), (3, 2, 512)),
        ((64, 64, 3), (64, 64, 64), (8, 8, 512)),
        ((32, 32, 1), (32, 32, 64), (4, 4, 512)),
    ],
)
def test_resnet18_keeps_small_images_large(image, first, last):
    shapes = map_shapes(resnet18(10, image=image))
    assert shapes["conv1"] == first
    assert shapes["layer4/block1"] == last


@pytest.mark.parametrize(
    ("model", "maps"),
    [
        (resnet34(), {"layer2/block3": (28, 28, 128), "layer4/block2": (7, 7, 512)}),
        (resnet50(), {"layer1/block0": (56, 56, 256), "layer4/block2": (7, 7, 2048)}),
        (vgg16(), {"conv13": (14, 14, 512), "pool5": (7, 7, 512)}),
        (mobilenet_v2(), {"block1": (112, 112, 16), "block17": (7, 7, 320), "conv2": (7, 7, 1280)}),
        (
            mobilenet_v2(10, image=(32, 32, 3)),
            {"conv1": (32, 32, 32), "block3": (32, 32, 24), "block17": (4, 4, 320)},
        ),
        (convnext(), {"stem": (56, 56, 96), "stage3/block8": (14, 14, 384)}),
        (convnext(10, image=(32, 32, 3)), {"stem": (16, 16, 96), "stage4/block2": (2, 2, 768)}),
        (
            unet(image=(75, 50, 3)),
            {"inc": (75, 50, 64), "down4": (4, 3, 1024), "up1": (9, 6, 512), "outc": (75, 50, 2)},
        ),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else "",
)
def test_maps_have_the_published_shapes(model, maps):
    shapes = map_shapes(model)
    assert {name: shapes[name] for name in maps} == maps


NAMES_OF_PARAMETERS = {
    "notes": {"conv1.kernel", "conv1.bias", "dense.kernel", "dense.bias"},
    "lenet": {
        f"{layer}.{leaf}"
        for layer in ("conv1", "conv2", "dense1", "dense2", "dense3")
        for leaf in ("kernel", "bias")
    },
    "vgg11": {
        f"{layer}.{leaf}"
        for layer in [*(f"conv{i}" for i in range(1, 9)), "dense1", "dense2", "dense3"]
        for leaf in ("kernel", "bias")
    },
}


@pytest.mark.parametrize("name", NAMES_OF_PARAMETERS)
def test_parameter_names_are_stable(name):
    options = {"widths": (32,)} if name == "notes" else {}
    model = build(name, classes=10, **options)
    found = flatten(jax.eval_shape(model.init, jax.random.key(0)))
    assert {".".join(path) for path in found} == NAMES_OF_PARAMETERS[name]


def test_resnet_names_are_stable():
    model = resnet18(10)
    found = {".".join(p) for p in flatten(jax.eval_shape(model.init, jax.random.key(0)))}
    expected = {"conv1.kernel", "dense.kernel", "dense.bias"}
    norms = {"bn1"}
    for i in range(1, 5):
        for j in range(2):
            block = f"layer{i}.block{j}"
            expected |= {f"{block}.conv1.kernel", f"{block}.conv2.kernel"}
            norms |= {f"{block}.bn1", f"{block}.bn2"}
        if i > 1:
            expected.add(f"layer{i}.block0.downsample.conv.kernel")
            norms.add(f"layer{i}.block0.downsample.bn")
    for norm in norms:
        expected |= {f"{norm}.scale", f"{norm}.bias"}
        expected |= {f"batch_stats.{norm}.mean", f"batch_stats.{norm}.var"}
    assert found == expected


def test_kernels_have_the_variance_of_he_et_al():
    params = flatten(jax.jit(lenet5(100, image=(28, 28, 3)).init)(jax.random.key(0)))
    for path, kernel in params.items():
        if path[-1] == "bias":
            assert not np.any(kernel), path
        else:
            fan_in = kernel.size // kernel.shape[-1]
            deviations = 5 / np.sqrt(2 * kernel.size)  # five, of the estimate
            assert np.var(kernel) * fan_in / 2 == pytest.approx(1, abs=deviations), path
            assert abs(np.mean(kernel)) < 5 * np.sqrt(2 / fan_in / kernel.size), path


def x_error(call, x):
    def attempt():
        model = notes_cnn(2, widths=(2,), kernel=3, image=(8, 6, 3))
        params = model.init(jax.random.key(0))
        getattr(model, call)(params, x, *([jax.random.key(0)] if call == "apply_train" else []))

    return attempt


ERRORS = [
    (lambda: notes_cnn(10, image=(7, 100, 3)), "notes: image 7x100 is too small.*at least 8"),
    (lambda: notes_cnn(10, widths=(2, 2, 2, 2), image=(15, 15, 3)), "at least 16"),
    (lambda: notes_cnn(0), "notes: classes must be a positive integer, got 0"),
    (lambda: notes_cnn(10, widths=()), "notes: widths must have at least one entry"),
    (lambda: notes_cnn(10, widths=(8, -1)), r"notes: widths\[1\] must be .*, got -1"),
    (lambda: notes_cnn(10, kernel=2.5), "notes: kernel must be a positive integer, got 2.5"),
    (lambda: notes_cnn(True), "notes: classes must be a positive integer, got True"),
    (lambda: notes_cnn(10, image=(100, 100)), r"notes: image must be \(height, width, channels\)"),
    (lambda: lenet5(10, image=(11, 28, 1)), "lenet: image 11x28 is too small.*at least 12"),
    (lambda: vgg11(10, image=(31, 32, 3)), "vgg11: image 31x32 is too small.*at least 32"),
    (lambda: vgg11(10, head=0), "vgg11: head must be a positive integer, got 0"),
    (lambda: vgg11(10, dropout=1.0), r"vgg11: dropout must be a rate in \[0, 1\), got 1.0"),
    (lambda: resnet18(10, stem="big"), "resnet18: unknown stem 'big', there are imagenet, small"),
    (lambda: resnet18(10, image=(0, 3, 3)), r"resnet18: image\[0\] must be .*, got 0"),
    (
        lambda: mobilenet_v2(10, width=0),
        "mobilenet_v2: width must be a positive number, got 0",
    ),
    (lambda: mobilenet_v2(10, dropout=1), r"mobilenet_v2: dropout must be a rate in \[0, 1\)"),
    (lambda: convnext(10, depths=(1,)), "one entry a stage each, got 1 and 4"),
    (lambda: convnext(10, image=(15, 64, 3)), "convnext: image 15x64 is too small.*at least 16"),
    (lambda: convnext(10, drop=-0.1), "convnext: drop must be a rate"),
    (lambda: unet(image=(15, 64, 3)), "unet: image 15x64 is too small.*at least 16"),
    (lambda: build("vgg", classes=2), "unknown model 'vgg', there are notes, lenet, vgg11"),
    (lambda: build("notes", classes=2, width=3), "no option 'width', there are widths, kernel"),
    (lambda: build("lenet", classes=2, width=3), "no option 'width', there are none"),
    (x_error("apply", jnp.ones((5, 6, 8, 3))), r"takes images \(\*batch, 8, 6, 3\), x has shape"),
    (x_error("features", jnp.ones((6,))), r"x has shape \(6,\)"),
    (x_error("apply_train", jnp.ones((8, 6, 1))), r"x has shape \(8, 6, 1\)"),
]


@pytest.mark.parametrize(("attempt", "message"), ERRORS, ids=[m for _, m in ERRORS])
def test_errors_say_what_was_given_and_what_was_expected(attempt, message):
    with pytest.raises(ValueError, match=message):
        attempt()


def test_integer_images_are_refused_because_x_sets_the_dtype():
    with pytest.raises(TypeError, match=r"x must be floating point .* got uint8"):
        x_error("apply", jnp.ones((8, 6, 3), jnp.uint8))()


@pytest.mark.parametrize(
    "smallest",
    [
        notes_cnn(2, widths=(2, 2, 2), kernel=5, image=(8, 8, 1)),
        lenet5(2, image=(12, 12, 1)),
        vgg11(2, image=(32, 32, 1), width=1, head=2),
        resnet18(2, image=(1, 1, 1), width=1),
        resnet18(2, image=(1, 1, 1), width=1, stem="imagenet"),
        mobilenet_v2(2, image=(1, 1, 1), stem="imagenet"),
        convnext(2, image=(16, 16, 1)),
    ],
    ids=["notes", "lenet", "vgg11", "resnet18", "resnet18-imagenet", "mobilenet_v2", "convnext"],
)
def test_the_smallest_image_still_works(smallest):
    params = jax.eval_shape(smallest.init, jax.random.key(0))
    x = jax.ShapeDtypeStruct((3, *smallest.image), jnp.float32)
    assert jax.eval_shape(smallest.apply, params, x).shape == (3, 2)
