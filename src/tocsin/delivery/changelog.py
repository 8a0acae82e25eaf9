"""Who changed what of the set-up of delivery, or did something with it: channels, silences, messages sent after all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tocsin.delivery.models import ChangeLog

LONGEST = 200  # characters of what something was done to


@dataclass(frozen=True, slots=True)
class ChangeInfo:
    """One thing that somebody did. act: a verb in the past; what: `channel ops`, `silence account = A17`."""

    at: datetime
    by: str
    act: str
    what: str
    detail: Mapping[str, Any] = field(hash=False)


def note(act: str, what: str, *, by: str, moment: datetime, detail: Mapping[str, Any] | None = None) -> None:
    """Write down what somebody did. detail: never a secret."""
    short = what if len(what) <= LONGEST else what[: LONGEST - 1] + "…"
    ChangeLog.objects.create(at=moment, by=by, act=act, what=short, detail=dict(detail or {}))


def changes(limit: int = 100) -> list[ChangeInfo]:
    """Who did what, the latest first."""
    return [ChangeInfo(row.at, row.by, row.act, row.what, row.detail) for row in ChangeLog.objects.all()[:limit]]
