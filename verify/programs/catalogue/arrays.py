"""Rows of the primitives that move, fold, sort, read and write arrays."""

from __future__ import annotations

from verify.programs.catalogue.facts import Fact as F
from verify.programs.catalogue.facts import Origin, Row

_KNOWN = F.EXACT | F.COMPILED
_MOVES = F.MOVES | F.LINEAR | F.KEEPS_SIGN | _KNOWN
_PLACED = F.MOVES | F.LINEAR | F.KEEPS_SIGN | F.EXACT  # where arrays are, on which devices
_READS = F.MOVES | F.INDEXED | F.KEEPS_SIGN | _KNOWN
_WRITES = F.INDEXED | F.PARTIAL | F.COMPILED
_SUMS = F.ADDS | F.LINEAR | F.KEEPS_SIGN | F.COMPILED
_LARGEST = F.ORDERS | F.CHOOSES | F.KEEPS_SIGN | _KNOWN
_WHICH = F.ORDERS | F.CHOOSES | _KNOWN

ARRAYS = (
    # Movement, from places that the parameters name.
    Row("reshape", _MOVES),
    Row("squeeze", _MOVES),
    Row("expand_dims", _MOVES, origin=Origin.OTHER_JAX),
    Row("broadcast_in_dim", _MOVES),
    Row("transpose", _MOVES),
    Row("rev", _MOVES),
    Row("tile", _MOVES),
    Row("slice", _MOVES | F.DROPS),
    Row("split", _MOVES | F.DROPS),
    Row("unstack", _MOVES | F.DROPS),
    Row("stack", _MOVES | F.SEVERAL),
    Row("concatenate", _MOVES | F.SEVERAL),
    Row("pad", _MOVES | F.SEVERAL | F.DROPS),
    Row("optimization_barrier", _MOVES | F.SEVERAL),
    Row("device_put", _PLACED | F.SEVERAL),
    Row("sharding_constraint", _PLACED),
    Row("layout_constraint", _PLACED),
    Row("reshard", _PLACED),
    Row("mesh_cast", _PLACED, origin=Origin.OTHER_JAX),
    Row("pvary", _PLACED),
    Row("pcast", _PLACED, origin=Origin.OTHER_JAX),
    Row("preduced", _PLACED),
    # From and to places that operands name.
    Row("gather", _READS | F.PARTIAL, linear_in=(0,)),
    Row("dynamic_slice", _READS, linear_in=(0,)),
    Row("dynamic_update_slice", _READS | F.SEVERAL, linear_in=(0, 1)),
    Row("scatter", _READS | F.SEVERAL | F.PARTIAL, linear_in=(0, 2)),
    Row("scatter-add", _WRITES | F.ADDS | F.KEEPS_SIGN, linear_in=(0, 2)),
    Row("scatter-sub", _WRITES | F.ADDS, linear_in=(0, 2)),
    Row("scatter-mul", _WRITES | F.KEEPS_SIGN),
    Row("scatter-max", _WRITES | F.ORDERS | F.CHOOSES | F.KEEPS_SIGN | F.EXACT),
    Row("scatter-min", _WRITES | F.ORDERS | F.CHOOSES | F.KEEPS_SIGN | F.EXACT),
    # Constants.
    Row("iota", _KNOWN),
    Row("empty2", _KNOWN),
    # Folds.
    Row("reduce_sum", _SUMS),
    Row("cumsum", _SUMS),
    Row("reduce_window_sum", _SUMS),
    Row("reduce_prod", F.KEEPS_SIGN | F.COMPILED),
    Row("cumprod", F.KEEPS_SIGN | F.COMPILED),
    Row("reduce_max", _LARGEST),
    Row("reduce_min", _LARGEST),
    Row("cummax", _LARGEST),
    Row("cummin", _LARGEST),
    Row("reduce_window_max", _LARGEST),
    Row("reduce_window_min", _LARGEST),
    Row("reduce_and", _KNOWN),
    Row("reduce_or", _KNOWN),
    Row("reduce_xor", _KNOWN),
    Row("reduce", F.COMPILED),
    Row("reduce_window", F.COMPILED),
    Row("cumlogsumexp", F.EXPONENTIAL | F.LOGARITHM),
    # Products of matrices, and what is like them.
    Row("dot_general", F.BILINEAR | F.ADDS | F.KEEPS_SIGN | F.COMPILED),
    Row("conv_general_dilated", F.BILINEAR | F.ADDS | F.KEEPS_SIGN | F.COMPILED),
    # (Nor BILINEAR, as it is no polynomial in its sizes.)
    Row("ragged_dot_general", F.ADDS | F.COMPILED, linear_in=(0,)),
    Row("fft", F.LINEAR | F.ADDS),
    # What is ordered.
    Row("sort", _LARGEST),
    Row("top_k", F.ORDERS | F.CHOOSES | F.KEEPS_SIGN | F.EXACT | F.ORDERS_ZEROS),
    Row("argmax", _WHICH),
    Row("argmin", _WHICH),
    # Poolings and their derivatives: linear in what is moved, to where the others are largest.
    Row(
        "select_and_scatter_add",
        F.ADDS | F.ORDERS | F.CHOOSES | F.COMPILED,
        linear_in=(0,),
    ),
    Row("select_and_gather_add", F.ORDERS | F.CHOOSES | F.EXACT, linear_in=(0,)),
    # The bits of a float as an integer, and the other way.
    Row("bitcast_convert_type", F.EXACT | F.COMPILED | F.SEES_BITS),
)
