"""Batches: an order is a permutation that follows from (seed, epoch); feeders agree."""

import jax
import numpy as np
import pytest

from cnnjax.train.batches import epoch_order, feeder
from cnnjax.train.mesh import data_mesh


def test_an_epoch_takes_every_image_at_most_once_in_full_batches():
    order = epoch_order(seed=1, epoch=2, images=50, batch=8)
    assert order.shape == (6, 8)
    assert len(np.unique(order)) == 48
    assert order.min() >= 0
    assert order.max() < 50


def test_order_follows_from_seed_and_epoch():
    first = epoch_order(3, 5, 100, 10)
    np.testing.assert_array_equal(first, epoch_order(3, 5, 100, 10))
    for seed, epoch in [(3, 6), (4, 5), (5, 3)]:
        assert (first != epoch_order(seed, epoch, 100, 10)).any()


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("resident", [True, False])
def test_a_batch_is_the_indexed_images(toy, devices, resident):
    data = toy.quadrants(20)
    feed = feeder(data, data_mesh(jax.devices()[:devices]), resident=resident)
    indices = np.array([19, 0, 7, 7], np.int32)
    images, labels = feed(indices)
    np.testing.assert_array_equal(images, data.images[indices])
    np.testing.assert_array_equal(labels, data.labels[indices])
    assert images.dtype == np.uint8
    assert labels.dtype == np.int32
    assert len(images.addressable_shards) == devices
    assert images.addressable_shards[0].data.shape == (4 // devices, 8, 8, 1)
