"""Training over meshes of several axes, explicit and automatic, in a process of four devices."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


# Few: one mesh of explicit axes, set around the run; all others take a minute.
@pytest.mark.parametrize("words", [["few"], pytest.param([], marks=pytest.mark.slow)], ids=str)
def test_training_is_the_same_over_every_mesh(words):
    flags = "--xla_force_host_platform_device_count=4"
    script = Path(__file__).with_name("over_meshes.py")
    found = subprocess.run(
        [sys.executable, script, *words],
        capture_output=True,
        text=True,
        env={**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "CNNJAX_CACHE": "off"},
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "all meshes agree" in found.stdout
