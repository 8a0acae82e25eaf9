"""For each field of accounts and people, its system of record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tocsin.core.errors import UserError
from tocsin.facts import fieldsources
from tocsin.facts.importing.governing import OWNED
from tocsin.people import facade as people
from tocsin.sources.facade import origins
from tocsin.web import source, words
from tocsin.web.shell import Seen
from tocsin.web.views.data.frame import act, tab

ANYBODY = "the last told wins"


def show(request: Seen, moment: datetime) -> dict[str, Any]:  # noqa: ARG001 - the same for all who see it
    """The fields, each with who has the say in it and what others told."""
    named = origins(moment)
    found = fieldsources.fields(source.store())
    groups = []
    for collection in OWNED:
        own = [each for each in found if each.collection == collection]
        groups.append((
            collection,
            [(each, [(named.get(told.source, told.source), told) for told in each.passed]) for each in own],
            sum(1 for each in own if each.source),
        ))  # fmt: skip
    gone = {each.source for each in found if each.source and each.source not in named}
    return {"groups": groups, "sources": {**named, **{each: f"{each}, which is removed" for each in sorted(gone)}}}


def give(request: Seen, moment: datetime) -> str:
    """Give fields to sources."""
    collection = request.POST.get("collection", "")
    if collection not in OWNED:
        raise UserError("only fields of accounts and people are given to a source")
    named = {**origins(moment), "": ANYBODY}
    known = {each.name: each.source for each in fieldsources.fields(source.store()) if each.collection == collection}
    wanted = {
        name: request.POST.get(f"of.{name}", before)
        for name, before in known.items()
        if request.POST.get(f"of.{name}", before) != before
    }
    for chosen in wanted.values():
        if chosen not in named:
            raise UserError("that source is not there any more")
    changed = fieldsources.give(source.store(), collection, wanted)
    for name, before, after in changed:
        detail = f"{named.get(before, before)} -> {named[after]}"
        people.note("system of record", f"{collection}.{name}", detail, by=request.user.email, moment=moment)
    if not changed:
        return "That is how it is already"
    return f"{words.plural(len(changed), 'field')} of {collection} changed: {', '.join(name for name, *_ in changed)[:200]}"


fields = tab("data-fields", show)
given = act("data-fields", give)
