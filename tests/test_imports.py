"""The structure of the code: no file imports itself by way of others.

Imports for annotations and those inside functions count too: a circle that is only broken while
Python runs is still one for the reader.
"""

import ast
import graphlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("verify", "cnnjax", "experiments", "benchmarks")


def modules(folder: Path) -> dict[str, Path]:
    found = {}
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(tree: ast.Module, known: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in known else node.module


def circles(imports: dict[str, set[str]]) -> list[set[str]]:
    """A group of modules that import each other one after the other, if there is one."""
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        return [set(error.args[1])]
    return []


def of(folder: Path) -> list[set[str]]:
    known = modules(folder)
    imports = {
        name: {other for other in imported(ast.parse(path.read_text()), known) if other in known}
        - {name}
        for name, path in known.items()
    }
    return circles(imports)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_imports_itself_by_way_of_others(package):
    assert of(ROOT / package) == []


def test_a_circle_is_seen(tmp_path):
    """In annotations and inside functions too."""
    package = tmp_path / "p"
    package.mkdir()
    (package / "a.py").write_text("from p.b import f\n")
    (package / "b.py").write_text("def f():\n    from p import c\n")
    (package / "c.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import p.a\n"
    )
    (package / "d.py").write_text("import p.a\n")
    assert of(package) == [{"p.a", "p.b", "p.c"}]


def hidden(folder: Path) -> list[str]:
    """Modules that their package has something else under the name of: `p.a` would not be it."""
    found = []
    for name in sorted(modules(folder)):
        package, _, last = name.rpartition(".")
        if not package or last == "__main__":
            continue
        try:
            importlib.import_module(name)
        except ImportError:  # needs an extra that is not installed
            continue
        seen = getattr(importlib.import_module(package), last)
        if not isinstance(seen, ModuleType) or seen.__name__ != name:
            found.append(name)
    return found


@pytest.mark.parametrize("package", ["verify", "cnnjax"])
def test_no_module_is_hidden_by_a_function_of_its_name(package):
    assert hidden(ROOT / package) == []


def test_a_hidden_module_is_seen(tmp_path, monkeypatch):
    package = tmp_path / "hiding"
    package.mkdir()
    (package / "__init__.py").write_text("from hiding.ask import ask\n")
    (package / "ask.py").write_text("def ask():\n    return 1\n")
    (package / "seen.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert hidden(package) == ["hiding.ask"]
