"""The page of the note's own claims: a few settled, the others as if they were unknown."""

import pytest

from tests.verify.report.browser import chromium, executable
from tests.verify.report.document import parse
from verify import report
from verify.claims import CLAIMS, Outcome, Settled
from verify.claims.run import settle_variant
from verify.report.markup import anchor
from verify.verdict import Verdict

QUICK = {"pooling-is-different", "layer-shapes"}
EXAMPLES = {"same-even-offset-0", "pooled-9", "two-layers", "random-differ"}


def settle(claim, variant):
    if variant.size == "small" and (claim.id in QUICK or variant.name in EXAMPLES):
        return settle_variant(variant)
    return Outcome(variant, Verdict("unknown", reason="not settled in this test"), 0.0)


@pytest.fixture(scope="module")
def claims_file(tmp_path_factory):
    settled = [
        Settled(
            claim,
            tuple(settle(claim, v) for v in claim.variants),
            measured=claim.measured() if claim.measured else None,
        )
        for claim in CLAIMS
    ]
    path = tmp_path_factory.mktemp("claims") / "report.html"
    report.write(settled, path, size="full")
    return path


def test_every_claim_and_variant_of_the_note_has_its_place(claims_file):
    page = parse(claims_file.read_text(encoding="utf-8"))
    ids = {e.attributes.get("id") for e in page.all()}
    names = [(c.id, v.name) for c in CLAIMS for v in c.variants]
    assert len(names) > 100
    assert {anchor(*name) for name in names} | {anchor(c.id) for c in CLAIMS} <= ids
    # Ids that can be typed: nothing in the note's names needs to be encoded.
    assert {f"{claim}.{name}" for claim, name in names} <= ids


def test_the_notes_counterexamples_are_drawn_with_both_outputs_and_frames(claims_file):
    page = parse(claims_file.read_text(encoding="utf-8"))
    for name, outputs in (
        ("stride-2-is-downsampled.same-even-offset-0", 2),
        ("receptive-field.pooled-9", 0),
    ):
        (article,) = [e for e in page.all("article") if e.attributes["id"] == name]
        figure = article.one("figure", "counterexample")
        assert len(figure.all("g", "marked")) == outputs
        assert {"left", "right"} <= {c for e in figure.all("path", "frame") for c in e.classes}
    (article,) = [
        e for e in page.all("article") if e.attributes["id"] == "receptive-field.two-layers"
    ]
    assert "9×9 of" in article.one("figure", "field").spoken("en")


@pytest.mark.skipif(executable() is None, reason="no Chromium on this machine")
def test_it_fits_a_phone(claims_file):
    with chromium() as browser:
        page = browser.open(claims_file.as_uri(), width=390)
        page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.complaints() == []
