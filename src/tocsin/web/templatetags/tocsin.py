"""Marks and words of the pages: icons, severities, money, days and times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.template.context import Context
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from tocsin.alerts.facade import Alert
from tocsin.web import tones, words

register = template.Library()

_SHAPES = {
    "critical": '<path d="M4.6 1h4.8L13 4.6v4.8L9.4 13H4.6L1 9.4V4.6z"/><path class="cut" d="M7 4v3.5M7 10h.01"/>',
    "high": '<path d="M7 1.75L13 12.25H1z"/><path class="cut" d="M7 5.5v2.75M7 10.25h.01"/>',
    "medium": '<path d="M7 1.5L12.5 7 7 12.5 1.5 7z"/>',
    "low": '<circle cx="7" cy="7" r="4.5"/>',
    "info": '<circle cx="7" cy="7" r="1.75"/>',
    "favour": '<circle cx="7" cy="7" r="5.75"/><path d="M7 9.75v-5.5M4.75 6.5L7 4.25 9.25 6.5"/>',
}


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, size: str = "") -> SafeString:
    """The icon of that name; decoration only, so a word must stand beside it."""
    attribute = format_html(' data-size="{}"', size) if size else ""
    return format_html(
        '<svg class="icon"{} viewBox="0 0 16 16" aria-hidden="true"><use href="#i-{}"></use></svg>', attribute, name
    )


@register.simple_tag
@lru_cache(maxsize=64)
def severity(kind: str, label: bool = True) -> SafeString:
    """The mark of a severity: a shape of its own, so that colour is the second cue; named for readers unless told not to."""
    kind = kind if kind in _SHAPES else "info"
    named = format_html('role="img" aria-label="{}"', words.severity(kind)) if label else 'aria-hidden="true"'
    return format_html(
        '<svg class="sev" data-sev="{}" viewBox="0 0 14 14" {}>{}</svg>',
        kind,
        mark_safe(named),  # noqa: S308 - made above, the label escaped
        mark_safe(_SHAPES[kind]),  # noqa: S308 - a constant of this module
    )


@register.simple_tag(takes_context=True)
def ago(context: Context, moment: datetime | None, short: bool = True) -> SafeString:
    """How long ago a moment was (`22 h`), with the exact time on hover."""
    if moment is None:
        return SafeString("")
    return timed(moment, words.ago(moment, context["now"], short=short))


@register.simple_tag(takes_context=True)
def clock(context: Context, moment: datetime | None) -> SafeString:
    """A moment as a person reads it (`09:12`, `yesterday 14:30`, `11 Mar 11:24`), with the exact time on hover."""
    if moment is None:
        return SafeString("")
    return timed(moment, words.clock(timezone.localtime(moment), timezone.localtime(context["now"])))


def timed(moment: datetime, text: str) -> SafeString:
    """A time as a person reads it, with the exact one for machines and on hover."""
    return _timed(moment, timezone.get_current_timezone_name(), text)


@lru_cache(maxsize=4096)  # a list shows few moments, each many times: that of a sweep is when most of its alerts opened
def _timed(moment: datetime, zone: str, text: str) -> SafeString:
    """As `timed`. zone: the one of this thread, in which the moment is told; equal moments may come from several."""
    del zone
    local = timezone.localtime(moment)
    return format_html('<time class="num" datetime="{}" title="{}">{}</time>', local.isoformat(), words.exact(local), text)


@register.simple_tag(takes_context=True)
def money(context: Context, amount: float | None, empty: str = "–") -> str:
    """An amount in the workspace's currency (`$12,400`); what stands for an unknown one where there is none."""
    return empty if amount is None else words.money(amount, str(context.get("currency") or ""))


@register.simple_tag(takes_context=True)
def days_to(context: Context, day: date | None) -> str:
    """How far a day is (`23 d`, `today`, `4 d ago`, `Feb 2027` when more than 120 days away)."""
    return "" if day is None else words.days_to(day, timezone.localtime(context["now"]).date())


@register.filter
def day(value: date | datetime | None) -> str:
    """A day in full: `Sat 4 Apr 2026`."""
    if value is None:
        return ""
    return words.day(timezone.localtime(value).date() if isinstance(value, datetime) else value)


@register.filter
def initials(name: str) -> str:
    """One or two letters that stand for a name."""
    return words.initials(name)


@register.filter
def figure(value: Any) -> str:
    """A number, text or truth value as a table shows it."""
    return words.figure(value)


@register.filter
def plural(count: int, noun: str) -> str:
    """`3|plural:"alert"` is `3 alerts`; `"person,people"` gives both forms."""
    return words.plural(count, noun)


@register.filter
def spoken(value: str) -> str:
    """A word of the machine as people write it: `false_alarm` is `False alarm`."""
    return words.spoken(value)


@register.filter
def sev_word(kind: str) -> str:
    """The word of a mark: `Critical`, `Good signal`."""
    return words.severity(kind)


@register.filter
def mark(alert: Alert) -> str:
    """The mark that an alert wears."""
    return tones.mark(alert)


@register.filter
def sentence(alert: Alert) -> str:
    """What is so, without the account's name in front: for places where that stands above it."""
    return words.headline(alert.message, alert.account.name if alert.account else "")


@register.filter
def what(alert: Alert) -> str:
    """What is so: the first sentence of the alert."""
    return words.sentences(alert.message)[0]


@register.filter
def advice(alert: Alert) -> str:
    """What to do about it: the rest of the alert's sentences."""
    return words.sentences(alert.message)[1]


@register.filter
def sentence_case(text: str) -> str:
    """The text with its first letter large, unless it begins with a field's name, which is written as it is: `userId`."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    return text if "_" in first or first[1:] != first[1:].lower() else text[:1].upper() + text[1:]


@register.filter
def said(text: str) -> str:
    """What went wrong as a sentence: its first letter large, unless it begins with the name of a file."""
    return words.said(text)


@register.filter
def step(value: str) -> str:
    """The step of a countdown: `30 days before`, `on the day`, `overdue`."""
    return {"0": "on the day", "1": "1 day before"}.get(value, f"{value} days before") if value.isdigit() else value


@register.filter
def entry(held: Mapping[str, str], key: str) -> str:
    """What stands under a key; the key itself where nothing does."""
    return held.get(key, key)


@register.filter
def coded(text: str) -> SafeString:
    """A sentence in which what stands between backticks is code."""
    parts = text.split("`")
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if n % 2 else part,) for n, part in enumerate(parts))
    )


@register.filter
def lasted(length: timedelta) -> str:
    """How long something took: `14 d`, `6 h`."""
    hours = length / timedelta(hours=1)
    return f"{words.number(hours)} h" if hours < 48 else words.days(round(hours / 24))


@register.filter
def collection_name(value: str) -> str:
    """The name of a collection as people write it: `account_team` is `Account team`, `csms` is `CSMs`."""
    return "CSMs" if value == "csms" else words.spoken(value)


@register.filter
def slugged(text: str) -> str:
    """A name of a field as an id: without dots, which a script would take for classes."""
    return text.replace(".", "-")


@register.filter
def addstr(text: str, value: object) -> str:
    """A text with another value behind it, whatever that is."""
    return f"{text}{value}"


@register.filter
def times(value: float | None, factor: int) -> float | None:
    """A product; nothing of nothing."""
    return None if value is None else value * factor


@register.filter
def share(part: float | None, whole: float | None) -> str:
    """A part of a whole as a percentage; nothing where it cannot be said."""
    return words.percent(part / whole) if part is not None and whole else ""
