"""Rows that were turned away, by kind: one of them, all of them; trying them again, forgetting them."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.utils.http import urlencode

from tocsin.core.errors import UserError
from tocsin.facts import turned
from tocsin.facts.live.shapes import WAITING
from tocsin.ingest.arriving import again as reread
from tocsin.people import facade as people
from tocsin.web import source, words
from tocsin.web.shell import Seen
from tocsin.web.views.data.frame import A_PAGE, act, listed, page_number, paging, tab, taker

LONGEST_ROW = 4_000  # characters of a row as the page shows it
KINDS = 100
log = logging.getLogger("tocsin.web")


def show(request: Seen, moment: datetime) -> dict[str, Any]:  # noqa: ARG001 - the same for all who see it
    """The kinds of reasons."""
    found, kinds = turned.groups(source.store(), KINDS)
    return {
        "groups": [(each, urlencode(_query(each.kind)), _place(each.example), _short(each.example.row)) for each in found],
        "kinds": kinds,
        "others": max(0, kinds - len(found)),
        "waiting": WAITING,
    }


def show_rows(request: Seen, moment: datetime) -> dict[str, Any]:  # noqa: ARG001
    """A page of the rows of one kind."""
    kind, number = _kind(request.GET), page_number(request)
    found, total = turned.rows_of(source.store(), kind, page=number, size=A_PAGE)
    return {
        "kind": kind,
        "rows": [(each, _place(each), pretty(each.row)) for each in found],
        "most": turned.MOST_AT_ONCE,
        **paging(request, number, total),
    }


def try_again(request: Seen, moment: datetime) -> str:
    """Read rows that came over HTTP once more, through the door that they came by."""
    kind = _kind(request.POST)
    takes, limits = taker()

    def take(rows: Sequence[turned.Waiting]) -> int:
        leaving = [(collection, row) for collection, row, _ in rows]
        return takes.take(reread(rows, limits), None, moment, leaving).refused

    tried = turned.try_again(source.store(), kind, take)
    if tried.error is not None:
        log.error("rejected rows could not be tried again", exc_info=tried.error)
    if tried.error is not None and not tried.given:
        raise UserError(
            f"they failed again with {type(tried.error).__name__}, and stay here as they were; the server's log says where"
        )
    said = listed([
        f"{tried.given - tried.refused:,} came in",
        f"{words.plural(tried.refused, 'row')} turned away again" if tried.refused else "",
        f"{words.plural(tried.stay, 'row')} failed again and stayed here as they were" if tried.stay else "",
    ])  # fmt: skip
    people.note("rejected rows tried again", _named(kind), said, by=request.user.email, moment=moment)
    return f"{words.plural(tried.given + tried.stay, 'row')} tried again: {said}"


def forget(request: Seen, moment: datetime) -> str:
    """Delete the rows of a kind."""
    kind = _kind(request.POST)
    gone = words.plural(turned.forget(source.store(), kind), "row")
    people.note("rejected rows forgotten", _named(kind), gone, by=request.user.email, moment=moment)
    return f"{gone} forgotten"


def pretty(text: str) -> str:
    """A row as received, its JSON over several lines; as it is where it cannot be read, cut where it is very long."""
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    return text if len(text) <= LONGEST_ROW else f"{text[:LONGEST_ROW]}…"


def _short(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:160]}…"


def _kind(given: QueryDict) -> turned.Kind:
    return turned.Kind(given.get("source", ""), given.get("collection", ""), given.get("reason", ""))


def _query(kind: turned.Kind) -> dict[str, str]:
    return {"source": kind.source, "collection": kind.collection, "reason": kind.reason}


def _named(kind: turned.Kind) -> str:
    return f"{kind.collection} ({kind.source}): {kind.reason}"[:400]


def _place(row: turned.Row) -> str:
    """Where a row stood: `events.csv:12`; empty over HTTP. Only the name of the file, whose folder is nobody's business."""
    if row.file is None:
        return ""
    name = row.file.replace("\\", "/").rsplit("/", 1)[-1]
    return name if row.line is None else f"{name}:{row.line}"


rejected = tab("data-rejected", show)
rows = tab("data-rejected", show_rows, "rejected_rows")
again = act("data-rejected", try_again)
forgotten = act("data-rejected", forget)
