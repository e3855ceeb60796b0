"""Flax is an optional extra: without it PyTorch conversion works, and the error says what to do."""

import subprocess
import sys

PROGRAM = """
import sys
sys.modules["flax"] = None  # as if it were not installed
from cnnjax import convert
assert callable(convert.to_torch) and callable(convert.from_torch)
try:
    convert.{name}
except ModuleNotFoundError as error:
    print(error)
try:
    convert.to_keras
except AttributeError as error:
    print(error)
"""


def run(name):
    command = [sys.executable, "-c", PROGRAM.format(name=name)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_without_flax_the_error_names_the_extra():
    for name in ("to_linen", "nnx"):
        assert run(name).splitlines() == [
            f'cnnjax.convert.{name} needs Flax: pip install "cnnjax[flax]"',
            "module 'cnnjax.convert' has no attribute 'to_keras'",
        ]
