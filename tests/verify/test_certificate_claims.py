"""All that a certificate claims is compared with what is found now, not its status alone."""

import copy
import json

import jax
import jax.numpy as jnp
import pytest

import verify
from verify.certificate.checking import rerun

X = jax.ShapeDtypeStruct((2,), jnp.float32)


def quotient(x):
    return x * x / x


def same(x):
    return x + 0


def shifted(x):
    return jnp.where(x > 3, x + 1, x)


def answer(record):
    return rerun(record, (__name__,), "a.json")


@pytest.fixture(scope="module")
def proved():
    return json.loads(verify.equivalent(quotient, same, X, seed=1).to_json())


@pytest.fixture(scope="module")
def refuted():
    return json.loads(verify.equivalent(shifted, same, X, seed=1).to_json())


def test_what_it_says_is_confirmed(proved, refuted):
    assert proved["status"] == "proved"
    assert refuted["status"] == "refuted"
    for record in (proved, refuted):
        found = answer(record)
        assert found.agrees, found.text


PROOF = {
    "fewer assumptions": {"assumptions": []},
    "another assumption": {"assumptions": ["no ties"]},
    "every shape": {"scope": "every shape"},
    "no error": {"error_probability": 0.0, "error_bits": None},
    "more bits": {"error_bits": 1e6},
    "another method": {"method": "a formal proof"},
}
REFUTATION = {
    "another value": {"left": (2.0**99).hex()},
    "the values exchanged": lambda found: {"left": found["right"], "right": found["left"]},
    "another place": lambda found: {"index": [1 - found["index"][0]]},
    "another explanation": {"explanation": "the right side is the fault of its author"},
    "zeros": lambda found: {"inputs": [{**found["inputs"][0], "nonzero": []}]},
}


@pytest.mark.parametrize("name", PROOF)
def test_a_proof_that_claims_something_else_is_not_confirmed(name, proved):
    found = answer(copy.deepcopy(proved) | PROOF[name])
    assert not found.agrees
    assert "the certificate" in found.text


@pytest.mark.parametrize("name", REFUTATION)
def test_nor_is_another_counterexample(name, refuted):
    record, change = copy.deepcopy(refuted), REFUTATION[name]
    record["counterexample"] |= change(record["counterexample"]) if callable(change) else change
    found = answer(record)
    assert not found.agrees
    assert "counterexample" in found.text


def test_more_may_be_assumed(proved):
    record = copy.deepcopy(proved)
    record["assumptions"].append("the moon is made of cheese")
    assert answer(record).agrees


def test_rounding_is_said_not_to_be_measured(proved):
    record = copy.deepcopy(proved) | {"rounding": {"bound": 1e-9, "observed": 0.0, "beyond": 0}}
    assert "not measured" in answer(record).text
