"""The as-of view: what of the facts is visible at a moment. The only way by which the engine reads them.

A row exists from its start on; its end columns are null while they are later; what is told by an end is null until then; an
attribute of an account or person has the value of its latest change at or before the moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlglot import exp

from tocsin.core.language.names import ENTITY_COLLECTIONS
from tocsin.core.language.terms import Entity, Term
from tocsin.core.schema import COLLECTIONS, Collection, Column
from tocsin.engine.instants import Instant
from tocsin.engine.plan import Aspect, View
from tocsin.engine.sql import build as b

TIMELINES: dict[Entity, str] = {"account": "account_timeline", "person": "person_timeline"}


@dataclass(frozen=True)
class AsOf:
    """Visibility as of an instant, in a workspace's time zone."""

    at: Instant
    zone: ZoneInfo

    def reached(self, value: exp.Expr, kind: str) -> exp.Expr:
        """`value <= T`: of a date, that its day has begun in the zone."""
        if kind == "date":
            return exp.LTE(this=value, expression=b.today(self.at, self.zone))
        return exp.LTE(this=value, expression=b.instant(self.at))

    def later_than(self, value: exp.Expr, kind: str) -> exp.Expr:
        """`value > T`; `later_than` at T - 7d is the open lower border of a window."""
        if kind == "date":
            return exp.GT(this=value, expression=b.today(self.at, self.zone))
        return exp.GT(this=value, expression=b.instant(self.at))

    def begun(self, alias: str, collection: Collection) -> exp.Expr:
        """Whether a row exists: its start is null or reached."""
        assert collection.start is not None
        start = collection.column(collection.start)
        reached = self.reached(b.column(alias, start.name), start.type)
        if start.required:
            return reached
        return b.paren(b.either(b.is_null(b.column(alias, start.name)), reached))

    def column(self, alias: str, collection: Collection, declared: Column) -> exp.Expr:
        """A declared column of a row: ends, and what they tell, are null while later."""
        value = b.column(alias, declared.name)
        end = collection.column(declared.told_by) if declared.told_by else declared if declared.end else None
        if end is None:
            return value
        return b.case((self.reached(b.column(alias, end.name), end.type), value))

    def is_open(self, alias: str, collection: Collection) -> exp.Expr:
        """Whether the row's closing end is null as of the moment."""
        assert collection.closing is not None
        return b.is_null(b.paren(self.column(alias, collection, collection.column(collection.closing))))


# Attributes of accounts and people


def attribute_view(view: View, zone: ZoneInfo, name: str) -> list[tuple[str, exp.Expr]]:
    """The CTEs `[helpers..., name]` of a view: one row per account or person, `key` and a column per (attribute, aspect)."""
    asof = AsOf(view.at, zone)
    collection = COLLECTIONS[ENTITY_COLLECTIONS[view.entity]]
    fields, turned = asked_fields(view)
    ctes = [(f"{name}_past", _past(view, asof, fields))]
    if turned:
        ctes.append((f"{name}_turns", _turns(view, asof, turned)))
    source = exp.select(b.column("e", "key")).from_(b.table(collection.name, "e"))
    source = source.join(b.table(f"{name}_past", "h"), on=b.equal_keys("h", "e", ["key"]), join_type="left", copy=False)
    if turned:
        source = source.join(b.table(f"{name}_turns", "t"), on=b.equal_keys("t", "e", ["key"]), join_type="left", copy=False)
    if view.entity == "person":
        source = source.select(b.column("e", "account_key"), b.column("e", "id"), b.column("e", "left_out"), copy=False)
        source = source.select(b.as_(b.column("e", "created_at"), "created_at$"), copy=False)
        if "account_id" in fields:  # held as a key
            same = exp.EQ(this=b.column("own", "key"), expression=b.column("e", "account_key"))
            source = source.join(b.table("accounts", "own"), on=same, join_type="left", copy=False)
    return [*ctes, (name, select_attributes(source, view, asof))]


def asked_fields(view: View) -> tuple[list[str], list[str]]:
    """(fields whose values are needed, fields whose turns are needed) by a view, sorted."""
    collection = COLLECTIONS[ENTITY_COLLECTIONS[view.entity]]
    asked = {field for field, _ in view.columns}
    fields = sorted(asked.union(*(told_with(collection, field) for field in asked)))
    return fields, sorted({field for field, aspect in view.columns if aspect != "value"})


def select_attributes(source: exp.Select, view: View, asof: AsOf, turns: str = "t") -> exp.Select:
    """Add the view's columns to a source in which the account or person is `e`, what is recorded `h`, its turns `turns`."""
    collection = COLLECTIONS[ENTITY_COLLECTIONS[view.entity]]
    for (field, aspect), term in view.columns.items():
        value = (
            _value(asof, collection, field, term)
            if aspect == "value"
            else _turned(asof, collection, field, aspect, term, turns)
        )
        source = source.select(b.as_(value, column_name(field, aspect)), copy=False)
    return source


def column_name(field: str, aspect: Aspect) -> str:
    """The column of an attribute's value (its own name) or of another aspect of it."""
    return f"{field}.{aspect}"


def _past(view: View, asof: AsOf, fields: list[str]) -> exp.Expr:
    """Per account or person and field: the latest value at or before T, and whether anything is recorded at all."""
    upto = asof.reached(b.column("x", "at"), "time")
    latest = exp.ArgMax(this=b.column("x", "value"), expression=b.column("x", "at"))
    entries = exp.select(b.column("x", "key"), b.column("x", "field"), b.as_(b.filtered(latest, upto), "value"))
    entries = entries.from_(b.table(TIMELINES[view.entity], "x")).where(b.one_of(b.column("x", "field"), fields), copy=False)
    entries = entries.group_by(b.column("x", "key"), b.column("x", "field"), copy=False)
    past = exp.select(b.column("y", "key")).from_(entries.subquery("y"))
    for field in fields:  # of few rows by then
        of_field = exp.EQ(this=b.column("y", "field"), expression=b.text(field))
        past = past.select(
            b.as_(b.filtered(exp.Max(this=b.column("y", "value")), of_field), f"{field}.v"),
            b.as_(exp.LogicalOr(this=of_field.copy()), f"{field}.h"),
            copy=False,
        )
    return past.group_by(b.column("y", "key"), copy=False)


def _turns(view: View, asof: AsOf, fields: list[str]) -> exp.Expr:
    """Per account or person and field: when the present value was taken, and the value before it.

    Entries that repeat a value are no change; numbers are compared as numbers.
    """
    turns = exp.select(b.column("z", "key")).from_(changes(view, fields, asof).subquery("z"))
    for field in fields:
        of_field = exp.EQ(this=b.column("z", "field"), expression=b.text(field))
        since = exp.Max(this=b.column("z", "at"))
        previous = exp.ArgMax(this=b.column("z", "raw_before"), expression=b.column("z", "at"))
        turns = turns.select(
            b.as_(b.filtered(since, of_field), f"{field}.s"),
            b.as_(b.filtered(previous, of_field.copy()), f"{field}.p"),
            copy=False,
        )
    return turns.group_by(b.column("z", "key"), copy=False)


def changes(view: View, fields: list[str], asof: AsOf | None) -> exp.Select:
    """The changes of attributes, at or before an instant where one is given: key, field, at, and the value before as text."""
    value: exp.Expr = b.column("x", "value")
    numbers = [field for (field, _), term in view.columns.items() if _number(field, view)]
    if numbers:
        as_number = b.call("printf", b.text("%.17g"), b.try_cast(b.column("x", "value"), "number"))
        numeric = b.one_of(b.column("x", "field"), sorted(set(numbers)))
        value = b.case(
            (b.both(numeric, exp.NEQ(this=b.column("x", "value"), expression=b.text(""))), as_number), otherwise=value
        )
    entries = (
        exp.select(
            b.column("x", "key"),
            b.column("x", "field"),
            b.column("x", "at"),
            b.as_(value, "value"),
            b.as_(b.column("x", "value"), "raw"),
        )
        .from_(b.table(TIMELINES[view.entity], "x"))
        .where(b.both(b.one_of(b.column("x", "field"), fields), asof.reached(b.column("x", "at"), "time") if asof else None))
    )
    lagged = exp.select(exp.Star()).from_(entries.subquery("y"))
    for source, alias in (("value", "before"), ("raw", "raw_before")):
        window = exp.Window(
            this=exp.Lag(this=b.column("y", source)),
            partition_by=[b.column("y", "key"), b.column("y", "field")],
            order=exp.Order(expressions=[exp.Ordered(this=b.column("y", "at"))]),
        )
        lagged = lagged.select(b.as_(window, alias), copy=False)
    changed = exp.NullSafeNEQ(this=b.column("z", "value"), expression=b.column("z", "before"))
    before = b.as_(b.coalesce(b.column("z", "raw_before"), b.text("")), "raw_before")
    columns = [b.column("z", each) for each in ("key", "field", "at")]
    return exp.select(*columns, before).from_(lagged.subquery("z")).where(changed)


def _number(field: str, view: View) -> bool:
    """Whether an attribute is of numbers, by what the formulas say of it or the schema declares."""
    collection = COLLECTIONS[ENTITY_COLLECTIONS[view.entity]]
    if field in collection and collection.column(field).type != "any":
        return collection.column(field).type == "number"
    return any(term.type == "number" for (name, aspect), term in view.columns.items() if name == field and aspect != "since")


def told_with(collection: Collection, field: str) -> tuple[str, ...]:
    """The other attributes that the value of this one hangs on."""
    if (collection.name, field) == ("accounts", "status"):
        return ("churned_at", "cancel_requested_at", "trial_ends_on")
    told_by = collection.column(field).told_by if field in collection else None
    return (told_by,) if told_by else ()


def _value(asof: AsOf, collection: Collection, field: str, term: Term) -> exp.Expr:
    """The attribute as of T: an end, or what an end tells, is null while the end is later."""
    if term.type == "null":
        return exp.null()
    if (collection.name, field) == ("people", "account_id"):
        return b.column("own", "id")
    value = _told(collection, field, term.type)
    if (collection.name, field) == ("accounts", "status"):
        recorded = b.column("h", f"{field}.v")
        return b.case((b.not_null(recorded), value), otherwise=_status(asof, collection))
    declared = collection.column(field) if field in collection else None
    if declared is not None and (declared.end or declared.told_by):
        end = collection.column(declared.told_by) if declared.told_by else declared
        return b.case((asof.reached(b.paren(_told(collection, end.name, end.type)), end.type), value))
    return value


def _told(collection: Collection, field: str, kind: str) -> exp.Expr:
    """The attribute from its history where anything is recorded (null before the first entry), else as it stands."""
    recorded = typed(exp.Nullif(this=b.column("h", f"{field}.v"), expression=b.text("")), kind)
    if field in collection:
        standing: exp.Expr = b.column("e", field)
        standing = typed(standing, kind) if collection.column(field).type == "any" else standing
    else:
        path = b.text(f'$."{field}"')
        standing = typed(b.call("json_extract_string", b.column("e", "custom"), path), kind)
    return b.case((b.coalesce(b.column("h", f"{field}.h"), exp.false()), recorded), otherwise=standing)


def _status(asof: AsOf, collection: Collection) -> exp.Expr:
    """The status where none is recorded: churned, cancelling, or trial by their dates, else active."""
    churned = asof.reached(b.paren(_told(collection, "churned_at", "time")), "time")
    cancelling = asof.reached(b.paren(_told(collection, "cancel_requested_at", "time")), "time")
    trial = asof.later_than(b.paren(_told(collection, "trial_ends_on", "date")), "date")
    words = ((churned, "churned"), (cancelling, "cancelling"), (trial, "trial"))
    return b.case(*((test, b.text(word)) for test, word in words), otherwise=b.text("active"))


def _turned(asof: AsOf, collection: Collection, field: str, aspect: Aspect, term: Term, turns: str) -> exp.Expr:
    if aspect == "previous":
        return (
            exp.null()
            if term.type == "null"
            else typed(exp.Nullif(this=b.column(turns, f"{field}.p"), expression=b.text("")), term.type)
        )
    since: exp.Expr = b.column(turns, f"{field}.s")
    if (collection.name, field) == ("accounts", "lifecycle_stage"):  # a stage that came with the time it was entered
        entered = b.column("e", "stage_entered_at")
        unrecorded = b.negated(b.coalesce(b.column("h", f"{field}.h"), exp.false()))
        came_with = b.both(unrecorded, b.not_null(b.column("e", field)), asof.reached(entered, "time"))
        since = b.case((came_with, entered.copy()), otherwise=since)
    return since


def typed(value: exp.Expr, kind: str) -> exp.Expr:
    """A text as its type; null where it cannot be read so."""
    return value if kind == "text" else _list(value) if kind == "list" else b.try_cast(value, kind)


def _list(value: exp.Expr) -> exp.Expr:
    return b.try_cast(exp.TryCast(this=value, to=exp.DataType.build("JSON")), "list")
