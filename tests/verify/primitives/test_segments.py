"""Grouping by destination: the tables hold every contribution once, and are hardly padded."""

import numpy as np
import pytest

from verify.primitives.segments import DROPPED, tables


@pytest.mark.parametrize("seed", range(20))
def test_tables_hold_every_contribution_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, size = int(rng.integers(0, 60)), int(rng.integers(1, 20))
    # Skewed: some destinations get most of the contributions.
    destination = np.minimum(rng.geometric(0.2, count), size) - 1
    destination[rng.random(count) < 0.2] = DROPPED
    seen: dict[int, list[int]] = {}
    cells = 0
    for targets, rows in tables(destination):
        assert rows.shape[0] == len(targets)
        cells += rows.size
        for target, row in zip(targets.tolist(), rows.tolist(), strict=True):
            assert target not in seen
            seen[target] = [i for i in row if i != DROPPED]
    expected = {
        target: np.flatnonzero(destination == target).tolist()
        for target in set(destination.tolist()) - {DROPPED}
    }
    assert seen == expected
    assert cells <= 2 * (destination != DROPPED).sum()
