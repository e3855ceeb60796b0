"""Are a function's custom derivatives its derivatives?

`jax.custom_jvp` and `jax.custom_vjp` let anything be said of a derivative, and numerical checks
depend on tolerances: `jax.test_util.check_grads` multiplies its own by the size of the array. Here
the function as it is and the function without its rules, differentiated by JAX's rules for
primitives, are two programs of the point and a direction, and the portfolio of `provers/` is
asked. Forward mode where it can be had; reverse mode for `custom_vjp`, which has no other.

What is right in forward mode must be of use in reverse mode too, wherever the derivative without
the rules is: JAX transposes operation by operation, and `2 * x * d * d / d`, linear though it is,
has no transpose. Where a rule brings its own transpose, reverse mode is compared as well.

What a differentiated function returns besides its derivative is compared too: a rule may change it.

At a tie there is no derivative: see `counterexample/smooth.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np

from verify.algebras.base import Unsupported
from verify.algebras.keys import is_key
from verify.certificate.subjects import subject
from verify.checks.drawn import draw
from verify.checks.linearity import nonlinear
from verify.checks.modes import backwards, forwards
from verify.checks.roundoff import later
from verify.constants import literals
from verify.counterexample import Smooth
from verify.dtypes import Function, is_kind
from verify.inputs import arguments
from verify.inputs.examples import names, split
from verify.limits import budget, internal
from verify.programs import Program, call, custom_rules, is_weak, make, read, trace
from verify.programs.value_numbers import normalised
from verify.provers import settle
from verify.shown import pair
from verify.verdict import Verdict

ONE_OR_ALL = "a rule that asks what is differentiated was asked for all, and for each one alone"
LOST = "the rule has no value somewhere that the derivative has one; they are equal, assuming "
FORWARD = "right in forward mode, but jax.grad cannot use it: "
_GLANCES = 2
NOT_OF_JAX = "a primitive that is not one of JAX's has a derivative of its own, not looked into"
ROUNDED = "the two differ as the rounding of a constant would make them"


def derivatives(
    f: Function, *examples: object, seconds: float = 60.0, seed: int | None = None
) -> Verdict:
    """Whether all custom rules in f give its true derivative, at the examples' shapes and dtypes.

    examples: as for `equivalent`; f is differentiated in all floating-point (or complex) ones.
        Rules count wherever they are: in functions that f calls (`jax.nn.relu` has one), in loops.
    seconds, seed: as for `equivalent`.

    Returns a `Verdict`. Proved: wherever the derivative exists and is continuous, ties aside if the
    assumptions name them. Refuted: `counterexample.inputs` are the examples and then the direction,
    one array a differentiable input (forward mode) or output (reverse mode); `left` is what f's
    rules give, `right` the derivative.

    A rule of `jax.custom_jvp` is proved in forward mode, and must be of use to `jax.grad` too where
    the derivative without it is: else the verdict is unknown, with JAX's message and the line.

    First derivatives only; and over the reals: what a rule does at an overflow, or about rounding,
    is not seen. `jax.lax.stop_gradient` is no custom rule: it is taken at its word. Nor is what f
    itself differentiates (`jax.grad` inside of f): there the rule is part of what f is.

    Errors: ValueError where there is nothing to differentiate; what JAX raises where f cannot be
    traced, or a rule returns what does not fit.

    >>> import jax, jax.numpy as jnp
    >>> @jax.custom_jvp
    ... def cube(x): return x**3
    >>> @cube.defjvp
    ... def _(primals, tangents): return cube(*primals), 3 * primals[0] * tangents[0]
    >>> verdict = derivatives(cube, jnp.zeros(2))
    >>> verdict.status
    'refuted'
    >>> bool(derivatives(jax.nn.silu, jnp.zeros(2)))
    True
    """
    __tracebackhide__ = True
    start = budget.now()
    drawn = arguments.checked("derivatives", {"f": f}, examples, seconds, seed)
    asked = split(examples)
    arrays, function = asked.arrays, asked.function(f)
    made = arguments.traced("derivatives", "f", function, arrays)
    kinds = custom_rules(function, *arrays)
    inputs, outputs = made.floating
    if not inputs or not outputs:
        side = "examples" if not inputs else "outputs"
        raise ValueError(f"derivatives: none of the {side} is of a floating-point type")

    def question() -> Verdict:
        program = read(made)
        if program.is_symbolic():
            return Verdict("unknown", reason="the examples have symbolic dimensions: give sizes")
        about = subject(f, f, examples, (program, program), drawn, "derivatives")
        return _answer(function, arrays, program, kinds, drawn).changed(subject=about)

    verdict = asked.answer(f, internal.answer(question, seconds))
    return verdict.changed(seconds=budget.now() - start)


def _answer(
    f: Function, examples: tuple[object, ...], program: Program, kinds: frozenset[str], seed: int
) -> Verdict:
    moving = [i for i, v in enumerate(program.inputs) if is_kind(v.dtype, np.inexact)]
    answers = [i for i, v in enumerate(program.outputs) if is_kind(v.dtype, np.inexact)]
    question = _Question(f, examples, program, "vjp" in kinds, seed)
    if "transpose" in kinds:
        verdict = Verdict("unknown", reason="a custom transpose, which is not looked into")
    elif "foreign" in kinds:
        verdict = Verdict("unknown", reason=NOT_OF_JAX)
    elif not kinds:
        verdict = Verdict("proved", method="there being no custom rule in its program")
    else:
        ways = [(moving, answers)]
        if "zeros" in kinds:  # a rule may ask what is differentiated
            ways += [([i], answers) for i in moving if len(moving) > 1]
            ways += [(moving, [i]) for i in answers if question.reverse and len(answers) > 1]
        verdict = _all(question.settle(*way) for way in ways)
        if len(ways) > 2 and verdict:
            verdict = verdict.changed(assumptions=(*verdict.assumptions, ONE_OR_ALL))
    return verdict


def _all(verdicts: Iterable[Verdict]) -> Verdict:
    """One that is not proved, or all of them as one."""
    found: list[Verdict] = []
    for verdict in verdicts:
        if not verdict:
            return verdict
        found.append(verdict)
    assumptions = dict.fromkeys(sentence for verdict in found for sentence in verdict.assumptions)
    return found[0].changed(
        error_probability=sum(verdict.error_probability for verdict in found),
        assumptions=tuple(assumptions),
    )


@dataclass
class _Question:
    """Rules against derivatives, for one function at its examples."""

    f: Function
    examples: tuple[object, ...]
    program: Program
    reverse: bool
    seed: int

    def settle(self, moving: list[int], answers: list[int]) -> Verdict:
        """The verdict where the inputs `moving`, by number, are differentiated, and of the outputs
        `answers`."""
        if self.reverse:
            return self.compare(moving, answers, reverse=True)
        verdict = self.compare(moving, answers, reverse=False)
        found = self.in_reverse(moving, answers) if verdict else None
        return verdict if found is None else found

    def in_reverse(self, moving: list[int], answers: list[int]) -> Verdict | None:
        """Why rules that are right in forward mode are of no use in reverse mode, or wrong there;
        None where they are of use, or no derivative is."""
        leaves = jax.tree.leaves(self.examples)
        tangents, cotangents = (self.directions(moving, answers, way) for way in (False, True))
        try:
            with internal.theirs():
                plain = make(backwards(self.plain, moving, answers), leaves, cotangents)
        except Exception:  # a loop of unknown length has no reverse mode
            return None
        ahead = forwards(self.ruled, moving, answers)
        try:
            with internal.theirs():
                ruled = make(backwards(self.ruled, moving, answers), leaves, cotangents)
        except Exception as error:  # JAX has many, assertions among them
            program = trace(ahead, leaves, tangents)
            moves = [i >= len(leaves) for i in range(len(program.inputs))]
            return Verdict("unknown", reason=_unusable(error, nonlinear(program, moves)))
        functions = len(self.program.outputs)
        smooth = Smooth(read(ruled), read(plain), len(cotangents), functions, forwards=False)
        rng = np.random.default_rng(self.seed)
        own = "transpose" in custom_rules(ahead, leaves, tangents)
        if not own and not any(_differs(smooth, rng) for _ in range(_GLANCES)):
            return None
        verdict = self.compare(moving, answers, reverse=True)
        if verdict.status == "unknown":
            reason = f"right in forward mode; in reverse mode: {verdict.reason}"
            return verdict.changed(reason=reason)
        return None if verdict else verdict

    def directions(
        self, moving: list[int], answers: list[int], reverse: bool
    ) -> tuple[jax.ShapeDtypeStruct, ...]:
        """What tangents look like, or cotangents."""
        if reverse:
            outputs = [self.program.outputs[i] for i in answers]
            return tuple(jax.ShapeDtypeStruct(atom.shape, atom.dtype) for atom in outputs)
        leaves = jax.tree.leaves(self.examples)
        pairs = [(self.program.inputs[i], is_weak(leaves[i])) for i in moving]
        return tuple(jax.ShapeDtypeStruct(v.shape, v.dtype, weak_type=w) for v, w in pairs)

    def compare(self, moving: list[int], answers: list[int], *, reverse: bool) -> Verdict:
        """The two programs of one mode against each other."""
        leaves, program = jax.tree.leaves(self.examples), self.program
        directions = self.directions(moving, answers, reverse)
        along = backwards if reverse else forwards
        try:
            with internal.theirs():
                left = trace(along(self.ruled, moving, answers), leaves, directions)
        except jax.errors.TracerArrayConversionError:
            return Verdict(
                "unknown", reason="a custom rule closes over an input: pass it as an argument"
            )
        try:
            with internal.theirs():
                right = trace(along(self.plain, moving, answers), leaves, directions)
        except Exception as error:
            # Of a loop of unknown length there is no reverse mode, of some bodies no program, of
            # some primitives no derivative: that may be why there is a rule.
            return Verdict("unknown", reason=f"the derivative without the rules: {error}")
        left, right, _ = normalised(left, right)
        known, both = names(self.f, self.examples), (*self.examples, directions)
        labels = [f"tangent of {known[i]}" for i in moving]
        if reverse:
            labels = [f"cotangent of output {i}" for i in answers]
        functions = len(program.outputs)
        smooth = Smooth(left, right, len(directions), functions, forwards=not reverse)
        verdict = settle(smooth, both, [*known, *labels], self.seed)
        found = verdict.counterexample
        if found is not None and found.where is not None:
            what = self.what(moving, answers, known, reverse)[found.where[0]]
            text = f"{what}: {found.explanation}"
            found = replace(found, explanation=text, element_of=what)
            return verdict.changed(counterexample=found)
        if verdict:
            if smooth.lost(self.seed):
                assumed = "; ".join(verdict.assumptions) or "nothing"
                return Verdict("unknown", reason=LOST + assumed)
            measure = later(left, right, both, self.seed)
            return verdict.changed(rounding=measure)
        if smooth.rounded is not None:
            one, two = pair(smooth.rounded.left, smooth.rounded.right)
            reason = f"{ROUNDED}: {one} by the rule, {two} without it"
            only = literals.only(("the rule", left), ("the derivative", right))
            return verdict.changed(reason="; ".join([reason, *only]))
        return verdict

    def ruled(self, *arrays: jax.Array) -> list[jax.Array]:
        tree = jax.tree.structure(self.examples)
        return jax.tree.leaves(self.f(*jax.tree.unflatten(tree, arrays)))

    def plain(self, *arrays: jax.Array) -> list[jax.Array]:
        words = (jax.random.key_data(a) if is_key(a.dtype) else a for a in arrays)
        return [jnp.asarray(y) for y in call(self.program, *words, rules=False)]

    def what(
        self, moving: list[int], answers: list[int], known: list[str], reverse: bool
    ) -> list[str]:
        """The outputs of both programs, in words."""
        values = [f"output {i} itself" for i in range(len(self.program.outputs))]
        if reverse:
            return values + [f"the gradient in {known[i]}" for i in moving]
        return values + [f"the tangent of output {i}" for i in answers]


def _unusable(error: Exception, where: str) -> str:
    """The sentence about a rule that JAX fails to transpose."""
    said = str(error).partition("\n")[0][:300]
    if isinstance(error, AssertionError) or not said:
        said = f"{type(error).__name__} while the rule is transposed"
    return f"{FORWARD}{said}{f' (not linear in the tangent: {where})' if where else ''}"


def _differs(smooth: Smooth, rng: np.random.Generator) -> bool:
    """Whether the two programs do at a random input."""
    try:
        return smooth.at([draw(v, rng) for v in smooth.right.inputs]) is not None
    except Unsupported:
        return False
