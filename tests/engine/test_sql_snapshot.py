"""The SQL of a handful of formulas, word by word: so that no change of it goes unnoticed. And who may build SQL at all.

After an intended change `TOCSIN_WRITE_SNAPSHOTS=1` writes the files anew; read their diff before it is committed.
"""

from __future__ import annotations

import ast
import os
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.engine.facts import NOW
from tocsin.core.language import Names, check, parse
from tocsin.engine.sql.families import statement as of_question
from tocsin.engine.sql.statement import Question, Surroundings

SNAPSHOTS = Path(__file__).parent / "snapshots"
WRITE = bool(os.environ.get("TOCSIN_WRITE_SNAPSHOTS"))
NAMES = Names(accounts={"tier": "number"}, signals={"usage_30d": "count(events where kind = 'feature' in last 30d)"})
BERLIN = Surroundings(
    "duckdb", ZoneInfo("Europe/Berlin"), left_out=True, converts=True, currency="EUR", holidays=(date(2026, 1, 1),)
)
UTC = Surroundings("duckdb", ZoneInfo("UTC"))
# name -> (subject, formulas, how many moments, scope, surroundings)
ASKED: dict[str, tuple[str, list[str], int, str | None, Surroundings]] = {
    "attributes": ("account", ["status", "tier", "days_in(lifecycle_stage)", "previous(plan)"], 1, "mrr > 100", UTC),
    "tall": ("account", ["change(usage_30d, 30d, 100)", "avg(events.minutes in last 7d)", "days_quiet(events)"], 2, None, UTC),
    "distinct": ("account", ["distinct(events.person_id in last 30d)", "distinct(events.feature)"], 1, None, UTC),
    "wide": (
        "account",
        ["count(tickets where open and age > 5)", "latest(surveys.score where kind = 'nps')", "sum(invoices.amount_due)"],
        1,
        None,
        UTC,
    ),
    "anchored": (
        "account",
        ["count(events in 14d after onboarding_started_at)", "exists(events since created_at)"],
        1,
        None,
        UTC,
    ),
    "slope": ("account", ["slope(usage_30d, 30d)"], 1, None, UTC),
    "person": ("person", ["count(events in last 7d)", "role", "account.tier"], 1, "deleted_at is null", UTC),
    "feature": ("feature", ["count(events in last 7d)", "feature"], 1, None, UTC),
    "csm": (
        "csm",
        ["count(accounts where usage_30d = 0 and mrr > capacity)", "ago(count(accounts), 30d)", "count(tasks where overdue)"],
        1,
        "active",
        UTC,
    ),
    "team": ("team", ["sum(accounts.mrr where status = 'active')", "count(alerts where open)", "manager"], 1, None, BERLIN),
    "company": ("company", ["count(accounts in last 30d)", "count(tasks)", "churn_tolerance"], 2, None, UTC),
    "zone_money_left_out": (
        "account",
        ["sum(invoices.amount)", "count(events)", "workdays_since(renews_on)", "count(people where open)"],
        1,
        None,
        BERLIN,
    ),
}


def statement(name: str) -> str:
    """The SQL, one clause to a line."""
    subject, formulas, count, where, around = ASKED[name]
    terms = [check(parse(formula), subject, NAMES) for formula in formulas]
    scope = None if where is None else check(parse(where), subject, NAMES, expect="boolean")
    moments = [NOW - timedelta(days=7 * index) for index in range(count)]
    sql = of_question(Question(subject, moments, terms, scope), around).sql()
    return laid_out(sql) + "\n"


def laid_out(sql: str) -> str:
    """Line breaks before clauses and after the parts of lists, outside quotes: readable, and diffs stay small."""
    words = (
        " FROM ",
        " LEFT JOIN ",
        " JOIN ",
        " ASOF LEFT JOIN ",
        " WHERE ",
        " GROUP BY ",
        " ORDER BY ",
        " UNION ALL ",
        '), "',
    )
    made, quote, index = [], "", 0
    while index < len(sql):
        letter = sql[index]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        word = next((each for each in words if not quote and sql.startswith(each, index)), None)
        if word is None:
            made.append(letter)
            index += 1
        elif word.startswith(")"):
            made.append("),\n")
            index += 3
        else:
            made.append("\n" + word[1:])
            index += len(word)
    return "".join(made)


@pytest.mark.parametrize("name", ASKED)
def test_the_sql_is_what_it_was(name: str) -> None:
    file = SNAPSHOTS / f"{name}.sql"
    made = statement(name)
    if WRITE:
        SNAPSHOTS.mkdir(exist_ok=True)
        file.write_text(made, encoding="utf-8")
    assert made == file.read_text(encoding="utf-8"), (
        "the SQL has changed; TOCSIN_WRITE_SNAPSHOTS=1 writes it anew where that is meant"
    )


def test_every_snapshot_is_of_something_asked() -> None:
    assert {file.name for file in SNAPSHOTS.iterdir()} == {f"{name}.sql" for name in ASKED}


def test_the_same_question_gives_the_same_sql() -> None:
    assert [statement(name) for name in ASKED] == [statement(name) for name in ASKED]


def test_only_the_sql_of_the_engine_builds_sql(root: Path) -> None:
    source = root / "src" / "tocsin"
    importing = {file.relative_to(source).parts[:2] for file in source.rglob("*.py") if "sqlglot" in imported(file)}
    assert importing == {("engine", "sql")}


def imported(file: Path) -> set[str]:
    """The top packages that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found
