"""What the facts hold as of a moment, as far as rules ask for it: collections, values of attributes and columns, forecasts.

A constant number of queries, however many rules and attributes there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.core.language.mixed import READ_AS
from tocsin.core.language.nodes import Value
from tocsin.core.language.terms import Aggregated, Attribute, Column, Entity, FeatureName, Given, Operation, Term, Turned, walk
from tocsin.core.schema import COLLECTIONS
from tocsin.engine.health import SCORED
from tocsin.engine.milestones import MILESTONES
from tocsin.engine.sql.occurring import once_held, tallies, totals

if TYPE_CHECKING:
    from tocsin.engine.book import Book

TOLD = 5  # so many values of a column are counted besides those that formulas name
KEPT_SCORES = timedelta(days=3)  # so far back a kept score says that health is computed
WITH_HISTORY = ("account", "person")
ENTITIES: tuple[Entity, ...] = ("account", "person", "csm", "team")
Place = tuple[str, str]  # (entity or collection, attribute or column)


@dataclass
class Asked:
    """What formulas ask for. texts: the values, as `said`, that a column or attribute is compared with."""

    attributes: set[Place] = field(default_factory=set)
    columns: dict[str, set[str]] = field(default_factory=dict)
    texts: dict[Place, set[str]] = field(default_factory=dict)

    def note(self, terms: Iterable[Term]) -> None:
        """Note everything that the terms, and what is inside them, look at."""
        for term in terms:
            for each in walk(term):
                self._note(each)

    def _note(self, term: Term) -> None:
        match term:
            case Attribute(entity=entity, name=name) if entity in ENTITIES and name not in (*SCORED, "id"):
                self.attributes.add((entity, name))
            case Turned(entity=entity, name=name) if name not in SCORED and not term.of_row:
                self.attributes.add((entity, name))
            case Aggregated(collection=collection):
                self.columns.setdefault(collection, set())
            case FeatureName():
                self.columns.setdefault("events", set()).add("feature")
            case Column(collection=collection, name=name) | Given(collection=collection, name=name):
                held = self.columns.setdefault(collection, set())
                if name in COLLECTIONS[collection]:
                    held.add(name)
            case Operation(name="=" | "among", arguments=(operand, *others)):
                place = place_of(operand)
                if place is not None:
                    self.texts.setdefault(place, set()).update(map(said, values_of(others)))
            case Operation(name=name, arguments=(operand,)) if name == READ_AS:
                place = place_of(operand)
                if place is not None:
                    self.texts.setdefault(place, set())


@dataclass(frozen=True)
class World:
    """What the facts hold.

    rows:    collection -> how many rows. filled: attribute or column -> how many have a value.
    values:  attribute or column of text -> value (as `said`) -> how many have it now; 0: it was held in the past.
    scored:  whether accounts have a health score; None where that is not known.
    """

    rows: Mapping[str, int]
    filled: Mapping[Place, int]
    values: Mapping[Place, Mapping[str, int]]
    scored: bool | None


def place_of(term: Term) -> Place | None:
    """Where the values of a term stand that is compared with constants; None where it is no plain attribute or column."""
    match term:
        case Attribute(entity=entity, name=name, type="text" | "number" | "null") if name not in SCORED:
            return entity, name
        case Column(collection=collection, name=name, type="text") | Given(collection=collection, name=name, type="text"):
            return (collection, name) if name in COLLECTIONS[collection] and name not in _IDS else None
        case FeatureName():
            return "events", "feature"
        case Operation(name=name, arguments=(read,)) if name == READ_AS:
            return place_of(read)
        case Turned(entity=entity, name=name, aspect="previous") if name not in SCORED and not term.of_row:
            return entity, name
    inner = getattr(term, "term", None) or getattr(term, "operand", None)
    return place_of(inner) if isinstance(inner, Term) else None


_IDS = ("id", "account_id", "person_id")


def values_of(terms: Iterable[Term]) -> list[Value]:
    """The constants among terms."""
    return [value for term in terms if (value := getattr(term, "value", None)) is not None]


def said(value: Any) -> str:
    """A value as it is compared here and told: 1 for 1.0."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def world(book: Book, asked: Asked, moment: datetime) -> World:
    """What the facts hold of what is asked for, as of a moment."""
    filled: dict[Place, int] = {}
    values: dict[Place, dict[str, int]] = {}
    for entity in ENTITIES:
        names = sorted(name for of, name in asked.attributes if of == entity)
        wanted = [Attribute(book.names.attribute(entity, name) or "text", entity, name) for name in names]
        if wanted:
            table = book.evaluate(wanted, [moment], entity, deleted=entity == "person")
            for number, term in enumerate(wanted):
                place = (entity, term.name)
                column = table.column(f"f{number}")
                filled[place] = len(column) - column.null_count
                if place in asked.texts:
                    values[place] = _counted(column)
    _remember(book, moment, values)
    rows = _look_at_rows(book, asked, moment, filled, values)
    if book.templates and MILESTONES in rows:  # those of templates are no rows of the facts
        rows[MILESTONES] = max(rows[MILESTONES], 1)
        filled |= {place: max(count, 1) for place, count in filled.items() if place[0] == MILESTONES}
    return World(rows, filled, values, _scored(book, moment))


def _counted(column: pa.ChunkedArray) -> dict[str, int]:
    """Value -> how many have it; of lists, each item."""
    if pa.types.is_list(column.type):
        column = pc.list_flatten(column)
    found: Counter[str] = Counter()
    for each in pc.value_counts(column).to_pylist():
        if each["values"] is not None:
            found[said(each["values"])] += each["counts"]
    return dict(found)


def _remember(book: Book, moment: datetime, values: dict[Place, dict[str, int]]) -> None:
    """Add the values that were held in the past: who asks for them asks for something that occurs."""
    fields: dict[str, list[str]] = {}
    for entity, name in values:
        if entity in WITH_HISTORY:
            fields.setdefault(entity, []).append(name)
    if fields:
        for row in book.store.query(once_held(fields, moment).sql(dialect=book.store.dialect)).to_pylist():
            if row["value"]:
                values[row["entity"], row["field"]].setdefault(_number_or_text(row["value"]), 0)


def _number_or_text(text: str) -> str:
    """A value of the history, which is kept as text, as `said` gives it."""
    try:
        return said(float(text))
    except ValueError:
        return text


def _look_at_rows(
    book: Book, asked: Asked, moment: datetime, filled: dict[Place, int], values: dict[Place, dict[str, int]]
) -> dict[str, int]:
    """The rows of collections: how many there are; their columns are put into `filled` and `values`."""
    columns = {name: sorted(asked.columns.get(name, ())) for name in sorted({"accounts", *asked.columns})}
    dialect, zone, rows = book.store.dialect, book.store.zone, dict[str, int]()
    for row in book.store.query(totals(columns, moment, zone).sql(dialect=dialect)).to_pylist():
        rows[row["name"]], *counts = row["counts"]
        filled.update({(row["name"], column): count for column, count in zip(columns[row["name"]], counts, strict=True)})
    compared = {place: sorted(texts) for place, texts in sorted(asked.texts.items()) if place[0] in columns}
    values |= {place: {} for place in compared}
    if compared:
        for row in book.store.query(tallies(compared, moment, zone, TOLD).sql(dialect=dialect)).to_pylist():
            values[row["name"], row["field"]][row["value"]] = row["n"]
    return rows


def _scored(book: Book, moment: datetime) -> bool | None:
    """Whether anybody has a health score, by what is kept of the last days."""
    if not book.model.versions:
        return False
    kept = book.store.scores.days(None, moment - KEPT_SCORES, moment)
    return None if not kept.num_rows else kept.column("score").null_count < kept.num_rows
