"""What is said of the sources of facts: what their words mean here, and which of them has the say in a field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ninja import Query, Router, Schema
from pydantic import Field

from tocsin import serving
from tocsin.api.access import Caller, may
from tocsin.api.alerts import ERRORS
from tocsin.api.problems import ApiError
from tocsin.core.errors import UserError
from tocsin.core.moment import iso
from tocsin.core.vocabulary import KNOWN
from tocsin.facts import fieldsources, valuewords
from tocsin.facts.fieldsources import FieldOwner
from tocsin.facts.importing.governing import OWNED
from tocsin.facts.valuewords import LONGEST, Meaning
from tocsin.people import facade as people
from tocsin.sources.facade import origins

router = Router()
READ, WRITE = may("read"), may("admin", people.RUNS)
ALL, ANYBODY = "All sources", "the last told wins"


class ValueMap(Schema):
    """What a word of a column means here. source: '' for all of them. meant: null for nothing."""

    source: str
    collection: str
    name: str
    given: str
    meant: str | None


class NewMeaning(Schema):
    """What a word means from now on: another word, or null for nothing. source: whose word it is, '' for all of them."""

    given: str = Field(min_length=1, max_length=LONGEST)
    meant: str | None = Field(min_length=1, max_length=LONGEST)
    source: str = Field("", max_length=200)


class Word(Schema):
    """Which word is meant."""

    given: str = Field(min_length=1, max_length=LONGEST)
    source: str = Field("", max_length=200)


class UnknownWord(Schema):
    """A stored word that nothing is known of. rows: how many have it."""

    collection: str
    name: str
    value: str
    rows: int


class PassedOver(Schema):
    """What a source told of a field in which it has no say: how many values, the latest when."""

    source: str
    count: int
    at: str


class OwnedField(Schema):
    """A field of accounts or people. source: its system of record, null where the last told wins. custom: an attribute."""

    collection: str
    name: str
    source: str | None
    custom: bool
    passed_over: list[PassedOver]


class NewOwner(Schema):
    """The source that has the say from now on: `file`, `http`, `manual` (by hand), or the id of a system that sends."""

    source: str = Field(min_length=1, max_length=200)


@router.get("/value-maps", response={200: list[ValueMap], **ERRORS}, auth=READ, operation_id="list_value_maps")
def value_maps(request: Caller) -> list[dict[str, Any]]:  # noqa: ARG001 - the key alone is asked of the request
    """All value maps, by column and word."""
    return [_map(each) for each in valuewords.meanings(serving.store())]


@router.get("/value-maps/unknown", response={200: list[UnknownWord], **ERRORS}, auth=READ, operation_id="list_unknown_words")
def unknown_words(request: Caller) -> list[dict[str, Any]]:
    """Words that are stored and of which neither the product nor a map knows anything; most rows first."""
    store = serving.store()
    found = serving.kept(("data", "strange"), lambda: valuewords.strange(store), request.moment)
    return [asdict(each) for each in found]


@router.put("/value-maps/{collection}/{name}", response={200: ValueMap, **ERRORS}, auth=WRITE, operation_id="set_value_map")
def set_value_map(request: Caller, collection: str, name: str, given: NewMeaning) -> dict[str, Any]:
    """Say what one word of a column means in all that comes from now on."""
    if (collection, name) not in KNOWN:
        mapped = ", ".join(".".join(each) for each in KNOWN)
        raise ApiError(404, f"the words of {name[:60]} of {collection[:60]} are not mapped; mapped are {mapped}")
    said, meant = given.given.strip(), (given.meant or "").strip()
    if given.meant is not None and not meant:
        raise ApiError(422, f"what does {said!r} mean? give a word, or null for nothing")
    named = _sources(request, given.source)
    meaning = Meaning(given.source, collection, name, said, meant)
    before = valuewords.say(serving.store(), meaning)
    detail = f"{before or 'not mapped'} -> {meant or 'nothing'} ({named[given.source]})"
    people.note("value mapped", f"{collection}.{name}: {said}", detail, by=request.by, moment=request.moment)
    serving.here().changed()
    return _map(meaning)


@router.delete(
    "/value-maps/{collection}/{name}", response={200: ValueMap, **ERRORS}, auth=WRITE, operation_id="delete_value_map"
)
def delete_value_map(request: Caller, collection: str, name: str, word: Query[Word]) -> dict[str, Any]:
    """Take back what a word means: it stands for itself from now on. Gives what it meant."""
    store = serving.store()
    place = (word.source, collection, name, word.given.strip())
    known = {(each.source, each.collection, each.name, each.given): each for each in valuewords.meanings(store)}
    try:
        valuewords.forget(store, Meaning(*place, ""))
    except UserError as gone:
        raise ApiError(404, f"no value map of {collection[:80]}.{name[:80]} says what {place[3]!r} means") from gone
    what = f"{collection}.{name}: {place[3]}"
    people.note("value map deleted", what, word.source or ALL, by=request.by, moment=request.moment)
    serving.here().changed()
    return _map(known.get(place, Meaning(*place, "")))


@router.get("/systems-of-record", response={200: list[OwnedField], **ERRORS}, auth=READ, operation_id="list_systems_of_record")
def systems_of_record(request: Caller) -> list[dict[str, Any]]:  # noqa: ARG001 - as above
    """Every field of accounts and people, with the source that has the say in it and what others told."""
    return [_field(each) for each in fieldsources.fields(serving.store())]


@router.put(
    "/systems-of-record/{collection}/{path:name}",
    response={200: OwnedField, **ERRORS},
    auth=WRITE,
    operation_id="set_system_of_record",
)
def set_system_of_record(request: Caller, collection: str, name: str, given: NewOwner) -> dict[str, Any]:
    """Give a field to a source; what is stored stays until that source tells the field."""
    return _give(request, collection, name, given.source)


@router.delete(
    "/systems-of-record/{collection}/{path:name}",
    response={200: OwnedField, **ERRORS},
    auth=WRITE,
    operation_id="delete_system_of_record",
)
def delete_system_of_record(request: Caller, collection: str, name: str) -> dict[str, Any]:
    """Give a field back to everybody: the last told wins."""
    return _give(request, collection, name, "")


def _give(request: Caller, collection: str, name: str, source: str) -> dict[str, Any]:
    if collection not in OWNED:
        raise ApiError(404, "only fields of accounts and people are given to a source")
    store = serving.store()
    if _found(collection, name) is None:
        raise ApiError(404, f"{collection} have no field {name[:60]!r} that can be given to a source")
    named = {**_sources(request, source), "": ANYBODY}
    for _, before, after in fieldsources.give(store, collection, {name: source}):
        detail = f"{named.get(before, before)} -> {named[after]}"
        people.note("system of record", f"{collection}.{name}", detail, by=request.by, moment=request.moment)
        serving.here().changed()
    return _field(_found(collection, name) or FieldOwner(collection, name, source, custom=True, passed=()))


def _found(collection: str, name: str) -> FieldOwner | None:
    fields = fieldsources.fields(serving.store())
    return next((each for each in fields if (each.collection, each.name) == (collection, name)), None)


def _sources(request: Caller, source: str) -> Mapping[str, str]:
    """What each source is called, '' for all of them. ApiError 422 where the one that was sent is none."""
    named = {"": ALL, **origins(request.moment)}
    if source not in named:
        raise ApiError(422, f"there is no source {source[:80]!r}; give one of {', '.join(each for each in named if each)}")
    return named


def _map(found: Meaning) -> dict[str, Any]:
    plain = ("source", "collection", "name", "given")
    return {**{name: getattr(found, name) for name in plain}, "meant": found.meant or None}


def _field(found: FieldOwner) -> dict[str, Any]:
    passed = [{"source": each.source, "count": each.count, "at": iso(each.at)} for each in found.passed]
    plain = {name: getattr(found, name) for name in ("collection", "name", "custom")}
    return {**plain, "source": found.source or None, "passed_over": passed}
