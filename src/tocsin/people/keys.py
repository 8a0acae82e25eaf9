"""Keys for programs: made once, shown once, kept as a hash. A key of high entropy needs no slow hash to be found by."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from tocsin.core.errors import UserError
from tocsin.people import audit
from tocsin.people.models import ApiKey
from tocsin.people.shapes import KeyInfo

KINDS = ("write", "api")
SCOPES = ("read", "alerts:write", "rules:write", "people:write", "delivery:write", "admin")
DEFAULT_SCOPES = ("read",)
PREFIX = {"write": "tw_", "api": "ta_"}
NOTED_EVERY = timedelta(minutes=1)  # the use of a key is noted no more often


def create_key(name: str, kind: str, scopes: Sequence[str] = (), *, by: str, moment: datetime) -> tuple[KeyInfo, str]:
    """A new key and, this once, the key itself. UserError for an unknown kind or scope, or a name that is empty or taken."""
    label = name.strip()
    if not label or len(label) > 100:
        raise UserError("a key needs a name of at most 100 characters that says what it is for")
    if kind not in KINDS:
        raise UserError(f"unknown kind of key {kind!r}; it is one of {', '.join(KINDS)}")
    if kind == "write" and scopes:
        raise UserError("a write key only takes data in; it has no scopes")
    wanted = tuple(dict.fromkeys(scopes)) or (DEFAULT_SCOPES if kind == "api" else ())
    for scope in wanted:
        if scope not in SCOPES:
            raise UserError(f"unknown scope {scope!r}; there are {', '.join(SCOPES)}")
    secret = PREFIX[kind] + secrets.token_urlsafe(32)
    with transaction.atomic():
        if ApiKey.objects.filter(name=label, revoked_at=None).exists():
            raise UserError(f"there is a key {label!r} already; revoke it, or take another name")
        row = ApiKey.objects.create(
            name=label, kind=kind, hash=_hash(secret), scopes=list(wanted), created_at=moment, created_by=by
        )
        audit.note("key made", label, f"{kind} {' '.join(wanted)}".strip(), by=by, moment=moment)
    return _info(row), secret


def key_for(secret: str, moment: datetime) -> KeyInfo | None:
    """Whose key it is, None where it is unknown or revoked; notes its use, at most once a minute.

    What is compared is the hash, so that the time that it takes says nothing about the key.
    """
    row = ApiKey.objects.filter(hash=_hash(secret), revoked_at=None).first()
    if row is None:
        return None
    stale = Q(last_used_at=None) | Q(last_used_at__lt=moment - NOTED_EVERY)
    if row.last_used_at is None or row.last_used_at < moment - NOTED_EVERY:
        ApiKey.objects.filter(stale, pk=row.pk).update(last_used_at=moment)
    return _info(row)


def revoke_key(key_id: str, *, by: str, moment: datetime) -> KeyInfo:
    """From now on the key opens nothing. UserError where there is none, or it is revoked already."""
    with transaction.atomic():
        row = ApiKey.objects.filter(pk=int(key_id) if key_id.isdecimal() and len(key_id) < 19 else -1).first()
        if row is None:
            raise UserError(f"there is no key {key_id!r}; `tocsin keys list` shows the ids")
        if row.revoked_at is not None:
            raise UserError(f"the key {row.name!r} is revoked already")
        row.revoked_at = moment
        row.save(update_fields=["revoked_at"])
        audit.note("key revoked", row.name, by=by, moment=moment)
    return _info(row)


def list_keys(*, revoked: bool = False) -> list[KeyInfo]:
    """The keys that open something, oldest first; the revoked ones too where asked."""
    rows = ApiKey.objects.all() if revoked else ApiKey.objects.filter(revoked_at=None)
    return [_info(row) for row in rows]


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _info(row: ApiKey) -> KeyInfo:
    return KeyInfo(
        id=str(row.pk),
        name=row.name,
        kind=row.kind,
        scopes=tuple(row.scopes),
        created_at=row.created_at,
        created_by=row.created_by,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
