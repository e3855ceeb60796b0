"""The catalogue of primitives: its rows, and that nothing else lists what they say.

What JAX itself says of the facts is asked in `test_catalogue_by_jax.py`, and what is made of them
in `test_catalogue_in_use.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest

import verify
from tests.verify.registered import JAX
from verify.primitives import RULES
from verify.primitives.registry import elementwise
from verify.programs.catalogue import ROWS, Fact, Origin, having

NAMES = frozenset(one.name for one in ROWS)


# -- rows -----------------------------------------------------------------------------------------


def test_there_is_one_row_a_primitive():
    assert len(NAMES) == len(ROWS)


@pytest.mark.skipif(not jax.__version__.startswith("0.10."), reason="rows name what JAX 0.10 has")
def test_rows_are_of_primitives_that_jax_has_or_say_where_they_are_from():
    unknown = {one.name for one in ROWS} - set(JAX)
    assert unknown == {one.name for one in ROWS if one.origin is not Origin.JAX}


def test_what_has_a_rule_has_a_row():
    assert not set(RULES) - NAMES


def test_rules_that_spread_their_operands_are_those_of_elementwise_primitives():
    spread = {n for n, f in RULES.items() if f.__qualname__.startswith("elementwise.")}
    assert spread == having(Fact.ELEMENTWISE, but=Fact.MOVES)


def test_facts_that_follow_from_others():
    both = Fact.POSITIVE | Fact.NOT_NEGATIVE
    for one in ROWS:
        facts = one.facts
        assert not (one.linear_in and facts & (Fact.LINEAR | Fact.BILINEAR)), one
        assert not (Fact.LINEAR in facts and Fact.BILINEAR in facts), one
        assert not (Fact.ODD in facts and facts & (Fact.EVEN | both)), one
        assert facts & both != both, one
        assert Fact.MOVES in facts or not facts & (Fact.SEVERAL | Fact.DROPS), one
        assert Fact.BODY in facts or not facts & (Fact.LOOP | Fact.BRANCHES), one
        if Fact.MOVES in facts:
            assert Fact.EXACT in facts, one
            assert Fact.LINEAR in facts or 0 in one.linear_in, one
        if Fact.EXACT in facts:
            assert not facts & (Fact.ADDS | Fact.EXPONENTIAL | Fact.LOGARITHM | Fact.ROOT), one


# -- one place ------------------------------------------------------------------------------------

# Literal collections with three names of primitives or more, and why they are no lists of facts.
_IMPLEMENTS = "a table from a name to what is done for it"
_REGISTERS = "the names that a rule is registered for"
_DOMAIN = "operations and functions of domains, some of which have a primitive's name"
_ALLOWED: dict[str, tuple[int, str]] = {
    "verify/algebras/bit_functions.py": (1, _IMPLEMENTS),
    "verify/algebras/bits.py": (3, _IMPLEMENTS),
    "verify/algebras/booleans.py": (1, "operations that booleans have not"),
    "verify/algebras/complex.py": (1, _IMPLEMENTS),
    "verify/algebras/field/comparisons.py": (3, "orders that other orders express"),
    "verify/algebras/field/functions.py": (2, "what a proof says of a function's domain"),
    "verify/algebras/field/integers.py": (3, _IMPLEMENTS),
    "verify/algebras/field/laws/angles.py": (1, "the functions of a law"),
    "verify/algebras/field/laws/turns.py": (1, "the functions of a law"),
    "verify/algebras/field/tracking.py": (1, _DOMAIN),
    "verify/algebras/guarded/order.py": (1, "orders that other orders express"),
    "verify/algebras/healing.py": (3, _IMPLEMENTS),
    "verify/algebras/linear.py": (1, _IMPLEMENTS),
    "verify/algebras/numeric_function.py": (2, _IMPLEMENTS),
    "verify/algebras/numeric_integers.py": (1, _IMPLEMENTS),
    "verify/algebras/numeric_order.py": (1, _IMPLEMENTS),
    "verify/algebras/numeric_special.py": (1, _IMPLEMENTS),
    "verify/algebras/rounded_function.py": (1, _IMPLEMENTS),
    "verify/algebras/wary.py": (2, "where functions have no value, or none that float64 holds"),
    "verify/counterexample/edges.py": (1, _IMPLEMENTS),
    "verify/counterexample/positive.py": (1, _IMPLEMENTS),
    "verify/counterexample/slopes.py": (1, _IMPLEMENTS),
    "verify/counterexample/partial.py": (2, "functions that overflow; complex ones with a cut"),
    "verify/evaluate.py": (3, "what is quick by rules, and exact by JAX: not what it means"),
    "verify/provers/question.py": (1, "results of few values: a guess that one room makes"),
    "verify/trust/dangers.py": (1, "what XLA does not fail at, though there is no rule"),
    "verify/trust/kinds.py": (3, _IMPLEMENTS),
    "verify/trust/reference.py": (1, "operations of StableHLO, not of JAX"),
    "verify/trust/results.py": (1, "what the reference interpreter does not know"),
    "verify/programs/contents/forms.py": (1, _IMPLEMENTS),
    "verify/programs/reader.py": (2, "JAX's own representation: parameters by name"),
    "verify/programs/rules.py": (1, "JAX's own representation: parameters by name"),
    "verify/preconditions/reading.py": (3, _IMPLEMENTS),
    "verify/constants/assigned.py": (1, _IMPLEMENTS),
    "verify/constants/terms.py": (1, _DOMAIN),
    "verify/branches/branch.py": (1, _DOMAIN),
    "verify/branches/formula.py": (1, _DOMAIN),
    "verify/branches/steps.py": (2, _DOMAIN),
    "verify/primitives/arithmetic.py": (2, _REGISTERS),
    "verify/primitives/folding.py": (1, _REGISTERS),
    "verify/primitives/functions.py": (3, _REGISTERS),
    "verify/primitives/integers.py": (1, _REGISTERS),
    "verify/primitives/monoids.py": (1, _IMPLEMENTS),
}
_ROOT = Path(verify.__file__).parents[1]


def _collections(text: str) -> Iterator[tuple[int, set[str]]]:
    """(line, names) of the literal collections of a file, and of strings that are lists."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Set | ast.List | ast.Tuple | ast.Dict):
            items = node.keys if isinstance(node, ast.Dict) else node.elts
            words = [i.value for i in items if isinstance(i, ast.Constant)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = list(node.value.split())
        else:
            continue
        names = {word for word in words if isinstance(word, str)} & (NAMES | set(JAX))
        prose = isinstance(node, ast.Constant) and 2 * len(names) < len(words)
        if len(names) >= 3 and not prose:
            yield node.lineno, names


def test_lists_of_primitives_are_seen():
    text = 'A = ("add", "sub")\nB = {"add": 1, "sub": 2, "mul": 3}\nC = """\nadd sub mul\n"""\n'
    assert [line for line, _ in _collections(text)] == [2, 3]


def test_what_primitives_are_is_said_in_the_catalogue_only():
    """A new list of names belongs there, as a fact; a table of implementations, to the allowed."""
    for path in sorted((_ROOT / "verify").rglob("*.py")):
        name = path.relative_to(_ROOT).as_posix()
        if name.startswith("verify/programs/catalogue/"):
            continue
        found = list(_collections(path.read_text()))
        allowed, _ = _ALLOWED.get(name, (0, ""))
        assert len(found) <= allowed, f"{name}: ask the catalogue; {allowed} are allowed, {found}"


def test_a_rule_that_spreads_operands_needs_a_row_that_says_elementwise():
    with pytest.raises(ValueError, match="the catalogue does not say it of"):
        elementwise("no_such_primitive", "add_any")(lambda ctx, x: x)
