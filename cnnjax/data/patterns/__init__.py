"""`patterns`: the embedded data set, drawn from a seed; nothing is downloaded.

Eight classes in the words of the study note: straight lines, curves, corners, textures (stripes
and checks), and a flower, which is petals and a centre; petals alone and a disc alone are there to
be told from it. Colour, contrast, position, turn, scale, light and noise vary in every class, so
single pixels tell almost nothing: the task needs features, and combinations of features.

`shapes.py` has the geometry, `drawing.py` the recipes. A new class is one more recipe.
"""

import numpy as np

from cnnjax.data.dataset import Dataset, Splits, allocate
from cnnjax.data.patterns.drawing import RECIPES, picture

CLASSES = tuple(RECIPES)
SIZE = (100, 100)
TRAIN, TEST = 6000, 1000


def draw(count: int, *, size: tuple[int, int] = SIZE, seed: int = 0, test: bool = False) -> Dataset:
    """The first `count` pictures of the training (or test) sequence of `seed`.

    Picture i has the class i modulo 8 and a random generator of its own, from (seed, split, i):
    it does not depend on how many are drawn. The same NumPy on the same kind of machine draws the
    same bytes; elsewhere the last bit of a sine may move a pixel by one grey level.

    >>> flowers = draw(16, size=(32, 32))
    >>> flowers
    Dataset(patterns train: 16 images 32x32x3, 8 classes)
    >>> flowers.classes[flowers.labels[7]]
    'flower'
    """
    images = allocate((count, *size, 3), "patterns")
    labels = np.arange(count, dtype=np.int32) % len(CLASSES)
    recipes = list(RECIPES.values())
    for index in range(count):
        source = np.random.SeedSequence(seed, spawn_key=(int(test), index))
        rng = np.random.Generator(np.random.PCG64(source))
        images[index] = picture(recipes[labels[index]], rng, size)
    return Dataset(images, labels, CLASSES, f"patterns {'test' if test else 'train'}")


def read(
    *,
    seed: int = 0,
    size: tuple[int, int] | None = None,
    limit: int | None = None,
    train: int = TRAIN,
    test: int = TEST,
) -> Splits:
    """`train` and `test` pictures (H, W, 3), at most `limit` each, 100x100 unless told otherwise.

    The two come from sequences of their own, so no picture is in both.

    >>> read(train=80, test=16, size=(20, 30)).test
    Dataset(patterns test: 16 images 20x30x3, 8 classes)
    """
    size = size or SIZE
    if limit is not None:
        train, test = min(train, limit), min(test, limit)
    return Splits(
        draw(train, size=size, seed=seed),
        draw(test, size=size, seed=seed, test=True),
    )
