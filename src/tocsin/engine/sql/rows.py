"""Rows of collections as of a moment: their columns, derived ones included, as expressions over a table's alias `r`."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlglot import exp

from tocsin.core.language import terms
from tocsin.core.schema import COLLECTIONS, Collection
from tocsin.engine.instants import Instant
from tocsin.engine.sessions import BY_SESSIONS
from tocsin.engine.sql import build as b
from tocsin.engine.sql.asof import AsOf, column_name
from tocsin.engine.sql.rolled import MANY
from tocsin.engine.sql.values import property_as

ROW = "r"


@dataclass(frozen=True)
class Rows:
    """How a collection's rows are read as of an instant.

    people are read through their attribute view (`view`, whose columns are named by attribute and aspect); all others from
    their table. `money` says that amounts are converted by the rate in the column `rate$`. rolled: the rows where old events
    are taken from the rollup; each then stands for `n$` events. sessions: the events with what is counted by sessions.
    """

    collection: Collection
    at: Instant
    zone: ZoneInfo
    view: str | None = None
    money: bool = False
    rolled: exp.Query | None = None
    sessions: exp.Query | None = None

    def counted(self, test: exp.Expr | None = None) -> exp.Expr:
        """How many rows there are for which a test is true, in a grouping; where old ones are added up, null for none."""
        if self.rolled is None:
            return b.filtered(b.count_rows(), test)
        return exp.cast(b.filtered(exp.Sum(this=b.column(ROW, MANY)), test), "BIGINT")

    @property
    def asof(self) -> AsOf:
        """Visibility as of the instant."""
        return AsOf(self.at, self.zone)

    @property
    def source(self) -> exp.Table:
        """The table or view under the alias `r`."""
        return b.table(self.view or self.collection.name, ROW)

    def start(self) -> exp.Column:
        """The start column, as it stands."""
        assert self.collection.start is not None
        return b.column(ROW, "created_at$" if self.view else self.collection.start)

    @property
    def start_type(self) -> str:
        """`time` or `date`."""
        assert self.collection.start is not None
        return self.collection.column(self.collection.start).type

    def begun(self) -> exp.Expr:
        """Whether the row exists as of the instant."""
        if not self.view:
            return self.asof.begun(ROW, self.collection)
        return b.paren(b.either(b.is_null(self.start()), self.asof.reached(self.start(), "time")))

    def column(self, term: terms.Column | terms.Property) -> exp.Expr:
        """A column that a formula names."""
        if isinstance(term, terms.Property):
            return property_as(b.column(ROW, "properties"), term.name, term.type)
        name = term.name
        if name == "age":
            return self._age()
        if name == "open":
            return self._open()
        if name in ("amount_due", "days_past_due", "overdue") and name not in self.collection:
            return self._derived(name)
        if name == "person_id":
            return b.column("pk", "id")
        if name == "account_id":
            return b.column("ak", "id")
        if name == BY_SESSIONS:
            return b.column(ROW, name)
        if self.view:
            return b.column(ROW, name) if name == "id" else b.column(ROW, column_name(name, "value"))
        declared = self.collection.column(name)
        value = self.asof.column(ROW, self.collection, declared)
        return self._converted(value) if declared.money else value

    def turned(self, term: terms.Turned) -> exp.Expr:
        """`days_in` or `previous` of the row's own attribute."""
        return b.column(ROW, column_name(term.name, term.aspect))

    def _converted(self, value: exp.Expr) -> exp.Expr:
        return exp.Mul(this=b.paren(value), expression=b.column(ROW, "rate$")) if self.money else value

    def _age(self) -> exp.Expr:
        """T minus the row's start, in days with fractions; a date starts at the beginning of that day in the zone."""
        start: exp.Expr = self.start()
        began = b.start_of(start, self.zone) if self.start_type == "date" else start
        return b.days_passed(self.at, began)

    def _open(self) -> exp.Expr:
        closing = self.collection.closing
        assert closing is not None
        if self.view:
            return b.is_null(b.column(ROW, column_name(closing, "value")))
        return self.asof.is_open(ROW, self.collection)

    def _derived(self, name: str) -> exp.Expr:
        today = b.today(self.at, self.zone)
        due = b.column(ROW, "due_on")
        if name == "overdue":  # three-valued: an open task without a due date is neither
            late = exp.LT(this=due, expression=today)
            return b.paren(b.both(self._open(), late))
        if name == "amount_due":
            return b.case((self._open(), self._converted(b.column(ROW, "amount"))), otherwise=b.number(0))
        past = b.coalesce(b.cast(b.paren(exp.Sub(this=today, expression=due)), "number"), b.number(0))
        return b.case((self._open(), exp.Greatest(this=past, expressions=[b.number(0)])), otherwise=b.number(0))


def rows_of(collection: str, at: Instant, zone: ZoneInfo, view: str | None = None, *, converts: bool = False) -> Rows:
    """The rows of a collection as of an instant."""
    declared = COLLECTIONS[collection]
    has_currency = "currency" in declared and any(column.money for column in declared)
    return Rows(declared, at, zone, view, money=converts and has_currency)
