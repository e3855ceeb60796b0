"""Does the compiled program compute the function? What is computed, against the real values.

    |computed - real| <= deviation

element by element, for both ways of running a function: compiled as a whole, and called on arrays,
where each operation is compiled by itself ("eager"). The real values come from the `numeric`
algebra, the bound from the `rounded` one (`roundoff.py`). Where all sums are exact, as those of
small whole numbers are, the bound is zero and nothing wrong can hide.

What it does not see: a fault at inputs that were not tried, or one that rounding might account for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np
from numpy.typing import ArrayLike

from verify.algebras.base import Unsupported
from verify.algebras.keys import generator, is_key
from verify.checks.compiled import check
from verify.checks.drawn import draw, given
from verify.checks.roundoff import as_inputs, by_rules, certified, distance, executable
from verify.counterexample import Comparison, Witness, shrink
from verify.dtypes import DType, Function, is_kind
from verify.found import Counterexample
from verify.inputs import arguments
from verify.inputs.examples import names, split
from verify.limits import budget, internal
from verify.programs import Param, Program, read, trace
from verify.shown import pair
from verify.trust import child, dangers
from verify.verdict import Rounding, Verdict

Inputs = list[np.ndarray]

_SHRINK_WORK = 1e9
_VISIBLE = 1e-3  # a counterexample is not shrunk below this difference
_OF_FLOATS = (
    "XLA's CPU backend runs with its default flags, rounds to nearest, and reorders no more than "
    "verify/algebras/rounded.py says",
    "its elementary functions are at most four times as wrong as they were measured, NumPy's by 8 "
    "units in the last place and SciPy's by 64",
)
_OF_RANDOM_BITS = "random bits are what JAX makes of their keys, one operation at a time"
_DRAWN: tuple[dict[str, dict[str, bool]], ...] = (  # each with what replaces it outside a domain
    {"normal numbers": {}, "positive numbers": {"positive": True}},
    {
        "small whole numbers": {"whole": True},
        "small positive whole numbers": {"whole": True, "positive": True},
    },
)


def faithful(
    f: Function, *examples: object, seconds: float = 60.0, seed: int | None = None
) -> Verdict:
    """Whether f, compiled and called on arrays, gives its real values but for rounding.

    examples: one a positional argument: arrays, at which f is looked at; or
        `jax.ShapeDtypeStruct`s, for which random normal numbers are drawn, and small whole ones
        (positive ones where those are outside of a domain, or no whole ones); numbers; pytrees.
    seconds: for the whole call, but for what JAX takes to trace and XLA to compile.
    seed: fixes what is drawn; by default it is fresh at every call.

    Returns a `Verdict`. Proved: at the inputs that the scope names, and no others, every output
    element is within its certified bound, both ways; `rounding` has the largest bound and the
    largest deviation seen. Refuted: at `counterexample.inputs` one of the ways gives `left` where
    the value over the reals is `right`, and rounding cannot account for it. Unknown: no bound is
    known, on this backend or of some element; or f fails on arrays, or is no function.

    f is called as often as it takes, on arrays of its own: examples are not changed, nor donated.

    Errors: TypeError and ValueError for arguments that it cannot take; what f raises while it is
    traced.

    >>> import jax, jax.numpy as jnp
    >>> verdict = faithful(jax.nn.softmax, jax.ShapeDtypeStruct((4, 10), jnp.float32))
    >>> bool(verdict), verdict.rounding.observed <= verdict.rounding.bound < 1e-5
    (True, True)
    >>> print(verdict.scope)
    2 sets of inputs (normal numbers, small whole numbers), compiled and eager on cpu
    """
    __tracebackhide__ = True
    start = budget.now()
    drawn = arguments.checked("faithful", {"f": f}, examples, seconds, seed)
    asked = split(examples)
    function = asked.function(f)
    made = arguments.traced("faithful", "f", function, asked.arrays)

    def question() -> Verdict:
        return _settle(function, read(made), asked.arrays, np.random.default_rng(drawn))

    verdict = asked.answer(f, internal.answer(question, seconds))
    return replace(verdict, seconds=budget.now() - start)


def _settle(
    f: Function, program: Program, examples: tuple[object, ...], rng: np.random.Generator
) -> Verdict:
    if program.is_symbolic():
        return Verdict("unknown", reason="the examples have symbolic dimensions: give sizes")
    try:
        check(program)
    except Unsupported as error:
        return Verdict("unknown", reason=f"no bound is known: {error}")
    computed = _Computed(f, program, examples)
    arrays = [given(leaf) for leaf in jax.tree.leaves(examples)]
    fixed = all(array is not None for array in arrays)
    draws = ({"these inputs": {}},) if fixed else _DRAWN
    settled: dict[str, Rounding] = {}
    reasons: list[str] = []
    for alternatives in draws:
        for name, options in alternatives.items():
            drawn = [draw(v, rng, **options) for v in program.inputs]
            pairs = zip(drawn, arrays, strict=True)
            found = computed.look(as_inputs(program, [d if a is None else a for d, a in pairs]))
            if isinstance(found, _Wrong):
                return computed.refuted(found)
            if isinstance(found, Rounding):
                settled[name] = found
                break
            reasons.append(f"{found} ({name})")
    if not draws[0].keys() & settled.keys():  # whole numbers may be outside of every domain
        return Verdict("unknown", reason=reasons[0])
    sets = f"{len(settled)} set{'s' * (len(settled) > 1)} of inputs ({', '.join(settled)})"
    return Verdict(
        "proved",
        scope=f"{'these inputs' if fixed else sets}, compiled and eager on {computed.backend}",
        method="comparison with real values, known up to certified errors",
        assumptions=_assumptions(computed.right),
        rounding=Rounding(
            max(found.bound for found in settled.values()),
            max(found.observed for found in settled.values()),
        ),
    )


def _assumptions(program: Program) -> tuple[str, ...]:
    computed = [v for equation in program.every_equation() for v in equation.outputs]
    floats = any(is_kind(v.dtype, np.floating) for v in (*program.inputs, *computed))
    random = any(name.startswith(("random", "threefry")) for name in program.primitives())
    return (*_OF_FLOATS * floats, *(_OF_RANDOM_BITS,) * random)


@dataclass(frozen=True)
class _Wrong(Witness):
    """An element that is further off than it may be, in one way of running the program."""

    way: str = ""
    apart: float = 0.0
    allowed: float = 0.0


class _Computed(Comparison):
    """What is computed, on the left, and the real values: the two that `shrink` compares."""

    compiled = False

    def __init__(self, f: Function, program: Program, examples: tuple[object, ...]) -> None:
        super().__init__(program, by_rules(program))
        self.f, self.examples, self.backend = f, examples, jax.default_backend()
        self.ways = {"compiled": executable(program), "eager": self.eager}
        self.least = 0.0

    def at(self, inputs: Inputs, where: object = None) -> Witness | None:
        found = self.look(inputs)
        return found if isinstance(found, _Wrong) and found.apart >= self.least else None

    def look(self, inputs: Inputs) -> _Wrong | Rounding | str:
        """What is wrong; else what was seen, if all is within its bound; else why that is open."""
        try:
            expected = certified(self.right, inputs)
        except Unsupported as error:
            return f"no bound is known: {error}"
        observed = 0.0
        for way, run in self.ways.items():
            try:
                with budget.apart():  # XLA compiles, and f takes what it takes
                    outputs = run(inputs)
            except Exception as error:  # whatever f, or the compiler, has to say
                return f"{way}, it fails: {type(error).__name__}: {str(error)[:200]}"
            for number, (output, (real, allowed)) in enumerate(zip(outputs, expected, strict=True)):
                apart = distance(output, real)
                beyond = np.where(apart > allowed, apart, 0.0)
                if beyond.any():
                    place = tuple(map(int, np.unravel_index(np.argmax(beyond), beyond.shape)))
                    left, right, size, most = (x[place] for x in (output, real, apart, allowed))
                    count = int(np.count_nonzero(beyond))
                    return _Wrong(inputs, number, place, left, right, count, way, size, most)
                observed = max(observed, float(apart.max(initial=0.0)))
        bounds = np.concatenate([np.zeros(0), *(allowed.reshape(-1) for _, allowed in expected)])
        lost = int(np.isinf(bounds).sum())
        if lost:
            return f"{lost} of {bounds.size} output elements have no finite bound"
        return Rounding(float(bounds.max(initial=0.0)), observed)

    def eager(self, inputs: Sequence[ArrayLike]) -> list[np.ndarray]:
        """f called on arrays: copies, which it may donate."""
        if not dangers.harmless(self.left):  # f itself would end this process
            return child.run_each(self.left, as_inputs(self.left, inputs))
        leaves, tree = jax.tree.flatten(self.examples)
        arrays = map(_argument, as_inputs(self.left, inputs), leaves)
        results, structure = jax.tree.flatten(self.f(*jax.tree.unflatten(tree, arrays)))
        outputs = [np.asarray(y) for y in results]
        found = [(y.shape, jax.dtypes.canonicalize_dtype(y.dtype)) for y in outputs]
        if structure != self.left.out_tree or found != _forms(self.left):
            raise TypeError("it does not return what it returns when it is traced")
        return [y.astype(v.dtype) for y, v in zip(outputs, self.left.outputs, strict=True)]

    def refuted(self, wrong: _Wrong) -> Verdict:
        """With a small counterexample. A function that changes says nothing of the compiler."""
        again = trace(lambda *xs: self.f(*xs), *self.examples)  # JAX remembers what it has traced
        same = _forms(again) == _forms(self.left)
        if not same or Comparison(self.right, by_rules(again)).at(wrong.inputs) is not None:
            return Verdict("unknown", reason="f is another function each time it is traced")
        self.least = min(wrong.apart, _VISIBLE)
        small = shrink(self, wrong, _SHRINK_WORK)
        assert isinstance(small, _Wrong)
        arrays = as_inputs(self.left, small.inputs)
        left, right = pair(small.left, small.right)
        example = Counterexample(
            jax.tree.unflatten(jax.tree.structure(self.examples), arrays),
            small.left,
            small.right,
            (small.output, small.index),
            f"{small.way} on {self.backend} it is {left}, over the reals {right}, and rounding may "
            f"take {f'{small.allowed:.3g}' if small.allowed else 'nothing'}",
            tuple(names(self.f, self.examples)),
        )
        return Verdict("refuted", method=f"evaluation on {self.backend}", counterexample=example)


def _argument(array: np.ndarray, example: Param) -> jax.Array:
    copy, dtype = jax.numpy.array(array), getattr(example, "dtype", None)
    if dtype is None or not is_key(dtype):
        return copy
    return jax.random.wrap_key_data(copy, impl=generator(dtype)[0])


def _forms(program: Program) -> list[tuple[tuple[int, ...], DType]]:
    return [(v.shape, v.dtype) for v in program.outputs]
