"""The portfolio of provers: a question's way to a verdict."""

from verify.provers.ladder import settle

__all__ = ["settle"]
