"""A certificate about numbers of Python is confirmed as one about arrays."""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify
from verify.certificate.checking import check
from verify.inputs.signature import format_spec, parse_spec

NUMBERS = """
import jax
import jax.numpy as jnp

def f(x, n):
    return (x * n).astype(jnp.int32)
def wide(x, n):
    return x.astype(jnp.int32) * n
def doubled(x, n):
    return (x * n + x * n).astype(jnp.int32)
def twice(x, n):
    return (n * x * 2).astype(jnp.int32)
def plus(n):
    return n + jnp.ones((), n.dtype)
def more(n):
    return jnp.ones((), n.dtype) + n
def of_tree(tree):
    return tree["a"] * tree["b"][0]
@jax.custom_jvp
def product(x, n):
    return x * n
product.defjvp(lambda p, t: (product(*p), t[0] * p[1] + p[0] * t[1]))
"""
I8 = jax.ShapeDtypeStruct((), jnp.int8)
F16 = jax.ShapeDtypeStruct((2,), jnp.float16)
WEAK = jax.ShapeDtypeStruct((2,), jnp.int32, weak_type=True)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    (folder / "numbers_of_python.py").write_text(NUMBERS)
    sys.path.insert(0, str(folder))
    yield __import__("numbers_of_python")
    sys.path.remove(str(folder))
    del sys.modules["numbers_of_python"]


CASES = {
    "an integer, refuted": ("refuted", "f", "wide", (I8, 3)),
    "an array of one, refuted": ("refuted", "f", "wide", (I8, jnp.asarray(3))),
    "an integer, proved": ("proved", "doubled", "twice", (I8, 3)),
    "an integer alone": ("proved", "plus", "more", (3,)),
    "a float alone": ("proved", "plus", "more", (2.5,)),
    "several": ("proved", "plus", "more", (WEAK,)),
    "what is strong": ("proved", "f", "wide", (I8, np.int32(3))),
    "in a tree": ("proved", "of_tree", "of_tree", ({"a": F16, "b": [2.5, True]},)),
}


def confirmed(verdict, folder):
    path = folder / "certificate.json"
    path.write_text(verdict.to_json())
    return check(path, ["numbers_of_python"])


@pytest.mark.parametrize("name", CASES)
def test_a_certificate_about_a_number_is_confirmed(name, numbers, tmp_path):
    status, f, g, examples = CASES[name]
    verdict = verify.equivalent(getattr(numbers, f), getattr(numbers, g), *examples, seed=0)
    assert verdict.status == status, verdict
    checked = confirmed(verdict, tmp_path)
    assert checked.agrees, checked.text


def test_so_is_one_about_derivatives(numbers, tmp_path):
    verdict = verify.derivatives(numbers.product, F16, 2.5, seed=0)
    assert verdict, verdict
    checked = confirmed(verdict, tmp_path)
    assert checked.agrees, checked.text


def test_one_about_the_strong_type_is_another(numbers, tmp_path):
    verdict = verify.equivalent(numbers.doubled, numbers.twice, I8, 3, seed=0)
    record = json.loads(verdict.to_json())
    assert record["subject"]["examples"] == {"tuple": ["i8[]", "i32[] weak"]}
    record["subject"]["examples"] = {"tuple": ["i8[]", "i32[]"]}
    (tmp_path / "other.json").write_text(json.dumps(record))
    checked = check(tmp_path / "other.json", ["numbers_of_python"])
    assert not checked.agrees
    assert "is not the one that the certificate is about" in checked.text


@pytest.mark.parametrize("example", [3, 2.5, 1j, True, np.int8(3), jnp.asarray(3), WEAK, F16])
def test_a_specification_says_whether_it_is_weak(example):
    there = parse_spec(format_spec(example))
    ours, theirs = (jax.eval_shape(lambda x: x + jnp.int8(1), x) for x in (example, there))
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)


@pytest.mark.parametrize("text", ["f32[]weak", "f32 weak[]", "f32[] weak weak", "f32[] strong"])
def test_weak_is_the_last_word(text):
    with pytest.raises(ValueError, match="is not like"):
        parse_spec(text)


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg", "unsafe_rbg"])
def test_a_specification_names_the_generator_of_keys(impl):
    key = jax.random.key(0, impl=impl)
    assert parse_spec(format_spec(key)).dtype == key.dtype
