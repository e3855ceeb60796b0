"""One verdict as HTML for notebooks: `Verdict._repr_html_`. The figure is that of the page.

The styles are those of the page as well, nested in one class (CSS nesting, browsers since 2023), so
that they change nothing else in the notebook.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from importlib.resources import files

from verify.limits import internal
from verify.report import counterexample
from verify.report.facts import chip, duration, facts
from verify.report.markup import Markup, tag
from verify.verdict import Verdict

_CLASS = "verify-verdict"
_OWN = """
font: 14px/1.5 var(--sans); color: var(--ink); background: var(--card);
padding: 0.75rem 1rem; border: 1px solid var(--line); border-radius: 0.5rem;
:is(p, dl, dd, ul, figure) { margin: 0; padding: 0; }
.t > [lang="ko"] { display: none; }
.facts > div { display: block; }
dt { font-weight: 600; }
code { font-family: var(--mono); font-size: 0.8125rem; background: none; color: inherit; }
"""


def html(verdict: Verdict) -> str:
    """The verdict: what was found, under which assumptions, and the counterexample drawn."""
    return tag(
        "div",
        tag("style", _style()),
        tag("p", chip(verdict.status), " ", duration(verdict.seconds), class_="status"),
        tag("dl", facts(verdict), class_="facts"),
        _figure(verdict),
        class_=_CLASS,
    )


def _figure(verdict: Verdict) -> Markup | None:
    try:
        return counterexample.figure(verdict)
    except Exception:  # what is drawn around the inputs is worked out anew: a failure of ours
        if internal.raises() or verdict.counterexample is None:
            raise
        plain = replace(verdict.counterexample, programs=None)
        return counterexample.figure(verdict.changed(counterexample=plain))


@functools.cache
def _style() -> Markup:
    text = files(__package__).joinpath("figure.css").read_text(encoding="utf-8")
    start = text.index("/* Verdicts */")
    colours, rules = text[:start].replace(":root", f".{_CLASS}"), text[start:]
    return Markup(f"{colours}.{_CLASS} {{\n{_OWN}{rules}}}")
