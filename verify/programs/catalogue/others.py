"""Rows of what holds programs, and of collectives, random numbers, callbacks, linear algebra."""

from __future__ import annotations

from verify.programs.catalogue.facts import Fact as F
from verify.programs.catalogue.facts import Origin, Row

_KNOWN = F.EXACT | F.COMPILED
_BODY = F.BODY | F.EXACT  # what is rounded is rounded in the body
_DRAWS = F.DRAWS | _KNOWN
_SENDS = F.COLLECTIVE | F.LINEAR
_OTHER = Origin.OTHER_JAX

OTHERS = (
    # Programs within.
    Row("scan", _BODY | F.LOOP | F.COMPILED),
    Row("while", _BODY | F.LOOP | F.COMPILED),
    Row("cond", _BODY | F.BRANCHES | F.COMPILED),
    Row("shard_map", _BODY),
    Row("composite", _BODY | F.COMPILED),
    Row("custom_vmap_call", _BODY | F.COMPILED),
    Row("custom_linear_solve", _BODY),
    Row("linear_call", _BODY),
    # Collectives.
    Row("psum", _SENDS | F.ADDS),
    Row("psum_invariant", _SENDS | F.ADDS),
    Row("psum2", _SENDS | F.ADDS, origin=_OTHER),
    Row("pmax", F.COLLECTIVE | F.ORDERS | F.CHOOSES | F.EXACT),
    Row("pmin", F.COLLECTIVE | F.ORDERS | F.CHOOSES | F.EXACT),
    Row("ppermute", _SENDS | F.EXACT),
    Row("pbroadcast", _SENDS | F.EXACT),
    Row("all_gather", _SENDS | F.EXACT),
    Row("all_gather_invariant", _SENDS | F.EXACT),
    Row("all_to_all", _SENDS | F.EXACT),
    Row("reduce_scatter", _SENDS | F.ADDS),
    Row("axis_index", F.COLLECTIVE | F.EXACT),
    # Keys and random bits.
    Row("random_bits", _DRAWS),
    Row("rng_bit_generator", F.DRAWS | F.EXACT),
    Row("random_wrap", _KNOWN),
    Row("random_unwrap", _KNOWN),
    Row("random_clone", _KNOWN),
    Row("random_split", _KNOWN),
    Row("random_fold_in", _KNOWN),
    Row("random_seed", _KNOWN),
    Row("random_gamma"),
    # Linear algebra.
    Row("triangular_solve", F.PARTIAL, linear_in=(1,)),
    Row("cholesky", F.PARTIAL),
    Row("lu"),
    Row("qr"),
    Row("svd"),
    Row("eig"),
    Row("eigh"),
    Row("schur"),
    Row("hessenberg"),
    Row("geqrf"),
    Row("householder_product"),
    # Python.
    Row("pure_callback", F.CALLS_PYTHON),
    Row("io_callback", F.CALLS_PYTHON | F.STATEFUL),
    Row("debug_callback", F.CALLS_PYTHON | F.STATEFUL),
    Row("debug_print", F.CALLS_PYTHON | F.STATEFUL),
    Row("ffi_call", F.STATEFUL),
    # State.
    Row("rng_uniform", F.STATEFUL),
    Row("get", F.STATEFUL),
    Row("swap", F.STATEFUL),
    Row("addupdate", F.STATEFUL),
    Row("run_state", F.STATEFUL),
    Row("new_ref", F.STATEFUL),
    Row("ref", F.STATEFUL, origin=_OTHER),
    Row("run_scoped", F.STATEFUL, origin=_OTHER),
    Row("infeed", F.STATEFUL, origin=_OTHER),
    Row("outfeed", F.STATEFUL, origin=_OTHER),
    # A value that two programs share, as a proof by blocks cuts them.
    Row("cut", origin=Origin.VERIFY),
)
