"""Value maps: what the words of each source mean here, and words that nothing is known of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tocsin.core.errors import UserError
from tocsin.core.vocabulary import KNOWN
from tocsin.facts import valuewords
from tocsin.facts.importing.governing import EVERYWHERE, MANUAL
from tocsin.facts.valuewords import Meaning
from tocsin.people import facade as people
from tocsin.sources.facade import origins
from tocsin.web import source
from tocsin.web.shell import Seen
from tocsin.web.views.data.frame import act, tab

ALL = "All sources"
SHOWN = 100


def show(request: Seen, moment: datetime) -> dict[str, Any]:  # noqa: ARG001 - the same for all who see it
    """The maps, and stored words that nothing is known of."""
    store = source.store()
    known = source.kept(("data", "words"), lambda: valuewords.known(store), moment)
    strange = source.kept(("data", "strange"), lambda: valuewords.strange(store), moment)
    named = {EVERYWHERE: ALL, **{each: name for each, name in origins(moment).items() if each != MANUAL}}
    maps = valuewords.meanings(store)
    mapped = {(each.collection, each.name, each.given): each.meant or "nothing" for each in maps}
    return {
        "maps": [(each, named.get(each.source, each.source)) for each in maps],
        "strange": [(each, mapped.get((each.collection, each.name, each.value), "")) for each in strange[:SHOWN]],
        "lists": [(collection, name, words) for (collection, name), words in known.items()],
        "others": max(0, len(strange) - SHOWN),
        "sources": named,
        "places": [(f"{collection}.{name}", collection, name) for collection, name in KNOWN],
    }


def say(request: Seen, moment: datetime) -> str:
    """Say what a word means."""
    meaning = _meaning(request, moment)
    if not meaning.meant and "nothing" not in request.POST:
        raise UserError(f"what does {meaning.given.strip()!r} mean? give a word, or say that it means nothing")
    before = valuewords.say(source.store(), meaning)
    what = f"{meaning.collection}.{meaning.name}: {meaning.given}"
    detail = f"{before or 'not mapped'} -> {meaning.meant or 'nothing'} ({meaning.source or ALL})"
    people.note("value mapped", what, detail, by=request.user.email, moment=moment)
    return f"{meaning.given} means {meaning.meant or 'nothing'} in all that comes from now on"


def forget(request: Seen, moment: datetime) -> str:
    """Take it back."""
    meaning = _meaning(request, moment)
    valuewords.forget(source.store(), meaning)
    what = f"{meaning.collection}.{meaning.name}: {meaning.given}"
    people.note("value map deleted", what, meaning.source or ALL, by=request.user.email, moment=moment)
    return f"{meaning.given} stands for itself from now on"


def _meaning(request: Seen, moment: datetime) -> Meaning:
    given = request.POST
    collection, _, name = given.get("place", "").partition(".")
    of = given.get("source", "")
    if of and of not in origins(moment):
        raise UserError("that source is not there any more")
    return Meaning(of, collection, name, given.get("given", "").strip(), given.get("meant", "").strip())


values = tab("data-values", show)
said = act("data-values", say)
forgotten = act("data-values", forget)
