"""The functions that a run is made of: the user's own, or those that the configuration names.

    optimizer   an Optax transformation, or a function that makes one of the schedule (`optax.lion`)
    loss        loss(logits, labels) -> (B,): logits (B, classes) float32, labels (B,) int32
    augment     augment(key, images) -> images: (B, H, W, C) uint8 to the same
    mix         mix(key, images, labels) -> (images, others, share): as `augment.mixup`

With a class a pixel, labels are (B, H, W), logits (B, H, W, classes) and losses (B, H, W), and
`augment(key, images, labels) -> (images, labels)` moves both; nothing is mixed.

They are traced by JAX, like everything in a step: same inputs, same outputs, and all randomness
from the key. Where the configuration asks for something that a given function would leave out,
`check` says so; gradient clipping, the average of the parameters and class weights go with any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import optax

from cnnjax.arguments import check_takes, form
from cnnjax.losses import cross_entropy, weighted
from cnnjax.preprocessing import Preprocessing
from cnnjax.train import augment_pixels
from cnnjax.train.augment import augment, mixup
from cnnjax.train.config import TrainConfig
from cnnjax.train.optimizer import clipped, learning_rate, optimizer

if TYPE_CHECKING:
    from cnnjax.models import Model

__all__ = ["Augment", "Functions", "Loss", "Mix", "Optimizer", "batch_of", "check", "schedule"]

# An optax.GradientTransformation, or a function from an optax.Schedule to one.
Optimizer = Any
Loss = Callable[[jax.Array, jax.Array], jax.Array]
Augment = Callable[..., Any]
Mix = Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array, jax.Array]]


@dataclass(frozen=True)
class Functions:
    """What a user gives in place of what the configuration names; None: as configured.

    `weights` are those of the classes in the loss, None for none.
    """

    optimizer: Optimizer | None = None
    loss: Loss | None = None
    augment: Augment | None = None
    mix: Mix | None = None
    weights: tuple[float, ...] | None = None

    def transformation(
        self, config: TrainConfig, steps: int
    ) -> optax.GradientTransformationExtraArgs:
        """The optimiser of a run of `steps` steps; `update` is given the loss as `value` too."""
        if self.optimizer is None:
            chosen = optimizer(config, steps)
        elif _is_transformation(self.optimizer):
            chosen = clipped(self.optimizer, config)
        else:
            chosen = clipped(_made(self.optimizer, learning_rate(config, steps)), config)
        chosen = optax.with_extra_args_support(chosen)

        def init(params: Any) -> Any:
            with jax.numpy_dtype_promotion("standard"):
                state = chosen.init(params)
            if self.optimizer is None:
                return state
            # A copy: steps overwrite their state, and this may hold arrays of the user's (a key).
            return jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), state)

        def update(grads: Any, state: Any, params: Any = None, **extra: Any) -> Any:
            # Optax mixes float32 and int32 counts, which a user's strict setting would refuse.
            with jax.numpy_dtype_promotion("standard"):
                return chosen.update(grads, state, params, **extra)

        return optax.GradientTransformationExtraArgs(init, update)

    def losses(self, config: TrainConfig) -> Loss:
        """The loss of each image (or pixel), class weights included."""
        given = self.loss or partial(cross_entropy, label_smoothing=config.label_smoothing)
        return given if self.weights is None else weighted(given, self.weights)

    def augmented(
        self, model: Model, config: TrainConfig, preprocessing: Preprocessing
    ) -> Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]:
        """What changes a batch: (key, images, labels) -> (images, labels)."""
        given: Any = self.augment
        mean = tuple(round(255 * m) for m in preprocessing.mean)
        sizes: dict[str, Any] = {"crop": config.crop, "side": config.cutout, "fill": mean}
        if model.per_pixel:
            return given or partial(augment_pixels.augment, kind=config.augment, **sizes)
        if given is None:
            given = partial(augment, kind=config.augment, pixels=config.shift, **sizes)
        return lambda key, images, labels: (given(key, images), labels)

    def mixed(self, config: TrainConfig) -> Mix | None:
        """What mixes the images of a batch, if anything does."""
        if self.mix is not None:
            return self.mix
        return partial(mixup, alpha=config.mixup) if config.mixup else None


def schedule(functions: Functions, config: TrainConfig, steps: int) -> optax.Schedule | None:
    """The learning rate of each step; None where the optimiser keeps its own."""
    if functions.optimizer is not None and _is_transformation(functions.optimizer):
        return None
    return learning_rate(config, steps)


def check(
    functions: Functions, model: Model, config: TrainConfig, steps: int, trained: Any
) -> None:
    """Raise ValueError or TypeError where a function does not fit the run, by name.

    `trained` has the form of the parameters that the optimiser is given. The functions are traced
    at the shapes of the run; nothing is computed.
    """
    _check_choice(functions, config)
    if model.per_pixel:
        _check_pixels(functions, model, config)
    key, images, labels, logits = batch_of(model, config)
    if functions.augment is not None and model.per_pixel:
        check_takes("fit: augment", functions.augment, ["key", "images", "labels"])
        found = _traced("augment", functions.augment, key, images, labels)
        if not isinstance(found, tuple) or len(found) != 2:
            raise ValueError(
                f"fit: augment must return images and labels of their pixels, got {form(found)}"
            )
        _agree("augment", "the images", found[0], images)
        _agree("augment", "the labels", found[1], labels)
    elif functions.augment is not None:
        check_takes("fit: augment", functions.augment, ["key", "images"])
        _agree("augment", "the images", _traced("augment", functions.augment, key, images), images)
    if functions.mix is not None:
        share = jax.ShapeDtypeStruct(labels.shape, jnp.float32)
        check_takes("fit: mix", functions.mix, ["key", "images", "labels"])
        found = _traced("mix", functions.mix, key, images, labels)
        expected = {"the images": images, "the other labels": labels, "the shares": share}
        if not isinstance(found, tuple) or len(found) != 3:
            raise ValueError(
                f"fit: mix must return images, the labels of the others and shares, "
                f"got {form(found)}"
            )
        for (what, expected_form), got in zip(expected.items(), found, strict=True):
            _agree("mix", what, got, expected_form)
    if functions.loss is not None:
        check_takes("fit: loss", functions.loss, ["logits", "labels"])
        found = _traced("loss", functions.loss, logits, labels)
        what = f"a number {'a pixel' if model.per_pixel else 'an image'}"
        _agree("loss", what, found, jax.ShapeDtypeStruct(labels.shape, jnp.float32))
    if functions.optimizer is not None:
        _check_optimizer(functions.transformation(config, steps), trained)


def batch_of(model: Model, config: TrainConfig) -> tuple[Any, ...]:
    """The forms of a key, and of a batch's images, labels and logits."""
    batch, height, width, channels = config.batch_size, *model.image
    each = (batch, height, width) if model.per_pixel else (batch,)
    return (
        jax.eval_shape(lambda: jax.random.key(0)),
        jax.ShapeDtypeStruct((batch, height, width, channels), jnp.uint8),
        jax.ShapeDtypeStruct(each, jnp.int32),
        jax.ShapeDtypeStruct((*each, model.classes), jnp.float32),
    )


def _check_pixels(functions: Functions, model: Model, config: TrainConfig) -> None:
    """What is made for one label an image is refused where each pixel has one."""
    name = "mix" if functions.mix is not None else "config.mixup" if config.mixup else None
    if name:
        raise ValueError(
            f"fit: {name} mixes images of one label each; {model.name} has a label a pixel"
        )
    if functions.augment is None and "shift" in config.augmentations:
        raise ValueError(
            f"fit: config.augment {config.augment!r}: shift brings black in, and its pixels have "
            f"no class for {model.name}; crop and flip move labels along"
        )


def _check_choice(functions: Functions, config: TrainConfig) -> None:
    """Nothing that the configuration asks for is dropped in silence."""
    given = functions.optimizer
    for name, function, field, off, instead in (
        ("loss", functions.loss, "label_smoothing", 0.0, "smooth in the loss itself"),
        ("augment", functions.augment, "augment", "none", "join them by augment.compose"),
        ("mix", functions.mix, "mixup", 0.0, "leave one out"),
        ("optimizer", given, "weight_decay", 0.0, "give it to the optimizer"),
        (
            "optimizer",
            given if _is_transformation(given) else None,
            "warmup_steps",
            0,
            "give a function of the schedule, such as optax.lion, not a transformation",
        ),
    ):
        if function is not None and (was := getattr(config, field)) != off:
            raise ValueError(
                f"fit: {name} is given and config.{field} is {was!r}, which it would leave out; "
                f"{instead}"
            )
        if function is not None and not callable(function) and not _is_transformation(function):
            raise TypeError(f"fit: {name} must be a function, got {type(function).__name__}")


def _check_optimizer(transform: optax.GradientTransformationExtraArgs, params: Any) -> None:
    state = _traced("optimizer", transform.init, params)
    loss = jax.ShapeDtypeStruct((), jnp.float32)

    def update(grads: Any, state: Any, params: Any, loss: Any) -> Any:
        return transform.update(grads, state, params, value=loss)

    _, after = _traced("optimizer", update, params, state, params, loss)
    before: Any = jax.tree.flatten(state)
    then: Any = jax.tree.flatten(after)
    same = before[1] == then[1] and all(
        (a.shape, a.dtype) == (b.shape, b.dtype) for a, b in zip(before[0], then[0], strict=True)
    )
    if not same:
        raise ValueError(
            "fit: the state of optimizer has another form after an update than before "
            f"({form(after)}, it was {form(state)})"
        )


def _traced(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """The form of what a user's function returns; its own errors keep their traceback."""
    try:
        return jax.eval_shape(lambda *given: function(*given), *arguments)
    except Exception as error:
        error.add_note(f"fit: in {name}, called with {', '.join(map(form, arguments))}")
        raise


def _agree(name: str, what: str, found: Any, expected: jax.ShapeDtypeStruct) -> None:
    floats = jnp.issubdtype(expected.dtype, jnp.floating)
    fits = (
        hasattr(found, "shape")
        and found.shape == expected.shape
        and (jnp.issubdtype(found.dtype, jnp.floating) if floats else found.dtype == expected.dtype)
    )
    if not fits:
        raise ValueError(f"fit: {name} must return {what}, {form(expected)}, got {form(found)}")


def _is_transformation(value: Any) -> bool:
    return isinstance(value, optax.GradientTransformation)


def _made(function: Any, rate: optax.Schedule) -> optax.GradientTransformation:
    made = function(rate)
    if not _is_transformation(made):
        raise TypeError(
            "fit: optimizer must be an Optax transformation, or a function that makes one of the "
            f"learning-rate schedule; it made {type(made).__name__}"
        )
    return made
