"""Which subjects of running alerts a rule is no longer about: what ends so was lost, and did not clear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tocsin.core.schema import PORTFOLIO_SUBJECTS

if TYPE_CHECKING:
    from tocsin.core.rules import Rule
    from tocsin.engine import Book

STATUS = {"account": "status", "person": "account.status", "feature": "status"}


@dataclass(frozen=True)
class Here:
    """Which subjects there are; deleted: those of them (people) that were deleted; churned: that have, or whose account has."""

    there: frozenset[str]
    deleted: frozenset[str] = frozenset()
    churned: frozenset[str] = frozenset()


def out_of_scope(
    book: Book, rules: Sequence[Rule], ending: Mapping[str, Mapping[str, str]], moment: datetime
) -> dict[str, frozenset[str]]:
    """Rule id -> those of the subjects that are gone, or churned where the rule does not speak of churn.

    ending: rule id -> subject id -> account id ('' of a csm, a team, the company), of what runs and matches no longer.
    """
    from tocsin.engine import OF_CHURN, named_by  # here, so that who only lists alerts loads no engine

    found: dict[str, frozenset[str]] = {}
    asked = [rule for rule in rules if ending.get(rule.id)]
    for kind, about in sorted({(rule.subject, rule.about) for rule in asked}):
        ours = [rule for rule in asked if (rule.subject, rule.about) == (kind, about)]
        here = _here(book, kind, about, {each: noted for rule in ours for each, noted in ending[rule.id].items()}, moment)
        for rule in ours:
            names, subjects = named_by(rule), frozenset(ending[rule.id])
            lost = subjects - here.there
            lost |= frozenset() if "deleted_at" in names else subjects & here.deleted
            found[rule.id] = lost | (frozenset() if names & OF_CHURN else subjects & here.churned)
    return found


def _here(book: Book, kind: str, about: str, subjects: Mapping[str, str], moment: datetime) -> Here:
    """People are asked for by their own id: the account that an alert is noted at may be the one before."""
    if kind in PORTFOLIO_SUBJECTS:
        table = book.signals(["id"], [moment], kind, only=sorted(subjects))
        return Here(frozenset(table.column("subject_id").to_pylist()))
    if kind == "person":
        terms = [book.term(STATUS[kind], kind), book.term("deleted_at is not null", kind)]
        rows = book.evaluate(terms, [moment], about, only=sorted(subjects), deleted=True).to_pylist()
    else:
        rows = book.signals([STATUS[kind]], [moment], about, accounts=sorted(set(subjects.values()))).to_pylist()
    said = {_id(row, kind): row for row in rows}
    return Here(
        frozenset(said),
        frozenset(each for each, row in said.items() if row.get("f1")),
        frozenset(each for each, row in said.items() if row["f0"] == "churned"),
    )


def _id(row: dict[str, str], kind: str) -> str:
    return f"{row['account_id']}/{row['feature']}" if kind == "feature" else row["subject_id"]
