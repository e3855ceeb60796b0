"""The command line of the verifier: `verify pair`, `verify check`, `verify notes`."""

from verify.cli.app import main

__all__ = ["main"]
