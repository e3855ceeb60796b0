"""How notebooks show a summary, a model and a trained run; what is printed of a run."""

from html.parser import HTMLParser

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cnnjax import models, notebook
from cnnjax.preprocessing import Preprocessing
from cnnjax.summary import summary
from cnnjax.train import Evaluation, FitResult

CLOSED = ("table", "caption", "thead", "tbody", "tr", "th", "td", "div")


class Page(HTMLParser):
    """The text of each cell, the pictures, and whether every element is closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.cells, self.images = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        assert tag in (*CLOSED, "img")
        if tag == "img":
            self.images.append(dict(attributes))
        else:
            self.open.append(tag)
        if tag in ("td", "th", "caption"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.cells[-1] += data


def result(epochs, loss="loss"):
    history = tuple(
        {"epoch": e, loss: 1 / e, "accuracy": 0.5, "test_accuracy": 0.25, "seconds": 1.0}
        for e in range(1, epochs + 1)
    )
    params = {"dense": {"kernel": jnp.full((20, 3), 7.25), "bias": jnp.zeros(3)}}
    evaluation = Evaluation(0.75, 0.875, np.eye(3, dtype=np.int64))
    return FitResult(params, history, evaluation, Preprocessing((0.5,), (0.25,)))


def test_the_numbers_of_the_printed_summary_are_in_its_html():
    table = summary(models.notes_cnn(3, widths=(4, 5), image=(12, 12, 2)))
    page = Page(table._repr_html_())
    assert page.cells[0] == "notes, x 12x12x2 float32"
    printed = str(table).split()
    assert all(word in printed for cell in page.cells for word in cell.split())
    assert page.cells.count("total") == 1


def test_a_model_shows_its_summary_and_prints_what_it_was_built_from():
    model = models.build("resnet18", classes=3, image=(8, 8, 1), width=2)
    assert model._repr_html_() == summary(model)._repr_html_()
    assert "running statistics" in model._repr_html_()
    expected = "Model('resnet18', classes=3, image=(8, 8, 1), stem='small', width=2)"
    assert repr(model) == expected


def test_a_result_prints_no_parameters():
    text = repr(result(4))
    assert text == (
        "FitResult(epochs 4, test accuracy 87.50 %, test loss 0.7500, parameters 63 in 2 arrays)"
    )
    assert "7.25" not in str(result(4)) + result(4)._repr_html_()


@pytest.mark.parametrize(("epochs", "rows"), [(1, 1), (12, 12), (40, 13)])
def test_a_result_shows_its_epochs_and_curves(epochs, rows):
    page = Page(result(epochs)._repr_html_())
    assert page.cells[1:6] == ["epoch", "loss", "accuracy", "test accuracy", "seconds"]
    assert len(page.cells) == 6 + 5 * rows
    (image,) = page.images
    assert image["src"].startswith("data:image/png;base64,")
    assert image["alt"] == "loss, accuracy and learning rate, epoch by epoch"


def test_a_run_without_epochs_has_no_curves():
    assert Page(result(0)._repr_html_()).images == []


def test_text_is_escaped():
    page = Page(notebook.table("<b>", ["a & b"], [["<script>", "1"]], note='"'))
    assert page.cells[:3] == ["<b>", "a & b", "<script>"]
    assert "<script>" not in notebook.picture(b"", "<script>\"'")


def test_showing_computes_nothing():
    # 553 MB of parameters, if there were any.
    assert "138,357,544" in models.vgg16()._repr_html_()
    assert jax.tree.leaves(models.vgg16().config["classes"]) == [1000]
