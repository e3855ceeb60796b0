"""The claims of the study note, each settled by the verifier or by an experiment."""

from verify.claims.claim import Claim, Measured, Outcome, Settled, Sweep, Variant

__all__ = ["Claim", "Measured", "Outcome", "Settled", "Sweep", "Variant"]
