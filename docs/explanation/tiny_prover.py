"""A prover in about 100 lines: do two JAX functions compute the same real function?

The idea of `verify`, and nothing else of it. Both functions are traced to lists of primitives, and
both lists are evaluated at one random point, not with floats but with numbers modulo a large prime
P. There a sum, a product and a quotient are exact, so that rounding cannot blur a difference. Two
polynomials of degree d that differ agree at a random point with probability at most d / P
(Schwartz 1980, Zippel 1979): with P near 2**61, agreement is as good as a proof.

A function such as `tanh` has no meaning modulo P. It becomes a *random* function: some fixed random
number for each argument. Equal arguments give equal results, so that tanh(x + y) = tanh(y + x) is
proved; arguments that differ give unrelated results (Gulwani and Necula, POPL 2004).

Disagreement does not mean that the functions differ: tanh may obey laws that a random function does
not. So the answer is then a difference that floats show, or "unknown".

>>> import jax.numpy as jnp
>>> x = jnp.ones((2, 3))
>>> ask(lambda x: (x + 1) ** 2, lambda x: x * x + 2 * x + 1, x)
'proved'
>>> ask(lambda x, w: jnp.tanh(x @ w) / 4, lambda x, w: jnp.tanh((w.T @ x.T).T) * 0.25, x, x.T)
'proved'
>>> ask(lambda x: jnp.tanh(x).sum(), lambda x: jnp.tanh(x.sum()), x)
'refuted: -0.3702 and -0.2913'
>>> ask(lambda x: jnp.tanh(2 * x), lambda x: 2 * jnp.tanh(x) / (1 + jnp.tanh(x) ** 2), x)
'unknown'
"""

import hashlib
import operator
from fractions import Fraction

import jax
import numpy as np

P = 2**61 - 1  # a prime


def ask(f, g, *examples, seed=0):
    """'proved', 'refuted: ...' with both values, or 'unknown'; arrays of floats in and one out."""
    rng = np.random.default_rng(seed)
    point = [residues(rng.integers(0, P, np.shape(x))) for x in examples]
    one, two = (evaluate(jax.make_jaxpr(h)(*examples), point) for h in (f, g))
    if one.shape == two.shape and (one == two).all():
        return "proved"
    point = [rng.normal(size=np.shape(x)).astype(np.float32) for x in examples]
    one, two = (np.ravel(h(*point)) for h in (f, g))
    apart = np.flatnonzero(~np.isclose(one, two, 1e-3, 1e-3)) if one.shape == two.shape else [0]
    return f"refuted: {one[apart[0]]:.4f} and {two[apart[0]]:.4f}" if len(apart) else "unknown"


def evaluate(closed, inputs):
    """The value of a traced program: each equation's rule, in their order."""
    values = dict(zip(closed.jaxpr.constvars, map(constant, closed.consts), strict=True))
    values |= zip(closed.jaxpr.invars, inputs, strict=True)

    def read(atom):
        return constant(atom.val) if hasattr(atom, "val") else values[atom]

    for equation in closed.jaxpr.eqns:
        operands = [read(atom) for atom in equation.invars]
        name, params = equation.primitive.name, equation.params
        inner = params.get("jaxpr") or params.get("call_jaxpr")
        if inner is not None:  # jit, custom derivatives and the like: what is inside
            result = evaluate(inner, operands)
        elif name in FUNCTIONS:
            result = unknown_function(name, operands)
        else:
            result = RULES[name](*operands, **params)  # KeyError: a primitive without a rule
        values[equation.outvars[0]] = result
    return read(closed.jaxpr.outvars[0])


# -- numbers modulo P, as arrays of Python's integers --------------------------------------------


def residues(array):
    return np.array([int(n) % P for n in np.ravel(array)], object).reshape(np.shape(array))


def constant(array):
    """A float is a fraction, and a fraction is a residue: a / b is a times the inverse of b."""
    fractions = [Fraction(float(x)) for x in np.ravel(array)]
    numbers = [f.numerator * pow(f.denominator, -1, P) for f in fractions]
    return residues(np.array(numbers, object).reshape(np.shape(array)))


@np.vectorize
def inverse(n):
    if n == 0:
        raise ZeroDivisionError("a divisor that is zero everywhere, or an unlucky point")
    return pow(n, -1, P)


def unknown_function(name, operands):
    """A random function of its operands' elements: a hash."""

    def value(*arguments):
        return int.from_bytes(hashlib.blake2b(repr((name, arguments)).encode()).digest()) % P

    return np.vectorize(value, otypes=[object])(*operands)


def modulo(f):
    return lambda *operands, **_: residues(f(*operands))


def matrix_product(a, b, dimension_numbers, **_):
    (contracted, batched) = dimension_numbers
    if batched[0]:
        raise NotImplementedError("a product of batches of matrices")
    return residues(np.tensordot(a, b, axes=contracted))


def broadcast(x, shape, broadcast_dimensions, **_):
    own = [1] * len(shape)
    for size, axis in zip(x.shape, broadcast_dimensions, strict=True):
        own[axis] = size
    return np.broadcast_to(x.reshape(own), shape)


ELEMENTWISE = "exp log tanh logistic sin cos sqrt rsqrt erf max min pow"
FUNCTIONS = frozenset(ELEMENTWISE.split())
RULES = {
    "add": modulo(operator.add),
    "sub": modulo(operator.sub),
    "mul": modulo(operator.mul),
    "neg": modulo(operator.neg),
    "div": modulo(lambda a, b: a * inverse(b)),
    "square": modulo(lambda x: x * x),
    "integer_pow": lambda x, y, **_: residues((x if y >= 0 else inverse(x)) ** abs(y)),
    "reduce_sum": lambda x, axes, **_: residues(x.sum(axis=axes)),
    "dot_general": matrix_product,
    "reshape": lambda x, new_sizes, **_: x.reshape(new_sizes),
    "transpose": lambda x, permutation, **_: x.transpose(permutation),
    "broadcast_in_dim": broadcast,
    "convert_element_type": lambda x, **_: x,
}
