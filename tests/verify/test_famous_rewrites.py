"""Rewrites that people make: the right ones are proved, one planted bug in each is refuted."""

import pytest

import verify
from tests.verify.pairs.famous import REWRITES

NAMES = [rewrite.name for rewrite in REWRITES]


@pytest.mark.parametrize("rewrite", REWRITES, ids=NAMES)
def test_rewrite_is_proved(rewrite):
    verdict = verify.equivalent(rewrite.left, rewrite.right, *rewrite.examples)
    assert verdict.status == "proved", str(verdict)
    assert verdict.error_probability <= 2.0**-100


@pytest.mark.parametrize("rewrite", REWRITES, ids=NAMES)
def test_planted_bug_is_refuted(rewrite):
    verdict = verify.equivalent(rewrite.left, rewrite.bug, *rewrite.examples)
    assert verdict.status == "refuted", str(verdict)
    assert verdict.counterexample.left != verdict.counterexample.right
