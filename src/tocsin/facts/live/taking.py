"""Taking in what arrives: everything that a stretch of the inbox tells, in one transaction with how far it was read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import duckdb

from tocsin.facts import history
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import governing
from tocsin.facts.importing.stage import make_references
from tocsin.facts.importing.upsert import as_timestamp, make_changes
from tocsin.facts.live import eventrows, parts, placing, refused
from tocsin.facts.live.events import put_events, seen_hashes
from tocsin.facts.live.parts import Given
from tocsin.facts.live.rows import put_rows
from tocsin.facts.live.seen import Hashes, SeenHashes
from tocsin.facts.live.shapes import WAITING, Arrivals, Event, Refusal, Taken, Traits
from tocsin.facts.live.traits import date_changes, rows_of_traits
from tocsin.facts.past import Past

INBOX = "inbox"  # under this name the position stands in `meta`
Reread = Callable[[Sequence[tuple[str, str, datetime]]], Arrivals]


def position(store: DuckStore) -> int:
    """How far the inbox has been taken into a store."""
    found = store.query("SELECT max(value) AS v FROM meta WHERE name = ?", [INBOX]).column("v")[0].as_py()
    return int(found or 0)


class Taker:
    """Takes arrivals into a store; for one thread.

    reread: makes arrivals of what waited for its account: (collection, row as received, when it was received).
    """

    def __init__(self, store: DuckStore, reread: Reread) -> None:
        self._store, self._reread = store, reread
        self._seen: SeenHashes | None = None
        self._generation = -1

    def take(self, arrivals: Arrivals, position: int | None, now: datetime) -> Taken:
        """Store what arrived, each once however often it comes; all or nothing, with the position behind it.

        now: when the rows become known to the store. Gives whose facts changed. UserError where the disk is full.
        """
        new: list[Hashes] = []
        with self._store.write(news=not arrivals.empty) as cursor:
            seen = self._known(cursor)
            taken = _Taking(self._store, cursor, seen, now, self._reread, new).run(arrivals)
            if position is not None:
                cursor.execute("DELETE FROM meta WHERE name = ?", [INBOX])
                cursor.execute("INSERT INTO meta VALUES (?, ?)", [INBOX, str(position)])
        self._generation = self._store.generation
        for hashes in new:
            seen.add(hashes)
        return taken

    def _known(self, cursor: duckdb.DuckDBPyConnection) -> SeenHashes:
        """The hashes of all events; read anew where somebody else has stored events meanwhile."""
        if self._seen is not None and self._generation != self._store.generation:
            counted = cursor.execute("SELECT count(*) FROM events").fetchone()
            if counted is None or counted[0] != len(self._seen):
                self._seen = None
        if self._seen is None:
            self._seen = seen_hashes(cursor)
        return self._seen


class _Taking:
    """One stretch under way, inside its transaction."""

    def __init__(
        self,
        store: DuckStore,
        cursor: duckdb.DuckDBPyConnection,
        seen: SeenHashes,
        now: datetime,
        reread: Reread,
        new: list[Hashes],
    ) -> None:
        self.store, self.cursor, self.seen, self.reread, self.new = store, cursor, seen, reread, new
        self.now = now.astimezone(UTC)
        self.past = Past(cursor, store.zone)
        self.said, self.passed = governing.read(cursor), governing.Passed()
        self.collections: set[str] = set()
        self.touched: set[str] = set()
        make_changes(cursor)

    def run(self, arrivals: Arrivals) -> Taken:
        taken = self.one(arrivals)
        if self.collections:
            history.settle(self.cursor, self.store.zone, self.collections, self.past)
            if self.collections & {"accounts", "people"}:
                history.leave_out(self.cursor, self.store.internal_domains, self.past)
                self.past.accounts(as_timestamp(self.now))
            self.touched |= self._changed()
        self.past.write()
        governing.note_passed(self.cursor, self.passed, self.now)
        stored = {"events"} if taken.events else set[str]()
        return replace(taken, accounts=taken.accounts | self.touched, collections=frozenset(self.collections | stored))

    def one(self, arrivals: Arrivals) -> Taken:
        """Store arrivals, and then what has waited for the accounts that they brought."""
        arrivals = self._governed(arrivals)
        refusals = list(arrivals.refused)
        placing.link(self.cursor, arrivals.links)
        rows = self._accounts(arrivals)
        made = {str(values["id"]) for _, values in rows}
        moved = placing.join(self.cursor, arrivals.memberships)
        rows += [("people", {"id": person, "account_id": account}) for person, account in moved.items()]
        of_people, unplaced = self._of_people([each for each in arrivals.traits if each.collection == "people"])
        refusals += unplaced
        told = [each for each in arrivals.traits if each.collection == "accounts"]
        rows += rows_of_traits(self.cursor, told, made)
        theirs = rows_of_traits(self.cursor, of_people) + [
            ("people", {"id": each.id}) for each in of_people if not (each.values or self.said.empty)
        ]
        rows += self._with_accounts(theirs, of_people)
        refusals += self._rows(rows)
        date_changes(self.cursor)
        told_events, unplaced = self._told([(name, values) for name, values, _ in arrivals.rows])
        refusals += unplaced
        events, unplaced = self._placed(arrivals.events)
        events += told_events
        refusals += unplaced
        taken = self._events(events, refusals, len(events))
        found = self._placeable(arrivals, moved)
        refused.enter(self.cursor, refusals, self.now)
        again = self.one(self.reread(found)) if found else Taken()
        return taken.plus([again])

    def _governed(self, arrivals: Arrivals) -> Arrivals:
        """Arrivals without what their sources have no say in, their words as they are meant."""
        if self.said.empty:
            return arrivals
        said, passed = self.said, self.passed
        traits = [
            replace(each, values=said.row(each.collection, each.values, governing.HTTP, passed)) for each in arrivals.traits
        ]
        rows = [(name, said.row(name, values, source, passed), source) for name, values, source in arrivals.rows]
        return replace(arrivals, traits=traits, rows=[each for each in rows if each[1]])

    def _told(self, given: Sequence[Given]) -> tuple[list[Event], list[Refusal]]:
        """Store rows that webhooks gave, perhaps in part. Gives the events among them, which are stored with the others."""
        events: list[Event] = []
        refusals: list[Refusal] = []
        for batch in parts.batches(given):
            whole, lacking = parts.completed(self.cursor, batch)
            refusals += lacking
            new, others = eventrows.split(self.cursor, whole, self._seen_so_far())
            events += new
            refusals += self._rows(others)
        return events, parts.merged(refusals)

    def _placeable(self, arrivals: Arrivals, moved: Iterable[str]) -> list[tuple[str, str, datetime]]:
        """What waited for the accounts that are known now.

        Only for those: what would be refused again would be found again, and so on without end.
        """
        rows = arrivals.rows
        visitors = dict(arrivals.links)
        people = {*moved, *visitors.values(), *(each.id for each in arrivals.traits if each.collection == "people")}
        people |= {str(values.get("id")) for name, values, _ in rows if name == "people"}
        placed = placing.accounts_of(self.cursor, people)
        accounts = [*arrivals.groups, *(str(values.get("id")) for name, values, _ in rows if name == "accounts")]
        accounts += [str(values.get("external_id")) for name, values, _ in rows if name == "account_aliases"]
        if accounts:
            make_references(self.cursor)
        return refused.waiting(
            self.cursor,
            [*placed, *placing.visitors_of(self.cursor, placed)],
            parts.known_accounts(self.cursor, accounts),
        )

    def _seen_so_far(self) -> tuple[SeenHashes, ...]:
        """The hashes of what is stored: what comes twice in one transaction is known from the first time on."""
        return (self.seen, *map(SeenHashes, self.new))

    def _events(self, events: list[Event], refusals: list[Refusal], given: int) -> Taken:
        if not events:
            return Taken(refused=len(refusals))
        make_references(self.cursor)
        accounts, stored, hashes, bad = put_events(self.cursor, self.past, events, self._seen_so_far(), self.now)
        self.new.append(hashes)
        refusals += bad
        names = frozenset(each.name for each in events) if stored else frozenset[str]()
        repeated = given - stored - len(bad)
        return Taken(frozenset(accounts), stored, repeated, len(refusals), event_names=names)

    def _rows(self, rows: Sequence[Given]) -> list[Refusal]:
        if not rows:
            return []
        collections, bad = put_rows(self.cursor, self.store, self.past, rows, self.now)
        self.collections |= collections
        named = {str(values[key]) for name, values in rows for key in ("account_id",) if values.get(key)}
        self.touched |= named | {str(values["id"]) for name, values in rows if name == "accounts" and values.get("id")}
        return bad

    def _accounts(self, arrivals: Arrivals) -> list[Given]:
        """Rows for accounts that are not known: named by their id until they are told a name."""
        wanted = [*arrivals.groups, *(each.account for each in arrivals.memberships)]
        if not wanted:
            return []
        make_references(self.cursor)
        known = {
            row[0]
            for row in self.cursor.execute("SELECT ref FROM account_refs WHERE ref IN (SELECT unnest(?))", [wanted]).fetchall()
        }
        names = {
            each.id: each.values.get("name")
            for each in arrivals.traits
            if each.collection == "accounts" and each.values.get("name")
        }
        return [
            ("accounts", {"id": each, "name": names.get(each) or each}) for each in dict.fromkeys(wanted) if each not in known
        ]

    def _of_people(self, traits: list[Traits]) -> tuple[list[Traits], list[Refusal]]:
        """Traits of people who have an account, and those that wait for one."""
        lacking = [each.id for each in traits if each.account is None]
        accounts = placing.accounts_of(self.cursor, lacking)
        good, waits = [], []
        for each in traits:
            each.account = each.account or accounts.get(each.id)
            if each.account is None:
                waits.append(
                    Refusal(
                        "people",
                        WAITING,
                        each.raw.decode("utf-8", "replace"),
                        person=each.id,
                        received=each.received or self.now,
                    )
                )
            else:
                good.append(each)
        return good, waits

    def _with_accounts(self, rows: list[Given], traits: Sequence[Traits]) -> list[Given]:
        """Rows of people, each with the account that it needs."""
        accounts = {each.id: each.account for each in traits}
        theirs = placing.accounts_of(self.cursor, accounts)
        return [
            (name, {**values, "account_id": theirs.get(values["id"]) or accounts[values["id"]]} if name == "people" else values)
            for name, values in rows
        ]

    def _placed(self, events: list[Event]) -> tuple[list[Event], list[Refusal]]:
        """Events with their account, by the person where they name none, and those that wait for one."""
        behind = placing.people_behind(
            self.cursor, (each.anonymous for each in events if each.person is None and each.anonymous is not None)
        )
        for each in events:
            if each.person is None and each.anonymous is not None:
                each.person = behind.get(each.anonymous)
        accounts = placing.accounts_of(
            self.cursor, (each.person for each in events if each.account is None and each.person is not None)
        )
        good, waits = [], []
        for each in events:
            if each.account is None and each.person is not None:
                each.account = accounts.get(each.person)
            if each.account is None:
                who = each.person or each.anonymous
                raw = each.raw.decode("utf-8", "replace")
                waits.append(Refusal("events", WAITING, raw, each.id, person=who, received=each.received or self.now))
            else:
                each.person = each.person or each.anonymous
                good.append(each)
        return good, waits

    def _changed(self) -> set[str]:
        """Ids of the accounts whose attributes changed in this transaction."""
        rows = self.cursor.execute("""
            SELECT DISTINCT accounts.id FROM touched JOIN accounts ON accounts.key = touched.key
            WHERE touched.collection = 'accounts'
            UNION SELECT DISTINCT accounts.id FROM touched JOIN people ON people.key = touched.key
            JOIN accounts ON accounts.key = people.account_key WHERE touched.collection = 'people'
        """).fetchall()
        return {row[0] for row in rows}
