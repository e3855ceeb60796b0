"""Layers and their gradients over meshes, with explicit and with automatic axes, on four devices.

In a process of their own: how many devices there are is said before JAX starts.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_HERE = Path(__file__).parent


# Explicit and few: all layers are traced, five are compiled.
@pytest.mark.parametrize(
    "words",
    [
        ("explicit", "few"),
        pytest.param(("explicit",), marks=pytest.mark.slow),
        pytest.param(("automatic",), marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_layers_and_gradients_over_four_devices(words):
    flags = "--xla_force_host_platform_device_count=4"
    given = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    found = subprocess.run(
        [sys.executable, _HERE / "over_meshes.py", *words],
        capture_output=True,
        text=True,
        env=given,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "all layers agree" in found.stdout
