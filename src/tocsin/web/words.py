"""How the pages say things: money, days, times and numbers as people write them. Pure; the moment is passed in."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta
from typing import Any

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩", "BRL": "R$", "AUD": "A$", "CAD": "C$"}
_SEVERITIES = {"favour": "Good signal"}
DAY, MONTH = 86400, 30.4375 * 86400  # seconds
_FAR = 120  # from here on a month says more than a count of days


def severity(kind: str) -> str:
    """The word of a severity mark."""
    return _SEVERITIES.get(kind, kind.capitalize())


_LETTERS = re.compile(r"\b(qbr|nps|csat|ces|mrr|arr|sla|id|api|csm)\b")


def spoken(value: str) -> str:
    """`false_alarm` -> `False alarm`, `days_since_qbr` -> `Days since QBR`."""
    text = _LETTERS.sub(lambda found: found[1].upper(), value.replace("_", " ").replace("-", " ").strip())
    return text[:1].upper() + text[1:]


def plural(count: int, noun: str) -> str:
    """`1 alert`, `3 alerts`; a noun of two forms is written `person,people`."""
    one, _, many = noun.partition(",")
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def number(value: float) -> str:
    """A number as short as it can be read: thousands apart, at most two places, none from 100 on."""
    if math.isnan(value) or math.isinf(value):
        return "–"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}".replace("-", "−")
    places = 1 if abs(value) >= 10 else 2
    return f"{value:,.{places}f}".rstrip("0").rstrip(".").replace("-", "−")


def days(value: float) -> str:
    """A number of days: `151 d`, `1.6 d`; fractions only below three."""
    return f"{number(value if abs(value) < 3 else round(value))} d"


def money(amount: float, currency: str = "") -> str:
    """`$12,400`, `CHF 12,400`, or the bare number where the currency is not known; cents only below 100."""
    whole = f"{abs(amount):,.0f}" if abs(amount) >= 100 or amount == int(amount) else f"{abs(amount):,.2f}"
    sign = SIGNS.get(currency, f"{currency} " if currency else "")
    return f"{'−' if amount < 0 else ''}{sign}{whole}"


def percent(share: float) -> str:
    """0.412 -> `41 %`; one place below 10 %."""
    value = share * 100
    text = f"{value:.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.1f}"
    return f"{text} %".replace("-", "−")


def change(share: float) -> str:
    """A relative change with its sign: `−41 %`, `+8 %`, `±0 %`."""
    text = percent(share)
    if text in ("0 %", "0.0 %", "−0.0 %", "−0 %"):
        return "±0 %"
    return text if share < 0 else f"+{text}"


def figure(value: Any) -> str:
    """A value of any type as a table shows it; a dash for nothing."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(float(value))
    if isinstance(value, datetime):
        return exact(value)
    if isinstance(value, date):
        return day(value)
    if isinstance(value, list | tuple):
        return ", ".join(figure(each) for each in value) or "–"
    return str(value)


def ago(moment: datetime, now: datetime, *, short: bool = True) -> str:
    """`now`, `12 min`, `22 h`, `3 d`, `5 mo`; in full `22 hours ago`. A moment ahead reads `in 2 h`."""
    passed = now - moment
    seconds = abs(passed.total_seconds())
    if seconds < 60:
        return "now" if short else "just now"
    # Up to how many seconds each unit is used; days carry on for a quarter, months for two years.
    units = (
        (3600, 60, "min", "minute"),
        (DAY, 3600, "h", "hour"),
        (90 * DAY, DAY, "d", "day"),
        (730 * DAY, MONTH, "mo", "month"),
    )
    years = (12 * MONTH, "y", "year")
    size, brief, full = next(((size, brief, full) for most, size, brief, full in units if seconds < most), years)
    count = int(seconds // size)
    text = f"{count} {brief}" if short else plural(count, full)
    if passed < timedelta(0):
        return f"in {text}"
    return text if short else f"{text} ago"


def clock(local: datetime, today: datetime) -> str:
    """`09:12` today, `yesterday 14:30`, `11 Mar 11:24` this year, `4 Nov 2024` before; both in the workspace's zone."""
    days = (today.date() - local.date()).days
    if days == 0:
        return f"{local:%H:%M}"
    if days == 1:
        return f"yesterday {local:%H:%M}"
    if abs(days) < 330:
        return f"{local.day} {local:%b %H:%M}"
    return f"{local.day} {local:%b %Y}"


def exact(local: datetime) -> str:
    """`Wed 11 Mar 2026, 11:24`, with the zone where it has one."""
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M} {local.tzname() or ''}".rstrip()


def day(value: date) -> str:
    """`Sat 4 Apr 2026`."""
    return f"{value:%a} {value.day} {value:%b %Y}"


def heading(value: date, today: date) -> str:
    """The heading of a day in a timeline: `Today, 12 March`, `Wednesday 11 March`, with the year where it is another."""
    text = f"{value.day} {value:%B}" + (f" {value.year}" if value.year != today.year else "")
    if value == today:
        return f"Today, {text}"
    return f"{value:%A} {text}"


def days_to(value: date, today: date) -> str:
    """`today`, `23 d`, `4 d ago`; the month and year when more than 120 days away."""
    days = (value - today).days
    if abs(days) > _FAR:
        return f"{value:%b %Y}"
    if days == 0:
        return "today"
    return f"{days} d" if days > 0 else f"{-days} d ago"


def initials(name: str) -> str:
    """One or two letters: of the first and the last word, or of an e-mail address the first."""
    parts = [part for part in name.split("@", maxsplit=1)[0].replace(".", " ").replace("_", " ").split() if part[0].isalnum()]
    if not parts:
        return "?"
    return (parts[0][0] + (parts[-1][0] if len(parts) > 1 else "")).upper()


def duration(text: str) -> str:
    """`30d` -> `30 d`."""
    text = text.strip()
    return f"{text[:-1]} {text[-1]}" if text[:-1].replace(".", "").isdigit() else text


def signal(name: str) -> str:
    """The name of a signal as people say it: `logins_7d` -> `Logins, 7 d`."""
    stem, _, last = name.rpartition("_")
    if stem and last[-1:] in "hdw" and last[:-1].isdigit():
        return f"{spoken(stem)}, {last[:-1]} {last[-1]}"
    return spoken(name)


def without(text: str, name: str) -> str:
    """A sentence without the name of its account, for where that stands beside it.

    Of `Halden Freight renews` or `Halden Freight: no login`, and of `Nobody at Halden Freight` or `a ticket of Halden Freight`.
    """
    if not name:
        return text
    following = text[len(name) :]
    if text.startswith(name) and following[:1] in (" ", ":", ","):
        rest = following.lstrip(" :,–-")
        return rest[:1].upper() + rest[1:] if rest else text
    return re.sub(rf" (?:of|at) {re.escape(name)}(?=[ ,:]|$)", "", text, count=1)


def headline(message: str, name: str) -> str:
    """The first sentence of a message, for where the name of its account stands beside it."""
    return without(sentences(message)[0], name)


def said(text: str) -> str:
    """What went wrong as a sentence: its first letter large, unless it begins with the name of a file; a full stop behind."""
    first = text.split(" ", 1)[0]
    whole = text if "." in first or ":" in first or "#" in first else f"{text[:1].upper()}{text[1:]}"
    return f"{whole.rstrip('.')}."


def sentences(text: str) -> tuple[str, str]:
    """The first sentence without its full stop, and the rest: what is so, and what to do about it."""
    first, *rest = re.split(r"(?<=[^\W_])[.:] (?=[A-Z])", text.strip(), maxsplit=1)
    return first.removesuffix("."), rest[0] if rest else ""
