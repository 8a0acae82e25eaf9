"""Accounts that an alias made one with another, and splitting them again."""

from __future__ import annotations

from typing import Any

from ninja import Query, Router, Schema
from pydantic import Field

from tocsin import serving
from tocsin.api import paging
from tocsin.api.access import Caller, may
from tocsin.api.alerts import ERRORS
from tocsin.facts.merged import Merged, merged, told
from tocsin.ingest.parting import split
from tocsin.people import facade as people

router = Router()
READ, ADMIN = may("read", people.RUNS), may("admin")


class MergedAccount(Schema):
    """An account that was only a name and went into another one.

    rows: collection -> how many rows go back when it is split. people: how many were told to be of it. told: what splitting
    does, in words. blocked: the account that has to be split first, '' for none.
    """

    id: str
    into: str
    into_name: str
    rows: dict[str, int]
    people: int
    blocked: str
    told: str


class MergedPage(Schema):
    """A part of a list, by id. next: the cursor of the next part, null at the end."""

    items: list[MergedAccount]
    next: str | None


class MergedFilters(Schema):
    """Which part."""

    cursor: paging.Cursor = ""
    limit: int = Field(50, ge=1, le=paging.MOST)


@router.get("/merged-accounts", response={200: MergedPage, **ERRORS}, auth=READ, operation_id="list_merged_accounts")
def listing(request: Caller, filters: Query[MergedFilters]) -> dict[str, Any]:
    """Accounts that were only a name and are one with another now, by id."""
    place = paging.place("merged-accounts", filters.cursor)
    found = merged(serving.store(), after=place[1] if place else "", size=filters.limit + 1)
    shown = found[: filters.limit]
    following = paging.mark("merged-accounts", request.moment, shown[-1].id) if len(found) > len(shown) else None
    return {"items": [_merged(each) for each in shown], "next": following}


@router.post(
    "/merged-accounts/{account_id}/split", response={200: MergedAccount, **ERRORS}, auth=ADMIN, operation_id="split_account"
)
def split_one(request: Caller, account_id: str) -> dict[str, Any]:
    """Take a merge back, for good: what was its own returns to the account. Gives what it was until now."""
    here = serving.here()
    done = split(serving.store(), here.configuration.limits, account_id, request.moment)
    detail = f"from {done.into}; {done.total:,} rows went back"
    people.note("account split", done.id, detail, by=request.by, moment=request.moment)
    here.changed()
    return _merged(done)


def _merged(found: Merged) -> dict[str, Any]:
    plain = ("id", "into", "into_name", "people", "blocked")
    return {**{name: getattr(found, name) for name in plain}, "rows": dict(found.rows), "told": told(found)}
