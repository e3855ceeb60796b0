"""Exactly which box of an image one output depends on: found in the program, and proved.

Three steps, by different means:

1. the output is proved to be the same function after everything outside the box is erased;
2. the dependence analysis of the program, which knows nothing of the claim, finds that box;
3. with one more row or column erased, on any of the four sides, it is another function: one pixel
   at a corner of the box shows it, with parameters of ones, in certified evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from verify.checks.dependence import dependence
from verify.counterexample import Comparison
from verify.dtypes import PyTree, is_array
from verify.equivalence import equivalent
from verify.programs import trace
from verify.verdict import Verdict

Box = tuple[slice, slice]  # rows and columns


def sees_exactly(
    output: Callable[..., jax.Array], box: Box, *examples: object, seed: int | None = None
) -> Verdict:
    """Whether `output`, a number, depends on all sides of `box` of its first argument, an image,
    and on nothing outside. `seed` is that of `verify.equivalent`.

    >>> import jax.numpy as jnp
    >>> x = jax.ShapeDtypeStruct((4, 4, 1), jnp.float32)
    >>> verdict = sees_exactly(lambda x: x[1:3, 1:4].sum(), (slice(1, 3), slice(1, 4)), x)
    >>> verdict.method.split(";")[0]
    'dependence analysis: 2x3 pixels, rows 1 to 2, columns 1 to 3'
    >>> verdict = sees_exactly(lambda x: x[1:3, 1:4].sum(), (slice(1, 3), slice(1, 3)), x)
    >>> print(verdict.counterexample.explanation)
    left: 1 from x[...]; right: nothing
    """
    verdict = equivalent(output, seeing_only(box, output), *examples, seed=seed)
    if not verdict:
        return verdict
    found = dependence(output, *examples).box()[0]
    if found is None or found[:2] != box:
        why = f"the program may depend on {describe(found)}, the claim is {describe(box)}"
        return Verdict("unknown", reason=why)
    for smaller, corner in _smaller(box):
        if not _corner_matters(output, smaller, corner, examples):
            return Verdict("unknown", reason=f"{describe(smaller)} may be enough")
    method = (
        f"dependence analysis: {describe(box)}; everything outside erased: {verdict.method}; one "
        "row or column less: another function, for each side by one pixel"
    )
    return replace(verdict, method=method, rounding=verdict.measured)  # compiles nothing


def seeing_only(box: Box, output: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """`output` of the image with zeros everywhere outside the box."""

    def of_the_box(x: jax.Array, *parameters: object) -> jax.Array:
        return output(jnp.zeros_like(x).at[box].set(x[box]), *parameters)

    return of_the_box


def _smaller(box: Box) -> Iterator[tuple[Box, tuple[int, int]]]:
    """The box without its first or last row or column, and a corner that is then missing."""
    rows, columns = box
    first, last = (rows.start, columns.start), (rows.stop - 1, columns.stop - 1)
    yield (slice(rows.start + 1, rows.stop), columns), first
    yield (slice(rows.start, rows.stop - 1), columns), last
    yield (rows, slice(columns.start + 1, columns.stop)), first
    yield (rows, slice(columns.start, columns.stop - 1)), last


def _corner_matters(
    output: Callable[..., jax.Array],
    smaller: Box,
    corner: tuple[int, int],
    examples: Sequence[PyTree],
) -> bool:
    """Whether a pixel at `corner` tells the output from that of the smaller box."""
    image, *parameters = examples
    assert is_array(image)
    pixel = np.zeros(image.shape, image.dtype)
    pixel[corner] = 1
    ones = [np.ones(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(parameters)]
    left, right = (trace(f, *examples) for f in (output, seeing_only(smaller, output)))
    return Comparison(left, right).at([pixel, *ones]) is not None


def describe(box: Sequence[slice] | None) -> str:
    """A box in words.

    >>> describe((slice(2, 11), slice(0, 9)))
    '9x9 pixels, rows 2 to 10, columns 0 to 8'
    """
    if box is None:
        return "nothing"
    rows, columns = box[:2]
    return (
        f"{rows.stop - rows.start}x{columns.stop - columns.start} pixels, rows {rows.start} to "
        f"{rows.stop - 1}, columns {columns.start} to {columns.stop - 1}"
    )
