"""An alert's evidence as its table shows it: observed now and when it fired, threshold, baseline, window, freshness."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tocsin.alerts.facade import Alert, EvidenceLine
from tocsin.core.language import FormulaError, parse
from tocsin.core.language.english import describe
from tocsin.core.language.nodes import Aggregate, Arithmetic, Call, Compare, InLast, Literal, Negative, Node, Path
from tocsin.core.language.substitute import children
from tocsin.core.moment import DAY
from tocsin.core.rules import Definitions
from tocsin.engine import Book
from tocsin.engine.cases import given_collection
from tocsin.engine.explaining import REPEATS
from tocsin.web import source, words
from tocsin.web.charts import Unit

OPERATORS = {"<": "below", "<=": "at most", ">": "above", ">=": "at least", "=": "", "!=": "not"}
_MONEY = frozenset({"mrr", "amount", "amount_due", "amount_overdue", "arr"})
_SHARES = ("_utilization", "_rate", "_share", "_ratio")
_DAYS = frozenset({"days_since", "days_until", "days_in", "days_quiet", "workdays_since"})
_PASS = frozenset({"ago", "abs", "round", "coalesce", "least", "greatest", "market"})
_DEEP = 12  # signals within signals; the checker refuses cycles, this only keeps a page from following one


@dataclass(frozen=True, slots=True)
class Reading:
    """What can be read off a formula: the side that is observed, also in English, its unit, its window, its collections.

    changed: of `change(x, 30d)`, x and the length; else None. back: of `ago(x, 14d)`, how far back its window ends.
    """

    observed: str
    words: str
    unit: Unit
    window: timedelta | None
    collections: frozenset[str]
    changed: tuple[str, str] | None
    back: timedelta


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `then`: the value when it fired, where it differs. `hit`: it holds now, as far as is known."""

    text: str
    formula: str
    observed: str
    then: str
    threshold: str
    baseline: str
    window: str
    as_of: datetime | None
    clears: str
    hit: bool


def read(formula: str, signals: Mapping[str, str]) -> Reading | None:
    """What can be read off a formula; None for one that does not parse (its rule was written for another version)."""
    try:
        node = parse(formula)
    except FormulaError:
        return None
    observed = node.left if isinstance(node, Compare) else node
    text = formula[observed.span.start : observed.span.end]
    everything = list(_walk(observed, signals, 0))
    windows = {each.length.value for each in everything if isinstance(each, InLast) and isinstance(each.length, Literal)}
    lengths = {value for value in windows if isinstance(value, timedelta)}
    changed = None
    if isinstance(observed, Call) and observed.name == "change":
        x, length = observed.arguments[:2]
        changed = (formula[x.span.start : x.span.end], formula[length.span.start : length.span.end])
    return Reading(
        observed=text,
        words=describe(node),
        unit=_unit(observed, signals, 0),
        window=lengths.pop() if len(lengths) == 1 else None,
        collections=frozenset(each.path.first for each in everything if isinstance(each, Aggregate)),
        changed=changed,
        back=_back(observed),
    )


def _back(observed: Node) -> timedelta:
    """How far back `ago` looks; nothing for any other formula."""
    if isinstance(observed, Call) and observed.name == "ago" and isinstance(observed.arguments[1], Literal):
        length = observed.arguments[1].value
        return length if isinstance(length, timedelta) else timedelta(0)
    return timedelta(0)


def rows(
    alert: Alert, evaluator: Book, given: Definitions, now: datetime, currency: str, *, also: Sequence[str] = ()
) -> tuple[list[Row], dict[str, Any]]:
    """The table of an alert: stored values, with what the same formulas give as of now, or as of when it closed.

    What the row that set the rule off was like, and what was counted, stands as it was then. given: what is in force.
    also: formulas about the account, whose values are given back besides: one evaluation for an alert about an account.
    """
    lasts = lasting(alert, evaluator, given)
    readings = [read(line.formula, evaluator.named) if lasts(line) else None for line in alert.evidence]
    asked: list[str] = []
    for reading in readings:
        if reading is not None:
            asked += [reading.observed] + ([f"ago({', '.join(reading.changed)})"] if reading.changed else [])
    moment = alert.closed_at or now
    live, told = _values(alert, asked_about(alert, given), evaluator, list(dict.fromkeys(asked)), list(also), moment)
    made = [_row(line, reading, live, moment, currency) for line, reading in zip(alert.evidence, readings, strict=True)]
    return made, told


def asked_about(alert: Alert, given: Definitions) -> str:
    """The kind of subject of which an alert's formulas are asked: `family` where its rule is rolled up, else its own."""
    rule = next((each for each in given.rules if each.id == alert.rule), None)
    return rule.about if rule is not None and rule.subject == alert.subject_kind else alert.subject_kind


def lasting(alert: Alert, evaluator: Book, given: Definitions) -> Callable[[EvidenceLine], bool]:
    """Tells whether what a line compares can be asked for at any moment: what the triggering row was like cannot."""
    rule = next((each for each in given.rules if each.id == alert.rule), None)
    collection = None if rule is None else given_collection(rule)
    columns = frozenset[str]() if collection is None else frozenset(evaluator.names.columns(collection))

    def lasts(line: EvidenceLine) -> bool:
        try:
            evaluator.term(line.formula, alert.subject_kind)
        except FormulaError:
            return False
        # The filter on a row is written in the names of its columns, some of which accounts have too.
        return not any(path.first in columns for path in _outside_aggregates(parse(line.formula)))

    return lasts


def _outside_aggregates(node: Node) -> Iterator[Path]:
    if isinstance(node, Path):
        yield node
    elif not isinstance(node, Aggregate):
        for each in children(node):
            yield from _outside_aggregates(each)


def _values(
    alert: Alert, kind: str, evaluator: Book, asked: list[str], also: list[str], moment: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of the evidence's formulas for the alert's subject, and of others for its account."""
    account_id = alert.account_id or ""
    if kind == "account":
        found = source.values(list(dict.fromkeys(asked + also)), moment, account_id, evaluator=evaluator)
        return found, found
    live = source.values(asked, moment, account_id, subject=kind, subject_id=alert.subject_id, evaluator=evaluator)
    return live, source.values(also, moment, account_id, evaluator=evaluator) if account_id else {}


def _row(line: EvidenceLine, reading: Reading | None, live: Mapping[str, Any], moment: datetime, currency: str) -> Row:
    unit: Unit = reading.unit if reading else "number"
    then = show(line.value, unit, currency)
    current = then
    value = line.value
    if reading and reading.observed in live:
        value = live[reading.observed]
        current = show(value, unit, currency)
    baseline = ""
    if reading and reading.changed:
        before = live.get(f"ago({', '.join(reading.changed)})")
        if before is not None:
            baseline = f"{words.figure(before)}, {words.duration(reading.changed[1])} before"
    latest = [source.latest_start(each, moment) for each in sorted(reading.collections)] if reading else []
    known = [each for each in latest if each is not None]
    return Row(
        text=reading.words if reading else line.text,
        formula="" if line.formula == REPEATS else line.formula,
        observed=current,
        then=then if then != current else "",
        threshold=f"{OPERATORS.get(line.op, line.op)} {show(line.threshold, unit, currency)}".strip(),
        baseline=baseline,
        window=_window(reading, moment, source.zone()),
        as_of=min(known) if known else moment,
        clears=line.clears,
        hit=_holds(value, line.op, line.threshold) is not False,
    )


def show(value: Any, unit: Unit, currency: str) -> str:
    """A value of evidence in its unit. Times and dates come as ISO text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return words.figure(_dated(value))
    if unit == "percent":
        return words.percent(value)
    if unit == "money":
        return words.money(value, currency)
    return words.days(value) if unit == "days" else words.number(value)


def _dated(value: Any) -> Any:
    """ISO text as the day or time it is."""
    if isinstance(value, str) and len(value) >= 10 and value[4:5] == value[7:8] == "-":
        try:
            return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value).astimezone(source.zone())
        except ValueError:
            return value
    return value


def _window(reading: Reading | None, moment: datetime, zone: ZoneInfo) -> str:
    if reading is None or reading.window is None:
        return ""
    end = (moment - reading.back).astimezone(zone)
    return f"{words.number(reading.window / DAY)} d to {end.day} {end:%b}"


def _holds(value: Any, op: str, threshold: Any) -> bool | None:
    """Whether a comparison of numbers holds; None where that cannot be told."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isinstance(threshold, int | float):
        return None
    answers = {"<": value < threshold, "<=": value <= threshold, ">": value > threshold, ">=": value >= threshold}
    return answers.get(op)


def _walk(node: Any, signals: Mapping[str, str], deep: int) -> Iterator[Node]:
    """A node and all within it, the formulas of named signals included."""
    if isinstance(node, tuple):
        for each in node:
            yield from _walk(each, signals, deep)
    if not isinstance(node, Node):
        return
    yield node
    if isinstance(node, Path) and (named := _signal(node, signals, deep)) is not None:
        yield from _walk(named, signals, deep + 1)
    if is_dataclass(node):
        for each in fields(node):
            yield from _walk(getattr(node, each.name), signals, deep)


def _signal(path: Path, signals: Mapping[str, str], deep: int) -> Node | None:
    """The formula behind a name; None where it names no signal."""
    if path.second is not None or path.first not in signals or deep > _DEEP:
        return None
    try:
        return parse(signals[path.first])
    except FormulaError:
        return None


def _unit(node: Node, signals: Mapping[str, str], deep: int) -> Unit:
    if isinstance(node, Call):
        if node.name == "change":
            return "percent"
        if node.name in _DAYS:
            return "days"
        return _unit(node.arguments[0], signals, deep) if node.name in _PASS and node.arguments else "number"
    if isinstance(node, Aggregate):
        if node.function == "days_quiet":
            return "days"
        column = "" if node.function in ("count", "distinct", "exists") else node.path.second or ""
        return "money" if column in _MONEY else "days" if column == "age" or column.startswith("days_") else "number"
    if isinstance(node, Arithmetic) and node.operator in ("+", "-"):
        return _unit(node.left, signals, deep)
    if isinstance(node, Negative):
        return _unit(node.operand, signals, deep)
    if isinstance(node, Path):
        name = node.first
        if name in _MONEY:
            return "money"
        if name.endswith(_SHARES):
            return "percent"
        named = _signal(node, signals, deep)
        return _unit(named, signals, deep + 1) if named is not None else "days" if name.startswith("days_") else "number"
    return "number"
