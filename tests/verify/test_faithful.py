"""`faithful`: honest programs are proved, wrong results refuted, and what is open is unknown."""

import functools
import importlib
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import cnnjax
from verify.checks.faithful import faithful
from verify.checks.roundoff import by_rules, deviation, distance
from verify.programs import trace

MODULE = importlib.import_module("verify.checks.faithful")
BOTH_SETS = "2 sets of inputs (normal numbers, small whole numbers), compiled and eager on cpu"


def shape(*sizes, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(sizes, dtype)


def gaussian(*sizes, seed=0):
    return np.random.default_rng(seed).standard_normal(sizes).astype(np.float32)


# -- honest programs ------------------------------------------------------------------------------


def layer_norm(x, scale, bias):
    centred = x - x.mean(-1, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * scale + bias


def loss(params, x):
    h = cnnjax.conv(x, params["conv"], padding="SAME") + params["bias"]
    return jnp.mean(jax.nn.logsumexp(jnp.maximum(h, 0).mean((1, 2)) @ params["dense"], axis=-1))


PARAMS = {"conv": shape(3, 3, 2, 4), "bias": shape(4), "dense": shape(4, 3)}
WHOLE = shape(30, dtype=jnp.int32)

HONEST = {
    "dot": (lambda x, y: x @ y, shape(7, 50), shape(50, 4)),
    "convolution": (
        functools.partial(cnnjax.conv, padding="SAME"),
        shape(2, 8, 7, 3),
        shape(3, 3, 3, 5),
    ),
    "softmax": (jax.nn.softmax, shape(4, 10)),
    "layer norm": (layer_norm, shape(5, 16), shape(16), shape(16)),
    "gradient of a network": (jax.grad(loss), PARAMS, shape(2, 6, 6, 2)),
    "sort": (lambda x: (jnp.sort(x), jnp.argsort(x)), shape(40)),
    "running sum": (lambda x: jnp.cumsum(x, 0), shape(100, 3)),
    "pooling": (
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "SAME"),
        shape(1, 9, 9, 2),
    ),
    "integers that wrap": (
        lambda x, y: (x << 30, x * 2**30 + y * 2**30, jnp.cumsum(x * 10**9), (x << 20) @ (y << 20)),
        WHOLE,
        WHOLE,
    ),
    "integer division": (lambda x, y: (x // y, x % y, lax.div(x, y), lax.rem(x, y)), WHOLE, WHOLE),
    "small integers": (lambda x: x * x * 100 - 7, shape(9, dtype=jnp.int8)),
    "unsigned": (lambda x: (x - 3, x >> 1, ~x), shape(9, dtype=jnp.uint16)),
    "indices": (
        lambda x, i: (x[i], x.at[i].add(1.0), lax.dynamic_slice(x, (i[0],), (3,))),
        gaussian(6),
        np.int32([1, -1, 5, 1]),
    ),
    "booleans": (lambda x, m: (jnp.where(m, x, 0), m.any(), ~m), shape(8), shape(8, dtype=bool)),
    "loops": (lambda x: lax.fori_loop(0, 4, lambda i, y: jnp.tanh(y + i), x), shape(5)),
    "branches": (
        lambda x, i: lax.cond(i > 0, jnp.exp, jnp.sin, x),
        shape(5),
        shape(dtype=jnp.int32),
    ),
    "half precision": (lambda x, y: x @ y + 1, *(shape(5, 5, dtype=jnp.float16),) * 2),
    "brain floats": (lambda x: (x * x).sum(0), shape(30, 2, dtype=jnp.bfloat16)),
    "random bits": (
        lambda key, x: x * jax.random.uniform(key, x.shape),
        shape(dtype=jax.random.key(0).dtype),
        shape(6),
    ),
    "a scalar": (lambda x: x * x + 1, 3.0),
    "no elements": (lambda x: (x + 1, x.sum()), shape(0, 3)),
    "no arguments": (lambda: jnp.arange(4) / 3,),
    "no outputs": (lambda x: None, shape(3)),
    "constants that are no JAX arrays": (lambda x: (x, np.ones(2), 0.1, 3, True), shape(3)),
    "trees": (lambda t: {"a": [t["b"], None], "c": (t["d"] * 2,)}, {"b": shape(2), "d": shape(3)}),
    "already compiled": (jax.jit(lambda x: jnp.exp(x) - 1), shape(5)),
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_programs_are_proved(name):
    f, *examples = HONEST[name]
    verdict = faithful(f, *examples, seed=1)
    assert verdict, verdict
    assert verdict.error_probability == 0
    assert verdict.rounding.explained
    assert verdict.rounding.bound < 10  # half precision: of sums of magnitude 5
    assert "compiled and eager on cpu" in str(verdict).replace("\n", " ")
    json.loads(verdict.to_json())


def test_sixty_four_bits():
    with jax.enable_x64(True):
        verdict = faithful(lambda x, n: (jnp.exp(x), n * 2**40), np.linspace(0, 1, 9), 2**30)
    assert verdict
    assert 0 < verdict.rounding.bound < 1e-13


def test_wide_examples_are_narrowed_as_jax_narrows_them():
    assert faithful(lambda x, n: x * n, np.linspace(0, 1, 9), np.arange(9))


# -- what the verdict says ------------------------------------------------------------------------


def test_a_proof_speaks_of_the_inputs_that_were_tried():
    f, x = jnp.exp, gaussian(3)
    assert faithful(f, shape(3)).scope == BOTH_SETS
    assert faithful(f, x).scope == "these inputs, compiled and eager on cpu"
    assert faithful(jnp.add, x, shape(3)).scope == BOTH_SETS


def test_where_numbers_are_outside_of_a_domain_positive_ones_are_taken():
    verdict = faithful(jnp.log, shape(20))
    assert verdict.scope.startswith(
        "2 sets of inputs (positive numbers, small positive whole numbers)"
    )


def test_whole_numbers_that_are_all_outside_of_a_domain_are_left_out():
    verdict = faithful(lambda x: 1 / (x - 1) / (x - 2), shape(20), seed=0)
    assert verdict.scope.startswith("1 set of inputs (normal numbers)")


def test_whole_numbers_alone_prove_nothing():
    verdict = faithful(lambda x, y: x * (3 * y) <= (x * 3) * y, shape(50), shape(50))
    assert verdict.status == "unknown"
    assert "(normal numbers)" in verdict.reason


def test_assumptions_are_those_of_the_program():
    (name, version), x = ("random bits", "XLA"), shape(3)
    assert faithful(lambda x: x + 1, shape(3, dtype=jnp.int32)).assumptions == ()
    of_floats = faithful(lambda x: x + 1, x).assumptions
    assert any(version in sentence for sentence in of_floats)
    assert not any(name in sentence for sentence in of_floats)
    key = jax.random.key(3)
    assert name in faithful(lambda k: jax.random.bits(k, (4,)), key).assumptions[-1]


def test_the_seed_fixes_the_inputs():
    one, two, three = (faithful(jax.nn.softmax, shape(9), seed=n).rounding for n in (1, 1, 2))
    assert one == two != three


# -- planted wrongness ----------------------------------------------------------------------------


def plant(monkeypatch, change):
    """From now on the compiled program returns what `change` makes of its outputs."""
    compile_ = MODULE.executable

    def wrong(program):
        run = compile_(program)

        def altered(inputs):
            outputs = [np.array(y) for y in run(inputs)]
            change(outputs[0])
            return outputs

        return altered

    monkeypatch.setattr(MODULE, "executable", wrong)


def off(y):
    y[2] += 1e-3


def nothing(y):
    y[2] = np.nan


def too_large(y):
    y[2] = np.inf


def swapped(y):
    y[[1, 2]] = y[[2, 1]]


def lost(y):
    y[...] = 0


@pytest.mark.parametrize("change", [off, nothing, too_large, swapped, lost])
@pytest.mark.parametrize("f", [jnp.sin, jnp.cumsum, jax.nn.softmax, lambda x: 2 * x])
@pytest.mark.parametrize("x", [shape(6), gaussian(6)], ids=["drawn", "given"])
def test_a_wrong_element_is_refuted(monkeypatch, change, f, x):
    plant(monkeypatch, change)
    verdict = faithful(f, x, seed=0)
    assert verdict.status == "refuted"
    assert verdict.method == "evaluation on cpu"
    found = verdict.counterexample
    (given,), (number, index) = found.inputs, found.where
    assert (given.shape, given.dtype, number) == ((6,), np.float32, 0)
    exact = np.asarray(f(given), np.float64)[index]
    assert abs(found.right - exact) < 1e-5
    assert not abs(found.left - exact) < 9e-4
    assert "compiled on cpu" in found.explanation
    assert "over the reals" in found.explanation
    assert "rounding may take" in found.explanation


def test_an_integer_off_by_one_is_refuted(monkeypatch):
    def change(y):
        y[0] += 1

    plant(monkeypatch, change)
    found = faithful(lambda n: n * n, shape(4, dtype=jnp.int32)).counterexample
    assert (found.left, found.right, found.where) == (1, 0, (0, (0,)))
    assert found.explanation.endswith("it is 1, over the reals 0, and rounding may take nothing")
    with jax.enable_x64(True):
        large = faithful(lambda n: n + 2**60, np.arange(4)).counterexample
    assert int(large.left) - int(large.right) == 1


def test_a_boolean_that_is_turned_is_refuted(monkeypatch):
    def change(y):
        y[3] = ~y[3]

    plant(monkeypatch, change)
    assert faithful(lambda x: x > 0, shape(5)).counterexample.where == (0, (3,))


def test_counterexamples_are_small(monkeypatch):
    def change(y):
        y[y > 5] = 5

    plant(monkeypatch, change)
    found = faithful(lambda x: x[:50] + 3 * x[50:], gaussian(100)).counterexample
    assert np.count_nonzero(found.inputs[0]) <= 2
    assert found.left == 5 < found.right


def test_what_rounding_explains_is_not_refuted(monkeypatch):
    x = gaussian(50)
    (allowed,) = deviation(trace(jnp.sin, x), [x])

    def change(y):
        y += (0.4 * allowed).astype(np.float32)

    plant(monkeypatch, change)
    verdict = faithful(jnp.sin, x)
    assert verdict
    assert verdict.rounding.observed > 0.2 * allowed.max()


def test_wrong_values_where_nothing_is_known_are_neither_refuted_nor_proved(monkeypatch):
    plant(monkeypatch, lambda y: y.fill(7))
    x = np.float32([-1, -2])
    verdict = faithful(jnp.log, x)
    assert verdict.status == "unknown"
    assert verdict.reason == "2 of 2 output elements have no finite bound (these inputs)"


def test_a_fault_of_one_element_is_refuted_though_another_is_unknown(monkeypatch):
    def change(y):
        y[1] += 1

    plant(monkeypatch, change)
    verdict = faithful(jnp.log, np.float32([-1, 2]))
    assert verdict.counterexample.where == (0, (1,))


def test_the_second_output_is_looked_at_too(monkeypatch):
    plant(monkeypatch, lambda y: None)
    real = MODULE.executable
    monkeypatch.setattr(
        MODULE, "executable", lambda p: lambda xs: [y + (i == 1) for i, y in enumerate(real(p)(xs))]
    )
    found = faithful(lambda x: {"a": x, "b": (x * 2, x * 3)}, shape(2)).counterexample
    assert found.where[0] == 1


def test_integers_do_not_rest_on_what_jax_makes_of_them(monkeypatch):
    evaluate = importlib.import_module("verify.evaluate")
    run = evaluate.run_with_jax
    wrong = lambda equation, values: [  # noqa: E731
        y if equation.primitive == "iota" else y + y.dtype.type(1) for y in run(equation, values)
    ]
    monkeypatch.setattr(evaluate, "run_with_jax", wrong)
    f = lambda n: (n // 3, jnp.cumsum(n), n[::-1] & 5, jnp.sort(n), n.reshape(2, 3) @ n[:3])  # noqa: E731
    assert faithful(f, np.arange(6))
    program = trace(lambda n: lax.fori_loop(0, 3, lambda i, m: (m << 1) | 1, n), 3)
    assert by_rules(program).primitives() == program.primitives()


# -- the other way of running ---------------------------------------------------------------------


def is_traced(x):
    return isinstance(x, jax.core.Tracer)


def test_another_value_on_arrays_is_refuted():
    found = faithful(lambda x: x * 2 if is_traced(x) else x * 2.01, shape(3)).counterexample
    assert found.explanation.startswith("eager on cpu it is")


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x if is_traced(x) else x[1:],
        lambda x: x if is_traced(x) else (x,),
        lambda x: x if is_traced(x) else x > 0,
        lambda x: x if is_traced(x) else {}["no such key"],
    ],
    ids=["shape", "tree", "dtype", "error"],
)
def test_what_fails_on_arrays_is_unknown(f):
    verdict = faithful(f, shape(3))
    assert verdict.status == "unknown"
    assert verdict.reason.startswith("eager, it fails: ")


def test_a_compiler_that_fails_is_unknown(monkeypatch):
    def fail(inputs):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(MODULE, "executable", lambda program: fail)
    verdict = faithful(jnp.sin, shape(3))
    assert verdict.reason == "compiled, it fails: RuntimeError: out of memory (normal numbers)"


def test_a_function_that_changes_is_unknown():
    calls = []

    def counting(x):
        calls.append(1)
        return x + len(calls)

    def drawing(x):
        return x + np.random.default_rng().standard_normal(3)

    for f in (counting, drawing):
        verdict = faithful(f, shape(3))
        assert verdict.status == "unknown"
        assert verdict.reason == "f is another function each time it is traced"


def test_side_effects_alone_do_no_harm():
    seen = []
    assert faithful(lambda x: (seen.append(1), x + 1)[1], shape(3))
    assert seen


def test_examples_are_neither_changed_nor_donated():
    array, device = gaussian(4), jnp.ones(4)
    before = array.copy()
    f = jax.jit(lambda x, y: (x * 2, y * 3), donate_argnums=(0, 1))
    for _ in range(2):
        assert faithful(f, array, device)
    assert np.array_equal(array, before)
    assert not device.is_deleted()


def test_counterexamples_are_copies(monkeypatch):
    plant(monkeypatch, lost)
    x = np.ones(3, np.float32)
    found = faithful(lambda x: x, x).counterexample
    assert not np.shares_memory(found.inputs[0], x)
    assert np.array_equal(x, np.ones(3))


# -- no bound -------------------------------------------------------------------------------------

NO_BOUND = {
    "a primitive": (jnp.linalg.cholesky, (shape(3, 3),), "rounding errors of cholesky"),
    "complex numbers": (lambda x: x * 1j, (shape(3),), "rounding errors of complex numbers"),
    "keys": (jax.random.split, (jax.random.key(0),), "a result of type key<fry>"),
    "callbacks": (
        lambda x: jax.pure_callback(np.sin, shape(3), x),
        (shape(3),),
        "rounding errors of pure_callback",
    ),
    "an unstable sort": (
        lambda k, v: lax.sort((k, v), num_keys=1, is_stable=False),
        (shape(40, dtype=jnp.int32), shape(40)),
        "an unstable sort",
    ),
    "an overflow": (lambda x: jnp.log(jnp.exp(x)), (np.float32(89),), "1 of 1 output elements"),
    "no number": (lambda x: x + 1, (np.float32([1, np.nan]),), "1 of 2 output elements"),
    "no domain": (jnp.arcsin, (shape(50),), "have no finite bound (normal numbers)"),
}


@pytest.mark.parametrize("name", NO_BOUND)
def test_no_bound_is_unknown(name):
    f, examples, reason = NO_BOUND[name]
    verdict = faithful(f, *examples)
    assert verdict.status == "unknown"
    assert reason in verdict.reason
    assert verdict.rounding is None


def test_other_backends_have_no_bound(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert faithful(jnp.sin, shape(3)).reason == "no bound is known: rounding errors on gpu"


def test_symbolic_dimensions_are_unknown():
    (n,) = jax.export.symbolic_shape("n")
    verdict = faithful(jnp.sin, jax.ShapeDtypeStruct((n,), jnp.float32))
    assert "symbolic dimensions" in verdict.reason


def test_what_cannot_be_traced_raises_what_jax_raises():
    with pytest.raises(jax.errors.ConcretizationTypeError):
        faithful(lambda x: float(x), shape())
    with pytest.raises(TypeError):
        faithful(jnp.sin, "text")


# -- known faults of XLA on the CPU: found where they are, and nothing where they are not ----------


def nested_slices(x, i, j):
    return lax.dynamic_slice(lax.dynamic_slice(x, (i,), (4,)), (j,), (2,))


def nested_slices_by_hand(x, i, j):
    inner = np.clip(i, 0, len(x) - 4)
    outer = inner + np.clip(j, 0, 2)
    return x[outer : outer + 2]


def cropped_windows(x):
    zero = np.zeros((), x.dtype)
    cropped = lax.pad(x, zero, [(0, 0, 1), (-1, 0, 0)])
    return lax.reduce_window(cropped, zero, lax.add, (1, 2), (1, 1), ((0, 0), (1, 0)))


def cropped_windows_by_hand(x):
    cropped = x[:, 1:]
    return cropped + np.pad(cropped, ((0, 0), (1, 0)))[:, :-1]


def dilated_windows(x):
    return lax.reduce_window(
        x, -jnp.inf, lax.max, (2, 1), (2, 1), ((0, 0), (0, 0)), base_dilation=(1, 2)
    )


def dilated_windows_by_hand(x):
    pooled = np.full((x.shape[0] // 2, 2 * x.shape[1] - 1), -np.inf, np.float32)
    pooled[:, ::2] = np.maximum(x[::2], x[1::2])
    return pooled


def unsigned_index(x):
    return lax.dynamic_slice(x, (jnp.asarray(np.uint8(200)),), (1,))


def unsigned_index_by_hand(x):
    return x[200:201]


LINE = np.arange(10, dtype=np.float32)
PAIR = np.array([[669, -763]])

KNOWN = {
    "openxla/xla#48714": (dilated_windows, dilated_windows_by_hand, gaussian(64, 128)),
    "openxla/xla#48714, small": (dilated_windows, dilated_windows_by_hand, gaussian(8, 8)),
    "openxla/xla#49121, inner": (nested_slices, nested_slices_by_hand, LINE, 8, 0),
    "openxla/xla#49121, outer": (nested_slices, nested_slices_by_hand, LINE, 3, 5),
    "openxla/xla#49121, in range": (nested_slices, nested_slices_by_hand, LINE, 3, 1),
    "openxla/xla#48715": (cropped_windows, cropped_windows_by_hand, PAIR.astype(np.int32)),
    "openxla/xla#48715, floats": (cropped_windows, cropped_windows_by_hand, gaussian(1, 2)),
    "openxla/xla#48717": (unsigned_index, unsigned_index_by_hand, np.arange(300, dtype=np.int32)),
}


@pytest.mark.parametrize("name", KNOWN)
def test_faults_of_the_compiler_are_found_where_there_are_any(name):
    f, by_hand, *arrays = KNOWN[name]
    expected = by_hand(*arrays)
    right = all(np.array_equal(way(*arrays), expected) for way in (f, jax.jit(f)))
    verdict = faithful(f, *arrays)
    assert verdict.status == ("proved" if right else "refuted")
    if not right:
        found = verdict.counterexample
        inputs = [np.asarray(x) for x in found.inputs]
        assert by_hand(*inputs)[found.where[1]] == found.right != found.left
        assert found.explanation.endswith("rounding may take nothing")


@pytest.mark.filterwarnings("error")
def test_numbers_from_memory_that_nobody_wrote_are_compared_in_silence():
    signalling = np.array([0x7F800001, 0xFF800001], np.uint32).view(np.float32)
    assert distance(signalling, np.zeros(2, np.float32)).tolist() == [np.inf, np.inf]
