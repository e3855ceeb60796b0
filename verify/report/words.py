"""The page's own words, in English and in Korean. What `verify` and the claims say stays as it is.

Both languages are on the page; the language switch shows one of them (`report.css`).
"""

from __future__ import annotations

from verify.report.markup import Child, Markup, tag

WORDS: dict[str, tuple[str, str]] = {
    "title": ("The claims of the note, decided", "노트의 주장, 증명과 반증"),
    "lead": (
        "Every sentence of the study note is read as a statement about JAX programs. It is then "
        "proved for all inputs, refuted by the smallest input found, or measured. A verdict is on "
        "whether two programs are the same; the heading above it says what that means.",
        "공부 노트의 문장을 하나씩 JAX 프로그램에 대한 명제로 옮겼다. 그리고 모든 입력에 대해 "
        "증명하거나, 찾아낸 가장 작은 입력으로 반증하거나, 실험으로 측정했다. 판정은 두 "
        "프로그램이 같은지에 대한 것이고, 그 위의 제목은 그 판정이 무엇을 뜻하는지 말한다.",
    ),
    "skip": ("Skip to the claims", "주장으로 건너뛰기"),
    "language": ("Language", "언어"),
    "show": ("Show", "보기"),
    "all": ("All", "전체"),
    "contents": ("Contents", "차례"),
    "summary": ("Summary", "요약"),
    "claims": ("Claims", "주장"),
    "claim": ("Claim", "주장"),
    "variants": ("Variants", "세부 명제"),
    "proved": ("Proved", "증명됨"),
    "refuted": ("Refuted", "반증됨"),
    "unknown": ("Unknown", "미결"),
    "unexpected": ("Unexpected", "예상 밖"),
    "measured": ("Measured", "실험"),
    "total-time": ("Total time", "걸린 시간"),
    "time": ("Time", "걸린 시간"),
    "all-expected": (
        "Every verdict is the expected one.",
        "모든 판정이 예상과 같다.",
    ),
    "not-expected": (
        "Not everything came out as expected:",
        "예상과 다른 결과가 있다:",
    ),
    "n-verdicts": ("verdicts: {n}", "판정 {n}개"),
    "n-sweeps": ("sweeps without an exact rule: {n}", "규칙으로 갈리지 않은 전수 조사 {n}개"),
    "date": ("Decided on", "판정 시각"),
    "versions": ("Versions", "버전"),
    "machine": ("Machine", "실행 환경"),
    "n-cells": ("{n} cells", "{n}칸"),
    "size": ("Sizes", "크기"),
    "size-small": ("small", "작은 크기"),
    "size-full": (
        "small, and the note's own (100×100×3)",
        "작은 크기와 노트의 크기(100×100×3)",
    ),
    "how-to-read": ("How to read this page", "읽는 법"),
    "read-proved": (
        "The two programs give the same values on every input of these shapes, computed over the "
        "real numbers. A proof by random interpretation states how likely it can be wrong at most.",
        "이 모양(shape)의 모든 입력에 대해, 실수로 계산하면 두 프로그램의 값이 같다. 무작위 "
        "해석으로 얻은 증명에는 틀릴 확률의 상한이 적혀 있다.",
    ),
    "read-refuted": (
        "There is an input on which the values differ by more than rounding can explain. It is "
        "drawn, as small as it could be made. Where such a verdict is the expected one, it shows "
        "which condition the sentence needs.",
        "반올림 오차로 설명할 수 없을 만큼 두 프로그램의 값이 달라지는 입력이 있다. 그 입력을 "
        "되도록 작게 줄여서 그렸다. 예상된 반증은 그 문장에 어떤 조건이 필요한지 보여 준다.",
    ),
    "read-unknown": (
        "Neither a proof nor a counterexample was found; the reason is given.",
        "증명도 반례도 찾지 못했다. 이유를 함께 적었다.",
    ),
    "read-unexpected": (
        "Each variant states beforehand which verdict it must get. This one got another.",
        "세부 명제마다 어떤 판정이 나와야 하는지 미리 적어 두었는데, 다른 판정이 나왔다.",
    ),
    "as-expected": ("as expected", "예상대로"),
    "expected": ("expected", "예상"),
    "obtained": ("obtained", "결과"),
    "formally": ("Formally", "엄밀히 쓰면"),
    "conclusion": ("Conclusion", "결론"),
    "method": ("Method", "방법"),
    "error": ("Error probability", "오류 확률"),
    "error-none": ("none", "없음"),
    "scope": ("Scope", "범위"),
    "assumptions": ("Assumptions", "가정"),
    "reason": ("Reason", "이유"),
    "rounding": ("Rounding", "반올림 오차"),
    "counterexample": ("Counterexample", "반례"),
    "left": ("Left", "왼쪽"),
    "right": ("Right", "오른쪽"),
    "left-value": ("left", "왼쪽"),
    "right-value": ("right", "오른쪽"),
    "element": ("The element that differs", "값이 다른 원소"),
    "all-zero": ("all zeros", "모두 0"),
    "more-slices": (
        "{n} more slices with non-zero elements are not drawn",
        "0이 아닌 원소가 있는 단면 {n}개는 그리지 않았다",
    ),
    "outside": (
        "{n} more non-zero elements lie outside the picture",
        "그림 밖에 0이 아닌 원소가 {n}개 더 있다",
    ),
    "reads": (
        "Solid and dashed frames: the elements that the differing output can depend on, on the "
        "left and on the right.",
        "실선과 점선 테두리: 값이 다른 출력 원소가 의존할 수 있는 입력 원소(실선은 왼쪽, 점선은 "
        "오른쪽 프로그램).",
    ),
    "programs": ("Source of the programs", "프로그램 소스"),
    "program": ("Source of the program", "프로그램 소스"),
    "where": ("where", "여기서"),
    "sweep": ("Where it holds", "어디에서 성립하는가"),
    "rows": ("Rows", "행"),
    "columns": ("Columns", "열"),
    "in-cells": ("In the cells", "칸 안의 수"),
    "field": ("What the output sees", "출력이 보는 영역"),
    "field-says": (
        "{seen} of {whole}: the elements that the output can depend on, found in the program.",
        "{whole} 가운데 {seen}: 출력이 의존할 수 있는 원소. 프로그램에서 찾아냈다.",
    ),
    "rule": ("Rule found", "찾아낸 규칙"),
    "rule-exact": ("It separates every cell.", "이 규칙이 모든 칸을 정확히 가른다."),
    "rule-not-exact": (
        "It does not separate every cell.",
        "이 규칙으로 갈리지 않는 칸이 있다.",
    ),
    "supported": ("bears the note out", "노트와 일치"),
    "contradicted": ("contradicts the note", "노트와 어긋남"),
    "undecided": ("neither for nor against the note", "어느 쪽이라 말할 수 없음"),
    "again": ("To measure it again", "다시 측정하려면"),
    "not-measured": (
        "Not measured in this folder yet.",
        "이 폴더에서는 아직 측정하지 않았다.",
    ),
    "no-picture": ("The picture is missing", "그림 파일이 없다"),
    "nothing": (
        "There is nothing of this kind.",
        "해당하는 항목이 없다.",
    ),
}


def t(key: str, **values: object) -> Markup:
    """The words in both languages.

    >>> t("proved")
    '<span class="t"><span lang="en">Proved</span><span lang="ko">증명됨</span></span>'
    """
    english, korean = WORDS[key]
    return both(english.format(**values), korean.format(**values))


def both(english: Child, korean: Child) -> Markup:
    """Text of which the language switch shows one side."""
    return tag("span", tag("span", english, lang="en"), tag("span", korean, lang="ko"), class_="t")
