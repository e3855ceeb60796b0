"""A hook of MkDocs: links that leave `docs/` for other files of the repository.

The pages link to them relatively, as readers of the repository need it. On the site such a link
becomes one to the repository's address, after a look whether the file is there; where it is not,
the link stays as it is, and MkDocs' strict build fails at it. Links to notebooks become links to
the pages that are made of them (`notebooks.py`).

A page may show a file of the repository: `<!-- shown: PATH -->` becomes a block with what is in it.
"""

import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
_SHOWN = re.compile(r"^<!-- shown: (\S+\.py) -->$", re.MULTILINE)
_FENCED = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)


def on_page_markdown(markdown, page, config, files):
    folder = posixpath.dirname(page.file.src_uri)

    def address(match):
        target, mark, anchor = match[1].partition("#")
        path = posixpath.normpath(posixpath.join("docs", folder, target))
        if path.endswith(".ipynb") and (ROOT / path).exists():
            return target.removesuffix(".ipynb") + ".md" + mark + anchor
        if not target.startswith("../") or path.startswith("docs/") or not (ROOT / path).exists():
            return match[1]
        return f"{config.repo_url.rstrip('/')}/blob/main/{path}{mark}{anchor}"

    parts = _FENCED.split(markdown)  # every second one is a fenced block
    parts[::2] = [_LINK.sub(address, text) for text in parts[::2]]
    return _SHOWN.sub(_block, "".join(parts))


def _block(match):
    text = (ROOT / match[1]).read_text("utf-8")
    return f"```python\n{text}```"
