"""What is said of the project in several files is the same in all of them."""

import re
import tomllib

import cnnjax
from tests.docs.pages import ROOT
from tests.docs.test_links import HOME

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def first(pattern, name):
    return re.search(pattern, (ROOT / name).read_text("utf-8"), re.MULTILINE)[1]


def test_there_is_one_version():
    version = PROJECT["version"]
    assert cnnjax.__version__ == version
    assert first(r"^version: (.*)$", "CITATION.cff") == version
    assert first(r"^## (\S+?),", "CHANGELOG.md") == version


def test_there_is_one_address():
    addresses = [
        *PROJECT["urls"].values(),
        first(r"^repo_url: (.*)$", "mkdocs.yml"),
        first(r"^site_url: (.*)$", "mkdocs.yml"),
        first(r"^repository-code: (.*)$", "CITATION.cff"),
    ]
    assert [address for address in addresses if not address.startswith(HOME)] == []


def test_there_is_one_licence():
    assert first(r"^license: (.*)$", "CITATION.cff") == PROJECT["license"]
    assert first(r"^(\w+) License$", "LICENSE") == PROJECT["license"]
