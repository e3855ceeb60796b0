"""`patterns`: reproducible, balanced, and a task that needs more than single pixels."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from cnnjax.data import load, patterns

CODE = "from cnnjax.data import patterns; import hashlib; \
print(hashlib.sha256(patterns.draw(40, seed=7).images.tobytes()).hexdigest())"


def test_another_process_draws_the_same_bytes():
    here = hashlib.sha256(patterns.draw(40, seed=7).images.tobytes()).hexdigest()
    there = subprocess.run([sys.executable, "-c", CODE], capture_output=True, check=True, text=True)
    assert there.stdout.strip() == here


def test_a_picture_does_not_depend_on_how_many_are_drawn():
    many, few = patterns.draw(30), patterns.draw(9)
    np.testing.assert_array_equal(many.images[:9], few.images)
    np.testing.assert_array_equal(load("patterns", limit=9).train.images, few.images)


def test_seeds_splits_and_places_draw_different_pictures():
    drawn = [
        picture.tobytes()
        for seed in range(3)
        for test in (False, True)
        for picture in patterns.draw(40, size=(20, 20), seed=seed, test=test).images
    ]
    assert len(set(drawn)) == 3 * 2 * 40


def test_the_default_has_the_documented_size_and_balance():
    assert patterns.SIZE == (100, 100)
    assert len(patterns.CLASSES) >= 6
    assert patterns.TRAIN % len(patterns.CLASSES) == patterns.TEST % len(patterns.CLASSES) == 0


def test_size_changes_the_resolution_and_not_the_picture():
    large, small = patterns.draw(40), patterns.draw(40, size=(50, 50))
    merged = large.images.reshape(40, 50, 2, 50, 2, 3).mean((2, 4))
    # What is left is noise, and pixels on an edge.
    apart = np.abs(merged - small.images).mean((1, 2, 3))
    others = np.abs(merged - np.roll(small.images, 1, axis=0)).mean((1, 2, 3))
    assert apart.max() < 10 < others.min()


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (40, 100), (100, 40)])
def test_any_size_shows_more_than_its_background(size):
    images = patterns.draw(40, size=size).images.astype(float)
    # A shape on a plain ground: the spread of the pixels is far above that of noise and light.
    assert images.std((1, 2)).max(1).min() > 15


def scored(features, labels) -> float:
    """Accuracy of a multinomial logistic regression, three quarters train, the rest tests."""
    linear = pytest.importorskip("sklearn.linear_model")
    threadpoolctl = pytest.importorskip("threadpoolctl")
    features = features.reshape(len(features), -1)
    features = (features - features.mean(0)) / features.std()
    cut = len(features) * 3 // 4
    best = 0.0
    for strength in (1e-3, 1e-2):
        model = linear.LogisticRegression(C=strength, max_iter=1000, tol=1e-3)
        # One thread: several wait for each other where the tests themselves run in parallel.
        with threadpoolctl.threadpool_limits(1):
            model.fit(features[:cut], labels[:cut])
        best = max(best, model.score(features[cut:], labels[cut:]))
    return best


def test_the_background_does_not_tell_the_class():
    drawn = patterns.draw(2400, size=(24, 24))
    border = np.stack([drawn.images[:, 0], drawn.images[:, -1]], 1).mean((1, 2), dtype=float)
    # Chance is 0.125; 600 test images have a standard deviation of 0.0135.
    assert scored(border, drawn.labels) < 0.125 + 6 * 0.0135


def test_colour_statistics_do_not_tell_the_class():
    drawn = patterns.draw(2400, size=(32, 32))
    pixels = drawn.images.reshape(len(drawn), -1, 3).astype(float)
    statistics = [pixels.mean(1), pixels.std(1), np.median(pixels, 1)]
    assert scored(np.concatenate(statistics, 1), drawn.labels) < 0.4


@pytest.mark.slow
def test_a_linear_classifier_stays_under_sixty_per_cent():
    """On blocks of 5x5 pixels, on which it does better than on single ones (less to overfit)."""
    drawn = patterns.draw(3200)
    blocks = drawn.images.reshape(len(drawn), 20, 5, 20, 5, 3).mean((2, 4), dtype=np.float32)
    accuracy = scored(blocks, drawn.labels)
    assert 0.2 < accuracy < 0.6
