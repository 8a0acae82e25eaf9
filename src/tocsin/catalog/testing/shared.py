"""Stores for cases: as few as hold every case exactly as one of its own would.

A store costs far more than a case, so cases share one, each with its ids under a prefix. That is exact where a rule looks at an
account's own rows only (`reach.looks_elsewhere`), and where two cases agree on what a store knows as a whole: the types of
attributes that are typed by their values, and rows that belong to no account. Cases that do not agree get stores apart.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tocsin.catalog.testing.rows import ZONE
from tocsin.catalog.testing.suite import AsOf, Case, Row, Suite
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import import_paths
from tocsin.facts.rejected import list_rejected

IDS = ("id", "account_id", "person_id", "parent_id", "external_id")
LISTS_OF_IDS = ("also_accounts",)
OF_NOBODY = ("rates", "csms", "teams")  # rows that belong to no account
HISTORIES = {"account_history": "accounts", "people_history": "people"}
_KINDS: Sequence[tuple[str, Callable[[str], object]]] = (
    ("boolean", re.compile("true|false", re.IGNORECASE).fullmatch),
    ("number", re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?").fullmatch),
    ("date", re.compile(r"\d{4}-\d{2}-\d{2}").fullmatch),
    ("time", re.compile(r"\d{4}-\d{2}-\d{2}[T ].*").fullmatch),
)
LATER = timedelta(days=400)  # the import comes after every moment that a case looks at


class RejectedError(Exception):
    """A row that the importer does not take: the reason, and the row."""

    def __init__(self, reason: str, row: Row) -> None:
        super().__init__(reason)
        self.reason = reason
        self.row = row


@dataclass(frozen=True, slots=True)
class Held:
    """A case in a store: its ids there begin with the prefix."""

    case: Case
    prefix: str


def groups(suite: Suite, *, apart: bool) -> list[list[Held]]:
    """The cases by the store that they can live in. apart: only cases of the same facts may share one."""
    found: list[tuple[dict[str, str], str, list[Held]]] = []
    for number, case in enumerate(suite.cases):
        types, common = ({}, _as_json(case.facts)) if apart else (_types(case), _as_json(_of_nobody(case)))
        for known, same, held in found:
            if same == common and _agree(known, types):
                known.update(types)
                held.append(Held(case, "" if apart else f"{number}~"))
                break
        else:
            found.append((types, common, [Held(case, "" if apart else f"{number}~")]))
    return [held for _, _, held in found]


def _of_nobody(case: Case) -> Mapping[str, Sequence[Row]]:
    return {name: rows for name, rows in case.facts.items() if name in OF_NOBODY}


def _as_json(facts: Mapping[str, Sequence[Row]]) -> str:
    return json.dumps({name: [dict(row.columns) for row in rows] for name, rows in facts.items()}, sort_keys=True)


def _agree(known: Mapping[str, str], types: Mapping[str, str]) -> bool:
    """Whether attributes have the same types, and custom ones (`accounts.x!`) are there in both."""
    customs = [{name for name in each if name.endswith("!")} for each in (known, types)]
    return customs[0] == customs[1] and all(known.get(name, kind) == kind for name, kind in types.items())


def _types(case: Case) -> dict[str, str]:
    """The attributes of a case that are typed by their values: `accounts.tier`, of custom ones `accounts.x!` -> type."""
    types: dict[str, str] = {}
    for name, rows in case.facts.items():
        owner = HISTORIES.get(name, name)
        if not COLLECTIONS[owner].custom:
            continue
        for row in rows:
            given = {row.columns["field"]: row.columns.get("value")} if name in HISTORIES else row.columns
            for column, value in given.items():
                known = COLLECTIONS[owner]
                if column in known and known.column(column).type != "any":
                    continue
                key = f"{owner}.{column}{'' if column in known else '!'}"
                kind = _kind(value)
                types[key] = kind if types.get(key, kind) == kind else "text"
    return types


def _kind(value: Any) -> str:
    text = "" if value is None else json.dumps(value) if isinstance(value, bool) else str(value)
    return next((kind for kind, fits in _KINDS if fits(text)), "text" if text else "unknown")


@contextmanager
def stored(group: Sequence[Held]) -> Iterator[DuckStore]:
    """A store that holds the facts of these cases, each under its prefix. RejectedError where a row cannot be imported."""
    rows: dict[str, list[tuple[dict[str, Any], Row]]] = {}
    for held in group:
        for name, given in held.case.facts.items():
            if name not in OF_NOBODY or held is group[0]:
                rows.setdefault(name, []).extend((_under(held.prefix, row), row) for row in given)
    store = DuckStore(":memory:", ZONE)
    try:
        with tempfile.TemporaryDirectory(prefix="tocsin-rules-") as folder:
            for name, lines in rows.items():
                text = "".join(json.dumps(columns) + "\n" for columns, _ in lines)
                Path(folder, f"{name}.jsonl").write_text(text, encoding="utf-8")
            if rows:
                import_paths(store, [Path(folder)], now=_latest(group) + LATER)
        for each in list_rejected(store):
            prefixes = "|".join(re.escape(held.prefix) for held in group)
            assert each.line is not None
            raise RejectedError(re.sub(rf"(?<=')({prefixes})", "", each.reason), rows[each.collection][each.line - 1][1])
        yield store
    finally:
        store.close()


def _latest(group: Sequence[Held]) -> datetime:
    moments = [held.case.expected.moment if isinstance(held.case.expected, AsOf) else held.case.expected.end for held in group]
    return max(moments)


def _under(prefix: str, row: Row) -> dict[str, Any]:
    """The columns of a row with its ids under the prefix."""
    columns = dict(row.columns)
    for name in IDS:
        if name in columns:
            columns[name] = f"{prefix}{columns[name]}"
    for name in LISTS_OF_IDS:
        if name in columns:
            columns[name] = [f"{prefix}{each}" for each in columns[name]]
    return columns
