"""Why a counterexample is one, in a sentence: what the differing element is made of on each side.

With few non-zero inputs the element's value splits into contributions of products of them, found by
switching inputs off (inclusion and exclusion over subsets): "left: 2 * x[0, 3, 3, 0] * w[1, 1];
right: nothing".
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from verify.algebras.base import Unsupported
from verify.counterexample.confirm import Inputs, Witness, values
from verify.programs import Program

_MOST = 5  # non-zero elements: 2**5 evaluations a side


def explain(
    left: Program,
    right: Program,
    witness: Witness,
    names: Sequence[str],
    sides: tuple[str, str] = ("left", "right"),
) -> str:
    """One sentence; empty if there is nothing better to say than the values themselves. `names`: of
    the inputs; `sides`: what the two programs are called."""
    if witness.cause and np.isfinite(witness.left) and np.isfinite(witness.right):
        return f"what is compared is not a number: {witness.cause}"
    if witness.cause:
        number = int(np.isfinite(witness.left))
        side, value = sides[number], (witness.left, witness.right)[number]
        what = "not a number" if np.isnan(value) else "infinite"
        return f"{side} is {what}: {witness.cause}"
    places = [
        (number, tuple(int(i) for i in index))
        for number, array in enumerate(witness.inputs)
        for index in np.argwhere(array)
    ]
    if len(places) > _MOST:
        return f"{len(places)} non-zero input elements are needed"
    found = []
    for program in (left, right):
        try:
            found.append(_terms(program, witness, places, names))
        except Unsupported:
            return ""
    one, two = found
    if one == two:
        return ""
    return f"{sides[0]}: {_join(one, two)}; {sides[1]}: {_join(two, one)}"


def _terms(
    program: Program,
    witness: Witness,
    places: list[tuple[int, tuple[int, ...]]],
    names: Sequence[str],
) -> list[str]:
    """The contributions to the differing element: its value as a sum over subsets of inputs. Where
    it has no value without some of them, or an infinite one, all of them together."""
    called = [
        f"{names[number]}[{', '.join(map(str, index))}]" if index else names[number]
        for number, index in places
    ]
    parts: dict[tuple[int, ...], float] = {}
    for size in range(len(places) + 1):
        for subset in itertools.combinations(range(len(places)), size):
            value = _without(program, witness, [places[k] for k in subset])
            if not np.isfinite(value):
                whole = _without(program, witness, places)
                return [f"{whole:.9g} from {' and '.join(called)}{' together' * (len(called) > 1)}"]
            smaller = sum(v for key, v in parts.items() if set(key) < set(subset))
            parts[subset] = value - smaller
    terms = []
    for subset, amount in parts.items():
        if abs(amount) <= 1e-12 * max(1.0, *(abs(v) for v in parts.values())):
            continue
        factors = " * ".join(called[k] for k in subset)
        terms.append(f"{amount:.9g}" + (f" from {factors}" if factors else ""))
    return terms


def _without(
    program: Program, witness: Witness, places: list[tuple[int, tuple[int, ...]]]
) -> float:
    """The differing element's value with all other inputs switched off."""
    inputs: Inputs = [np.zeros_like(x) for x in witness.inputs]
    for number, index in places:
        inputs[number][index] = witness.inputs[number][index]
    return values(program, inputs)[witness.output].value[witness.index].item()


def _join(terms: list[str], other: list[str]) -> str:
    own = [t for t in terms if t not in other]
    if not terms:
        return "nothing"
    if not own:
        return "only " + " + ".join(terms)
    return " + ".join(own) + (" (beside common terms)" if len(own) < len(terms) else "")
