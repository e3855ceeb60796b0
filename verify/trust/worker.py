"""The other end of `child.py`: a process that runs programs which may abort it.

Started by its path, not as a module of `verify`, so that it is up in a fraction of a second: it
imports no more than a request needs. Messages are pickled tuples behind their length, on standard
input and output; whatever else is printed goes to standard error. An answer has two parts: that the
program is compiled, and what comes out.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import pickle
import struct
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import numpy as np


def send(stream: BinaryIO, message: object) -> None:
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(struct.pack("<Q", len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """The next message; EOFError where there is none."""
    (length,) = struct.unpack("<Q", _exactly(stream, 8))
    return pickle.loads(_exactly(stream, length))


def _exactly(stream: BinaryIO, count: int) -> bytes:
    parts, missing = [], count
    while missing:
        parts.append(stream.read(missing))
        missing -= len(parts[-1])
        if not parts[-1]:
            raise EOFError
    return b"".join(parts)


@functools.cache
def _context() -> Any:
    """What the interpreter's modules are parsed in."""
    from jaxlib.mlir import ir
    from jaxlib.mlir._mlir_libs import _jax_mlir_ext
    from jaxlib.mlir.dialects import stablehlo

    context, registry = ir.Context(), ir.DialectRegistry()
    _jax_mlir_ext.register_dialects(registry)
    context.append_dialect_registry(registry)
    context.load_all_available_dialects()
    context.allow_unregistered_dialects = True
    stablehlo.register_dialect(context)
    stablehlo.register_interpreter_dialect(context)
    return context


def interpret(
    module: str, arrays: list[np.ndarray], compiled: Callable[[], None]
) -> list[np.ndarray]:
    """A StableHLO module, as text, by the reference interpreter."""
    import numpy as np
    from jaxlib.mlir import ir
    from jaxlib.mlir.dialects import stablehlo

    def attribute(array: np.ndarray) -> Any:
        laid = np.array(array, order="C")
        if laid.dtype.kind == "u":
            return ir.DenseElementsAttr.get(laid, signless=False)
        return ir.DenseElementsAttr.get(laid)

    with _context(), ir.Location.unknown():
        parsed = ir.Module.parse(module)
        compiled()
        return [np.array(y) for y in stablehlo.eval_module(parsed, list(map(attribute, arrays)))]


def call(
    module: bytes,
    kept: Sequence[int],
    forms: Sequence[tuple[tuple[int, ...], np.dtype]],
    arrays: list[np.ndarray],
    wide: bool,
    compiled: Callable[[], None],
) -> list[np.ndarray]:
    """A module of `jax.export`, compiled by XLA: `forms` are the results' shapes and dtypes.

    A program of the same form, exported here, is the frame for the module: what `Exported` makes
    of itself as bytes needs a package that JAX does not come with.
    """
    import jax
    import numpy as np
    from jax import export

    with jax.enable_x64(wide):
        frame = export.export(
            jax.jit(lambda *_: [jax.numpy.zeros(*form) for form in forms]), platforms=["cpu"]
        )(*arrays)
        exported = dataclasses.replace(
            frame, mlir_module_serialized=module, module_kept_var_idx=tuple(kept)
        )
        executable = jax.jit(exported.call).lower(*arrays).compile()
        compiled()
        return [np.asarray(y) for y in executable(*arrays)]


_COMPILED = ("compiled", None)
_TASKS: dict[str, Callable[..., list[np.ndarray]]] = {"interpret": interpret, "call": call}


def main() -> None:
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    with contextlib.suppress(EOFError):
        sys.path[:] = receive(requests)
        while True:
            name, arguments = receive(requests)
            answer: tuple[str, object]
            try:
                answer = ("result", _TASKS[name](*arguments, lambda: send(answers, _COMPILED)))
            except Exception as error:  # whatever the compiler has to say
                answer = ("error", f"{type(error).__name__}: {str(error)[:500]}")
            send(answers, answer)


if __name__ == "__main__":
    main()
