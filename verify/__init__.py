"""verify: proves that two JAX programs are the same function, or shows where they differ.

The names below are imported when they are first asked for (PEP 562), and with them all that proves:
who reads programs only (`verify.programs`, as `cnnjax` does) has nothing else.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING

from verify import verdict  # a verdict is plain data; one from a file is drawn in notebooks, too

if TYPE_CHECKING:
    from verify.assertions import assert_derivatives, assert_equivalent, assert_faithful
    from verify.checks.dependence import dependence
    from verify.checks.derivatives import derivatives
    from verify.checks.faithful import faithful
    from verify.equivalence import equivalent
    from verify.found import Counterexample
    from verify.verdict import Rounding, Verdict, rounding

__all__ = [
    "Counterexample",
    "Rounding",
    "Verdict",
    "assert_derivatives",
    "assert_equivalent",
    "assert_faithful",
    "dependence",
    "derivatives",
    "equivalent",
    "faithful",
    "rounding",
]

_HOMES = {
    "Counterexample": "found",
    "Rounding": "verdict",
    "Verdict": "verdict",
    "assert_derivatives": "assertions",
    "assert_equivalent": "assertions",
    "assert_faithful": "assertions",
    "dependence": "checks.dependence",
    "derivatives": "checks.derivatives",
    "equivalent": "equivalence",
    "faithful": "checks.faithful",
    "rounding": "verdict",
}


if not TYPE_CHECKING:  # a checker would take every name for this function's

    def __getattr__(name: str) -> object:
        if home := _HOMES.get(name):
            globals()[name] = getattr(importlib.import_module(f"{__name__}.{home}"), name)
            return globals()[name]
        # What `import verify` alone made an attribute of it, while it imported everything.
        own = name.isidentifier() and not name.startswith("_")
        if own and importlib.util.find_spec(f"{__name__}.{name}"):
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _drawing(found: "Verdict") -> str:
    from verify.report import notebook  # only where somebody looks

    return notebook.html(found)


verdict.drawing = _drawing
