"""The sources of a workspace: set up, changed, paused, removed. Every change is written down with who made it."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from tocsin.core.characters import has_half, has_nul
from tocsin.core.errors import UserError
from tocsin.core.language import suggestion
from tocsin.core.made import Made
from tocsin.ingest.hooks import VENDORS, Request
from tocsin.ingest.hooks.generic.mapping import rules
from tocsin.ingest.hooks.values import text_map, zone_of
from tocsin.people import audit
from tocsin.sources import keyring, refusals
from tocsin.sources.finding import found, near
from tocsin.sources.keyring import CHOSEN_HERE, Secret
from tocsin.sources.models import HookDelivery, Pull
from tocsin.sources.models import Source as Row
from tocsin.sources.shapes import DeliveryInfo, RefusalInfo, SourceInfo

PREFIX = "/hooks/"
RECENT = 20
_DEEPEST = 20  # levels of a setting; what is meant has three or four
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is read as another


def create_source(
    vendor: str,
    name: str,
    *,
    by: str,
    moment: datetime,
    given: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> Made[SourceInfo]:
    """Set a source up. given: its secrets; without any, one is made where we choose it, else it comes later.

    UserError says what is wrong with its vendor, name, secrets or settings.
    """
    if vendor not in VENDORS:
        hint = suggestion(vendor, VENDORS) or f"; there are {', '.join(VENDORS)}"
        raise UserError(f"unknown kind of source {vendor!r}{hint}")
    label = name.strip()
    if not label or len(label) > 100 or not label.isprintable():
        raise UserError("a source needs a name of at most 100 characters that says what it is")
    if Pull.objects.filter(name=label).exists():
        raise UserError(f"there is a source {label!r} already; give another name")
    _known(vendor, settings or {})
    kept = _checked(vendor, settings or {}, moment)
    texts = list(dict.fromkeys(keyring.checked(each) for each in given))
    if len(texts) > keyring.MOST:
        raise UserError(f"a source has {keyring.MOST} secrets at most")
    own = keyring.made() if not texts and vendor in CHOSEN_HERE else ""
    held = [Secret(each, moment) for each in texts or ([own] if own else [])]
    try:
        with transaction.atomic():
            row = Row.objects.create(
                public_id=f"src_{''.join(secrets.choice(_LETTERS) for _ in range(8))}",
                vendor=vendor,
                name=label,
                secrets=keyring.closed(held),
                settings=kept,
                created_at=moment,
                created_by=by,
            )
            _note(row, "source made", f"{vendor} {row.public_id}", by, moment)
    except IntegrityError as error:
        raise UserError(f"there is a source {label!r} already; give another name") from error
    return Made(info(row), own)


def list_sources() -> list[SourceInfo]:
    """All sources, by name."""
    return [info(row) for row in Row.objects.all()]


def source_info(reference: str) -> SourceInfo:
    """One source, by its id or name. UserError where there is none."""
    return info(row_of(reference))


def pause_source(reference: str, *, by: str, moment: datetime) -> SourceInfo:
    """Take nothing from a source for now: it is asked to come again later."""
    return _pause(reference, True, "source paused", by, moment)


def resume_source(reference: str, *, by: str, moment: datetime) -> SourceInfo:
    """Take what a source sends again."""
    return _pause(reference, False, "source resumed", by, moment)


def add_secret(reference: str, secret: str = "", *, by: str, moment: datetime) -> Made[SourceInfo]:
    """One more secret that the source may sign with; made where none is given and we choose it.

    UserError where it is there already, there are too many, or the vendor gives the secret.
    """
    found = row_of(reference)
    if not secret.strip() and found.vendor not in CHOSEN_HERE:
        title = VENDORS[found.vendor].title
        raise UserError(f"{title} gives the secret; pass the one that it shows. {VENDORS[found.vendor].secret_hint}")
    own = "" if secret.strip() else keyring.made()
    fresh = Secret(own or keyring.checked(secret), moment)
    with transaction.atomic():
        row = Row.objects.select_for_update().get(pk=found.pk)
        held = keyring.readable(row.secrets)
        if any(each.text == fresh.text for each in held):
            raise UserError(f"the source {row.name!r} has that secret already")
        if len(held) >= keyring.MOST:
            raise UserError(f"a source has {keyring.MOST} secrets at most; remove an old one first")
        row.secrets = keyring.closed([*held, fresh])
        row.save(update_fields=["secrets"])
        _note(row, "secret added", fresh.id, by, moment)
    return Made(info(row), own)


def remove_secret(reference: str, secret_id: str, *, by: str, moment: datetime) -> SourceInfo:
    """From now on that secret signs nothing. UserError where the source has none of that id."""
    found = row_of(reference)
    with transaction.atomic():
        row = Row.objects.select_for_update().get(pk=found.pk)
        held = keyring.readable(row.secrets)
        rest = [each for each in held if each.id != secret_id]
        if len(rest) == len(held):
            known = ", ".join(each.id for each in held) or "none"
            raise UserError(f"there is no secret {secret_id!r} of the source {row.name!r}; it has {known}")
        row.secrets = keyring.closed(rest)
        row.save(update_fields=["secrets"])
        _note(row, "secret removed", secret_id, by, moment)
    return info(row)


def set_settings(reference: str, settings: Mapping[str, Any], *, by: str, moment: datetime) -> SourceInfo:
    """Change settings of a source: those not named stay, '' and null take one away. UserError says what is wrong."""
    found = row_of(reference)
    _known(found.vendor, settings)
    with transaction.atomic():
        row = Row.objects.select_for_update().get(pk=found.pk)
        row.settings = _checked(row.vendor, {**row.settings, **settings}, moment)
        row.save(update_fields=["settings"])
        _note(row, "source changed", ", ".join(sorted(settings)), by, moment)
    return info(row)


def delete_source(reference: str, *, by: str, moment: datetime) -> SourceInfo:
    """Remove a source; what it has told stays. Gives what it was."""
    row = row_of(reference)
    was = info(row)
    with transaction.atomic():
        _note(row, "source removed", f"{row.vendor} {row.public_id}", by, moment)
        row.delete()
    return was


def recent_deliveries(reference: str) -> list[DeliveryInfo]:
    """The last signed deliveries of a source and what became of them, newest first."""
    rows = HookDelivery.objects.filter(source=row_of(reference))[:RECENT]
    return [DeliveryInfo(row.delivery_id, row.received_at, row.became, row.detail) for row in rows]


def recent_refusals(reference: str) -> list[RefusalInfo]:
    """The requests of a source that were refused lately, and why, the latest first. UserError where there is no such source."""
    return refusals.refusals_of(row_of(reference))


def row_of(reference: str) -> Row:
    """The stored source of an id or a name. UserError where there is none."""
    row = found(Row.objects.all(), reference)
    if row is None:
        raise UserError(f"there is no source {reference!r}{near(Row.objects.all(), reference)}")
    return row


def info(row: Row) -> SourceInfo:
    """What is shown of a stored source."""
    vendor = VENDORS[row.vendor]
    return SourceInfo(
        id=row.public_id,
        vendor=row.vendor,
        title=vendor.title,
        name=row.name,
        path=f"{PREFIX}{row.vendor}/{row.public_id}",
        hint=vendor.secret_hint,
        secrets=tuple(each.info() for each in keyring.readable(row.secrets)),
        settings=dict(row.settings),
        created_at=row.created_at,
        created_by=row.created_by,
        paused=row.paused,
        last_received_at=row.last_received_at,
        last_error=row.last_error,
        last_error_at=row.last_error_at,
        received=row.received,
        refused=row.refused,
    )


def _pause(reference: str, paused: bool, act: str, by: str, moment: datetime) -> SourceInfo:
    row = row_of(reference)
    with transaction.atomic():
        row.paused = paused
        row.save(update_fields=["paused"])
        _note(row, act, "", by, moment)
    return info(row)


def _known(vendor: str, settings: Mapping[str, Any]) -> None:
    """UserError where one that is given is no setting of this vendor; one that is taken away may be any."""
    names = VENDORS[vendor].settings
    for name, value in settings.items():
        if name not in names and value not in ("", None):
            raise UserError(f"a source of kind {vendor} has no setting {name!r}; it has {', '.join(names) or 'none'}")


def _checked(vendor: str, settings: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
    """The settings that are not empty. UserError where the vendor's reader cannot work with them."""
    kept = {str(name): value for name, value in settings.items() if value not in ("", None)}
    _storable(kept)
    zone_of(kept)
    if vendor == "generic":
        rules(kept)
        return kept
    # The reader of a vendor checks its settings as it reads, so it reads the vendor's own sample with them; and the rest here,
    # as the sample has not got everything.
    found = VENDORS[vendor]
    found.read(Request("POST", f"https://localhost{PREFIX}{vendor}/test", {}, found.sample(moment), moment), kept)
    for name, form in found.settings.items():
        given = kept.get(name)
        if form == "words":
            text_map(kept, name)
        elif form == "nested" and isinstance(given, Mapping):
            for part in given:
                text_map(given, part)
    return kept


def _storable(value: Any, deep: int = 0) -> None:
    """UserError where a setting holds what no database keeps as JSON: NaN, infinities, NUL, halves of a character."""
    if deep > _DEEPEST:
        raise UserError("a setting is nested too deep to be read")
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple):
        for each in value:
            _storable(each, deep + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"a setting holds {value}, no number that can be kept; write another one")
    elif isinstance(value, str) and (has_nul(value) or has_half(value)):
        raise UserError("a setting holds a character that cannot be kept; take it out")


def _note(row: Row, act: str, detail: str, by: str, moment: datetime) -> None:
    audit.note(act, row.name, detail, by=by, moment=moment)
