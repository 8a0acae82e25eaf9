"""Which signals pages chart, and their values over time: weekly for an account, around the firing for an alert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import Alert
from tocsin.core.errors import UserError
from tocsin.core.moment import DAY, floor_day
from tocsin.web import evidence, source, words
from tocsin.web.charts import Line

WEEKS = 26
# In this order, as far as they are defined: how much, how many, how full, how well, how calm, how long since we spoke.
SHOWN = (
    "active_users",
    "usage_30d",
    "logins_7d",
    "license_utilization",
    "open_tickets",
    "days_since_touchpoint",
    "nps",
    "amount_overdue",
    "minutes_7d",
    "features_used_30d",
)
MOST = 10
CHARTED = 6


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal of an account: its name, what it is now and was four weeks ago, in words."""

    name: str
    title: str
    formula: str
    now: str
    change: str
    means: str
    alt: str


def shown(defined: Sequence[str]) -> list[str]:
    """The signals that an account page charts: the shipped ones first, then others by name."""
    known = [name for name in SHOWN if name in defined]
    return (known + sorted(set(defined) - set(SHOWN)))[:MOST]


def weeks(moment: datetime) -> list[datetime]:
    """The moments of an account's charts: the same hour of each of the last 26 weeks, and now."""
    start = floor_day(moment, source.zone())
    return [start - timedelta(weeks=back) for back in range(WEEKS, 0, -1)] + [moment]


def of_account(account_id: str, moment: datetime) -> dict[str, tuple[tuple[datetime, Any], ...]]:
    """Signal -> its value at each of the weeks: one evaluation, kept for as long as the facts and the hour are the same."""
    definitions = alerts.definitions()
    names = shown(list(definitions.signals))
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return source.kept(
        ("series", account_id, hour, tuple((name, definitions.signals[name]) for name in names)),
        lambda: _numeric(names, weeks(moment), account_id),
    )


def _numeric(names: Sequence[str], moments: Sequence[datetime], account_id: str) -> dict[str, tuple[tuple[datetime, Any], ...]]:
    """Those of the signals that give numbers; one that cannot be evaluated is left out, the others are not."""
    try:
        found = source.series(names, moments, account_id)
    except UserError:
        if len(names) < 2:
            return {}
        return {name: points for each in names for name, points in _numeric([each], moments, account_id).items()}
    return {name: points for name, points in found.items() if all(_number(value) is value for _, value in points)}


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def tiles(account_id: str, moment: datetime) -> list[Signal]:
    """The signals of an account that have a value, as their charts' captions say them."""
    definitions, currency = alerts.definitions(), source.currency()
    defined, described = definitions.signals, definitions.descriptions
    made = []
    for name, points in of_account(account_id, moment).items():
        known = [value for _, value in points if value is not None]
        if not known:
            continue
        reading = evidence.read(defined[name], defined)
        unit = reading.unit if reading else "number"
        now, before = points[-1][1], points[-5][1]
        made.append(
            Signal(
                name=name,
                title=words.signal(name),
                formula=defined[name],
                now=evidence.show(now, unit, currency),
                change=_change(now, before, unit, currency),
                means=f"{said.text}: {defined[name]}" if (said := described.get(name)) and said.text else defined[name],
                alt=Line(words.signal(name), points, unit, currency).describe(source.zone()),
            )
        )
    return made


def _change(now: Any, before: Any, unit: str, currency: str) -> str:
    if now is None or before is None or now == before:
        return "as 4 weeks ago" if now == before and now is not None else ""
    if unit in ("percent", "days") or not before:
        return f"was {evidence.show(before, unit, currency)}"  # type: ignore[arg-type]
    return f"{words.change((now - before) / abs(before))} in 4 weeks"


def line_of_account(account_id: str, name: str, moment: datetime) -> Line | None:
    """The chart of one signal of an account, with the threshold and the firing of its open alerts; None: no such signal."""
    points = of_account(account_id, moment).get(name)
    if points is None:
        return None
    defined = alerts.definitions().signals
    reading = evidence.read(defined[name], defined)
    line = Line(words.signal(name), points, reading.unit if reading else "number", source.currency(), small=True)
    live = alerts.list_alerts(alerts.AlertFilter(accounts=(account_id,), states=("open", "acknowledged", "snoozed")))
    for alert in live:
        for each in alert.evidence:
            seen = evidence.read(each.formula, defined)
            if seen and seen.observed == name and (bounded := _bounded(line, each.op, each.threshold)):
                return bounded
    return line


def line_of_alert(alert: Alert, moment: datetime) -> Line | None:
    """The chart of the alert's telling signal around its firing; None where none of its evidence is a number over time.

    From 60 days before it opened (90 at least) to now, or two weeks after it closed.
    """
    if alert.account is None:
        return None
    defined = alerts.definitions().signals
    end = min(moment, alert.closed_at + 14 * DAY) if alert.closed_at else moment
    start = min(alert.opened_at - 60 * DAY, end - 90 * DAY)
    for each in _telling(alert, defined):
        reading = evidence.read(each.formula, defined)
        if reading is None:
            continue
        line = _line_of(alert, reading, start, end)
        if line is not None:
            opened = alert.opened_at.astimezone(source.zone())
            marked = Line(
                title=words.signal(reading.observed) if reading.observed in defined else _sentence(each.text),
                points=line,
                unit=reading.unit,
                currency=source.currency(),
                marks=() if alert.baseline else ((alert.opened_at, f"fired {opened.day} {opened:%b, %H:%M}"),),
            )
            return _bounded(marked, each.op, each.threshold) or marked
    return None


def _telling(alert: Alert, defined: Any) -> list[Any]:
    """The lines of evidence that compare a number with a number: those about what the customer did first, countdowns last."""

    def place(line: Any) -> tuple[bool, bool]:
        reading = evidence.read(line.formula, defined)
        return (reading is None or not reading.collections, reading is not None and reading.unit == "days")

    numeric = [line for line in alert.evidence if _number(line.threshold) is not None]
    return sorted(numeric, key=place)


def _line_of(
    alert: Alert, reading: evidence.Reading, start: datetime, end: datetime
) -> tuple[tuple[datetime, Any], ...] | None:
    if alert.account is None:
        return None
    account_id = alert.account.id
    step = max(2 * DAY, (end - start) / 60)
    count = int((end - start) / step)
    moments = [end - step * back for back in range(count, -1, -1)]
    subject_id = "" if alert.subject_kind == "account" else alert.subject_id
    key = ("around", alert.id, reading.observed, end.replace(minute=0, second=0, microsecond=0))
    try:
        points = source.kept(
            key,
            lambda: source.series(
                [reading.observed],
                moments,
                account_id,
                subject=alert.subject_kind,
                subject_id=subject_id,
            ),
        )[reading.observed]
    except UserError:
        return None
    known = [value for _, value in points if value is not None]
    return points if len(known) > 1 and all(_number(value) is not None for value in known) else None


def _bounded(line: Line, op: str, threshold: Any) -> Line | None:
    """The line with its threshold; None where the comparison is none of numbers."""
    limit = _number(threshold)
    if limit is None or op not in ("<", "<=", ">", ">="):
        return None
    return Line(
        line.title,
        line.points,
        line.unit,
        line.currency,
        threshold=float(limit),
        breach="below" if op.startswith("<") else "above",
        marks=line.marks,
        small=line.small,
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
