"""`digits`: all of scikit-learn's digits, each in one split."""

import sys

import numpy as np
import pytest

from cnnjax.data import DataError, load


def test_both_splits_together_are_all_the_digits():
    datasets = pytest.importorskip("sklearn.datasets")
    images, labels = datasets.load_digits(return_X_y=True)
    splits = load("digits", size=(8, 8))
    ours = np.concatenate([splits.train.images, splits.test.images]).reshape(-1, 64)
    ours_labels = np.concatenate([splits.train.labels, splits.test.labels])
    assert ours.max() == 255
    # Back to 0..16, which must be lossless, then as sets of (pixels, label).
    levels = np.round(ours / (255 / 16)).astype(np.uint8)
    ours_set = sorted((row.tobytes(), int(k)) for row, k in zip(levels, ours_labels, strict=True))
    real = zip(images.astype(np.uint8), labels, strict=True)
    assert ours_set == sorted((row.tobytes(), int(k)) for row, k in real)


def test_every_class_gives_a_fifth_to_the_test():
    pytest.importorskip("sklearn")
    splits = load("digits", size=(8, 8), seed=5)
    train, test = np.bincount(splits.train.labels), np.bincount(splits.test.labels)
    np.testing.assert_array_equal(test, np.round(0.2 * (train + test)))


def test_unless_told_otherwise_they_fit_every_model():
    pytest.importorskip("sklearn")
    assert load("digits", limit=10).train.images.shape == (10, 32, 32, 1)


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError) as caught:
        load("digits")
    assert "pip install 'cnnjax[digits]'" in str(caught.value)
