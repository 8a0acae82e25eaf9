"""The attributes of accounts and people as of points: each change holds from its instant to the next one's."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlglot import exp

from tocsin.core.language.names import ENTITY_COLLECTIONS
from tocsin.core.language.terms import Entity
from tocsin.core.rules import FAMILY
from tocsin.engine.instants import Point
from tocsin.engine.plan import View
from tocsin.engine.sql import build as b
from tocsin.engine.sql.asof import TIMELINES, AsOf, asked_fields, changes, select_attributes
from tocsin.engine.sql.kin import KIN, head_key, of_member, within

KEY: dict[Entity, str] = {"account": "account_key", "person": "person_key"}


def point_view(view: View, zone: ZoneInfo, name: str, *, of_account: str | None = None) -> list[tuple[str, exp.Expr]]:
    """The CTEs of a view: a row per point, `pid` and a column per (attribute, aspect), as `asof.attribute_view` names them.

    of_account: a row per point and person of the point's account (of a subject of kind person: that person; of a family: a
    member's) instead.
    """
    assert isinstance(view.at, Point)
    fields, turned = asked_fields(view)
    ctes = [(f"{name}_h{number}", _holds(view.entity, field)) for number, field in enumerate(fields)]
    ctes += [(f"{name}_t{number}", _turns(view, field)) for number, field in enumerate(turned)]
    if of_account is not None:
        own = ("person_key", "key") if of_account == "person" else ("account_key", "account_key")
        on = exp.EQ(this=b.column("u", own[0]), expression=b.column("e", own[1]))
    else:
        on = exp.EQ(this=b.column("u", KEY[view.entity]), expression=b.column("e", "key"))
    past = exp.select(b.column("u", "pid"), b.as_(b.column("u", "at"), "at"), b.as_(b.column("e", "key"), "key"))
    collection = ENTITY_COLLECTIONS[view.entity]
    here = Point(view.at.offset, "u", "at")
    if of_account == FAMILY:
        past = past.from_(b.table(collection, "e")).join(
            b.table(KIN, "kn"), on=of_member("kn", "e"), join_type="left", copy=False
        )
        head = exp.EQ(this=b.column("u", "account_key"), expression=head_key("kn", "e"))
        past = past.join(b.table("universe", "u"), on=b.both(head, within("kn", here)), copy=False)
    else:
        past = past.from_(b.table("universe", "u")).join(b.table(collection, "e"), on=on, copy=False)
    for number, field in enumerate(fields):
        past = _join(past, f"{name}_h{number}", here)
        past = past.select(
            b.as_(b.column(f"{name}_h{number}", "value"), f"{field}.v"),
            b.as_(b.not_null(b.column(f"{name}_h{number}", "key")), f"{field}.h"),
            copy=False,
        )
    for number, field in enumerate(turned):
        past = _join(past, f"{name}_t{number}", here)
        past = past.select(
            b.as_(b.column(f"{name}_t{number}", "since"), f"{field}.s"),
            b.as_(b.column(f"{name}_t{number}", "before"), f"{field}.p"),
            copy=False,
        )
    source = exp.select(b.column("h", "pid")).from_(b.table(f"{name}_past", "h"))
    source = source.join(b.table(collection, "e"), on=b.equal_keys("e", "h", ("key",)), copy=False)
    if view.entity == "person":
        source = source.select(
            b.column("e", "account_key"), b.column("e", "id"), b.column("e", "left_out"), b.column("h", "key"), copy=False
        )
        source = source.select(b.as_(b.column("e", "created_at"), "created_at$"), copy=False)
        if "account_id" in fields:
            same = exp.EQ(this=b.column("own", "key"), expression=b.column("e", "account_key"))
            source = source.join(b.table("accounts", "own"), on=same, join_type="left", copy=False)
    asof = AsOf(Point(view.at.offset, "h", "at"), zone)
    return [*ctes, (f"{name}_past", past), (name, select_attributes(source, view, asof, turns="h"))]


def _join(source: exp.Select, cte: str, at: Point) -> exp.Select:
    """The one entry of the account or person that holds at the point's moment."""
    from_, until = b.column(cte, "at"), b.column(cte, "until")
    on = b.both(
        b.equal_keys(cte, "e", ("key",)),
        exp.LTE(this=from_, expression=b.instant(at)),
        b.paren(b.either(b.is_null(until), exp.GT(this=until.copy(), expression=b.instant(at)))),
    )
    return source.join(exp.Table(this=b.name(cte)), on=on, join_type="left", copy=False)


def _holds(entity: Entity, field: str) -> exp.Expr:
    """key, value, from when (`at`) and until when it holds; null from the beginning of time to the first entry."""
    of_field = exp.EQ(this=b.column("x", "field"), expression=b.text(field))
    entries = exp.select(*(b.column("x", each) for each in ("key", "value", "at"))).from_(b.table(TIMELINES[entity], "x"))
    entries = entries.where(of_field, copy=False)
    before = exp.select(b.column("x", "key"), exp.cast(exp.null(), "VARCHAR"), b.instant(b.FIRST_INSTANT))
    before = before.from_(b.table(TIMELINES[entity], "x")).where(of_field.copy(), copy=False).distinct(copy=False)
    both = exp.union(entries, before, distinct=False, copy=False).subquery("y", copy=False)
    return exp.select(exp.Star(), b.as_(_next("y"), "until")).from_(both)


def _turns(view: View, field: str) -> exp.Expr:
    """key, since when (`at`, `since`) a value was taken, the value `before` it, and until when that holds."""
    found = changes(view, [field], None).subquery("y", copy=False)
    return exp.select(
        b.column("y", "key"),
        b.column("y", "at"),
        b.as_(b.column("y", "at"), "since"),
        b.as_(b.column("y", "raw_before"), "before"),
        b.as_(_next("y"), "until"),
    ).from_(found)


def _next(alias: str) -> exp.Expr:
    return exp.Window(
        this=exp.Lead(this=b.column(alias, "at")),
        partition_by=[b.column(alias, "key")],
        order=exp.Order(expressions=[exp.Ordered(this=b.column(alias, "at"))]),
    )
