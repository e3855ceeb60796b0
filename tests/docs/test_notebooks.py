"""The notebooks work, and put out what they were saved with, drawings and figures aside."""

import ast
import contextlib
import io
import json

import pytest

from tests.docs.pages import DOCS

NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
LONG = {"claims.ipynb"}  # a quarter of a minute; its claims have tests of their own
MOST_BYTES = 100_000


def _marked(path):
    marks = [pytest.mark.full] if path.name in LONG else []
    return pytest.param(path, marks=marks, id=path.stem)


@pytest.mark.unrecorded("the notebooks themselves say what is answered")
@pytest.mark.parametrize("path", [_marked(path) for path in NOTEBOOKS])
def test_a_notebook_puts_out_what_it_was_saved_with(path):
    namespace = {"__name__": "notebook"}
    cells = [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if "outputs" in cell]
    assert cells
    for number, cell in enumerate(cells):
        printed, value = run("".join(cell["source"]), f"{path.name}, cell {number}", namespace)
        for output in cell["outputs"]:
            assert output["output_type"] in ("stream", "execute_result")
            if output["output_type"] == "execute_result":
                assert ("text/html" in output["data"]) == hasattr(value, "_repr_html_")
                if "text/html" not in output["data"]:
                    assert "".join(output["data"]["text/plain"]) == repr(value)
        saved = "".join("".join(output.get("text", "")) for output in cell["outputs"])
        assert saved == printed


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_small_and_was_executed(path):
    assert path.stat().st_size < MOST_BYTES
    cells = [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if "outputs" in cell]
    assert any(cell["outputs"] for cell in cells)
    assert all(cell["execution_count"] == n for n, cell in enumerate(cells, 1))


def run(source, name, namespace):
    """What a cell prints, and the value of its last line if that is an expression."""
    body = ast.parse(source).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(ast.Module(body, []), name, "exec"), namespace)
        value = last and eval(compile(ast.Expression(last.value), name, "eval"), namespace)
    return printed.getvalue(), value
