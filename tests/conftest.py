"""Test set-up shared by all: two CPU devices, and no silent dtype promotion in the library."""

import importlib.util
import os

# Before JAX starts: sharding tests need more than one device, and one CPU has two here.
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
).strip()
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
# Failures of the verifier itself are errors here, and no verdicts (verify/internal.py).
os.environ.setdefault("VERIFY_RAISE", "1")
# Nothing is written to the user's cache.
os.environ["CNNJAX_CACHE"] = "off"

from tests import recording

recording.install()

# Doctests are looked for in every file, and this one cannot be imported without PyTorch.
collect_ignore = [] if importlib.util.find_spec("torch") else ["cnnjax/reference_torch.py"]


def pytest_addoption(parser):
    recording.options(parser)


def pytest_configure(config):
    solver = importlib.util.find_spec("z3") is not None
    config.pluginmanager.register(recording.Recording(config, solver), "recording")
