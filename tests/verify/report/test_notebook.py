"""What notebooks show of a verdict: the page's figure, which changes nothing else in them."""

import pickle
import re

import jax
import jax.numpy as jnp
import pytest

import verify
from tests.verify.report.document import parse
from verify.report import counterexample

X = jax.ShapeDtypeStruct((1, 6, 6, 1), jnp.float32)


def strided(x):
    return x[:, ::2, ::2]


def shifted(x):
    return x[:, 1::2, 1::2]


@pytest.fixture(scope="module")
def refuted():
    return verify.equivalent(strided, shifted, X, seed=0)


def test_a_refutation_is_drawn_as_on_the_page(refuted):
    text = refuted._repr_html_()
    assert counterexample.figure(refuted) in text
    page = parse(text)
    figure = page.one("figure", "counterexample")
    assert figure.all("svg", "grid")[0].attributes["aria-label"].startswith("x")
    assert {"left", "right"} <= {name for path in figure.all("path") for name in path.classes}
    assert refuted.counterexample.explanation in figure.text
    assert "✗" in page.one("span", "chip").text


def test_without_the_programs_the_inputs_are_drawn(refuted):
    again = pickle.loads(pickle.dumps(refuted))
    assert str(again) == str(refuted)
    figure = parse(again._repr_html_()).one("figure", "counterexample")
    assert figure.all("svg", "grid")
    assert "outputs" not in again._repr_html_()


def test_proofs_and_unknowns_are_told_in_words():
    proved = verify.equivalent(lambda x: jnp.log(x * x), lambda x: 2 * jnp.log(jnp.abs(x)), X)
    text = parse(proved._repr_html_()).text
    assert "PROVED" not in text  # the page's own words
    for sentence in (*proved.assumptions, proved.method, proved.scope):
        assert sentence in text
    unknown = verify.Verdict("unknown", reason="a < b & 'c'")
    assert "a < b & 'c'" in parse(unknown._repr_html_()).text
    assert "<b &" not in unknown._repr_html_()
    structure = verify.equivalent(lambda x: x, lambda x: x[0], X)
    assert "the shapes differ" in parse(structure._repr_html_()).text


def test_every_style_is_nested_in_the_verdicts_own_class(refuted):
    style = re.search(r"<style>(.*?)</style>", refuted._repr_html_(), re.DOTALL).group(1)
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    depth, selectors, last = 0, [], 0
    for place, letter in enumerate(style):
        if letter == "{":
            if depth == 0:
                selectors.append(style[last:place].strip())
            depth += 1
        elif letter == "}":
            depth -= 1
            last = place + 1
    assert depth == 0
    assert set(selectors) == {".verify-verdict", "@media (prefers-color-scheme: dark)"}
    assert ":root" not in style


def test_a_failure_of_the_drawing_leaves_the_inputs(refuted, monkeypatch):
    def fails(*_):
        raise RuntimeError

    monkeypatch.setattr("verify.report.evidence.values", fails)
    with pytest.raises(RuntimeError):
        refuted._repr_html_()  # as in all of our tests
    monkeypatch.setenv("VERIFY_RAISE", "0")
    assert parse(refuted._repr_html_()).all("svg", "grid")
