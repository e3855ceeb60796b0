"""Are two JAX functions the same function? The ladder of methods, cheapest first.

1. Trace both; compare output trees, shapes and dtypes.
2. A few exact evaluations: a difference there ends it.
3. Proof by random interpretation (`proof.py`), with more and more laws.
4. If the last proof needed "no ties": a search among inputs full of ties first.
5. A long search for a counterexample, aimed at the programs' constants and comparisons.
6. Unknown, with the reason.

A proof is never given where a concrete evaluation has shown a difference.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from verify.algebras.base import Unsupported
from verify.certificate import subject
from verify.counterexample import Comparison, Witness, explain, search, shrink
from verify.program import Program, trace
from verify.proof import MODES, Agreement, TooLarge, prove
from verify.verdict import Counterexample, Verdict

_FEW, _TIES, _MANY = 3, 40, 400


def equivalent(
    f: Callable[..., Any],
    g: Callable[..., Any],
    *examples: Any,
    seconds: float = 30.0,
    seed: int | None = None,
) -> Verdict:
    """Whether f and g are the same function over the reals, at the examples' shapes and dtypes.

    examples: one a positional argument: arrays, `jax.ShapeDtypeStruct`s, numbers, or pytrees of
        them. Only their shapes and dtypes count.
    seconds: how long to search for a counterexample where no proof is found.
    seed: fixes the random primes and inputs; by default they are fresh at every call.

    Returns a `Verdict`; `bool(verdict)` is true for a proof only.

    >>> import jax, jax.numpy as jnp
    >>> x = jax.ShapeDtypeStruct((3, 4), jnp.float32)
    >>> bool(equivalent(lambda x: (x - 1) * (x + 1), lambda x: x * x - 1, x))
    True
    >>> verdict = equivalent(lambda x: x[1:] - x[:-1], lambda x: x[:-1] - x[1:], x)
    >>> verdict.status, float(verdict.counterexample.left), float(verdict.counterexample.right)
    ('refuted', 1.0, -1.0)
    """
    start = time.monotonic()
    left, right = trace(f, *examples), trace(g, *examples)
    seed = int(np.random.default_rng().integers(2**62)) if seed is None else seed
    verdict = _decide(left, right, examples, start + seconds, seed)
    about = subject(f, g, examples, (left, right), seed)
    return replace(verdict, subject=about, seconds=time.monotonic() - start)


def assert_equivalent(
    f: Callable[..., Any], g: Callable[..., Any], *examples: Any, **options: Any
) -> None:
    """Passes if `equivalent(f, g, *examples)` is proved; else raises AssertionError.

    >>> import jax.numpy as jnp
    >>> assert_equivalent(lambda x: jnp.flip(jnp.flip(x)), lambda x: x, jnp.zeros(5))
    """
    verdict = equivalent(f, g, *examples, **options)
    _report(f, g, verdict)
    if not verdict:
        names = " and ".join(getattr(h, "__name__", repr(h)) for h in (f, g))
        raise AssertionError(f"{names} are not proved equal\n{verdict}")


def _report(f: Any, g: Any, verdict: Verdict) -> None:
    """Tells the pytest plugin, if it is loaded: outside pytest nobody listens."""
    plugin = sys.modules.get("verify.pytest_plugin")
    if plugin is not None:
        names = (getattr(h, "__name__", repr(h)) for h in (f, g))
        plugin.notify(*names, verdict)


def _decide(left: Program, right: Program, examples: Any, deadline: float, seed: int) -> Verdict:
    mismatch = _structure(left, right, examples)
    if mismatch is not None:
        return mismatch
    rng = np.random.default_rng(seed)
    comparison = Comparison(left, right)
    reason = ""
    searchable = True
    try:
        witness = search(comparison, rng, deadline, _FEW)
        if witness is not None:
            return _refuted(comparison, witness, examples, deadline, "exact evaluation")
    except Unsupported as error:
        searchable, reason = False, str(error)
    for mode in MODES:
        try:
            result = prove(left, right, mode, int(rng.integers(2**62)))
        except (Unsupported, TooLarge) as error:
            reason = str(error)
            break
        if isinstance(result, Agreement):
            if not mode.ties and searchable:
                witness = search(comparison, rng, deadline, _TIES, skip=_FEW)
                if witness is not None:
                    return _refuted(comparison, witness, examples, deadline, "a search for ties")
            return Verdict(
                "proved",
                method=f"random interpretation over {result.trials * 5} random primes",
                error_probability=result.error_probability,
                assumptions=result.assumptions,
            )
        reason = (
            f"the programs differ as terms in {len(result.elements)} elements of output "
            f"{result.output}, but no input was found on which their values differ"
        )
    if searchable:
        witness = search(comparison, rng, deadline, _MANY, skip=_FEW, directed=True)
        if witness is not None:
            return _refuted(comparison, witness, examples, deadline, "a directed search")
        reason += f" ({comparison.evaluations} inputs tried)"
    return Verdict("unknown", reason=reason)


def _structure(left: Program, right: Program, examples: Any) -> Verdict | None:
    """A refutation if the outputs differ in tree, shape or dtype."""
    if left.out_tree != right.out_tree:
        one, two = str(left.out_tree), str(right.out_tree)
        return _structural(examples, one, two, "the outputs have different structures")
    for number, (a, b) in enumerate(zip(left.outputs, right.outputs, strict=True)):
        if a.shape != b.shape or a.dtype != b.dtype:
            what = "shapes" if a.shape != b.shape else "dtypes"
            one, two = (f"{v.dtype}{list(v.shape)}" for v in (a, b))
            return _structural(examples, one, two, f"output {number}: the {what} differ")
    return None


def _structural(examples: Any, left: str, right: str, why: str) -> Verdict:
    zeros = jax.tree.map(lambda x: np.zeros(np.shape(x), getattr(x, "dtype", None)), examples)
    text = f"{why}: left {left}, right {right}"
    return Verdict(
        "refuted",
        method="abstract evaluation",
        counterexample=Counterexample(zeros, left, right, None, text),
    )


def _refuted(
    comparison: Comparison, witness: Witness, examples: Any, deadline: float, method: str
) -> Verdict:
    left_over = max(deadline - time.monotonic(), 2.0)
    small = shrink(comparison, witness, time.monotonic() + min(left_over, 20.0))
    tree = jax.tree.structure(examples)
    paths = [path for path, _ in jax.tree.leaves_with_path(examples)]
    names = [f"argument{path[0].idx}{jax.tree_util.keystr(path[1:])}" for path in paths]
    leaves = [
        np.asarray(x).astype(v.dtype)
        for x, v in zip(small.inputs, comparison.left.inputs, strict=True)
    ]
    example = Counterexample(
        jax.tree.unflatten(tree, leaves),
        small.left,
        small.right,
        (small.output, small.index),
        explain(comparison.left, comparison.right, small, names),
    )
    return Verdict("refuted", method=method, counterexample=example)
