"""Case A of the note as a tool: a network evaluated tile by tile, with the exact halo.

`tiled(apply_fn, tile)` is the same function as `apply_fn`. Each tile of the result goes through all
layers before the next one begins, so memory is bounded by the tile instead of the image.
`blocks(apply_fn, tile)` gives the tiles one by one, for images larger than memory.

Read `spans.py` (parts of arrays), `reads.py` (what an equation reads), `plan.py` (the dependence
analysis), `parts.py` (how to evaluate a part), `tile.py` (one tile), `grid.py` (all tiles).
"""

from __future__ import annotations

from cnnjax.tiling.in_blocks import Blocks, blocks
from cnnjax.tiling.in_tiles import tiled
from cnnjax.tiling.program import Untileable

__all__ = ["Blocks", "Untileable", "blocks", "tiled"]
