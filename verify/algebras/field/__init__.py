"""Residues modulo random primes: the algebra of proofs. Start reading at `state.py` and `trial.py`."""

from verify.algebras.field.choice import NO_TIES
from verify.algebras.field.trial import Field
from verify.algebras.field.value import FieldArray, Mode, Unlucky

__all__ = ["NO_TIES", "Field", "FieldArray", "Mode", "Unlucky"]
