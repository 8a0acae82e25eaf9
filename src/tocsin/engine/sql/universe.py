"""Who a formula can be about: all subjects of a kind that are not left out, and which of them exist as of a moment."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from sqlglot import exp

from tocsin.core.rules import FAMILY
from tocsin.core.schema import PORTFOLIO_SUBJECTS
from tocsin.engine.instants import Instant
from tocsin.engine.rolled import Rolled
from tocsin.engine.sql import build as b
from tocsin.engine.sql import holdings
from tocsin.engine.sql.kin import is_head
from tocsin.engine.sql.rolled import rolled_events

if TYPE_CHECKING:
    from tocsin.engine.sql.statement import Question, Surroundings

KEYS = {"account": ("account_key",), "person": ("person_key",), "feature": ("account_key", "feature")}
KEYS[FAMILY] = ("account_key",)
KEYS |= dict.fromkeys(PORTFOLIO_SUBJECTS, ("subject_id",))
OWNER = {"account": "account_key", "person": "person_key", "feature": "account_key"}  # what narrows rows to those asked about
OWNER[FAMILY] = "account_key"
OWNER |= dict.fromkeys(PORTFOLIO_SUBJECTS, "subject_id")


def universe(subject: str, question: Question, around: Surroundings) -> exp.Select:
    """All subjects of a kind, whenever they existed, with their keys, ids, and when each part of them began."""
    if subject in PORTFOLIO_SUBJECTS:  # of no account: where accounts are asked about, nobody
        return holdings.universe(subject, question.only if question.accounts is None else ())
    made = {"account": _accounts, FAMILY: _accounts, "person": _people, "feature": _features}[subject]
    query = made(question, around)
    wanted = question.only
    if wanted is not None:
        query = query.where(_any_of({"person": "p"}.get(subject, "a"), wanted), copy=False)
    if question.accounts is not None:
        query = query.where(_any_of("a", question.accounts), copy=False)
    return query.where(b.negated(b.column("a", "left_out")), copy=False)


def _any_of(alias: str, ids: Collection[str]) -> exp.Expr:
    return b.one_of(b.column(alias, "id"), sorted(ids)) if ids else exp.false()


def _accounts(_question: Question, _around: Surroundings) -> exp.Select:
    return exp.select(
        b.as_(b.column("a", "key"), "account_key"),
        b.as_(b.column("a", "id"), "subject_id"),
        b.as_(b.column("a", "created_at"), "account_born"),
    ).from_(b.table("accounts", "a"))


def _people(_question: Question, around: Surroundings) -> exp.Select:
    people = (
        exp.select(
            b.as_(b.column("p", "key"), "person_key"),
            b.column("p", "account_key"),
            b.as_(b.column("p", "id"), "subject_id"),
            b.as_(b.column("a", "created_at"), "account_born"),
            b.as_(b.column("p", "created_at"), "person_born"),
            b.as_(b.column("p", "deleted_at"), "person_gone"),
        )
        .from_(b.table("people", "p"))
        .join(b.table("accounts", "a"), on=exp.EQ(this=b.column("a", "key"), expression=b.column("p", "account_key")))
    )
    return people.where(b.negated(b.column("p", "left_out"))) if around.left_out else people


def _features(question: Question, around: Surroundings) -> exp.Select:
    """Accounts and the features that they have ever used, up to the last moment asked about."""
    used = (
        exp.select(b.column("e", "account_key"), b.column("e", "feature"), b.as_(exp.Min(this=b.column("e", "at")), "first_at"))
        .from_(_uses(around))
        .where(
            b.both(
                b.not_null(b.column("e", "feature")),
                exp.LTE(this=b.column("e", "at"), expression=b.instant(max(question.moments))),
            )
        )
        .group_by(b.column("e", "account_key"), b.column("e", "feature"))
    )
    if around.left_out and not around.borders:
        used = used.where(not_by_left_out("e"))
    return (
        exp.select(
            b.column("f", "account_key"),
            b.column("f", "feature"),
            b.as_(b.column("a", "id"), "account_id"),
            b.as_(b.column("a", "created_at"), "account_born"),
            b.as_(b.column("f", "first_at"), "feature_born"),
        )
        .from_(used.subquery("f"))
        .join(b.table("accounts", "a"), on=exp.EQ(this=b.column("a", "key"), expression=b.column("f", "account_key")))
    )


def _uses(around: Surroundings) -> exp.Expr:
    """The events, old ones as the rollup has them: when a feature was used first is right as of any moment."""
    if not around.borders:
        return b.table("events", "e")
    return rolled_events(Rolled("first", around.borders[-1]), "feature", left_out=around.left_out).subquery("e")


def not_by_left_out(alias: str) -> exp.Expr:
    """Whether a row is nobody's or of a person who counts: not of our own people and service users."""
    theirs = exp.select(b.column("lo", "key")).from_(b.table("people", "lo")).where(b.column("lo", "left_out"))
    person = b.column(alias, "person_key")
    known = b.negated(exp.In(this=person, query=theirs.subquery()))
    return b.paren(b.either(b.is_null(person.copy()), known))


def born(subject: str, at: Instant) -> exp.Expr:
    """Whether the subject, and the account it belongs to, existed at an instant (whether or not it was deleted since)."""
    if subject in PORTFOLIO_SUBJECTS:
        return _begun("subject_born", at)
    tests = [_begun("account_born", at)]
    if subject == "person":
        tests.append(_begun("person_born", at))
    if subject == "feature":
        tests.append(exp.LTE(this=b.column("u", "feature_born"), expression=b.instant(at)))
    return b.both(*tests)


def exists(subject: str, at: Instant, *, deleted: bool) -> exp.Expr:
    """Who is a subject as of a moment: people only until they are deleted, unless deleted ones are asked for."""
    if subject in PORTFOLIO_SUBJECTS:
        return holdings.exists(subject, at)
    there = born(subject, at)
    if subject == FAMILY:
        return b.both(there, is_head(at))
    return there if subject != "person" or deleted else b.both(there, stands(at))


def stands(at: Instant) -> exp.Expr:
    """Whether a person has not been deleted by an instant."""
    gone = exp.LTE(this=b.column("u", "person_gone"), expression=b.instant(at))
    return b.negated(b.coalesce(gone, exp.false()))


def _begun(column: str, at: Instant) -> exp.Expr:
    value = b.column("u", column)
    return b.paren(b.either(b.is_null(value), exp.LTE(this=value.copy(), expression=b.instant(at))))
