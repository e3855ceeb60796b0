"""wider-deeper: do deeper layers need more kernels?

    python -m experiments.claims.wider_deeper

Kernels that double from layer to layer (as 32-64-128 in the note, here 7-14-28) against the same
number everywhere and against the reverse, each at an equal number of parameters and at an equal
number of multiply-adds.  The counts are those of `cnnjax.summary`; widths are the ones that come
closest, and more than 3 % apart is an error.  (7 is the smallest first width that allows it.)
Each shape has the learning rate that suits it best of a few.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import PercentFormatter

from cnnjax.pictures import style
from cnnjax.summary import summary
from experiments.claims.network import Recipe, curve, network, train
from experiments.claims.record import Arm, Conclusion, Experiment, Raw, main
from experiments.claims.statistics import Difference, names, paired, percent
from experiments.claims.tuning import best_rate, tuned, tuning_runs

BUDGETS = ("parameters", "multiply-adds")
GROWING = "growing"
Widths = tuple[int, ...]


@dataclass(frozen=True)
class Settings:
    """Fixed before the first run. `within`: how far budgets may differ."""

    growing: Widths = (7, 14, 28)
    within: float = 0.03
    learning_rates: tuple[float, ...] = (0.001, 0.002, 0.004)
    warmup_steps: int = 50
    tuning_seed: int = 100
    seeds: tuple[int, ...] = (10, 11, 12, 13, 14)
    recipe: Recipe = field(default_factory=lambda: Recipe(epochs=4))


@cache
def budget(widths: Widths, image: tuple[int, ...]) -> dict[str, int]:
    """Exact parameters and multiply-adds (of one image, forward) of a network."""
    table = summary(network(widths, image))
    return {"parameters": table.parameters, "multiply-adds": table.multiply_adds}


def arms_of(settings: Settings) -> dict[str, Widths]:
    """The widths of each arm.

    Raises ValueError where no flat or reversed network comes within `settings.within`.
    """
    image, growing = settings.recipe.image, settings.growing
    arms = {GROWING: growing}
    for what in BUDGETS:
        goal = budget(growing, image)[what]
        for shape, family in (("flat", flat), ("reversed", reversed_)):
            widths = closest(family(growing), goal, what, image)
            off = budget(widths, image)[what] / goal - 1
            if abs(off) > settings.within:
                raise ValueError(
                    f"wider-deeper: no {shape} network has the {what} of {growing} within "
                    f"{settings.within:.0%}, the closest is {widths} at {off:+.1%}"
                )
            arms[f"{shape}, equal {what}"] = widths
    return arms


def flat(growing: Widths) -> Iterator[Widths]:
    """One width for all layers, larger and larger."""
    return ((width,) * len(growing) for width in itertools.count(1))


def reversed_(growing: Widths) -> Iterator[Widths]:
    """The growing widths backwards, larger and larger, rounded to whole kernels.

    >>> list(itertools.islice(reversed_((1, 2, 4)), 2))
    [(2, 1, 1), (3, 1, 1)]
    """
    last: Widths = ()
    for step in itertools.count(1):
        scale = step / (20 * growing[0])
        widths = tuple(round(scale * width) for width in reversed(growing))
        if min(widths) >= 1 and widths != last:
            yield widths
            last = widths


def closest(family: Iterator[Widths], goal: int, what: str, image: tuple[int, ...]) -> Widths:
    """The member whose budget is nearest to `goal`; the family's budgets grow."""
    below: Widths | None = None
    for widths in family:
        if budget(widths, image)[what] >= goal:
            candidates = [w for w in (below, widths) if w is not None]
            return min(candidates, key=lambda w: abs(budget(w, image)[what] - goal))
        below = widths
    raise AssertionError("a family has no end")


def plan(settings: Settings, raw: Raw) -> Iterator[tuple[str, Arm]]:
    """The learning rates for each shape, then every shape on every seed."""
    arms = {name: {"shape": name, "widths": w} for name, w in arms_of(settings).items()}
    rates = settings.learning_rates
    yield from tuning_runs(arms.items(), rates, settings.tuning_seed)
    for seed in settings.seeds:
        for name, arm in arms.items():
            rate = best_rate(raw, name, rates)
            yield f"{name} seed {seed}", {**arm, "learning_rate": rate, "seed": seed}


def measure(settings: Settings, arm: Arm) -> dict[str, Any]:
    """One training run's learning curve."""
    model, seed = network(arm["widths"], settings.recipe.image), arm["seed"]
    changes = {"learning_rate": arm["learning_rate"], "warmup_steps": settings.warmup_steps}
    return {"curve": curve(train(model, settings.recipe, seed=seed, data_seed=seed, **changes))}


def conclude(settings: Settings, raw: Raw) -> Conclusion:
    """Growing against each rival, paired by seed."""
    arms, image = arms_of(settings), settings.recipe.image
    last = {a: [raw[f"{a} seed {s}"]["curve"][-1] for s in settings.seeds] for a in arms}
    ahead = {a: paired(last[GROWING], last[a]) for a in arms if a != GROWING}
    own = budget(settings.growing, image)
    rows = []
    for name, widths in arms.items():
        counts = budget(widths, image)
        cells = [f"{counts[what]:,} ({counts[what] / own[what] - 1:+.1%})" for what in BUDGETS]
        rows.append(
            (
                name,
                "-".join(map(str, widths)),
                *cells,
                f"{best_rate(raw, name, settings.learning_rates):g}",
                percent(last[name]),
                ahead[name].points() if name in ahead else "",
            )
        )
    signs = [d.sign for d in ahead.values()]
    supported: bool | None = None
    if all(sign > 0 for sign in signs):
        supported = True
    elif any(sign < 0 for sign in signs):
        supported = False
    return Conclusion(
        headline=headline(ahead, len(settings.seeds)),
        found=found(settings, raw, arms, last, ahead),
        supported=supported,
        columns=(
            "widths", "kernels", "parameters", "multiply-adds", "learning rate", "accuracy",
            "growing is ahead by",
        ),
        figures=tuple(rows),
    )  # fmt: skip


def headline(ahead: dict[str, Difference], seeds: int) -> str:
    beaten = [a for a, d in ahead.items() if d.sign > 0]
    better = [a for a, d in ahead.items() if d.sign < 0]
    open_ = [a for a, d in ahead.items() if d.sign == 0]
    if len(beaten) == len(ahead):
        return "Growing widths beat flat and reversed ones, at equal parameters and multiply-adds."
    parts = []
    if beaten:
        parts.append(f"Growing widths beat {quoted(beaten)}")
    if better:
        parts.append(f"{quoted(better)} {'beats' if len(better) == 1 else 'beat'} growing widths")
    if open_:
        parts.append(f"{seeds} seeds cannot tell growing widths from {quoted(open_, 'or')}")
    return "; ".join(parts) + "."


def quoted(arms: list[str], conjunction: str = "and") -> str:
    return names([f'"{arm}"' for arm in arms], conjunction)


def found(settings, raw, arms, last, ahead) -> str:
    text = (
        f"Growing widths ({'-'.join(map(str, settings.growing))}) reach {percent(last[GROWING])}. "
    )
    for what in BUDGETS:
        parts = []
        for shape in ("flat", "reversed"):
            name = f"{shape}, equal {what}"
            said = {1: "is worse", -1: "is better", 0: "cannot be told apart"}[ahead[name].sign]
            parts.append(
                f"{shape} {'-'.join(map(str, arms[name]))} reaches {percent(last[name])} and "
                f"{said} (growing {ahead[name].points()})"
            )
        text += f"At equal {what}, {names(parts)}. "
    image = settings.recipe.image
    own = budget(settings.growing, image)
    cost = budget(arms["reversed, equal parameters"], image)["multiply-adds"]
    weight = budget(arms["reversed, equal multiply-adds"], image)["parameters"]
    text += (
        "The two budgets are two questions: kernels of the first layers cost many multiply-adds "
        "(large maps) and few parameters, so at equal parameters the reversed network computes "
        f"{cost / own['multiply-adds']:.1f} times as much as the growing one, and at equal "
        f"multiply-adds it has {weight / own['parameters']:.2f} times the parameters. The width of "
        "the last layer also sets what the dense layer can read, which is not separated here. "
    )
    return text + (
        f"{tuned(raw, list(arms), settings.learning_rates, 'network')}{len(settings.seeds)} "
        f"seeds, one task, {settings.recipe.steps:,} steps: a longer training or another task may "
        "order them otherwise."
    )


def draw(settings: Settings, raw: Raw, path: Path) -> None:
    """Accuracies of every arm, and its budgets."""
    arms = arms_of(settings)
    with style.sheet(path, 11.5, 3.9) as figure:
        style.headline(
            figure,
            "Growing, flat and reversed widths on equal budgets",
            "Dots are seeds, bars their mean; the line continues the mean of the growing widths. "
            "Right: log scales, the dotted lines are the two equal budgets.",
        )
        accuracy, budgets = figure.subplots(1, 2, width_ratios=[1.9, 1])
        accuracy.set_title("accuracy on test images")
        colours = dict(
            zip(arms, (style.TEST, style.TRAIN, style.TRAIN, "#7a5aa6", "#7a5aa6"), strict=True)
        )
        values = {a: [raw[f"{a} seed {s}"]["curve"][-1] for s in settings.seeds] for a in arms}
        accuracy.axhline(np.mean(values[GROWING]), color=style.TEST, lw=0.8, ls=":")
        for at, (name, dots) in enumerate(values.items()):
            accuracy.plot([at - 0.28, at + 0.28], [np.mean(dots)] * 2, color=style.INK, lw=1.5)
            accuracy.plot([at] * len(dots), dots, "o", color=colours[name], ms=5, alpha=0.75)
        labels = [
            f"{name.replace(', ', chr(10))}\n{'-'.join(map(str, widths))}"
            for name, widths in arms.items()
        ]
        accuracy.set_xticks(range(len(arms)), labels)
        accuracy.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=0))
        accuracy.grid(True, axis="y")
        accuracy.set_axisbelow(True)
        own = budget(settings.growing, settings.recipe.image)
        budgets.axvline(own["parameters"], color=style.MUTED, lw=0.8, ls=":")
        budgets.axhline(own["multiply-adds"], color=style.MUTED, lw=0.8, ls=":")
        for name, widths in arms.items():
            counts = budget(widths, settings.recipe.image)
            marker = "s" if name.endswith("parameters") else "o"
            budgets.plot(
                counts["parameters"], counts["multiply-adds"], marker, color=colours[name], ms=6
            )
            budgets.annotate(
                "-".join(map(str, widths)),
                (counts["parameters"], counts["multiply-adds"]),
                xytext=(5, 4), textcoords="offset points", fontsize=7.5,
            )  # fmt: skip
        budgets.set_title("budgets")
        budgets.set_xlabel("parameters")
        budgets.set_ylabel("multiply-adds an image")
        budgets.set_xscale("log")
        budgets.set_yscale("log")
        budgets.margins(0.25)


def experiment(settings: Settings) -> Experiment:
    return Experiment(
        id="wider-deeper",
        module="wider_deeper",
        settings=settings,
        history=(
            "Budget and learning rate were chosen for time, after two pilot runs of the plain "
            "8-16-32 network (seed 1000, which is used nowhere else); widths from the counts "
            "alone, and the rule of the conclusion, before any of these runs.",
            "A first measurement (2 epochs, seeds 0 to 4; "
            "results/claims/earlier/wider-deeper-2-epochs.json) ended while accuracies still rose "
            "steeply, with a spread too large to conclude from: growing 75.4 ± 7.0 %, flat 74.4 ± "
            "8.2 % and reversed 46.9 ± 22.5 % at equal parameters, flat 65.3 ± 9.6 % and reversed "
            "25.9 ± 10.4 % at equal multiply-adds. After seeing it, and for that reason, the "
            "training was made twice as long.",
            "A second measurement (4 epochs, seeds 5 to 9; "
            "results/claims/earlier/wider-deeper-one-rate.json) gave 91.1 ± 3.4 %, 84.9 ± 1.6 %, "
            "61.1 ± 28.1 %, 82.5 ± 2.0 % and 69.5 ± 7.9 %; one reversed network never left chance, "
            "a sign that the one learning rate (0.003) was too large for it. After seeing it, and "
            "for that reason, each shape got a learning rate of its own and a warm-up; it is "
            "measured here on seeds that were not used before, by the same rule, and was to stand "
            "whatever came out.",
        ),
        total=(1 + 2 * len(BUDGETS)) * (len(settings.learning_rates) + len(settings.seeds)),
        plan=plan,
        measure=measure,
        conclude=conclude,
        draw=draw,
    )


EXPERIMENT = experiment(Settings())

if __name__ == "__main__":
    sys.exit(main(EXPERIMENT))
