"""The source that is shown is the program's, and nothing of it is lost."""

import functools

import jax
import pytest

from tests.verify.report import sample
from tests.verify.report.document import parse
from verify.report.source import bindings, highlight, listing, source


def of(stride):
    how = {"padding": "SAME"}

    def strided(x, kernel):
        return sample.conv(x, kernel, stride=stride, **how)

    return strided


def inside(f):
    def cropped(x, kernel):
        return f(x, kernel)[1:-1]

    return cropped


@pytest.mark.parametrize(
    "text",
    [
        "def f(x):\n    return x + 1  # a comment",
        'f"{x!r:>{width}} {{" + r"\\d" + """a\nb"""',
        "not python at all ( [",
        "a < b & 'c' \x0c next\n\u2028 line",
        "",
        "x == y  # 한국어",
    ],
)
def test_highlighting_loses_nothing(text):
    assert parse(highlight(text)).text == text


def test_highlighting_marks_keywords_strings_numbers_comments():
    tree = parse(highlight("return 'a', 12  # why"))
    assert [(e.classes, e.text) for e in tree.all("span")] == [
        (["k"], "return"),
        (["s"], "'a'"),
        (["n"], "12"),
        (["c"], "# why"),
    ]


@pytest.mark.parametrize(
    "wrapped",
    [jax.jit(sample.strided), functools.partial(sample.strided), jax.jit(jax.jit(sample.strided))],
    ids=["jit", "partial", "twice"],
)
def test_wrappers_are_looked_through(wrapped):
    assert source(wrapped) == source(sample.strided)
    assert source(wrapped).startswith("def strided(x, kernel):")


def test_what_a_closure_holds_is_shown():
    values, functions = bindings(of(3))
    assert values == {"stride": 3, "how": {"padding": "SAME"}}
    assert functions == {}
    text = parse(listing(inside(of(3)), set())).spoken("en")
    assert "def cropped(x, kernel):" in text
    assert "where f = strided" in text
    assert "def strided(x, kernel):" in text
    assert "stride = 3" in text


def test_a_text_is_shown_once():
    seen = set()
    first, second = (parse(listing(of(stride), seen)).spoken("en") for stride in (2, 3))
    assert "return" in first
    assert "return" not in second
    assert "strided" in second
    assert "stride = 3" in second


def test_a_function_that_holds_itself_ends():
    def countdown(n):
        return countdown(n - 1) if n else 0

    assert "def countdown" in parse(listing(countdown, set())).text


def test_what_has_no_source_is_named():
    assert source(len) == "len"
    assert source(eval("lambda x: x")) == "<lambda>"
