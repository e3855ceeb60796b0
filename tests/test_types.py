"""The types of the verifier: that they say something, and that nobody asks around them.

mypy finds what is wrong only where annotations are not `Any`. What an algebra may offer is declared
(`verify/algebras/offers.py`), so that nothing asks by a name that nobody knows; a mark that a value
may have is a field with a default.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

VERIFY = Path(__file__).parents[1] / "verify"

# Aliases included: what JAX says nothing of (`Param`), what z3 has no types for (`Term`), JSON.
MOST = 30

# Where algebras, their values and what rules make of them are at home.
DECLARED = ("algebras", "branches", "interpretation", "primitives", "smt")
ALONE = ("evaluate.py", "known_bits.py")


def annotated_as_any(tree: ast.Module) -> Iterator[ast.Name]:
    """Every `Any` that is used, in annotations, aliases and casts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "Any":
            yield node


def probes(tree: ast.Module) -> Iterator[ast.Call]:
    """Questions whether something has an attribute: `hasattr`, and `getattr` with a default."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            default = len(node.args) > 2 and node.func.id == "getattr"
            if default or node.func.id == "hasattr":
                yield node


def test_few_annotations_say_nothing():
    counts = {
        str(path.relative_to(VERIFY)): sum(1 for _ in annotated_as_any(ast.parse(path.read_text())))
        for path in VERIFY.rglob("*.py")
    }
    named = {path: n for path, n in counts.items() if n}
    assert sum(named.values()) <= MOST, named


def files() -> list[Path]:
    found = [path for name in DECLARED for path in (VERIFY / name).rglob("*.py")]
    return sorted([*found, *(VERIFY / name for name in ALONE)])


def test_what_an_algebra_offers_is_declared():
    asked = {
        str(path.relative_to(VERIFY)): [ast.unparse(call) for call in found]
        for path in files()
        if (found := list(probes(ast.parse(path.read_text()))))
    }
    assert asked == {}


def test_any_and_probes_are_seen():
    text = "def f(x: 'list[int]', y: Any = None) -> dict[str, Any]: return getattr(x, 'a', y)"
    tree = ast.parse(text + "\nhasattr(f, 'x'); getattr(f, 'x')")
    assert len(list(annotated_as_any(tree))) == 2
    assert [ast.unparse(call) for call in probes(tree)] == [
        "hasattr(f, 'x')",
        "getattr(x, 'a', y)",
    ]
