"""What the page says and how it is built, without a browser."""

import base64
import dataclasses
import hashlib
import itertools
import re
import string

import numpy as np
import pytest

from tests.verify.report.document import parse
from tests.verify.report.sample import HOSTILE
from verify import report
from verify.claims import Claim, Outcome, Settled, Sweep, Variant
from verify.claims.claim import Cell
from verify.report.markup import anchor
from verify.report.words import WORDS
from verify.verdict import Verdict


def by_id(page, name):
    (found,) = [e for e in page.all() if e.attributes.get("id") == name]
    return found


def test_every_claim_and_variant_is_there(page, settled):
    for one in settled:
        claim = one.claim
        section = by_id(page, anchor(claim.id))
        assert section.one("blockquote").text == claim.korean
        assert section.one("blockquote").attributes["lang"] == "ko"
        words = section.text.replace("`", "")
        for text in (claim.id, claim.english, claim.statement, claim.conclusion):
            assert text.replace("`", "") in words
        for outcome in one.outcomes:
            article = by_id(page, anchor(claim.id, outcome.variant.name))
            assert article in section.all("article")
            assert article.attributes["data-status"] == outcome.verdict.status
            assert article.one("h3").text == outcome.variant.says.replace("`", "")
            for fact in (outcome.verdict.method, outcome.verdict.reason):
                assert fact in article.text
            for assumption in outcome.verdict.assumptions:
                assert assumption in article.text


def test_the_error_bound_is_the_verdicts(page, settled):
    seen = 0
    for one in settled:
        for outcome in one.outcomes:
            if outcome.verdict.status == "proved":
                article = by_id(page, anchor(one.claim.id, outcome.variant.name))
                if outcome.verdict.error_probability == 0:
                    assert not article.all("sup")
                    assert "none" in article.one("dl", "facts").spoken("en")
                    continue
                power = int(outcome.verdict.error_text.rpartition("**")[2])
                assert {e.text for e in article.all("sup")} == {f"−{-power}"}
                assert f"below 2−{-power}" in article.spoken("en")
                seen += 1
    assert seen >= 2


def test_links_lead_to_ids_and_ids_are_unique(page):
    ids = [e.attributes["id"] for e in page.all() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    links = [e.attributes["href"] for e in page.all("a")]
    assert len(links) > 20
    for link in links:
        assert link.startswith("#")
        assert link[1:] in ids


def test_contents_list_every_claim_in_order(page, settled):
    links = [e.attributes["href"] for e in page.one("nav").all("a")]
    assert links == [f"#{anchor(one.claim.id)}" for one in settled]


def test_ids_differ_whatever_the_names():
    names = [("a", "b"), ("a.b",), ("a b",), ("a_20_b",), ("a-b",), ("a--b",), ("é",), ("",)]
    ids = [anchor(*name) for name in names]
    assert len(set(ids)) == len(names)
    assert not any(set(i) - set(string.ascii_letters + string.digits + "-_.") for i in ids)


def test_nothing_is_fetched_from_anywhere(page):
    for element in page.all():
        for name, value in element.attributes.items():
            if name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href"):
                assert value.startswith(("#", "data:")), (element.tag, name, value)
    style = page.one("style").text
    assert "url(" not in style
    assert "@import" not in style
    assert "http" not in style + page.one("script").text


def test_the_policy_allows_this_style_and_script_and_pictures_only(page):
    (policy,) = [e.attributes["content"] for e in page.all("meta") if "http-equiv" in e.attributes]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules.pop("default-src") == "'none'"
    assert rules.pop("img-src") == "data:"
    for name in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.one(name).text.encode()).digest()).decode()
        assert rules.pop(f"{name}-src") == f"'sha256-{digest}'"
    assert rules == {}


def test_hostile_names_are_text(page):
    assert len(page.all("script")) == 1
    section = by_id(page, anchor(HOSTILE))
    assert section.one("blockquote").text == HOSTILE
    assert section.one("article").one("h3").text == HOSTILE
    for element in page.all():
        assert not [name for name in element.attributes if name.startswith("on")]
    assert [e.attributes["alt"] for e in page.all("img")] == ["Kernels differ after training"]


def test_headings_go_down_one_step_at_a_time(page):
    levels = [int(e.tag[1]) for e in page.all() if re.fullmatch("h[1-6]", e.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))


def test_every_picture_has_a_text(page):
    pictures = page.all("svg") + page.all("img")
    assert len(pictures) > 10
    for picture in pictures:
        told = picture.attributes.get("aria-label") or picture.attributes.get("alt")
        assert told or picture.attributes.get("aria-hidden") == "true"
        if picture.attributes.get("aria-label"):
            assert picture.attributes["role"] == "img"


def test_the_pages_own_words_are_in_both_languages(page):
    switched = page.all("span", "t")
    assert len(switched) > 100
    for element in switched:
        languages = [c.attributes["lang"] for c in element.children]
        assert languages == ["en", "ko"]
        english, korean = element.children
        assert english.text.strip()
        assert korean.text.strip()
        assert not re.search("[가-힣]", english.text)
    for english, korean in WORDS.values():
        assert re.search("[가-힣]", korean)
        fields = [
            sorted(f for _, f, _, _ in string.Formatter().parse(s) if f) for s in (english, korean)
        ]
        assert fields[0] == fields[1]


def test_the_summary_counts_what_was_settled(page, settled):
    outcomes = [outcome for one in settled for outcome in one.outcomes]
    tiles = page.one("dl", "tiles")

    def shown(key):
        return int(tiles.one("div", key).one("dd").text)

    assert shown("claims") == len(settled)
    assert shown("variants") == len(outcomes)
    for status in ("proved", "refuted", "unknown"):
        assert shown(status) == sum(o.verdict.status == status for o in outcomes) > 0
    assert shown("unexpected") == sum(not o.as_expected for o in outcomes) == 1
    filters = {
        e.one("input").attributes["value"]: int(e.one("b").text)
        for e in page.one("fieldset", "show").all("label")
    }
    for key, count in filters.items():
        assert count == shown({"all": "variants"}.get(key, key))


def test_an_unexpected_verdict_is_told_with_both(page):
    article = by_id(page, anchor("pooling-is-different", "surprise"))
    assert article.attributes["data-unexpected"] == "yes"
    told = article.one("p", "status").spoken("en")
    assert "Unexpected: expected Proved, obtained Refuted" in told
    assert "예상 증명됨, 결과 반증됨" in article.one("p", "status").spoken("ko")
    assert "unexpected" in by_id(page, "pooling-is-different").attributes["data-has"].split()
    assert page.one("p", "outcome").classes == ["outcome", "bad"]


def test_a_good_run_says_so(settled, tmp_path):
    report.write([one for one in settled if one.as_expected], tmp_path / "good.html")
    page = parse((tmp_path / "good.html").read_text(encoding="utf-8"))
    assert page.one("p", "outcome").classes == ["outcome", "good"]
    assert not [e for e in page.all() if "data-unexpected" in e.attributes]


def test_a_sweep_without_an_exact_rule_is_not_a_good_run(tmp_path):
    sweep = Sweep(("n",), (Cell((1,), Verdict("proved")),), "none", exact=False)
    claim = Claim("one", "하나", "One.", "f", "g")
    report.write([Settled(claim, (), sweep)], tmp_path / "bad.html")
    page = parse((tmp_path / "bad.html").read_text(encoding="utf-8"))
    assert page.one("p", "outcome").classes == ["outcome", "bad"]
    assert "It does not separate every cell." in page.one("section", "sweep").text


def test_a_sweep_shows_each_cell_where_it_belongs(page, settled):
    sweep = settled[0].sweep
    symbols = {"proved": "✓", "refuted": "✗"}
    section = page.one("section", "sweep")
    assert sweep.rule.replace("`", "") in section.one("p", "rule").text
    shown = {}
    for table in section.all("table"):
        padding = table.one("caption").text.removeprefix("padding ")
        head, *rows = table.all("tr")
        sizes = [int(e.text) for e in head.all("th")]
        for row in rows:
            kernel = int(row.one("th").text)
            for size, cell in zip(sizes, row.all("td"), strict=True):
                shown[size, kernel, padding] = (cell.text, cell.attributes["class"])
    assert shown == {c.at: (symbols[c.verdict.status], c.verdict.status) for c in sweep.cells}
    assert {text for text, _ in shown.values()} == {"✓", "✗"}


def test_an_axis_that_the_others_determine_stands_in_the_cells(tmp_path):
    cells = tuple(
        Cell((kernel, pool, 1 + pool * (kernel - 1)), Verdict("proved"))
        for kernel in (3, 5)
        for pool in (1, 2)
    )
    sweep = Sweep(("kernel", "pool", "field"), cells, "r", exact=True)
    report.write([Settled(Claim("one", "하나", "One.", "f", "g"), (), sweep)], tmp_path / "r.html")
    page = parse((tmp_path / "r.html").read_text(encoding="utf-8"))
    table = page.one("table")
    _, *rows = (
        [e.text for e in row.all("th")] + [e.text for e in row.all("td")] for row in table.all("tr")
    )
    assert sorted(map(tuple, rows)) == [("1", "✓ 3", "✓ 5"), ("2", "✓ 5", "✓ 9")]


def test_a_measured_claim_has_its_picture_and_figures(page, settled):
    (one,) = [s for s in settled if s.claim.id == "random-init"]
    section = by_id(page, "random-init").one("section", "measured")
    picture = section.one("img").attributes["src"].removeprefix("data:image/png;base64,")
    with open(one.measured.picture, "rb") as file:
        assert base64.b64decode(picture) == file.read()
    assert section.one("img").attributes["width"] == "160"
    assert section.one("img").attributes["height"] == "96"
    rows = [[e.text for e in row.all("th") + row.all("td")] for row in section.all("tr")]
    assert rows == [list(one.measured.columns), *map(list, one.measured.figures)]
    for text in (one.measured.headline, one.measured.command):
        assert text in section.text
    assert "bears the note out" in section.text


def test_what_was_not_measured_and_a_missing_picture_are_said(page, settled, tmp_path):
    assert "Not measured in this folder yet." in by_id(page, "unmeasured").text
    (one,) = [s for s in settled if s.claim.id == "random-init"]
    (tmp_path / "no.png").write_bytes(b"not a picture")
    for picture in (tmp_path / "no.png", tmp_path / "absent.png"):
        measured = dataclasses.replace(one.measured, picture=str(picture))
        report.write([dataclasses.replace(one, measured=measured)], tmp_path / "r.html")
        page = parse((tmp_path / "r.html").read_text(encoding="utf-8"))
        assert not page.all("img")
        assert str(picture) in page.text


def test_the_file_is_whole_or_it_is_the_old_one(settled, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("the old one")

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="no space"):
        report.write(settled, path)
    assert path.read_text() == "the old one"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_numbers_of_the_style_are_legible_in_both_schemes(page):
    """WCAG AA: a contrast of at least 4.5 for text, in light and in dark mode."""
    light, dark = re.findall(r":root \{(.*?)\}", page.one("style").text, re.S)[:2]
    for block in (light, light + dark):
        colours = dict(re.findall(r"--([\w-]+): #(\w{6})", block))
        pairs = [("ink", "paper"), ("ink", "card"), ("ink", "sunk"), ("paper", "ink")]
        pairs += [("cell-ink", "plus"), ("cell-ink", "minus"), ("zero-ink", "zero")]
        for name in ("muted", "accent", "keyword", "string", "number", "left", "right"):
            pairs += [(name, "card"), (name, "sunk"), (name, "paper")]
        for name in ("proved", "refuted", "unknown", "unexpected"):
            pairs += [(name, f"{name}-soft"), (name, "card"), (name, "paper")]
        for front, back in pairs:
            ratio = contrast(colours[front], colours[back])
            assert ratio >= 4.5, (front, back, ratio)


def contrast(one, two):
    def luminance(colour):
        parts = np.array([int(colour[k : k + 2], 16) for k in (0, 2, 4)]) / 255
        linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


def test_proofs_without_probability_and_long_times_read_well(tmp_path):
    variant = Variant("v", "v", "proved", lambda: Verdict("proved"))
    verdict = Verdict("proved", method="abstract evaluation")
    one = Settled(Claim("one", "하나", "One.", "f", "g"), (Outcome(variant, verdict, 75.2),))
    report.write([one], tmp_path / "r.html")
    article = parse((tmp_path / "r.html").read_text(encoding="utf-8")).one("article")
    assert "Error probabilitynone" in article.spoken("en")
    assert "1 min 15 s" in article.spoken("en")
    assert "1분 15초" in article.spoken("ko")
