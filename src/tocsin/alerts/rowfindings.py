"""What a sweep has to know of row triggers: the rows since the sweep before, and what became of those behind alerts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tocsin.alerts.looks import border_looks, health_looks
from tocsin.alerts.models import Episode, Sweep
from tocsin.alerts.running import Running
from tocsin.core.folding import Opening

if TYPE_CHECKING:
    from tocsin.core.rules import Rule
    from tocsin.engine import Book, Match

Identity = tuple[str, str, str]  # rule, subject id, key


@dataclass(frozen=True)
class RowFindings:
    """What the facts say of row triggers as of a moment.

    occurred: rule id -> the rows that set it off since the sweep before, those that came late included; by subject and start.
    known:    (rule id, subject) -> the alerts that rows have opened already, as far as they can still count rows; not those
              that were revised, which should never have opened.
    ended:    running alerts whose row has ended. revised: those whose row does not set the rule off by what is known now.
    unknown:  rule id -> why it could not be judged. horizons: rule id -> since when its alerts matter to `known`.
    """

    occurred: Mapping[str, Sequence[Match]] = field(default_factory=dict)
    known: Mapping[tuple[str, str], Sequence[Opening]] = field(default_factory=dict)
    ended: frozenset[Identity] = frozenset()
    revised: frozenset[Identity] = frozenset()
    unknown: Mapping[str, str] = field(default_factory=dict)
    horizons: Mapping[str, datetime] = field(default_factory=dict)

    def anew(self) -> RowFindings:
        """The same beside the alerts that have been opened meanwhile: for who writes after others may have."""
        known: dict[tuple[str, str], list[Opening]] = {}
        for rule, horizon in self.horizons.items():
            for subject, opening in openings(rule, horizon):
                if (rule, subject, opening.key) not in self.revised:
                    known.setdefault((rule, subject), []).append(opening)
        return replace(self, known=known)


def look_at_rows(
    book: Book,
    rules: Iterable[Rule],
    running: Sequence[Running],
    moment: datetime,
    previous: datetime | None,
    published: Mapping[str, datetime],
) -> RowFindings:
    """The findings for rules with a row trigger, beside the alerts that run now.

    previous: when the sweep before was; None for the first. published: rule id -> since when it has been on.
    """
    from tocsin.engine import CROSSINGS, TRIGGERED, Stretch, between_looks, late_of  # who only lists alerts loads no engine

    occurred: dict[str, Sequence[Match]] = {}
    known: dict[tuple[str, str], list[Opening]] = {}
    ended: set[Identity] = set()
    revised: set[Identity] = set()
    unknown: dict[str, str] = {}
    horizons: dict[str, datetime] = {}
    triggered = [each for each in rules if each.trigger.kind in TRIGGERED]
    judged = _judged({rule.id for rule in triggered})
    for rule in triggered:
        before = judged.get(rule.id, previous)
        since = before if before is not None else moment
        # What a pulse opened while this sweep looked is of a row that is not yet to be seen as of its moment.
        mine = [episode for episode in running if episode.rule == rule.id and episode.opened_at <= moment]
        memory = (rule.collapse or timedelta(0), rule.cooldown or timedelta(0))
        horizons[rule.id] = since - late_of(rule) - max(memory)
        remembered = openings(rule.id, horizons[rule.id])
        for opening in remembered:
            known.setdefault((rule.id, opening[0]), []).append(opening[1])
        # An alert that still counts its repeats has all of them counted anew, so that the figure is right after any order.
        counting = [
            opening.opened_at
            for _, opening in remembered
            if rule.collapse is not None and opening.opened_at + rule.collapse > since - late_of(rule)
        ]
        after = min([since, *(each + late_of(rule) - timedelta(microseconds=1) for each in counting)])
        if not between_looks(rule):
            found = book.occurrences([rule], Stretch(after, moment, live=published))
            occurred[rule.id] = found.matches
            unknown |= found.unknown
        elif before is not None and before < moment:
            since_when, zone = published.get(rule.id, before), book.store.zone
            looks = (
                border_looks(before, moment, late_of(rule), since_when)
                if rule.trigger.kind in CROSSINGS
                else health_looks(before, moment, late_of(rule), since_when, zone, counting)
            )
            found = book.occurrences([rule], Stretch(looks.moments[0], moment, looks.moments, published))
            opened = {subject: known.get((rule.id, subject), ()) for subject, _ in remembered}
            occurred[rule.id] = looks.unheard(rule, found.matches, opened)
            unknown |= found.unknown
        if rule.trigger.kind in ("event", "new") and mine and rule.id not in unknown:
            over, gone = _over_and_gone(book, rule, mine, moment)
            ended |= over
            revised |= gone
            for _, subject, key in gone:
                known[rule.id, subject] = [each for each in known.get((rule.id, subject), ()) if each.key != key]
    return RowFindings(occurred, known, frozenset(ended), frozenset(revised), unknown, horizons)


def _over_and_gone(book: Book, rule: Rule, running: Sequence[Running], moment: datetime) -> tuple[set[Identity], set[Identity]]:
    """The alerts whose row has ended, and those whose row would set the rule off no more, as the facts stand now."""
    ended: set[Identity] = set()
    gone: set[Identity] = set()
    standing = {(match.subject_id, match.key): match for match in book.still(rule, {each.key for each in running}, moment)}
    for episode in running:
        match = standing.get((episode.subject_id, episode.key))
        identity = (rule.id, episode.subject_id, episode.key)
        if match is None:
            gone.add(identity)
        elif match.ends_at is not None and match.ends_at <= moment:
            ended.add(identity)
    return ended, gone


def _judged(rules: set[str]) -> dict[str, datetime]:
    """Rule -> when it was judged last, of those that the sweep before could not judge: their rows have waited since.

    Of a rule that no sweep could judge yet the time of the first one.
    """
    found: dict[str, datetime] = {}
    waiting, as_of = rules, None
    for as_of, unknown in Sweep.objects.order_by("-as_of", "-id").values_list("as_of", "unknown").iterator(chunk_size=50):
        found |= dict.fromkeys(waiting - unknown.keys(), as_of)
        waiting &= unknown.keys()
        if not waiting:
            break
    return found if as_of is None else found | dict.fromkeys(waiting, as_of)


def openings(rule_id: str, horizon: datetime) -> list[tuple[str, Opening]]:
    """(subject, opening) of the rule's alerts that ran at or opened after a moment, without revised ones; one query."""
    from django.db.models import Q

    rows = (
        Episode.objects.filter(rule=rule_id)
        .exclude(close_reason="revised")
        .filter(Q(closed_at__isnull=True) | Q(closed_at__gte=horizon) | Q(opened_at__gte=horizon))
    )
    return [
        (subject, Opening(key, opened_at, closed_at))
        for subject, key, opened_at, closed_at in rows.order_by("opened_at", "id").values_list(
            "subject_id", "key", "opened_at", "closed_at"
        )
    ]
