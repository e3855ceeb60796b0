"""Hashes that tell whether a certificate is about the functions at hand.

The source's is compared before a function is called, the program's after it is traced. A source is
compared as Python's own spelling of its syntax tree: comments and layout do not count.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap

import jax
import numpy as np

from verify.dtypes import Function
from verify.programs import Atom, Const, Program, Var

_LENGTH = 32


def source_fingerprint(f: Function) -> str | None:
    """A hash of a function's own source, or None where Python does not know it.

    >>> import statistics
    >>> len(source_fingerprint(statistics.mean)), source_fingerprint(len)
    (32, None)
    """
    try:
        text = textwrap.dedent(inspect.getsource(inspect.unwrap(f)))
        text = ast.unparse(ast.parse(text))
    except (TypeError, ValueError, OSError, SyntaxError, RecursionError):
        return None
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


def fingerprint(program: Program) -> str:
    """A hash of a program: its primitives, shapes, dtypes, wiring and constants."""
    digest = hashlib.sha256()
    _absorb(program, digest)
    return digest.hexdigest()[:_LENGTH]


def _absorb(program: Program, digest: hashlib._Hash) -> None:
    numbers = {var: f"i{i}" for i, var in enumerate(program.inputs)}

    def name(atom: Atom) -> str:
        if isinstance(atom, Var) and atom in numbers:
            return numbers[atom]
        if atom.mutable:  # its value may change: programs that hold one are not proved
            return f"mutable {atom.dtype} {atom.shape}"
        assert isinstance(atom, Const)
        value = np.asarray(jax.random.key_data(atom.value) if _is_key(atom) else atom.value)
        return f"const {value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"

    for position, equation in enumerate(program.equations):
        for i, var in enumerate(equation.outputs):
            numbers[var] = f"v{position}.{i}:{var.dtype}{var.shape}"
        line = f"{equation.primitive} {[name(a) for a in equation.inputs]}"
        digest.update(line.encode())
        if equation.partitionable is False:  # not JAX's default
            digest.update(b"partitionable=False")
        for key in sorted(equation.params):
            value = equation.params[key]
            for inner in value if isinstance(value, tuple) else (value,):
                if isinstance(inner, Program):
                    _absorb(inner, digest)
                elif not callable(inner) and " at 0x" not in repr(inner):
                    digest.update(f"{key}={inner!r}".encode())
    digest.update(str([name(a) for a in program.outputs]).encode())


def _is_key(atom: Atom) -> bool:
    return bool(jax.dtypes.issubdtype(atom.dtype, jax.dtypes.extended))
