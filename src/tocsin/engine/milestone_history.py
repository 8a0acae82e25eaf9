"""When milestones of templates were reached, as it is kept: made from the facts whenever it is asked for and not up to date.

A milestone is reached at the first start of day (in the workspace's zone) from its anchor on at which its condition holds. What
is kept is a cache: making it anew gives the same. It is made anew, for the accounts and from the day concerned, where facts
arrived that change the past, and for everybody where another version of a template decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.core.language.terms import Operation
from tocsin.core.milestones import STANDS
from tocsin.core.moment import DAY, day_of, start_of_day
from tocsin.engine.keptdays import days_between, portions
from tocsin.engine.sql.sources import EveryMoment
from tocsin.facts.reached import Kept

if TYPE_CHECKING:
    from tocsin.engine.book import Book

REVISION = 1  # raised when the same templates come to mean something else, so that what is kept is made anew
MOST = timedelta(days=3_660)  # before the last moment that is asked about, what was reached is not looked for


def bring_up_to_date(book: Book, first: datetime, last: datetime) -> None:
    """Keep what has been reached up to the start of the day of `last`, as far as milestones stand as of `first`."""
    reached, zone = book.store.reached, book.store.zone
    end = start_of_day(day_of(last, zone), zone)
    begin = start_of_day(day_of(max(first, last - MOST) - STANDS, zone), zone)
    with reached.lock:
        kept, (seen, notes) = reached.kept(), reached.notes()
        model = _model(book)
        everybody = [note.since for note in notes if note.account_id is None]
        touched = {note.account_id: note.since for note in notes if note.account_id is not None}
        if kept is None or kept.model != model or begin < kept.first or end < kept.first:
            until = end if kept is None or kept.model != model else max(end, kept.last)
            reached.drop(None, None)
            _look(book, None, days_between(begin, until, zone))
            reached.settle(Kept(model, begin, until), seen)
            return
        since = min([*everybody, kept.last + DAY])
        if everybody and since <= kept.last:
            reached.drop(None, since)
        late = {name: at for name, at in touched.items() if at <= kept.last and at < since}
        for name, at in late.items():
            reached.drop([name], at)
        if late:
            earliest = max(min(late.values()), kept.first)
            _look(book, sorted(late), [day for day in days_between(kept.first, kept.last, zone) if earliest <= day < since])
        until = max(end, kept.last)
        fresh = [day for day in days_between(max(since, kept.first), until, zone) if day >= since or day > kept.last]
        if fresh:
            _look(book, None, fresh)
        if fresh or notes or until != kept.last:
            reached.settle(Kept(model, kept.first, until), seen)


def _look(book: Book, accounts: Collection[str] | None, days: Sequence[datetime]) -> None:
    """Note what accounts (None: all) have reached at starts of days, in order, and had not before."""
    if not days:
        return
    plain = book.without_milestones
    for chunk in portions(days, book.store.scores.accounts() if accounts is None else len(accounts)):
        steps = book.milestones.steps(chunk[0], chunk[-1])
        terms = [Operation("boolean", "and", (each.there, each.holds)) for each in steps]
        if not terms:
            continue
        scope = terms[0] if len(terms) == 1 else Operation("boolean", "or", tuple(terms))
        table = plain.points(terms, EveryMoment("account", chunk, only=accounts), where=scope, ordered=False)
        for number, step in enumerate(steps):
            held = table.filter(pc.fill_null(table.column(f"f{number}"), fill_value=False)).select(["subject_id", "moment"])
            if held.num_rows:
                book.store.reached.keep(step.version.milestone.kept, _first(held))


def _first(held: pa.Table) -> pa.Table:
    """`subject_id` and the earliest `at` of each."""
    made = held.group_by("subject_id").aggregate([("moment", "min")])
    return made.select(["subject_id", "moment_min"]).rename_columns(["subject_id", "at"])


def _model(book: Book) -> str:
    """What is reached hangs on besides the facts, as text: each version with what its formulas come to, and the holidays."""
    return hashlib.sha256(repr([REVISION, book.milestones.said, book.holidays]).encode()).hexdigest()[:32]
