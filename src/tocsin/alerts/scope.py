"""Which subjects of running alerts a rule is no longer about, so that not even its `clear` has to be waited for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tocsin.core.schema import PORTFOLIO_SUBJECTS

if TYPE_CHECKING:
    from tocsin.core.rules import Rule
    from tocsin.engine import Book

STATUS = {"account": "status", "person": "account.status", "feature": "status"}


def out_of_scope(
    book: Book, rules: Sequence[Rule], lingering: Mapping[str, Mapping[str, str]], moment: datetime
) -> dict[str, frozenset[str]]:
    """Rule id -> those of the lingering subjects that are gone, or churned where the rule does not speak of churn.

    lingering: rule id -> subject id -> account id ('' of a csm, a team, the company).
    """
    from tocsin.engine import OF_CHURN, named_by  # here, so that who only lists alerts loads no engine

    found: dict[str, frozenset[str]] = {}
    for rule in rules:
        subjects = lingering.get(rule.id)
        if not subjects:
            continue
        if rule.subject in PORTFOLIO_SUBJECTS:
            there = book.signals(["id"], [moment], rule.subject, only=sorted(subjects))
            found[rule.id] = frozenset(subjects) - set(there.column("subject_id").to_pylist())
            continue
        status = STATUS[rule.subject]
        accounts = sorted(set(subjects.values()))
        rows = book.signals([status], [moment], rule.about, accounts=accounts).to_pylist()
        names_churn = bool(named_by(rule) & OF_CHURN)
        here = {_id(row, rule.subject) for row in rows if names_churn or row["f0"] != "churned"}
        found[rule.id] = frozenset(subjects) - here
    return found


def _id(row: dict[str, str], kind: str) -> str:
    return f"{row['account_id']}/{row['feature']}" if kind == "feature" else row["subject_id"]
