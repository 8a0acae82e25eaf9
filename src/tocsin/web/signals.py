"""Which signals pages chart, and their values over time: weekly for an account, around the firing for an alert.

A page itself asks for one moment only. The points of a chart are asked for by the chart's own address, so that a page never
waits for them, and are kept for the hour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import Alert, AlertFilter, EvidenceLine
from tocsin.core.moment import DAY, floor_day
from tocsin.core.rules import Definitions
from tocsin.engine import Book
from tocsin.web import evidence, source, tones, words
from tocsin.web.charts import Line, Unit
from tocsin.web.evidence import Reading

WEEKS = 26
# In this order, as far as they are defined: how many, how much, how full, how calm, how long since we spoke.
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
)
CHARTED = 6
BEFORE = "28d"
SMALL = 10  # below this a percentage says less than the two numbers


@dataclass(frozen=True, slots=True)
class Tile:
    """A signal of an account in words: what it is now, how it changed in four weeks, what it means.

    available: whether it could be computed; without, there is no chart of it.
    """

    name: str
    title: str
    now: str
    change: str
    means: str
    available: bool = True

    @property
    def alt(self) -> str:
        """What its chart shows, for those who do not see it."""
        return f"{self.title}, weekly over {WEEKS} weeks: {self.now} now{f', {self.change}' if self.change else ''}."


def shown(defined: Mapping[str, str]) -> list[str]:
    """The signals that an account page charts: the shipped ones first, then others by name."""
    known = [name for name in SHOWN if name in defined]
    return (known + sorted(set(defined) - set(SHOWN)))[:CHARTED]


def formulas(given: Definitions) -> list[str]:
    """What has to be known for the tiles: each signal as of now and as of four weeks ago. given: what is in force."""
    names = shown(given.signals)
    return names + [f"ago({name}, {BEFORE})" for name in names]


def tiles(values: Mapping[str, Any], definitions: Definitions) -> list[Tile]:
    """The tiles of an account from the values of `formulas`; a signal that is no number, or never was one, has none.

    One that could not be computed says so. definitions: those in force.
    """
    currency = source.currency()
    made = []
    for name in shown(definitions.signals):
        now, before = values.get(name), values.get(f"ago({name}, {BEFORE})")
        if name in values and _number(now) is None and _number(before) is None:
            continue
        formula, unit = definitions.signals[name], _unit(name, definitions.signals)
        described = definitions.descriptions.get(name)
        means = f"{described.text}: {formula}" if described and described.text else formula
        if name not in values:
            made.append(Tile(name, words.signal(name), "not available", "", means, available=False))
            continue
        made.append(
            Tile(name, words.signal(name), evidence.show(now, unit, currency), _change(now, before, unit, currency), means)
        )
    return made


def _change(now: Any, before: Any, unit: Unit, currency: str) -> str:
    if now is None or before is None:
        return ""
    if now == before:
        return "as 4 weeks ago"
    if unit in ("percent", "days") or abs(before) < SMALL:
        return f"was {evidence.show(before, unit, currency)}"
    return f"{words.change((now - before) / abs(before))} in 4 weeks"


def line_of_account(account_id: str, name: str, moment: datetime) -> Line | None:
    """The chart of one signal of an account, with the threshold of its open alerts about it; None: no such signal."""
    defined = alerts.definitions().signals
    if name not in defined:
        return None
    points = weekly(account_id, name, moment)
    line = Line(words.signal(name), points, _unit(name, defined), source.currency(), small=True)
    for alert in alerts.list_alerts(AlertFilter(accounts=(account_id,), states=alerts.LIVE)):
        for each in alert.evidence:
            seen = evidence.read(each.formula, defined)
            if alert.subject_kind == "account" and seen and seen.observed == name:
                return _bounded(line, each)
    return line


def weekly(account_id: str, name: str, moment: datetime) -> tuple[tuple[datetime, float | None], ...]:
    """A signal of an account at the start of a day in each of the last 26 weeks, and now; not known where it cannot be had."""
    start = floor_day(moment, source.zone())
    moments = [start - timedelta(weeks=back) for back in range(WEEKS, 0, -1)] + [moment]
    key = ("weekly", account_id, name, alerts.definitions().signals[name], _hour(moment))

    def points() -> tuple[tuple[datetime, float | None], ...]:
        try:
            return _numbers(source.series([name], moments, account_id)[name])
        except Exception as error:  # noqa: BLE001 - whatever it is, the page of all signals does not end for one
            source.note_unavailable({name: error}, account_id)
            return tuple((each, None) for each in moments)

    return source.kept(key, points)


def telling(alert: Alert, given: Definitions, evaluator: Book | None = None) -> tuple[EvidenceLine, Reading] | None:
    """The line of evidence whose signal an alert charts: a number against a number, what the customer did before countdowns.

    None where no line is one, or where the alert is about no one account. given: what is in force. evaluator: that of
    `source.book`, where it is at hand.
    """
    lines = [line for line in alert.evidence if _number(line.threshold) is not None]
    if alert.account is None or not lines:
        return None
    evaluator = evaluator or source.book(given)
    lasts = evidence.lasting(alert, evaluator, given)
    found = [
        (line, reading)
        for line in lines
        if lasts(line) and (reading := evidence.read(line.formula, evaluator.named)) is not None
    ]
    if not found:
        return None
    # `ago(...)` tells what used to be: a condition of the rule, not what it is about.
    return min(found, key=lambda pair: (not pair[1].collections, pair[1].observed.startswith("ago(")))


def title(line: EvidenceLine, reading: Reading, defined: Mapping[str, str]) -> str:
    """What the chart of a line of evidence is called. defined: the signals in force."""
    if reading.observed in defined:
        return words.signal(reading.observed)
    text = reading.words or line.text
    return text[:1].upper() + text[1:]


def line_of_alert(alert: Alert, moment: datetime) -> Line | None:
    """The chart of the alert's telling signal around its firing; None where it has none.

    From 60 days before it opened (90 days at least) to now, or to two weeks after it closed.
    """
    given = alerts.definitions()
    told = telling(alert, given)
    if told is None or alert.account is None:
        return None
    line, reading = told
    account_id = alert.account.id
    end = min(moment, alert.closed_at + 14 * DAY) if alert.closed_at else moment
    start = min(alert.opened_at - 60 * DAY, end - 90 * DAY)
    step = max(3 * DAY, (end - start) / 40)
    moments = [end - step * back for back in range(int((end - start) / step), -1, -1)]
    subject_id, kind = "" if alert.subject_kind == "account" else alert.subject_id, evidence.asked_about(alert, given)

    def points() -> tuple[tuple[datetime, float | None], ...]:
        found = source.series([reading.observed], moments, account_id, subject=kind, subject_id=subject_id)
        return _numbers(found[reading.observed])

    opened = alert.opened_at.astimezone(source.zone())
    marked = Line(
        title=title(line, reading, given.signals),
        points=source.kept(("around", alert.id, reading.observed, _hour(end)), points),
        unit=reading.unit,
        currency=source.currency(),
        good=tones.favourable(alert),
        marks=() if alert.baseline else ((alert.opened_at, f"fired {opened.day} {opened:%b, %H:%M}"),),
    )
    return _bounded(marked, line)


def _bounded(line: Line, told: EvidenceLine) -> Line:
    """The line with the threshold of a comparison of numbers; as it is where that is none."""
    limit = _number(told.threshold)
    if limit is None or told.op not in ("<", "<=", ">", ">="):
        return line
    return replace(
        line, threshold=float(limit), breach="below" if told.op.startswith("<") else "above", inclusive="=" in told.op
    )


def _unit(name: str, defined: Mapping[str, str]) -> Unit:
    reading = evidence.read(name, defined)
    return reading.unit if reading else "number"


def _numbers(points: Sequence[tuple[datetime, Any]]) -> tuple[tuple[datetime, float | None], ...]:
    return tuple((at, _number(value)) for at, value in points)


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
