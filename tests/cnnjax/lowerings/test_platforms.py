"""A layer's lowering is that of the platform its program is for, whatever process traces it."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export, lax

import cnnjax
import verify
from benchmarks.platforms import COLUMNS, operations, plain_operations, step_of
from cnnjax.lowerings import plain_only, tuned
from cnnjax.models import build
from cnnjax.summary import summary
from cnnjax.train.loops import fast_in_loops
from tests.cnnjax.lowerings.cases import spec
from verify.algebras.base import Unsupported
from verify.programs import custom_rules, trace


def norm(layer, x, scale, bias, **options):
    return layer(x, {"scale": scale, "bias": bias}, **options)


def batch_norm(x, scale, bias):
    state = {"mean": jnp.zeros(x.shape[-1:]), "var": jnp.ones(x.shape[-1:])}
    return norm(cnnjax.batch_norm, x, scale, bias, state=state, training=True)[0]


def transposed(**options):
    return partial(cnnjax.conv_transpose, padding="SAME", **options)


IMAGE, CHANNELS = spec(2, 12, 12, 8), (spec(8), spec(8))
# Each takes another lowering on a CPU, and another form for its gradients.
LAYERS = {
    "canonical": (cnnjax.conv, spec(2, 9, 9, 8), spec(3, 3, 8, 4), spec(4)),
    "winograd": (cnnjax.conv, spec(10, 12, 12, 64), spec(3, 3, 64, 64), spec(64)),
    "winograd, 5x5": (cnnjax.conv, spec(10, 12, 12, 23), spec(5, 5, 23, 23)),
    "blocked": (cnnjax.conv, spec(1, 8, 8, 2), spec(3, 3, 2, 4), spec(4)),
    "wide": (cnnjax.conv, spec(8, 8, 8, 3), spec(5, 5, 3, 32), spec(32)),
    "patches": (partial(cnnjax.conv, padding=1), spec(2, 2, 5, 8), spec(3, 3, 8, 4), spec(4)),
    "pointwise": (cnnjax.conv, spec(2, 4, 4, 8), spec(1, 1, 8, 4), spec(4)),
    "depthwise": (partial(cnnjax.conv, groups=8), IMAGE, spec(3, 3, 1, 8), spec(8)),
    "grouped": (partial(cnnjax.conv, groups=2), IMAGE, spec(3, 3, 4, 8), spec(8)),
    "1-D": (cnnjax.conv, spec(2, 9, 4), spec(3, 4, 2), spec(2)),
    "phases": (transposed(stride=2), IMAGE, spec(3, 3, 4, 8), spec(4)),
    "transposed, stride 1": (transposed(stride=1), IMAGE, spec(3, 3, 4, 8), spec(4)),
    "max_pool": (lambda x: cnnjax.max_pool(x, 2), IMAGE),
    "max_pool, overlapping": (lambda x: cnnjax.max_pool(x, 3, stride=2), IMAGE),
    "avg_pool": (lambda x: cnnjax.avg_pool(x, 2), IMAGE),
    "avg_pool, padded": (
        lambda x: cnnjax.avg_pool(x, 3, stride=2, padding="SAME", count_padding=False),
        spec(2, 11, 11, 3),
    ),
    "batch_norm": (batch_norm, IMAGE, *CHANNELS),
    "layer_norm": (partial(norm, cnnjax.layer_norm), IMAGE, *CHANNELS),
    "group_norm": (partial(norm, partial(cnnjax.group_norm, groups=2)), IMAGE, *CHANNELS),
    "dense": (cnnjax.dense, spec(3, 8), spec(8, 4), spec(4)),
    "one of many in a batch": (
        lambda x, k: jax.vmap(cnnjax.conv, (0, None))(x, k),
        spec(3, 2, 8, 8, 2),
        spec(3, 3, 2, 4),
    ),
}


def with_gradients(f):
    """The layer, its gradients, and the gradients of a slope."""

    def call(*arrays):
        def loss(*arrays):
            return jnp.sum(f(*arrays) ** 2)

        every = tuple(range(len(arrays)))
        slope = jax.jvp(loss, arrays, arrays)
        return f(*arrays), slope, jax.grad(loss, every)(*arrays)

    return call


@pytest.mark.parametrize("name", LAYERS)
def test_elsewhere_layers_and_gradients_are_those_of_plain_lax(name):
    """Operation by operation, in the programs that JAX hands to another platform's compiler."""
    layer, *examples = LAYERS[name]
    f = with_gradients(layer)
    for platform in ("cuda", "tpu"):
        plain = plain_operations(f, *examples, platform=platform)
        assert operations(f, *examples, platform=platform) == plain


@pytest.mark.parametrize("name", ["canonical", "winograd", "phases", "max_pool", "batch_norm"])
def test_on_a_cpu_they_are_not(name):
    layer, *examples = LAYERS[name]
    f = with_gradients(layer)
    plain = plain_operations(f, *examples, platform="cpu")
    assert operations(f, *examples, platform="cpu") != plain
    assert "convolution" in plain or name in ("max_pool", "batch_norm")


MODELS = {
    "notes": {"widths": (8, 16)},
    "lenet": {},
    "resnet18": {"image": (16, 16, 3)},
    "vgg11": {"image": (32, 32, 3)},
}


# ResNet-18 takes ten seconds, and has no layer that the tests above have not.
_SLOW = {"resnet18": pytest.mark.slow}


@pytest.mark.parametrize("name", [pytest.param(n, marks=_SLOW.get(n, ())) for n in MODELS])
def test_elsewhere_a_training_step_is_that_of_plain_lax(name):
    step, examples = step_of(build(name, classes=10, **MODELS[name]), batch=8)
    plain = plain_operations(step, *examples, platform="cuda")
    assert plain["convolution"] > 4
    assert operations(step, *examples, platform="cuda") == plain


def layers(x, kernel, bias):
    y = cnnjax.max_pool(cnnjax.conv(x, kernel, bias), 2)
    return cnnjax.avg_pool(y, 2)


def test_an_exported_program_is_plain_elsewhere_and_chosen_here():
    examples = spec(2, 8, 8, 8), spec(3, 3, 8, 4), spec(4)
    f = jax.jit(jax.grad(lambda *a: layers(*a).sum(), (0, 1, 2)))
    elsewhere = export.export(f, platforms=["cuda", "tpu"])(*examples)
    assert elsewhere.platforms == ("cuda", "tpu")
    assert "select_and_scatter" in elsewhere.mlir_module()
    here = export.export(f, platforms=["cpu"])(*examples)
    assert "select_and_scatter" not in here.mlir_module()
    both = export.export(f, platforms=["cpu", "cuda"])(*examples)
    rng = np.random.default_rng(0)
    arrays = [jnp.asarray(rng.normal(size=e.shape), e.dtype) for e in examples]
    for exported in (here, both):
        for found, expected in zip(exported.call(*arrays), f(*arrays), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_what_was_measured_here_is_for_this_platform_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNJAX_CACHE", str(tmp_path))
    tuned._entries.cache_clear()
    layer, *examples = LAYERS["canonical"]
    how = cnnjax.lowerings.Geometry((1, 1), ((1, 1), (1, 1)), (1, 1))
    tuned.add({tuned.key("conv", (*examples[:2], how)): "winograd"})
    plain = plain_operations(layer, *examples, platform="cuda")
    assert operations(layer, *examples, platform="cuda") == plain
    assert "convolution" not in operations(layer, *examples, platform="cpu")
    # The same file on a machine with a GPU, where it was measured for that.
    monkeypatch.setattr(tuned, "platforms", lambda: ("cuda", "rocm"))
    assert "convolution" not in operations(layer, *examples, platform="cuda")
    assert "convolution" not in operations(layer, *examples, platform="rocm")
    assert operations(layer, *examples, platform="tpu") == plain
    assert operations(layer, *examples, platform="cpu")["convolution"] == 1  # canonical
    tuned._entries.cache_clear()


def by_platform(x):
    return lax.platform_dependent(x, cpu=lambda x: x * 2, cuda=jnp.exp, default=jnp.sin)


def test_the_verifier_reads_the_branch_of_this_process(monkeypatch):
    assert [e.primitive for e in trace(by_platform, 1.0).equations] == ["mul"]
    assert verify.equivalent(by_platform, lambda x: x + x, 1.0).status == "proved"
    assert verify.equivalent(by_platform, jnp.sin, 1.0).status == "refuted"
    derivative = jax.grad(by_platform)
    assert verify.equivalent(derivative, lambda x: 2 * x / x, 1.0)
    batched = jax.vmap(by_platform)
    assert verify.equivalent(batched, lambda x: x + x, jnp.ones(3)).status == "proved"
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    assert [e.primitive for e in trace(by_platform, 1.0).equations] == ["sin"]
    assert not custom_rules(cnnjax.conv, *LAYERS["canonical"][1:3])


def test_the_verifier_says_where_there_is_no_branch():
    def elsewhere(x):
        return lax.platform_dependent(x, cuda=jnp.exp, tpu=jnp.sin)

    with pytest.raises(Unsupported, match="without a branch for cpu"):
        trace(elsewhere, 1.0)


def test_proofs_of_layers_are_of_what_runs_here():
    examples = spec(1, 4, 4, 8), spec(3, 3, 8, 2)
    names = [
        e.primitive
        for e in trace(jax.grad(lambda *a: cnnjax.conv(*a).sum(), 1), *examples).equations
    ]
    assert "optimization_barrier" in names  # canonical
    assert "cond" not in names


def test_a_table_shows_the_branch_of_this_process():
    def network(x):
        one, two = jnp.ones((1, 1, 3, 4)), jnp.ones((5, 5, 3, 4))
        here, there = (partial(cnnjax.conv, kernel=k, lowering="lax") for k in (one, two))
        return lax.platform_dependent(x, cpu=here, default=there)

    (row,) = summary(network, x=spec(6, 6, 3)).rows
    assert row.multiply_adds == 6 * 6 * 3 * 4


def in_tiles(kernel, x):
    return cnnjax.tiled(lambda k, x: cnnjax.max_pool(cnnjax.conv(x, k), 2), 4)(kernel, x).sum()


def in_a_scan(kernels, x):
    def layer(x, kernel):
        return cnnjax.conv(x + cnnjax.max_pool(x, 1), kernel), None

    return lax.scan(layer, x, kernels)[0].sum()


LOOPS = {
    "tiles": (in_tiles, spec(3, 3, 3, 4), spec(12, 12, 3)),
    "scan": (in_a_scan, spec(3, 3, 3, 4, 4), spec(1, 8, 8, 4)),
}


@pytest.mark.parametrize("name", LOOPS)
def test_elsewhere_loops_have_the_convolutions_and_windows_of_plain_lax(name):
    """They may carry another array or two, of zeros."""
    f, *examples = LOOPS[name]
    gradient = jax.grad(f)
    found, plain = (f(gradient, *examples, platform="cuda") for f in (operations, plain_operations))
    assert plain["convolution"] >= 2
    assert plain["select_and_scatter"] > 0
    assert [found[name] for name in COLUMNS] == [plain[name] for name in COLUMNS]


def test_tiles_are_those_of_each_platform():
    """A choice of the user's own, within tiles."""

    def network(x):
        return lax.platform_dependent(x, cpu=lambda x: 2 * x, default=jnp.sin)

    tiles = cnnjax.tiled(network, 2)
    x = jnp.arange(32.0).reshape(4, 4, 2)
    np.testing.assert_array_equal(tiles(x), 2 * x)
    assert "sine" in operations(tiles, x, platform="tpu")
    assert "sine" not in operations(tiles, x, platform="cpu")


def test_a_loop_is_judged_by_the_branch_of_the_cpu():
    def gradient(lowering, x, kernel):
        return jax.grad(lambda k: cnnjax.conv(x, k, lowering=lowering).sum())(kernel)

    examples = spec(2, 9, 9, 8), spec(3, 3, 8, 4)
    assert fast_in_loops(partial(gradient, None), *examples)
    assert not fast_in_loops(partial(gradient, "lax"), *examples)


def test_a_platform_without_a_branch_is_named():
    def elsewhere(x):
        return lax.platform_dependent(x, cuda=jnp.exp, tpu=jnp.sin)

    for ask in (partial(fast_in_loops, elsewhere), partial(summary, elsewhere)):
        with pytest.raises(ValueError, match="without a branch for cpu"):
            ask(spec(4, 4, 2))


def test_without_a_choice_there_is_none_in_the_program():
    with plain_only():
        program = jax.make_jaxpr(lambda *a: layers(*a))(spec(2, 8, 8, 8), spec(3, 3, 8, 4), spec(4))
    assert "platform_index" not in str(program)
    integers = jax.ShapeDtypeStruct((4, 4, 2), jnp.int32)
    assert "platform_index" not in str(jax.make_jaxpr(lambda x: cnnjax.max_pool(x, 2))(integers))
