"""The cases of a test file: judged as of a moment, or replayed over a span, and compared with what was expected."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tocsin.catalog.testing.reach import looks_elsewhere
from tocsin.catalog.testing.shared import Held, RejectedError, groups, stored
from tocsin.catalog.testing.suite import AsOf, Result, Span, Suite
from tocsin.core.errors import Problem, UserError
from tocsin.core.milestones import MilestoneVersion
from tocsin.core.moment import iso
from tocsin.core.profiles import ProfileVersion
from tocsin.core.rules import Definitions, Rule
from tocsin.engine import Book
from tocsin.engine.health import HealthModel
from tocsin.facts.duckdb import DuckStore

if TYPE_CHECKING:
    from tocsin.engine.judge import Match
    from tocsin.engine.replay import Replayed

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
SHOWN_OF_ALERT = ("subject", "opened_at", "closed_at", "step", "existing", "count")


def run_suite(suite: Suite, definitions: Definitions) -> tuple[Result, ...]:
    """What came of each case, in the order of the file.

    definitions: the signals, segments and profiles that the rule may name, and the rules of its ladder.
    UserError, with the place, where a row of the facts cannot be imported.
    """
    results: dict[str, Result] = {}
    for group in groups(suite, apart=looks_elsewhere(suite.rule, definitions)):
        try:
            with stored(group) as store:
                for result in _of_group(suite, group, store, definitions):
                    results[result.case] = result
        except RejectedError as error:
            place = error.row.place
            raise UserError(str(Problem(suite.file, place.line, place.column, error.reason))) from error
    return tuple(results[case.name] for case in suite.cases)


def _of_group(suite: Suite, group: Sequence[Held], store: DuckStore, definitions: Definitions) -> Iterator[Result]:
    """The results of the cases of one store; those that ask the same are asked together."""
    scoring, steps = _health(definitions), _milestones(definitions)
    book = Book(store, definitions.signals, definitions.segments, health=scoring, milestones=steps)
    for alike in _alike(group):
        case = alike[0].case
        rule = replace(suite.rule, params={**suite.rule.params, **case.params})
        if isinstance(case.expected, AsOf):
            yield from _judged(suite, rule, alike, book, case.expected.moment)
        else:
            yield from _replayed(suite, rule, alike, book, case.expected, definitions)


def _health(definitions: Definitions) -> HealthModel:
    """Accounts scored by the definitions' profiles, as if these had always been in force."""
    return HealthModel(tuple(ProfileVersion(each, 1, ALWAYS, definitions.signals) for each in definitions.profiles))


def _milestones(definitions: Definitions) -> tuple[MilestoneVersion, ...]:
    """The definitions' milestone templates, as if these had always been in force."""
    return tuple(MilestoneVersion(each, 1, ALWAYS, definitions.signals) for each in definitions.milestones)


def _question(held: Held) -> Hashable:
    """What a case asks of the engine."""
    expected, params = held.case.expected, repr(sorted(held.case.params.items()))
    if isinstance(expected, AsOf):
        return expected.moment, params
    return expected.start, expected.end, expected.every, params


def _alike(group: Sequence[Held]) -> list[list[Held]]:
    """The cases by what they ask."""
    found: dict[Hashable, list[Held]] = {}
    for each in group:
        found.setdefault(_question(each), []).append(each)
    return list(found.values())


def _judged(suite: Suite, rule: Rule, alike: Sequence[Held], book: Book, moment: datetime) -> Iterator[Result]:
    judgement = book.judge([rule], moment)
    for held in alike:
        expected = held.case.expected
        assert isinstance(expected, AsOf)
        if rule.id in judgement.unknown:
            yield _failed(suite, held, _fires(expected.fires), f"the rule cannot be judged: {judgement.unknown[rule.id]}")
            continue
        own = [match for match in judgement.matches if match.subject_id.startswith(held.prefix)]
        found = tuple(match.subject_id.removeprefix(held.prefix) for match in own)
        if sorted(found) != sorted(expected.fires):
            yield _failed(suite, held, _fires(expected.fires), _fires(found))
        elif expected.message is not None and expected.message not in _first(own, expected, held.prefix).message:
            message = _first(own, expected, held.prefix).message
            yield _failed(suite, held, f"a message with {expected.message!r}", repr(message))
        else:
            yield _passed(suite, held)


def _first(matches: Sequence[Match], expected: AsOf, prefix: str) -> Match:
    """The match of the subject that is named first."""
    return next(match for match in matches if match.subject_id == prefix + expected.fires[0])


def _fires(ids: Sequence[str]) -> str:
    return f"fires [{', '.join(ids)}]"


def _replayed(
    suite: Suite, rule: Rule, alike: Sequence[Held], book: Book, span: Span, definitions: Definitions
) -> Iterator[Result]:
    from tocsin.engine.replay import replay

    # The stages of a ladder close each other, so that one of them lives among all.
    stages = [each for each in definitions.rules if rule.ladder and each.ladder == rule.ladder and each.id != rule.id]
    # What a case gives as alerts are the alerts: other rules say nothing here.
    told = replay(book, [rule, *stages], span.start, span.end, span.every, own_alerts=False)
    for held in alike:
        expected = held.case.expected
        assert isinstance(expected, Span)
        if rule.id in told.unknown:
            said = f"the rule cannot be judged: {told.unknown[rule.id]}"
            yield _failed(suite, held, _alerts(expected.alerts), said)
            continue
        own = [_fields(each, held.prefix) for each in told.alerts if _is_of(each, rule, held.prefix)]
        if _all_agree(expected.alerts, own):
            yield _passed(suite, held)
        else:
            named = dict.fromkeys([*SHOWN_OF_ALERT, *(name for each in expected.alerts for name in each)])
            shown = [{name: alert[name] for name in named if alert[name] not in (None, False)} for alert in own]
            yield _failed(suite, held, _alerts(expected.alerts), _alerts(shown))


def _is_of(alert: Replayed, rule: Rule, prefix: str) -> bool:
    return alert.match.rule.id == rule.id and alert.match.subject_id.startswith(prefix)


def _fields(alert: Replayed, prefix: str) -> dict[str, Any]:
    """The fields of an alert of a replay that a case can name."""
    return {
        "subject": alert.match.subject_id.removeprefix(prefix),
        "opened_at": alert.opened_at,
        "closed_at": alert.closed_at,
        "close_reason": alert.close_reason,
        "step": alert.step,
        "existing": alert.existing,
        "count": alert.count,
        "event_id": None if alert.event_id is None else alert.event_id.removeprefix(prefix),
        "key": alert.key.removeprefix(prefix),
        "message": alert.match.message,
    }


def _all_agree(expected: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> bool:
    """Whether each expected alert is one of those found, and each found is expected: a perfect matching."""
    if len(expected) != len(found):
        return False
    taken: dict[int, int] = {}  # found -> expected

    def placed(number: int, tried: set[int]) -> bool:
        for index, alert in enumerate(found):
            if index in tried or not _agrees(expected[number], alert):
                continue
            tried.add(index)
            if index not in taken or placed(taken[index], tried):
                taken[index] = number
                return True
        return False

    return all(placed(number, set()) for number in range(len(expected)))


def _agrees(expected: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return all((value or "") in found[name] if name == "message" else found[name] == value for name, value in expected.items())


def _alerts(alerts: Sequence[Mapping[str, Any]]) -> str:
    """`alerts [{subject: acme, opened_at: 2026-03-15T00:00:00Z}]`."""
    said = (", ".join(f"{name}: {_said(value)}" for name, value in each.items()) for each in alerts)
    return f"alerts [{', '.join(f'{{{each}}}' for each in said)}]"


def _said(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case datetime():
            return iso(value)
    return str(value)


def _passed(suite: Suite, held: Held) -> Result:
    return Result(suite.file, held.case.place.line, suite.rule.id, held.case.name, passed=True)


def _failed(suite: Suite, held: Held, expected: str, found: str) -> Result:
    return Result(suite.file, held.case.place.line, suite.rule.id, held.case.name, False, expected, found)
