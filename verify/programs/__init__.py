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
    over,
    part_of,
)
from verify.programs.origins import Frame, Origin, of_jax
from verify.programs.reader import Reading, wrapped
from verify.programs.rules import WITH_RULES, custom_rules
from verify.programs.tracing import (
    GENERATORS,
    Traced,
    is_weak,
    make,
    make_as_given,
    read,
    trace,
)

__all__ = [
    "GENERATORS",
    "WITH_RULES",
    "Atom",
    "Const",
    "Equation",
    "Frame",
    "Origin",
    "Param",
    "Params",
    "Program",
    "Reading",
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
    "make_as_given",
    "of_jax",
    "once_a_program",
    "over",
    "part_of",
    "read",
    "run_with_jax",
    "trace",
    "wrapped",
]
