"""One learning rate does not suit all widths: each arm gets the best of the same few.

A tuning run is named "tune ARM RATE" and has a seed and images of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from experiments.claims.record import Arm, Raw


def tuning_runs(
    arms: Iterable[tuple[str, Arm]], rates: Sequence[float], seed: int
) -> Iterator[tuple[str, Arm]]:
    """A run for each of the (name, arm) and each rate.

    >>> list(tuning_runs([("a", {"width": 2})], (0.1,), seed=7))
    [('tune a 0.1', {'width': 2, 'learning_rate': 0.1, 'seed': 7})]
    """
    for name, arm in arms:
        for rate in rates:
            yield f"tune {name} {rate:g}", {**arm, "learning_rate": rate, "seed": seed}


def best_rate(raw: Raw, name: str, rates: Sequence[float]) -> float:
    """The rate whose tuning run ended with the highest accuracy.

    >>> best_rate({"tune a 0.1": {"curve": [0.2]}, "tune a 1": {"curve": [0.9]}}, "a", (0.1, 1.0))
    1.0
    """
    return max(rates, key=lambda rate: raw[f"tune {name} {rate:g}"]["curve"][-1])


def tuned(raw: Raw, names: Sequence[str], rates: Sequence[float], words: str) -> str:
    """A sentence on how the rates were chosen; it names the arms with a rate at the grid's edge."""
    edge = [name for name in names if best_rate(raw, name, rates) in (min(rates), max(rates))]
    text = (
        f"Each {words} was trained at the best of {len(rates)} learning rates "
        f"({min(rates):g} to {max(rates):g}), tuned with one seed and images of its own"
    )
    if not edge:
        return text + ". "
    where = "all" if len(edge) == len(names) else ", ".join(f'"{name}"' for name in edge)
    return text + f" (the best lies at the edge of these for {where}). "
