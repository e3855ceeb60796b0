"""A hook of MkDocs: notebooks as pages, with the outputs that they were saved with.

A notebook is a list of cells in JSON. Text is Markdown already; code becomes a fenced block, and
what it put out follows: the HTML that a verdict draws itself with, else its text.
"""

import json
import re
from pathlib import Path

from mkdocs.structure.files import File

_KEPT: dict[str, list[str]] = {}  # HTML of a page, by its address, put in after Markdown is done


def on_files(files, config):
    """Each NAME.ipynb is a page; the file itself can be downloaded beside it."""
    for found in [f for f in files if f.src_uri.endswith(".ipynb")]:
        content = Path(found.abs_src_path).read_text("utf-8")
        files.remove(found)
        page = File.generated(config, found.src_uri.replace(".ipynb", ".md"), content=content)
        files.append(page)
    for item in _pages(config.nav):
        for title, path in item.items():
            if isinstance(path, str):
                item[title] = path.replace(".ipynb", ".md")
    return files


def _pages(nav):
    for item in nav:
        if isinstance(item, dict):
            yield item
            for inner in item.values():
                if isinstance(inner, list):
                    yield from _pages(inner)


def on_page_read_source(page, config):
    if page.file.src_uri.startswith("notebooks/"):
        notebook = json.loads(page.file.content_string)
        kept = _KEPT[page.file.src_uri] = []
        return "\n\n".join(part for cell in notebook["cells"] for part in _cell(cell, kept))
    return None


def on_page_content(html, page, config, files):
    for number, drawn in enumerate(_KEPT.get(page.file.src_uri, ())):
        html = html.replace(f"<p>drawn-output-{number}</p>", drawn)
    return html


def _cell(cell, kept):
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    yield f"```python\n{source}\n```"
    for output in _joined_streams(cell["outputs"]):
        data = output.get("data", {"text/plain": output.get("text", "")})
        if "text/html" in data:
            kept.append("".join(data["text/html"]))
            yield f"drawn-output-{len(kept) - 1}"
        elif "image/png" in data:
            png = re.sub(r"\s", "", "".join(data["image/png"]))
            kept.append(f'<img alt="" src="data:image/png;base64,{png}">')
            yield f"drawn-output-{len(kept) - 1}"
        else:
            yield f"```text\n{''.join(data['text/plain']).rstrip()}\n```"


def _joined_streams(outputs):
    """What is printed comes in pieces, as the kernel sent them."""
    printed = "".join("".join(output.get("text", "")) for output in outputs)
    shown = [output for output in outputs if output["output_type"] != "stream"]
    return [*([{"text": printed}] if printed else ()), *shown]
