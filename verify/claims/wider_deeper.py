"""Deeper layers need more kernels: a matter of data, so it is measured, not proved."""

from verify.claims.claim import Claim
from verify.claims.measured import results

CLAIM = Claim(
    id="wider-deeper",
    korean="layer3엔 커널 128개 (점점 복잡한 feature를 표현하려면 커널 수가 많아져야함)",
    english=(
        "128 kernels in layer 3 (to express more and more complex features, there must be more "
        "kernels)."
    ),
    statement="accuracy(32, 64, 128)  >  accuracy(flat widths), accuracy(reversed widths)\n"
    "at equal parameters, and at equal multiply-adds",
    conclusion=(
        "Nothing to prove: measured by training networks whose widths rise, stay flat or fall, at "
        "equal parameters and at equal arithmetic."
    ),
    measured=results("wider-deeper"),
)
