"""The matches that the answers make, and why they hold: message and evidence, worked out where somebody looks at them.

Most matches of a sweep are of alerts that run already, and of those nobody asks why.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.core import messages
from tocsin.core.language import Value
from tocsin.core.language.words import duration_words, name_words, number_words
from tocsin.core.moment import iso
from tocsin.core.plain import plain
from tocsin.engine.cases import step_reached
from tocsin.engine.evidence import Evidence, Values
from tocsin.facts.breathing import breathe

if TYPE_CHECKING:
    from tocsin.core.rules import Rule
    from tocsin.engine.asking import Asked
    from tocsin.engine.cases import Case

REPEATS = "repeats"  # the formula of the line of evidence that counts rows
BLOCK = 128  # rows of a column that become Python values together


@dataclass(frozen=True, eq=False)
class Why:
    """Why a subject (or row) matches: the message and the evidence, from the answers as of a moment.

    answers, row: where the values stand. more: lines of evidence that no formula gives.
    """

    asked: Asked
    subject: str
    moment: datetime
    answers: Sequence[Values]
    row: int
    more: tuple[Evidence, ...] = ()

    def __eq__(self, other: object) -> bool:
        """Whether both say the same."""
        return isinstance(other, Why) and (self.message, self.evidence) == (other.message, other.evidence)

    def __hash__(self) -> int:
        """By what it is about."""
        return hash((self.subject, self.moment))

    @cached_property
    def evidence(self) -> tuple[Evidence, ...]:
        """The comparisons that hold."""
        return (*self._own, *self.more)

    @cached_property
    def _own(self) -> tuple[Evidence, ...]:
        asked, values = self.asked, self.answers[self.row]
        if asked.counted is not None:
            left, date = values[asked.counted.left], values[asked.counted.date]
            early = None if asked.counted.early is None else values[asked.counted.early]
            return (_counting(asked.case, left, date, early, _step(asked.case, left)),)
        lines = tuple([line for each in asked.lines if (line := each.observed(values)) is not None])
        if asked.changed is None:
            return lines
        before, now = asked.changed
        return (_changing(asked.case, values[before], values[now]), *lines)

    @cached_property
    def message(self) -> str:
        """The line that tells of it."""
        case, told, values, evidence = self.asked.case, self.asked.told, self.answers[self.row], self._own
        account = {name: values[place] for name, place in told.account.items()}
        account_id = account.get("id")
        observed = {line.formula: line.value for line in evidence}
        for name, place in told.observed.items():
            observed[name] = values[place]
        return messages.render(
            case.rule,
            account=account,
            person={name: values[place] for name, place in told.person.items()} or None,
            feature=self.subject.removeprefix(f"{account_id}/") if case.rule.subject == "feature" else None,
            params=case.params,
            observed=observed,
            row={name: _opened(name, values[place]) for name, place in told.row.items()},
            ours={name: values[place] for name, place in told.ours.items()} or None,
            value=evidence[0].value if evidence else None,
            threshold=evidence[0].threshold if evidence else None,
            as_of=self.moment,
        )


@dataclass(frozen=True)
class Match:
    """A subject for whom a rule's scope and condition hold as of a moment.

    account_id: the account that the subject is or belongs to; None of a CSM, a team, the company.
    clears:     in English, what would clear the alert.
    key:        tells alerts of one rule and subject apart: of a countdown its date, of a row trigger the row; else ''.
    step:       the step of a countdown; else None.
    event_id:   the event behind an event rule's alert; else None.
    ends_at:    when the triggering row ended or is to end, if that closes the alert; None where it is not known to.
    count:      how many rows it stands for: repeats within `collapse`.
    """

    rule: Rule
    kind: str
    subject_id: str
    account_id: str | None
    as_of: datetime
    why: Why
    clears: str
    key: str = ""
    step: int | str | None = None
    event_id: str | None = None
    ends_at: datetime | None = None
    count: int = 1

    @property
    def message(self) -> str:
        """The line that tells of it."""
        return self.why.message

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The comparisons that hold."""
        return self.why.evidence

    def to_json(self) -> dict[str, Any]:
        """The match as `tocsin evaluate --format json` shows it."""
        return {
            "rule": self.rule.id,
            "category": self.rule.category,
            "severity": self.rule.severity,
            "subject": {"kind": self.kind, "id": self.subject_id},
            "account_id": self.account_id,
            "as_of": iso(self.as_of),
            "message": self.message,
            "evidence": [line.to_json() for line in self.evidence],
        }


def match_of(asked: Asked, subject: str, answers: Sequence[Values], row: int, moment: datetime) -> Match:
    """The match of a subject (or row), given where the values of the terms asked for stand."""
    case, values = asked.case, answers[row]
    key, step = "", None
    if asked.counted is not None:
        step, key = _step(case, values[asked.counted.left]), str(plain(values[asked.counted.date]))
    place = asked.told.account.get("id")
    account = None if place is None else values[place]
    account_id = None if account is None else str(account)
    why = Why(asked, subject, moment, answers, row)
    return Match(case.rule, case.rule.subject, subject, account_id, moment, why, asked.clearing, key, step)


def explained(table: pa.Table, asked: Sequence[Asked], subject: str, moment: datetime) -> list[Match]:
    """The matches of all cases: a row of the table is a subject as of a moment."""
    found = []
    for each in asked:
        breathe()
        indices = true_places(table, each.fires)
        if indices:
            answers = Answers(table, indices, each.told_places)
            ids = subject_ids(table, subject, indices)
            found += [match_of(each, name, answers, row, moment) for row, name in enumerate(ids)]
    return found


def repeated(match: Match, count: int, latest: datetime) -> Match:
    """The match, standing for so many rows: repeats within `collapse` are counted in its evidence."""
    if count < 2:
        return match
    return replace(match, count=count, why=replace(match.why, more=(*match.why.more, repeats(count, latest))))


def repeats(count: int, latest: datetime) -> Evidence:
    """The line of evidence that counts rows."""
    said = f"it happened {count} times, the last time on {messages.said(latest)}"
    return Evidence(REPEATS, said, count, ">", 1)


# Answers as Python values


class Answers(Sequence[Values]):
    """Some rows of a table of answers, in the order given; each column becomes Python values a block at a time, if at all.

    Only the columns that are named are kept, so that whoever keeps a match does not keep the whole table.
    """

    def __init__(self, table: pa.Table, indices: Sequence[int], places: Collection[int]) -> None:
        kept = sorted(places)
        rows = table.select([f"f{place}" for place in kept]).take(pa.array(indices, pa.int64()))
        self._length = len(indices)
        self._columns = dict(zip(kept, rows.columns, strict=True))
        self._blocks: dict[tuple[int, int], list[Value]] = {}

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, row: Any) -> Any:
        """The values of a row."""
        if not 0 <= row < self._length:
            raise IndexError(row)
        return _Row(self, row)

    def value(self, place: int, row: int) -> Value:
        """The value of a term in a row."""
        number, within = divmod(row, BLOCK)
        block = self._blocks.get((place, number))
        if block is None:
            block = self._blocks[place, number] = values_of(self._columns[place].slice(number * BLOCK, BLOCK))
        return block[within]


class _Row:
    """A row of answers."""

    __slots__ = ("_answers", "_row")

    def __init__(self, answers: Answers, row: int) -> None:
        self._answers, self._row = answers, row

    def __getitem__(self, place: int) -> Value:
        return self._answers.value(place, self._row)


def values_of(column: pa.ChunkedArray) -> list[Value]:
    """The values of a column; instants are aware."""
    return list(instants_of(column)) if pa.types.is_timestamp(column.type) else column.to_pylist()


def moments_of(table: pa.Table) -> list[datetime]:
    """The moment of each row of a table of points."""
    return [each for each in instants_of(table.column("moment")) if each is not None]


def instants_of(column: pa.ChunkedArray) -> list[datetime | None]:
    """The instants of a column, aware."""
    bare = column.to_numpy().astype("datetime64[us]").tolist()  # ten times as fast as one by one
    return [None if each is None else each.replace(tzinfo=UTC) for each in bare]


def subject_ids(table: pa.Table, subject: str, indices: Sequence[int] | None = None) -> list[str]:
    """The ids of a table's subjects, or of those in some rows; of a feature `account_id/feature`."""
    names = ("subject_id",) if subject != "feature" else ("account_id", "feature")
    columns = [table.column(name) for name in names]
    if indices is not None:
        rows = pa.array(indices, pa.int64())
        columns = [column.take(rows) for column in columns]
    if subject != "feature":
        return columns[0].to_pylist()  # type: ignore[no-any-return]
    pairs = zip(*(column.to_pylist() for column in columns), strict=True)
    return [f"{account}/{feature}" for account, feature in pairs]


def true_places(table: pa.Table, place: int) -> list[int]:
    """The rows in which a truth holds; null does not."""
    column = pc.fill_null(table.column(f"f{place}"), False)
    return pc.indices_nonzero(column).to_pylist()  # type: ignore[no-any-return]


def how_many(table: pa.Table, place: int) -> int:
    """In how many rows a truth holds."""
    return pc.sum(table.column(f"f{place}")).as_py() or 0


# Lines that no comparison gives


def _step(case: Case, left: Value) -> int | str | None:
    """The step of a countdown that so many days are in."""
    return step_reached(_number(left), case.steps, overdue=bool(case.rule.trigger.spec.get("overdue")))


def _opened(name: str, value: Value) -> Any:
    """The value of a column as a message sees it: properties one by one, not as the text of their JSON."""
    return json.loads(value) if name == "properties" and isinstance(value, str) else value


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _counting(case: Case, left: Value, day: Value, early: Value, step: int | str | None) -> Evidence:
    """The line of a countdown: the days that are left, and the step they are in.

    early: the day that counts lies so many days before the date, as with a contract that can be ended until then.
    """
    named, days, before = str(case.rule.trigger.spec["countdown"]), _number(left) or 0.0, _number(early) or 0.0
    words, formula = name_words(named.rpartition(".")[2]), f"days_until({named})"
    counted = words
    if before and isinstance(day, date):
        counted = f"the day {duration_words(timedelta(days=before))} before the {words} ({messages.said(day)})"
        formula, day = f"{formula} - {number_words(before)}", day - timedelta(days=before)
    distance = f"{duration_words(timedelta(days=abs(days)))} {'past' if days < 0 else 'ahead'}"
    said = f"{counted} is {distance}, on {messages.said(day)}"
    threshold = 0 if step == "overdue" else step
    return Evidence(formula, said, left, "<" if step == "overdue" else "<=", threshold, f"{words} moves on")


def _changing(case: Case, before: Value, now: Value) -> Evidence:
    """The line of a change: the value before and now."""
    attribute = str(case.rule.trigger.spec["change"])
    said = f"{name_words(attribute)} changed from {_or_none(before)} to {_or_none(now)}"
    return Evidence(attribute, said, now, "changed from", before, "")


def _or_none(value: Value) -> str:
    return "none" if value is None else messages.said(value)
