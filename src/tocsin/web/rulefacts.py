"""What a rule's page asks of the facts, each made beside the page: can it speak, who matches, what would it have said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import AccountCard, Alert, EvidenceLine
from tocsin.core.language import FormulaError
from tocsin.core.moment import DAY, floor_day
from tocsin.core.plain import plain
from tocsin.core.rules import Definitions, Rule
from tocsin.engine import Book, Evidence, Match
from tocsin.engine.readiness import Readiness, readiness
from tocsin.engine.replay import Replayed, replay
from tocsin.web import evidence, source, words
from tocsin.web.background import Asked, beside
from tocsin.web.bars import Bars
from tocsin.web.charts import Unit
from tocsin.web.source import AccountRow

PERIODS = (90, 30)  # days that can be replayed; the first unless the address says otherwise
STATE_TRIGGERS = ("when", "countdown")
A_PAGE = 25


# Readiness


def ask_readiness(given: Definitions, *, wait: bool = True) -> Asked[Mapping[str, Readiness]]:
    """Rule id -> whether it can speak, for the rules in force. wait: see `Background.ask`."""
    book, moment = source.book(given), source.now()

    def make() -> Mapping[str, Readiness]:
        return readiness(book, given.rules, moment)

    return beside.ask(("readiness", source.place()), source.stamp(given), make, wait=wait)


def readiness_of_draft(rule: Rule) -> Readiness:
    """Whether a draft could speak; asked at once, as drafts are few."""
    return readiness(source.book(), [rule], source.now())[rule.id]


# Who matches


@dataclass(frozen=True, slots=True)
class Matching:
    """Who matches a rule as of a moment. unknown: why it could not be judged, else ''. scope: how many it is about."""

    matches: tuple[Match, ...]
    scope: int | None
    unknown: str
    as_of: datetime


def ask_matching(rule: Rule, version: int, given: Definitions) -> Asked[Matching]:
    """Who matches a rule with a state trigger now, although it raises nothing: one in shadow, off, or a draft."""
    book, moment = source.book(given), source.now()

    def make() -> Matching:
        return _matching(book, replace(rule, state="shadow"), moment)

    return beside.ask(("matching", source.place(), rule.id, version), source.stamp(given), make)


def _matching(book: Book, rule: Rule, moment: datetime) -> Matching:
    found = book.judge([rule], moment)
    matches = found.matches
    if rule.trigger.kind == "countdown" and "." in str(rule.trigger.spec["countdown"]):
        try:
            matches = tuple(book.row_countdown(rule, moment))
        except FormulaError as error:
            return Matching((), None, str(error), moment)
    return Matching(matches, found.scopes.get(rule.id), found.unknown.get(rule.id, ""), moment)


@dataclass(frozen=True, slots=True)
class Found:
    """Whom a rule finds, as a row. account: as of now, or None for who is of no account. alert: None where none is open.

    observed, threshold: of the comparison that tells most.
    """

    id: str
    account: AccountRow | AccountCard | None
    csm: str
    says: str
    observed: str
    threshold: str
    alert: Alert | None = None


@dataclass(frozen=True, slots=True)
class Matched:
    """One page of those whom a rule finds; total: how many on all pages."""

    rows: tuple[Found, ...]
    page: int
    pages: int
    total: int


def running(rule_id: str, number: int, signals: Mapping[str, str]) -> Matched:
    """A page of the alerts of a rule that is on."""
    found, currency = alerts.alerts_of_rule(rule_id, page=number, size=A_PAGE), source.currency()
    rows = []
    for alert in found.alerts:
        told = _telling(alert.evidence, signals, currency)
        csm = alert.account.owner_name if alert.account else ""
        says = words.headline(alert.message, alert.account.name if alert.account else "")
        rows.append(Found(alert.subject_id, alert.account, csm, says, *told, alert))
    return Matched(tuple(rows), found.page, found.pages, found.total)


def _telling(lines: Sequence[EvidenceLine | Evidence], signals: Mapping[str, str], currency: str) -> tuple[str, str]:
    """What was observed and against what: of the first comparison with a number, else of the first there is."""
    numbers = [line for line in lines if isinstance(line.threshold, int | float) and not isinstance(line.threshold, bool)]
    line = next(iter(numbers or lines), None)
    if line is None:
        return "", ""
    reading = evidence.read(line.formula, signals)
    unit: Unit = reading.unit if reading else "number"
    against = f"{evidence.OPERATORS.get(line.op, line.op)} {evidence.show(plain(line.threshold), unit, currency)}"
    return evidence.show(plain(line.value), unit, currency), against.strip()


def page_of(found: Matching, number: int, names: Mapping[str, str], signals: Mapping[str, str]) -> Matched:
    """A page of the matches, those of the largest accounts first. names: e-mail -> name of our own people."""
    accounts, currency = source.accounts(source.now()), source.currency()

    def money(match: Match) -> float:
        account = accounts.get(match.account_id or "")
        return -(account.mrr or 0) if account else 0

    ordered = sorted(found.matches, key=lambda match: (money(match), match.subject_id, match.key))
    pages = max(1, -(-len(ordered) // A_PAGE))
    page = min(number, pages)
    rows = []
    for match in ordered[(page - 1) * A_PAGE : page * A_PAGE]:
        account = accounts.get(match.account_id or "")
        csm = names.get(account.owner.lower(), account.owner) if account else ""
        says = words.headline(match.message, account.name if account else "")
        rows.append(Found(match.subject_id, account, csm, says, *_telling(match.evidence, signals, currency)))
    return Matched(tuple(rows), page, pages, len(ordered))


# What it would have said


def days_of(text: str) -> int:
    """The days of a replay that an address asks for; the usual ones for anything else."""
    return next((days for days in PERIODS if str(days) == text), PERIODS[0])


@dataclass(frozen=True, slots=True)
class Line:
    """An alert that would have been raised. closed_at: None where it still stands at the end."""

    account_id: str
    says: str
    opened_at: datetime
    closed_at: datetime | None
    reason: str
    step: str
    count: int
    existing: bool


@dataclass(frozen=True, slots=True)
class Week:
    """What opened and closed in a week that starts on that day."""

    start: date
    opened: int
    closed: int


@dataclass(frozen=True, slots=True)
class Replaying:
    """What a rule would have said in the days up to `end`. lines: newest first. existing: how many held before that already."""

    start: datetime
    end: datetime
    days: int
    noun: str
    lines: tuple[Line, ...]
    weeks: tuple[Week, ...]
    opened: int
    existing: int
    standing: int
    longest: timedelta | None
    unknown: str = ""

    @property
    def a_week(self) -> float:
        """How many opened a week."""
        return self.opened / (self.days / 7)

    @property
    def bars(self) -> Bars:
        """The chart of it."""
        return Bars(f"{self.noun.capitalize()}s a week", self.noun, tuple((each.start, each.opened) for each in self.weeks))


def ask_replay(rule: Rule, version: int, days: int, given: Definitions) -> Asked[Replaying]:
    """What a rule would have said in so many days up to the start of today, looked at once a day."""
    book, zone = source.book(given), source.zone()
    end = floor_day(source.now(), zone)
    # Alerts are facts of our own making: for rules about those who work on them, each sweep is news.
    swept = alerts.last_sweep() if rule.subject in ("csm", "team", "company") else None

    def make() -> Replaying:
        return told(book, rule, end, days, zone, given.rules)

    stamp = (source.stamp(given), end, swept.as_of if swept else None)
    return beside.ask(("replay", source.place(), rule.id, version, days), stamp, make)


def told(book: Book, rule: Rule, end: datetime, days: int, zone: ZoneInfo, others: Sequence[Rule] = ()) -> Replaying:
    """A replay of one rule, daily, as the page tells it. others: whose alerts it counts, where it counts alerts."""
    start = end - days * DAY
    found = replay(book, [rule], start, end, beside=others)
    lines = sorted((_line(each) for each in found.alerts), key=lambda line: line.opened_at, reverse=True)
    fresh = [line for line in lines if not line.existing]
    lasted = [(line.closed_at or end) - line.opened_at for line in lines]
    return Replaying(
        start=start,
        end=end,
        days=days,
        noun="step" if rule.trigger.kind == "countdown" else "alert",
        lines=tuple(lines),
        weeks=_weeks(fresh, lines, start, end, zone),
        opened=len(fresh),
        existing=len(lines) - len(fresh),
        standing=sum(line.closed_at is None for line in lines),
        longest=max(lasted, default=None),
        unknown=found.unknown.get(rule.id, ""),
    )


def _line(each: Replayed) -> Line:
    match = each.match
    step = "" if each.step is None else str(each.step)
    return Line(
        match.account_id or "",
        words.sentences(match.message)[0],
        each.opened_at,
        each.closed_at,
        each.close_reason,
        step,
        each.count,
        each.existing,
    )


def _weeks(fresh: Sequence[Line], lines: Sequence[Line], start: datetime, end: datetime, zone: ZoneInfo) -> tuple[Week, ...]:
    """A week for each Monday from that of the start to that of the end."""

    def monday(at: datetime) -> date:
        day = at.astimezone(zone).date()
        return day - timedelta(days=day.weekday())

    opened, closed = dict[date, int](), dict[date, int]()
    for line in fresh:
        opened[monday(line.opened_at)] = opened.get(monday(line.opened_at), 0) + 1
    for line in lines:
        if line.closed_at is not None:
            closed[monday(line.closed_at)] = closed.get(monday(line.closed_at), 0) + 1
    first, last = monday(start), monday(end)
    weeks = [first + timedelta(weeks=number) for number in range((last - first).days // 7 + 1)]
    return tuple(Week(week, opened.get(week, 0), closed.get(week, 0)) for week in weeks)
