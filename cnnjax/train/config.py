"""Everything that decides what a training run computes, in one frozen record.

Two runs with equal configurations, models and data end with the same parameters, bit for bit
(on one machine, with one number of devices).  The only fields that do not matter for the result
say when to write checkpoints.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["AUGMENTATIONS", "OPTIMIZERS", "PRECISIONS", "SCHEDULES", "TrainConfig"]

OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("cosine", "constant")
PRECISIONS = ("float32", "bfloat16")
# In the order in which they are applied; any of them joined by +.
AUGMENTATIONS = ("shift", "crop", "flip", "cutout")
# Fields that came after the first checkpoints were written: they are part of a run's identity only
# where they differ from these, so that an older run is still the run it was.
_LATER: dict[str, Any] = {
    "clip_norm": 0.0,
    "ema": 0.0,
    "class_weights": "none",
    "mixup": 0.0,
    "crop": 0.25,
    "cutout": 8,
}


@dataclass(frozen=True)
class TrainConfig:
    """What to train with; every field has a default that suits small images.

    | field | meaning |
    |---|---|
    | `epochs`, `batch_size` | passes over the training images; images a step over all devices |
    | `optimizer` | `"sgd"` (Nesterov), `"adam"` or `"adamw"` |
    | `learning_rate` | the peak of the schedule |
    | `momentum` | for `"sgd"` only |
    | `weight_decay` | on kernels only; `"sgd"`: into the gradient, `"adamw"`: decoupled |
    | `warmup_steps` | linear from `learning_rate / warmup_steps` to `learning_rate` |
    | `schedule` | after the warm-up: `"cosine"` to zero at the last step, or `"constant"` |
    | `label_smoothing` | share of each target spread evenly over all classes |
    | `precision` | of the computation; parameters and loss are always float32 |
    | `accumulate` | micro-batches a step: the memory of `batch_size / accumulate` images |
    | `augment` | `"none"`, or some of `shift`, `crop`, `flip`, `cutout` joined by `+` |
    | `shift`, `cutout` | in pixels: the largest shift; the side of the square that is cut out |
    | `crop` | the smallest share of an image's area that a crop keeps |
    | `mixup` | alpha of the Beta distribution of the shares; 0: no mixing (`augment.py`) |
    | `class_weights` | of the loss: `"none"`, `"balanced"` or a number a class (`losses.py`) |
    | `clip_norm` | the largest norm of a step's gradient, over all parameters; 0: any |
    | `ema` | decay of an average of the parameters, evaluated and saved in their place; 0: none |
    | `seed` | of parameters, shuffling, augmentation and dropout |
    | `checkpoint_steps`, `checkpoint_seconds` | write one so often (and after each epoch) |

    >>> TrainConfig(optimizer="lion")
    Traceback (most recent call last):
    ValueError: TrainConfig: optimizer 'lion' is unknown; there are sgd, adam, adamw
    """

    epochs: int = 10
    batch_size: int = 64
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 0.0
    warmup_steps: int = 0
    schedule: str = "cosine"
    label_smoothing: float = 0.0
    precision: str = "float32"
    accumulate: int = 1
    augment: str = "none"
    shift: int = 2
    crop: float = 0.25
    cutout: int = 8
    mixup: float = 0.0
    class_weights: str | tuple[float, ...] = "none"
    clip_norm: float = 0.0
    ema: float = 0.0
    seed: int = 0
    checkpoint_steps: int | None = None
    checkpoint_seconds: float | None = 60.0

    def __post_init__(self) -> None:
        for name, known in (
            ("optimizer", OPTIMIZERS),
            ("schedule", SCHEDULES),
            ("precision", PRECISIONS),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"TrainConfig: {name} {getattr(self, name)!r} is unknown; "
                    f"there are {', '.join(known)}"
                )
        object.__setattr__(self, "augment", "+".join(self.augmentations) or "none")
        for name, least in (
            ("epochs", 1),
            ("batch_size", 1),
            ("accumulate", 1),
            ("warmup_steps", 0),
            ("shift", 0),
            ("cutout", 1),
            ("seed", 0),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ValueError(
                    f"TrainConfig: {name} must be a whole number from {least} on, got {value!r}"
                )
        for name, least_real, below in (
            ("learning_rate", 0.0, math.inf),
            ("momentum", 0.0, 1.0),
            ("weight_decay", 0.0, math.inf),
            ("label_smoothing", 0.0, 1.0),
            ("clip_norm", 0.0, math.inf),
            ("ema", 0.0, 1.0),
            ("mixup", 0.0, math.inf),
        ):
            value = getattr(self, name)
            if not _is_real(value) or not least_real <= value < below:
                raise ValueError(
                    f"TrainConfig: {name} must lie in [{least_real:g}, {below:g}), got {value!r}"
                )
        if not _is_real(self.crop) or not 0 < self.crop <= 1:
            raise ValueError(f"TrainConfig: crop must lie in (0, 1], got {self.crop!r}")
        object.__setattr__(self, "class_weights", _class_weights(self.class_weights))
        if self.seed >= 2**32:
            raise ValueError(f"TrainConfig: seed must be below 2**32, got {self.seed}")
        if self.batch_size % self.accumulate:
            raise ValueError(
                f"TrainConfig: accumulate {self.accumulate} must divide batch_size "
                f"{self.batch_size}"
            )
        if self.optimizer == "adam" and self.weight_decay:
            raise ValueError(
                f"TrainConfig: adam takes no weight_decay (given {self.weight_decay}); use adamw"
            )
        for name in ("checkpoint_steps", "checkpoint_seconds"):
            value = getattr(self, name)
            if value is not None and not (_is_real(value) and value > 0):
                raise ValueError(f"TrainConfig: {name} must be positive or None, got {value!r}")

    def identity(self) -> dict[str, Any]:
        """The fields that decide the result, as JSON values: what a resumed run must share."""
        fields = asdict(self)
        del fields["checkpoint_steps"], fields["checkpoint_seconds"]
        return {k: v for k, v in fields.items() if k not in _LATER or v != _LATER[k]}

    @property
    def augmentations(self) -> tuple[str, ...]:
        """The names in `augment`, in the order in which they are applied.

        >>> TrainConfig(augment="flip+crop").augmentations
        ('crop', 'flip')
        """
        return augmentations(self.augment)


def augmentations(text: Any) -> tuple[str, ...]:
    """The names that `text` joins by +, in the order of `AUGMENTATIONS`; () for "none"."""
    names = text.split("+") if isinstance(text, str) else [text]
    if names == ["none"]:
        return ()
    for name in names:
        if name not in AUGMENTATIONS or names.count(name) > 1:
            fault = "is given twice" if name in AUGMENTATIONS else "is unknown"
            raise ValueError(
                f"TrainConfig: augment {text!r}: {name!r} {fault}; there are none, or "
                f"{', '.join(AUGMENTATIONS)} joined by +"
            )
    return tuple(name for name in AUGMENTATIONS if name in names)


def _class_weights(value: Any) -> str | tuple[float, ...]:
    if isinstance(value, str) and value in ("none", "balanced"):
        return value
    if (
        isinstance(value, (list, tuple))
        and value
        and all(_is_real(weight) and 0 <= weight < 1e30 for weight in value)
        and any(weight > 0 for weight in value)
    ):
        return tuple(float(weight) for weight in value)
    raise ValueError(
        "TrainConfig: class_weights must be 'none', 'balanced' or a number from 0 on for each "
        f"class (not all 0), got {value!r}"
    )


def _is_real(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
