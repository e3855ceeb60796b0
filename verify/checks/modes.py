"""Functions of arrays, differentiated forwards and backwards."""

from __future__ import annotations

from collections.abc import Callable

import jax

from verify.dtypes import Function, PyTree

Leaves = Callable[..., list[jax.Array]]  # a function of arrays


def forwards(g: Leaves, moving: list[int], answers: list[int]) -> Function:
    """(arrays, tangents) -> (outputs, tangents of the outputs that have one)."""

    def run(arrays: list[jax.Array], tangents: tuple[jax.Array, ...]) -> PyTree:
        points = tuple(arrays[i] for i in moving)
        outputs, moved = jax.jvp(_at(g, arrays, moving), points, tuple(tangents))
        return outputs, [moved[i] for i in answers]

    return run


def backwards(g: Leaves, moving: list[int], answers: list[int]) -> Function:
    """(arrays, cotangents) -> (outputs, gradients)."""

    def run(arrays: list[jax.Array], cotangents: tuple[jax.Array, ...]) -> PyTree:
        def differentiable(*points: jax.Array) -> tuple[list[jax.Array], list[jax.Array]]:
            outputs = _at(g, arrays, moving)(*points)
            return [outputs[i] for i in answers], outputs

        points = [arrays[i] for i in moving]
        _, pull, outputs = jax.vjp(differentiable, *points, has_aux=True)
        return outputs, list(pull(list(cotangents)))

    return run


def _at(g: Leaves, arrays: list[jax.Array], moving: list[int]) -> Leaves:
    """g as a function of the moving arrays, the others as they are."""

    def moved(*points: jax.Array) -> list[jax.Array]:
        given = dict(zip(moving, points, strict=True))
        return g(*(given.get(i, array) for i, array in enumerate(arrays)))

    return moved
