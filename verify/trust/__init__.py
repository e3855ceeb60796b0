"""What stands behind a proof: how verify reads programs, compared with what JAX computes."""
