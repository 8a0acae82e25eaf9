"""The channels that are always there. Every command looks after them, so this loads nothing else of delivery."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from tocsin.delivery.models import Channel as Row

BUILT_IN = {"in-app": "in-app", "email": "email"}
NO_SERVER = "no mail server is set (TOCSIN_SMTP_URL)"


def ensure_channels(moment: datetime) -> None:
    """Make the channels that are always there; e-mail is on while a mail server is set. One query otherwise."""
    known = {row.name: row for row in Row.objects.filter(name__in=BUILT_IN)}
    mailing = bool(settings.TOCSIN_SMTP_URL)
    for name, kind in BUILT_IN.items():
        if name not in known:
            off = NO_SERVER if name == "email" and not mailing else ""
            defaults = {"kind": kind, "created_at": moment, "created_by": "tocsin", "disabled_reason": off}
            Row.objects.get_or_create(name=name, defaults=defaults)
    email = known.get("email")
    if email is not None and not email.secret:
        if mailing and email.disabled_reason == NO_SERVER:
            Row.objects.filter(pk=email.pk).update(disabled_reason="")
        elif not mailing and not email.disabled_reason:
            Row.objects.filter(pk=email.pk).update(disabled_reason=NO_SERVER)
