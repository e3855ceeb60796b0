"""A layer by the lowering of the platform that its program is for, not of the process that traces.

`jax.jit(f).trace(...).lower(lowering_platforms=("cuda",))` and `jax.export` on a CPU make programs
for other machines. So a layer that names no lowering is traced once for each platform that would
take another one, and `lax.platform_dependent` keeps the right one when the program is lowered:

    platform_index -> cond(branches for "cpu", and for all others)

A compiled program holds one branch and no condition. What is plain everywhere is traced once.

JAX's programs hold both branches: `verify.programs.Reading` says for which platform one is read,
and under `registry.plain_only` there is no choice to see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import lax

from cnnjax.lowerings import tuned
from cnnjax.lowerings.choosing import Table, chosen
from cnnjax.lowerings.circumstances import lowered_for, platform

__all__ = ["Choice", "by_platform", "run"]

# What a layer asks `chosen`: its name, its table and the arguments.
Choice = tuple[str, Table, tuple[Any, ...]]


def by_platform(f: Callable[..., Any], *arrays: Any, choices: Sequence[Choice]) -> Any:
    """``f(*arrays)``, for each platform with the lowerings that it takes.

    ``choices`` are those that f makes, by `chosen`, without a name: where all of them are plain
    f is called as it is. It may call `run` for more.

    >>> import jax.numpy as jnp
    >>> from cnnjax.lowerings.registry import SPREAD, choose
    >>> def f(b): return choose("spread", SPREAD, None, b, (2, 3))(b, (2, 3))
    >>> like = jax.ShapeDtypeStruct((3,), jnp.float32)
    >>> def ours(b): return by_platform(f, b, choices=[("spread", SPREAD, (b, (2, 3)))])
    >>> text = str(jax.make_jaxpr(ours)(like))
    >>> text.count("platform_index"), text.count("cond[")
    (1, 1)
    """
    if platform() is not None:
        return f(*arrays)

    def on(name: str) -> Callable[..., Any]:
        def branch(*arrays: Any) -> Any:
            with lowered_for(name):
                return f(*arrays)

        return branch

    def plain(name: str) -> bool:
        with lowered_for(name):
            return all(
                chosen(layer, table, None, *given) is table["lax"]
                for layer, table, given in choices
            )

    own = tuned.platforms()
    branches = {} if plain("cpu") else {"cpu": on("cpu")}
    if "cpu" not in own and not plain(own[0]):
        branches |= dict.fromkeys(own, on(own[0]))
    if not branches:
        return f(*arrays)
    return lax.platform_dependent(*arrays, **branches, default=on(""))


def run(layer: str, table: Table, name: str | None, *arguments: Any) -> jax.Array:
    """``layer`` at ``arguments``: by the lowering of this name, or by that of each platform.

    Arrays come first among the arguments. Errors: as `choose`.

    >>> import jax.numpy as jnp
    >>> from cnnjax.lowerings.registry import MEANS
    >>> run("means", MEANS, None, jnp.asarray([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [2.0, 3.0]
    """
    if name is not None:
        return chosen(layer, table, name, *arguments).run(*arguments)
    arrays = [a for a in arguments if hasattr(a, "shape")]
    rest = arguments[len(arrays) :]

    def call(*arrays: Any) -> jax.Array:
        given = *arrays, *rest
        return chosen(layer, table, None, *given).run(*given)

    return by_platform(call, *arrays, choices=[(layer, table, arguments)])
