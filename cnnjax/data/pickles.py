"""Arrays out of a pickle without running what is in it.

A pickle is a program: `pickle.load` imports and calls whatever it names. The pickles of CIFAR hold
a dictionary with lists, numbers, texts and one array; here every name they need stands for a
function of this file, and any other name is an error. NumPy's own reconstruction is not called
either: an array comes from its bytes.
"""

from __future__ import annotations

import pickle
from typing import Any, BinaryIO

import numpy as np

__all__ = ["load"]


class _Unpickler(pickle.Unpickler):
    """With stand-ins of its own: a pickle could set attributes of them."""

    def __init__(self, file: BinaryIO):
        super().__init__(file, encoding="bytes")
        self.array, dtype = _stand_ins()
        self.names: dict[tuple[str, str], Any] = {
            ("numpy.core.multiarray", "_reconstruct"): lambda kind, shape, code: self.array(),
            ("numpy._core.multiarray", "_reconstruct"): lambda kind, shape, code: self.array(),
            ("numpy", "ndarray"): self.array,
            ("numpy", "dtype"): dtype,
            ("_codecs", "encode"): lambda text, encoding: _latin1(text, encoding),
        }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.names:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not run")
        return self.names[module, name]


def _stand_ins() -> tuple[Any, Any]:
    """What takes the place of an array and of a dtype while a pickle is read."""

    class Dtype:
        def __init__(self, name: Any, *_: Any):
            self.name = name.decode("ascii") if isinstance(name, bytes) else name
            if self.name not in _DTYPES:
                raise pickle.UnpicklingError(f"an array of {self.name!r}")

        def __setstate__(self, state: Any) -> None:
            if len(state) < 2 or state[1] not in ("|", "<", "=", b"|", b"<", b"="):
                raise pickle.UnpicklingError("an array of big-endian numbers")

    class Array:
        value: np.ndarray | None = None

        def __setstate__(self, state: Any) -> None:
            _, shape, dtype, fortran, content = state
            if not isinstance(dtype, Dtype) or not isinstance(content, bytes):
                raise pickle.UnpicklingError("an array of something else than numbers")
            if not all(isinstance(n, int) and n >= 0 for n in shape):
                raise pickle.UnpicklingError(f"an array of shape {shape!r}")
            flat = np.frombuffer(content, np.dtype(dtype.name))
            self.value = flat.reshape(shape, order="F" if fortran else "C")

    return Array, Dtype


_DTYPES = ("b1", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8")


def _latin1(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes into old pickles."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"text in {encoding!r}")
    return text.encode("latin1")


def load(file: BinaryIO) -> Any:
    """The content of a pickle; arrays may be it, or stand directly in a dictionary that is it.

    Texts of Python 2 come as bytes.

    Raises:
        ValueError: it is damaged, or wants anything else.

    >>> import io
    >>> load(io.BytesIO(pickle.dumps({b"labels": [3, 1]}, protocol=2)))
    {b'labels': [3, 1]}
    """
    try:
        unpickler = _Unpickler(file)
        content = unpickler.load()
        if isinstance(content, dict):
            # One level: a pickle may hold itself, or what takes an age to walk through.
            return {key: _value(item, unpickler.array) for key, item in content.items()}
        return _value(content, unpickler.array)
    except MemoryError as fault:
        raise ValueError("it promises more than memory holds") from fault
    except Exception as fault:  # a damaged pickle is a program that fails, in any way
        raise ValueError(f"{fault or type(fault).__name__}") from fault


def _value(item: Any, array: Any) -> Any:
    return item.value if type(item) is array else item
