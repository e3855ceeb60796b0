"""In practice only Case B is used: time and memory of A and B, measured."""

from verify.claims.claim import Claim
from verify.claims.measured import results
from verify.claims.patch_by_patch import case_a, case_b
from verify.claims.programs import source

CLAIM = Claim(
    id="only-b-is-used",
    korean="물론 실제론 GPU 병렬화가 쉬운 B만 쓰임",
    english="In practice, of course, only B is used, as it is easy to run in parallel on a GPU.",
    statement=source(case_b, case_a),
    conclusion=(
        "That A and B are the same function is proved above (case-a-is-case-b); which of them is "
        "worth using is measured: time, and peak memory."
    ),
    measured=results("only-b-is-used"),
)
