"""`digits`: 1797 real handwritten digits that come with scikit-learn; nothing is downloaded.

E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits" (UCI, 1998), its test part:
8x8 pixels of 17 grey levels. They are enlarged to 32x32 unless told otherwise, the size that
all of the models accept (and LeNet-5's own); `size=(8, 8)` gives them as they are.
"""

import numpy as np

from cnnjax.data.dataset import Dataset, Splits, balanced, resize, stratified
from cnnjax.data.errors import DataError

CLASSES = tuple("0123456789")
SIZE = (32, 32)


def read(*, seed: int = 0, size: tuple[int, int] | None = None, limit: int | None = None) -> Splits:
    """Images (N, H, W, 1) uint8, labels (N,) int32; a fifth of each class tests, drawn from `seed`.

    Raises:
        DataError: when scikit-learn is not installed.

    >>> read(size=(8, 8)).train
    Dataset(digits train: 1438 images 8x8x1, 10 classes)
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as fault:
        raise DataError(
            "digits: scikit-learn has them and is not installed; pip install 'cnnjax[digits]'"
        ) from fault
    levels, labels = load_digits(return_X_y=True)
    # 16 is white: 0..16 onto 0..255.
    images = np.round(levels * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
    labels = labels.astype(np.int32)
    size = size or SIZE

    def dataset(members: np.ndarray, split: str) -> Dataset:
        chosen = members[balanced(labels[members], limit, seed)]
        return Dataset(resize(images[chosen], size), labels[chosen], CLASSES, f"digits {split}")

    train, test = stratified(labels, CLASSES, seed, "digits")
    return Splits(dataset(train, "train"), dataset(test, "test"))
