"""Which mark an alert wears: its severity, or the arrow of a good signal; and the icons of what happens."""

from __future__ import annotations

from tocsin.alerts.facade import Alert

GOOD_CATEGORIES = frozenset({"upsell"})
# Of these, what is for information alone is good news: a customer won, a first use, an onboarding completed, a renewal.
GOOD_WHERE_INFO = frozenset({"onboarding", "renewal"})

_ENTRY_ICONS = {
    "opened": "bell",
    "acknowledged": "check",
    "snoozed": "clock",
    "woken": "bell",
    "refired": "clock",
    "held": "mute",
    "released": "bell",
    "renotified": "mail",
    "escalated": "up",
    "assigned": "user",
    "commented": "edit",
    "stepped": "cal",
    "closed": "check",
    "reopened": "history",
}


def favourable(alert: Alert) -> bool:
    """Whether it is a good signal: something to build on rather than to mend."""
    good_news = alert.severity == "info" and alert.category in GOOD_WHERE_INFO
    return good_news or alert.category in GOOD_CATEGORIES


def mark(alert: Alert) -> str:
    """The mark of an alert: its severity, or `favour`."""
    return "favour" if favourable(alert) else alert.severity


def entry_icon(kind: str) -> str:
    """The icon of a line of an alert's timeline."""
    return _ENTRY_ICONS.get(kind, "dots")
