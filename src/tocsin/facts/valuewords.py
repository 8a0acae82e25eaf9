"""The words of columns that the product gives a meaning: those that are known, those that nothing is known of, and maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from tocsin.core.errors import UserError
from tocsin.core.vocabulary import KNOWN, Place
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.layout import literal, quote

MOST = 60  # words of a column that are listed
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word of a source means. source: '' for all of them. meant: '' for nothing."""

    source: str
    collection: str
    name: str
    given: str
    meant: str


@dataclass(frozen=True, slots=True)
class Strange:
    """A word that is stored and that nothing is known of, with how many rows have it."""

    collection: str
    name: str
    value: str
    rows: int


def meanings(store: DuckStore) -> list[Meaning]:
    """All value maps, by column and word."""
    rows = store.query(
        "SELECT source, collection, name, given, coalesce(meant, '') AS meant FROM value_maps "
        "ORDER BY collection, name, source, given"
    ).to_pylist()
    return [Meaning(**row) for row in rows]


def known(store: DuckStore) -> dict[Place, tuple[str, ...]]:
    """The words of each column: those of the product, what value maps mean, and where the product knows none what is stored."""
    found: dict[Place, dict[str, None]] = {place: dict.fromkeys(words) for place, words in KNOWN.items()}
    for each in meanings(store):
        if each.meant:
            found.setdefault((each.collection, each.name), {})[each.meant] = None
    free = [place for place, words in KNOWN.items() if not words]
    for word in _stored(store, free, {}):
        found[word.collection, word.name].setdefault(word.value, None)
    return {place: tuple(words) for place, words in found.items()}


def strange(store: DuckStore) -> list[Strange]:
    """Words that are stored and that nothing is known of, in columns whose words have a meaning; most rows first."""
    words = known(store)
    told = [place for place, own in KNOWN.items() if own]
    return _stored(store, told, {place: words[place] for place in told})


def _stored(store: DuckStore, places: Sequence[Place], without: Mapping[Place, Sequence[str]]) -> list[Strange]:
    """The words of columns, one query for all of them: at most `MOST` of each, most rows first."""
    parts = []
    for collection, name in places:
        cell = f"CAST({quote(name)} AS VARCHAR)"
        left_out = " AND NOT coalesce(left_out, false)" if collection in ("accounts", "people") else ""
        words = ", ".join(literal(each) for each in without.get((collection, name), ()))
        barred = f" AND {cell} NOT IN ({words})" if words else ""
        parts.append(
            f"(SELECT {literal(collection)} AS collection, {literal(name)} AS name, left({cell}, {LONGEST}) AS v, "
            f"count(*) AS n FROM {quote(collection)} WHERE coalesce({cell}, '') <> ''{left_out}{barred} GROUP BY ALL "
            f"ORDER BY n DESC, v LIMIT {MOST})"
        )
    rows = store.query(f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY n DESC, collection, name, v").to_pylist()
    return [Strange(row["collection"], row["name"], row["v"], row["n"]) for row in rows]


def say(store: DuckStore, meaning: Meaning) -> str:
    """Say what a word means from now on; gives what it meant before ('' for nothing said). UserError as of `say_with`."""
    with store.write() as cursor:
        return say_with(cursor, meaning)


def say_with(cursor: duckdb.DuckDBPyConnection, meaning: Meaning) -> str:
    """Say it within a change that does more.

    UserError for a column without words, an empty word, or maps that would lead from one word to another.
    """
    given, meant = meaning.given.strip(), meaning.meant.strip()
    place = (meaning.collection, meaning.name)
    if place not in KNOWN:
        raise UserError(f"the words of {meaning.name} of {meaning.collection} are not mapped; choose a column of the list")
    if not given or max(len(given), len(meant)) > LONGEST:
        raise UserError(f"a word has 1 to {LONGEST} characters")
    if given == meant:
        raise UserError(f"{given!r} means itself already")
    own = dict(
        cursor.execute(
            "SELECT given, coalesce(meant, '') FROM value_maps WHERE source = ? AND collection = ? AND name = ?",
            [meaning.source, *place],
        ).fetchall()
    )
    before = str(own.pop(given, ""))
    if meant in own:
        raise UserError(f"{meant!r} is itself mapped to {own[meant] or 'nothing'!r}; map {given!r} to that")
    if given in own.values():
        first = next(word for word, meaning_of in own.items() if meaning_of == given)
        raise UserError(f"{first!r} is mapped to {given!r}; map it to {meant or 'nothing'!r} first")
    forget_with(cursor, meaning.source, place, given)
    cursor.execute("INSERT INTO value_maps VALUES (?, ?, ?, ?, ?)", [meaning.source, *place, given, meant or None])
    return before


def forget(store: DuckStore, meaning: Meaning) -> None:
    """Take back what a word means. UserError where nothing was said of it."""
    with store.write() as cursor:
        if not forget_with(cursor, meaning.source, (meaning.collection, meaning.name), meaning.given):
            raise UserError(f"nothing is said of {meaning.given!r} any more")


def forget_with(cursor: duckdb.DuckDBPyConnection, source: str, place: Place, given: str) -> int:
    """Take it back within a change that does more; gives how many maps that were, 0 or 1."""
    found = cursor.execute(
        "DELETE FROM value_maps WHERE source = ? AND collection = ? AND name = ? AND given = ?", [source, *place, given]
    ).fetchone()
    return int(found[0]) if found else 0
