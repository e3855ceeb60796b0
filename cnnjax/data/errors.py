"""What every reader raises."""

from __future__ import annotations

from cnnjax.notices import shown


class DataError(ValueError):
    """Data that cannot be read as what it claims to be: names the file and the fault."""

    def __str__(self) -> str:
        return shown(super().__str__())  # names of files may hold anything
