"""The event catalog: what events are called, and what each name stands for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa

from tocsin.facts import event_catalog
from tocsin.people import facade as people
from tocsin.web import source, words
from tocsin.web.background import Standing
from tocsin.web.shell import Seen
from tocsin.web.views.data.frame import A_PAGE, act, page_number, paging, tab

_counts = Standing[pa.Table]()


def show(request: Seen, moment: datetime) -> dict[str, Any]:
    """A page of names, most frequent first."""
    text, bare, number = request.GET.get("q", "").strip()[:200], request.GET.get("kind") == "none", page_number(request)
    seen = counts(moment)
    found = event_catalog.listing(source.store(), moment, text=text, unmarked=bare, page=number, size=A_PAGE, seen=seen)
    return {"found": found, "text": text, "bare": bare, "kinds": event_catalog.KINDS, **paging(request, number, found.total)}


def counts(moment: datetime) -> pa.Table:
    """What events say of each name: of many events a little old, so that nobody waits for it."""
    stamp = (source.store().generation, int(moment.timestamp() // 60))
    return _counts.get(source.place(), stamp, lambda: event_catalog.counts(source.store(), moment))


def mark(request: Seen, moment: datetime) -> str:
    """Say what a name stands for."""
    given = request.POST
    name, kind, feature = given.get("name", ""), given.get("kind", ""), given.get("feature", "").strip()
    done = event_catalog.mark(source.store(), name, kind, feature)
    if done.before == (kind, feature):
        return f"{name} stands for that already"
    _counts.drop()  # what stored events say has changed with it
    detail = f"{_said(*done.before)} -> {_said(kind, feature)}; {words.plural(done.events, 'stored event')}"
    people.note("event marked", name, detail, by=request.user.email, moment=moment)
    return f"{name} is {_said(kind, feature)} from now on; {words.plural(done.events, 'stored event')} changed"


def _said(kind: str, feature: str) -> str:
    return " of ".join(each for each in (kind, feature) if each) or "not marked"


events = tab("data-events", show)
set_mark = act("data-events", mark)
