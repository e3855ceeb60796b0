"""The source of a program, lightly coloured, with the values that it was closed over."""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import keyword
import textwrap
import tokenize
from collections.abc import Iterator

from verify.dtypes import Function
from verify.report.markup import Markup, join, tag
from verify.report.words import t

_PLAIN = (bool, int, float, str, tuple, list, dict, type(None))  # values worth printing


def listing(f: Function, seen: set[str]) -> Markup:
    """The function's source and what it holds: plain values beside it, functions below it.

    seen: texts that were shown already; those are named only, and the new ones are added.
    """
    return join(_listings(f, seen, set()))


def _listings(f: Function, seen: set[str], above: set[int]) -> Iterator[Markup]:
    text, values, functions = source(f), *bindings(f)
    held = {**{k: repr(v) for k, v in values.items()}, **{k: name(g) for k, g in functions.items()}}
    where = ", ".join(f"{k} = {v}" for k, v in held.items())
    if text not in seen:
        yield tag("pre", tag("code", highlight(text)), tabindex=0)
    elif where or not above:
        yield tag("p", tag("code", name(f)), class_="note")
    seen.add(text)
    if where:
        yield tag("p", t("where"), " ", tag("code", where), class_="note")
    for g in functions.values():
        if id(g) not in above and _home(g) == _home(f):  # it may hold itself; JAX is not its own
            yield from _listings(g, seen, above | {id(f)})


def source(f: Function) -> str:
    """The text of a function, below `jax.jit` and `functools.partial`.

    >>> source(textwrap.dedent).startswith("def dedent")
    True
    >>> source(len)
    'len'
    """
    inner = _inner(f)
    try:
        return textwrap.dedent(inspect.getsource(getattr(inner, "__code__", inner))).rstrip()
    except (OSError, TypeError):
        return name(inner)


def name(f: Function) -> str:
    """What a function is called.

    >>> name(functools.partial(len))
    'len'
    """
    return getattr(_inner(f), "__name__", None) or repr(f)


def bindings(f: Function) -> tuple[dict[str, object], dict[str, Function]]:
    """The plain values that a partial or a closure holds, and the functions.

    >>> def scaled(by):
    ...     return lambda x: x * by
    >>> bindings(scaled(3)), bindings(functools.partial(int, base=2))
    (({'by': 3}, {}), ({'base': 2}, {}))
    """
    held: dict[str, object] = {}
    while isinstance(f, functools.partial):
        held = {**f.keywords, **held}
        f = f.func
    inner = _inner(f)
    if inspect.isfunction(inner):
        held = {**_closed_over(inner), **held}
    values: dict[str, object] = {k: v for k, v in held.items() if isinstance(v, _PLAIN)}
    functions: dict[str, Function] = {
        k: v for k, v in held.items() if callable(v) and not isinstance(v, type)
    }
    return values, functions


def _home(f: Function) -> str:
    """The package that a function is from."""
    return str(getattr(_inner(f), "__module__", "")).partition(".")[0]


def _closed_over(f: Function) -> dict[str, object]:
    held = {}
    for variable, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # a name that was never given a value
            held[variable] = cell.cell_contents
    return held


def highlight(text: str) -> Markup:
    """Python with its keywords, strings, numbers and comments in spans; other text as it is.

    >>> highlight("return 1")
    '<span class="k">return</span> <span class="n">1</span>'
    """
    try:
        pieces = list(_pieces(text))
    except (tokenize.TokenError, SyntaxError):
        return join(text)
    return join(
        piece if kind is None else tag("span", piece, class_=kind) for kind, piece in pieces
    )


def _inner(f: Function) -> Function:
    """The Python function below partials and compiled wrappers."""
    while not inspect.isfunction(f):
        if isinstance(f, functools.partial):
            f = f.func
        elif hasattr(f, "__wrapped__"):
            f = f.__wrapped__
        else:
            break
    return f


def _pieces(text: str) -> Iterator[tuple[str | None, str]]:
    """The text cut into (kind, piece), nothing lost."""
    starts = [0]
    for line in io.StringIO(text):
        starts.append(starts[-1] + len(line))
    done = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = _kind(token)
        if kind is None:
            continue
        begin = starts[token.start[0] - 1] + token.start[1]
        end = starts[token.end[0] - 1] + token.end[1]
        yield None, text[done:begin]
        yield kind, text[begin:end]
        done = end
    yield None, text[done:]


def _kind(token: tokenize.TokenInfo) -> str | None:
    if token.type == tokenize.NAME and keyword.iskeyword(token.string):
        return "k"
    return {tokenize.STRING: "s", tokenize.NUMBER: "n", tokenize.COMMENT: "c"}.get(token.type)
