"""Which collection a table can be, and which of its columns is which of the collection's: by names, synonyms and contents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache, lru_cache

from tocsin.core.schema import COLLECTIONS, Collection, Column
from tocsin.core.vocabulary import CALLED, KNOWN, SYNONYMS, plain
from tocsin.facts.importing.matching.formats import ENOUGH, Written, written_as
from tocsin.facts.importing.matching.looks import Field, Look
from tocsin.facts.importing.stage import UPDATED

LIKE = 0.84  # how much a name must resemble another to be taken for it
OFFERED = tuple(name for name in COLLECTIONS if name != "alerts")  # those of the product are of its own making
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_BASE = ("account_id", "id")


@dataclass(frozen=True, slots=True)
class Guess:
    """What a column of a file is taken for. target: the collection's column, a name of its own, or '' for left out.

    why: `name`, `synonym`, `like` or `contents`; '' where it is none of the collection's columns.
    """

    source: str
    target: str
    written: Written
    why: str = ""


def collection_of(look: Look) -> str:
    """The collection that a table most likely is, '' where nothing speaks for one: by its name, then by its columns."""
    stem = look.sheet if look.sheet is not None else look.file.split(".")[0]
    named = _named(stem)
    scores = {name: _fit(look, COLLECTIONS[name]) + (1.0 if name == named else 0.0) for name in OFFERED}
    best = max(scores, key=lambda name: scores[name])
    if named and scores[named] >= 1.5:
        return named
    return best if scores[best] >= 0.8 else named


def match(look: Look, collection: str) -> list[Guess]:
    """What each column of a table is taken for in a collection; each of the collection's columns is taken once."""
    declared = COLLECTIONS[collection]
    found: list[tuple[float, int, str, str, Written]] = []
    for at, field in enumerate(look.fields):
        for column in _columns(declared):
            score, why = _likeness(field, column, declared)
            written = written_as(field, column.type)
            if score and written.fits >= ENOUGH:
                found.append((score + written.fits / 100, at, column.name, why, written))
    # The best pairs first; of equal ones the column that stands further in front in the file.
    found.sort(key=lambda each: (-each[0], each[1]))
    taken: dict[int, Guess] = {}
    used: set[str] = set()
    for _, at, target, why, written in found:
        if at not in taken and target not in used:
            taken[at] = Guess(look.fields[at].name, target, written, why)
            used.add(target)
    return [taken.get(at) or _other(field, declared) for at, field in enumerate(look.fields)]


def missing(collection: str, targets: Sequence[str]) -> list[str]:
    """The columns that a collection requires and nothing is taken for."""
    return [name for name in COLLECTIONS[collection].required if name not in targets]


def _columns(collection: Collection) -> list[Column]:
    return [*collection, *([Column(UPDATED, "time")] if collection.history else [])]


def _other(field: Field, collection: Collection) -> Guess:
    """A column that is none of the collection's: a custom attribute where there can be one and it is not empty."""
    own = field.name.strip() if collection.custom and field.filled else ""
    return Guess(field.name, own, Written(1.0))


def _named(stem: str) -> str:
    """The collection that a file's or a sheet's name means, whatever stands around it (`2026-03 Customers export`)."""
    words = [plain(each) for each in re.split(r"[^\w]+|_|\d+", stem) if plain(each)]
    tries = [plain(stem), *("".join(words[at : at + 2]) for at in range(len(words) - 1)), *reversed(words)]
    for each in tries:
        for name in OFFERED:
            if each in (plain(name), plain(name).removesuffix("s")):
                return name
    for each in tries:
        for form in (each, each.removesuffix("s"), re.sub("ies$", "y", each), each.removesuffix("es")):
            if form in CALLED:
                return CALLED[form]
    return ""


def _fit(look: Look, collection: Collection) -> float:
    """How well the columns of a table fit a collection: the share of what it requires, and of the table that is known."""
    names = {plain(field.name) for field in look.fields}
    known = [column.name for column in collection if names & _called(collection.name, column.name)]
    required = [name for name in collection.required if name in known]
    if not look.fields or not collection.required:
        return 0.0
    own = [name for name in known if name not in _BASE]
    whole = len(required) / len(collection.required)
    return 0.6 * whole + 0.4 * min(1.0, len(own) / len(look.fields))


def _likeness(field: Field, column: Column, collection: Collection) -> tuple[float, str]:
    """How much a column of a file is one of the collection's (0: not at all), and what says so."""
    name = plain(field.name)
    if name == plain(column.name):
        return 1.0, "name"
    own = SYNONYMS.get(collection.name, {}).get(column.name, frozenset())
    if name in own:
        return 0.95, "synonym"
    if name in SYNONYMS[""].get(column.name, frozenset()):
        return 0.9, "synonym"
    words = KNOWN.get((collection.name, column.name), ())
    if words and field.few and field.filled:
        known = {plain(each) for each in words}
        if all(plain(value) in known for value, _ in field.values) and len(field.values) > 1:
            return 0.8, "contents"
    if column.name == "email" and field.values and all(_EMAIL.fullmatch(value.strip()) for value, _ in field.values):
        return 0.7, "contents"
    like = max(_ratio(name, each) for each in _called(collection.name, column.name))
    return (0.8 * like, "like") if like >= LIKE and len(name) > 3 else (0.0, "")


@cache
def _called(collection: str, column: str) -> frozenset[str]:
    """All that a column is called."""
    own = SYNONYMS.get(collection, {}).get(column, frozenset())
    return own | SYNONYMS[""].get(column, frozenset()) | {plain(column)}


@lru_cache(maxsize=50_000)
def _ratio(one: str, other: str) -> float:
    matcher = SequenceMatcher(None, one, other)
    return matcher.ratio() if matcher.real_quick_ratio() >= LIKE and matcher.quick_ratio() >= LIKE else 0.0
