"""`shard_map` and its collectives mean what JAX means, on two devices and on larger meshes."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import AbstractMesh, AxisType, Mesh
from jax.sharding import PartitionSpec as P

import verify
from tests.verify.harness import check_rule
from verify.algebras.base import Unsupported
from verify.algebras.field import Field
from verify.algebras.numeric import Numeric
from verify.evaluate import evaluate
from verify.programs import trace

X = np.arange(16.0).reshape(4, 4) % 7 - 3


ROWS = P("i")


def on_two_devices(body, *, ins=ROWS, outs=ROWS, **options):
    mesh = Mesh(np.array(jax.devices()[:2]), ("i",))
    return jax.jit(jax.shard_map(body, mesh=mesh, in_specs=ins, out_specs=outs, **options))


SWAP = [(0, 1), (1, 0)]
BODIES = {
    "psum": lambda x: x + lax.psum(x, "i"),
    "pmean": lambda x: x - lax.pmean(x, "i"),
    "pmax": lambda x: x + lax.pmax(x, "i"),
    "pmin": lambda x: x + lax.pmin(x, "i"),
    "psum of a tree": lambda x: x + sum(lax.psum((x * 2, x * x), "i")),
    "ppermute": lambda x: lax.ppermute(x, "i", SWAP),
    "ppermute with zeros": lambda x: lax.ppermute(x, "i", [(0, 1)]),
    "pshuffle": lambda x: lax.pshuffle(x, "i", [1, 0]),
    "pswapaxes": lambda x: lax.pswapaxes(x, "i", 0),
    "all_gather": lambda x: lax.all_gather(x, "i")[::-1].sum(1) + x,
    "all_gather along an axis": lambda x: lax.all_gather(x, "i", axis=1)[:, 1],
    "all_gather tiled": lambda x: lax.all_gather(x, "i", axis=1, tiled=True),
    "psum_scatter": lambda x: lax.psum_scatter(x, "i")[None],
    "psum_scatter tiled": lambda x: lax.psum_scatter(x, "i", scatter_dimension=1, tiled=True),
    "all_to_all": lambda x: lax.all_to_all(x, "i", 0, 1),
    "all_to_all backwards": lambda x: lax.all_to_all(x, "i", 0, 0),
    "all_to_all tiled": lambda x: lax.all_to_all(x, "i", 1, 0, tiled=True),
    "axis_index": lambda x: x * (lax.axis_index("i") + 2),
    "axis_index as a start": lambda x: lax.dynamic_slice_in_dim(x, lax.axis_index("i"), 1, 1),
    "axis_index as a condition": lambda x: lax.cond(
        lax.axis_index("i") == 0, lambda t: t * 2, lambda t: t + 1, x
    ),
    "branch with collectives": lambda x: lax.cond(
        lax.psum(x, "i").sum() > 0, lambda t: lax.psum(t * t, "i") * t, lambda t: t, x
    ),
    "scan": lambda x: lax.scan(lambda c, t: (c + lax.psum(t, "i") * t, c), x[0], x)[1],
    "fori": lambda x: lax.fori_loop(0, 3, lambda i, c: c * 0.5 + lax.ppermute(c, "i", SWAP), x),
    "while": lambda x: lax.while_loop(
        lambda c: c[0] < 2, lambda c: (c[0] + 1, c[1] + lax.psum(c[1], "i")), (0, x)
    )[1],
    "jit": lambda x: jax.jit(lambda y: lax.psum(y, "i") * y)(x),
    "complex": lambda x: jnp.abs(lax.psum(x + 1j * lax.axis_index("i"), "i")) * x,
    "halo": lambda x: lax.ppermute(x[-1:], "i", [(0, 1)]) + x + lax.ppermute(x[:1], "i", [(1, 0)]),
}


@pytest.mark.parametrize("check", [True, False], ids=["checked", "unchecked"])
@pytest.mark.parametrize("name", BODIES)
def test_collective_means_what_jax_means(name: str, check: bool) -> None:
    f = on_two_devices(BODIES[name], check_vma=check)
    check_rule(f, X, reals=False, by_rules_only=False)


def pairs_of_axes(*sizes):
    """A mesh to trace with: it needs no devices."""
    return AbstractMesh(sizes, ("i", "j"), axis_types=(AxisType.Auto,) * 2)


SPECS = {
    "rows": (P("i"), P("i")),
    "columns": (P(None, "i"), P(None, "i")),
    "rows to columns": (P("i", None), P(None, "i")),
    "replicated": (P(), P()),
    "replicated to rows": (P(), P("i")),
    "a tuple of axes": (P(("i",)), P(("i",))),
}


@pytest.mark.parametrize("name", SPECS)
def test_blocks_are_cut_and_joined_as_in_jax(name: str) -> None:
    ins, outs = SPECS[name]
    f = on_two_devices(lambda x: x * 2 + 1, ins=ins, outs=outs)
    check_rule(f, X, reals=False, by_rules_only=False)


# A loop that may not end is run apart, by an interpreter that knows no meshes.
@pytest.mark.parametrize("name", sorted(BODIES.keys() - {"while"}))
def test_a_fault_behind_a_collective_is_refuted(name: str) -> None:
    """What JAX computes at the input has the last word, and it has to run the body for that."""
    f = on_two_devices(BODIES[name])

    def fault(x):
        y = f(x)
        return y.at[(0,) * y.ndim].add(jnp.where(x[1, 2] > 2, x[0, 1] + x[3, 3], 0.0))

    x = jax.ShapeDtypeStruct((4, 4), jnp.float32)
    assert verify.equivalent(f, fault, x).status == "refuted"


def test_float64_tells_what_float32_hides_on_a_mesh() -> None:
    def body(x):
        return x * (lax.axis_index("i") + 2) + lax.psum(x, "i")

    def near(x):
        return f(x) + 1e-9 * x[::-1]

    f = on_two_devices(body)
    assert verify.equivalent(f, near, jax.ShapeDtypeStruct((4, 4), jnp.float32)).status == "refuted"


def test_gradients_through_collectives() -> None:
    def loss(x):
        return lax.psum((lax.ppermute(x * x, "i", SWAP) * lax.psum(x, "i")).sum(), "i")

    check_rule(jax.grad(on_two_devices(loss, outs=P())), X, reals=False, by_rules_only=False)


def test_only_the_named_axes_are_manual() -> None:
    mesh = Mesh(np.array(jax.devices()[:2]).reshape(2, 1), ("i", "j"))
    f = jax.shard_map(
        lambda x: lax.psum(x, "i") * x,
        mesh=mesh,
        in_specs=P("i"),
        out_specs=P("i"),
        axis_names={"i"},
    )
    check_rule(jax.jit(f), X, reals=False, by_rules_only=False)


# -- meshes of two axes: JAX's vmap over named axes is the reference --------------------------

PAIRS = {
    "psum i": lambda x: lax.psum(x, "i"),
    "psum j": lambda x: lax.psum(x, "j"),
    "psum both": lambda x: lax.psum(x, ("j", "i")),
    "pmax j": lambda x: lax.pmax(x, "j"),
    "ppermute i": lambda x: lax.ppermute(x, "i", SWAP),
    "ppermute j": lambda x: lax.ppermute(x, "j", [(0, 2), (2, 1), (1, 0)]),
    "all_gather j": lambda x: lax.all_gather(x, "j", tiled=True, axis=1)[:, 1:4],
    "all_gather i then j": lambda x: lax.all_gather(lax.all_gather(x, "i"), "j")[2, 0],
    "psum_scatter": lambda x: lax.psum_scatter(x, "j", scatter_dimension=1, tiled=True),
    "all_to_all": lambda x: lax.all_to_all(x, "j", 1, 0, tiled=True),
    "axis_index i": lambda x: x + lax.axis_index("i"),
    "axis_index j": lambda x: x * lax.axis_index("j"),
    "axis_index of both": lambda x: x * lax.axis_index(("i", "j")),
    "axis_index of both, swapped": lambda x: x * lax.axis_index(("j", "i")),
}


@pytest.mark.parametrize("name", PAIRS)
def test_collective_on_a_mesh_of_two_axes(name: str) -> None:
    body = PAIRS[name]
    blocks = (np.arange(2 * 3 * 2 * 3.0) ** 2 % 11).reshape(2, 3, 2, 3)
    expected = np.asarray(jax.vmap(jax.vmap(body, axis_name="j"), axis_name="i")(blocks))
    mesh = pairs_of_axes(2, 3)
    f = jax.shard_map(
        lambda x: body(x[0, 0])[None, None],
        mesh=mesh,
        in_specs=P("i", "j"),
        out_specs=P("i", "j"),
        check_vma=False,
    )
    (ours,) = evaluate(trace(f, blocks), Numeric(), [Numeric().lift(blocks)])
    np.testing.assert_array_equal(ours.value, expected)


def test_tuple_axes_count_with_the_first_name_slowest() -> None:
    """P(('i', 'j')) and a collective over ('i', 'j') number the devices in the same way."""
    mesh = pairs_of_axes(2, 3)
    x = np.arange(12.0)
    for order in (("i", "j"), ("j", "i")):
        f = jax.shard_map(
            lambda x, order=order: lax.all_gather(x, order, tiled=True) + 0 * x[0],
            mesh=mesh,
            in_specs=P(order),
            out_specs=P(),
            check_vma=False,
        )
        (ours,) = evaluate(trace(f, x), Numeric(), [Numeric().lift(x)])
        np.testing.assert_array_equal(ours.value, x)


def test_a_permutation_numbers_the_devices_as_the_mesh_does() -> None:
    """In whatever order its axes are named, unlike the other collectives: JAX sorts them."""
    x = np.arange(12.0)
    for order in (("i", "j"), ("j", "i")):
        f = jax.shard_map(
            lambda x, order=order: lax.ppermute(x, order, [(k, k + 1) for k in range(5)]),
            mesh=pairs_of_axes(2, 3),
            in_specs=P(("i", "j")),
            out_specs=P(("i", "j")),
        )
        (ours,) = evaluate(trace(f, x), Numeric(), [Numeric().lift(x)])
        np.testing.assert_array_equal(ours.value, [0, 0, *x[:-2]])


@pytest.mark.slow
def test_permutations_over_two_axes_are_those_of_four_devices() -> None:
    code = """
import jax, numpy as np
from jax import lax
from jax.sharding import Mesh, PartitionSpec as P
from verify.algebras.numeric import Numeric
from verify.evaluate import evaluate
from verify.programs import trace
x, mesh = np.arange(4.0).reshape(2, 2), Mesh(np.array(jax.devices()).reshape(2, 2), ("i", "j"))
for order in (("i", "j"), ("j", "i")):
    for pairs in ([(0, 3), (1, 0), (3, 2)], [(0, 1), (1, 2), (2, 3)], [(2, 1)]):
        def f(x):
            return lax.ppermute(x, order, pairs)
        f = jax.shard_map(f, mesh=mesh, in_specs=P("i", "j"), out_specs=P("i", "j"))
        (ours,) = evaluate(trace(f, x), Numeric(), [Numeric().lift(x)])
        assert (ours.value == np.asarray(jax.jit(f)(x))).all(), (order, pairs)
"""
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **flags}, check=True)


# -- outputs that ought to be replicated ---------------------------------------------------------


def ring(x):
    """An all-reduce of two devices, which JAX cannot know to be one."""
    return x + lax.ppermute(x, "i", SWAP)


def test_replicated_outputs_are_checked() -> None:
    good = trace(on_two_devices(ring, outs=P(), check_vma=False), X)
    bad = trace(on_two_devices(lambda x: x * 2, outs=P(), check_vma=False), X)
    field, numeric = Field(0), Numeric()
    x = field.random(X.shape, X.dtype)
    evaluate(good, field, [x])
    (ours,) = evaluate(good, numeric, [numeric.lift(X)])
    np.testing.assert_array_equal(ours.value, X[:2] + X[2:])
    for algebra, value in ((field, x), (numeric, numeric.lift(X))):
        with pytest.raises(Unsupported, match="may differ between devices"):
            evaluate(bad, algebra, [value])


def test_collective_over_an_axis_of_another_mesh_is_refused() -> None:
    inner = pairs_of_axes(2, 2)
    f = jax.shard_map(
        lambda x: jax.shard_map(
            lambda y: lax.psum(y, "i"), in_specs=P("j"), out_specs=P("j"), axis_names={"j"}
        )(x),
        mesh=inner,
        in_specs=P("i"),
        out_specs=P(),
        axis_names={"i"},
    )
    with pytest.raises(Unsupported, match="over the axes"):
        evaluate(trace(f, X), Numeric(), [Numeric().lift(X)])


def test_devices_agree_on_complex_numbers_and_keys():
    """The same on all of them: a sum over the axis, whatever else is in the program."""
    z = jax.ShapeDtypeStruct((4, 4), np.complex64)

    def f(z):
        return lax.psum(z, "i") + 0 * lax.axis_index("i")

    def drawn(z):
        key = jax.random.wrap_key_data(lax.psum(z.real.astype(np.uint32)[0, :2], "i"))
        return key, lax.psum(z, "i") + 0 * lax.axis_index("i")

    both = on_two_devices(f, outs=P(), check_vma=False)
    assert verify.equivalent(both, lambda z: z[:2] + z[2:], z)
    keys = on_two_devices(drawn, outs=(P(), P()), check_vma=False)
    assert verify.equivalent(keys, keys, z)
    one = on_two_devices(lambda z: z * lax.axis_index("i"), outs=P(), check_vma=False)
    assert verify.equivalent(one, one, z)  # whatever it is
    verdict = verify.equivalent(one, lambda z: one(1 * z), z)
    assert verdict.status == "unknown"
    assert "differ between devices" in verdict.reason


def test_devices_that_differ_behind_a_rare_choice_do_not_agree():
    """No row of a trial meets the pattern: that they agree in all rows says nothing of it."""
    pattern = np.random.default_rng(0).random(26) > 0.5

    def body(m, x):
        return jnp.where((lax.axis_index("i") == 1) & (m == pattern).all(), x + 1, x)

    apart = on_two_devices(body, ins=(P(), P()), outs=P(), check_vma=False)
    m, x = jax.ShapeDtypeStruct((26,), jnp.bool_), jax.ShapeDtypeStruct((), jnp.float32)
    assert not verify.equivalent(apart, lambda m, x: x, m, x, seconds=20, seed=0)


MASKED = {
    "exponentials": (lambda a: jnp.exp(a) + 1, lambda p, x: jnp.where(p, 1.0, jnp.exp(x) + 1)),
    "a maximum over devices": (
        lambda a: jnp.maximum(lax.pmax(a, "i"), 0.0) + 0 * lax.axis_index("i"),
        lambda p, x: jnp.tile(
            jnp.maximum(jnp.where(p, -jnp.inf, x).reshape(2, 2, 4).max(0), 0.0), (2, 1)
        ),
    ),
    "a sum over devices": (
        lambda a: lax.psum(jnp.exp(a), "i") + 0 * lax.axis_index("i"),
        lambda p, x: jnp.tile((jnp.exp(x) * ~p).reshape(2, 2, 4).sum(0), (2, 1)),
    ),
}


@pytest.mark.parametrize("name", MASKED)
def test_infinities_that_are_selected_pass_to_the_devices(name: str) -> None:
    body, other = MASKED[name]
    f = on_two_devices(body)
    p, x = (jax.ShapeDtypeStruct((4, 4), dtype) for dtype in (jnp.bool_, jnp.float32))

    def masked(p, x):
        return f(jnp.where(p, -jnp.inf, x))

    found = verify.equivalent(masked, other, p, x, seconds=20)
    assert found, found
    planted = verify.equivalent(masked, lambda p, x: other(p, x) + p * 0.25, p, x, seconds=20)
    assert planted.status == "refuted"
