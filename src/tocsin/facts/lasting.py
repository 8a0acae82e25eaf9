"""For how long what is known of accounts stands while only time passes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tocsin.core.moment import day_of, start_of_day
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.layout import quote
from tocsin.facts.store import Store

ACCOUNTS = COLLECTIONS["accounts"]
# Times at which an account begins to exist, or an attribute to hold or to be over.
_TIMES = tuple(each.name for each in ACCOUNTS if each.type == "time")


def unchanged_until(store: Store, moment: datetime) -> datetime:
    """The first instant (UTC) after a moment at which an attribute of an account may be another without any new fact.

    That is an entry of its history, a time that one of its columns names, or the next day in the workspace's zone, with which
    columns of days and rates of currencies change. One query.
    """
    ahead = [f'SELECT min({quote(name)}) AS "at" FROM accounts WHERE {quote(name)} > $1' for name in _TIMES]
    ahead.append('SELECT min("at") FROM account_timeline WHERE "at" > $1')
    at = moment.astimezone(UTC).replace(tzinfo=None)
    found = (
        store.query(f'SELECT min("at") AS "at" FROM ({" UNION ALL ".join(ahead)})', [at], small=True).column("at")[0].as_py()
    )
    tomorrow = start_of_day(day_of(moment, store.zone) + timedelta(days=1), store.zone)
    return tomorrow if found is None else min(tomorrow, found.replace(tzinfo=UTC))
