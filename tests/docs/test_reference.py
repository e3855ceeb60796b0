"""The reference has every public function and class."""

import importlib
import re
from types import ModuleType

import pytest

from tests.docs.pages import DOCS

TEXT = "\n".join(path.read_text("utf-8") for path in (DOCS / "reference").glob("*.md"))
NAMED = set(re.findall(r"^::: (\S+)$", TEXT, re.MULTILINE))
PUBLIC = [
    *("verify", "cnnjax", "cnnjax.models", "cnnjax.data", "cnnjax.train", "cnnjax.train.augment"),
    *("cnnjax.train.callbacks", "cnnjax.convert", "cnnjax.checkpoint", "cnnjax.summary"),
    *("cnnjax.tiling", "cnnjax.export", "cnnjax.pictures"),
]
# What a module hands on for the library's own use, or what is no function or class.
NOT_SHOWN = {
    "cnnjax.checkpoint": {
        *("atomic", "flatten", "read", "understood", "unflatten", "write", "write_json"),
    },
    "cnnjax.models": {"Params"},
}


@pytest.mark.parametrize("module", PUBLIC)
def test_the_reference_has_every_public_name(module):
    names = set(importlib.import_module(module).__all__) - NOT_SHOWN.get(module, set())
    assert names
    missing = [name for name in names if not has(importlib.import_module(module), name)]
    assert missing == []


def has(module, name):
    """Whether it is shown, alone or with the module that defines it."""
    value = getattr(module, name)
    if isinstance(value, ModuleType):
        return any(n == value.__name__ or n.startswith(value.__name__ + ".") for n in NAMED)
    if not hasattr(value, "__module__") or not hasattr(value, "__name__"):
        return module.__name__ in NAMED or name.isupper()  # a constant
    home = value.__module__
    places = {home, f"{home}.{value.__name__}", module.__name__, f"{module.__name__}.{name}"}
    return not places.isdisjoint(NAMED)
