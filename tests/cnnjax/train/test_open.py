"""A run with functions of the user's own is a run like any other: it learns, and it resumes."""

import signal
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from cnnjax.checkpoint import CheckpointError, load_model, read
from cnnjax.losses import cross_entropy
from cnnjax.train import NonFiniteLoss, TrainConfig, fit, resume
from cnnjax.train.augment import flip, mixup
from cnnjax.train.functions import Functions
from cnnjax.train.programs import fingerprint
from cnnjax.train.state import initial_state

TOY = Path(__file__).with_name("toy.py")
CHECKPOINT = "training checkpoint"


def quick(**changes):
    return TrainConfig(**{"epochs": 1, "batch_size": 16, "learning_rate": 1e-2, **changes})


def identical(left, right):
    jax.tree.map(np.testing.assert_array_equal, left, right)


def arrays(folder, name="checkpoint.safetensors", kind=CHECKPOINT):
    return {k: (v.dtype, v.tobytes()) for k, v in read(folder / name, kind)[0].items()}


class Stop(Exception):
    pass


def stopping(epoch):
    def callback(row):
        if row["epoch"] == epoch:
            raise Stop

    return callback


@pytest.fixture(scope="module")
def undisturbed(toy, tmp_path_factory):
    out = tmp_path_factory.mktemp("open")
    given = (toy.plain(), toy.splits(), toy.open_config())
    return fit(*given, out=out, progress=False, **toy.functions()), out


@pytest.fixture(scope="module")
def built_in(toy):
    return toy.after(quick(), steps=1)[-1].trained["conv1"]["kernel"]


def test_killed_and_resumed_is_identical(toy, undisturbed, tmp_path):
    """A process of its own dies of SIGKILL right after a checkpoint in the middle of an epoch."""
    result, out = undisturbed
    command = [sys.executable, str(TOY), str(tmp_path), "--open", "--kill", "replaced:5"]
    died = subprocess.run(command, capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert read(tmp_path / "checkpoint.safetensors", CHECKPOINT)[1]["position"]["step"] == 5
    rows = []
    resumed = fit(
        toy.plain(), toy.splits(), toy.open_config(), out=tmp_path, resume=True,
        progress=False, callbacks=[rows.append], **toy.functions(),
    )  # fmt: skip
    identical(result.params, resumed.params)
    assert arrays(out) == arrays(tmp_path)
    assert arrays(out, "model.safetensors", "model") == arrays(
        tmp_path, "model.safetensors", "model"
    )
    assert [row["epoch"] for row in rows] == [1, 2]
    assert "opt_state.1.0.rng_key" in arrays(out)  # the optimiser's key is kept


@pytest.mark.parametrize("name", ["optimizer", "loss", "augment"])
def test_each_function_has_its_part_in_a_step(toy, built_in, name):
    own = Functions(**{name: toy.functions()[name]})
    after = toy.after(quick(), steps=1, functions=own)[-1]
    assert (after.trained["conv1"]["kernel"] != built_in).any()


def test_built_in_functions_given_by_hand_are_the_built_in_ones(toy):
    """The default is what it was: the same bits by the long way."""
    model, splits, config = toy.plain(), toy.splits(), quick(augment="flip", warmup_steps=1)
    expected = fit(model, splits, config, progress=False)

    def flipped(key, images):
        return flip(jax.random.split(key)[1], images)

    given = fit(
        model, splits, quick(warmup_steps=1), progress=False,
        optimizer=optax.adam, loss=cross_entropy, augment=flipped,
    )  # fmt: skip
    identical(expected.params, given.params)
    assert given.history[0]["learning_rate"] == expected.history[0]["learning_rate"]


def test_an_optimiser_with_a_rate_of_its_own_has_none_in_the_history(toy):
    result = fit(toy.plain(), toy.splits(), quick(), optimizer=optax.sgd(0.1), progress=False)
    assert "learning_rate" not in result.history[0]
    assert result.history[0]["loss"] > 0


def test_an_optimiser_is_given_the_loss_and_may_keep_an_infinity(toy, tmp_path):
    plateau = optax.chain(optax.sgd(0.1), optax.contrib.reduce_on_plateau(accumulation_size=100))
    fit(toy.plain(), toy.splits(), quick(), optimizer=plateau, progress=False, out=tmp_path)
    tensors, _ = read(tmp_path / "checkpoint.safetensors", CHECKPOINT)
    assert np.isinf(tensors["opt_state.1.best_value"])
    assert 0 < tensors["opt_state.1.avg_value"] < 10  # the mean of the losses so far
    with pytest.raises(NonFiniteLoss, match=r"\(epoch 1\); .* Try a smaller learning rate in your"):
        fit(toy.plain(), toy.splits(), quick(), optimizer=optax.sgd(1e30), progress=False)


def test_resuming_with_another_function_names_it(toy, tmp_path):
    model, splits, config = toy.plain(), toy.splits(), quick(epochs=2)
    own = toy.functions()
    with pytest.raises(Stop):
        fit(model, splits, config, out=tmp_path, progress=False, callbacks=[stopping(1)], **own)
    for name, other in {
        "loss": lambda logits, labels: 2 * own["loss"](logits, labels),
        "augment": flip,
        "optimizer": lambda rate: optax.lion(2e-3),
    }.items():
        with pytest.raises(CheckpointError, match=rf"given.{name} was 'program \w+', now 'prog"):
            fit(model, splits, config, out=tmp_path, progress=False, resume=True,
                **{**own, name: other})  # fmt: skip
    del own["loss"]
    with pytest.raises(CheckpointError, match=r"given.loss was 'program \w+', now absent"):
        fit(model, splits, config, out=tmp_path, progress=False, resume=True, **own)


def test_resuming_with_an_optimiser_of_another_structure_says_so(toy, tmp_path, monkeypatch):
    model, splits = toy.plain(), toy.splits()
    fit(model, splits, quick(), out=tmp_path, progress=False, optimizer=optax.adam(1e-3))
    form = r"state of the optimizer has another structure: the checkpoint lacks opt_state\.0\.trace"
    with pytest.raises(CheckpointError, match=rf"given.optimizer was .*{form}.* and has opt_state"):
        fit(model, splits, quick(), out=tmp_path, progress=False, resume=True,
            optimizer=optax.sgd(1e-3, momentum=0.9))  # fmt: skip
    # Another version of JAX: the programs say nothing, the structure still does.
    monkeypatch.setattr(resume.jax, "__version__", "0.0")
    with pytest.raises(CheckpointError, match=rf"was written with another optimizer.*{form}"):
        fit(model, splits, quick(), out=tmp_path, progress=False, resume=True,
            optimizer=optax.sgd(1e-3, momentum=0.9))  # fmt: skip


def test_a_program_knows_its_arrays_and_not_its_names():
    x = jnp.ones(3)

    def scaled(by):
        by = jnp.asarray(by)
        return lambda x: jax.jit(lambda x: x * by)(x)

    assert fingerprint(scaled([1.0, 2, 3]), x) == fingerprint(scaled([1.0, 2, 3]), x)
    assert fingerprint(scaled([1.0, 2, 3]), x) != fingerprint(scaled([1.0, 2, 4]), x)

    def with_rule(factor):
        @jax.custom_jvp
        def f(x):
            return x * 2

        f.defjvp(lambda primals, tangents: (f(*primals), tangents[0] * factor))
        return lambda x: jax.vjp(f, x)[1](x)

    assert fingerprint(with_rule(2.0), x) == fingerprint(with_rule(2.0), x)
    assert fingerprint(with_rule(2.0), x) != fingerprint(with_rule(3.0), x)


def changing_state():
    return optax.GradientTransformation(
        lambda p: jnp.zeros(()), lambda g, s, p=None: (g, jnp.zeros(2))
    )


WRONG = {
    "a mean, not a number an image": (
        {"loss": lambda x, y: jnp.mean(x)},
        r"loss must return a number an image, float32\[16\], got float32\[\]",
    ),
    "floats for images": (
        {"augment": lambda k, x: x / 255},
        r"augment must return the images, uint8\[16, 8, 8, 1\], got float",
    ),
    "smaller images": ({"augment": lambda k, x: x[:, 1:]}, r"got uint8\[16, 7, 8, 1\]"),
    "no shares": (
        {"mix": lambda k, x, y: (x, y)},
        r"mix must return images, the labels of the others and shares, got tuple\(uint8",
    ),
    "one share for all": (
        {"mix": lambda k, x, y: (x, y, jnp.float32(0.5))},
        r"mix must return the shares, float32\[16\], got float32\[\]",
    ),
    "a name": ({"optimizer": "lion"}, "optimizer must be a function, got str"),
    "a function that makes nothing": (
        {"optimizer": lambda rate: None},
        "optimizer must be an Optax transformation, or a function .*; it made NoneType",
    ),
    "a state that changes": (
        {"optimizer": changing_state()},
        r"state of optimizer has another form after an update .*\(float32\[2\], it was float32\[\]",
    ),
    "a number": ({"loss": 3}, "loss must be a function, got int"),
    "parameters of nothing": ({"params": {}}, r"params are not those of notes: conv1.bias is miss"),
    "parameters in a list": ({"params": []}, "params must be nested dicts, got list"),
    "a layer that is not there": (
        {"frozen": ["conv9"]},
        "frozen 'conv9' is no layer of the model; there are conv1, dense",
    ),
    "a string of layers": ({"frozen": "conv1"}, "a sequence of names, got the string 'conv1'"),
    "everything frozen": ({"frozen": ["conv1", "dense"]}, "leaves nothing to train"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused_by_name(toy, case):
    given, message = WRONG[case]
    with pytest.raises((ValueError, TypeError), match=f"fit: .*{message}"):
        fit(toy.plain(), toy.splits(), quick(), progress=False, **given)


@pytest.mark.parametrize(
    ("config", "given", "message"),
    [
        ({"label_smoothing": 0.1}, {"loss": cross_entropy}, "config.label_smoothing is 0.1"),
        ({"augment": "flip"}, {"augment": flip}, "config.augment is 'flip'.*augment.compose"),
        ({"mixup": 0.2}, {"mix": mixup}, "config.mixup is 0.2"),
        (
            {"optimizer": "adamw", "weight_decay": 0.1},
            {"optimizer": optax.lion},
            "config.weight_decay is 0.1",
        ),
        ({"warmup_steps": 2}, {"optimizer": optax.sgd(0.1)}, "config.warmup_steps is 2.*function"),
        ({"class_weights": (1, 2)}, {}, "class_weights has 2 numbers, the model 4 classes"),
    ],
)
def test_what_would_be_left_out_in_silence_is_refused(toy, config, given, message):
    with pytest.raises(ValueError, match=f"(fit|train): .*{message}"):
        fit(toy.plain(), toy.splits(), quick(**config), progress=False, **given)


def test_an_error_in_a_function_says_where_it_was_called(toy):
    with pytest.raises(TypeError) as caught:
        fit(
            toy.plain(),
            toy.splits(),
            quick(),
            progress=False,
            loss=lambda logits, labels: logits + "1",
        )
    assert "fit: in loss, called with float32[16, 4], int32[16]" in caught.value.__notes__


def test_a_model_whose_config_is_no_json_is_refused_before_the_training(toy, tmp_path):
    model = toy.normed()
    odd = type(model)(**{**model.__dict__, "config": {"rate": np.float32(0.5)}})
    with pytest.raises(ValueError, match="config of model 'normed' must hold JSON values"):
        fit(odd, toy.splits(), quick(), out=tmp_path, progress=False)


def test_a_model_of_ones_own_is_loaded_by_giving_it(toy, tmp_path):
    model = toy.normed(rate=0.2)
    result = fit(model, toy.splits(), quick(), out=tmp_path, progress=False)
    path = tmp_path / "model.safetensors"
    saved = load_model(path, model=model)
    identical(result.params, jax.device_get(saved.params))
    with pytest.raises(CheckpointError, match=r"unknown model 'normed'.*load_model\(path, model="):
        load_model(path)
    with pytest.raises(CheckpointError, match=r"holds the model rate=0.2, the one given is rate=0"):
        load_model(path, model=toy.normed())
    with pytest.raises(
        CheckpointError, match=r"holds the model normed, .*, the one given is notes"
    ):
        load_model(path, model=toy.plain())


def test_the_optimisers_key_comes_back_as_a_key(toy, tmp_path):
    own = Functions(optimizer=toy.functions()["optimizer"])
    state = initial_state(toy.plain(), quick(), 4, own)
    path = tmp_path / "state"
    resume.save_state(path, state, resume.Position(), {"given": {"optimizer": "x"}}, 1)
    again, *_ = resume.load_state(path, state, {"given": {"optimizer": "x"}}, 1)
    before, after = state.opt_state[0].rng_key, again.opt_state[0].rng_key
    assert after.dtype == before.dtype
    np.testing.assert_array_equal(jax.random.key_data(before), jax.random.key_data(after))
