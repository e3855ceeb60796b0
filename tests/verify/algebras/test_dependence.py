"""Dependence: what is not seen cannot matter, and what is seen is not much more than what does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from verify.algebras.dependence import Dependence
from verify.algebras.element_sets import ElementSets
from verify.checks.dependence import dependence

LAYOUT = ("NHWC", "HWIO", "NHWC")


def conv(x: Any, w: Any, padding: Any = "SAME", stride: int = 1, dilation: int = 1) -> Any:
    return lax.conv_general_dilated(
        x, w, (stride,) * 2, padding, rhs_dilation=(dilation,) * 2, dimension_numbers=LAYOUT
    )


def pool(x: Any, size: int = 2) -> Any:
    window = (1, size, size, 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")


def average(x: Any) -> Any:
    window = (1, 2, 2, 1)
    return lax.reduce_window(x, 0.0, lax.add, window, window, "VALID") / 4


def patches(x: Any) -> Any:
    return lax.conv_general_dilated_patches(x, (3, 3), (1, 1), "SAME", dimension_numbers=LAYOUT)


def softmax_attention(x: Any) -> Any:
    """A causal mask: row i sees rows up to i."""
    scores = jnp.where(jnp.tril(jnp.ones((4, 4), bool)), x @ x.T, -jnp.inf)
    return jax.nn.softmax(scores, -1) @ x


def loop(x: Any) -> Any:
    return lax.fori_loop(0, 3, lambda i, y: jnp.roll(y, 1).at[0].set(x[i]), x)


def while_nobody_knows(x: Any) -> Any:
    return lax.while_loop(lambda y: y[0] < 10, lambda y: y + jnp.array([1.0, 0, 0]), x)


IMAGE = np.zeros((1, 6, 7, 2), np.float32)
VECTOR = np.zeros(6, np.float32)
W = np.zeros((3, 3, 2, 3), np.float32)
PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "conv": (conv, (IMAGE, W)),
    "conv valid": (lambda x, w: conv(x, w, "VALID"), (IMAGE, W)),
    "conv strided": (lambda x, w: conv(x, w, stride=2), (IMAGE, W)),
    "conv dilated": (lambda x, w: conv(x, w, dilation=2), (IMAGE, W)),
    "conv, relu, pool": (lambda x, w: pool(jax.nn.relu(conv(x, w))), (IMAGE, W)),
    "average": (average, (IMAGE,)),
    "patches": (patches, (IMAGE,)),
    "softmax": (lambda x: jax.nn.softmax(x.reshape(2, 3), -1), (VECTOR,)),
    "attention": (softmax_attention, (np.zeros((4, 3), np.float32),)),
    "cumsum": (jnp.cumsum, (VECTOR,)),
    "triangular matrix": (lambda x: jnp.tril(jnp.ones((6, 6))) @ x, (VECTOR,)),
    "masked": (lambda x: jnp.where(jnp.arange(6) % 2 == 0, x, 7) * jnp.arange(6), (VECTOR,)),
    "gather": (lambda x: x[jnp.array([5, 0, 0, 2])], (VECTOR,)),
    "scatter": (lambda x, y: x.at[jnp.array([1, 4])].add(y), (VECTOR, VECTOR[:2])),
    "sort": (jnp.sort, (VECTOR[:4],)),
    "argmax": (lambda x: jnp.argmax(x.reshape(2, 3), -1), (VECTOR,)),
    "dynamic slice": (
        lambda x, i: lax.dynamic_slice(x, (i,), (2,)),
        (VECTOR, np.array(3, np.int32)),
    ),
    "select": (lambda x: jnp.where(x[0] > 0, x[1:4], x[3:6]), (VECTOR,)),
    "scan": (lambda x: lax.scan(lambda c, v: (c + v, c * v), 0.0, x), (VECTOR,)),
    "loop": (loop, (VECTOR,)),
    "while": (while_nobody_knows, (VECTOR[:3],)),
    "fft": (lambda x: jnp.abs(jnp.fft.rfft(x.reshape(2, 3), axis=-1)), (VECTOR,)),
    "complex": (lambda x: (x[:3] + 1j * x[3:]) * (2 + 1j), (VECTOR,)),
    "integers": (lambda i: (i[:3] << 2) // jnp.maximum(i[3:], 1), (np.ones(6, np.int32),)),
    "gradient": (jax.grad(lambda x: jnp.sum(pool(x * x) ** 2)), (IMAGE,)),
    "several": (
        lambda p: {"a": p["x"] + 1, "b": p["x"][:2] * p["y"]},
        ({"x": VECTOR, "y": VECTOR[:2]},),
    ),
}


def random_like(rng: np.random.Generator, x: Any) -> Any:
    if np.issubdtype(x.dtype, np.integer):
        return rng.integers(0, 4, x.shape).astype(x.dtype)
    return rng.normal(size=x.shape).astype(x.dtype)


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_not_seen_cannot_matter(name: str) -> None:
    """Changing all that an output element is said not to depend on leaves it as it is."""
    f, examples = PROGRAMS[name]
    seen = dependence(f, *examples)
    rng = np.random.default_rng(0)
    one, two = (jax.tree.map(lambda x: random_like(rng, x), examples) for _ in range(2))
    before = jax.tree.leaves(f(*jax.tree.map(jnp.asarray, one)))
    for output, values in enumerate(before):
        places = [tuple(p) for p in np.argwhere(np.ones(np.shape(values), bool)).tolist()]
        for index in [places[i] for i in rng.permutation(len(places))[:8]]:
            mask = seen.inputs_of(index, output=output)
            mixed = jax.tree.map(lambda m, a, b: jnp.asarray(np.where(m, a, b)), mask, one, two)
            after = jax.tree.leaves(f(*mixed))[output]
            np.testing.assert_allclose(after[index], values[index], rtol=1e-6, err_msg=f"{index}")


# Those whose answer is exact: every marked input has a derivative that is not zero.
LINEAR = (
    *("conv", "conv valid", "conv strided", "conv dilated", "average", "patches"),
    *("softmax", "cumsum", "triangular matrix", "masked", "gather", "scatter"),
    "loop",
)


@pytest.mark.parametrize("name", LINEAR)
def test_what_is_seen_matters(name: str) -> None:
    f, examples = PROGRAMS[name]
    seen = dependence(f, *examples)
    rng = np.random.default_rng(1)
    point = jax.tree.map(lambda x: jnp.asarray(random_like(rng, x)), examples)
    jacobian = jax.jacobian(f, tuple(range(len(examples))))(*point)
    shape = jax.eval_shape(f, *examples).shape
    for index in np.ndindex(shape):
        masks = seen.inputs_of(index)
        for mask, derivative in zip(masks, jacobian, strict=True):
            np.testing.assert_array_equal(mask, np.asarray(derivative)[index] != 0, f"{index}")


def sides(box: Any) -> list[int]:
    return [side.stop - side.start for side in box]


@pytest.mark.parametrize(
    ("layers", "field"),
    [
        ([5, 5], 9),
        ([5, "pool", 5], 14),
        ([5, "pool", 5, "pool", 5], 32),
        ([3, 3, 3], 7),
        (["pool", "pool"], 4),
    ],
)
def test_receptive_fields_are_those_of_the_book(layers: list[Any], field: int) -> None:
    """field += (size - 1) * stride so far."""
    kernels = [jnp.ones((k, k, 1, 1)) for k in layers if k != "pool"]

    def f(x: Any) -> Any:
        left = list(kernels)
        for layer in layers:
            x = pool(x) if layer == "pool" else conv(x, left.pop(0))
        return x

    x = jax.ShapeDtypeStruct((1, 48, 48, 1), jnp.float32)
    height = jax.eval_shape(f, x).shape[1]
    (box,) = dependence(f, x).box((0, height // 2, height // 2, 0))
    assert sides(box) == [1, field, field, 1]


def test_borders_see_less_and_their_weights_too() -> None:
    x_box, w_box = dependence(conv, IMAGE, W).box((0, 0, 0, 1))
    assert x_box == (slice(0, 1), slice(0, 2), slice(0, 2), slice(0, 2))
    assert w_box == (slice(1, 3), slice(1, 3), slice(0, 2), slice(1, 2))


def test_zero_weights_are_not_seen_through() -> None:
    weights = np.zeros((3, 3, 2, 1), np.float32)
    weights[0, 2, 1, 0] = 4
    (box,) = dependence(lambda x: conv(x, jnp.asarray(weights)), IMAGE).box((0, 3, 3, 0))
    assert box == (slice(0, 1), slice(2, 3), slice(4, 5), slice(1, 2))


def test_no_dependence_has_no_box() -> None:
    seen = dependence(lambda x, y: x * 0 + y, VECTOR, VECTOR)
    assert seen.box((2,)) == (None, (slice(2, 3),))
    assert not seen.inputs_of((2,))[0].any()


def test_a_primitive_without_a_rule_sees_all_of_its_operands() -> None:
    def f(x: Any, y: Any) -> Any:
        return jnp.linalg.qr(x)[1], y + 1

    seen = dependence(f, np.zeros((3, 3), np.float32), VECTOR)
    x, y = seen.inputs_of((0, 0), output=0)
    assert x.all()
    assert not y.any()
    x, y = seen.inputs_of((4,), output=1)
    assert not x.any()
    assert y.tolist() == [False] * 4 + [True, False]


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.complex64])
def test_all_of_a_matrix_decides_whether_it_has_a_cholesky_factor(dtype: Any) -> None:
    def factor(matrix: Any) -> Any:
        return lax.linalg.cholesky(matrix, symmetrize_input=False)

    several = jnp.stack([jnp.eye(3, dtype=dtype)] * 2)
    seen = dependence(factor, several)
    for place in np.ndindex(3, 3):
        changed = np.asarray(factor(several.at[(1, *place)].set(-7.0 - 3.0 * place[1])))
        for index in np.ndindex(2, 3, 3):
            (marked,) = seen.inputs_of(index)
            same = np.array_equal(changed[index], several[index], equal_nan=True)
            assert same or marked[(1, *place)], (place, index)
    (marked,) = seen.inputs_of((1, 0, 0))
    assert marked.tolist() == [np.zeros((3, 3)).tolist(), np.tril(np.ones((3, 3))).tolist()]
    assert not seen.inputs_of((1, 0, 2))[0].any()


def test_wrong_indices_are_named() -> None:
    seen = dependence(lambda x: x, VECTOR)
    with pytest.raises(IndexError, match=r"index: \(6,\), but output 0 has the shape \(6,\)"):
        seen.inputs_of((6,))
    with pytest.raises(IndexError, match=r"index: \(\), but output 0"):
        seen.box(())
    with pytest.raises(IndexError, match="output: 1, but the function returns 1"):
        seen.inputs_of((0,), output=1)
    np.testing.assert_array_equal(seen.inputs_of((-1,))[0], [0, 0, 0, 0, 0, 1])


def test_symbolic_shapes_are_refused() -> None:
    (n,) = jax.export.symbolic_shape("n")
    with pytest.raises(ValueError, match=r"expected shapes of numbers, got \(n,\)"):
        dependence(lambda x: x, jax.ShapeDtypeStruct((n,), jnp.float32))


def test_scalars_and_empty_arrays_are_inputs() -> None:
    seen = dependence(lambda x, y: x + jnp.sum(y), 1.0, np.zeros((0, 3)))
    x, y = seen.inputs_of(())
    assert x.tolist() is True
    assert y.shape == (0, 3)


def test_random_keys_are_inputs_too() -> None:
    keys = jax.random.split(jax.random.key(0), 3)
    seen = dependence(lambda keys: keys[1:], keys)
    assert seen.inputs_of((0,))[0].tolist() == [False, True, False]


@pytest.mark.parametrize("seed", range(20))
def test_unions_are_unions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = ElementSets(12)
    truth: dict[int, frozenset[int]] = {0: frozenset()}
    truth.update({1 + i: frozenset([i]) for i in range(12)})
    for _ in range(6):
        rows = rng.choice(list(truth), (int(rng.integers(0, 9)), 2, int(rng.integers(0, 6))))
        numbers = table.union(rows.astype(np.int32))
        assert numbers.shape == rows.shape[:2]
        for index in np.ndindex(numbers.shape):
            expected = frozenset().union(*(truth[int(n)] for n in rows[index]))
            number = int(numbers[index])
            assert sorted(expected) == table.members(number).tolist()
            truth.setdefault(number, expected)
    by_set = {}
    for number, members in truth.items():
        assert by_set.setdefault(members, number) == number, "equal sets have equal numbers"


def test_unions_in_chunks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = 1 + np.random.default_rng(0).integers(0, 50, (40, 7)).astype(np.int32)
    whole = ElementSets(50)
    expected = [whole.members(n).tolist() for n in whole.union(rows)]
    monkeypatch.setattr("verify.algebras.element_sets._CHUNK", 16)
    table = ElementSets(50)
    assert [table.members(n).tolist() for n in table.union(rows)] == expected


def test_products_with_zeros_are_zero_along_a_chain() -> None:
    algebra = Dependence([4])
    x = algebra.input(0, (4,), np.dtype(np.float32))
    half = algebra.mul(x, algebra.lift(np.array([0.0, 0, 1, 1])))
    other = algebra.mul(x, algebra.lift(np.array([1.0, 0, 0, 1])))
    product = algebra.mul(half, other)
    assert [algebra.elements(product, 0, (i,)).tolist() for i in range(4)] == [[], [], [], [3]]
    total = algebra.sum(algebra.reshape(product, (2, 2)))
    assert total.zero is not None
    assert total.zero.tolist() == [True, False]


def test_printed_it_is_a_table():
    """Every row is what `inputs_of` says of all elements, and `box` of the one in the middle."""

    def f(x, params, key):
        noise = jax.random.normal(key, (2, 6))
        return {"y": jnp.cumsum(x) * params["w"], "z": noise, "none": jnp.zeros((0, 2))}

    x = jnp.ones(6)
    seen = dependence(f, x, {"w": 2.0, "act": jax.nn.relu}, jax.random.key(0))
    heading, *rows = (re.split(r"  +", line) for line in str(seen).splitlines())
    assert heading == ["output", "shape", "input", "shape", "elements seen", "from the middle"]
    assert [row[:3] for row in rows[::3]] == [
        ["0 ['none']", "(0, 2)", "x"],
        ["1 ['y']", "(6,)", "x"],
        ["2 ['z']", "(2, 6)", "x"],
    ]
    assert rows[3][3:] == ["(6,)", "1 to 6 of 6", "[3]: [0:4]"]
    counts = [int(seen.inputs_of((i,), output=1)[0].sum()) for i in range(6)]
    assert (min(counts), max(counts)) == (1, 6)
    assert seen.box((3,), output=1)[0] == (slice(0, 4),)
    assert seen.box((3,), output=1)[1] == {"w": (), "act": jax.nn.relu}
    assert rows[4][2:] == ["params['w']", "()", "1 of 1", "[3]: all"]
    assert rows[8][2:] == ["key", "()", "1 of 1", "[1, 3]: all"]
    assert rows[5][4:] == ["none", "nothing"]
    assert rows[0][4:] == ["none", "-"]
