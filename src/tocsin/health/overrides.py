"""Overrides: a person's score in the place of the computed one, with a reason, and for a time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from math import isfinite

from django.db import transaction
from django.db.models import Q

from tocsin.core.errors import UserError
from tocsin.core.moment import iso
from tocsin.engine import Book
from tocsin.health.models import AuditEntry, Override
from tocsin.health.shapes import AuditLine, OverrideInfo

FIELD = "health_override"  # the attribute in whose history the score stands, so that it is seen as of any moment


def set_override(
    book: Book, account_id: str, *, score: float, reason: str, until: datetime, by: str, moment: datetime
) -> OverrideInfo:
    """Put a score (0 to 100) in the place of the computed one from now until a time; it takes the place of a running one.

    UserError where the account is not there or has churned, or the score, the reason or the time are not right.
    """
    if not isfinite(score) or not 0 <= score <= 100:
        raise UserError(f"a score is from 0 to 100, not {score:g}")
    if not reason.strip():
        raise UserError("an override needs a reason, so that others know why the score is not the computed one")
    if until <= moment:
        raise UserError(f"the override would have ended already ({iso(until)}); give a time ahead")
    _alive(book, account_id, moment)
    with transaction.atomic():
        _end(account_id, by=by, moment=moment)
        row = Override.objects.create(
            account_id=account_id, score=score, reason=reason.strip(), set_at=moment, until=until, by=by
        )
        detail = {"score": score, "reason": row.reason, "until": iso(until)}
        AuditEntry.objects.create(at=moment, by=by, act="overrode", what=f"health of {account_id}", detail=detail)
        book.store.record(account_id, FIELD, [(repr(float(score)), moment), (None, until)], after=moment)
    return _info(row, moment)


def lift_override(book: Book, account_id: str, *, by: str, moment: datetime) -> OverrideInfo:
    """End the running override of an account now. UserError where there is none."""
    with transaction.atomic():
        row = _end(account_id, by=by, moment=moment)
        if row is None:
            raise UserError(f"the health of account {account_id!r} is not overridden")
        AuditEntry.objects.create(at=moment, by=by, act="lifted", what=f"override of the health of {account_id}")
        book.store.record(account_id, FIELD, [(None, moment)], after=moment)
    return _info(row, moment)


def overrides(moment: datetime, accounts: Collection[str] | None = None, *, active: bool = True) -> list[OverrideInfo]:
    """The overrides that hold as of a moment, or all that were ever set before it, newest first."""
    rows = Override.objects.filter(set_at__lte=moment)
    if accounts is not None:
        rows = rows.filter(account_id__in=accounts)
    if active:
        rows = rows.filter(until__gt=moment).filter(Q(lifted_at=None) | Q(lifted_at__gt=moment))
    return [_info(row, moment) for row in rows]


def audit(limit: int = 200) -> list[AuditLine]:
    """The latest changes of profiles and overrides, newest first."""
    return [AuditLine(row.at, row.by, row.act, row.what, row.detail) for row in AuditEntry.objects.all()[:limit]]


def _alive(book: Book, account_id: str, moment: datetime) -> None:
    rows = book.signals(["status"], [moment], only=[account_id]).to_pylist()
    if not rows:
        raise UserError(f"there is no account {account_id!r} as of {iso(moment)}")
    if rows[0]["f0"] == "churned":
        raise UserError(f"account {account_id!r} has churned: its health stays as it was then")


def _end(account_id: str, *, by: str, moment: datetime) -> Override | None:
    """The running override, ended now; None where there is none."""
    running = Override.objects.filter(account_id=account_id, until__gt=moment, lifted_at=None).first()
    if running is not None:
        running.lifted_at, running.lifted_by = moment, by
        running.save(update_fields=["lifted_at", "lifted_by"])
    return running


def _info(row: Override, moment: datetime) -> OverrideInfo:
    ended = row.lifted_at is not None and row.lifted_at <= moment
    return OverrideInfo(
        row.account_id,
        row.score,
        row.reason,
        row.set_at,
        row.until,
        row.by,
        row.lifted_at,
        row.lifted_by,
        active=row.set_at <= moment < row.until and not ended,
    )
