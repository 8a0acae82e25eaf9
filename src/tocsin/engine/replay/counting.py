"""Replaying rules that count alerts: step by step, each as of the alerts that the replay itself had raised before that step.

The other rules are replayed first, set-wise; what they raised is a table in the place of the recorded alerts, cut at each step
to what a sweep would have known then: what was found, and what had closed, at an earlier step. Rules that count alerts may
count each other's, so that they are walked together: at each step one question, then the lifecycle, as a sweep does it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tocsin.core.language import FormulaError
from tocsin.core.language.terms import Aggregated, walk
from tocsin.core.lifecycle import Verdict
from tocsin.core.rules import Rule
from tocsin.engine.cases import cases
from tocsin.engine.explaining import Match
from tocsin.engine.judge import Judgement, judge
from tocsin.engine.replay.states import by_ladder
from tocsin.engine.replay.walk import Walker, settled

if TYPE_CHECKING:
    from tocsin.engine.book import Book

ALERTS = "alerts"


@dataclass(frozen=True)
class Raised:
    """An alert as the collection has it. opened_at: of one that a row opened the row's start (UTC)."""

    rule: Rule
    subject: str
    account_id: str | None
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True)
class Counted:
    """An alert of a rule that counts alerts: its places among the moments; closed: None where it still runs."""

    match: Match
    opened: int
    closed: int | None
    reason: str
    since: int


def count_alerts(book: Book, rules: Sequence[Rule]) -> frozenset[str]:
    """The ids of the rules whose formulas, or the signals that these name, range over alerts."""
    return frozenset(rule.id for rule in rules if _counts(book, rule))


def _counts(book: Book, rule: Rule) -> bool:
    try:
        made = cases(book, rule)
    except FormulaError:
        return False  # told where it is judged
    terms = (term for case in made for term in (case.fires, case.clears, case.left) if term is not None)
    return any(isinstance(part, Aggregated) and part.collection == ALERTS for term in terms for part in walk(term))


def counted_alerts(
    book: Book, rules: Sequence[Rule], moments: Sequence[datetime], raised: Sequence[Raised], unknown: dict[str, str]
) -> list[Counted]:
    """The alerts of `when` rules that count alerts, of which there are `raised` besides their own.

    Why a rule cannot be judged goes into `unknown`.
    """
    groups = list(by_ladder(rules))
    walkers: dict[tuple[str, str], Walker] = {}
    matches: dict[tuple[str, str, int], Match] = {}
    known = _Known(book, moments, raised)
    for place, moment in enumerate(moments):
        asked = book.reading({ALERTS: known.before(place, _own(walkers, matches, moments))})
        judgement = judge(asked, rules, moment)
        unknown |= judgement.unknown
        found = {(match.rule.id, match.subject_id): match for match in judgement.matches}
        here = _here(asked, rules, moment, {key for key, walker in walkers.items() if walker.live and key not in found})
        for group in groups:
            subjects = {subject for rule, subject in (*found, *walkers) if any(each.id == rule for each in group)}
            for subject in sorted(subjects):
                _step(group, subject, place, moments, judgement, found, here, walkers, matches)
    return [
        Counted(matches[*key, run.opened], run.opened, run.closed, run.reason, run.since)
        for key, walker in walkers.items()
        for run in walker.finished()
    ]


def _here(
    book: Book, rules: Sequence[Rule], moment: datetime, ending: Collection[tuple[str, str]]
) -> dict[str, frozenset[str]]:
    """Kind -> its subjects that there are, of what runs and matches no longer (rule, subject)."""
    asked: dict[str, set[str]] = {}
    for rule in rules:
        asked.setdefault(rule.subject, set()).update(subject for name, subject in ending if name == rule.id)
    return {
        kind: frozenset(book.signals(["id"], [moment], kind, only=sorted(subjects)).column("subject_id").to_pylist())
        for kind, subjects in asked.items()
        if subjects
    }


def _step(
    group: Sequence[Rule],
    subject: str,
    place: int,
    moments: Sequence[datetime],
    judgement: Judgement,
    found: Mapping[tuple[str, str], Match],
    here: Mapping[str, frozenset[str]],
    walkers: dict[tuple[str, str], Walker],
    matches: dict[tuple[str, str, int], Match],
) -> None:
    """Put one subject of a rule, or of the stages of one ladder, through the lifecycle at a moment."""
    own = {rule.id: walkers.setdefault((rule.id, subject), Walker(rule)) for rule in group}
    verdicts = {}
    for rule in group:
        fires, cleared = (rule.id, subject) in found, subject in judgement.clears.get(rule.id, ())
        gone = own[rule.id].live and not fires and subject not in here[rule.subject]
        verdicts[rule.id] = Verdict(truth=fires, cleared=cleared, ends="subject_gone" if gone else None)
    if len(group) > 1:
        verdicts = settled(group, own, verdicts)
    for rule in group:
        own[rule.id].step(verdicts[rule.id], place, moments)
        if own[rule.id].opened == place:
            matches[rule.id, subject, place] = found[rule.id, subject]


def _own(
    walkers: Mapping[tuple[str, str], Walker],
    matches: Mapping[tuple[str, str, int], Match],
    moments: Sequence[datetime],
) -> Iterator[Raised]:
    """What the walked rules have raised so far."""
    for (rule, subject), walker in walkers.items():
        for run in walker.finished():
            match = matches[rule, subject, run.opened]
            closed_at = None if run.closed is None else moments[run.closed]
            yield Raised(run.rule, subject, match.account_id, moments[run.opened], closed_at)


class _Known:
    """The collection of alerts as sweeps at the moments would have known it."""

    def __init__(self, book: Book, moments: Sequence[datetime], raised: Sequence[Raised]) -> None:
        self._moments = moments
        self._schema = book.store.query(f"SELECT * FROM {ALERTS} LIMIT 0").schema  # noqa: S608 - our own word
        keys = book.store.query("SELECT id, key FROM accounts")
        self._keys = dict(zip(keys.column("id").to_pylist(), keys.column("key").to_pylist(), strict=True))
        ordered = sorted(raised, key=lambda each: (self._place(each.opened_at), each.rule.id, each.subject, each.opened_at))
        self._count = len(ordered)
        self._table = self._rows(ordered, first=0)
        self._seen = np.array([self._place(each.opened_at) for each in ordered], dtype=np.int64)
        self._ended = np.array([self._place(each.closed_at) for each in ordered], dtype=np.int64)

    def before(self, place: int, own: Iterable[Raised]) -> pa.Table:
        """The alerts that were known before the sweep at a place, with `own` besides, as they stood then."""
        seen = int(np.searchsorted(self._seen, place, side="left"))
        table = self._table.slice(0, seen)
        closed = table.column("closed_at").to_numpy().copy()
        closed[self._ended[:seen] >= place] = np.datetime64("NaT")
        position = table.schema.get_field_index("closed_at")
        column = pa.array(closed, type=table.schema.field(position).type, from_pandas=True)
        table = table.set_column(position, table.schema.field(position), column)
        return pa.concat_tables([table, self._rows(list(own), first=self._count)])

    def _place(self, at: datetime | None) -> int:
        """The place of the moment at which a sweep finds what was so from an instant on; beyond the last for never."""
        return len(self._moments) if at is None else bisect_left(self._moments, at)

    def _rows(self, raised: Sequence[Raised], *, first: int) -> pa.Table:
        rows = [
            {
                "id": f"{first + number:012d}",
                "account_key": self._keys.get(each.account_id or ""),
                "rule": each.rule.id,
                "subject": each.subject,
                "severity": each.rule.severity,
                "category": each.rule.category,
                "opened_at": _bare(each.opened_at),
                "closed_at": None if each.closed_at is None else _bare(each.closed_at),
            }
            for number, each in enumerate(raised)
        ]
        return pa.Table.from_pylist([dict.fromkeys(self._schema.names) | row for row in rows], schema=self._schema)


def one_by_one(steps: Iterable[tuple[Any, ...]]) -> Iterator[Raised]:
    """Alerts out of (rule, subject, account, key, opened_at, closed_at, reason): of a countdown its steps are one alert."""
    ordered = sorted(steps, key=lambda step: (step[0].id, step[1], step[3], step[4]))
    for (_, subject, _), group in groupby(ordered, key=lambda step: (step[0].id, step[1], step[3])):
        began: datetime | None = None
        for rule, _, account_id, _, opened_at, closed_at, reason in group:
            began = began or opened_at
            if reason == "next_step":
                continue
            yield Raised(rule, subject, account_id, began, closed_at)
            began = None


def _bare(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)
