"""A network as a table, from its traced program: shapes, parameters, cost, receptive fields.

`summary(model_or_fn, x)` traces the function once without computing anything, walks the program
and notes one row a convolution, pool or dense layer. It works on any JAX function, with Flax
modules or plain `lax` calls inside.

Read `fields.py` (the arithmetic of receptive fields), `rules.py` (what each primitive does to
them), `walk.py` (the one loop over the program), `layers.py` (what is a row), `table.py`.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp

from cnnjax.lowerings import plain_only
from cnnjax.models.model import BATCH_STATS, Model
from cnnjax.summary import layers
from cnnjax.summary.fields import of_input
from cnnjax.summary.layers import Layer
from cnnjax.summary.table import Row, Summary
from cnnjax.summary.walk import READING, Leaf, Value, Walk
from verify.programs import make_as_given, read

__all__ = ["Row", "Summary", "summary"]


def summary(
    model_or_fn: Model | Callable[..., Any], x: Any = None, *, params: Any = None
) -> Summary:
    """Tabulate a network: layer, output, parameters, multiply-adds, field, stride, offset.

    Args:
      model_or_fn: a `Model`, or any function of x; what arrays of floating point it closes over
        are its parameters.
      x: an array or `jax.ShapeDtypeStruct`, channels last. With a batch axis the counts are for
        the whole batch. None for a `Model` is one image in float32.
      params: a pytree (arrays or `ShapeDtypeStruct`s); if given, the function is called as
        `fn(params, x)` and layers are named after their parameters. A `Model` needs none: its
        parameters are initialised abstractly, without memory.

    Returns:
      A `Summary`; print it for the table.

    Multiply-adds are those of convolutions and matrix products, from shapes alone: outputs x
    kernel window x C / groups, multiplications with zeros of the padding (or of a transposed
    convolution's dilation) included. Everything else (pools, norms, activations) counts nothing.
    What does not depend on x is not counted. A loop's body counts as often as it runs (`scan`), or
    once (`while`); of a `cond`, the most expensive branch counts.

    The receptive field is not clipped to the image, as in the literature. It comes from the
    program; where that cannot be followed (sorting, indexing by data, loops) the field grows to
    all that could be read. Parameters under the key "batch_stats" are running statistics.

    Raises:
      TypeError: when x is no array, or None for a plain function.

    >>> from cnnjax.models import notes_cnn
    >>> print(summary(notes_cnn(10)))
    notes, x 100x100x3 float32
    layer  kind      output      parameters  multiply-adds  field  stride  offset
    -----------------------------------------------------------------------------
    conv1  conv      100x100x32       2,432     24,000,000      5       1      -2
    pool1  max pool  50x50x32                                   6       2      -2
    conv2  conv      50x50x64        51,264    128,000,000     14       2      -6
    pool2  max pool  25x25x64                                  16       4      -6
    conv3  conv      25x25x128      204,928    128,000,000     32       4     -14
    pool3  max pool  12x12x128                                 36       8     -14
    dense  dense     10             184,330        184,320    100     all
    -----------------------------------------------------------------------------
    total                           442,954    280,184,320
    """
    if isinstance(model_or_fn, Model):
        model = model_or_fn
        fn: Callable[..., Any] = model.apply
        title = model.name
        if params is None:
            params = jax.eval_shape(model.init, jax.random.key(0))
        if x is None:
            x = jax.ShapeDtypeStruct(model.image, jnp.float32)
    else:
        fn, title = model_or_fn, getattr(model_or_fn, "__name__", type(model_or_fn).__name__)
    if not hasattr(x, "shape") or not hasattr(x, "dtype"):
        raise TypeError(
            f"summary: x must be an array or a ShapeDtypeStruct, got {type(x).__name__}"
        )
    x = jax.ShapeDtypeStruct(x.shape, x.dtype)

    walk = Walk()
    values: list[Value] = []
    with plain_only():
        traced = make_as_given(fn, *(() if params is None else (params,)), x)
    if params is not None:
        for path, leaf in jax.tree_util.tree_leaves_with_path(params):
            name = jax.tree_util.keystr(path, simple=True, separator="/")
            trained = BATCH_STATS not in name.split("/")
            # Negative keys: those of closed-over arrays are their ids.
            values.append(walk.leaf(-1 - len(values), Leaf(name, leaf.size, trained)))
    walk.program(read(traced, READING), [*values, Value(of_input(x.shape))], "", 1)

    shown = [layer for layer in walk.layers if layer.shown]
    spatial = sorted(walk.spatial)
    rows = [
        row_of(layer, name, [walk.leaves[key] for key in layer.leaves], spatial, x.shape)
        for layer, name in zip(shown, layers.names(shown), strict=True)
    ]
    totals = sizes(walk.leaves.values())
    return Summary(title, x.shape, str(x.dtype), tuple(rows), *totals)


def sizes(leaves: Iterable[Leaf]) -> tuple[int, int]:
    """Elements of the trained arrays and of the running statistics."""
    leaves = tuple(leaves)
    trained = sum(leaf.size for leaf in leaves if leaf.trained)
    return trained, sum(leaf.size for leaf in leaves) - trained


def names_a_norm(leaves: Iterable[Leaf]) -> bool:
    """Whether the names of the parameters are those of a norm."""
    return any(leaf.path.rpartition("/")[2] in ("scale", "mean") for leaf in leaves)


def row_of(
    layer: Layer, name: str, leaves: Sequence[Leaf], spatial: Sequence[int], image: Sequence[int]
) -> Row:
    """The finished row: its fields along the `spatial` axes of x, whose shape is `image`."""
    numbers: list[tuple[int, Fraction, Fraction]] = []
    for axis in spatial:
        field = layer.flow[axis]
        if field.strides and not field.whole:
            # After an axis is split in two there are two strides; neighbours differ by the least.
            stride = min(field.strides.values(), key=abs)
            numbers.append((math.floor(field.size), stride, field.start))
        else:
            start = max(field.start, Fraction(0))
            end = min(field.start + field.size, Fraction(image[axis]))
            numbers.append((math.ceil(end - start), Fraction(0), start))
    reads_all = bool(spatial) and not any(stride for _, stride, _ in numbers)
    sizes_, strides, offsets = zip(*numbers, strict=True) if numbers else ((), (), ())
    return Row(
        name,
        "norm" if layer.kind == "elementwise" and names_a_norm(leaves) else layer.kind,
        layer.output,
        *sizes(leaves),
        layer.multiply_adds,
        sizes_,
        strides,
        offsets,
        reads_all,
    )
