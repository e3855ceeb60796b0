"""The page in headless Chromium: it renders, fits a phone, and its switches work."""

import re

import pytest

from tests.verify.report.browser import chromium, executable
from verify import report

pytestmark = pytest.mark.skipif(
    executable() is None, reason="no Chromium on this machine (apt-get install chromium)"
)

SHOWN = """[...document.querySelectorAll("article")].filter(
    e => e.getClientRects().length).map(e => e.id)"""
CLAIMS = """[...document.querySelectorAll("main > section, nav li")].filter(
    e => e.getClientRects().length).map(e => e.id || e.querySelector("a").hash.slice(1))"""
TOO_WIDE = """[...document.querySelectorAll("body *")].filter(e => {
    const box = e.getBoundingClientRect();
    const scrolls = e.closest(".scroll, pre, .skip, .hidden");
    return !scrolls && box.width > 0 && (box.right > innerWidth + 0.5 || box.left < -0.5);
}).map(e => `${e.tagName}.${e.className.baseVal ?? e.className}: ${e.textContent.slice(0, 40)}`)"""
OPEN_ALL = "document.querySelectorAll('details').forEach(e => e.open = true)"

# Text whose colour is too close to what is behind it: below 4.5 (WCAG AA).
ILLEGIBLE = """(() => {
  const numbers = text => (text.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
      .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const rect = e.matches("g.cell") ? e.querySelector("rect") : null;
      const style = getComputedStyle(rect ?? e);
      const colour = numbers(rect ? style.fill : style.backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const bad = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let count = 0;
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.getClientRects().length) continue;
    if (e.closest("script, style, title, .hidden, .skip")) continue;
    count += 1;
    const style = getComputedStyle(e), svg = e.closest("svg");
    const front = light(numbers(svg ? style.fill : style.color)), back = light(behind(e));
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    if (ratio < 4.5) bad.push([e.textContent.slice(0, 30), ratio]);
  }
  return count > 300 ? bad : ["too little text was looked at", count];
})()"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def url(page_file):
    return page_file.as_uri()


def spoken(page):
    return page.evaluate("document.body.innerText")


@pytest.mark.parametrize(
    ("width", "language", "dark"),
    [
        (320, "en-US", False),
        (390, "en-US", True),
        (390, "ko-KR", False),
        (1200, "en-US", False),
        (1200, "ko-KR", True),
    ],
)
def test_it_renders_fits_and_is_silent(browser, url, width, language, dark):
    page = browser.open(url, width=width, language=language, dark=dark)
    for _ in range(2):  # as it is first seen, and with everything unfolded
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(TOO_WIDE) == []
        page.evaluate(OPEN_ALL)
    assert page.evaluate("document.images.length") == 1
    assert page.evaluate("document.images[0].naturalWidth") == 160
    assert page.complaints() == []
    assert [r for r in page.requests() if not r.startswith("data:")] == [url]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_text_is_legible(browser, url, dark):
    page = browser.open(url, width=1200, dark=dark)
    page.evaluate(OPEN_ALL)
    assert page.evaluate(ILLEGIBLE) == []
    paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper))) < 3 * 64) == dark


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "none"])
def test_filters_show_what_they_say(browser, url, settled, javascript):
    page = browser.open(url, width=390, javascript=javascript)
    every = page.evaluate(SHOWN)
    assert len(every) == sum(len(one.outcomes) for one in settled)
    for status in ("proved", "refuted", "unknown", "unexpected", "all"):
        page.click(f'.show label:has([value="{status}"])')
        expected = [
            outcome.variant.name
            for one in settled
            for outcome in one.outcomes
            if status in ("all", outcome.verdict.status)
            or (status == "unexpected" and not outcome.as_expected)
        ]
        shown = [name.partition(".")[2] for name in page.evaluate(SHOWN)]
        assert len(shown) == len(expected) > 0
        assert shown[0] == expected[0]
        claims = page.evaluate(CLAIMS)
        assert sorted(set(claims)) == sorted(claims[: len(claims) // 2])  # in contents and below
        if status != "all":
            assert set(claims) == {name.partition(".")[0] for name in page.evaluate(SHOWN)}
    assert page.evaluate(SHOWN) == every


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "none"])
def test_the_language_switch_changes_every_word_of_the_page(browser, url, javascript):
    page = browser.open(url, javascript=javascript)
    assert "The claims of the note, decided" in spoken(page)
    assert "반증됨" not in spoken(page)
    page.click('.language label:has([value="ko"])')
    assert "노트의 주장, 증명과 반증" in spoken(page)
    for words in ("as expected", "Error probability", "Source of the programs", "Where it holds"):
        assert words not in spoken(page)
    if javascript:
        assert page.evaluate("document.documentElement.lang") == "ko"
        assert page.evaluate("document.title") == "노트의 주장, 증명과 반증"
        page.go(url)  # remembered
        assert "노트의 주장, 증명과 반증" in spoken(page)
    page.click('.language label:has([value="en"])')
    assert "The claims of the note, decided" in spoken(page)


def test_the_browsers_language_is_the_first_one(browser, url):
    page = browser.open(url, language="ko-KR")
    assert "노트의 주장, 증명과 반증" in spoken(page)


def test_switches_work_from_the_keyboard(browser, url):
    page = browser.open(url)
    page.evaluate("document.querySelector('.show input').focus()")
    page.press("ArrowRight", 39)
    assert page.evaluate("document.querySelector('.show :checked').value") == "proved"
    assert set(
        page.evaluate(
            "[...document.querySelectorAll('article')].filter(e => e.getClientRects().length)"
            ".map(e => e.dataset.status)"
        )
    ) == {"proved"}
    outline = "getComputedStyle(document.querySelector('.show :checked + span')).outlineStyle"
    assert page.evaluate(outline) == "solid"


def test_the_first_stop_of_the_keyboard_skips_to_the_claims(browser, url):
    page = browser.open(url)
    page.press("Tab", 9)
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().width") > 20
    page.press("Enter", 13)
    page.evaluate("document.activeElement.click()")
    assert page.evaluate("document.activeElement.tagName") == "MAIN"


def test_links_lead_there_even_to_what_is_filtered_away(browser, url):
    page = browser.open(url, width=390)
    page.click('nav a[href="#case-a-is-case-b"]')
    top = "document.getElementById('{}').getBoundingClientRect().top"
    assert 0 <= page.evaluate(top.format("case-a-is-case-b")) < 120
    page.click('.show label:has([value="proved"])')
    page.evaluate("location.hash = '#stride-2-is-downsampled.same-even'")
    page.evaluate("new Promise(done => setTimeout(done, 50))")
    assert page.evaluate("document.querySelector('.show :checked').value") == "all"
    assert 0 <= page.evaluate(top.format("stride-2-is-downsampled.same-even")) < 200
    page.go("about:blank")
    page.go(f"{url}#case-a-is-case-b.naive")
    assert 0 <= page.evaluate(top.format("case-a-is-case-b.naive")) < 200


def test_a_filter_that_finds_nothing_says_so(browser, settled, tmp_path):
    report.write([one for one in settled if one.as_expected], tmp_path / "good.html")
    page = browser.open((tmp_path / "good.html").as_uri())
    said = "document.querySelector('.nothing').getClientRects().length"
    assert page.evaluate(said) == 0
    page.click('.show label:has([value="unexpected"])')
    assert page.evaluate(said) == 1
    assert page.evaluate(SHOWN) == []


def test_on_paper_everything_is_unfolded_and_nothing_can_be_clicked(browser, url):
    page = browser.open(url, media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.querySelectorAll('details:not([open])').length") == 0
    assert page.evaluate("document.querySelector('.show').getClientRects().length") == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.querySelectorAll('details:not([open])').length") > 0


def test_hostile_names_start_nothing(browser, url):
    page = browser.open(url)
    page.evaluate(OPEN_ALL)
    assert page.evaluate("document.scripts.length") == 1
    assert not [e for e in browser.events if e["method"] == "Page.javascriptDialogOpening"]
    assert "</script><script>alert('x')</script>" in spoken(page)
