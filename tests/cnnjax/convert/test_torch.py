"""Parameters to PyTorch and back: the same logits from the real PyTorch, and an exact round trip.

The twins below are written here as a PyTorch user would write them; `vgg11` and `resnet18` carry
torchvision's module names.
"""

import functools
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from cnnjax.convert import ConversionError, from_torch, to_torch
from cnnjax.convert.leaves import flatten
from cnnjax.models import build

# Maps before the flattening are not square: a wrong order of rows cannot hide.
CONFIGS = {
    "notes": {"classes": 3, "image": (13, 24, 2), "widths": (3, 4), "kernel": 3},
    "notes-even-kernel": {"classes": 3, "image": (13, 24, 2), "widths": (3, 4, 5), "kernel": 4},
    "lenet": {"classes": 3, "image": (28, 40, 1)},
    "vgg11": {"classes": 3, "image": (64, 96, 2), "head": 6, "width": 2},
    "resnet18": {"classes": 3, "image": (13, 18, 2), "width": 3},
    # Even maps before each stride of two: there "SAME" would pad other sides than PyTorch.
    "resnet18-imagenet": {"classes": 3, "image": (64, 96, 2), "width": 3, "stem": "imagenet"},
}


def model_of(variant):
    return build(variant.split("-")[0], **CONFIGS[variant])


def some_params(model, seed=0):
    """Random everywhere, biases and statistics too: nothing that is forgotten goes unseen."""
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        noise = rng.standard_normal(leaf.shape)
        if path[-1].key == "kernel":
            noise *= np.sqrt(2 / (leaf.size // leaf.shape[-1]))
        elif path[-1].key == "var":
            noise = 0.5 + np.abs(noise)
        return jnp.asarray(noise.astype(np.float32))

    shapes = jax.eval_shape(model.init, jax.random.key(0))
    return jax.tree_util.tree_map_with_path(draw, shapes)


# Programs here run once on tiny arrays: what counts is how fast they compile.
jit = functools.partial(
    jax.jit,
    compiler_options={
        "xla_backend_optimization_level": 0,
        "xla_llvm_disable_expensive_passes": True,
    },
)


def torch_twin(model):
    """The PyTorch module of a model; skips where PyTorch is not installed."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
    nn = torch.nn
    config = model.config

    class Notes(nn.Module):
        def __init__(self):
            super().__init__()
            channels = model.image[2]
            for i, width in enumerate(config["widths"], 1):
                conv = nn.Conv2d(channels, width, config["kernel"], padding="same")
                setattr(self, f"conv{i}", conv)
                channels = width
            self.dense = nn.LazyLinear(model.classes)

        def forward(self, x):
            for i in range(1, len(config["widths"]) + 1):
                x = nn.functional.max_pool2d(getattr(self, f"conv{i}")(x).relu(), 2)
            return self.dense(x.flatten(1))

    class LeNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(model.image[2], 6, 5, padding=2)
            self.conv2 = nn.Conv2d(6, 16, 5)
            self.fc1 = nn.LazyLinear(120)
            self.fc2 = nn.Linear(120, 84)
            self.fc3 = nn.Linear(84, model.classes)

        def forward(self, x):
            x = nn.functional.avg_pool2d(self.conv1(x).relu(), 2)
            x = nn.functional.avg_pool2d(self.conv2(x).relu(), 2)
            return self.fc3(self.fc2(self.fc1(x.flatten(1)).relu()).relu())

    class VGG(nn.Module):
        def __init__(self):
            super().__init__()
            layers, channels = [], model.image[2]
            for units in (1, "M", 2, "M", 4, 4, "M", 8, 8, "M", 8, 8, "M"):
                if units == "M":
                    layers.append(nn.MaxPool2d(2))
                    continue
                width = units * config["width"]
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            self.features = nn.Sequential(*layers)
            head = config["head"]
            self.classifier = nn.Sequential(
                nn.LazyLinear(head),
                nn.ReLU(),
                nn.Dropout(),
                nn.Linear(head, head),
                nn.ReLU(),
                nn.Dropout(),
                nn.Linear(head, model.classes),
            )

        def forward(self, x):
            return self.classifier(self.features(x).flatten(1))

    class BasicBlock(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
            self.downsample = None
            if stride != 1 or inputs != outputs:
                self.downsample = nn.Sequential(
                    nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
                )

        def forward(self, x):
            y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
            return (y + (x if self.downsample is None else self.downsample(x))).relu()

    class ResNet(nn.Module):
        def __init__(self):
            super().__init__()
            width = config["width"]
            self.imagenet = config["stem"] == "imagenet"
            stem = (7, 2, 3) if self.imagenet else (3, 1, 1)
            self.conv1 = nn.Conv2d(model.image[2], width, *stem, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            channels = width
            for i in range(4):
                outputs = width * 2**i
                first = BasicBlock(channels, outputs, 1 if i == 0 else 2)
                blocks = nn.Sequential(first, BasicBlock(outputs, outputs, 1))
                setattr(self, f"layer{i + 1}", blocks)
                channels = outputs
            self.fc = nn.Linear(channels, model.classes)

        def forward(self, x):
            x = self.bn1(self.conv1(x)).relu()
            if self.imagenet:
                x = nn.functional.max_pool2d(x, 3, 2, 1)
            x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
            return self.fc(x.mean((2, 3)))

    twin = {"notes": Notes, "lenet": LeNet, "vgg11": VGG, "resnet18": ResNet}[model.name]()
    with torch.no_grad():
        twin.eval()(torch.zeros(1, model.image[2], *model.image[:2]))  # sizes the lazy layers
    return twin.double()


def as_tensors(state):
    import torch

    return {name: torch.from_numpy(np.array(array)) for name, array in state.items()}


def images(model, count=4):
    return np.random.default_rng(1).standard_normal((count, *model.image))


def call(twin, x):
    import torch

    with torch.no_grad():
        return twin(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()


# PyTorch says that it copies the input for an even kernel; it pads as "SAME" does.
same_even = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")


@same_even
@pytest.mark.parametrize("variant", CONFIGS)
def test_pytorch_computes_the_same_logits(variant):
    model = model_of(variant)
    twin, params, x = torch_twin(model), some_params(model), images(model)
    twin.load_state_dict(as_tensors(to_torch(model, params)), strict=True)
    # In float64 equal programs agree far below anything a wrong layout could leave.
    with jax.enable_x64(True):
        logits = np.asarray(jit(model.apply)(params, jnp.asarray(x)))
    assert logits.dtype == np.float64
    assert np.std(logits) > 0.01
    np.testing.assert_allclose(call(twin, x), logits, rtol=1e-9, atol=1e-10)


@same_even
@pytest.mark.parametrize("variant", CONFIGS)
def test_the_weights_of_a_pytorch_network_compute_the_same_logits_here(variant):
    model = model_of(variant)
    twin, x = torch_twin(model), images(model)
    with jax.enable_x64(True):
        params = from_torch(model, twin.state_dict())
        assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {np.dtype(np.float64)}
        logits = np.asarray(jit(model.apply)(params, jnp.asarray(x)))
    np.testing.assert_allclose(call(twin, x), logits, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("variant", ["resnet18", "resnet18-imagenet"])
def test_a_training_step_leaves_the_same_running_statistics_as_pytorch(variant):
    model = model_of(variant)
    twin, params, x = torch_twin(model), some_params(model), images(model)
    twin.load_state_dict(as_tensors(to_torch(model, params)))
    expected_logits = call(twin.train(), x)
    expected = from_torch(model, {k: v.float() for k, v in twin.state_dict().items()})
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda leaf: leaf.astype(np.float64), params)
        logits, stats = jax.tree.map(
            np.asarray, jit(model.apply_train)(wide, jnp.asarray(x), jax.random.key(0))
        )
    np.testing.assert_allclose(logits, expected_logits, rtol=1e-7, atol=1e-8)
    for path, leaf in flatten(stats).items():
        np.testing.assert_allclose(
            leaf, flatten(expected["batch_stats"])[path], rtol=1e-5, atol=1e-6, err_msg=str(path)
        )


@pytest.mark.parametrize("variant", CONFIGS)
def test_there_and_back_again_is_exact(variant):
    model = model_of(variant)
    params = some_params(model)
    state = to_torch(model, params)
    again = from_torch(model, state)
    assert jax.tree.structure(again) == jax.tree.structure(params)
    for path, leaf in flatten(params).items():
        np.testing.assert_array_equal(flatten(again)[path], leaf)
        assert flatten(again)[path].dtype == leaf.dtype
    back = to_torch(model, again)
    assert list(back) == list(state)
    for name, array in state.items():
        np.testing.assert_array_equal(back[name], array)


def test_the_rows_of_the_first_dense_kernel_are_permuted_and_only_those():
    model = model_of("notes")
    params = some_params(model)
    height, width, channels = 3, 6, 4
    kernel = np.arange(height * width * channels * 3, dtype=np.float32).reshape(-1, 3)
    params["dense"]["kernel"] = jnp.asarray(kernel)
    weight = to_torch(model, params)["dense.weight"]
    for h, w, c, o in np.ndindex(height, width, channels, 3):
        ours = (h * width + w) * channels + c
        theirs = (c * height + h) * width + w
        assert weight[o, theirs] == kernel[ours, o]
    lenet = model_of("lenet")
    state = to_torch(lenet, some_params(lenet))
    np.testing.assert_array_equal(state["fc2.weight"], some_params(lenet)["dense2"]["kernel"].T)


def test_vgg11_and_resnet18_have_the_names_and_shapes_of_torchvision():
    def shapes(model):
        params = jax.eval_shape(model.init, jax.random.key(0))
        zeros = jax.tree.map(lambda leaf: np.broadcast_to(np.float32(0), leaf.shape), params)
        return {name: array.shape for name, array in to_torch(model, zeros).items()}

    vgg = shapes(build("vgg11", classes=10, head=64))  # torchvision's 4096 is large for a test
    convs = {0: (64, 3), 3: (128, 64), 6: (256, 128), 8: (256, 256), 11: (512, 256)}
    convs |= {13: (512, 512), 16: (512, 512), 18: (512, 512)}
    expected = {f"features.{i}.weight": (*shape, 3, 3) for i, shape in convs.items()}
    expected |= {f"features.{i}.bias": shape[:1] for i, shape in convs.items()}
    denses = {0: (64, 25088), 3: (64, 64), 6: (10, 64)}
    expected |= {f"classifier.{i}.weight": shape for i, shape in denses.items()}
    expected |= {f"classifier.{i}.bias": shape[:1] for i, shape in denses.items()}
    assert vgg == expected

    resnet = shapes(build("resnet18", classes=1000))
    assert len(resnet) == 122  # 62 parameters, 20 norms with three buffers each
    assert resnet["conv1.weight"] == (64, 3, 7, 7)
    assert resnet["layer3.0.downsample.0.weight"] == (256, 128, 1, 1)
    assert resnet["layer3.0.downsample.1.running_var"] == (256,)
    assert resnet["layer4.1.bn2.num_batches_tracked"] == ()
    assert resnet["fc.weight"] == (1000, 512)


def test_all_wrong_names_and_shapes_are_listed_at_once():
    model = model_of("resnet18")
    state = to_torch(model, some_params(model))
    del state["layer2.0.downsample.1.running_mean"]
    state["fc.weights"] = state.pop("fc.weight")
    state["conv1.weight"] = state["conv1.weight"].transpose(2, 3, 1, 0)
    with pytest.raises(ConversionError) as caught:
        from_torch(model, state)
    message = str(caught.value)
    assert message.startswith("from_torch: not the parameters of resnet18")
    for fault in (
        "missing layer2.0.downsample.1.running_mean (6,)",
        "missing fc.weight (3, 24)",
        "unknown fc.weights",
        "conv1.weight has shape (3, 3, 2, 3), expected (3, 2, 3, 3)",
    ):
        assert fault in message
    assert len(message.splitlines()) == 5


WRAPPED = {
    "data parallelism": lambda s: {f"module.{n}": a for n, a in s.items()},
    "torch.compile": lambda s: {f"_orig_mod.{n}": a for n, a in s.items()},
    "both": lambda s: {f"_orig_mod.module.{n}": a for n, a in s.items()},
    "a module of the user's own": lambda s: {f"backbone.{n}": a for n, a in s.items()},
    "a checkpoint": lambda s: {"state_dict": s, "epoch": 3, "optimizer": {"lr": 0.1}},
    "another checkpoint": lambda s: {"model": {"state_dict": s}, "args": None},
    "a checkpoint of data parallelism": lambda s: {
        "model_state_dict": {f"module.{n}": a for n, a in s.items()}
    },
    "averaged weights": lambda s: {
        "n_averaged": np.int64(3),
        **{f"module.{n}": a for n, a in s.items()},
    },
    "half precision": lambda s: {n: a.astype(np.float16) for n, a in s.items()},
    "a module": lambda s: Module(s),
    "a checkpoint with a module": lambda s: {"model": Module(s), "epoch": 3},
}


class Module:
    """What has a state dict."""

    def __init__(self, state):
        self.state_dict = lambda: state


@pytest.mark.parametrize("kind", WRAPPED)
def test_weights_are_taken_as_people_have_them(kind):
    model = model_of("resnet18")
    # Numbers that float16 holds exactly.
    params = jax.tree.map(lambda a: jnp.round(a * 8) / 8, some_params(model))
    again = from_torch(model, WRAPPED[kind](to_torch(model, params)))
    for path, leaf in flatten(params).items():
        np.testing.assert_array_equal(flatten(again)[path], leaf)
        assert flatten(again)[path].dtype == leaf.dtype


@pytest.mark.parametrize("kind", ["torch", "wrapped", "safetensors", "half"])
def test_weights_are_read_from_files(tmp_path, kind):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
    model = model_of("lenet")
    params = jax.tree.map(lambda a: jnp.round(a * 8) / 8, some_params(model))
    state = as_tensors(to_torch(model, params))
    path = tmp_path / ("weights.safetensors" if kind == "safetensors" else "weights.pth")
    if kind == "safetensors":
        save_file({name: tensor.numpy() for name, tensor in state.items()}, path)
    elif kind == "half":
        torch.save({name: tensor.half() for name, tensor in state.items()}, path)
    else:
        torch.save({"state_dict": state, "epoch": 7} if kind == "wrapped" else state, path)
    for given in (path, str(path)):
        again = from_torch(model, given)
        assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), again, params))


class Evil:
    def __reduce__(self):
        return (open, ("evil", "w"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read as tensors alone"),
        (b"no weights", "cannot be read as tensors alone"),
        (pickle.dumps(Evil()), "cannot be read as tensors alone"),
        (None, "is no file"),
    ],
)
def test_files_that_are_no_weights_are_named_and_not_run(tmp_path, monkeypatch, content, words):
    pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "weights.pth").write_bytes(content)
    with pytest.raises(ConversionError, match=rf"weights\.pth {words}") as caught:
        from_torch(model_of("lenet"), "weights.pth")
    assert str(caught.value).count("\n") == 0
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (3, "expected a state dict, a module or the path of a file, got int"),
        ([1], "got list"),
        ({"epoch": 3, "lr": 0.1}, "epoch is a int and no array; it has epoch, lr"),
        ({"state_dict": {"a": "b"}}, "a is a str and no array"),
    ],
)
def test_what_is_no_state_is_named(state, words):
    with pytest.raises(ConversionError) as caught:
        from_torch(model_of("lenet"), state)
    assert words in str(caught.value)


def test_weights_of_another_network_are_summed_up_in_a_few_lines():
    model, other = model_of("resnet18"), model_of("vgg11")
    with pytest.raises(ConversionError, match="no name fits: another model") as caught:
        from_torch(model, to_torch(other, some_params(other)))
    message = str(caught.value)
    assert len(message.splitlines()) <= 13
    assert "missing and 98 more" in message
    assert "unknown features.0.weight" in message
    wide = build("resnet18", **{**CONFIGS["resnet18"], "width": 4})
    with pytest.raises(ConversionError, match=r"misshapen and \d+ more") as caught:
        from_torch(model, to_torch(wide, some_params(wide)))
    assert len(str(caught.value).splitlines()) <= 7


@pytest.mark.parametrize(
    ("name", "theirs", "ours", "needed"),
    [
        ("lenet", {}, {"image": (32, 32, 1)}, "image=(28, 28, 1)"),
        ("lenet", {}, {"image": (28, 28, 3)}, "image=(28, 28, 1)"),
        (
            "lenet", {"classes": 7}, {"image": (64, 64, 3)}, "classes=7, image=(28, 28, 1)",
        ),
        ("notes", {"image": (28, 28, 1)}, {}, "image=(28, 28, 1)"),
        ("resnet18", {"classes": 5, "width": 2}, {"width": 2}, "classes=5"),
        ("lenet", {"image": (28, 44, 1)}, {}, None),  # of other proportions
        ("resnet18", {"width": 4}, {"width": 2}, None),
    ],
)  # fmt: skip
def test_weights_for_other_images_or_classes_say_for_which(name, theirs, ours, needed):
    from_there, model = (build(name, **{"classes": 10, **options}) for options in (theirs, ours))
    shapes = jax.eval_shape(from_there.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes)
    with pytest.raises(ConversionError) as caught:
        from_torch(model, to_torch(from_there, params))
    last = str(caught.value).splitlines()[-1]
    assert (last == f"  they fit a {name} with {needed}") == (needed is not None)
    assert ("they fit" in last) == (needed is not None)


def test_names_in_faults_are_escaped_once_and_stand_on_their_own_lines():
    with pytest.raises(ConversionError) as caught:
        from_torch(model_of("lenet"), {"a\x1b[2J\nb": np.ones(3)})
    assert "\n  unknown a\\x1b[2J\\nb" in str(caught.value)
    assert all(line.isprintable() for line in str(caught.value).split("\n"))


def test_parameters_of_another_model_are_refused():
    model, other = model_of("notes"), build("notes", **{**CONFIGS["notes"], "classes": 4})
    with pytest.raises(ConversionError, match=r"dense.kernel has shape \(72, 4\), expected"):
        to_torch(model, some_params(other))
    with pytest.raises(ConversionError, match=r"unknown dense1.kernel"):
        to_torch(model, some_params(model_of("lenet")))


def test_num_batches_tracked_is_written_as_zero_and_ignored():
    model = model_of("resnet18")
    params = some_params(model)
    state = to_torch(model, params)
    counters = [name for name in state if name.endswith("num_batches_tracked")]
    assert len(counters) == 20
    assert all(state[name] == 0 and state[name].dtype == np.int64 for name in counters)
    counted = {**state, **{name: np.int64(7) for name in counters}}
    old = {name: array for name, array in state.items() if name not in counters}  # PyTorch 0.4
    for given in (counted, old):
        again = from_torch(model, given)
        assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), again, params))


def test_bfloat16_is_widened_exactly():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `torch`)")
    model = model_of("notes")
    narrow = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), some_params(model))
    state = to_torch(model, narrow)
    assert {array.dtype for array in state.values()} == {np.dtype(np.float32)}
    tensors = {name: torch.from_numpy(array).bfloat16() for name, array in state.items()}
    again = from_torch(model, tensors)
    for path, leaf in flatten(narrow).items():
        np.testing.assert_array_equal(flatten(again)[path], leaf.astype(np.float32))
