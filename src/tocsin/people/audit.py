"""Who changed what of people, roles and keys, and when."""

from __future__ import annotations

from datetime import datetime

from tocsin.people.models import PeopleChange
from tocsin.people.shapes import Change


def note(act: str, what: str, detail: str = "", *, by: str, moment: datetime) -> None:
    """Write a line; inside of the transaction of the change."""
    PeopleChange.objects.create(at=moment, by=by, act=act, what=what[:400], detail=detail)


def changes(limit: int = 200) -> list[Change]:
    """The latest changes, newest first."""
    return [Change(row.at, row.by, row.act, row.what, row.detail) for row in PeopleChange.objects.all()[:limit]]
