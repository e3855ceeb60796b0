"""random-init: kernels start random; is what they detect learned?

    python -m experiments.claims.random_init

Four arms on the same images: all layers learned; the first layer left as it was drawn; all three
convolutions left so (only the dense layer learns); and all learned from one and the same start,
with only the order of the batches drawn anew.  Of layer 1 it is measured how far the kernels move,
which images excite them before and after, and how alike the kernels of different seeds end up.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np

from cnnjax.models import Model
from cnnjax.train import initial_params
from experiments.claims import random_init_picture
from experiments.claims.measures import columns, cosines, responder, strongest_answers
from experiments.claims.network import Recipe, curve, network, train
from experiments.claims.record import Arm, Conclusion, Experiment, Raw, main, pack, unpack
from experiments.claims.statistics import Difference, number, paired, percent, spread

# The layers that each arm leaves as they were drawn.
ARMS = {
    "learned": (),
    "layer 1 frozen": ("conv1",),
    "all kernels frozen": ("conv1", "conv2", "conv3"),
    "same start": (),
}


@dataclass(frozen=True)
class Settings:
    """Fixed before the first run. `top`: how many best images of a kernel are compared."""

    seeds: tuple[int, ...] = (0, 1, 2, 3)
    data_seed: int = 0
    widths: tuple[int, ...] = (8, 16, 32)
    top: int = 20
    recipe: Recipe = field(default_factory=Recipe)


def plan(settings: Settings, raw: Raw) -> Iterator[tuple[str, Arm]]:
    """Every arm on every seed."""
    for seed, arm in itertools.product(settings.seeds, ARMS):
        yield f"{arm} seed {seed}", {"arm": arm, "seed": seed}


@cache
def model_of(settings: Settings, arm: str) -> Model:
    """The network of an arm; "same start" draws its first weights from key 0 whatever the seed."""
    model = network(settings.widths, settings.recipe.image, frozen=ARMS[arm])
    if arm == "same start":
        drawn = model.init
        model = replace(model, init=lambda key: drawn(jax.random.key(0)))
    return model


def measure(settings: Settings, arm: Arm) -> dict[str, Any]:
    """One run: its curve; for the learned arms the kernels of layer 1 and what became of them."""
    model = model_of(settings, arm["arm"])
    first = initial_params(model, arm["seed"])
    result = train(model, settings.recipe, seed=arm["seed"], data_seed=settings.data_seed)
    measured: dict[str, Any] = {"curve": curve(result)}
    if ARMS[arm["arm"]]:
        return measured
    images = settings.recipe.data(settings.data_seed).test.images
    best = [
        np.argsort(
            -strongest_answers(responder(model, p, result.preprocessing, "conv1"), images),
            axis=0,
            kind="stable",
        )[: settings.top]
        for p in (first, result.params)
    ]
    kept = [len(set(a) & set(b)) / len(a) for a, b in zip(best[0].T, best[1].T, strict=True)]
    before, after = (np.asarray(p["conv1"]["kernel"], float) for p in (first, result.params))
    return measured | {
        "moved": [round(float(m), 4) for m in moved(before, after)],
        "turned": [round(float(c), 4) for c in own_cosines(before, after)],
        "best images kept": [round(k, 4) for k in kept],
        "before": pack(before),
        "after": pack(after),
        "bias": pack(result.params["conv1"]["bias"]),
    }


def moved(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """How far each kernel moved, in lengths of the kernel that it was."""
    flat = [k.reshape(-1, k.shape[-1]) for k in (before, after)]
    return np.linalg.norm(flat[1] - flat[0], axis=0) / np.linalg.norm(flat[0], axis=0)


def own_cosines(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The cosine between each kernel and the one of the same number."""
    return (columns(before) * columns(after)).sum(0)


def likeness(kernels: list[np.ndarray]) -> list[float]:
    """For each two sets of kernels: the mean cosine of a kernel with its best match in the other.

    >>> one = np.eye(3)[:, :2].reshape(3, 1, 1, 2)
    >>> likeness([one, one[..., ::-1]])
    [1.0]
    """
    found = []
    for first, second in itertools.combinations(kernels, 2):
        table = cosines(first, second)
        found.append(float((table.max(0).mean() + table.max(1).mean()) / 2))
    return found


def conclude(settings: Settings, raw: Raw) -> Conclusion:
    """Learned kernels against frozen ones; what moved; how alike seeds are."""
    runs = {a: [raw[f"{a} seed {s}"] for s in settings.seeds] for a in ARMS}
    last = {a: [r["curve"][-1] for r in runs[a]] for a in runs}
    gain = {a: paired(last["learned"], last[a]) for a in ("layer 1 frozen", "all kernels frozen")}
    kept = [float(np.mean(r["best images kept"])) for r in runs["learned"]]
    chance = settings.top / settings.recipe.test
    other_images = float(np.mean(kept)) < 0.5
    supported: bool | None = None
    if gain["all kernels frozen"].sign > 0 and other_images:
        supported = True
    elif gain["all kernels frozen"].sign < 0 or not other_images:
        supported = False
    rows = []
    for arm, results in runs.items():
        learned = not ARMS[arm]
        rows.append(
            (
                arm,
                percent(last[arm]),
                gain[arm].points() if arm in gain else "",
                number([float(np.mean(r["moved"])) for r in results]) if learned else "0",
                number([float(np.mean(r["turned"])) for r in results]) if learned else "1",
                percent([float(np.mean(r["best images kept"])) for r in results])
                if learned
                else "100 %",
            )
        )
    return Conclusion(
        headline=headline(gain, kept, settings.top),
        found=found(settings, runs, last, gain, kept, chance),
        supported=supported,
        columns=(
            "layers", "accuracy", "learned is ahead by", "kernel moved by (lengths)",
            "cosine with its start", f"of its {settings.top} best images kept",
        ),
        figures=tuple(rows),
    )  # fmt: skip


def headline(gain: dict[str, Difference], kept: list[float], top: int) -> str:
    all_, one = gain["all kernels frozen"], gain["layer 1 frozen"]
    words = {
        1: f"Learned kernels beat random ones by {100 * all_.mean:.1f} points",
        0: "Learned kernels cannot be told from random ones",
        -1: f"Random kernels beat learned ones by {-100 * all_.mean:.1f} points",
    }[all_.sign]
    first = {
        1: f"a random first layer alone costs {100 * one.mean:.1f}",
        0: "a random first layer alone costs nothing that these seeds can tell",
        -1: f"a random first layer alone gains {-100 * one.mean:.1f}",
    }[one.sign]
    return f"{words}; {first}. A kernel keeps {np.mean(kept):.0%} of its {top} best images."


def found(settings, runs, last, gain, kept, chance) -> str:
    learned, same = runs["learned"], runs["same start"]
    ends = likeness([unpack(r["after"]) for r in learned])
    starts = likeness([unpack(r["before"]) for r in learned])
    pairs = itertools.combinations([unpack(r["after"]) for r in same], 2)
    twins = [float(own_cosines(a, b).mean()) for a, b in pairs] or [1.0]
    test = settings.recipe.test
    p = float(np.mean(last["learned"]))
    sampling = (p * (1 - p) / test) ** 0.5
    move = [float(np.mean(r["moved"])) for r in learned]
    turn = [float(np.mean(r["turned"])) for r in learned]
    text = (
        f"In layer 1 a kernel moves by {number(move)} of its own length and ends at a cosine of "
        f"{number(turn)} with its random start (1: it did not turn). Of the {settings.top} test "
        f"images that excite it most it keeps {percent(kept)}; two unrelated kernels would share "
        f"about {chance:.0%}. "
    )
    if np.mean(turn) > 0.9 and np.mean(kept) < 0.5:
        text += (
            f"So after {settings.recipe.steps:,} steps a kernel is mostly its random start still; "
            "the small part that was learned decides what it answers to. "
        )
    text += (
        f"With all kernels left random the dense layer alone reaches "
        f"{percent(last['all kernels frozen'])} against {percent(last['learned'])}: learning the "
        f"kernels is worth {gain['all kernels frozen'].points()}. With only layer 1 left random "
        f"the difference is {gain['layer 1 frozen'].points()}: "
    )
    text += {
        1: "layer 1 too is better learned. ",
        0: "whether layer 1 needs to learn cannot be told from these seeds; the later layers make "
        "do with random first features. ",
        -1: "here the random first layer is the better one. ",
    }[gain["layer 1 frozen"].sign]
    text += (
        f"Different seeds reach {percent(last['learned'])}; {test:,} test images alone leave "
        f"{100 * sampling:.1f} points of chance in each accuracy, so the seeds are "
        + ("equally good as far as can be told" if spread(last["learned"]) < 2 * sampling
           else "not equally good")
        + f". Their kernels differ: the best match in another seed has a cosine of {number(ends)}, "
        f"where the random starts have {number(starts)}. From one common start with other batches, "
        f"kernels of the same number end at {number(twins)}: "
    )  # fmt: skip
    text += (
        "the start decides which kernel becomes what, more than the batches do."
        if np.mean(twins) > np.mean(ends)
        else "the batches decide as much as the start."
    )
    return text + f" {len(settings.seeds)} seeds, the same images for all."


def draw(settings: Settings, raw: Raw, path: Path) -> None:
    random_init_picture.draw(settings, raw, path, tuple(ARMS))


def experiment(settings: Settings) -> Experiment:
    return Experiment(
        id="random-init",
        module="random_init",
        settings=settings,
        history=(
            "Budget and learning rate were chosen for time, after two pilot runs of the plain "
            "network (seed 1000, which is used nowhere else); arms, measures and the rule of the "
            "conclusion before any of these runs.",
            "After the first look at the results one sentence was added to the text (kernels that "
            "stay close to their start) and the picture was laid out anew; no setting was changed.",
        ),
        total=len(ARMS) * len(settings.seeds),
        plan=plan,
        measure=measure,
        conclude=conclude,
        draw=draw,
    )


EXPERIMENT = experiment(Settings())

if __name__ == "__main__":
    sys.exit(main(EXPERIMENT))
