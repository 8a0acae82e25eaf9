"""An inbox and a writer into a store, for tests, and the calls that are sent through them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tocsin.engine import Book
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import import_paths
from tocsin.facts.live.shapes import Taken
from tocsin.facts.live.taking import position
from tocsin.facts.rejected import list_rejected
from tocsin.ingest.limits import Limits
from tocsin.ingest.log import Log
from tocsin.ingest.records import Kind, Record
from tocsin.ingest.writer import Writer

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
Message = dict[str, Any]


def when(day: int, hour: int = 0) -> str:
    """A moment of March 2026."""
    return datetime(2026, 3, day, hour, tzinfo=UTC).isoformat()


def track(own: str, day: int, name: str = "Report Exported", **fields: Any) -> Message:
    return {"type": "track", "messageId": own, "timestamp": when(day), "event": name, **fields}


def group(account: str, day: int, user: str | None = None, **traits: Any) -> Message:
    who = {} if user is None else {"userId": user}
    return {"type": "group", "groupId": account, "timestamp": when(day), "traits": traits, **who}


def identify(user: str, day: int, anonymous: str | None = None, **traits: Any) -> Message:
    who = {} if anonymous is None else {"anonymousId": anonymous}
    return {"type": "identify", "userId": user, "timestamp": when(day), "traits": traits, **who}


class Line:
    """An inbox and a writer into a store."""

    def __init__(self, folder: Path, store: Path | str = ":memory:", *, inbox: Log | None = None) -> None:
        self.folder = folder
        self.store = DuckStore(store, ZoneInfo("UTC"))
        self.inbox = inbox or Log(folder / "inbox", floor=position(self.store))
        self.writer = Writer(self.store, self.inbox, Limits(), clock=lambda: NOW)

    def close(self) -> None:
        """Let go of the files."""
        self.inbox.close()
        self.store.close()

    def put(self, *messages: Message, received: datetime = NOW, **envelope: Any) -> None:
        """A batch into the inbox."""
        body = json.dumps({"batch": messages, **envelope}).encode()
        self.inbox.append_now(Record("batch", received, "website", body).packed())

    def put_single(self, kind: Kind, call: Message) -> None:
        """A single call, by its address."""
        self.inbox.append_now(Record(kind, NOW, "website", json.dumps(call).encode()).packed())

    def put_rows(self, *rows: tuple[str, dict[str, Any]], received: datetime = NOW) -> None:
        """Rows as a webhook gives them, into the inbox."""
        self.inbox.append_now(Record("rows", received, "src_1", json.dumps(rows).encode()).packed())

    def tell(self, *rows: tuple[str, dict[str, Any]], received: datetime = NOW) -> Taken:
        """Rows as a webhook gives them, into the facts."""
        self.put_rows(*rows, received=received)
        return self.writer.step()

    def send(self, *messages: Message, received: datetime = NOW, **envelope: Any) -> Taken:
        """A batch into the facts."""
        self.put(*messages, received=received, **envelope)
        return self.writer.step()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        table = self.store.query(sql)
        return [tuple(row.values()) for row in table.to_pylist()]

    def events(self) -> list[tuple[Any, ...]]:
        """(id, account, person, at) of all events."""
        return self.rows("""
            SELECT events.id, accounts.id AS account, person_keys.id AS person, strftime("at", '%m-%d %H:%M') FROM events
            LEFT JOIN accounts ON accounts.key = account_key LEFT JOIN person_keys ON person_keys.key = person_key ORDER BY 1
        """)

    def accounts(self) -> dict[str, str]:
        """Id -> name."""
        return dict(self.rows("SELECT id, name FROM accounts ORDER BY id"))

    def people(self) -> dict[str, str]:
        """Id -> account."""
        return dict(
            self.rows("SELECT people.id, accounts.id AS a FROM people JOIN accounts ON accounts.key = account_key ORDER BY 1")
        )

    def rejected(self) -> list[tuple[str, str]]:
        """(collection, reason) of what was not stored."""
        return [(each.collection, each.reason) for each in list_rejected(self.store)]

    def custom(self, collection: str, own: str) -> dict[str, Any]:
        """The custom attributes of an account or a person."""
        found = self.rows(f"SELECT custom FROM {collection} WHERE id = '{own}'")
        return dict(json.loads(found[0][0]))


@contextmanager
def line_in() -> Iterator[Line]:
    """An empty store in memory, for as long as it is needed."""
    made = Line(Path(mkdtemp()))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """An empty store in memory."""
    made = Line(tmp_path)
    yield made
    made.close()


@pytest.fixture
def acme(line: Line) -> Line:
    """The account acme with ann in it."""
    line.send(group("acme", 1, "ann", name="Acme"))
    return line


# Once, however often it comes


# What the tests of order and of breaks send.
SCENE: list[Message] = [
    group("acme", 1, "ann", name="Acme", plan="free"),
    group("acme", 10, "ann", plan="pro", seats=5),
    group("bolt", 2, "bob", name="Bolt", crmTier="gold"),
    group("bolt", 12, crmTier=None, plan="team"),
    identify("ann", 3, "v1", email="ann@acme.example", role="user"),
    identify("ann", 8, role="admin"),
    identify("bob", 4, email="bob@bolt.example"),
    {"type": "alias", "previousId": "v2", "userId": "bob", "timestamp": when(5)},
    track("e1", 2, userId="ann"),
    track("e2", 6, anonymousId="v1", properties={"feature": "Reports", "minutes": 3}),
    track("e3", 7, anonymousId="v2"),
    track("e4", 9, userId="eve", context={"groupId": "bolt"}),
    track("e5", 11, anonymousId="v1", context={"groupId": "acme"}),
    {"type": "page", "userId": "bob", "name": "Pricing", "messageId": "e6", "timestamp": when(13)},
    track("e7", 14, "Account Removed User", userId="eve", context={"groupId": "acme"}),
    track("e8", 15, "Trial Started", userId="bob", context={"groupId": "bolt"}, properties={"trial_plan_name": "trial"}),
]


# Everything that anybody could see

MOMENTS = [datetime(2026, 3, day, 1, tzinfo=UTC) for day in (2, 5, 9, 11, 13, 16, 30)]
OF_ACCOUNTS = ["name", "plan", "seats", "crm_tier", "status", "count(events)", "distinct(events.person_id)", "count(people)"]


def tables(line: Line) -> dict[str, Any]:
    """What is stored of it, and what waits."""
    return {
        "accounts": line.accounts(),
        "people": line.people(),
        "events": line.events(),
        "history": line.rows(
            'SELECT DISTINCT accounts.id, field, value, "at" FROM account_timeline JOIN accounts USING (key) ORDER BY ALL'
        ),
        "rejected": line.rejected(),
    }


def facts(line: Line) -> dict[str, Any]:
    """Everything that anybody could see of it."""
    book, known = Book(line.store, {}), line.store.attributes("accounts")
    asked = [each for each in OF_ACCOUNTS if each != "crm_tier" or each in known]
    return {
        **tables(line),
        "signals": book.signals(asked, MOMENTS).to_pylist(),
        "of people": book.signals(["email", "role", "count(events)"], MOMENTS, "person").to_pylist(),
        "memberships": line.rows("SELECT * FROM memberships ORDER BY ALL"),
    }


def played(batches: Sequence[Sequence[Message]], seen: Callable[[Line], dict[str, Any]] = facts) -> dict[str, Any]:
    """What is seen of these batches, sent one after the other into an empty store."""
    line = Line(Path(mkdtemp()))
    try:
        for batch in batches:
            line.send(*batch)
        return seen(line)
    finally:
        line.close()


def give(line: Line, name: str, text: str) -> None:
    """Import a file, as the command line does beside the server."""
    path = Path(mkdtemp(dir=line.folder)) / name
    path.write_text(text)
    assert import_paths(line.store, [path], now=NOW).rejected == 0
