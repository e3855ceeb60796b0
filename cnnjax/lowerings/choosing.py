"""Which of the ways to compute a layer is taken when the caller names none.

What was measured on this machine (`tuned.py`) comes first. Else a layer's table says for each
platform which to try, and where each of them pays; first match wins. The platform is the one that a
program is traced for (`circumstances.py`; `platforms.py` traces layers for all that there are), and
the process's own where nobody has said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from cnnjax.lowerings import tuned
from cnnjax.lowerings.circumstances import not_now, note, platform

Pays = Callable[..., bool]  # whether a lowering is the faster one at these arguments


@dataclass(frozen=True)
class Lowering:
    """One way to compute a layer: the function, and whether it can take given arguments.

    `with_bias` takes a bias as its last argument, where that is more than adding it afterwards.
    """

    run: Callable[..., jax.Array]
    fits: Callable[..., bool]
    needs: str  # `fits` in words
    with_bias: Callable[..., jax.Array] | None = None


class Table(dict[str, Lowering]):
    """The lowerings of a layer by name, `lax` among them, which takes anything.

    `preferred`: for each platform the lowerings to try, best first, and where each of them pays;
    `lax` is what remains.
    """

    def __init__(
        self,
        lowerings: Mapping[str, Lowering],
        preferred: Mapping[str, Sequence[tuple[str, Pays]]],
    ) -> None:
        super().__init__(lowerings)
        self.preferred = preferred


def always(*_: Any) -> bool:
    return True


def choose(
    layer: str,
    table: Table,
    name: str | None,
    *arguments: Any,
    measured: bool = True,
) -> Callable[..., jax.Array]:
    """The function that computes ``layer`` at ``arguments``: `run` of what `chosen` gives.

    Errors: ValueError for a name that is none, or a lowering that cannot take the arguments.

    >>> import jax.numpy as jnp
    >>> from cnnjax.lowerings.registry import MAX_POOL
    >>> choose("max_pool", MAX_POOL, "lax").__name__
    'plain'
    >>> choose("max_pool", MAX_POOL, "fast")
    Traceback (most recent call last):
        ...
    ValueError: max_pool: lowering 'fast' is unknown; there are lax, argmax
    """
    return chosen(layer, table, name, *arguments, measured=measured).run


def chosen(
    layer: str,
    table: Table,
    name: str | None,
    *arguments: Any,
    measured: bool = True,
) -> Lowering:
    """The lowering that computes ``layer`` at ``arguments``: the named one, or else the one that
    was measured here (`cnnjax tune`; not asked for without ``measured``, or for another platform),
    or the shipped table's for the platform.

    Errors: as `choose`.
    """
    if name is None:
        note(layer, arguments)
        wanted = jax.default_backend() if (given := platform()) is None else given
        here = measured and (given is None or given in tuned.platforms())
        known = tuned.lookup(layer, arguments) if here else None
        first = () if known is None else ((known, always),)
        for candidate, pays in (*first, *table.preferred.get(wanted, ())):
            if candidate not in table or candidate in not_now():
                continue
            if table[candidate].fits(*arguments) and pays(*arguments):
                return table[candidate]
        return table["lax"]
    if name not in table:
        raise ValueError(f"{layer}: lowering {name!r} is unknown; there are {', '.join(table)}")
    if not table[name].fits(*arguments):
        raise ValueError(
            f"{layer}: lowering {name!r} needs {table[name].needs}; leave lowering out, or name "
            "another"
        )
    return table[name]
