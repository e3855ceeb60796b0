"""Test set-up shared by all: two CPU devices, and no silent dtype promotion in the library."""

import ctypes
import gc
import importlib.util
import os
from pathlib import Path

# Before JAX starts: sharding tests need more than one device, and one CPU has two here.
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
).strip()
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
# Failures of the verifier itself are errors here, and no verdicts (verify/limits/internal.py).
os.environ.setdefault("VERIFY_RAISE", "1")
# Nothing is written to the user's cache.
os.environ["CNNJAX_CACHE"] = "off"

import pytest

from tests import costs, recording

recording.install()

# Doctests are looked for in every file, and this one cannot be imported without PyTorch.
collect_ignore = [] if importlib.util.find_spec("torch") else ["cnnjax/reference_torch.py"]


def pytest_addoption(parser):
    recording.options(parser)
    parser.addoption(
        "--measure-costs", action="store_true", help="write tests/costs.json (costs.py) anew"
    )


def pytest_configure(config):
    solver = importlib.util.find_spec("z3") is not None
    config.pluginmanager.register(recording.Recording(config, solver), "recording")
    config.pluginmanager.register(costs.Costs(config.getoption("--measure-costs")), "costs")


_MOST_MEMORY = 3e9  # bytes a process, before compiled programs are forgotten


@pytest.fixture(autouse=True, scope="module")
def _programs_are_forgotten():
    """JAX keeps every program that it has compiled: thousands of tests would need gigabytes."""
    yield
    pages = Path("/proc/self/statm")
    if not pages.exists():  # not on Linux
        return
    if int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") > _MOST_MEMORY:
        import jax

        jax.clear_caches()
        gc.collect()
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:  # else the allocator keeps what it has
            trim(0)
