"""What is measured on kernels and patches, against plain definitions."""

import jax
import numpy as np
import pytest

from cnnjax import conv
from experiments.claims.measures import cosines, directions, duplicates, selectivity
from experiments.claims.patches import discordant, ranks, roughness, windows

RNG = np.random.default_rng(0)


def test_selectivity_ignores_scale_and_sign_and_rises_where_weak_answers_are_cut():
    maps = RNG.normal(size=(50, 3))
    np.testing.assert_allclose(selectivity(maps), selectivity(-7 * maps))
    assert (selectivity(np.maximum(maps, 0)) > selectivity(maps)).all()
    assert selectivity(np.ones((5, 1))) == pytest.approx(0)
    assert np.isnan(selectivity(np.zeros((5, 1)))).all()


def test_cosines_are_those_of_the_flattened_kernels():
    first, second = RNG.normal(size=(2, 3, 3, 2, 4))
    table = cosines(first, second)
    a, b = first[..., 1].ravel(), second[..., 3].ravel()
    assert table[1, 3] == pytest.approx(a @ b / np.sqrt((a @ a) * (b @ b)))


def test_a_copy_is_a_duplicate_and_a_mirror_image_is_not():
    kernel = RNG.normal(size=(5, 5, 3, 4))
    assert duplicates(kernel, 0.9) == 0
    assert duplicates(np.concatenate([kernel, 3 * kernel], -1), 0.9) == 4
    assert duplicates(np.concatenate([kernel, -kernel], -1), 0.9) == 0


def test_copies_add_no_direction():
    kernel = RNG.normal(size=(5, 5, 3, 4))
    doubled = np.concatenate([kernel, kernel], -1)
    assert directions(doubled) == pytest.approx(directions(kernel))
    assert directions(kernel) <= 4


def test_windows_times_kernel_is_the_convolution():
    images = RNG.integers(0, 256, (2, 6, 7, 3))
    kernel = RNG.integers(-9, 9, (3, 3, 3, 4))
    expected = conv(
        jax.numpy.asarray(images, "float32"), jax.numpy.asarray(kernel, "float32"), padding="VALID"
    )
    found = windows(images, 3) @ kernel.reshape(-1, 4)
    np.testing.assert_array_equal(found, np.asarray(expected).reshape(found.shape))


def test_brightness_is_not_roughness():
    flat, edge = np.zeros((1, 75)), np.repeat([[0.0, 4.0]], [3 * 12, 3 * 13], axis=1)
    assert roughness(flat + 200, 3) == 0
    assert roughness(edge, 3) == pytest.approx(roughness(edge + 100, 3))
    assert roughness(edge, 3) == pytest.approx(2, rel=0.01)


def test_the_order_within_groups_is_what_counts():
    answers, group = RNG.permutation(30).astype(float), np.repeat([0, 1, 2], 10)
    assert discordant(answers, 5 * answers, group) == (3 * 45, 0)
    assert discordant(answers - 100 * group, answers, group) == (3 * 45, 0)
    swapped = answers.copy()
    swapped[[3, 4]] = swapped[[4, 3]]
    assert discordant(swapped, answers, group)[1] > 0
    tied = np.where(np.arange(30) < 10, 0.0, answers)  # equal cosines, unequal answers
    assert discordant(answers, tied, group)[1] > 0


def test_ranks_share_ties():
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [2.5, 0.0, 2.5, 1.0]
