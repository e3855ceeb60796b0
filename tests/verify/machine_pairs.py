"""Random pairs of programs over machine integers and truth values, to fool the proofs with.

A program is an expression over three inputs of narrow dtypes, rewritten into another by laws that
are right for machines and by others that are right for unbounded integers only.
The truth comes from evaluating both with JAX at many inputs, their extremes among them; a proof of
two programs that differ at one of them is false (`differ`).

    python tests/verify/machine_pairs.py 2000 0            how many pairs, from which seed
    python tests/verify/machine_pairs.py 500 0 vectors     of rows: sums, sorts, scans, keys, ...
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import verify

I8, U8, I16, U16, I32, U32 = (
    np.dtype(name) for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32")
)
BOOL, F32 = np.dtype(bool), np.dtype("float32")
WHOLE = (I8, U8, I16, U16, I32, U32)
NARROW = (I8, U8, I8, U8, I16)

# An expression: ("in", number, dtype), ("const", value, dtype) or (operation, dtype, *arguments).
Tree = tuple[Any, ...]

ARITHMETIC = ("add", "sub", "mul", "add", "sub")
LOOKING = ("max", "min", "div", "rem", "and", "or", "xor", "shl", "shr", "sar", "clip")
VECTOR = ("sum", "cumsum", "sort", "rev", "dot", "argmax", "at", "scan", "drawn", "sum", "scatter")
COMPARISONS = ("lt", "le", "eq", "ne", "gt", "ge")


def dtype_of(tree: Tree) -> np.dtype:
    return tree[2] if tree[0] in ("in", "const") else tree[1]


def grow(
    rng: random.Random, dtype: np.dtype, inputs: list[np.dtype], depth: int, vectors: bool
) -> Tree:
    """A random expression of a dtype; `vectors`: of rows, with what can be done to them."""
    fitting = [n for n, d in enumerate(inputs) if d == dtype]
    if depth <= 0 or rng.random() < 0.1:
        if fitting and rng.random() < 0.75:
            return ("in", rng.choice(fitting), dtype)
        if dtype != BOOL and rng.random() < 0.6:
            number = rng.randrange(len(inputs))
            return ("cast", dtype, ("in", number, inputs[number]))
        return constant(rng, dtype)

    def more(d: np.dtype = dtype) -> Tree:
        return grow(rng, d, inputs, depth - 1, vectors)

    if dtype == BOOL:
        kind = rng.random()
        if kind < 0.7:
            of = rng.choice(NARROW)
            return (rng.choice(COMPARISONS), BOOL, more(of), more(of))
        if kind < 0.8:
            return ("cast", BOOL, more(rng.choice(NARROW)))
        if kind < 0.9:
            return ("not", BOOL, more(BOOL))
        return (rng.choice(("and", "or", "xor", "max", "min")), BOOL, more(BOOL), more(BOOL))
    kind = rng.random()
    if vectors and kind < 0.25:
        op = rng.choice(VECTOR)
        return (op, dtype, more(), *([more()] if op in ("dot", "at", "scatter") else []))
    if kind < 0.40:
        return (rng.choice(ARITHMETIC), dtype, more(), more())
    if kind < 0.62:
        return (rng.choice(LOOKING), dtype, more(), more())
    if kind < 0.80:
        return ("cast", dtype, more(rng.choice((*NARROW, BOOL))))
    if kind < 0.92:
        return ("where", dtype, more(BOOL), more(), more())
    if kind < 0.96:
        return (rng.choice(("neg", "not", "abs", "popcount", "sign")), dtype, more())
    return ("bits", dtype, more(_other_sign(dtype)))


def constant(rng: random.Random, dtype: np.dtype) -> Tree:
    if dtype == BOOL:
        return ("const", rng.random() < 0.5, dtype)
    info = np.iinfo(dtype)
    edges = (0, 1, 2, 3, 7, 100, 127, 128, 200, info.min, info.max, info.max - 1, -1, -3)
    number = rng.choice([n for n in edges if info.min <= n <= info.max])
    return ("const", number, dtype)


def _other_sign(dtype: np.dtype) -> np.dtype:
    return np.dtype(("u" if dtype.kind == "i" else "") + "int" + str(8 * dtype.itemsize))


def run(tree: Tree, inputs: tuple[Any, ...]) -> Any:
    """The value of an expression, in JAX."""
    op = tree[0]
    if op == "in":
        return inputs[tree[1]]
    if op == "const":
        return jnp.full(jnp.shape(inputs[0]), tree[1], tree[2])
    args = [run(arg, inputs) for arg in tree[2:]]
    return OPERATIONS[op](tree[1], *args)


def _drawn(number: Any) -> Any:
    return jax.random.bits(jax.random.fold_in(jax.random.key(0), number), dtype=np.uint16)


def _plain(name: str) -> Callable[..., Any]:
    return lambda d, *args: getattr(lax, name)(*args)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda d, a, b: lax.add(a, b),
    "sub": lambda d, a, b: lax.sub(a, b),
    "mul": lambda d, a, b: lax.mul(a, b),
    "neg": lambda d, a: lax.neg(a) if d.kind == "i" else lax.sub(jnp.zeros_like(a), a),
    "abs": lambda d, a: lax.abs(a) if d.kind == "i" else a,
    "sign": lambda d, a: lax.sign(a),
    "not": lambda d, a: lax.bitwise_not(a),
    "popcount": lambda d, a: lax.population_count(a),
    "max": lambda d, a, b: lax.max(a, b),
    "min": lambda d, a, b: lax.min(a, b),
    "clip": lambda d, a, b: lax.clamp(jnp.zeros_like(a), a, b),
    "div": lambda d, a, b: lax.div(a, b),
    "rem": lambda d, a, b: lax.rem(a, b),
    "and": lambda d, a, b: lax.bitwise_and(a, b),
    "or": lambda d, a, b: lax.bitwise_or(a, b),
    "xor": lambda d, a, b: lax.bitwise_xor(a, b),
    "shl": lambda d, a, b: lax.shift_left(a, b),
    "shr": lambda d, a, b: lax.shift_right_logical(a, b),
    "sar": lambda d, a, b: lax.shift_right_arithmetic(a, b),
    "cast": lambda d, a: lax.convert_element_type(a, d),
    "bits": lambda d, a: lax.bitcast_convert_type(a, d),
    "where": lambda d, c, a, b: lax.select(c, a, b),
    "sum": lambda d, a: jnp.broadcast_to(a.sum(dtype=d), a.shape),
    "cumsum": lambda d, a: lax.cumsum(a),
    "sort": lambda d, a: lax.sort(a),
    "rev": lambda d, a: lax.rev(a, (0,)),
    "dot": lambda d, a, b: jnp.broadcast_to(lax.dot(a, b), a.shape),
    "argmax": lambda d, a: jnp.broadcast_to(lax.argmax(a, 0, np.int32), a.shape).astype(d),
    "at": lambda d, a, b: a[jnp.clip(b, 0, 2)],
    "scatter": lambda d, a, b: a.at[jnp.array([0, 2, 0])].add(b),
    "scan": lambda d, a: lax.scan(lambda c, x: (c + x, c * x), jnp.zeros((), d), a)[1],
    "drawn": lambda d, a: jax.vmap(_drawn)(a).astype(d),
    **{name: _plain(name) for name in COMPARISONS},
}


# -- rewriting: laws that hold for machine integers, and laws that hold for unbounded ones only ----


def rewrite(rng: random.Random, tree: Tree) -> Tree:
    """The expression with one law applied somewhere; many of the laws are wrong for machines."""
    places = [path for path, t in _walk(tree) if t[0] not in ("in", "const")]
    if not places:
        return tree
    for _ in range(12):
        path = rng.choice(places)
        new = _law(rng, _at(tree, path))
        if new is not None:
            return _replaced(tree, path, new)
    return tree


def _law(rng: random.Random, t: Tree) -> Tree | None:
    op, d, *args = t
    options: list[Tree] = []
    if op in ("add", "mul", "max", "min", "and", "or", "xor"):
        options.append((op, d, args[1], args[0]))
        if args[0][0] == op:
            options.append((op, d, args[0][2], (op, d, args[0][3], args[1])))
    if op in ("add", "sub", "mul") and d != BOOL:
        for wide in (I32, U32, I16, U8):
            if wide != d:  # computed in another width: right if that is no narrower
                inner = tuple(("cast", wide, a) for a in args)
                options.append(("cast", d, (op, wide, *inner)))
    if op == "cast" and d != BOOL and args[0][0] in ("add", "sub", "mul", "max", "min"):
        inside = args[0]
        if inside[1] != BOOL:
            options.append((inside[0], d, *(("cast", d, a) for a in inside[2:])))
    if op == "cast" and args[0][0] == "cast":
        options.append(("cast", d, args[0][2]))
    if op in ("max", "min") and d != BOOL:
        order = "gt" if op == "max" else "lt"
        options.append(("where", d, (order, BOOL, *args), *args))
        one = ("const", 1, d)
        shifted = tuple(("add", d, a, one) for a in args)
        options.append(("sub", d, (op, d, *shifted), one))
    if op in COMPARISONS and dtype_of(args[0]) != BOOL:
        of = dtype_of(args[0])
        zero = ("const", 0, of)
        options.append((op, BOOL, ("sub", of, *args), zero))
        options.append((op, BOOL, *(("cast", I32, a) for a in args)))
        mirrored = dict(zip(COMPARISONS, ("gt", "ge", "eq", "ne", "lt", "le"), strict=True))
        options.append((mirrored[op], BOOL, args[1], args[0]))
    if op in ("and", "or", "xor", "rem", "div", "shr", "sar") and d in (I8, U8, I16):
        options.append(("cast", d, (op, I32, *(("cast", I32, a) for a in args))))
    if op == "neg":
        options.append(("add", d, ("not", d, args[0]), ("const", 1, d)))
    if op == "not" and d != BOOL:
        options.append(("sub", d, ("neg", d, args[0]), ("const", 1, d)))
    if op == "abs":
        options.append(("max", d, args[0], ("neg", d, args[0])))
    if op == "rem":
        options.append(("sub", d, args[0], ("mul", d, args[1], ("div", d, *args))))
    if op == "where" and d != BOOL:
        one = ("const", 1, d)
        chosen = ("where", d, args[0], *(("add", d, a, one) for a in args[1:]))
        options.append(("sub", d, chosen, one))
        options.append(("where", d, ("not", BOOL, args[0]), args[2], args[1]))
    if op in VECTOR:
        others = [wide for wide in (I32, U32, I16) if wide != d]
        options += [("cast", d, (op, w, *(("cast", w, a) for a in args))) for w in others]
        one = ("const", 1, d)
        if op in ("sort", "rev", "argmax", "at"):
            moved = (op, d, ("add", d, args[0], one), *args[1:])
            options.append(moved if op == "argmax" else ("sub", d, moved, one))
    if op == "bits":
        options.append(("cast", d, args[0]))
    return rng.choice(options) if options else None


def _walk(tree: Tree, path: tuple[int, ...] = ()) -> Any:
    yield path, tree
    if tree[0] not in ("in", "const"):
        for n, arg in enumerate(tree[2:]):
            yield from _walk(arg, (*path, n + 2))


def _at(tree: Tree, path: tuple[int, ...]) -> Tree:
    for step in path:
        tree = tree[step]
    return tree


def _replaced(tree: Tree, path: tuple[int, ...], new: Tree) -> Tree:
    if not path:
        return new
    parts = list(tree)
    parts[path[0]] = _replaced(tree[path[0]], path[1:], new)
    return tuple(parts)


# -- pairs, and their truth ------------------------------------------------------------------------


def pair(seed: int, vectors: bool = False) -> tuple[Tree, Tree, list[np.dtype]]:
    rng = random.Random(seed)
    inputs = [rng.choice(NARROW), rng.choice(NARROW), rng.choice((I8, U8, BOOL))]
    out = rng.choice((*NARROW, I32, U32, BOOL, I32))
    left = grow(rng, out, inputs, rng.choice((2, 3, 3)), vectors)
    right = left
    for _ in range(rng.choice((1, 1, 2, 3))):
        right = rewrite(rng, right)
    if rng.random() < 0.4:  # looked at, and behind a guard
        guard = ("gt", BOOL, ("in", 0, inputs[0]), ("const", 100, inputs[0]))
        if out == BOOL:
            left, right = (("and", BOOL, guard, t) for t in (left, right))
        else:
            left, right = (("where", out, guard, t, ("const", 0, out)) for t in (left, right))
    if out != BOOL and rng.random() < 0.5:
        # (A float32 has no room for all of 32 bits: what rounding hides is another question.)
        wide = rng.choice((I32, U32, F32) if out.itemsize < 4 else (I32, U32))
        left, right = (("cast", wide, t) for t in (left, right))
    return left, right, inputs


def function(tree: Tree) -> Callable[..., Any]:
    return lambda *inputs: run(tree, inputs)


def points(inputs: list[np.dtype], vectors: bool, count: int = 4096) -> list[np.ndarray]:
    """Many inputs: every byte, and extremes, in random combinations."""
    rng = np.random.default_rng(7)
    arrays = []
    shape = (count, 3) if vectors else count
    for d in inputs:
        if d == BOOL:
            arrays.append(rng.integers(0, 2, shape).astype(bool))
            continue
        info = np.iinfo(d)
        values = rng.integers(info.min, info.max + 1, shape)
        edges = np.array([info.min, info.min + 1, -1 % (info.max + 1), 0, 1, 2, info.max, 100, 101])
        values = np.where(rng.random(shape) < 0.3, rng.choice(edges, shape), values)
        arrays.append(values.astype(d))
    return arrays


def differ(left: Tree, right: Tree, inputs: list[np.dtype], vectors: bool = False) -> bool:
    """Whether JAX, operation by operation, shows a difference."""
    at = tuple(jnp.asarray(x) for x in points(inputs, vectors))

    def value(tree: Tree) -> np.ndarray:
        each = function(tree)
        return np.asarray((jax.vmap(each) if vectors else each)(*at))

    return bool((value(left) != value(right)).any())


def refuted(left: Tree, right: Tree, counterexample: Any) -> bool:
    """Whether JAX agrees."""
    at = tuple(jnp.asarray(x) for x in counterexample.inputs)
    return bool((np.asarray(run(left, at)) != np.asarray(run(right, at))).any())


def verdict(
    left: Tree, right: Tree, inputs: list[np.dtype], seconds: float, vectors: bool = False
) -> Any:
    examples = [jax.ShapeDtypeStruct((3,) if vectors else (), d) for d in inputs]
    return verify.equivalent(function(left), function(right), *examples, seconds=seconds, seed=1)


def main(count: int, start: int, vectors: bool) -> None:
    tally: Counter[tuple[str, bool, bool]] = Counter()
    for seed in range(start, start + count):
        left, right, inputs = pair(seed, vectors)
        if left == right:
            continue
        found = verdict(left, right, inputs, 3.0, vectors)
        different = differ(left, right, inputs, vectors)
        if found.counterexample is not None:  # rarer than any of the points
            different |= refuted(left, right, found.counterexample)
        assumed = any("overflow" in a for a in found.assumptions)
        tally[found.status, different, assumed] += 1
        if (found.status == "proved") == different and found.status != "unknown":
            print("FALSE", found.status, seed, found, flush=True)
            print("   ", left, "\n   ", right, inputs, flush=True)
        if "report" in found.reason:
            print("FAILED", seed, found.reason, flush=True)
    for (status, different, assumed), number in sorted(tally.items()):
        print(status, "different" if different else "equal", "assuming" if assumed else "", number)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), "vectors" in sys.argv)
