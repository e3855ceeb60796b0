"""Refutations as verdicts: of programs whose outputs have different structures, and by inputs."""

from __future__ import annotations

import jax
import numpy as np

from verify.counterexample import Comparison, Witness, explain
from verify.counterexample.held import own
from verify.dtypes import PyTree, is_array
from verify.found import Counterexample
from verify.limits import budget
from verify.programs import GENERATORS, Program
from verify.verdict import Verdict


def structure(left: Program, right: Program, examples: PyTree, names: list[str]) -> Verdict | None:
    """A refutation if the outputs differ in tree, shape or dtype. `names`: of the input arrays."""
    if left.out_tree != right.out_tree:
        one, two = str(left.out_tree), str(right.out_tree)
        return _structural(examples, names, one, two, "the outputs have different structures")
    for number, (a, b) in enumerate(zip(left.outputs, right.outputs, strict=True)):
        if a.shape != b.shape or a.dtype != b.dtype:
            what = "shapes" if a.shape != b.shape else "dtypes"
            one, two = (f"{v.dtype}{list(v.shape)}" for v in (a, b))
            return _structural(examples, names, one, two, f"output {number}: the {what} differ")
    return None


def by_witness(
    comparison: Comparison, witness: Witness, examples: PyTree, names: list[str], method: str
) -> Verdict:
    """A difference that JAX has confirmed, with its explanation."""
    leaves = own(comparison.left.inputs, witness.inputs)
    example = Counterexample(
        jax.tree.unflatten(jax.tree.structure(examples), leaves),
        witness.left,
        witness.right,
        (witness.output, witness.index),
        _explained(comparison, witness, names),
        tuple(names),
        comparison.sides(witness),
        programs=(comparison.left, comparison.right),
    )
    return Verdict("refuted", method=method, counterexample=example)


def _structural(examples: PyTree, names: list[str], left: str, right: str, why: str) -> Verdict:
    zeros = jax.tree.map(_zeros, examples)
    text = f"{why}: left {left}, right {right}"
    return Verdict(
        "refuted",
        method="abstract evaluation",
        counterexample=Counterexample(zeros, left, right, None, text, tuple(names)),
    )


def _zeros(example: object) -> np.ndarray:
    """An input of the example's own type; of keys, their words."""
    if not is_array(example):
        array = np.asarray(example)
        return np.zeros(array.shape, array.dtype)
    if isinstance(example.dtype, np.dtype):
        return np.zeros(example.shape, example.dtype)
    _, words = GENERATORS[str(example.dtype)]
    return np.zeros((*example.shape, words), np.uint32)


def _explained(comparison: Comparison, witness: Witness, names: list[str]) -> str:
    try:
        sides = comparison.sides(witness)
        return explain(comparison.left, comparison.right, witness, names, sides)
    except budget.OutOfTime:
        return "the seconds were over before this was explained"
