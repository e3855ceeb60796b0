"""similar-is-large: does the patch that looks most like a kernel answer most strongly?

    python -m experiments.claims.similar_is_large

Every 5x5 window of the test images against every kernel.

Equal norms: pixels and kernels as whole numbers, answers from `cnnjax.conv` (exact), windows
grouped by exactly equal squared norm; within a group the order of the answers must be the order of
the cosines.  Without that condition: which window answers most, is it the one with the largest
cosine, and does a flat window (no pattern but noise) answer more than that one?

Kernels: those of trained networks and their random starts, on images as the network reads them
(mean 0); and windows of training images that show a pattern, taken as kernels for plain pixels
0..1, as they are and with the mean of each channel taken away.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from cnnjax import conv
from cnnjax.preprocessing import Preprocessing
from cnnjax.train import initial_params
from experiments.claims import similar_is_large_picture
from experiments.claims.measures import columns
from experiments.claims.network import Recipe, network, train
from experiments.claims.patches import discordant, rank_correlation, roughness, windows
from experiments.claims.record import Arm, Conclusion, Experiment, Raw, main, pack
from experiments.claims.statistics import number, percent

KINDS = {
    "learned": "learned kernels",
    "random": "random kernels",
    "pattern": "a pattern patch as kernel",
    "centred": "the same, mean taken away",
}
SIDE = 5
WHITE = 255
INTEGER = 127  # the largest weight of a kernel of whole numbers


@dataclass(frozen=True)
class Settings:
    """Fixed before the first run.

    flat: a window whose roughness is below this (white is 1) shows noise alone: the images'
    noise has a standard deviation of up to 0.04. pattern: a kernel's window is rougher than this.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    images: int = 400
    widths: tuple[int, ...] = (8, 16, 32)
    flat: float = 0.06
    pattern: float = 0.15
    recipe: Recipe = field(default_factory=Recipe)


def plan(settings: Settings, raw: Raw) -> Iterator[tuple[str, Arm]]:
    """One run a seed: a network, its images, all kinds of kernels."""
    for seed in settings.seeds:
        yield f"seed {seed}", {"seed": seed}


def measure(settings: Settings, arm: Arm) -> dict[str, Any]:
    """Train, then compare every window with every kernel."""
    seed = arm["seed"]
    splits = settings.recipe.data(seed)
    model = network(settings.widths, settings.recipe.image)
    start = initial_params(model, seed)["conv1"]["kernel"]
    result = train(model, settings.recipe, seed=seed, data_seed=seed)
    pattern = pattern_kernels(splits.train.images, settings, seed)
    kernels = {
        "learned": np.asarray(result.params["conv1"]["kernel"], float),
        "random": np.asarray(start, float),
        "pattern": pattern,
        "centred": pattern - pattern.mean((0, 1), keepdims=True),
    }
    images = splits.test.images[: settings.images]
    rows = windows(images, SIDE)
    rough = roughness(rows, images.shape[-1]) / WHITE
    flat = np.flatnonzero(rough < settings.flat)
    found: dict[str, Any] = {"flat windows": len(flat), "windows": len(rows)}
    for kind, kernel in kernels.items():
        reads = result.preprocessing if kind in ("learned", "random") else None
        found[kind] = {**equal_norm(images, rows, kernel), **any_norm(rows, kernel, reads, flat)}
        found[kind]["kernels"] = pack(kernel)
    return found


def pattern_kernels(images: NDArray, settings: Settings, seed: int) -> NDArray:
    """As many kernels as layer 1 has: windows of training images that are rough enough."""
    rng = np.random.default_rng(seed)
    chosen: list[NDArray] = []
    while len(chosen) < settings.widths[0]:
        image = images[rng.integers(len(images))]
        top, left = (int(rng.integers(extent - SIDE + 1)) for extent in image.shape[:2])
        window = image[top : top + SIDE, left : left + SIDE]
        if roughness(window.reshape(1, -1), image.shape[-1])[0] / WHITE > settings.pattern:
            chosen.append(window / WHITE)
    return np.stack(chosen, -1)


def equal_norm(images: NDArray, rows: NDArray, kernel: NDArray) -> dict[str, int]:
    """Whole numbers: pairs of windows of exactly equal norm, and how many are out of order."""
    whole = np.round(kernel * (INTEGER / np.abs(kernel).max()))
    # Below 2**24 at every step, so float32 is exact, whatever the order of the sum.
    answers = conv(
        jnp.asarray(images, jnp.float32), jnp.asarray(whole, jnp.float32), padding="VALID"
    )
    answers = np.asarray(answers, np.float64).reshape(len(rows), -1)
    exact = rows.astype(np.float64)
    norms = np.square(exact).sum(1)
    lengths = np.sqrt(np.maximum(norms, 1))
    pairs = wrong = 0
    for index, one in enumerate(whole.reshape(-1, whole.shape[-1]).T):
        # The cosine by another route than the convolution. The product is exact; the kernel's
        # own length is left out, it is the same for all windows.
        product = exact @ one
        counted, missed = discordant(answers[:, index], product / lengths, norms)
        pairs, wrong = pairs + counted, wrong + missed
    return {"equal pairs": pairs, "out of order": wrong}


def any_norm(
    rows: NDArray, kernel: NDArray, reads: Preprocessing | None, flat: NDArray
) -> dict[str, Any]:
    """For each kernel: who answers most, who is most similar, and the best of the flat ones.

    rows: windows of bytes; `reads` turns them into what the network sees (None: pixels 0..1).
    flat: indices of the flat windows.
    """
    channels = kernel.shape[2]
    seen = rows.reshape(len(rows), -1, channels).astype(np.float64) / WHITE
    if reads is not None:
        seen = (seen - np.array(reads.mean)) / np.array(reads.std)
    seen = seen.reshape(len(rows), -1)
    lengths = np.linalg.norm(seen, axis=1)
    answers = seen @ kernel.reshape(-1, kernel.shape[-1])
    cosine = (seen @ columns(kernel)) / np.where(lengths > 0, lengths, 1)[:, None]
    most, alike = answers.argmax(0), cosine.argmax(0)
    each = np.arange(kernel.shape[-1])
    report: dict[str, Any] = {
        "strongest": most.tolist(),
        "most similar": alike.tolist(),
        "same window": (most == alike).tolist(),
        "cosine of the strongest": cosine[most, each].round(4).tolist(),
        "cosine of the most similar": cosine[alike, each].round(4).tolist(),
        "rank correlation": [
            round(rank_correlation(answers[:, k], cosine[:, k]), 4) for k in each
        ],
    }  # fmt: skip
    if len(flat):
        best = flat[answers[flat].argmax(0)]
        report["best flat"] = best.tolist()
        report["flat wins"] = (answers[best, each] > answers[alike, each]).tolist()
    else:
        report["best flat"], report["flat wins"] = None, [False] * len(each)
    return report


def conclude(settings: Settings, raw: Raw) -> Conclusion:
    """The note's sentence has no condition: one learned kernel that a flat window wins refutes."""
    runs = [raw[f"seed {s}"] for s in settings.seeds]
    wrong = sum(run[kind]["out of order"] for run in runs for kind in KINDS)
    pairs = sum(run[kind]["equal pairs"] for run in runs for kind in KINDS)
    wins = {kind: [float(np.mean(run[kind]["flat wins"])) for run in runs] for kind in KINDS}
    same = {kind: [float(np.mean(run[kind]["same window"])) for run in runs] for kind in KINDS}
    figures = tuple(
        (
            shown,
            f"{sum(run[kind]['out of order'] for run in runs)} of "
            f"{sum(run[kind]['equal pairs'] for run in runs):,}",
            percent(same[kind]),
            percent(wins[kind]),
            number([float(np.mean(r[kind]["cosine of the strongest"])) for r in runs])
            + " / "
            + number([float(np.mean(r[kind]["cosine of the most similar"])) for r in runs]),
            number([float(np.mean(r[kind]["rank correlation"])) for r in runs]),
        )
        for kind, shown in KINDS.items()
    )
    exact = (
        "Among patches of equal norm the most similar one always answers most"
        if wrong == 0
        else f"Even among patches of equal norm {wrong:,} pairs are out of order"
    )
    any_ = (
        f"without that condition a flat patch beats it for {np.mean(wins['learned']):.0%} of the "
        "learned kernels"
        if any(wins["learned"])
        else "without that condition too, no flat patch beats it for any learned kernel"
    )
    return Conclusion(
        headline=f"{exact}; {any_}.",
        found=found(settings, runs, wrong, pairs, wins, same),
        supported=wrong == 0 and not any(wins["learned"]),
        columns=(
            "kernels", "equal norm: out of order", "strongest is the most similar",
            "a flat patch beats the most similar", "cosine of strongest / of most similar",
            "rank correlation of answer and cosine",
        ),
        figures=figures,
    )  # fmt: skip


def found(settings, runs, wrong, pairs, wins, same) -> str:
    kernels = settings.widths[0] * len(runs)
    flat = np.mean([run["flat windows"] / run["windows"] for run in runs])
    correlation = [float(np.mean(run["learned"]["rank correlation"])) for run in runs]
    text = (
        f"{runs[0]['windows']:,} windows of {settings.images} test images a seed, {kernels} "
        f"kernels of each kind over {len(runs)} seeds. "
    )
    text += (
        f"Among {pairs:,} pairs of windows with exactly the same norm, in exact arithmetic, none "
        "is ordered otherwise by the convolution than by the cosine, as Cauchy and Schwarz say. "
        if wrong == 0
        else f"Of {pairs:,} pairs of equal norm {wrong:,} are out of order, which exact arithmetic "
        "does not allow: something is broken. "
    )
    text += (
        f"Without equal norms the most similar window is also the strongest for "
        f"{percent(same['learned'])} of the learned kernels, and a flat window ({flat:.0%} of all "
        f"are) answers more than the most similar one for {percent(wins['learned'])} of them "
        f"(random kernels: {percent(wins['random'])}). A pattern patch taken as a kernel for "
        f"plain pixels loses to a flat bright window in {percent(wins['pattern'])} of the cases; "
        f"with its mean taken away in {percent(wins['centred'])}. "
    )
    text += (
        "So it is the kernel's mean that lets brightness stand in for likeness. "
        if np.mean(wins["centred"]) < np.mean(wins["pattern"])
        else "So taking the mean away does not help. "
    )
    return text + (
        f"As a tendency the sentence holds: over all windows, answer and cosine of a learned "
        f"kernel have a rank correlation of {number(correlation)}."
        if np.mean(correlation) > 0.5
        else "Not even as a tendency does it hold: the rank correlation of answer and cosine is "
        f"{number(correlation)} for learned kernels."
    )


def draw(settings: Settings, raw: Raw, path: Path) -> None:
    similar_is_large_picture.draw(settings, raw, path, KINDS)


def experiment(settings: Settings) -> Experiment:
    return Experiment(
        id="similar-is-large",
        module="similar_is_large",
        settings=settings,
        history=(
            "What counts as flat and as a pattern was set from the noise that the images are drawn "
            "with; kernels, measures and the rule of the conclusion before the first run.",
        ),
        total=len(settings.seeds),
        plan=plan,
        measure=measure,
        conclude=conclude,
        draw=draw,
    )


EXPERIMENT = experiment(Settings())

if __name__ == "__main__":
    sys.exit(main(EXPERIMENT))
