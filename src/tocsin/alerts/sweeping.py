"""The sweep: every `when` rule is judged as of a moment, and what follows from it is written in one transaction.

Rules are judged outside of the transaction (that only reads facts). Inside of it the episodes are read, each is put through
`core.lifecycle.transition`, and the changes are written set-wise: the number of queries does not grow with the alerts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from tocsin.alerts import freshness
from tocsin.alerts.announce import OnTransition, announce
from tocsin.alerts.feeding import feed
from tocsin.alerts.findings import STATE_TRIGGERS, Findings, look
from tocsin.alerts.locks import sweeping, writing
from tocsin.alerts.models import Sweep
from tocsin.alerts.pulsing import opened_since
from tocsin.alerts.rulebook import definitions as definitions_in_force
from tocsin.alerts.rulebook import on_since
from tocsin.alerts.shapes import SweepReport
from tocsin.alerts.turning import Turning
from tocsin.core.errors import UserError
from tocsin.core.language import FormulaError
from tocsin.core.moment import iso

if TYPE_CHECKING:
    from tocsin.core.rules import Definitions, Rule
    from tocsin.engine import Book, Judgement

Clock = Callable[[], datetime]

# A sweep ahead of the clock is the last one until the clock is there: of a slip of the pen nobody should live that long.
MOST_AHEAD = timedelta(hours=24)


def sweep(
    book: Book,
    moment: datetime | Clock,
    *,
    clock: Clock | None = None,
    definitions: Definitions | None = None,
    published: Mapping[str, datetime] | None = None,
    on_transition: OnTransition | None = None,
) -> SweepReport:
    """Judge all rules that are on or in shadow as of a moment; open, keep and close alerts. Idempotent.

    moment: or a clock, read when this sweep's turn has come: of two that start together none is refused for the other.
    clock: where it is given, a moment more than MOST_AHEAD of it is refused; who takes moments from people gives it.
    Rules in shadow are counted and raise nothing. published: rule id -> since when it has been on (default: as published);
    rows that started before set nothing off.
    What changed is announced once, inside the transaction (to on_transition instead, where it is given).
    UserError where a later sweep was made already: alerts have lived through that, and time does not run backwards.
    """
    began = time.perf_counter()
    given = definitions or definitions_in_force()
    with sweeping:
        at = moment if isinstance(moment, datetime) else moment()
        if clock is not None:
            _refuse_the_future(at, clock())
        _refuse_the_past(at)
        judged = [rule for rule in given.rules if rule.state in ("on", "shadow")]
        judgement = _standing(book, judged, at)
        unknown = {**freshness.groundless(book, judgement), **freshness.stale(book, judged, at), **judgement.unknown}
        on = [rule for rule in judged if rule.state == "on"]
        subjects = _subjects(book, judged, judgement)
        findings = look(book, on, judgement, unknown, _previous(), published or on_since())
        findings = replace(findings, scopes=judgement.scopes or {"": subjects})
        with writing(), transaction.atomic():
            _refuse_the_past(at)
            # Pulses may have opened alerts while this sweep looked at the facts.
            findings = replace(findings, rows=findings.rows.anew(), earlier=opened_since(_previous() or at))
            report = _record(given.rules, judged, judgement, findings, subjects, began, on_transition)
        feed(book.store)
    return report


def _standing(book: Book, rules: Sequence[Rule], moment: datetime) -> Judgement:
    """Who matches each rule with a state trigger, countdowns of rows included."""
    judgement = book.judge([rule for rule in rules if rule.trigger.kind in STATE_TRIGGERS], moment)
    matches, unknown = list(judgement.matches), dict(judgement.unknown)
    for rule in rules:
        if rule.trigger.kind == "countdown" and "." in str(rule.trigger.spec["countdown"]):
            try:
                matches += book.row_countdown(rule, moment)
            except FormulaError as error:
                unknown[rule.id] = str(error)
    return replace(judgement, matches=tuple(matches), unknown=unknown)


def _subjects(book: Book, rules: Sequence[Rule], judgement: Judgement) -> int:
    """The subjects of the rule that is about most of them; rules that rows set off are about all accounts."""
    if judgement.scopes or all(rule.trigger.kind in STATE_TRIGGERS for rule in rules):
        return max(judgement.scopes.values(), default=0)
    return book.store.counts()["accounts"]


def _previous() -> datetime | None:
    """When the latest sweep was."""
    return Sweep.objects.order_by("-as_of").values_list("as_of", flat=True).first()


def last_sweep() -> SweepReport | None:
    """The report of the latest sweep; None before the first."""
    row = Sweep.objects.order_by("-as_of", "-id").first()
    return SweepReport(as_of=row.as_of, unknown=row.unknown, seconds=row.seconds, **row.figures) if row else None


def _refuse_the_future(moment: datetime, now: datetime) -> None:
    if moment > now + MOST_AHEAD:
        raise UserError(
            f"a sweep as of {iso(moment)} is refused: it is more than 24 hours ahead of the clock ({iso(now)}), and no other "
            "could be made until then; `tocsin evaluate --as-of` looks ahead and changes nothing"
        )


def _refuse_the_past(moment: datetime) -> None:
    last = _previous()
    if last is not None and moment < last:
        raise UserError(
            f"a sweep as of {iso(moment)} is refused: the latest one was as of {iso(last)}, and alerts do not live backwards; "
            "`tocsin evaluate --as-of` looks at the past and changes nothing"
        )


def _record(
    rules: Sequence[Rule],
    judged: Sequence[Rule],
    judgement: Judgement,
    findings: Findings,
    subjects: int,
    began: float,
    on_transition: OnTransition | None,
) -> SweepReport:
    """Write what follows from the judgement; inside the transaction."""
    moment, unknown = judgement.moment, findings.unknown
    baseline = subjects > 0 and not Sweep.objects.filter(subjects__gt=0).exists()
    known = [rule for rule in judged if rule.id not in unknown]
    counted: dict[str, int] = {rule.id: 0 for rule in known if rule.trigger.kind in STATE_TRIGGERS}
    for match in judgement.matches:
        if match.rule.id in counted:
            counted[match.rule.id] += 1
    turning = Turning(moment=moment, baseline=baseline, findings=findings)
    turning.run(rules)
    notices = turning.write()
    announce(notices, on_transition)
    states = {rule.id: rule.state for rule in known}
    report = SweepReport(
        as_of=moment,
        judged=len(known),
        **turning.figures,
        matches={rule: count for rule, count in counted.items() if states[rule] == "on"},
        shadow={rule: count for rule, count in counted.items() if states[rule] == "shadow"},
        scopes=dict(judgement.scopes),
        unknown=dict(unknown),
        baseline=baseline,
        seconds=time.perf_counter() - began,
    )
    figures = {name: value for name, value in asdict(report).items() if name not in ("as_of", "unknown", "seconds")}
    Sweep.objects.create(
        as_of=moment,
        started_at=moment,
        seconds=report.seconds,
        subjects=subjects,
        baseline=baseline,
        figures=figures,
        unknown=dict(unknown),
    )
    return report
