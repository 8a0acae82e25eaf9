"""The rollup of old events says what the events say, whatever arrives in whichever order, is handed over, or is told anew."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import given

from tests.ingest.line import NOW, Line, group, identify, track
from tests.property.test_engine_oracle import bounded, chance
from tocsin.engine import Book
from tocsin.engine.sql.sources import EveryMoment
from tocsin.facts import rollup
from tocsin.facts.event_catalog import KINDS, mark
from tocsin.facts.importing import import_paths

NAMES = ("Logged In", "Exported", "Shared")
FEATURES = ("reports", "boards", None)
ACCOUNTS = ("acme", "bolt")
PEOPLE = ("ann", "bob", "eve")
VISITORS = ("v1", "v2")

ASKED = {
    "account": [
        "count(events)",
        "exists(events where kind = 'login')",
        "exists(events where feature = 'reports' and name != 'Shared')",
        "days_quiet(events)",
        "days_quiet(events where kind = 'login')",
        "days_since(min(events.at where name = 'Exported'))",
        "count(events where coalesce(kind, 'feature') not in ('error', 'other'))",
        "count(events where feature is null and name contains 'xp')",
        "count(events where person_id = 'ann')",
        "count(events) - ago(count(events), 5d)",
        "ago(days_quiet(events where feature = 'boards'), 3d)",
        "sum(events.minutes)",
        "count(events where kind = 'login' in last 10d)",
        "if(exists(events), count(events in 9d after min(events.at)), null)",
    ],
    "person": [
        "count(events)",
        "count(events where kind = 'login')",
        "days_quiet(events where kind = 'login')",
        "exists(events where name = 'Exported')",
        "days_since(min(events.at))",
        "count(events where kind = 'login' in last 10d)",
        "sum(events.minutes in last 5d)",
        "avg(events.minutes)",
    ],
    "feature": ["count(events)", "days_since(min(events.at))", "days_quiet(events where kind = 'login')"],
}

# The same out of the rollup and out of the events, up to a border.
SAME = {
    "events_rollup": (
        "account_key, ours, name, kind, feature",
        "SELECT *, coalesce(person_key IN (SELECT key FROM people WHERE left_out), false) AS ours FROM events",
    ),
    "events_rollup_people": ("person_key, kind", "SELECT * FROM events WHERE person_key IS NOT NULL"),
}


def wrong(line: Line) -> list[Any]:
    """Rows of the rollup that are not what the events say, and the other way round, up to each border."""
    found = []
    for border in line.store.rollup_borders():
        upto = f"TIMESTAMP '{border.replace(tzinfo=None).isoformat(sep=' ')}'"
        for table, (columns, events) in SAME.items():
            kept = (
                f"SELECT {columns}, min(first_at), max(last_at), sum(n)::BIGINT FROM {table} WHERE upto <= {upto} GROUP BY ALL"
            )
            told = f'SELECT {columns}, min("at"), max("at"), count(*) FROM ({events}) WHERE "at" <= {upto} GROUP BY ALL'
            for one, other in ((kept, told), (told, kept)):
                found += [(table, border, row) for row in line.rows(f"({one}) EXCEPT ALL ({other})")]
    return found


# What happens


class Life:
    """What happens to a store: each step is one of these, by chance."""

    def __init__(self, line: Line, r: Random) -> None:
        self.line, self.r, self.number, self.now = line, r, 0, datetime(2026, 3, 12, tzinfo=UTC)

    def step(self) -> None:
        """One of them."""
        steps: list[Callable[[], None]] = [
            self.events, self.events, self.file, self.joining, self.known, self.ours, self.marked, self.later
        ]  # fmt: skip
        self.r.choice(steps)()

    def who(self) -> dict[str, Any]:
        """Who did something, and perhaps in which account."""
        r = self.r
        named = {"userId": r.choice(PEOPLE)} if r.random() < 0.6 else {"anonymousId": r.choice(VISITORS)}
        return named | ({"context": {"groupId": r.choice(ACCOUNTS)}} if r.random() < 0.5 else {})

    def events(self) -> None:
        """Events over HTTP, late ones among them, some of them told before."""
        sent = []
        for _ in range(self.r.choice([1, 3, 8])):
            feature = self.r.choice(FEATURES)
            told = {"properties": {"feature": feature, "minutes": self.r.randrange(9)}} if feature else {}
            own = f"m{self.r.randrange(60)}"
            sent.append(track(own, self.r.randrange(1, 31), self.r.choice(NAMES), **self.who(), **told))
        self.line.send(*sent)

    def joining(self) -> None:
        """Somebody is in another account, which may carry along what they did."""
        self.line.send(group(self.r.choice(ACCOUNTS), self.r.randrange(1, 31), self.r.choice(PEOPLE)))

    def known(self) -> None:
        """A visitor turns out to be somebody."""
        self.line.send(identify(self.r.choice(PEOPLE), self.r.randrange(1, 31), self.r.choice(VISITORS)))

    def file(self) -> None:
        """A file: new events, and others in place of those that are stored, perhaps of another account."""
        rows = [
            {
                "id": f"m{self.r.randrange(60)}",
                "account_id": self.r.choice(ACCOUNTS),
                "person_id": self.r.choice([*PEOPLE, ""]),
                "name": self.r.choice(NAMES),
                "at": f"2026-03-{self.r.randrange(1, 31):02d}",
                "kind": self.r.choice(["login", "feature", ""]),
            }
            for _ in range(self.r.choice([1, 4, 10]))
        ]
        self.give("events.csv", rows)

    def ours(self) -> None:
        """Somebody turns out to be one of our own people, or not."""
        who = {"id": self.r.choice(PEOPLE), "account_id": self.r.choice(ACCOUNTS), "internal": self.r.choice(["true", "false"])}
        self.give("people.csv", [who])

    def marked(self) -> None:
        """The event catalog says what a name stands for."""
        name = self.r.choice(NAMES)
        if self.line.rows(f"SELECT 1 FROM events WHERE name = '{name}' LIMIT 1"):
            mark(self.line.store, name, self.r.choice([*KINDS, ""]), self.r.choice(["reports", ""]))

    def later(self) -> None:
        """Time passes, and what was new becomes old."""
        self.now += timedelta(days=self.r.randrange(1, 6))
        with self.line.store.write() as cursor:
            rollup.advance(cursor, self.now)

    def give(self, name: str, rows: list[dict[str, str]]) -> None:
        """Import a file."""
        self.number += 1
        folder = Path(mkdtemp(dir=self.line.folder))
        with (folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        import_paths(self.line.store, [folder / name], now=NOW)


@contextmanager
def lived(r: Random, steps: int) -> Iterator[Line]:
    """A store in which a few things have happened; the rollup was right after each of them."""
    line = Line(Path(mkdtemp()))
    try:
        line.send(group("acme", 1, "ann"), group("bolt", 1, "bob"))
        life = Life(line, r)
        life.events()
        life.later()
        for _ in range(steps):
            life.step()
            assert wrong(line) == []
        yield line
    finally:
        line.close()


@bounded(12)
@given(chance)
def test_it_is_what_the_events_say(r: Random) -> None:
    with lived(r, 14) as line:
        borders = line.store.rollup_borders()
        assert borders
        line.store.roll_up(borders[-1] + rollup.BEHIND)
        [border] = line.store.rollup_borders()
        assert border <= borders[-1], "earlier where the newest event of then was told anew as an earlier one"
        assert wrong(line) == []


@bounded(2)
@given(chance)
def test_stretches_are_merged_and_stay_right(r: Random) -> None:
    with lived(r, 3) as line:
        life = Life(line, r)
        life.now = datetime(2026, 3, 9, tzinfo=UTC)
        for _ in range(2 * rollup.MOST_BORDERS):
            life.events()
            life.later()
            assert wrong(line) == []
        assert len(line.store.rollup_borders()) <= rollup.MOST_BORDERS


# What is answered


def answers(line: Line, moments: list[datetime], where: str) -> dict[Any, Any]:
    """The formulas as of each moment, as of all of them, and as of points; and the rows that a rule looks at."""
    book, found = Book(line.store, {}), dict[Any, Any]()
    for subject, asked in ASKED.items():
        found[subject] = [book.signals(asked, [moment], subject).to_pylist() for moment in moments]
        found[subject, "all"] = book.signals(asked, moments, subject, where=where).to_pylist()
        terms = [book.term(each, subject) for each in asked]
        for some in (moments[:1], moments[:3], [moments[0] + timedelta(days=each) for each in range(12)]):
            points = book.points(terms, EveryMoment(subject, some)).to_pylist()
            found[subject, len(some)] = [{key: value for key, value in row.items() if key != "pid"} for row in points]
    return found


@pytest.mark.parametrize("where", ["true", "count(events) > 2"])
@bounded(3)
@given(chance)
def test_answers_out_of_it_are_those_out_of_the_events(where: str, r: Random) -> None:
    with lived(r, 10) as line:
        borders = line.store.rollup_borders()
        assert borders
        about = [borders[-1], borders[0], borders[-1] + timedelta(days=1), borders[-1] + timedelta(days=20)]
        moments = sorted({each + timedelta(hours=r.choice([0, 0, 1, 30])) for each in about})
        rolled = answers(line, moments, where)
        line.store.rollup_borders = lambda: ()  # type: ignore[method-assign]
        assert rolled == answers(line, moments, where)


def test_a_border_between_two_moments_is_not_read_as_of_an_instant_before_it(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.send(group("acme", 1, "ann"), *(track(f"e{day}", day, userId="ann") for day in (2, 22, 30)))
    assert line.store.rollup_borders() == (datetime(2026, 3, 23, tzinfo=UTC),)
    moments = [datetime(2026, 3, 10, tzinfo=UTC), datetime(2026, 3, 24, tzinfo=UTC)]
    asked = Book(line.store, {}).signals(["count(events)", "ago(count(events), 3d)"], moments).to_pylist()
    assert [(row["f0"], row["f1"]) for row in asked] == [(1.0, 1.0), (2.0, 1.0)]
    line.close()


def test_it_is_read_at_all(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.send(group("acme", 1, "ann"), track("e1", 2, userId="ann"), track("e2", 30, userId="ann"))
    assert line.store.rollup_borders() == (datetime(2026, 3, 23, tzinfo=UTC),)
    with line.store.write() as cursor:
        assert not rollup.advance(cursor, NOW)  # of one day once
        cursor.execute("UPDATE events_rollup SET n = 40 WHERE true")
    asked = Book(line.store, {}).signals(["count(events)"], [NOW]).to_pylist()
    assert [row["f0"] for row in asked] == [41.0]
    before = Book(line.store, {}).signals(["count(events)"], [NOW - timedelta(days=20)]).to_pylist()
    assert [row["f0"] for row in before] == [1.0]  # that long ago the events themselves are asked
    line.close()
