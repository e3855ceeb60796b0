"""HTML for notebooks: what `_repr_html_` of a summary, a model and a trained run is made of.

Plain tables and `<img>` with the picture in it: nothing is fetched, no script runs, and text from
data (names of classes, say) is escaped. Colours are the notebook's own, so that dark ones work.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

__all__ = ["picture", "table"]

_CELL = "padding:0.1em 0.8em;white-space:nowrap;border:none;font-variant-numeric:tabular-nums"


def table(
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: int = 1,
    total: Sequence[str] | None = None,
    note: str = "",
) -> str:
    """A table; the first `left` columns are text, the others numbers. `total` is the last row.

    >>> table("a < b", ["layer", "parameters"], [["conv1", "2,432"]]).count("<td")
    2
    """

    def row(tag: str, entries: Sequence[str], style: str = "") -> str:
        cells = (
            f'<{tag} style="{_CELL};text-align:{"left" if i < left else "right"}">'
            f"{html.escape(entry)}</{tag}>"
            for i, entry in enumerate(entries)
        )
        return f'<tr style="background:none{style}">{"".join(cells)}</tr>'

    line = ";border-top:1px solid"
    body = [row("td", entries, line if i == 0 else "") for i, entries in enumerate(rows)]
    if total is not None:
        body.append(row("td", total, line))
    after = f'<div style="padding:0.3em 0.8em">{html.escape(note)}</div>' if note else ""
    return (
        '<div><table style="border-collapse:collapse;border:none">'
        f'<caption style="text-align:left;padding:0.3em 0.8em">{html.escape(caption)}</caption>'
        f"<thead>{row('th', header)}</thead><tbody>{''.join(body)}</tbody></table>{after}</div>"
    )


def picture(png: bytes, what: str) -> str:
    """A PNG as it is, in the page; `what` is what it shows, for who does not see it.

    >>> picture(b"...", "curves")[:32]
    '<img alt="curves" style="max-wid'
    """
    data = base64.b64encode(png).decode()
    alt = html.escape(what, quote=True)
    return f'<img alt="{alt}" style="max-width:100%" src="data:image/png;base64,{data}">'
