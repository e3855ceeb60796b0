"""Residues modulo random primes: the algebra of proofs. Read `state.py` first, then `trial.py`."""

from verify.algebras.field.maxima import NO_TIES
from verify.algebras.field.trial import Field
from verify.algebras.field.value import FieldArray, Mode, Unlucky

__all__ = ["NO_TIES", "Field", "FieldArray", "Mode", "Unlucky"]
