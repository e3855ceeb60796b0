"""What is drawn of a counterexample is what the counterexample is."""

import ast
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import verify
from tests.verify.report import sample
from tests.verify.report.document import parse
from tests.verify.report.test_page import by_id
from verify import report
from verify.claims import Claim, Outcome, Settled, Variant
from verify.counterexample.confirm import values
from verify.programs import trace
from verify.report import counterexample, field
from verify.report.markup import anchor


def drawn(panel):
    """The elements of an array that a panel shows: {index: value}, read off its picture."""
    picture = panel.one("svg", "grid")
    place = panel.one("figcaption").one("code").text
    pattern = [
        None if part.strip() == ":" else int(part)
        for part in place[place.rindex("[") + 1 : -1].split(",")
    ]
    labels = [
        (float(e.attributes["x"]), float(e.attributes["y"]), int(e.text))
        for e in picture.one("g", "label").all("text")
    ]
    top = min(y for _, y, _ in labels)
    across = {x: i for x, y, i in labels if y == top}
    down = {y: i for x, y, i in labels if y > top}
    found = {}
    for cell in picture.all("g", "cell"):
        text = cell.one("text")
        at = [down.get(float(text.attributes["y"])), across[float(text.attributes["x"])]]
        free = iter(at if down else at[1:])
        index = tuple(next(free) if i is None else i for i in pattern)
        value = ast.literal_eval(cell.attributes["data-value"])
        found[index] = value
        assert float(text.text) == pytest.approx(value, rel=5e-3)
        assert ("zero" in cell.classes) == (value == 0)
    return found


def figures(page, settled):
    """(outcome, figure) of every refuted variant."""
    for one in settled:
        for outcome in one.outcomes:
            if outcome.verdict.counterexample is not None:
                article = by_id(page, anchor(one.claim.id, outcome.variant.name))
                yield outcome, article.one("figure", "counterexample")


def test_the_inputs_drawn_are_the_counterexamples(page, settled):
    seen = 0
    for outcome, figure in figures(page, settled):
        example = outcome.verdict.counterexample
        arrays = dict(
            zip(counterexample.names(example), jax.tree.leaves(example.inputs), strict=True)
        )
        nonzero = {(name, tuple(i)) for name, a in arrays.items() for i in np.argwhere(a).tolist()}
        panels = [
            p for p in figure.all("figure", "panel") if not {"left", "right"} & set(p.classes)
        ]
        for panel in panels:
            name = panel.one("figcaption").one("code").text.partition("[")[0]
            for index, value in drawn(panel).items():
                assert arrays[name][index] == value
                nonzero.discard((name, index))
                seen += 1
        assert not nonzero  # all of them are drawn
        zeros = [e.one("code").text for e in figure.all("li")]
        assert zeros == [name for name, a in arrays.items() if not np.any(a)]
    assert seen > 200


def test_left_and_right_are_the_counterexamples_values(page, settled):
    for outcome, figure in figures(page, settled):
        example = outcome.verdict.counterexample
        versus = figure.one("p", "versus")
        for side, value in (("left", example.left), ("right", example.right)):
            shown = versus.one("span", side).one("b").text
            assert shown == str(value) if isinstance(value, str) else float(shown) == float(value)
        assert example.explanation in figure.text
        if example.where is not None and example.where[1]:
            assert str(list(example.where[1])) in versus.text


def test_the_outputs_drawn_are_the_programs_and_the_element_that_differs_is_marked(page, settled):
    seen = 0
    for outcome, figure in figures(page, settled):
        example = outcome.verdict.counterexample
        if example.where is None or not example.where[1]:
            continue
        number, index = example.where
        sides = ((outcome.variant.left, example.left), (outcome.variant.right, example.right))
        panels = [p for p in figure.all("figure", "panel") if {"left", "right"} & set(p.classes)]
        assert [p.classes[1] for p in panels] == ["left", "right"]
        for panel, (f, value) in zip(panels, sides, strict=True):
            leaves = [np.asarray(x) for x in jax.tree.leaves(example.inputs)]
            whole = np.asarray(values(trace(f, *example.inputs), leaves)[number].value)
            for at, cell in drawn(panel).items():
                assert whole[at] == cell
            (marked,) = panel.all("g", "marked")
            assert ast.literal_eval(marked.attributes["data-value"]) == float(value)
            assert drawn(panel)[index] == float(value)
            seen += 1
    assert seen >= 8


def test_the_frames_are_what_each_side_reads(page):
    """Even size and SAME: output (2, 2) reads rows 4, 5 on the left and 3, 4, 5 on the right."""
    article = by_id(page, "stride-2-is-downsampled.same-even")
    panel = article.all("figure", "panel")[0]
    left, right = (panel.one("path", side).attributes["d"] for side in ("left", "right"))
    cell, x0, y0 = 30, 26, 20

    def span(path):
        points = [tuple(map(float, p.split())) for p in path.replace("L", "M").split("M") if p]
        return [
            (round((min(v) - o) // cell), round((max(v) - o) // cell) + 1)
            for v, o in zip(zip(*points, strict=True), (x0, y0), strict=True)
        ]

    assert "M" not in left[1:]  # no side is cut off
    example = sample.downsampled, sample.strided
    boxes = [verify.dependence(f, *sample._images(6)).box((0, 2, 2, 0))[0][1:3] for f in example]
    assert span(right) == [(s.start, s.stop) for s in boxes[0]][::-1] == [(3, 6), (3, 6)]
    assert span(left) == [(s.start, s.stop) for s in boxes[1]][::-1] == [(4, 6), (4, 6)]


def test_programs_that_were_not_the_settled_ones_are_not_evaluated(settled):
    """Their outputs would be drawn under a verdict that is not theirs."""
    (outcome,) = [o for o in settled[0].outcomes if o.variant.name == "same-even"]
    verdict = pickle.loads(pickle.dumps(outcome.verdict))  # which has no programs
    functions = outcome.variant.left, outcome.variant.right
    assert "outputs" in counterexample.figure(outcome.verdict)
    assert "outputs" not in counterexample.figure(verdict)
    assert counterexample.figure(verdict, functions) == counterexample.figure(outcome.verdict)
    figure = counterexample.figure(verdict, (sample.pooled, lambda: None))
    assert "outputs" not in figure
    assert "<path" not in figure
    assert "≠" in figure


def test_structures_that_differ_are_told_in_words(page):
    figure = by_id(page, "pooling-is-different.shapes").one("figure", "counterexample")
    assert [e.text for e in figure.one("p", "versus").all("b")] == [
        "float32[1, 3, 3, 1]",
        "float32[1, 6, 6, 1]",
    ]
    assert not figure.all("figure", "panel")


@pytest.mark.parametrize(
    ("f", "g", "example"),
    [
        (lambda x: x ^ 1, lambda x: x, jnp.zeros(3, jnp.int32)),
        (lambda x: ~x, lambda x: x, jnp.zeros(3, bool)),
        (lambda x: x * 1j, lambda x: x, jnp.zeros(3, jnp.complex64)),
        (lambda x: x["a"] + x["b"], lambda x: x["a"] - x["b"],
         {"a": jnp.zeros((2, 30)), "b": jnp.zeros(30)}),
        (lambda x: x * 1e30, lambda x: x, jnp.zeros((2, 2), jnp.bfloat16)),
        (lambda x: -x, lambda x: x, jnp.zeros(())),
        (lambda x: x.sum((0, 1)), lambda x: x.sum((0, 1)) / 3, jnp.zeros((40, 40, 3, 2, 2))),
    ],
    ids=["integers", "booleans", "complex", "trees", "bfloat16", "number", "five axes"],
)  # fmt: skip
def test_any_dtype_and_shape_can_be_drawn(f, g, example, tmp_path):
    verdict = verify.equivalent(f, g, example, seed=0)
    assert verdict.status == "refuted"
    variant = Variant("v", "v", "refuted", lambda: verdict, left=f, right=g)
    one = Settled(Claim("c", "c", "c", "c", "c"), (Outcome(variant, verdict, 0.0),))
    report.write([one], tmp_path / "r.html")
    page = parse((tmp_path / "r.html").read_text(encoding="utf-8"))
    figure = page.one("figure", "counterexample")
    texts = [e.text for e in figure.one("p", "versus").all("b")]
    assert len(set(texts)) == 2
    assert figure.one("p", "explanation").text == verdict.counterexample.explanation


def test_the_field_of_a_proof_about_one_number_is_drawn():
    def seen(x):
        return x[1:5:2, 2:7].sum()

    x = jnp.zeros((9, 8))
    verdict = verify.equivalent(seen, lambda x: x[1:5:2, 2:7].sum(0).sum(), x, seed=0)
    variant = Variant("v", "v", "proved", lambda: verdict, left=seen)
    figure = parse(field.figure(variant, verdict))
    cells = [
        (float(e.attributes["y"]) - 20, float(e.attributes["x"]) - 26, float(e.attributes["width"]))
        for e in figure.one("g", "seen").all("rect")
    ]
    assert cells == [(1 * 16, 2 * 16, 5 * 16), (3 * 16, 2 * 16, 5 * 16)]
    assert [e.text for e in figure.one("g", "label").all("text")] == ["2", "6", "1", "3"]
    assert "3×5 of 9×8" in figure.spoken("en")


def test_no_field_is_drawn_of_other_programs_or_whole_inputs():
    x = jnp.zeros((4, 4))
    whole = verify.equivalent(jnp.sum, lambda x: x.sum(0).sum(), x, seed=0)
    assert whole
    assert field.figure(Variant("v", "v", "proved", lambda: whole, left=jnp.sum), whole) is None
    other = Variant("v", "v", "proved", lambda: whole, left=lambda x: x[0].sum())
    assert field.figure(other, whole) is None
