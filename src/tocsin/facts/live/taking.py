"""Taking in what arrives: everything that a stretch of the inbox tells, in one transaction with how far it was read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import duckdb

from tocsin.facts import history, rollup
from tocsin.facts.duckdb import DuckStore, News
from tocsin.facts.importing import governing
from tocsin.facts.importing.stage import make_references
from tocsin.facts.importing.upsert import as_timestamp, make_changes
from tocsin.facts.live import belonging, eventrows, merging, parts, placing, refused
from tocsin.facts.live.belonging import Places
from tocsin.facts.live.events import put_events, seen_hashes
from tocsin.facts.live.newest import newest, sorted_out
from tocsin.facts.live.parts import Given
from tocsin.facts.live.rows import put_rows
from tocsin.facts.live.seen import Hashes, SeenHashes
from tocsin.facts.live.shapes import WAITING, Arrivals, Event, Membership, Refusal, Row, Taken, Traits
from tocsin.facts.live.terms import tell_terms
from tocsin.facts.live.traits import begin_telling, date_changes, rows_of_traits, thin, tidy
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
        self._rolled: date | None = None  # the day on which old events were last taken into the rollup
        self._looked = -1  # up to which change of the facts beside events it is known that nothing waits in vain

    def take(self, arrivals: Arrivals, position: int | None, now: datetime, leaving: Sequence[tuple[str, str]] = ()) -> Taken:
        """Store what arrived, each once however often it comes; all or nothing, with the position behind it.

        now: when the rows become known to the store. leaving: (collection, row as received) of rejected rows that are tried
        again with these arrivals; they leave the list, or stand in it anew.

        Gives whose facts changed. UserError where the disk is full.
        """
        new: list[Hashes] = []
        news = News(any=not arrivals.empty, beside_events=not arrivals.only_events)
        with self._store.write(news=news) as cursor:
            before = self._store.generation_beside_events
            seen = self._known(cursor)
            refused.leave(cursor, leaving)
            taken = _Taking(self._store, cursor, seen, now, self._reread, new).run(arrivals)
            news.beside_events |= bool(taken.collections - {"events"})
            news.events = taken.earliest
            if taken.events and self._rolled != now.date():
                rollup.advance(cursor, now)
                thin(cursor, now)
            if position is not None:
                cursor.execute("DELETE FROM meta WHERE name = ?", [INBOX])
                cursor.execute("INSERT INTO meta VALUES (?, ?)", [INBOX, str(position)])
        self._generation = self._store.generation
        if self._looked == before:  # what came in here has been met with what waited
            self._looked += news.beside_events
        self._rolled = now.date() if taken.events else self._rolled
        for hashes in new:
            seen.add(hashes)
        return taken

    @property
    def behind(self) -> bool:
        """Whether others (imports, pulls, edits) have changed accounts or people since what waits was last met with them."""
        return self._looked != self._store.generation_beside_events

    def meet(self, now: datetime) -> Taken:
        """Store what waited for accounts and people that others have brought; gives whose facts changed."""
        self._looked = self._store.generation_beside_events
        if not refused.any_placeable(self._store):
            return Taken()
        with self._store.write(news=News()) as cursor:
            found = refused.placeable(cursor)
            new: list[Hashes] = []
            seen = self._known(cursor)
            taken = _Taking(self._store, cursor, seen, now, self._reread, new).run(self._reread(found))
            self._looked = self._store.generation_beside_events + 1
        self._generation = self._store.generation
        for hashes in new:
            seen.add(hashes)
        return taken

    def split(self, own: str, now: datetime) -> Taken:
        """Take the merge of an account back, for good: what was its own returns to it, and no alias makes them one again.

        Who belongs to it by what they were told returns as well, with what was placed by them. UserError where no such account
        was merged. Gives whose facts changed.
        """
        with self._store.write() as cursor:
            return _Taking(self._store, cursor, self._known(cursor), now, self._reread, []).split(own)

    def _known(self, cursor: duckdb.DuckDBPyConnection) -> SeenHashes:
        """The hashes of all events; read anew where somebody else has stored events meanwhile."""
        if self._seen is not None and self._generation != self._store.generation:
            # Read to its end: what follows on the connection may be no statement, which alone would end it.
            [(counted,)] = cursor.execute("SELECT count(*) FROM events").fetchall()
            if counted != len(self._seen):
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
        self.moved = placing.Moved()
        make_changes(cursor)
        begin_telling(cursor)

    def run(self, arrivals: Arrivals) -> Taken:
        return self.settled(self.one(arrivals))

    def split(self, own: str) -> Taken:
        into = merging.keep_apart(self.cursor, own)
        self.touched |= merging.split(self.cursor, self.store, self.past, own, self.now)
        self.collections |= {"accounts"}
        self._people(Arrivals(), {own, into}, Places(self.cursor, ()))
        return self.settled(Taken())

    def settled(self, taken: Taken) -> Taken:
        """What follows from all that was stored, written; at the end of the transaction."""
        if self.collections:
            history.settle(self.cursor, self.store.zone, self.collections, self.past)
            if self.collections & {"accounts", "people"}:
                history.leave_out(self.cursor, self.store.internal_domains, self.past)
                self.past.accounts(as_timestamp(self.now))
            self.touched |= self._changed()
        self.past.write()
        governing.note_passed(self.cursor, self.passed, self.now)
        stored = {"events"} if taken.events else set[str]()
        return replace(
            taken,
            accounts=taken.accounts | self.touched,
            collections=frozenset(self.collections | stored) | self.moved.collections,
            event_names=taken.event_names | self.moved.event_names,
        )

    def one(self, arrivals: Arrivals) -> Taken:
        """Store arrivals, and then what has waited for the accounts that they brought."""
        arrivals = self._governed(arrivals)
        refusals = list(arrivals.refused)
        others = sorted_out(arrivals)
        aliases = [each for each in others if each.collection == "account_aliases"]
        placing.claim(self.cursor, arrivals.links)
        refusals += self._aliases(aliases, arrivals)
        rows = self._accounts(arrivals)
        made = {str(values["id"]) for _, values in rows}
        told, unplaced = self._of_accounts(arrivals.traits, made)
        refusals += unplaced
        refusals += self._rows([*rows, *rows_of_traits(self.cursor, told, made)])
        places = Places(self.cursor, ())
        refusals += self._people(arrivals, {*made, *(str(each.values.get("external_id")) for each in aliases)}, places)
        tidy(self.cursor)
        date_changes(self.cursor)
        told_events, unplaced = self._told([each for each in others if each.collection != "account_aliases"])
        refusals += unplaced
        events, unplaced = self._placed(arrivals.events, places)
        events += told_events
        refusals += unplaced
        taken = self._events(events, refusals, len(events))
        found = self._placeable(arrivals, places)
        refused.enter(self.cursor, refusals, self.now)
        again = self.one(self.reread(found)) if found else Taken()
        return taken.plus([again])

    def _people(self, arrivals: Arrivals, made: Collection[str], places: Places) -> list[Refusal]:
        """Who belongs where, what was told of people, and whose the events are that they or their visitors did before.

        made: accounts that are new, by which people may be placed who named them before.
        """
        traits = [each for each in arrivals.traits if each.collection == "people"]
        passing = [Membership(each.id, each.account, each.at, weak=True) for each in traits if each.account is not None]
        words = [*arrivals.memberships, *passing]
        concerned = belonging.tell(self.cursor, words)
        concerned |= dict.fromkeys(belonging.naming(self.cursor, made), belonging.ALWAYS)
        people = {*(each.person for each in words), *(each.id for each in traits), *concerned}
        places.ask(people, stored=True)
        homes = self._homes(places, people)
        good, refusals = self._of_people(traits, homes)
        rows = [
            (name, {**values, "account_id": homes[values["id"]]} if name == "people" else values)
            for name, values in rows_of_traits(self.cursor, good)
        ]
        told = {values["id"] for name, values in rows if name == "people"}
        met = places.stored.keys() | places.told | {each.id for each in good}
        rows += [
            ("people", {"id": person, "account_id": account})
            for person, account in homes.items()
            if person in met and person not in told and places.stored.get(person) != account
        ]
        refusals += self._rows(rows)
        turned = placing.judge(self.cursor, {each.anonymous for each in arrivals.links}, homes.keys() - places.stored.keys())
        handed = placing.hand_over(self.cursor, self.past, turned)
        if handed:
            concerned |= dict.fromkeys(turned.values(), belonging.ALWAYS)
            places.ask(turned.values())
        if concerned:
            make_references(self.cursor)
            moved = placing.move(self.cursor, self.past, concerned, places, self.now)
            handed |= moved.accounts
            self.collections |= moved.collections - {"events"}
            self.moved = self.moved.plus(moved)
        self.touched |= handed
        return refusals

    def _homes(self, places: Places, people: Iterable[str]) -> dict[str, str]:
        """Person -> the own id of the account that they are of now; only those whose account is known."""
        named = places.now(people)
        own = {account: account for account in places.stored.values()}
        others = set(named.values()) - own.keys()
        if others:
            make_references(self.cursor)
            own |= parts.own_ids(self.cursor, others)
        return {person: own[account] for person, account in named.items() if account in own}

    def _governed(self, arrivals: Arrivals) -> Arrivals:
        """Arrivals without what their sources have no say in, their words as they are meant."""
        if self.said.empty:
            return arrivals
        said, passed = self.said, self.passed
        traits = [
            replace(each, values=said.row(each.collection, each.values, governing.HTTP, passed)) for each in arrivals.traits
        ]
        rows = [each._replace(values=said.row(each.collection, each.values, each.source, passed)) for each in arrivals.rows]
        return replace(arrivals, traits=traits, rows=[each for each in rows if each.values])

    def _aliases(self, aliases: Sequence[Row], arrivals: Arrivals) -> list[Refusal]:
        """Keep what accounts are called elsewhere; before any account is made of such a name."""
        if not aliases:
            return []
        names = {str(each.values.get("external_id")) for each in aliases}
        refusals = self._rows(self._accounts(arrivals, names))
        _, unplaced = self._told(aliases)
        concerned = merging.merge(self.cursor, self.store, self.past, self.now)
        if concerned:
            self.touched |= concerned
            self.collections.add("accounts")
        return refusals + unplaced

    def _of_accounts(self, traits: Sequence[Traits], made: Collection[str]) -> tuple[list[Traits], list[Refusal]]:
        """Traits of accounts, and those of accounts that have to be known and are not."""
        found = [each for each in traits if each.collection == "accounts"]
        named = [each.account for each in found if each.account is not None]
        if not named:
            return found, []
        make_references(self.cursor)
        known = {*made, *parts.own_ids(self.cursor, named)}
        waits = [each for each in found if each.account is not None and each.account not in known]
        refusals = [
            Refusal("accounts", WAITING, each.raw.decode("utf-8", "replace"), account=each.account, received=each.received)
            for each in waits
        ]
        return [each for each in found if each.account is None or each.account in known], refusals

    def _told(self, given: Sequence[Row]) -> tuple[list[Event], list[Refusal]]:
        """Store rows that webhooks gave, perhaps in part. Gives the events among them, which are stored with the others."""
        events: list[Event] = []
        refusals: list[Refusal] = []
        if tell_terms(self.cursor, self.past, self.store.zone, given):
            self.collections.add("subscriptions")
        for batch in parts.batches(newest(self.cursor, given)):
            whole, lacking = parts.completed(self.cursor, batch)
            refusals += lacking
            new, others = eventrows.split(self.cursor, whole, self._seen_so_far())
            events += new
            refusals += self._rows(others)
            placing.mark(self.cursor, others)
        return events, parts.merged(refusals)

    def _placeable(self, arrivals: Arrivals, places: Places) -> list[tuple[str, str, datetime]]:
        """What waited for the accounts that are known now.

        Only for those: what would be refused again would be found again, and so on without end.
        """
        if not refused.any_waiting(self.cursor):
            return []
        rows = [(each.collection, each.values) for each in arrivals.rows]
        people = {each.person for each in arrivals.links} | {each.person for each in arrivals.memberships}
        people |= {each.id for each in arrivals.traits if each.collection == "people"}
        people |= {str(values.get("id")) for name, values in rows if name == "people"}
        accounts = [*arrivals.groups, *(each.account for each in arrivals.memberships)]
        accounts += [str(values.get("id")) for name, values in rows if name == "accounts"]
        accounts += [str(values.get("external_id")) for name, values in rows if name == "account_aliases"]
        if not (people or accounts):
            return []
        places.ask(people)
        known = self._homes(places, people)
        if accounts:
            make_references(self.cursor)
        return refused.waiting(
            self.cursor, [*known, *placing.visitors_of(self.cursor, known)], parts.own_ids(self.cursor, accounts)
        )

    def _seen_so_far(self) -> tuple[SeenHashes, ...]:
        """The hashes of what is stored: what comes twice in one transaction is known from the first time on."""
        return (self.seen, *map(SeenHashes, self.new))

    def _events(self, events: list[Event], refusals: list[Refusal], given: int) -> Taken:
        if not events:
            return Taken(refused=len(refusals))
        make_references(self.cursor, {each.account for each in events if each.account is not None})
        accounts, stored, hashes, bad = put_events(self.cursor, self.past, events, self._seen_so_far(), self.now)
        self.new.append(hashes)
        refusals += bad
        names = frozenset(each.name for each in events) if stored else frozenset[str]()
        earliest = min(each.at for each in events) if stored else None
        repeated = given - stored - len(bad)
        return Taken(frozenset(accounts), stored, repeated, len(refusals), event_names=names, earliest=earliest)

    def _rows(self, rows: Sequence[Given]) -> list[Refusal]:
        if not rows:
            return []
        collections, bad = put_rows(self.cursor, self.store, self.past, rows, self.now)
        self.collections |= collections
        named = {str(values[key]) for name, values in rows for key in ("account_id",) if values.get(key)}
        self.touched |= named | {str(values["id"]) for name, values in rows if name == "accounts" and values.get("id")}
        return bad

    def _accounts(self, arrivals: Arrivals, aliases: Collection[str] = ()) -> list[Given]:
        """Rows for accounts that are not known: named by their id until they are told a name. aliases: names to pass over."""
        wanted = [*arrivals.groups, *(each.account for each in arrivals.memberships)]
        wanted = [each for each in wanted if each not in aliases]
        if not wanted:
            return []
        make_references(self.cursor, wanted)
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

    def _of_people(self, traits: list[Traits], homes: Mapping[str, str]) -> tuple[list[Traits], list[Refusal]]:
        """Traits of people who have an account, and those that wait for one."""
        good, waits = [], []
        for each in traits:
            if each.id in homes:
                good.append(each)
            else:
                raw, at = each.raw.decode("utf-8", "replace"), each.received or self.now
                waits.append(Refusal("people", WAITING, raw, account=each.account, person=each.id, received=at))
        return good, waits

    def _placed(self, events: list[Event], places: Places) -> tuple[list[Event], list[Refusal]]:
        """Events with their account, by the person where they name none, and those that wait for one."""
        if all(each.account is not None and (each.person is not None or each.anonymous is None) for each in events):
            return events, []
        visits = [each for each in events if each.person is None and each.anonymous is not None]
        behind = placing.people_behind(self.cursor, (each.anonymous for each in visits if each.anonymous is not None))
        for each in visits:
            each.visitor = each.anonymous
            each.person = behind.get(each.anonymous or "", each.anonymous)
        places.ask(each.person for each in events if each.account is None and each.person is not None)
        good, waits = [], []
        for each in events:
            if each.account is None and each.person is not None:
                each.account, each.by_person = places.at(each.person, each.at), True
            if each.account is None:
                who, raw = each.visitor or each.person, each.raw.decode("utf-8", "replace")
                waits.append(Refusal("events", WAITING, raw, each.id, person=who, received=each.received or self.now))
            else:
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
