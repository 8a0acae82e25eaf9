"""What a csm, a team and the company hold: accounts by their owners, tasks by assignee, alerts by either.

Three helpers stand before the universe of such a subject (`helpers`):

- `our_people`: the rows of `csms`, one per address (of a csm and a team);
- `holdings`:   account_key, subject_id, since$, until$: from when on, and until when, a subject holds an account that counts;
- `spans`:      subject_id, since$, until$: when somebody owned accounts or tasks at all (of a csm).

Owners have a history; who is in a team has none. An e-mail address is compared, and told, in small letters.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlglot import exp

from tocsin.core.schema import COLLECTIONS
from tocsin.engine.instants import Instant
from tocsin.engine.sql import build as b
from tocsin.engine.sql.rows import ROW

Ctes = list[tuple[str, exp.Expr]]
COMPANY = "company"  # the id of the one subject of that kind
OWN = "own."  # before the names of a subject's constant attributes in its universe
_OF_CSMS = tuple(column.name for column in COLLECTIONS["csms"] if column.name != "email")


def address(who: exp.Expr) -> exp.Expr:
    """Whom an owner or assignee names: an e-mail address in small letters, anything else as it stands."""
    is_mail = exp.Contains(this=who, expression=b.text("@"))
    return b.case((is_mail, exp.Lower(this=who.copy())), otherwise=who.copy())


# Helpers


def helpers(subject: str) -> Ctes:
    """What stands before the universe."""
    if subject == COMPANY:
        return [("holdings", _everything())]
    return [
        ("our_people", _our_people()),
        ("holdings", _owned(subject)),
        *([("spans", _spans())] if subject == "csm" else []),
    ]


def _our_people() -> exp.Select:
    """One row per address; of two that are written differently the one whose writing comes first."""
    number = exp.Window(
        this=exp.Anonymous(this="row_number", expressions=[]),
        partition_by=[address(b.column("c", "email"))],
        order=exp.Order(expressions=[exp.Ordered(this=b.column("c", "email"))]),
    )
    star = exp.Column(this=exp.Star(), table=b.name("c"))
    rows = exp.select(star, b.as_(address(b.column("c", "email")), "address$"), b.as_(number, "number$"))
    first = exp.EQ(this=b.column("w", "number$"), expression=b.whole(1))
    return exp.select(exp.Star()).from_(rows.from_(b.table("csms", "c")).subquery("w")).where(first)


def _everything() -> exp.Select:
    """The company holds every account that counts, from its beginning on."""
    held = exp.select(
        b.as_(b.column("a", "key"), "account_key"),
        b.as_(b.text(COMPANY), "subject_id"),
        b.as_(_from_the_first(b.column("a", "created_at")), "since$"),
        b.as_(_never(), "until$"),
    )
    return held.from_(b.table("accounts", "a")).where(b.negated(b.column("a", "left_out")))


def _owned(subject: str) -> exp.Select:
    """The accounts by their owners: from each change of the owner to the next, and not before the account began."""
    mine = exp.EQ(this=b.column("t", "field"), expression=b.text("owner"))
    following = exp.Window(
        this=exp.Anonymous(this="lead", expressions=[b.column("t", "at")]),
        partition_by=[b.column("t", "key")],
        order=exp.Order(expressions=[exp.Ordered(this=b.column("t", "at"))]),
    )
    told = exp.select(
        b.column("t", "key"),
        b.as_(exp.Nullif(this=b.column("t", "value"), expression=b.text("")), "who"),
        b.as_(b.column("t", "at"), "since"),
        b.as_(following, "until"),
    )
    told = told.from_(b.table("account_timeline", "t")).where(mine)
    standing = exp.select(
        b.column("s", "key"), b.as_(b.column("s", "owner"), "who"), b.as_(_never(), "since"), b.as_(_never(), "until")
    )
    recorded = exp.select(b.column("t", "key")).from_(b.table("account_timeline", "t")).where(mine.copy())
    standing = standing.from_(b.table("accounts", "s"))
    standing = standing.where(b.negated(exp.In(this=b.column("s", "key"), query=recorded.subquery())))
    since = exp.Greatest(
        this=_from_the_first(b.column("o", "since")),
        expressions=[_from_the_first(b.column("a", "created_at"))],
        ignore_nulls=True,
    )
    on = exp.EQ(this=b.column("a", "key"), expression=b.column("o", "key"))
    owners = exp.union(told, standing, distinct=False)
    held = exp.select(b.as_(b.column("o", "key"), "account_key")).from_(owners.subquery("o"))
    held = held.join(b.table("accounts", "a"), on=on)
    held = _by_subject(held, subject, b.column("o", "who"))
    held = held.select(b.as_(since, "since$"), b.as_(b.column("o", "until"), "until$"), copy=False)
    lasting = b.either(b.is_null(b.column("o", "until")), exp.GT(this=b.column("o", "until"), expression=since.copy()))
    held = held.where(b.not_null(b.column("o", "who")), copy=False)
    return held.where(b.both(b.negated(b.column("a", "left_out")), b.paren(lasting)), copy=False)


def _spans() -> exp.Select:
    """When somebody held accounts or tasks; of those that last until the same instant the one that began first."""
    columns = ("subject_id", "since$", "until$")
    accounts = exp.select(*(b.column("h", each) for each in columns)).from_(b.table("holdings", "h"))
    began = _from_the_first(b.column("k", "created_at"))
    assigned = exp.select(b.column("k", "subject_id"), b.as_(began, "since$"), b.as_(_never(), "until$"))
    both = exp.union(accounts, assigned.from_(tasks("csm").subquery("k")), distinct=False)
    first = b.as_(exp.Min(this=b.column("i", "since$")), "since$")
    spans = exp.select(b.column("i", "subject_id"), first, b.column("i", "until$")).from_(both.subquery("i"))
    return spans.group_by(b.column("i", "subject_id"), b.column("i", "until$"))


def _from_the_first(value: exp.Expr) -> exp.Expr:
    """An instant; of none, the beginning of time."""
    return b.coalesce(value, b.instant(b.FIRST_INSTANT))


def _never() -> exp.Expr:
    return exp.cast(exp.null(), "TIMESTAMP")


def _by_subject(rows: exp.Select, subject: str, who: exp.Expr) -> exp.Select:
    """Rows with the `subject_id` of whom they name: the csm, their team, or the company."""
    if subject == COMPANY:
        return rows.select(b.as_(b.text(COMPANY), "subject_id"), copy=False)
    if subject == "csm":
        return rows.select(b.as_(address(who), "subject_id"), copy=False)
    same = exp.EQ(this=b.column("op", "address$"), expression=address(who))
    rows = rows.join(b.table("our_people", "op"), on=same, copy=False).where(b.not_null(b.column("op", "team")), copy=False)
    return rows.select(b.as_(b.column("op", "team"), "subject_id"), copy=False)


# Rows by the subject that holds them


def held(subject: str, collection: str, accounts: exp.Expr) -> exp.Query:
    """The rows of a collection with the `subject_id` of each that holds them.

    accounts: the rows of accounts, under the alias `r`, with their `account_key`. Rows of accounts and alerts carry `since$`
    and `until$`: they are the subject's while their account is (see `holds`).
    """
    if collection == "accounts":
        return _accounts(accounts)
    return tasks(subject) if collection == "tasks" else _alerts(subject)


def holds(collection: str, at: Instant) -> exp.Expr | None:
    """Whether a row (alias `r`) is the subject's as of an instant; None for rows that always are."""
    if collection == "tasks":
        return None
    return _within(ROW, at)


def _within(alias: str, at: Instant) -> exp.Expr:
    until = b.column(alias, "until$")
    begun = exp.LTE(this=b.column(alias, "since$"), expression=b.instant(at))
    return b.both(begun, b.paren(b.either(b.is_null(until), exp.GT(this=until.copy(), expression=b.instant(at)))))


def _accounts(accounts: exp.Expr) -> exp.Select:
    own = [b.column("h", each) for each in ("subject_id", "since$", "until$")]
    rows = exp.select(exp.Column(this=exp.Star(), table=b.name(ROW)), *own).from_(accounts)
    return rows.join(b.table("holdings", "h"), on=b.equal_keys("h", ROW, ("account_key",)))


def tasks(subject: str) -> exp.Select:
    """Tasks by their assignee, without those of accounts that are left out."""
    rows = exp.select(exp.Column(this=exp.Star(), table=b.name(ROW))).from_(b.table("tasks", ROW))
    on = exp.EQ(this=b.column("a", "key"), expression=b.column(ROW, "account_key"))
    rows = rows.join(b.table("accounts", "a"), on=on, join_type="left")
    rows = rows.where(b.negated(b.coalesce(b.column("a", "left_out"), exp.false())))
    return _by_subject(rows, subject, b.column(ROW, "assignee"))


def _alerts(subject: str) -> exp.Query:
    """Alerts of the subject's accounts; those of no account by whom they are about."""
    star = exp.Column(this=exp.Star(), table=b.name(ROW))
    own = [b.column("h", each) for each in ("subject_id", "since$", "until$")]
    of_accounts = exp.select(star, *own).from_(b.table("alerts", ROW))
    of_accounts = of_accounts.join(b.table("holdings", "h"), on=b.equal_keys("h", ROW, ("account_key",)))
    about = _by_subject(_of_none(star), subject, b.column(ROW, "subject"))
    parts: list[exp.Query] = [of_accounts, _always(about)]
    if subject == "team":  # about the team itself
        parts.append(_always(_of_none(star).select(b.as_(b.column(ROW, "subject"), "subject_id"))))
    whole = parts[0]
    for each in parts[1:]:
        whole = exp.union(whole, each, distinct=False)
    return whole


def _of_none(star: exp.Expr) -> exp.Select:
    return exp.select(star).from_(b.table("alerts", ROW)).where(b.is_null(b.column(ROW, "account_key")))


def _always(rows: exp.Select) -> exp.Select:
    return rows.select(b.as_(b.instant(b.FIRST_INSTANT), "since$"), b.as_(_never(), "until$"))


# Subjects


def universe(subject: str, only: Collection[str] | None) -> exp.Select:
    """All subjects of a kind: `subject_id`, `subject_born` and their constant attributes as `own.x`."""
    query = {"csm": _csms, "team": _teams, COMPANY: _company}[subject]()
    if only is None:
        return query
    whole = exp.select(exp.Star()).from_(query.subquery("u"))
    return whole.where(b.one_of(b.column("u", "subject_id"), sorted(only)) if only else exp.false())


def _csms() -> exp.Select:
    began = exp.select(b.column("s", "subject_id"), b.as_(exp.Min(this=b.column("s", "since$")), "subject_born"))
    began = began.from_(b.table("spans", "s")).group_by(b.column("s", "subject_id"))
    same = exp.EQ(this=b.column("op", "address$"), expression=b.column("p", "subject_id"))
    email = b.coalesce(b.column("op", "email"), b.column("p", "subject_id"))
    people = exp.select(b.column("p", "subject_id"), b.column("p", "subject_born"), b.as_(email, OWN + "email"))
    people = people.select(*(b.as_(b.column("op", each), OWN + each) for each in _OF_CSMS))
    return people.from_(began.subquery("p")).join(b.table("our_people", "op"), on=same, join_type="left")


def _teams() -> exp.Select:
    """Teams that have a row of their own, or that somebody is in."""
    named = exp.select(b.as_(b.column("op", "team"), "name")).from_(b.table("our_people", "op"))
    named = named.where(b.not_null(b.column("op", "team")))
    names = exp.union(exp.select(b.column("t", "name")).from_(b.table("teams", "t")), named, distinct=True)
    name = b.column("n", "name")
    teams = exp.select(b.as_(name, "subject_id"), b.as_(_never(), "subject_born"), b.as_(name.copy(), OWN + "name"))
    teams = teams.select(*(b.as_(b.column("t", each), OWN + each) for each in ("manager", "churn_tolerance")))
    return teams.from_(names.subquery("n")).join(b.table("teams", "t"), on=b.equal_keys("t", "n", ("name",)), join_type="left")


def _company() -> exp.Select:
    return exp.select(b.as_(b.text(COMPANY), "subject_id"), b.as_(_never(), "subject_born"))


def attribute(name: str) -> exp.Expr:
    """Where a constant attribute of a csm or a team stands, and the id of the company."""
    return b.column("u", "subject_id" if name == "id" else OWN + name)


def exists(subject: str, at: Instant) -> exp.Expr:
    """Who is a subject as of an instant: a csm while owning accounts or tasks; a team and the company always."""
    if subject != "csm":
        return exp.true()
    same = b.equal_keys("sp", "u", ("subject_id",))
    owning = exp.select(b.whole(1)).from_(b.table("spans", "sp")).where(b.both(same, _within("sp", at)))
    return exp.Exists(this=owning)
