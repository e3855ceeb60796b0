"""Every rule means what JAX means by its primitive, over its whole parameter space."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.verify.conformance import GENERATORS
from tests.verify.conformance.planted import PLANTED
from tests.verify.conformance.run import tally
from tests.verify.conformance.xla_faults import FAULTS
from verify.algebras.field import Field
from verify.interpretation.cuts import CUT
from verify.primitives import RULES

EQUATIONS, SETS = 10, 20  # 200 draws a primitive
NAMES = sorted(RULES.keys() - {CUT})  # an equation of verify's own, and no primitive of JAX
GROUPS = [NAMES[start::12] for start in range(12)]

# Primitives of other versions of JAX than 0.10.2, or that its CPU backend does not compile.
NOT_HERE = frozenset(
    (
        *("all_gather_invariant", "copy_p", "expand_dims", "layout_constraint", "log2"),
        *("mesh_cast", "one_minus_square", "pbroadcast", "pcast", "polynomial", "preduced"),
        *("psum2", "random_gamma_grad", "reshard"),
    )
)


def test_every_rule_has_a_generator() -> None:
    assert sorted(GENERATORS) == NAMES


@pytest.mark.parametrize("group", range(len(GROUPS)))
def test_rules_mean_what_jax_means(group: int) -> None:
    for found in tally(GROUPS[group], seed=0, equations=EQUATIONS, sets=SETS):
        assert not found.disagreements, "\n\n".join(found.disagreements[:3])
        if found.name not in NOT_HERE:
            assert not found.absent, (
                f"{found.name}: not exported by JAX? See `_HIDDEN`, proposals.py"
            )
            assert found.draws, f"{found.name}: JAX accepts no proposal"


def test_faults_have_reasons() -> None:
    assert all(len(fault.reason) > 20 for fault in FAULTS.values())


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_noticed(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, plant = PLANTED[bug]
    monkeypatch.setitem(RULES, name, plant(RULES[name]))
    (found,) = tally([name], seed=0, equations=30, sets=2)
    assert found.disagreements


_IN_THE_FIELD: dict[str, tuple[str, str, Callable[..., Any]]] = {
    "a sign lost": ("sub", "neg", lambda true: lambda self, a: a),
    "elements copied from the wrong end": (
        "rev",
        "pick",
        lambda true: lambda self, xs, index: true(self, xs, np.flip(index, -1)),
    ),
    "a sum for a product": (
        "mul",
        "mul",
        lambda true: lambda self, a, b: self.add(a, b),
    ),
    "a sum of squares": (
        "reduce_sum",
        "sum",
        lambda true: lambda self, x: true(self, self.mul(x, x)),
    ),
}


@pytest.mark.parametrize("bug", _IN_THE_FIELD)
def test_a_bug_planted_in_the_residues_is_noticed(bug: str, monkeypatch: Any) -> None:
    name, method, plant = _IN_THE_FIELD[bug]
    monkeypatch.setattr(Field, method, plant(getattr(Field, method)))
    (found,) = tally([name], seed=0, equations=30, sets=2)
    assert any("residues" in text for text in found.disagreements)
