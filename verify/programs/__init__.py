"""Programs: JAX functions as plain data."""

from verify.programs.execute import bind, call, run_with_jax
from verify.programs.ir import (
    Atom,
    Const,
    Equation,
    Param,
    Params,
    Program,
    Var,
    inner_programs,
    is_mutable,
    last_uses,
    leading_to,
    once_a_program,
    part_of,
)
from verify.programs.rules import custom_rules
from verify.programs.tracing import GENERATORS, Traced, is_weak, make, read, trace

__all__ = [
    "GENERATORS",
    "Atom",
    "Const",
    "Equation",
    "Param",
    "Params",
    "Program",
    "Traced",
    "Var",
    "bind",
    "call",
    "custom_rules",
    "inner_programs",
    "is_mutable",
    "is_weak",
    "last_uses",
    "leading_to",
    "make",
    "once_a_program",
    "part_of",
    "read",
    "run_with_jax",
    "trace",
]
