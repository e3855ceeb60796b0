"""The result of `summary`: one row a layer, and the table that `print` shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from cnnjax import notebook

Numbers = tuple[Fraction, ...]

COUNTS = ("parameters", "multiply-adds")
HEADER = ("layer", "kind", "output", *COUNTS, "field", "stride", "offset")
LEFT = 3  # names and shapes align left, numbers right


@dataclass(frozen=True)
class Row:
    """One layer.

    Attributes:
      name: the scope it was computed in, the path of its kernel, or its kind with a number.
      kind: conv, max pool, avg pool, pool, global pool, dense, matmul, norm (it reads a
        scale or mean) or elementwise (it reads other parameters).
      output: the shape of its result; in a scan, of one step.
      parameters: elements of the trained floating-point arrays it reads first.
      statistics: elements of running statistics it reads first.
      multiply_adds: exact count, see `summary`.
      field, stride, offset: along each spatial axis of x, element i reads at most `field` pixels
        from `offset + stride * i` on; a negative offset lies in the padding. Stride and offset of
        a transposed convolution are fractions: the first pixel is the next whole one. Empty when
        no window slides over x.
      reads_all: every element reads the same. The field is then the part of the image that is
        read, and the stride 0.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    statistics: int
    multiply_adds: int
    field: tuple[int, ...]
    stride: Numbers
    offset: Numbers
    reads_all: bool


@dataclass(frozen=True)
class Summary:
    """What `summary` returns; `str()` is the table.

    Attributes:
      title: what was summarised.
      shape: that of x.
      dtype: that of x.
      rows: the layers in order of computation.
      parameters, statistics: elements of all trained arrays and all running statistics, those
        that no row reads included.
    """

    title: str
    shape: tuple[int, ...]
    dtype: str
    rows: tuple[Row, ...]
    parameters: int
    statistics: int

    @property
    def multiply_adds(self) -> int:
        """Of all rows together."""
        return sum(row.multiply_adds for row in self.rows)

    def __getitem__(self, name: str) -> Row:
        """The row called `name`; KeyError lists the names there are."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no layer {name!r}, there are {', '.join(row.name for row in self.rows)}")

    def __str__(self) -> str:
        lines, total = [cells(row) for row in self.rows], self._total()
        widths = [max(map(len, column)) for column in zip(HEADER, *lines, total, strict=True)]

        def line(entries: tuple[str, ...]) -> str:
            padded = (
                entry.ljust(width) if i < LEFT else entry.rjust(width)
                for i, (entry, width) in enumerate(zip(entries, widths, strict=True))
            )
            return "  ".join(padded).rstrip()

        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        table = [
            self._caption(),
            line(HEADER),
            rule,
            *map(line, lines),
            rule,
            line(total),
        ]
        if self.statistics:
            table.append(self._note())
        return "\n".join(table)

    def _repr_html_(self) -> str:
        """How notebooks show it."""
        lines = [cells(row) for row in self.rows]
        note = self._note() if self.statistics else ""
        return notebook.table(
            self._caption(), HEADER, lines, left=LEFT, total=self._total(), note=note
        )

    def _caption(self) -> str:
        return f"{self.title}, x {shape_text(self.shape)} {self.dtype}"

    def _total(self) -> tuple[str, ...]:
        return ("total", "", "", f"{self.parameters:,}", f"{self.multiply_adds:,}", "", "", "")

    def _note(self) -> str:
        return f"and {self.statistics:,} running statistics"


def cells(row: Row) -> tuple[str, ...]:
    """The entries of one line."""
    return (
        row.name,
        row.kind,
        shape_text(row.output),
        f"{row.parameters:,}" if row.parameters else "",
        f"{row.multiply_adds:,}" if row.multiply_adds else "",
        numbers_text(row.field),
        "all" if row.reads_all else numbers_text(row.stride),
        "" if row.reads_all else numbers_text(row.offset),
    )


def shape_text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def numbers_text(numbers: Sequence[int | Fraction]) -> str:
    """One number if all axes agree, else one an axis."""
    return str(numbers[0]) if len(set(numbers)) == 1 else "x".join(map(str, numbers))
