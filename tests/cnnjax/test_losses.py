"""Cross-entropy and accuracy: the formula, the extremes, the gradient, bad labels."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax import losses
from cnnjax.losses import accuracy, correct, cross_entropy


@pytest.fixture(autouse=True)
def strict_promotion():
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


def draw(batch, classes=5, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(*batch, classes)) * 3
    return jnp.asarray(logits, jnp.float32), jnp.asarray(rng.integers(0, classes, batch))


def by_hand(logits, labels, smoothing):
    logits = np.asarray(logits, np.float64)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    target = np.eye(logits.shape[-1])[np.asarray(labels)]
    target = (1 - smoothing) * target + smoothing / logits.shape[-1]
    return -(target * log_p).sum(-1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("batch", [(), (0,), (7,), (2, 3)])
def test_formula(batch, smoothing):
    logits, labels = draw(batch)
    found = cross_entropy(logits, labels, label_smoothing=smoothing)
    assert found.shape == batch
    np.testing.assert_allclose(found, by_hand(logits, labels, smoothing), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equals_pytorch(smoothing):
    torch = pytest.importorskip("torch")
    logits, labels = draw((20,))
    want = torch.nn.functional.cross_entropy(
        torch.tensor(np.asarray(logits, np.float64)),
        torch.tensor(np.asarray(labels), dtype=torch.long),
        label_smoothing=smoothing,
        reduction="none",
    )
    found = cross_entropy(logits, labels, label_smoothing=smoothing)
    np.testing.assert_allclose(found, want.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_gradient_is_softmax_minus_target(smoothing):
    logits, labels = draw((6,))
    found = jax.grad(lambda z: jnp.sum(cross_entropy(z, labels, label_smoothing=smoothing)))(logits)
    target = (1 - smoothing) * np.eye(5)[np.asarray(labels)] + smoothing / 5
    np.testing.assert_allclose(found, np.asarray(jax.nn.softmax(logits)) - target, atol=1e-6)


def test_huge_and_infinite_logits():
    logits = jnp.asarray([[1e30, 0.0, 0.0], [0.0, -1e30, 0.0], [0.0, -jnp.inf, 0.0]])
    found = cross_entropy(logits, jnp.asarray([0, 0, 2]))
    np.testing.assert_allclose(found, [0, math.log(2), math.log(2)], rtol=1e-6, atol=1e-6)
    wrong = cross_entropy(logits[2:], jnp.asarray([1]))
    assert float(wrong[0]) == math.inf


def test_bfloat16_logits_give_the_float32_loss_of_the_same_numbers():
    logits, labels = draw((9,), classes=300)
    low = logits.astype(jnp.bfloat16)
    found = cross_entropy(low, labels)
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, by_hand(low, labels, 0.0), rtol=1e-5)


@pytest.mark.parametrize("label", [-1, 5, 100])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_label_outside_the_classes_is_never_a_number(label, smoothing):
    logits, _ = draw((2,))
    found = cross_entropy(logits, jnp.asarray([label, 0]), label_smoothing=smoothing)
    assert np.isnan(found[0])
    assert np.isfinite(found[1])


@pytest.mark.parametrize("dtype", [jnp.int8, jnp.uint8, jnp.int32])
def test_any_integer_labels(dtype):
    logits, labels = draw((7,))
    want = cross_entropy(logits, labels)
    np.testing.assert_array_equal(cross_entropy(logits, labels.astype(dtype)), want)


def test_labels_of_8_bits_with_more_than_256_classes():
    """The class numbers must not wrap in the labels' dtype."""
    logits = jnp.zeros((1, 300)).at[0, 261].set(9.0)
    found = cross_entropy(logits, jnp.asarray([5], jnp.uint8))
    np.testing.assert_allclose(found, by_hand(logits, [5], 0.0), rtol=1e-6)


def test_correct_and_accuracy():
    logits = jnp.asarray([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [0.0, 3.0]])
    labels = jnp.asarray([1, 1, 0, 1])
    assert correct(logits, labels).tolist() == [True, False, True, True]
    assert float(accuracy(logits, labels)) == 0.75
    assert accuracy(logits.astype(jnp.bfloat16), labels).dtype == jnp.float32


@pytest.mark.parametrize("function", [cross_entropy, correct, accuracy])
def test_misuse_is_named(function):
    logits, labels = draw((4,))
    name = "correct" if function is accuracy else function.__name__
    with pytest.raises(TypeError, match=f"{name}: labels must be class numbers"):
        function(logits, jnp.asarray([0.0] * 4))
    with pytest.raises(ValueError, match=rf"{name}: .*\(4, 5\) expect labels of shape \(4,\), got"):
        function(logits, labels[:3])
    with pytest.raises(ValueError, match="expect labels"):
        function(logits, jax.nn.one_hot(labels, 5, dtype=jnp.int32))
    with pytest.raises(TypeError, match="logits must have a floating dtype"):
        function(labels, labels)


@pytest.mark.parametrize("smoothing", [-0.1, 1.1, float("nan")])
def test_smoothing_is_a_share(smoothing):
    with pytest.raises(ValueError, match=r"label_smoothing must be in \[0, 1\]"):
        losses.cross_entropy(*draw((2,)), label_smoothing=smoothing)
