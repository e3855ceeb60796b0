"""Are two JAX functions the same function? `equivalent` asks, and `provers/` answer."""

from __future__ import annotations

import sys
from dataclasses import replace

from verify import formats
from verify.certificate.subjects import named, subject
from verify.checks import called
from verify.checks.roundoff import Later, later
from verify.counterexample import Comparison
from verify.dtypes import Function
from verify.inputs import arguments
from verify.inputs.examples import names, split
from verify.limits import budget, internal
from verify.preconditions import condition
from verify.programs import contents, read
from verify.programs.value_numbers import normalised
from verify.provers import settle
from verify.verdict import Tried, Verdict


def equivalent(
    f: Function,
    g: Function,
    *examples: object,
    assuming: Function | None = None,
    constants: str = "rounded",
    seconds: float = 60.0,
    seed: int | None = None,
    verbose: bool = False,
) -> Verdict:
    """Whether f and g are the same function over the reals, at the examples' shapes and dtypes.

    examples: one a positional argument: arrays, `jax.ShapeDtypeStruct`s, numbers, or pytrees and
        modules (Equinox, Flax NNX) of them. Only their shapes and dtypes count; `rounding` is
        measured at arrays if there are any. Leaves inside of an example that are no arrays
        (activations, names, flags) are static: what they are, as the scope says. Other static
        arguments, and keywords, go through `functools.partial` or a lambda.
    assuming: a JAX function of the same inputs that returns booleans: only inputs at which all are
        true count, as in `assuming=lambda x, n: (x > 0) & (0 <= n) & (n < 10)`.
    constants: "rounded": a float literal stands for any real number that rounds to it. Where a
        proof needs a particular one (0.1 is 1/10), it is among the assumptions, and no
        counterexample is a difference that the rounding of literals explains. "exact": it stands
        for the number that it holds.
    seconds: for the whole call, but for JAX's tracing; then the verdict is unknown.
    seed: fixes the random primes and inputs; by default they are fresh at every call.
    verbose: each prover that is tried is printed to standard error when it ends, with its seconds;
        the verdict has them as `trace` in any case.

    Returns a `Verdict`; `bool(verdict)` is true for a proof only.

    Errors: TypeError and ValueError for arguments that it cannot take (a precondition that no input
    satisfies is one), and whatever f, g and assuming raise while they are traced. A failure of
    verify itself is an "unknown" that says so.

    >>> import jax, jax.numpy as jnp
    >>> x = jax.ShapeDtypeStruct((3, 4), jnp.float32)
    >>> bool(equivalent(lambda x: (x - 1) * (x + 1), lambda x: x * x - 1, x))
    True
    >>> equivalent(lambda x: x * 0.1, lambda x: x / 10, x).assumptions
    ('the constant 0.1 ... 1/10',)
    >>> verdict = equivalent(lambda x: x[1:] - x[:-1], lambda x: x[:-1] - x[1:], x)
    >>> verdict.status, float(verdict.counterexample.left), float(verdict.counterexample.right)
    ('refuted', 1.0, -1.0)
    >>> bool(equivalent(lambda x: jnp.sqrt(x * x), lambda x: x, x, assuming=lambda x: x >= 0))
    True
    """
    __tracebackhide__ = True  # by pytest: the caller's lines are what matters
    start = budget.now()
    drawn = arguments.checked("equivalent", {"f": f, "g": g}, examples, seconds, seed)
    arguments.one_of("equivalent", "constants", constants, ("rounded", "exact"))
    asked = split(examples)
    one, two, arrays = asked.function(f), asked.function(g), asked.arrays
    made = (
        arguments.traced("equivalent", "f", one, arrays),
        arguments.traced("equivalent", "g", two, arrays),
    )
    given = None
    if assuming is not None:
        given = condition.of("equivalent", assuming, asked.function(assuming), arrays, drawn)
    impossible = False

    def question() -> Verdict:
        nonlocal impossible
        read_as = [read(one) for one in made]
        left, right, same = normalised(*read_as)
        if given is not None and not given.inhabited:
            with budget.doing("whether any input satisfies what is assumed"):
                impossible = given.impossible
            return Verdict("unknown", reason=f"no input was found at which {given.name} holds")
        comparison = Comparison(left, right, constants, given)
        comparison.same = same or contents.same(left, right)
        show = _told if verbose else None
        verdict = settle(comparison, arrays, names(f, arrays), drawn, show)
        pairs = [(one, read_as[0]), (two, read_as[1])] if verdict else []
        if verdict and assuming is not None and given is not None:
            pairs.append((asked.function(assuming), given.program))
        found = next(filter(None, (called.otherwise(*pair, arrays) for pair in pairs)), "")
        verdict = Verdict("unknown", reason=found, trace=verdict.trace) if found else verdict
        rounded = formats.note(read_as[0], read_as[1]) if verdict else ""
        if rounded:
            verdict = replace(verdict, assumptions=(*verdict.assumptions, rounded))
        about = subject(f, g, examples, (read_as[0], read_as[1]), drawn, constants=constants)
        if assuming is not None and given is not None:
            about = replace(about, assuming=named(assuming, given.program))
        if verdict and given is not None:
            rounded = formats.condition(given.program)
            first = (given.sentence, rounded) if rounded else (given.sentence,)
            verdict = replace(verdict, assumptions=(*first, *verdict.assumptions))
        measure: Later | None = None
        if verdict:
            lenient = comparison.lenient_literals
            measure = later(left, right, arrays, drawn, comparison.moved, apart=lenient)
        return verdict.changed(subject=about, rounding=measure)

    verdict = asked.answer(f, internal.answer(question, seconds))
    if impossible and given is not None:
        raise ValueError(
            "equivalent: assuming: expected a condition that some input satisfies, got one that "
            f"none does: {given.name}"
        )
    return verdict.changed(seconds=budget.now() - start)


def _told(step: Tried) -> None:
    print(step, file=sys.stderr, flush=True)
