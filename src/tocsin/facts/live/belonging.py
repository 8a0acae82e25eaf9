"""Which account each person is of at each moment: from all that was told of it, so that the order of telling does not matter.

At a moment a person is of the account of their latest `group` up to then which they have not left; who has left all of them
stays with the one that they left last; before the first, they are of the first. What an `identify` or a row says in passing
(`weak`) counts as long as there is no `group`. Every word is kept (`member_words`), because a later word may come that lies
between two others; the latest of each person and account (`memberships`) answers for all who are of one account only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

import duckdb
import pyarrow as pa

from tocsin.facts.importing.stage import make_references
from tocsin.facts.live.shapes import Membership

Word = tuple[datetime, bool, str, bool]  # when (UTC, without a zone), whether the person left, the account, weak
Turn = tuple[datetime, str]  # from when on, the account
ALWAYS = datetime(1970, 1, 1)  # noqa: DTZ001 - as the store has instants: of who was there before anything was told
_SCHEMA = pa.schema([
    ("person", pa.string()), ("account", pa.string()), ("at", pa.timestamp("us")), ("gone", pa.bool_()), ("weak", pa.bool_()),
    ("joined", pa.bool_()),
])  # fmt: skip
_Pair = tuple[str, str, bool]  # person, account, weak
_Latest = tuple[datetime, bool, bool]  # when, gone, whether any word is that they joined


class Places:
    """The accounts of some people; each is given as it was named, or by its own id.

    stored: `stored` is wanted of all of them.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, people: Iterable[str], *, stored: bool = False) -> None:
        self._cursor = cursor
        self._asked: set[str] = set()
        self._turns: dict[str, list[Turn]] = {}
        self._single: dict[str, str] = {}
        self.stored: dict[str, str] = {}  # person -> the account that their row has
        self.told: set[str] = set()  # of whom a `group` or the like said where they belong
        self.ask(people, stored=stored)

    def ask(self, people: Iterable[str], *, stored: bool = False) -> None:
        """Look up those of these people who have not been asked for yet."""
        wanted = sorted(set(people) - self._asked)
        self._asked.update(wanted)
        if wanted:
            self._find(self._cursor, wanted, stored)

    def at(self, person: str, moment: datetime) -> str | None:
        """The account of a person at a moment (UTC); None where nothing is known."""
        turns = self._turns.get(person)
        if turns is None:
            return self._single.get(person)
        place = bisect_right(turns, _plain(moment), key=lambda turn: turn[0])
        return turns[max(0, place - 1)][1]

    def now(self, people: Iterable[str]) -> dict[str, str]:
        """Person -> the account that they are of after all that was told; of those who were asked for."""
        found = {}
        for person in people:
            if person in self._turns:
                found[person] = self._turns[person][-1][1]
            elif person in self._single:
                found[person] = self._single[person]
        return found

    def turns(self, person: str) -> Sequence[Turn]:
        """When a person went to which account, the first from ever on."""
        single = self._single.get(person)
        return [(ALWAYS, single)] if single is not None else self._turns.get(person, ())

    def _find(self, cursor: duckdb.DuckDBPyConnection, wanted: Sequence[str], stored: bool) -> None:
        cursor.register("persons", pa.table({"id": wanted}))
        try:
            rows = cursor.execute(
                "SELECT person, min(account), max(account), bool_or(NOT weak) FROM memberships "
                "WHERE joined AND person IN (SELECT id FROM persons) GROUP BY person"
            ).fetchall()
            held = _stored(cursor) if stored or len(rows) < len(wanted) else {}
        finally:
            cursor.unregister("persons")
        self.stored |= held
        self._single |= held
        self.told |= {person for person, _, _, told in rows if told}
        several = []
        for person, least, greatest, told in rows:
            if least == greatest and told:  # whom a group names is known: the group has made it
                self._single[person] = least
            else:
                self._single.pop(person, None)
                several.append(person)
        if several:
            self._turns |= {person: found for person, words in _words(cursor, several).items() if (found := turns(words))}


def turns(words: Iterable[Word]) -> list[Turn]:
    """When a person went to which account, ascending; the first account is theirs from ever on."""
    strong: dict[str, _Latest] = {}
    weak: dict[str, _Latest] = {}
    found: list[Turn] = []
    for at, said in groupby(sorted(words), key=lambda word: word[0]):
        for _, gone, account, passing in said:  # of two at one moment the one who leaves has left
            latest = weak if passing else strong
            latest[account] = (at, gone, not gone or (account in latest and latest[account][2]))
        home = _chosen(strong) or _chosen(weak)
        if home is not None and (not found or found[-1][1] != home):
            found.append((at, home))
    return found


def _chosen(latest: Mapping[str, _Latest]) -> str | None:
    """Of the accounts that a person has joined, the latest that they have not left, else the one that they left last."""
    joined = [(not gone, at, account) for account, (at, gone, ever) in latest.items() if ever]
    return max(joined)[2] if joined else None


def tell(cursor: duckdb.DuckDBPyConnection, words: Sequence[Membership]) -> dict[str, datetime]:
    """Keep who belongs where. Gives whose account may be another than before, and from when on (UTC, without a zone).

    `ALWAYS` where that is from ever on. Who is of one account only, as before, is not among them.
    """
    if not words:
        return {}
    told = {(each.person, each.account, each.weak, _plain(each.at), each.left) for each in words}
    cursor.register("persons", pa.table({"id": sorted({each.person for each in words})}))
    try:
        before = _known(cursor)
        known = {person for person, _, _ in before}
        based = _base(cursor, known) if any(each.person not in known for each in words) else set()
        told |= based
        after = dict(before)
        for person, account, weak, at, gone in sorted(told, key=lambda each: each[3:]):
            last = after.get((person, account, weak))
            latest = (at, gone) if last is None or (at, gone) > last[:2] else last[:2]
            after[person, account, weak] = (*latest, not gone or (last is not None and last[2]))
        new = {each for each in told if before.get(each[:3], (None, None))[:2] != each[3:]}
        _keep(cursor, {pair: latest for pair, latest in after.items() if before.get(pair) != latest}, new)
    finally:
        cursor.unregister("persons")
    return _affected(before, after, new, {person for person, *_ in based})


def naming(cursor: duckdb.DuckDBPyConnection, accounts: Iterable[str]) -> list[str]:
    """The people of whom these accounts were told, by these names."""
    wanted = sorted(set(accounts))
    if not wanted:
        return []
    found = cursor.execute("SELECT DISTINCT person FROM memberships WHERE account IN (SELECT unnest(?))", [wanted])
    return [row[0] for row in found.fetchall()]


def _affected(
    before: Mapping[_Pair, _Latest],
    after: Mapping[_Pair, _Latest],
    new: Iterable[tuple[str, str, bool, datetime, bool]],
    based: Iterable[str],
) -> dict[str, datetime]:
    accounts: dict[str, set[str]] = {}
    for person, account, _ in after:
        accounts.setdefault(person, set()).add(account)
    settled = {person for (person, _, weak), (_, _, joined) in before.items() if joined and not weak}
    placed = {person for (person, _, _), (_, _, joined) in before.items() if joined} | set(based)
    found: dict[str, datetime] = {}
    for person, _, _, at, _ in new:
        if len(accounts[person]) > 1 and person in placed:
            # A word changes what follows it; what lies before only where it may be the first.
            found[person] = min(found.get(person, at), at) if person in settled else ALWAYS
    return found


def _known(cursor: duckdb.DuckDBPyConnection) -> dict[_Pair, _Latest]:
    rows = cursor.execute(
        'SELECT person, account, weak, "at", gone, joined FROM memberships WHERE person IN (SELECT id FROM persons)'
    ).fetchall()
    return {(person, account, weak): (at, gone, joined) for person, account, weak, at, gone, joined in rows}


def _base(cursor: duckdb.DuckDBPyConnection, known: set[str]) -> set[tuple[str, str, bool, datetime, bool]]:
    """Where people are by a file who have no word yet: there they were before the first."""
    return {(person, account, True, ALWAYS, False) for person, account in _stored(cursor).items() if person not in known}


def _stored(cursor: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Person -> the own id of the account that their row has, of those in `persons`."""
    rows = cursor.execute(
        "SELECT people.id, accounts.id FROM people JOIN accounts ON accounts.key = people.account_key "
        "WHERE people.id IN (SELECT id FROM persons)"
    )
    return dict(rows.fetchall())


def _keep(
    cursor: duckdb.DuckDBPyConnection,
    latest: Mapping[_Pair, _Latest],
    new: Iterable[tuple[str, str, bool, datetime, bool]],
) -> None:
    rows = [(person, account, at, gone, weak, not gone) for person, account, weak, at, gone in sorted(new)]
    cursor.register("telling", _table(rows))
    cursor.register("joining", _table([(*pair[:2], each[0], each[1], pair[2], each[2]) for pair, each in latest.items()]))
    try:
        cursor.execute('INSERT INTO member_words SELECT person, account, "at", gone, weak FROM telling')
        cursor.execute(
            "DELETE FROM memberships USING joining WHERE memberships.person = joining.person "
            "AND memberships.account = joining.account AND memberships.weak = joining.weak"
        )
        cursor.execute('INSERT INTO memberships SELECT person, account, "at", gone, weak, joined FROM joining')
    finally:
        cursor.unregister("joining")
        cursor.unregister("telling")


def _table(rows: Sequence[tuple[str, str, datetime, bool, bool, bool]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(_SCHEMA)
    return pa.Table.from_arrays(
        [pa.array(column, kind) for column, kind in zip(columns, _SCHEMA.types, strict=True)], schema=_SCHEMA
    )


def _words(cursor: duckdb.DuckDBPyConnection, people: Sequence[str]) -> dict[str, list[Word]]:
    """Person -> every word of theirs, its account by the account's own id; those of accounts that nobody knows are left out."""
    make_references(cursor)
    cursor.register("persons", pa.table({"id": people}))
    try:
        rows = cursor.execute(
            'SELECT DISTINCT person, words."at", gone, refs.id, weak FROM member_words AS words '
            "JOIN account_refs AS refs ON refs.ref = words.account AND refs.key > 0 "
            "WHERE person IN (SELECT id FROM persons)"
        ).fetchall()
    finally:
        cursor.unregister("persons")
    found: dict[str, list[Word]] = {}
    for person, *word in rows:
        found.setdefault(person, []).append(tuple(word))
    return found


def _plain(moment: datetime) -> datetime:
    return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).replace(tzinfo=None)
