"""A file's rows as they were received, in a temporary table: what every reader makes and every later step reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tocsin.core.schema import Collection
from tocsin.facts.cells import Formats
from tocsin.facts.layout import literal, quote


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A column of a file.

    name:    what the contract (or the file) calls it, after renaming.
    held:    its name in the temporary table.
    kind:    text, or time / number where the file itself is typed so.
    formats: how its cells are written.
    source:  what the file calls it.
    type:    of a custom attribute, the type that all its cells must have, where the mapping says so.
    """

    name: str
    held: str
    kind: str = "text"
    formats: Formats = field(default_factory=Formats)
    source: str = ""
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Raw:
    """The rows of one file.

    table:   the temporary table: the columns under their held names, in the order of the file (rowid counts from 0), and,
             where `marked`, `line` (the physical line), `problem` (why the row cannot be read, else null) and `given`
             (the row as received, as JSON, where the columns cannot show it).
    line_of: physical lines of rows, asked by their number from 0 and the number of all; None where `line` is in the table.
             A row of which it says nothing has no line.
    document: the held column that is the row as received, as JSON text, for files of JSON lines.
    plain:   the reader has seen to it that no cell holds a NUL or is over-long.
    passed_over, words: of a history, the fields whose entries are not read, and what the values of fields mean.
    """

    collection: Collection
    file: str
    table: str
    columns: Sequence[RawColumn]
    marked: bool = False
    line_of: Callable[[Sequence[int], int], Mapping[int, int]] | None = None
    document: str | None = None
    plain: bool = False
    notes: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    words: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)

    def column(self, name: str) -> RawColumn | None:
        """The column of a name of the contract, or None."""
        return next((column for column in self.columns if column.name == name), None)

    def received(self, prefix: str) -> str:
        """The row as received, as JSON text: an SQL expression over the temporary table."""
        if self.document is not None:
            text = f"{prefix}.{quote(self.document)}"
            row = f"CASE WHEN json_valid({text}) THEN {text} ELSE CAST(to_json({text}) AS VARCHAR) END"
        else:
            cells = ", ".join(
                f"{literal(column.source or column.name)}, {prefix}.{quote(column.held)}" for column in self.columns
            )
            row = f"CAST(json_object({cells}) AS VARCHAR)"
        return f"coalesce({prefix}.given, {row})" if self.marked else row
