"""What an import says: per collection how many rows were read, added, updated, unchanged and rejected."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CollectionReport:
    """The figures of one collection; read = added + updated + unchanged + rejected. columns: those that were given."""

    name: str
    read: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    notes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The figures as `import --format json` gives them."""
        figures = {name: getattr(self, name) for name in ("read", "added", "updated", "unchanged", "rejected")}
        return {"collection": self.name, **figures, "notes": list(self.notes)}

    def plus(self, other: CollectionReport) -> CollectionReport:
        """The two together, each note once."""
        return CollectionReport(
            self.name,
            self.read + other.read,
            self.added + other.added,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.rejected + other.rejected,
            tuple(dict.fromkeys(self.notes + other.notes)),
            tuple(dict.fromkeys(self.columns + other.columns)),
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of a file as they are stored: the columns that it gives, and their values as texts (null is None)."""

    collection: str
    file: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """An import as a whole: one entry per collection, and notes that belong to none.

    reasons: why rows were rejected, with file and line: the first few, each of another kind.
    samples: the first rows of each file, where they were asked for.
    """

    collections: tuple[CollectionReport, ...]
    notes: tuple[str, ...] = ()
    dry_run: bool = False
    reasons: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = ()

    @property
    def rejected(self) -> int:
        """Rows that were not stored, over all collections."""
        return sum(each.rejected for each in self.collections)

    def to_text(self) -> str:
        """A table with a line per collection, and the notes below it."""
        head = ("collection", "read", "added", "updated", "unchanged", "rejected")
        rows = [
            (each.name, *(f"{n:,}" for n in (each.read, each.added, each.updated, each.unchanged, each.rejected)))
            for each in self.collections
        ]
        widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
        lines = [
            "  ".join(
                cell.ljust(width) if at == 0 else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in [head, *rows]
        ]
        lines += [f"{each.name}: {note}" for each in self.collections for note in each.notes]
        lines += self.notes
        lines += self.rejections()
        if self.dry_run:
            lines.append("Dry run: nothing was written.")
        return "\n".join(lines)

    def rejections(self) -> tuple[str, ...]:
        """The first reasons why rows were rejected, how many rows were, and where all are listed; nothing where none was."""
        if not self.rejected:
            return ()
        counted = f"{self.rejected:,} row{'' if self.rejected == 1 else 's'}"
        if self.dry_run:
            return (*self.reasons, f"{counted} would be rejected.")
        were = "was" if self.rejected == 1 else "were"
        return (*self.reasons, f"{counted} {were} rejected; `tocsin import --rejected` lists them with their reasons.")
