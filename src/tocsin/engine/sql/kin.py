"""Who was in which family when, inside a statement: a table of the question (`TABLE`), by key the helper `kin`."""

from __future__ import annotations

from sqlglot import exp

from tocsin.engine.instants import Instant
from tocsin.engine.sql import build as b

TABLE = "family_members"  # member, head (ids), since$, until$
KIN = "kin"  # the same by key: member_key, head_key, since$, until$


def kin() -> exp.Select:
    """The helper: memberships by the keys of accounts."""
    columns = [
        b.as_(b.column("m", "key"), "member_key"),
        b.as_(b.column("h", "key"), "head_key"),
        b.column("f", "since$"),
        b.column("f", "until$"),
    ]
    made = exp.select(*columns).from_(b.table(TABLE, "f"))
    for alias, name in (("m", "member"), ("h", "head")):
        on = exp.EQ(this=b.column(alias, "id"), expression=b.column("f", name))
        made = made.join(b.table("accounts", alias), on=on, copy=False)
    return made


def of_member(kin_alias: str, alias: str) -> exp.Expr:
    """Which memberships are those of a row's account."""
    return exp.EQ(this=b.column(kin_alias, "member_key"), expression=b.column(alias, "account_key"))


def head_key(kin_alias: str, alias: str) -> exp.Expr:
    """The key of the head of a row's account, which may be in no list."""
    return b.coalesce(b.column(kin_alias, "head_key"), b.column(alias, "account_key"))


def within(alias: str, at: Instant) -> exp.Expr:
    """Whether a membership holds as of an instant; rows of accounts that are in no list are always their own."""
    since, until = b.column(alias, "since$"), b.column(alias, "until$")
    begun = exp.paren(exp.or_(b.is_null(since), exp.LTE(this=since.copy(), expression=b.instant(at))))
    lasts = exp.paren(exp.or_(b.is_null(until), exp.GT(this=until.copy(), expression=b.instant(at))))
    return b.both(begun, lasts)


def is_head(at: Instant) -> exp.Expr:
    """Whether the account of the universe is the head of its family as of an instant."""
    mine = b.both(
        exp.EQ(this=b.column("hd", "member_key"), expression=b.column("u", "account_key")),
        exp.NEQ(this=b.column("hd", "head_key"), expression=b.column("u", "account_key")),
        within("hd", at),
    )
    return exp.not_(exp.Exists(this=exp.select(b.whole(1)).from_(b.table(KIN, "hd")).where(mine)))
