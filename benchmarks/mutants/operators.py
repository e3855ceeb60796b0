"""Small faults in Python source: one changed operator, constant, argument or statement each.

The operators are those of mutation testing for imperative languages (King and Offutt, "A Fortran
language system for mutation-based software testing", 1991): relational, arithmetic and logical
operators replaced, constants moved, conditions negated, statements deleted, and for Python also a
keyword dropped and two arguments exchanged.

Only code inside functions is changed. Docstrings, annotations and what is raised stay as they are:
no test asks for the wording of a message.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

_COMPARE = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In},
    **{ast.Is: ast.IsNot, ast.IsNot: ast.Is},
}
_BINARY = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.BitAnd: ast.BitOr},
    **{ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift},
    **{ast.Mod: ast.FloorDiv, ast.FloorDiv: ast.Mod, ast.BitXor: ast.BitOr},
}


_OPPOSITE = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)


@dataclass(frozen=True)
class Mutant:
    """A fault: where it is, and what it is. `tree` gives the module with it."""

    path: str
    line: int
    what: str
    source: str
    place: int
    choice: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"

    def tree(self) -> ast.Module:
        """The module with the fault."""
        tree = ast.parse(self.source)
        _changes(list(_places(tree))[self.place])[self.choice]()
        return ast.fix_missing_locations(tree)


def mutants(path: str, source: str) -> list[Mutant]:
    """All mutants of a module, one node after the other.

    >>> text = "def f(a, b):\\n    return a + b if a < b else g(a, b)\\n"
    >>> [mutant.what for mutant in mutants("m.py", text)]
    ['not a < b', 'a < b to a <= b', 'a + b to a - b', 'g(a, b) to g(b, a)']
    """
    found = []
    for place, node in enumerate(_places(ast.parse(source))):
        line = getattr(node, "lineno", 0)
        for choice in range(len(_changes(node))):
            what = _changes(copy.deepcopy(node))[choice]()
            found.append(Mutant(path, line, what, source, place, choice))
    return found


def _places(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes inside function bodies that may be changed, breadth first in a fixed order."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for statement in node.body:
                yield from _inside(statement)


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.FunctionDef | ast.Raise | ast.Assert | ast.JoinedStr):
        return  # a function of its own is visited by itself
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_comment"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _inside(child)


Change = Callable[[], str]  # makes the change in place and says what it is


def _changes(node: ast.AST) -> list[Change]:
    """What can be changed at a node, each as a function to call once."""
    found: list[Change] = []
    match node:
        case ast.Compare(ops=ops) if len(ops) == 1 and type(ops[0]) in _COMPARE:
            found.append(lambda: _set(node, "ops", [_COMPARE[type(ops[0])]()]))
        case ast.BinOp(op=op) if type(op) in _BINARY and not _text(node):
            found.append(lambda: _set(node, "op", _BINARY[type(op)]()))
        case ast.BoolOp(op=op):
            other = ast.Or() if isinstance(op, ast.And) else ast.And()
            found.append(lambda: _set(node, "op", other))
            found += [partial(_without, node, i) for i in range(len(node.values))]
        case ast.UnaryOp(op=ast.USub() | ast.Invert()):
            found.append(lambda: _set(node, "op", ast.UAdd()))
        case ast.UnaryOp(op=ast.Not()):
            found.append(lambda: _doubled(node))
        case ast.Constant(value=bool()):
            found.append(lambda: _set(node, "value", not node.value))
        case ast.Constant(value=int()):
            found.append(lambda: _set(node, "value", node.value + 1))
        case ast.Constant(value=float()):
            found.append(lambda: _set(node, "value", 2 * node.value + 1))
        case ast.If(test=test) | ast.IfExp(test=test):
            # The comparison alone is a place of its own, with these two opposites.
            known = isinstance(test, ast.Compare) and type(test.ops[0]) in _OPPOSITE
            if not known and not isinstance(test, ast.UnaryOp):
                found.append(lambda: _negated(node))
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            found.append(lambda: _deleted(node))
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            found.append(lambda: _deleted(node))
        case ast.Call(args=args, keywords=keywords):
            if len(args) == 2 and not any(isinstance(a, ast.Starred) for a in args):
                found.append(lambda: _set(node, "args", args[::-1]))
            # `strict` only raises where the writer was wrong about two lengths.
            named = [i for i, k in enumerate(keywords) if k.arg not in (None, "strict")]
            found += [partial(_dropped, node, i) for i in named]
    return found


def _text(node: ast.BinOp) -> bool:
    """Whether it joins strings, or types."""
    parts = (node.left, node.right)
    if any(isinstance(p, ast.Constant) and isinstance(p.value, str | type(None)) for p in parts):
        return True
    return any(isinstance(p, ast.JoinedStr) for p in parts)


def _set(node: ast.AST, field: str, value: object) -> str:
    before = ast.unparse(node)
    setattr(node, field, value)
    return f"{before} to {ast.unparse(node)}"


def _without(node: ast.BoolOp, i: int) -> str:
    dropped = ast.unparse(node.values[i])
    neutral = ast.Constant(isinstance(node.op, ast.And))
    node.values[i] = neutral
    return f"without {dropped}"


def _doubled(node: ast.UnaryOp) -> str:
    node.operand = ast.UnaryOp(ast.Not(), node.operand)
    return ast.unparse(node)


def _negated(node: ast.If | ast.IfExp) -> str:
    node.test = ast.UnaryOp(ast.Not(), node.test)
    return ast.unparse(node.test)


def _deleted(node: ast.stmt) -> str:
    """The statement becomes `pass`, in place: its fields are those of an empty condition."""
    what = f"deleted: {ast.unparse(node)}"
    lines = {name: getattr(node, name) for name in node._attributes}
    replaced = ast.Expr(ast.Constant(None))
    node.__class__ = ast.Expr  # type: ignore[assignment]
    for name in list(vars(node)):
        delattr(node, name)
    node.value = replaced.value  # type: ignore[attr-defined]
    for name, value in lines.items():
        setattr(node, name, value)
    return what


def _dropped(node: ast.Call, i: int) -> str:
    dropped = node.keywords.pop(i)
    return f"{ast.unparse(node)} (without {dropped.arg})"
