"""The claims of the study note, each settled by the verifier or by an experiment."""

from verify.claims import (
    case_a_is_case_b,
    count_is_hyperparameter,
    deeper_is_mlp_of_features,
    kernel_is_mlp,
    layer_shapes,
    only_b_is_used,
    pooling_is_different,
    random_init,
    receptive_field,
    relu_sharpens,
    similar_is_large,
    stride_2_is_downsampled,
    wider_deeper,
)
from verify.claims.claim import Cell, Claim, Measured, Outcome, Settled, Sweep, Tick, Variant

# In the order in which the page tells them.
CLAIMS: tuple[Claim, ...] = (
    kernel_is_mlp.CLAIM,
    deeper_is_mlp_of_features.CLAIM,
    layer_shapes.CLAIM,
    case_a_is_case_b.CLAIM,
    stride_2_is_downsampled.CLAIM,
    pooling_is_different.CLAIM,
    receptive_field.CLAIM,
    similar_is_large.CLAIM,
    relu_sharpens.CLAIM,
    random_init.CLAIM,
    count_is_hyperparameter.CLAIM,
    wider_deeper.CLAIM,
    only_b_is_used.CLAIM,
)

__all__ = [
    "CLAIMS",
    "Cell",
    "Claim",
    "Measured",
    "Outcome",
    "Settled",
    "Sweep",
    "Tick",
    "Variant",
]
