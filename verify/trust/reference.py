"""JAX's primitives without XLA: what JAX lowers them to, run by StableHLO's reference interpreter.

JAX gives a primitive its meaning by lowering it to StableHLO; XLA compiles that, in 10 to 100 ms an
operation, may rewrite it, and aborts the process on some. The interpreter that comes with StableHLO
executes the specification, element by element, in half a millisecond for a small operation.

It runs in the worker of `child.py`, as it ends the process on what it does not expect. What it does
not implement (factorisations, Fourier transforms, some functions) is refused here.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import lax

from verify.algebras.base import Unsupported
from verify.algebras.keys import generator, is_key
from verify.dtypes import Array, DType, Function, is_kind
from verify.programs import Param
from verify.trust import child

_IMPLEMENTED = """
    abs add and atan2 bitcast_convert broadcast_in_dim case cbrt ceil clamp compare complex
    concatenate constant convert convolution cosine count_leading_zeros divide dot_general
    dynamic_slice dynamic_update_slice exponential exponential_minus_one floor gather if imag iota
    is_finite log log_plus_one logistic maximum minimum multiply negate not or pad popcnt power real
    reduce reduce_precision reduce_window remainder reshape return reverse round_nearest_afz
    round_nearest_even rsqrt scatter select select_and_scatter shift_left shift_right_arithmetic
    shift_right_logical sign sine slice sort sqrt subtract tan tanh transpose while xor
    """
_OPERATIONS = frozenset(_IMPLEMENTED.split())
_HELD = """
    i1 i2 i4 i8 i16 i32 i64 ui2 ui4 ui8 ui16 ui32 ui64 bf16 f16 f8E4M3FN f8E5M2 f32 f64
    complex<f32> complex<f64>
"""
_TYPES = frozenset(_HELD.split())
_LEGALISED = frozenset(("square", "top_k"))  # of CHLO; its functions are approximated there
# What XLA's CPU backend does otherwise where the specification leaves it open, or a trap here.
_OPERATION = re.compile(r"\b(stablehlo|chlo|func|sdy|mpmd)\.([a-z_0-9]+)")
_DIVISION = re.compile(r"stablehlo\.(?:divide|remainder) [^\n]*: tensor<(?:[0-9]+x)*u?i[0-9]")
_CUT = re.compile(
    r"stablehlo\.convert [^\n]*\(tensor<(?:[0-9]+x)*b?f[0-9a-zA-Z]*>\) -> tensor<(?:[0-9]+x)*u?i"
)
_SCATTER = re.compile(r'"stablehlo.scatter"\(([^)]*)\)')
_TYPE = re.compile(r"tensor<(?:[0-9]+x)*([a-zA-Z0-9<>]+)>")


@functools.cache
def _interpreter() -> tuple[Any, Any] | None:
    """The MLIR bindings and what runs passes, or None where this jaxlib has no interpreter."""
    try:
        from jaxlib.mlir import ir
        from jaxlib.mlir.dialects import stablehlo
        from jaxlib.mlir.passmanager import PassManager

        with contextlib.suppress(Exception):  # registered already
            stablehlo.register_stablehlo_passes()
        _ = stablehlo.eval_module
        return ir, PassManager
    except (ImportError, AttributeError):
        return None


def interpret(
    run: Function, arguments: Sequence[Array], patience: float = child.PATIENCE
) -> list[np.ndarray]:
    """`jax.tree.leaves(run(*arguments))` by the interpreter, one array a leaf.

    Raises `Unsupported` where it does not go, and `child.Endless` where it does not end within
    so many seconds.

    >>> import jax.numpy as jnp
    >>> x = np.float32([1, 2, 3])
    >>> interpret(lambda x: (jnp.flip(x), x > 1), [x])
    [array([3., 2., 1.], dtype=float32), array([False,  True,  True])]
    """
    found = _interpreter()
    if found is None:
        raise Unsupported("this jaxlib has no StableHLO interpreter")
    ir, manager = found
    forms = [_Form.of(x) for x in arguments]
    results: list[_Form] = []

    def on_plain(*plain: list[jax.Array]) -> list[jax.Array]:
        whole = [form.whole(x) for form, x in zip(forms, plain, strict=True)]
        outputs = jax.tree.leaves(run(*whole))
        results[:] = [_Form.of(y) for y in outputs]
        return [part for form, y in zip(results, outputs, strict=True) for part in form.plain(y)]

    plain = [form.arrays(x) for form, x in zip(forms, arguments, strict=True)]
    module: Param = jax.jit(on_plain, keep_unused=True).lower(*plain).compiler_ir("stablehlo")
    with module.context, ir.Location.unknown():
        text = str(module)
        chlo = {name for dialect, name in _OPERATION.findall(text) if dialect == "chlo"}
        if chlo and chlo <= _LEGALISED:
            manager.parse("builtin.module(func.func(chlo-legalize-to-stablehlo))").run(
                module.operation
            )
            text = str(module)
    _check(text)
    try:
        outputs = iter(child.ask("interpret", text, jax.tree.leaves(plain), patience=patience))
    except child.Endless:
        raise
    except child.Aborted as error:
        raise Unsupported(f"the StableHLO interpreter: {error}") from None
    return [form.back([next(outputs) for _ in range(form.parts)]) for form in results]


def _check(text: str) -> None:
    """Raises Unsupported unless the interpreter implements all of a module."""
    for dialect, name in set(_OPERATION.findall(text)):
        if dialect == "func" or (dialect == "stablehlo" and name in _OPERATIONS):
            continue
        raise Unsupported(f"{dialect}.{name} in the StableHLO interpreter")
    if _DIVISION.search(text):
        raise Unsupported("integer division in the StableHLO interpreter")  # it traps where 0 is
    if _CUT.search(text):
        raise Unsupported("a float made an integer in the StableHLO interpreter")  # saturates
    if _overwrites(text):
        raise Unsupported("a scatter of what is used elsewhere, in the StableHLO interpreter")
    unknown = set(_TYPE.findall(text)) - _TYPES
    if unknown:
        raise Unsupported(f"{min(unknown)} in the StableHLO interpreter")


def _overwrites(text: str) -> bool:
    """Whether a module has a scatter whose operand may be used elsewhere: the interpreter writes
    into the operand itself, so that whoever reads it later reads what was written.

    >>> line = '%1 = "stablehlo.scatter"(%arg0, %0, %arg1) <{}> ({ ... })'
    >>> _overwrites(line), _overwrites(line + "; %2 = stablehlo.add %arg0, %arg1")
    (False, True)
    """
    alone = text.count("func.func") <= 1 and "stablehlo.while" not in text
    for operands in _SCATTER.findall(text):
        names = [name.strip() for name in operands.split(",")]
        for name in names[: len(names) // 2]:  # as many updates as operands, and the indices
            uses = len(re.findall(re.escape(name) + r"(?![\w#])", text))
            made_here = re.search(re.escape(name) + r"(?::\d+)? = ", text) is not None
            declared = re.search(re.escape(name) + r": tensor", text) is not None
            if uses - made_here - declared > 1 or (not alone and not made_here):
                return True
    return False


@dataclass(frozen=True)
class _Form:
    """How an array goes into the interpreter and comes out: booleans, narrow floats, complex
    numbers and keys by way of NumPy's own integers and floats."""

    dtype: DType

    @classmethod
    def of(cls, x: Array) -> _Form:
        return cls(x.dtype if is_key(x.dtype) else np.dtype(x.dtype))

    @property
    def parts(self) -> int:
        return 2 if self._complex else 1

    @property
    def _complex(self) -> bool:
        return not is_key(self.dtype) and is_kind(self.dtype, np.complexfloating)

    @property
    def _bits(self) -> type[np.integer] | None:
        """The integers that hold the bits of a narrow float, None for any other dtype."""
        if is_key(self.dtype) or (self.dtype.kind in "biufc" and self.dtype.name != "float16"):
            return None
        if is_kind(self.dtype, np.integer):
            return None
        return np.uint8 if self.dtype.itemsize == 1 else np.uint16

    @property
    def _held(self) -> type[np.integer] | None:
        """The integers that hold a boolean or a narrower integer, None for any other dtype."""
        if is_key(self.dtype) or self.dtype.kind in "iufc" or is_kind(self.dtype, np.floating):
            return None
        return np.uint8 if is_kind(self.dtype, np.unsignedinteger) else np.int8

    def arrays(self, x: Array) -> list[np.ndarray]:
        if is_key(self.dtype):
            return [np.asarray(jax.random.key_data(x))]
        array = np.asarray(x)
        if self._complex:
            return [np.array(array.real), np.array(array.imag)]
        if self._held is not None:
            return [array.astype(self._held)]
        return [array if self._bits is None else array.view(self._bits)]

    def whole(self, plain: Sequence[jax.Array]) -> jax.Array:
        """Traced: what `arrays` has taken apart."""
        if is_key(self.dtype):
            return jax.random.wrap_key_data(plain[0], impl=generator(self.dtype)[0])
        if self._complex:
            return lax.complex(*plain)
        if self._held is not None:
            return plain[0].astype(self.dtype)
        return plain[0] if self._bits is None else lax.bitcast_convert_type(plain[0], self.dtype)

    def plain(self, x: jax.Array) -> list[jax.Array]:
        """Traced: what `back` puts together."""
        if is_key(self.dtype):
            return [jax.random.key_data(x)]
        if self._complex:
            return [lax.real(x), lax.imag(x)]
        if self._held is not None:
            return [x.astype(self._held)]
        return [x if self._bits is None else lax.bitcast_convert_type(x, self._bits)]

    def back(self, arrays: list[np.ndarray]) -> np.ndarray:
        if is_key(self.dtype):
            return jax.random.wrap_key_data(
                jax.numpy.asarray(arrays[0]), impl=generator(self.dtype)[0]
            )
        if self._complex:
            whole = np.empty(arrays[0].shape, self.dtype)
            whole.real, whole.imag = arrays  # 1j * inf is not a number
            return whole
        if self._held is not None:
            return arrays[0].astype(self.dtype)
        return arrays[0] if self._bits is None else arrays[0].view(self.dtype)
