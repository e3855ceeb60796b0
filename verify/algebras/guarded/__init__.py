"""Infinities that a program selects, as guarded cases. See README.md."""

from verify.algebras.guarded.domain import Guards
from verify.algebras.guarded.sinking import Sinking
from verify.algebras.guarded.value import Guarded, opened

__all__ = ["Guarded", "Guards", "Sinking", "opened"]
