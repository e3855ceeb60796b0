"""Settles claims: runs each variant and yields its outcome as soon as it is known."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from verify.claims.claim import Claim, Outcome, Settled, Size, Tick, Variant
from verify.verdict import Verdict


def selected(claim: Claim, size: Size) -> tuple[Variant, ...]:
    """The variants that run at this size: the full ones join the small ones."""
    return tuple(v for v in claim.variants if size == "full" or v.size == "small")


def settle_variant(variant: Variant) -> Outcome:
    """Computes one verdict. An error in the variant's programs leaves it unknown, and says so."""
    start = time.monotonic()
    try:
        verdict = variant.settle()
    except Exception as error:  # one claim must not keep the others from being settled
        verdict = Verdict("unknown", reason=f"{type(error).__name__}: {error}")
    return Outcome(variant, verdict, time.monotonic() - start)


def settle(
    claims: Sequence[Claim], size: Size = "small", tick: Tick = lambda done, of: None
) -> Iterator[tuple[Claim, Outcome | Settled]]:
    """Yields (claim, outcome) for each variant in turn, and (claim, Settled) after its last one.

    `tick` is told how far a sweep is, which comes between the two.
    """
    for claim in claims:
        outcomes = []
        for variant in selected(claim, size):
            outcome = settle_variant(variant)
            outcomes.append(outcome)
            yield claim, outcome
        sweep = claim.sweep(size, tick) if claim.sweep is not None else None
        measured = claim.measured() if claim.measured is not None else None
        yield claim, Settled(claim, tuple(outcomes), sweep, measured)
