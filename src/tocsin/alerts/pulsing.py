"""The pulse: what has just arrived is judged at once, for the accounts that it is about.

It goes through the same lifecycle as a sweep. Rows set off the rules on events and new rows within moments (`pulse_rows`);
conditions of the accounts touched are judged anew a little later, many arrivals together (`pulse_states`). Both are idempotent,
and whatever a pulse misses, because the process ended, the next sweep finds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Count

from tocsin.alerts import cards, freshness
from tocsin.alerts.announce import OnTransition, announce
from tocsin.alerts.findings import STATE_TRIGGERS, Findings, elsewhere, look
from tocsin.alerts.locks import sweeping, writing
from tocsin.alerts.models import Sweep, Transition
from tocsin.alerts.rowfindings import RowFindings
from tocsin.alerts.rulebook import definitions as definitions_in_force
from tocsin.alerts.rulebook import on_since
from tocsin.alerts.turning import Turning
from tocsin.core.schema import PORTFOLIO_SUBJECTS

if TYPE_CHECKING:
    from tocsin.core.rules import Definitions, Rule
    from tocsin.engine import Arrived, Book, Match

BY = "pulse"
Clock = Callable[[], datetime]

# Before the first sweep what pulses opened within this time counts for the circuit breaker.
FIRST_HOUR = timedelta(hours=1)
NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class PulseReport:
    """What a pulse did. missed: nothing, as no sweep has taken stock yet, or the latest one is ahead of the clock."""

    opened: int = 0
    closed: int = 0
    held: int = 0
    missed: bool = False


def pulse_rows(
    book: Book,
    clock: Clock,
    *,
    accounts: frozenset[str],
    arrived: datetime,
    what: Arrived | None = None,
    definitions: Definitions | None = None,
    published: Mapping[str, datetime] | None = None,
    on_transition: OnTransition | None = None,
) -> PulseReport:
    """Open alerts for the rows of these accounts that arrived after a moment (UTC): rules on events, new rows and changes.

    what: what arrived, where it is known: rules that none of it can set off are passed over.
    """
    from tocsin.engine import Stretch, between_looks, late_of, stirs  # who only lists alerts loads no engine

    given = definitions or definitions_in_force()
    rules = [each for each in given.rules if each.state == "on" and each.trigger.kind in ("event", "new", "change")]
    rules = [each for each in rules if not between_looks(each) and (what is None or stirs(each, what))]
    moment, last = clock(), _latest()
    if last is not None and moment < last.as_of:
        return PulseReport(missed=True)
    if not rules or not accounts:
        return PulseReport()
    live = published or on_since()
    stale = freshness.stale(book, rules, moment)
    rules = [each for each in rules if each.id not in stale]
    found = book.occurrences(rules, Stretch(moment, moment, live=live, arrived=arrived), accounts=accounts)
    if not found.matches:
        return PulseReport()
    occurred: dict[str, list[Match]] = {}
    for match in found.matches:
        occurred.setdefault(match.rule.id, []).append(match)
    concerned = [each for each in rules if each.id in occurred]
    about = {match.account_id for match in found.matches if match.account_id}
    told = cards.read(book, about, moment)
    with writing(), transaction.atomic():
        horizons = {
            rule.id: min(match.as_of for match in occurred[rule.id])
            - max(rule.collapse or NONE, rule.cooldown or NONE, late_of(rule))
            for rule in concerned
        }
        findings = Findings(
            matches={},
            unknown={},
            clears={},
            gone={},
            revised=frozenset(),
            scopes=_scopes(last) if last else {"": book.store.counts()["accounts"]},
            cards=told,
            rows=RowFindings(occurred=occurred, horizons=horizons).anew(),
            earlier=opened_since(last.as_of if last else moment - FIRST_HOUR),
        )
        return _turned(moment, findings, concerned, given.rules, frozenset(about), on_transition)


def pulse_states(
    book: Book,
    clock: Clock,
    *,
    accounts: frozenset[str],
    definitions: Definitions | None = None,
    on_transition: OnTransition | None = None,
) -> PulseReport:
    """Judge the conditions and countdowns of these accounts anew.

    Waits for a sweep that is under way, and none begins beside it: of two that look and then write, the one that writes last
    would undo what the other has seen since.
    """
    given = definitions or definitions_in_force()
    rules = [
        each
        for each in given.rules
        if each.state == "on" and each.trigger.kind in STATE_TRIGGERS and each.subject not in PORTFOLIO_SUBJECTS
    ]
    rules = [each for each in rules if each.trigger.kind == "when" or "." not in str(each.trigger.spec["countdown"])]
    with sweeping:
        moment, last = clock(), _latest()
        if last is None or moment < last.as_of:
            return PulseReport(missed=True)
        if not rules or not accounts:
            return PulseReport()
        if any(each.rollup for each in rules):
            accounts |= book.heads(accounts)  # what arrives for a member is judged of its head
        judgement = book.judge(rules, moment, accounts=accounts)
        unknown = {**freshness.groundless(book, judgement), **freshness.stale(book, rules, moment), **judgement.unknown}
        findings = look(book, rules, judgement, unknown, last.as_of, {}, accounts=accounts)
        away = elsewhere(book, rules, accounts, moment)
        with writing(), transaction.atomic():
            scopes, earlier = _scopes(last), opened_since(last.as_of)
            findings = replace(findings, scopes=scopes, earlier=earlier, elsewhere=away)
            return _turned(moment, findings, rules, given.rules, accounts, on_transition)


def _turned(
    moment: datetime,
    findings: Findings,
    rules: Sequence[Rule],
    every: Sequence[Rule],
    accounts: frozenset[str],
    on_transition: OnTransition | None,
) -> PulseReport:
    """Put what was found through the lifecycle, and write it; inside the transaction."""
    turning = Turning(moment=moment, baseline=False, findings=findings, accounts=accounts, by=BY)
    turning.pulse(rules, every)
    announce(turning.write(), on_transition)
    figures = turning.figures
    return PulseReport(figures["opened"], figures["closed"], figures["held"])


def _latest() -> Sweep | None:
    """The latest sweep that found a book to take stock of."""
    return Sweep.objects.filter(subjects__gt=0).order_by("-as_of", "-id").first()


def _scopes(last: Sweep) -> Mapping[str, int]:
    """Rule id -> how many subjects it was about; where only rows set rules off, all of them are about the same."""
    return last.figures.get("scopes") or {"": last.subjects}


def opened_since(moment: datetime) -> dict[str, int]:
    """Rule id -> how many alerts pulses have opened after a moment; those that were held are new alerts as well."""
    opened = Transition.objects.filter(kind__in=("opened", "held"), by=BY, at__gt=moment, episode__baseline=False)
    return {row["episode__rule"]: row["n"] for row in opened.order_by().values("episode__rule").annotate(n=Count("id"))}
