"""Type checkers and editors see the signatures: both packages say that they are typed, in the wheel
too, and nothing public lacks an annotation."""

import inspect
import tomllib
from pathlib import Path

import pytest

import cnnjax
import verify

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("package", [cnnjax, verify], ids=lambda package: package.__name__)
def test_a_package_says_that_it_is_typed(package):
    name = package.__name__
    assert (ROOT / name / "py.typed").exists()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "py.typed" in project["tool"]["setuptools"]["package-data"][name]


@pytest.mark.parametrize("name", verify.__all__)
def test_everything_public_is_annotated(name):
    found = getattr(verify, name)
    signature = inspect.signature(inspect.unwrap(found))
    parameters = signature.parameters.values()
    assert all(p.annotation is not p.empty for p in parameters), signature
    assert inspect.isclass(found) or signature.return_annotation is not signature.empty
