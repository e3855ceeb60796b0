"""The rules of gather, scatter and the dynamic slices mean what JAX means by them.

Each is checked twice: with indices that the rule may look at, and with indices that it must treat
as unknown numbers, as it does where they depend on the program's inputs.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.verify.harness import check_rule
from verify import equivalent
from verify.algebras.base import Unsupported
from verify.algebras.numeric import Bounded

X = np.zeros((4, 5))
MODES = ["clip", "fill", "promise_in_bounds"]


@pytest.fixture(params=["known", "unknown"])
def indices(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether rules see the numbers of the indices."""
    if request.param == "unknown":
        monkeypatch.setattr(Bounded, "concrete", property(lambda self: None))
    return request.param


def ints(*rows, dtype=np.int32):
    return np.array(rows, dtype)


# -- slices --------------------------------------------------------------------------------------


STARTS = ints((0, 0), (1, 2), (2, 3), (-1, 9), (9, -3), (3, 3))


@pytest.mark.parametrize("sizes", [(2, 2), (4, 5), (1, 5), (3, 1)], ids=lambda s: f"{s[0]}x{s[1]}")
def test_dynamic_slices_clamp(sizes, indices: str) -> None:
    def all_starts(x, u, starts):
        pairs = [(starts[k, 0], starts[k, 1]) for k in range(len(STARTS))]
        read = [lax.dynamic_slice(x, pair, sizes) for pair in pairs]
        return read + [lax.dynamic_update_slice(x, u, pair) for pair in pairs]

    check_rule(all_starts, X, np.zeros(sizes), STARTS, reals=False)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64])
def test_dynamic_slices_of_other_dtypes_and_ranks(dtype, indices: str) -> None:
    def several(x, b, i, j):
        return [
            lax.dynamic_slice(b, (j, i), (2, 3)),
            lax.dynamic_update_slice(b, ~b[:1], (i, j)),
            lax.dynamic_slice(x, (i, j), (0, 2)),
            lax.dynamic_update_slice(x, x[:0], (i, j)),
            lax.dynamic_slice(x[0, 0], (), ()),
            lax.dynamic_update_slice(x[0, 0], x[1, 1], ()),
            x[i, j],
            x[:, j],
        ]

    random = np.random.default_rng(0).random((4, 5)) < 0.5
    check_rule(several, X, random, dtype(2), np.array(-1).astype(dtype), reals=False)


# -- gather --------------------------------------------------------------------------------------

I = ints(3, 0, -1, 7, 1)  # noqa: E741
PAIRS = ints((1, 2), (-1, 0), (3, 4), (3, 9), (0, -5))

GATHERS = {
    "rows": lambda x, i, p, **o: x.at[i].get(**o),
    "columns": lambda x, i, p, **o: x.at[:, i].get(**o),
    "elements": lambda x, i, p, **o: x.at[p[:, 0], p[:, 1]].get(**o),
    "a table of rows": lambda x, i, p, **o: x.at[p].get(**o),
    "take": lambda x, i, p, **o: jnp.take(x, i, axis=1, **o),
    "along an axis": lambda x, i, p, **o: jnp.take_along_axis(x, i[:4, None], 1, **o),
    "batched": lambda x, i, p, **o: jax.vmap(lambda a, k: a.at[k].get(**o))(x, p[:4]),
    "one": lambda x, i, p, **o: x.at[i[0]].get(**o),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", GATHERS)
def test_indexing_reads_what_jax_reads(name: str, mode: str, indices: str) -> None:
    if name == "take" and mode == "promise_in_bounds":
        mode = "wrap"  # take knows no promises
    options = {"mode": mode}
    if mode == "fill" and name not in ("take", "along an axis"):
        options["fill_value"] = 7.5 if name == "rows" else 0.0
    f = lambda x, i, p: GATHERS[name](x, i, p, **options)  # noqa: E731
    # Out of bounds, the NaN that take fills with is undefined; where the index is unknown, so is
    # what the rule says there.
    inside = name in ("take", "along an axis") and mode == "fill"
    i, p = (np.clip(I, 0, 3), np.clip(PAIRS, 0, 3)) if inside else (I, PAIRS)
    check_rule(f, X, i, p, reals=False)


def test_reads_out_of_bounds_are_undefined_where_jax_fills_with_nan() -> None:
    check_rule(lambda x, i: x.at[i].get(mode="fill"), X, I)


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.bool_])
def test_reads_out_of_bounds_of_integers_fill_with_an_extreme(dtype, indices: str) -> None:
    x = np.arange(20).reshape(4, 5).astype(dtype)
    check_rule(lambda x, i: x.at[i].get(mode="fill"), x, I)


def test_complex_numbers_and_keys_are_read_and_written() -> None:
    z = X + 0j

    def several(z, i):
        return [
            z[i],
            z.at[i].get(mode="fill", fill_value=2 - 3j),
            z.at[i[:2]].set(z[2:]),
            z.at[i].add(z[0], mode="drop"),
            z.at[i[:2]].multiply(z[:2]),
            lax.dynamic_slice(z, (i[0], i[1]), (2, 3)),
        ]

    check_rule(several, z, I)
    draw = jax.vmap(lambda key: jax.random.uniform(key, (2,)))
    keys = jax.random.split(jax.random.key(0), 4)
    verdict = equivalent(
        lambda k: draw(k[np.array([2, 0])]), lambda k: draw(jnp.stack([k[2], k[0]])), keys
    )
    assert verdict.status == "proved", verdict


def random_numbers(seed: int):
    """Any dimension numbers: operand shape, indices, slice sizes, and where everything goes."""
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, 4))
    shape = rng.integers(1, 5, rank).tolist()
    order = rng.permutation(rank).tolist()
    batching = sorted(order[: int(rng.integers(0, rank))])
    rest = [d for d in order if d not in batching]
    start_map = rest[: int(rng.integers(1, len(rest) + 1))]
    batch = [shape[d] for d in batching] + rng.integers(1, 4, int(rng.integers(0, 2))).tolist()
    shuffled = rng.permutation(len(batch)).tolist()
    partners = [shuffled.index(k) for k in range(len(batching))]
    batch = [batch[k] for k in shuffled]
    sizes = [1 if d in batching else int(rng.integers(1, shape[d] + 1)) for d in range(rank)]
    collapsed = sorted(d for d in rest if sizes[d] == 1 and rng.random() < 0.6)
    window = [sizes[d] for d in range(rank) if d not in batching and d not in collapsed]
    out_rank = len(batch) + len(window)
    offset = sorted(rng.permutation(out_rank)[: len(window)].tolist())
    dtype = [np.int32, np.int8, np.uint8][rng.integers(3)]
    low = 0 if dtype == np.uint8 else -2
    index = rng.integers(low, 6, (*batch, len(start_map))).astype(dtype)
    numbers = tuple(map(tuple, (offset, collapsed, start_map, batching, partners)))
    sources = iter(window), iter(batch)
    out = [next(sources[0] if d in offset else sources[1]) for d in range(out_rank)]
    return np.zeros(shape), index, np.zeros(out), sizes, numbers


@pytest.mark.parametrize("seed", range(9))
def test_any_gather_means_what_jax_means(seed: int, indices: str) -> None:
    x, index, _, sizes, numbers = random_numbers(seed)
    d = lax.GatherDimensionNumbers(*numbers)

    def f(x, i):
        clipped, promised = (lax.gather(x, i, d, sizes, mode=m) for m in MODES[::2])
        return clipped, promised, lax.gather(x, i, d, sizes, mode="fill", fill_value=7.5)

    check_rule(f, x, index, reals=False)


# -- scatter -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(9))
@pytest.mark.parametrize("mode", ["clip", "drop"])
def test_any_scatter_means_what_jax_means(mode: str, seed: int, indices: str) -> None:
    x, index, updates, _, numbers = random_numbers(seed)
    d = lax.ScatterDimensionNumbers(*numbers)
    operations = [lax.scatter_add, lax.scatter_sub, lax.scatter_mul, lax.scatter_max]
    f = lambda x, i, u: [o(x, i, u, d, mode=mode) for o in operations]  # noqa: E731
    check_rule(f, x, index, updates, reals=False)
    narrow = np.random.default_rng(seed).integers(-128, 128, updates.shape).astype(np.int8)
    check_rule(
        lambda x, i, u: lax.scatter_min(x, i, u, d, mode=mode), x.astype(np.int8), index, narrow
    )


@pytest.mark.parametrize("seed", range(9))
@pytest.mark.parametrize("mode", ["clip", "drop"])
def test_any_overwriting_scatter_means_what_jax_means_or_is_refused(
    mode: str, seed: int, indices: str
) -> None:
    x, index, updates, _, numbers = random_numbers(seed)
    d = lax.ScatterDimensionNumbers(*numbers)
    f = lambda x, i, u: lax.scatter(x, i, u, d, mode=mode)  # noqa: E731
    refused = refusal(f, x, index, updates)
    if refused:
        assert "twice" in refused
        assert int(np.prod(index.shape[:-1])) > 1  # a single window writes nothing twice


def refusal(f, *inputs) -> str:
    """The reason why the rules have no meaning for this, "" if they have, and it is JAX's."""
    try:
        check_rule(f, *inputs, reals=False)
    except Unsupported as error:
        return str(error)
    return ""


DISTINCT = ints(3, 0, 2)

SCATTERS = {
    "set": lambda x, i, u: x.at[i].set(u),
    "set columns": lambda x, i, u: x.at[1:3, i].set(u.T[:2]),
    "set, dropping": lambda x, i, u: x.at[i + 2].set(u, mode="drop"),
    "add": lambda x, i, u: x.at[i // 2].add(u),
    "add into one": lambda x, i, u: x.at[i * 0, i * 0].add(u[:, 0]),
    "multiply": lambda x, i, u: x.at[i // 2].multiply(u),
    "divide": lambda x, i, u: x.at[i].divide(2.0),
    "power": lambda x, i, u: x.at[i].power(3),
    "maximum": lambda x, i, u: x.at[i // 3].max(u),
    "minimum": lambda x, i, u: x.at[i // 3].min(u),
    "segments": lambda x, i, u: jax.ops.segment_sum(u, i, num_segments=5),
    "segment maxima": lambda x, i, u: jax.ops.segment_max(u, i % 2, num_segments=2),
    "gradient of rows": lambda x, i, u: jax.grad(lambda v: (v[i] * u).sum())(x),
    "gradient along an axis": lambda x, i, u: jax.grad(
        lambda v: (jnp.take_along_axis(v[:3], i[:, None], 1) * u[:, :1]).sum()
    )(x),
    "batched set": lambda x, i, u: jax.vmap(lambda a, k, v: a.at[k].set(v))(x[:3], i, u[:, 0]),
    "batched add": lambda x, i, u: jax.vmap(lambda a, k, v: a.at[k].add(v))(x[:3], i, u[:, 0]),
}


@pytest.mark.parametrize("name", SCATTERS)
def test_updates_write_what_jax_writes(name: str, indices: str) -> None:
    refused = refusal(SCATTERS[name], X, DISTINCT, np.zeros((3, 5)))
    # Several unknown indices may coincide: only updates that combine have a meaning then.
    coincide = indices == "unknown" and name in ("set", "set columns", "set, dropping")
    assert ("twice" in refused) if coincide else not refused, refused


APPLIED = {
    "relu": lambda v: jnp.maximum(v, 0) * 2 + 1,
    "a constant": lambda v: v * 0 + 3,
    "itself": lambda v: v,
    "choice": lambda v: jnp.where(v > 1, v, -v),
}


@pytest.mark.parametrize("name", APPLIED)
def test_functions_are_applied_where_the_indices_say(name: str) -> None:
    check_rule(lambda x, i: x.at[i].apply(APPLIED[name]), X, DISTINCT)


def test_equal_known_updates_may_be_written_twice() -> None:
    check_rule(lambda x, i: x.at[i].set(0.0), X, ints(1, 1, 3))


REFUSED = {
    "written twice": lambda x, i: x.at[i].set(x[:3]),
    "written twice, with different constants": lambda x, i: x.at[i, 0].set(np.arange(3.0)),
    "applied twice": lambda x, i: x.at[i].apply(jnp.sin),
    "promised to be unique": lambda x, i: x.at[i].add(x[:3], unique_indices=True),
    "promised to be inside": lambda x, i: x.at[i + 2].add(x[:3], mode="promise_in_bounds"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_scatters_without_a_meaning_are_refused(name: str) -> None:
    with pytest.raises(Unsupported):
        check_rule(REFUSED[name], X, ints(1, 1, 3))


def test_too_many_places_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bounded, "concrete", property(lambda self: None))
    x = np.zeros((2000, 2000))
    for f in (
        lambda x, i: lax.dynamic_slice(x, (i, i), (5, 5)),
        lambda x, i: lax.dynamic_update_slice(x, x[:5, :5], (i, i)),
        lambda x, i: x.at[i, i].get(mode="clip"),
        lambda x, i: x.at[i, i].add(1.0),
    ):
        with pytest.raises(Unsupported, match="places"):
            check_rule(f, x, np.int32(3), reals=False, integers=False)
