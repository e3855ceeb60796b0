"""The structure of the code: no file imports itself by way of others.

Imports for annotations and those inside functions count too: a circle that is only broken while
Python runs is still one for the reader.
"""

import ast
import graphlib
import importlib
import subprocess
import sys
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


def doors(folder: Path, into: str, *open_: str) -> list[str]:
    """Imports of a package by the files in a folder, but for those of the modules named."""
    known = modules(ROOT / into)
    return sorted(
        f"{path.relative_to(ROOT)}: {name}"
        for path in folder.rglob("*.py")
        for name in set(imported(ast.parse(path.read_text()), known))
        if name.split(".")[0] == into
        if not any(name == one or name.startswith(f"{one}.") for one in open_)
    )


def test_programs_import_nothing_else_of_verify():
    """But for the names of types, which import nothing."""
    assert doors(ROOT / "verify" / "programs", "verify", "verify.programs", "verify.dtypes") == []
    known = modules(ROOT / "verify")
    dtypes = imported(ast.parse(known["verify.dtypes"].read_text()), known)
    assert [name for name in dtypes if name.startswith("verify")] == []


def test_the_library_imports_nothing_of_verify_but_programs():
    assert doors(ROOT / "cnnjax", "verify", "verify.programs") == []


def test_a_door_is_seen():
    found = doors(ROOT / "verify" / "provers", "verify", "verify.provers", "verify.programs")
    assert "verify/provers/portfolio.py: verify.smt" in found


# Modules of `verify` that come with its programs: what a verdict is, and what it is written with.
PLAIN = {"verify", "verify.dtypes", "verify.found", "verify.shown", "verify.verdict"}

IMPORT_ALL = """
import importlib, pathlib, sys
root = pathlib.Path(sys.argv[1])
for path in sorted((root / "cnnjax").rglob("*.py")):
    parts = path.relative_to(root).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    if not name.endswith("__main__"):
        try:
            importlib.import_module(name)
        except ImportError:  # needs an extra that is not installed
            pass
import verify.programs
print(*[name for name in sys.modules if name.partition(".")[0] in ("verify", "z3")])
"""


def test_the_library_loads_no_prover():
    ran = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, str(ROOT)], capture_output=True, text=True, check=True
    )
    loaded = {name for name in ran.stdout.split() if not name.startswith("verify.programs")}
    assert loaded <= PLAIN
    assert "verify" in loaded


def test_verify_has_its_names_when_they_are_asked_for():
    """And the modules that `import verify` made attributes of it while it imported all of them."""
    asked = (
        "import sys, verify\n"
        "assert set(verify.__all__) <= set(dir(verify)) and 'verify.provers' not in sys.modules\n"
        "assert not hasattr(verify, 'nothing') and not hasattr(verify, 'no.thing')\n"
        "assert verify.smt.__name__ == 'verify.smt'\n"
        "assert all(callable(getattr(verify, name)) for name in verify.__all__)\n"
        "from verify import equivalent\n"
        "assert equivalent is verify.equivalent and 'verify.provers' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", asked], check=True)


# What JAX's programs are made of, which another JAX may call otherwise.
REPRESENTATION = {"eqns", "jaxpr", "invars", "outvars", "constvars", "source_info", "name_stack"}
# Who reads them all the same, and why.
READS = {"docs/explanation/tiny_prover.py": "a prover to be read on its own, without verify"}


def touches(tree: ast.Module) -> set[str]:
    """What a file says of JAX's representation: attributes of programs, also those asked for by
    name, and imports of what is not JAX's public door."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found |= {node.attr} & REPRESENTATION
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr"):
            asked = {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
            found |= asked & REPRESENTATION
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.startswith(("jax.extend", "jax._src"))}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {n for n in names if n.startswith(("jax.extend", "jax._src"))}
    return found


def test_jaxs_representation_of_programs_is_known_in_one_room():
    found = {
        str(path.relative_to(ROOT)): seen
        for package in (*PACKAGES, "docs")
        for path in (ROOT / package).rglob("*.py")
        if ROOT / "verify" / "programs" not in path.parents
        if (seen := touches(ast.parse(path.read_text())))
    }
    assert found.keys() == READS.keys(), found


def test_a_reader_of_its_own_is_seen():
    text = "from jax.extend import core\nimport jax._src.core\nx.jaxpr.eqns\nhasattr(x, 'invars')"
    seen = {"jax.extend.core", "jax._src.core", "jaxpr", "eqns", "invars"}
    assert touches(ast.parse(text)) == seen
    assert touches(ast.parse("equation.params['jaxpr'], shown.text")) == set()


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
