"""Which inputs can each output element depend on? Receptive fields, of any program.

    seen = dependence(f, *examples)
    seen.inputs_of((0, 4, 4, 0))     # boolean arrays, one an input, in the arguments' structure
    seen.box((0, 4, 4, 0))           # their bounding boxes, as slices: x[box] is what is seen

The answer is an over-approximation: what is not in it cannot matter, at whatever values of the
inputs at which all that is computed is a number (0 * log(x) is 0 there, and NaN below zero). It
comes from the same rules as the proofs, evaluated with sets in the place of numbers
(`algebras/dependence`). A primitive that has no rule, or whose rule cannot be applied, is taken to
depend on all elements of all its operands.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import numpy as np

from verify.algebras.base import Algebra, Unsupported, V, Value
from verify.algebras.dependence import Dependence
from verify.algebras.dependence_value import Depends
from verify.algebras.extended import anything, fresh, lift, parts, parts_of
from verify.dtypes import Function, PyTree
from verify.evaluate import apply
from verify.inputs import arguments
from verify.inputs.examples import names, plain, split
from verify.limits import internal, settings
from verify.programs import Atom, Const, Param, Program, Var, read


def dependence(f: Function, *examples: object) -> Dependencies:
    """Which elements of its arguments each element of f's results can depend on.

    examples: arrays, `ShapeDtypeStruct`s or pytrees of them; only shapes and dtypes matter.

    A 5x5 convolution after a 5x5 convolution sees 9x9 pixels; with 2x2 pooling in between 14x14:

    >>> import jax, jax.numpy as jnp
    >>> from jax import lax
    >>> w = jnp.ones((5, 5, 1, 1))
    >>> def conv(x):
    ...     return lax.conv_general_dilated(
    ...         x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    >>> def pool(x):
    ...     return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    >>> x = jax.ShapeDtypeStruct((1, 24, 24, 1), jnp.float32)
    >>> dependence(lambda x: conv(conv(x)), x).box((0, 10, 10, 0))
    ((slice(0, 1, None), slice(6, 15, None), slice(6, 15, None), slice(0, 1, None)),)
    >>> (box,) = dependence(lambda x: conv(pool(conv(x))), x).box((0, 6, 6, 0))
    >>> [side.stop - side.start for side in box]
    [1, 14, 14, 1]
    """
    __tracebackhide__ = True
    arguments.examples_of("dependence", examples)
    asked = split(examples)
    leaves = [x if hasattr(x, "shape") else np.asarray(x) for x in jax.tree.leaves(asked.arrays)]
    for x in leaves:
        if not all(isinstance(n, int) for n in x.shape):
            raise ValueError(f"dependence: expected shapes of numbers, got {x.shape}")
    made = arguments.traced("dependence", "f", asked.function(f), asked.arrays)
    try:
        program = read(made)
    except Unsupported as error:
        raise ValueError(f"dependence: f cannot be read: {error}") from None
    shapes = tuple(tuple(x.shape) for x in leaves)
    with settings.usual():
        return of_program(program, shapes, names(f, asked.arrays))


def of_program(
    program: Program, shapes: Sequence[tuple[int, ...]], names: Sequence[str]
) -> Dependencies:
    """The dependences of a program whose inputs have these shapes and names."""
    sizes = [int(np.prod(var.shape)) for var in program.inputs]
    algebra = Dependence(sizes)
    inputs = [
        fresh(functools.partial(algebra.input, number), var.shape, var.dtype)
        for number, var in enumerate(program.inputs)
    ]
    if program.is_stateful():  # whatever is written to a mutable array may be read from it
        every = [part for value in inputs for part in parts_of(value, Depends)]
        whole = functools.partial(algebra.everything, every)
        outputs = [fresh(whole, atom.shape, atom.dtype) for atom in program.outputs]
    else:
        outputs = _evaluate(program, algebra, inputs)
    values = tuple(tuple(parts_of(value, Depends)) for value in outputs)
    return Dependencies(algebra, program, tuple(shapes), values, tuple(names))


@dataclass(frozen=True, eq=False)
class Dependencies:
    """The answer of `dependence`: which input elements an output element can depend on.

    `index` is the index of an element of the result; if the function returns several arrays,
    `output` counts them in the order of `jax.tree.leaves`.

    Printed, it is a table: how many elements of each input are seen, by those elements that see the
    fewest and the most, and the box that is seen from the middle.

    >>> import jax.numpy as jnp
    >>> print(dependence(lambda x, w: jnp.convolve(x, w, "same"), jnp.ones(9), jnp.ones(3)))
    output  shape  input  shape  elements seen  from the middle, [4]
    0       (9,)   x      (9,)   2 to 3 of 9    [3:6]
    0       (9,)   w      (3,)   2 to 3 of 3    [0:3]
    """

    _algebra: Dependence
    _program: Program
    _shapes: tuple[tuple[int, ...], ...]  # of the arguments
    _outputs: tuple[tuple[Depends, ...], ...]  # the parts of each (two of a complex number)
    _names: tuple[str, ...]  # of the inputs

    def inputs_of(self, index: tuple[int, ...] = (), *, output: int = 0) -> PyTree:
        """Boolean arrays in the structure and shapes of the arguments: True where it matters.

        >>> import jax.numpy as jnp
        >>> seen = dependence(lambda x, w: jnp.cumsum(x)[1:] * w, jnp.ones(4), jnp.ones(3))
        >>> x, w = seen.inputs_of((1,))
        >>> x.tolist(), w.tolist()
        ([True, True, True, False], [False, True, False])
        """
        masks = self.masks(index, output)
        return plain(jax.tree.unflatten(self._program.in_tree, masks))

    def masks(self, index: tuple[int, ...], output: int) -> list[np.ndarray]:
        """The same, one array an input array."""
        arrays = []
        for number, (var, shape) in enumerate(zip(self._program.inputs, self._shapes, strict=True)):
            mask = np.zeros(int(np.prod(var.shape)), np.bool_)
            for part in self._parts(index, output):
                for rest in np.ndindex(part.shape[len(index) :]):  # the words of a random key
                    mask[self._algebra.elements(part, number, (*index, *rest))] = True
            # The program takes a random key as its words.
            arrays.append(_without_words(mask, shape))
        return arrays

    def box(self, index: tuple[int, ...] = (), *, output: int = 0) -> Param:
        """The smallest box around what `inputs_of` marks: a tuple of slices for each input, or
        None if the element does not depend on that input."""
        boxes = map(_box, self.masks(index, output))
        return plain(jax.tree.unflatten(self._program.in_tree, boxes))

    def __str__(self) -> str:
        middles = [tuple(n // 2 for n in atom.shape) for atom in self._program.outputs]
        same = len(set(middles)) == 1
        tree = jax.tree.unflatten(self._program.out_tree, range(len(middles)))
        ways = [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(tree)]
        from_where = f", {_index(middles[0])}" if same else ""
        rows = [
            ("output", "shape", "input", "shape", "elements seen", f"from the middle{from_where}")
        ]
        for output, (atom, at) in enumerate(zip(self._program.outputs, middles, strict=True)):
            shape, called = tuple(atom.shape), " ".join(filter(None, (str(output), ways[output])))
            empty = 0 in shape
            masks = [] if empty else self.masks(at, output)
            for number, (name, size) in enumerate(zip(self._names, self._shapes, strict=True)):
                seen = "-" if empty else _seen(masks[number], None if same else at)
                counts = self._counts(output, number)
                rows.append((called, str(shape), name, str(size), counts, seen))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
        return "\n".join(lines)

    def _counts(self, output: int, number: int) -> str:
        """How many elements of an input the elements of an output see."""
        sets, size = self._algebra.inputs[number], int(np.prod(self._shapes[number]))
        words = max(sets.size // max(size, 1), 1)  # of a random key
        known = [s for x in self._outputs[output] if (s := x.sets[number]) is not None]
        if not known:
            return "none"
        together = sets.union(np.stack([s.reshape(-1) for s in known], axis=-1))
        different = (np.unique(sets.members(int(n)) // words) for n in np.unique(together))
        found = [len(members) for members in different] or [0]
        fewest, most = min(found), max(found)
        if most == 0:
            return "none"
        return f"{f'{fewest} to ' if fewest < most else ''}{most} of {size}"

    def _parts(self, index: tuple[int, ...], output: int) -> tuple[Depends, ...]:
        if not 0 <= output < len(self._outputs):
            raise IndexError(f"output: {output}, but the function returns {len(self._outputs)}")
        shape = self._program.outputs[output].shape
        if len(index) != len(shape) or any(
            not -n <= i < n for i, n in zip(index, shape, strict=True)
        ):
            raise IndexError(f"index: {tuple(index)}, but output {output} has the shape {shape}")
        return self._outputs[output]


def _without_words(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if mask.size == 0:
        return mask.reshape(shape)
    return np.asarray(mask.reshape(*shape, -1).any(axis=-1))


def _index(index: tuple[object, ...]) -> str:
    return f"[{', '.join(map(str, index))}]"


def _seen(mask: np.ndarray, middle: tuple[int, ...] | None) -> str:
    """What an element sees of an input, as an index."""
    box = _box(mask)
    if box is None:
        return "nothing"
    shown = _index(tuple(f"{s.start}:{s.stop}" for s in box)) if box else "all"
    return shown if middle is None else f"{_index(middle)}: {shown}"


def _box(mask: np.ndarray) -> tuple[slice, ...] | None:
    if not mask.any():
        return None
    if mask.ndim == 0:
        return ()
    places = np.nonzero(mask)
    return tuple(slice(int(p.min()), int(p.max()) + 1) for p in places)


def _evaluate(program: Program, algebra: Algebra[V], inputs: Sequence[Value]) -> list[Value]:
    """`verify.evaluate`, except that what is unsupported depends on everything."""
    environment: dict[Var, Value] = dict(zip(program.inputs, inputs, strict=True))

    def read(atom: Atom) -> Value:
        return lift(algebra, atom.value) if isinstance(atom, Const) else environment[atom]

    def run(
        body: Program, values: Sequence[Value], other: Algebra[Value] | None = None
    ) -> list[Value]:
        return _evaluate(body, anything(algebra) if other is None else other, values)

    for equation in program.equations:
        operands = [read(atom) for atom in equation.inputs]
        try:
            results = apply(equation, operands, algebra, run)
        except Exception as error:
            if not isinstance(error, Unsupported) and internal.raises():
                raise  # a failure of ours; what is not known depends on everything
            if not isinstance(algebra, Dependence):
                raise  # one device of several: the whole shard_map depends on everything
            known = [part for value in operands for part in parts(value)]
            unknown = functools.partial(
                algebra.everything, [part for part in known if isinstance(part, Depends)]
            )
            results = [fresh(unknown, var.shape, var.dtype) for var in equation.outputs]
        environment.update(zip(equation.outputs, results, strict=True))
    return [read(atom) for atom in program.outputs]
