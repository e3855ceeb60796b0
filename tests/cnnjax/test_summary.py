"""`summary`: counts against papers and numbers from hand, fields against what is really read."""

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import cnnjax.layers as layers
from cnnjax.geometry import ReceptiveField, merge
from cnnjax.lowerings import plain_only
from cnnjax.models import BATCH_STATS, lenet5, notes_cnn, resnet18, vgg11
from cnnjax.summary import summary


def spec(*shape, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(shape, dtype)


# --- Counts -------------------------------------------------------------------------------------


def test_the_note_network_by_hand():
    table = summary(notes_cnn(10))
    expected = {
        # name: output, parameters, multiply-adds, field, stride, offset
        "conv1": ((100, 100, 32), 2_432, 100 * 100 * 32 * 75, 5, 1, -2),
        "pool1": ((50, 50, 32), 0, 0, 6, 2, -2),
        "conv2": ((50, 50, 64), 51_264, 50 * 50 * 64 * 800, 14, 2, -6),
        "pool2": ((25, 25, 64), 0, 0, 16, 4, -6),
        "conv3": ((25, 25, 128), 204_928, 25 * 25 * 128 * 1600, 32, 4, -14),
        "pool3": ((12, 12, 128), 0, 0, 36, 8, -14),
        "dense": ((10,), 184_330, 18_432 * 10, 100, 0, 0),
    }
    assert [row.name for row in table.rows] == list(expected)
    for row in table.rows:
        output, parameters, multiply_adds, field, stride, offset = expected[row.name]
        assert (row.output, row.parameters) == (output, parameters)
        assert row.multiply_adds == multiply_adds
        assert (row.field, row.stride, row.offset) == ((field,) * 2, (stride,) * 2, (offset,) * 2)
        assert row.reads_all == (row.name == "dense")
    assert table.parameters == 442_954
    assert table.multiply_adds == 280_184_320
    assert table.statistics == 0


PUBLISHED = [
    # parameters and multiply-adds as torchvision's documentation gives them (to three digits)
    (vgg11(), 132_863_336, 7.61e9),
    (resnet18(), 11_689_512, 1.81e9),
]


@pytest.mark.parametrize(("model", "parameters", "multiply_adds"), PUBLISHED, ids=["vgg", "resnet"])
def test_totals_are_the_published_ones(model, parameters, multiply_adds):
    table = summary(model)
    assert table.parameters == parameters
    assert table.multiply_adds == pytest.approx(multiply_adds, rel=0.005)


@pytest.mark.parametrize(
    "model", [notes_cnn(7), lenet5(7), vgg11(7, image=(32, 64, 2)), resnet18(7, image=(24, 32, 3))]
)
def test_every_parameter_is_in_exactly_one_row(model):
    table = summary(model)
    params = jax.eval_shape(model.init, jax.random.key(0))
    stats = sum(leaf.size for leaf in jax.tree.leaves(params.pop(BATCH_STATS, {})))
    trained = sum(leaf.size for leaf in jax.tree.leaves(params))
    assert sum(row.parameters for row in table.rows) == table.parameters == trained
    assert sum(row.statistics for row in table.rows) == table.statistics == stats


def test_the_rows_of_resnet_are_its_layers():
    model = resnet18(7, image=(24, 32, 3), width=4)
    table = summary(model)
    names = [row.name for row in table.rows]
    assert len(set(names)) == len(names) == 20 + 20 + 2  # convolutions, norms, pool and dense
    block = table["layer2/block0/conv1"]
    assert (block.kind, block.output, block.parameters) == ("conv", (12, 16, 8), 9 * 4 * 8)
    norm = table["layer2/block0/downsample/bn"]
    assert (norm.kind, norm.parameters, norm.statistics) == ("norm", 16, 16)
    assert table["global_pool"].kind == "global pool"
    assert table["global_pool"].field == (24, 32)
    assert table["global_pool"].reads_all


# What is computed, from what, and its multiply-adds counted by hand.
COUNTED = {
    "batch": (lambda x, w: layers.conv(x, w), (6, 8, 8, 3), (3, 3, 3, 5), 6 * 64 * 5 * 27),
    "valid": (
        lambda x, w: layers.conv(x, w, padding="VALID"),
        (8, 9, 3),
        (3, 5, 3, 2),
        6 * 5 * 2 * 45,
    ),
    "stride": (lambda x, w: layers.conv(x, w, stride=2), (8, 9, 3), (3, 3, 3, 2), 4 * 5 * 2 * 27),
    "groups": (lambda x, w: layers.conv(x, w, groups=2), (8, 8, 6), (3, 3, 3, 4), 64 * 4 * 27),
    "depthwise": (lambda x, w: layers.conv(x, w, groups=6), (8, 8, 6), (3, 3, 1, 6), 64 * 6 * 9),
    "dilation": (
        lambda x, w: layers.conv(x, w, dilation=3, padding="VALID"),
        (8, 8, 1),
        (3, 3, 1, 1),
        2 * 2 * 9,
    ),
    "1-D": (lambda x, w: layers.conv(x, w), (10, 2), (4, 2, 3), 10 * 3 * 8),
    "3-D": (lambda x, w: layers.conv(x, w), (2, 3, 4, 2), (3, 3, 3, 2, 1), 24 * 54),
    "dense": (layers.dense, (7, 20), (20, 3), 7 * 20 * 3),
    "einsum": (lambda x, w: jnp.einsum("bij,bjk->bik", x, w), (2, 3, 4), (2, 4, 5), 2 * 3 * 4 * 5),
    "vmap": (
        lambda x, w: jax.vmap(lambda v: layers.conv(x, v))(w),
        (8, 8, 3),
        (2, 3, 3, 3, 5),
        2 * 64 * 5 * 27,
    ),
    "scan": (
        lambda x, w: lax.scan(lambda c, v: (layers.conv(c, v), None), x, w)[0],
        (8, 8, 3),
        (4, 3, 3, 3, 3),
        4 * 64 * 3 * 27,
    ),
    "cond": (
        lambda x, w: lax.cond(x[0, 0] > 0, lambda: x @ w @ w.T @ w, lambda: x @ w),
        (2, 5),
        (5, 5),
        3 * 2 * 25,
    ),
    "while": (
        lambda x, w: lax.while_loop(lambda c: c[0, 0] > 0, lambda c: c @ w, x),
        (2, 5),
        (5, 5),
        2 * 25,
    ),
    "remat": (jax.checkpoint(layers.dense), (7, 20), (20, 3), 7 * 20 * 3),
    "jit": (jax.jit(layers.dense), (7, 20), (20, 3), 7 * 20 * 3),
    # Forward, gradient in x and in w: three products of the same size.
    "grad": (
        jax.grad(lambda x, w: jnp.sum(jnp.sin(layers.dense(x, w))), (0, 1)),
        (7, 20),
        (20, 3),
        3 * 7 * 20 * 3,
    ),
}


@pytest.mark.parametrize("case", COUNTED)
def test_multiply_adds_are_exact(case):
    function, x, w, expected = COUNTED[case]
    table = summary(lambda w, x: function(x, w), spec(*x), params=spec(*w))
    assert table.multiply_adds == expected
    assert table.parameters == np.prod(w)
    # Closed over, the same array is the same parameter.
    closed = jnp.ones(w)
    again = summary(lambda x: function(x, closed), spec(*x))
    assert (again.multiply_adds, again.parameters) == (expected, np.prod(w))


def test_what_was_traced_before_is_not_read():
    """`jax.jit` traces a convolution of few channels as a product of rows; the table wants the
    convolution."""

    def network(params, x):
        return layers.conv(x, params["kernel"])

    params, x = {"kernel": jnp.ones((3, 3, 1, 2))}, jnp.ones((1, 8, 8, 1))
    jax.jit(network)(params, x)
    (row,) = summary(network, x, params=params).rows
    assert (row.field, row.multiply_adds) == ((3, 3), 64 * 9 * 2)


def test_what_does_not_depend_on_x_is_not_counted():
    w = jnp.ones((4, 4))
    table = summary(lambda x: x @ (w @ w), spec(3, 4))
    assert [row.multiply_adds for row in table.rows] == [3 * 16]
    assert table.parameters == 16


def test_only_floating_point_arrays_are_parameters():
    index, mask, key = jnp.arange(4), jnp.ones(4, bool), jax.random.key(0)
    shift = jnp.ones(4)

    def function(x):
        x = layers.dropout(key, x[index] * mask, 0.5)
        return x * 2.0 + shift

    assert summary(function, spec(4)).parameters == 4


# --- Receptive fields ---------------------------------------------------------------------------


def conv(x, side, channels=1, **options):
    kernel = jnp.ones((side, side, x.shape[-1], channels))
    return layers.conv(x, kernel, **options)


def vgg16(x):
    for convs in (2, 2, 3, 3, 3):
        for _ in range(convs):
            x = jax.nn.relu(conv(x, 3, padding=1))
        x = layers.max_pool(x, 2)
    return x


def resnet50(x):
    # "v1": the stride is in the first 1x1 convolution, and the pool pads as "SAME" does.
    x = jax.nn.relu(conv(x, 7, stride=2, padding=3))
    x = layers.max_pool(x, 3, stride=2, padding="SAME")
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            y = jax.nn.relu(conv(x, 1, stride=stride))
            y = jax.nn.relu(conv(y, 3, padding=1))
            y = conv(y, 1)
            x = jax.nn.relu(y + (conv(x, 1, stride=stride) if not block else x))
    return x


def alexnet(x):
    # "v2" is the one-tower network: the first convolution and the pools are not padded.
    x = layers.max_pool(conv(x, 11, stride=4, padding=0), 3, stride=2)
    x = layers.max_pool(conv(x, 5, padding=2), 3, stride=2)
    x = conv(conv(conv(x, 3, padding=1), 3, padding=1), 3, padding=1)
    return layers.max_pool(x, 3, stride=2)


# Araujo, Norris and Sim, Distill 2019, table of models: field, stride, padding.
LITERATURE = {
    "VGG-16": (vgg16, 212, 32, 90),
    "ResNet-50 v1": (resnet50, 483, 32, 239),
    "AlexNet v2": (alexnet, 195, 32, 64),
}


@pytest.mark.parametrize("name", LITERATURE)
def test_receptive_fields_are_the_published_ones(name):
    network, field, stride, padding = LITERATURE[name]
    # The pool at the end, or a 1x1 convolution behind the last addition: it reads the same.
    row = summary(lambda x: conv(network(x), 1), spec(224, 224, 1)).rows[-1]
    assert row.field == (field, field)
    assert row.stride == (stride, stride)
    assert row.offset == (-padding, -padding)


def split_pool(x):
    h, w, c = x.shape
    return x.reshape(h // 2, 2, w // 2, 2, c).max((1, 3))


def image_and_mean(x):
    return x - jnp.mean(x, (0, 1), keepdims=True)


def attention(x):
    tokens = x.reshape(-1, x.shape[-1])
    weights = jax.nn.softmax(tokens @ tokens.T)
    return (weights @ tokens).reshape(x.shape)


def channels_first(x):
    x = lax.conv_general_dilated(
        jnp.transpose(x, (2, 0, 1))[None], jnp.ones((3, 1, 3, 5)), (2, 1), ((1, 0), (2, 2)),
        dimension_numbers=("NCHW", "OIHW", "NCHW"),
    )  # fmt: skip
    return jnp.moveaxis(x[0], 0, -1)


# Programs from (16, 20, 1) to (h, w, c). "exact": what is read is exactly the field, up to the
# border of the image; "within": no more than the field.
PROGRAMS = {
    "conv": (lambda x: conv(x, 5), "exact"),
    "conv-even": (lambda x: conv(x, 4), "exact"),
    "conv-stride": (lambda x: conv(conv(x, 3, stride=2), 3, stride=3, padding=2), "exact"),
    "conv-dilation": (
        lambda x: conv(conv(x, 3, padding="VALID"), 3, dilation=2, padding=0),
        "exact",
    ),
    "conv-rectangle": (
        lambda x: layers.conv(x, jnp.ones((3, 5, 1, 2)), stride=(1, 2), padding=((0, 2), (3, 1))),
        "exact",
    ),
    "max-pool": (lambda x: layers.max_pool(conv(x, 3), 3, stride=2, padding=1), "exact"),
    "avg-pool": (lambda x: layers.avg_pool(conv(x, 3, padding="VALID"), 2), "exact"),
    "notes": (lambda x: layers.max_pool(conv(layers.max_pool(conv(x, 5), 2), 5), 2), "exact"),
    "residual": (lambda x: conv(x, 3) + x, "exact"),
    "residual-stride": (
        lambda x: conv(conv(x, 3, stride=2, padding=1), 3) + conv(x, 1, stride=2, padding=0),
        "exact",
    ),
    "inception": (
        lambda x: jnp.concatenate(
            [conv(x, 1), conv(x, 5), layers.max_pool(x, 3, stride=1, padding="SAME")], -1
        ),
        "exact",
    ),
    "branches-of-two-strides": (
        lambda x: conv(x, 3, stride=2, padding=1) + conv(x, 1)[:8, :10],
        "within",
    ),
    "slice": (lambda x: conv(x[2:13:2, 1:], 3, padding=0), "exact"),
    "crop": (lambda x: lax.pad(x, 0.0, ((-2, -3, 0), (1, 2, 0), (0, 0, 0))), "exact"),
    "flip": (
        lambda x: conv(jnp.flip(conv(x, 3, stride=2, padding=(2, 0)), 0), 2, padding=0),
        "exact",
    ),
    "transpose": (
        lambda x: conv(jnp.transpose(x, (1, 0, 2)), 3, stride=2, padding=(2, 1)),
        "exact",
    ),
    "concatenate-images": (lambda x: jnp.concatenate([x[1:], x[:1]], 0), "within"),
    "split": (lambda x: jnp.split(conv(x, 3), 2, 0)[1], "exact"),
    "dynamic-slice": (lambda x: lax.dynamic_slice(x, (1, 2, 0), (12, 14, 1)), "within"),
    "pool-by-reshape": (lambda x: conv(split_pool(conv(x, 3)), 3), "exact"),
    "merge-back": (lambda x: conv(x.reshape(4, 4, 20, 1).reshape(16, 20, 1), 3), "exact"),
    "flatten-back": (lambda x: x.reshape(-1).reshape(x.shape), "within"),
    "global-pool": (lambda x: x * layers.global_avg_pool(conv(x, 3)), "exact"),
    "mean": (image_and_mean, "exact"),
    "attention": (attention, "within"),
    "mixed-rows": (lambda x: jnp.einsum("hwc,hk->kwc", x, jnp.ones((16, 5))), "exact"),
    "cumsum": (lambda x: jnp.cumsum(x, 0), "within"),
    "gather": (lambda x: x[jnp.array([3, 1, 2, 7])], "within"),
    "transposed": (
        lambda x: layers.conv_transpose(x, jnp.ones((4, 5, 1, 1)), stride=2, padding=1),
        "within",
    ),
    "transposed-by-three": (
        lambda x: conv(layers.conv_transpose(x, jnp.ones((4, 3, 1, 1)), stride=3, padding=0), 3),
        "within",
    ),
    "interior-pad": (lambda x: lax.pad(x, 0.0, ((1, 0, 1), (0, 2, 2), (0, 0, 0))), "within"),
    "unstack": (lambda x: jnp.stack(jnp.unstack(x, axis=1)[::-1], 1), "within"),
    "scan": (
        lambda x: lax.scan(lambda c, _: (conv(c, 3), None), x, None, length=2)[0],
        "within",
    ),
    "scan-over-rows": (lambda x: lax.scan(lambda c, v: (c + v, c * v), x[0], x)[1], "within"),
    "while": (
        lambda x: lax.while_loop(lambda c: c[0, 0, 0] < 2, lambda c: conv(c, 3), x),
        "within",
    ),
    "cond": (lambda x: lax.cond(True, lambda v: conv(v, 3), lambda v: conv(v, 5), x), "within"),
    "batch": (lambda x: conv(jnp.stack([x, x])[None], 3)[0, 1], "exact"),
    "vmap": (
        lambda x: jax.vmap(lambda k: layers.conv(x, k))(jnp.ones((3, 5, 3, 1, 2)))[1],
        "exact",
    ),
    "relu": (lambda x: jax.nn.relu(conv(jax.nn.gelu(x), 3)), "exact"),
    "remat": (jax.checkpoint(lambda x: conv(jnp.sin(conv(x, 3)), 3)), "exact"),
    "channels-first": (channels_first, "exact"),
}


def read_by(function, shape):
    """Which rows and columns each output element reads, by sending a NaN through the program."""

    @jax.jit
    def poisoned(axis, index):
        x = jnp.ones(shape)
        at = jax.nn.one_hot(index, shape[0] if axis == 0 else shape[1], dtype=bool)
        at = at[:, None, None] if axis == 0 else at[None, :, None]
        return jnp.isnan(function(jnp.where(at, jnp.nan, x))).any(-1)

    poisoned = jax.jit(poisoned.__wrapped__, static_argnums=0)
    # Lowerings may multiply a NaN by a zero of their own: the function is the same without it.
    with plain_only():
        return [np.stack([poisoned(axis, i) for i in range(shape[axis])], -1) for axis in (0, 1)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_field_is_what_a_nan_reaches(name):
    function, claim = PROGRAMS[name]
    shape = (16, 20, 1)
    # A window of one pixel reads what it reads: before, it tells `summary` which axes of x are
    # spatial, behind, it makes a row of whatever the program ends with.
    probed = summary(lambda x: conv(function(conv(x, 1)), 1), spec(*shape)).rows[-1]
    read = read_by(function, shape)
    for axis in (0, 1):
        size, stride, offset = probed.field[axis], probed.stride[axis], probed.offset[axis]
        assert read[axis].any()
        # Which axis of the output moves along this axis of x; a transposition swaps them.
        out_axis = 1 - axis if name == "transpose" else axis
        for i in range(read[axis].shape[out_axis]):
            found = np.flatnonzero(np.moveaxis(read[axis], out_axis, 0)[i].any(0))
            start = math.ceil(offset + stride * i)
            first, last = max(start, 0), min(start + size, shape[axis]) - 1
            if claim == "within" and len(found):
                assert first <= found.min()
                assert found.max() <= last
            elif claim == "exact" and len(found):
                assert (found.min(), found.max()) == (first, last), (axis, i)
            elif claim == "exact":
                assert first > last, (axis, i)


def test_fields_and_geometry_agree():
    chain = [(3, 2, 1, 1), (5, 1, 2, 1), (2, 2, 0, 1), (3, 1, 4, 4), (3, 3, 0, 2)]
    side = 64

    def network(x):
        for window, stride, padding, dilation in chain:
            x = conv(x, window, stride=stride, padding=padding, dilation=dilation)
        return x

    field = ReceptiveField()
    for row, (window, stride, padding, dilation) in zip(
        summary(network, spec(side, side, 1)).rows, chain, strict=True
    ):
        field = field.then(window, stride=stride, padding=padding, dilation=dilation)
        assert row.field == (field.field,) * 2
        assert row.stride == (field.stride,) * 2
        assert row.offset == (-field.padding,) * 2

    two = merge(ReceptiveField().then(5, padding=1), ReceptiveField().then(3, padding=2))
    joined = summary(
        lambda x: conv(conv(x, 5, padding=1)[:8, :8] + conv(x, 3, padding=2)[:8, :8], 1),
        spec(12, 12, 1),
    ).rows[-1]
    assert (joined.field[0], joined.stride[0], -joined.offset[0]) == (
        two.field,
        two.stride,
        two.padding,
    )


def test_a_transposed_convolution_moves_by_parts_of_a_pixel():
    def up(x):
        return layers.conv_transpose(x, jnp.ones((4, 4, 1, 1)), stride=2, padding=1)

    row = summary(up, spec(8, 8, 1)).rows[0]
    assert row.stride == (Fraction(1, 2),) * 2
    assert row.field == (2, 2)
    assert str(summary(up, spec(8, 8, 1))).splitlines()[3].split()[-2] == "1/2"


# --- Names --------------------------------------------------------------------------------------


def names(*args, **kwargs):
    return [row.name for row in summary(*args, **kwargs).rows]


def plain(params, x):
    x = layers.max_pool(layers.relu(layers.conv(x, **params["first"])), 2)
    x = layers.max_pool(layers.relu(layers.conv(x, **params["second"])), 2)
    return layers.dense(layers.flatten(x), params["last"]["kernel"])


PLAIN = {
    "first": {"kernel": jnp.ones((3, 3, 1, 4)), "bias": jnp.zeros(4)},
    "second": {"kernel": jnp.ones((3, 3, 4, 2)), "bias": jnp.zeros(2)},
    "last": {"kernel": jnp.ones((8, 3))},
}


def test_layers_are_named_after_their_parameters():
    found = names(plain, spec(8, 8, 1), params=PLAIN)
    assert found == ["first", "max pool 1", "second", "max pool 2", "last"]


def test_without_names_layers_are_numbered_and_biases_belong_to_them():
    table = summary(lambda x: plain(PLAIN, x), spec(8, 8, 1))
    assert [row.name for row in table.rows] == [
        "conv 1", "max pool 1", "conv 2", "max pool 2", "dense 1"
    ]  # fmt: skip
    assert [row.parameters for row in table.rows] == [36 + 4, 0, 72 + 2, 0, 24]


def test_scopes_name_layers_through_jit_and_vmap():
    @jax.jit
    def layer(x):
        with jax.named_scope("inner"):
            return conv(x, 3)

    def network(x):
        with jax.named_scope("outer"):
            x = layer(x)
        with jax.named_scope("two"):
            return conv(conv(x, 3), 1)

    expected = ["outer/inner", "two/conv 2", "two/conv 3"]
    assert names(network, spec(8, 8, 1)) == expected
    assert names(jax.vmap(network), spec(2, 8, 8, 1)) == expected


def test_a_kernel_used_twice_counts_once_and_works_twice():
    def shared(params, x):
        return layers.conv(layers.conv(x, params["k"]["kernel"]), params["k"]["kernel"])

    table = summary(shared, spec(8, 8, 2), params={"k": {"kernel": jnp.ones((3, 3, 2, 2))}})
    assert [row.parameters for row in table.rows] == [36, 0]
    assert table.parameters == 36
    assert table.multiply_adds == 2 * 64 * 36


def test_parameters_before_the_first_layer_have_a_row():
    table = summary(
        lambda p, x: conv(x * p["gain"]["value"], 1),
        spec(4, 4, 3),
        params={"gain": {"value": jnp.ones(3)}},
    )
    row = table.rows[0]
    assert (row.name, row.kind, row.parameters) == ("gain", "elementwise", 3)


def test_parameters_that_nothing_reads_are_in_the_total_only():
    table = summary(lambda p, x: x @ p["used"], spec(3, 4), params={
        "used": jnp.ones((4, 2)), "unused": jnp.ones(5)
    })  # fmt: skip
    assert table.parameters == 13
    assert sum(row.parameters for row in table.rows) == 8


def test_a_mean_inside_a_norm_is_no_pooling_layer():
    weights = {"scale": jnp.ones(4), "bias": jnp.zeros(4)}
    state = {"mean": jnp.zeros(4), "var": jnp.ones(4)}

    def network(x):
        x = layers.group_norm(conv(x, 3, 4), weights, groups=2)
        x, _ = layers.batch_norm(conv(x, 3, 4), weights, state, training=True)
        return layers.global_avg_pool(x)

    rows = summary(network, spec(2, 8, 8, 1)).rows
    assert [row.kind for row in rows] == ["conv", "conv", "global pool"]


def test_squeeze_and_excite_keeps_its_pool():
    def network(x):
        x = conv(x, 3, 4)
        gate = layers.sigmoid(layers.dense(layers.global_avg_pool(x), jnp.ones((4, 4))))
        return conv(x * gate, 1)

    table = summary(network, spec(8, 8, 1))
    assert [row.kind for row in table.rows] == ["conv", "global pool", "dense", "conv"]
    assert table.rows[-1].reads_all


def test_flax_modules_are_functions_too():
    linen = pytest.importorskip("flax.linen", reason="Flax is not installed (extra `flax`)")

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.max_pool(linen.relu(linen.Conv(4, (3, 3))(x)), (2, 2), (2, 2))
            return linen.Dense(3)(x.reshape(x.shape[0], -1))

    x = spec(2, 8, 8, 1)
    variables = jax.eval_shape(Net().init, jax.random.key(0), x)
    table = summary(Net().apply, x, params=variables)
    assert [(row.name, row.parameters) for row in table.rows] == [
        ("params/Conv_0", 40),
        ("Net", 0),
        ("params/Dense_0", 195),
    ]
    assert table.rows[0].output == (2, 8, 8, 4)


# --- Call and table -----------------------------------------------------------------------------


def test_x_is_an_array_or_only_its_shape():
    model = notes_cnn(3, widths=(2,), image=(8, 8, 1))
    expected = summary(model).rows
    for x in (jnp.ones((8, 8, 1)), np.ones((8, 8, 1), np.float32), spec(8, 8, 1)):
        assert summary(model, x).rows == expected
    batch = summary(model, spec(5, 8, 8, 1, dtype=jnp.bfloat16))
    assert batch.dtype == "bfloat16"
    assert batch.multiply_adds == 5 * summary(model).multiply_adds
    assert [row.output for row in batch.rows] == [(5, *row.output) for row in expected]
    assert [row.field for row in batch.rows] == [row.field for row in expected]


def test_nothing_is_computed_or_held():
    before = len(jax.live_arrays())
    summary(vgg11())  # 500 MB of parameters, if there were any
    assert len(jax.live_arrays()) <= before + 1  # at most the key


def test_a_function_without_windows_has_no_fields():
    table = summary(lambda x: x @ jnp.ones((4, 2)), spec(3, 4))
    assert table.rows[0].field == ()
    assert not table.rows[0].reads_all
    assert "dense 1" in str(table)


def test_the_table_shows_every_row_and_the_totals():
    table = summary(resnet18(7, image=(24, 32, 3), width=4))
    lines = str(table).splitlines()
    assert lines[0] == "resnet18, x 24x32x3 float32"
    assert lines[1].split() == [
        "layer", "kind", "output", "parameters", "multiply-adds", "field", "stride", "offset"
    ]  # fmt: skip
    assert lines[3].split() == ["conv1", "conv", "24x32x4", "108", "82,944", "3", "1", "-1"]
    assert lines[-3].startswith("---")
    assert lines[-2].split() == ["total", f"{table.parameters:,}", f"{table.multiply_adds:,}"]
    assert lines[-1] == "and 600 running statistics"
    assert all(len(line) <= len(lines[2]) for line in lines[1:])
    rectangle = summary(
        lambda x: layers.conv(x, jnp.ones((3, 5, 1, 1)), stride=(1, 2)), spec(8, 8, 1)
    )
    assert str(rectangle).splitlines()[3].split()[-3:] == ["3x5", "1x2", "-1"]


def test_a_row_is_found_by_name():
    table = summary(notes_cnn(3))
    assert table["conv2"].output == (50, 50, 64)
    with pytest.raises(KeyError, match=r"no layer 'conv9', there are conv1, pool1, .*dense"):
        table["conv9"]


@pytest.mark.parametrize("x", [None, [1.0], "digits"])
def test_x_must_be_an_array(x):
    with pytest.raises(TypeError, match=r"summary: x must be an array or a ShapeDtypeStruct, got"):
        summary(lambda x: x, x)
