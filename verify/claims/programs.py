"""What the claims' files share: variants that compare two programs, in values or in gradients."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from verify.claims.claim import Size, Variant
from verify.dtypes import Function
from verify.equivalence import equivalent
from verify.verdict import Status, Verdict


def f32(*shape: int) -> jax.ShapeDtypeStruct:
    """A float32 array of this shape, for the verifier: it has no values, since none count.

    >>> f32(100, 100, 3)
    ShapeDtypeStruct(shape=(100, 100, 3), dtype=float32)
    """
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def equal(
    name: str,
    says: str,
    left: Function,
    right: Function,
    *examples: object,
    expected: Status = "proved",
    size: Size = "small",
    backward_of: Function | None = None,
) -> Variant:
    """The variant that `left` and `right` are the same function at the examples' shapes.

    backward_of: a function of the examples; both programs then take one more argument, the
        gradient of some loss in that function's output.

    >>> import jax.numpy as jnp
    >>> twice = equal("twice", "x + x is 2x", lambda x: x + x, lambda x: 2 * x, f32(3))
    >>> twice.settle().status
    'proved'
    """
    seed = seed_for(expected)

    def settle() -> Verdict:
        more = () if backward_of is None else (jax.eval_shape(backward_of, *examples),)
        return equivalent(left, right, *examples, *more, seed=seed)

    return Variant(name, says, expected, settle, size, left, right)


def seed_for(expected: Status) -> int | None:
    """Proofs draw fresh primes every time. A counterexample is confirmed by evaluation, whatever
    the seed, and pages are easier to talk about if it is always the same one."""
    return 0 if expected == "refuted" else None


def equal_gradients(
    name: str,
    says: str,
    left: Function,
    right: Function,
    *examples: object,
    of: Sequence[int] | None = None,
    expected: Status = "proved",
    size: Size = "small",
) -> Variant:
    """The variant that `left` and `right` have equal gradients in the arguments `of` (None: all).

    Not of one loss but of all: the gradient of the loss in the output is one more input.
    """
    return equal(
        name,
        says,
        gradients(left, of),
        gradients(right, of),
        *examples,
        backward_of=left,
        expected=expected,
        size=size,
    )


Gradients = Callable[..., tuple[jax.Array, ...]]


def gradients(f: Function, of: Sequence[int] | None = None) -> Gradients:
    """The function (*arguments, dy) -> the gradients in the arguments `of` (None: in all of them).

    `dy` is the gradient of some loss in f's output; the chain rule does the rest.

    >>> gradients(lambda x, w: x * w)(3.0, 5.0, 1.0)
    (Array(5., dtype=float32, weak_type=True), Array(3., dtype=float32, weak_type=True))
    """

    @functools.wraps(f)
    def backward(*arguments: object) -> tuple[jax.Array, ...]:
        *arguments_of_f, dy = arguments
        found = jax.vjp(f, *arguments_of_f)[1](dy)
        return found if of is None else tuple(found[i] for i in of)

    # The signature of f would hide dy, and the verifier names inputs by it.
    names = [*inspect.signature(f).parameters]
    backward.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(n, inspect.Parameter.POSITIONAL_ONLY) for n in (*names, "dy")]
    )
    return backward


def source(*functions: Function) -> str:
    """The functions' own code, as a claim's formal statement."""
    return "\n\n".join(inspect.getsource(f).rstrip() for f in functions)
