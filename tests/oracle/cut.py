"""What of a book was known at a moment: later rows and history entries gone, ends that were ahead unknown."""

from __future__ import annotations

from datetime import datetime

from tests.oracle.books import Book
from tests.oracle.facts import ENDS, FROM_SUBSCRIPTIONS, HISTORIES, STARTS, TOLD_BY, Facts, Rows

OURS = ("csms", "teams")  # of which only the present is known


def cut(book: Book, moment: datetime) -> Rows:
    """The rows of a book as they stood at a moment.

    An attribute whose history begins later was null then. Where subscriptions began later, they alone tell nothing yet: plan
    and the like stay null. Our own people are known as such from the first.
    """
    facts = Facts(book.rows, book.zone)
    known: dict[str, list[dict[str, str]]] = {}
    for collection, rows in book.rows.items():
        if collection not in ("account_history", "people_history"):
            kept = [row for row in rows if _there(facts, collection, row, moment)]
            known[collection] = [_ends_unknown(facts, collection, row, moment) for row in kept]
    accounts = {row["id"] for row in known["accounts"]} | {""}  # a task or an alert may be of none
    known = {
        name: [row for row in rows if name in ("accounts", *OURS) or row["account_id"] in accounts]
        for name, rows in known.items()
    }
    for owner, (history, key) in HISTORIES.items():
        subjects = {row["id"]: row for row in known[owner]}
        rows = [row for row in book.rows.get(history, []) if row[key] in subjects]
        known[history] = [row for row in rows if facts.read(row["at"], "time") <= moment]
        told = {(row[key], row["field"]) for row in known[history]}
        for row in rows:
            if (row[key], row["field"]) not in told:
                subjects[row[key]][row["field"]] = ""
    subscribed = {row["account_id"] for row in book.rows["subscriptions"]} - {
        row["account_id"] for row in known["subscriptions"]
    }
    for account in known["accounts"]:
        account.update(dict.fromkeys(FROM_SUBSCRIPTIONS, "") if account["id"] in subscribed else {})
    known["account_history"] = [
        row for row in known["account_history"] if not (row["account_id"] in subscribed and row["field"] in FROM_SUBSCRIPTIONS)
    ]
    return known


def _there(facts: Facts, collection: str, row: dict[str, str], moment: datetime) -> bool:
    start = STARTS.get(collection)
    own = collection == "people" and row["id"] in facts.own_people
    return own or start is None or not row.get(start) or facts.instant(facts.read(row[start], _kind(start))) <= moment


def _kind(column: str) -> str:
    return "date" if column.endswith("_on") else "time"


def _ends_unknown(facts: Facts, collection: str, row: dict[str, str], moment: datetime) -> dict[str, str]:
    ahead = {name for name in ENDS & row.keys() if row[name] and facts.instant(facts.read(row[name], _kind(name))) > moment}
    told = {name for (owner, name), end in TOLD_BY.items() if owner == collection and (end in ahead or not row.get(end))}
    if collection == "accounts":
        told -= {"churn_reason"}  # its end may have a history of its own
    return row | dict.fromkeys(ahead | told & row.keys(), "")
