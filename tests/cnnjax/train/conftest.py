"""The toy task (toy.py) as a fixture; strict promotion and a compilation cache for this folder.

Many tests compile the same step again: the cache makes them several times faster.  The processes
of test_kill.py do without, so they also show that compiling twice gives the same program.
"""

import importlib.util
import sys
from pathlib import Path

import jax
import pytest

_spec = importlib.util.spec_from_file_location("toy", Path(__file__).with_name("toy.py"))
_toy = importlib.util.module_from_spec(_spec)
sys.modules["toy"] = _toy
_spec.loader.exec_module(_toy)


@pytest.fixture(scope="session")
def toy():
    return _toy


@pytest.fixture(scope="session", autouse=True)
def compilation_cache(tmp_path_factory):
    settings = {
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("compiled")),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture(autouse=True)
def strict():
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield
