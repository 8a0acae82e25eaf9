"""A rule as conditions: for each segment of `vary` who is in its scope, when it fires, and what clears it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tocsin.core.language import FormulaError, Node, Value, check, nodes, parse
from tocsin.core.language.terms import Attribute, Const, Operation, Term
from tocsin.core.language.types import as_day
from tocsin.core.rules import Rule
from tocsin.core.schema import COLLECTIONS, derived_columns

if TYPE_CHECKING:
    from tocsin.engine.book import Book

NOT_CHURNED = Operation("boolean", "!=", (Attribute("text", "account", "status"), Const("text", "churned")))
TRUE = Const("boolean", value=True)
OF_CHURN = frozenset({"status", "churned_at"})  # a rule that names one of these is about churned accounts too
OWN_ACCOUNT = ("account", "person", "feature")  # the subjects that are, or belong to, an account
MICRO = nodes.Literal(nodes.NOWHERE, timedelta(microseconds=1))


@dataclass(frozen=True)
class Case:
    """A rule with the parameters of one segment.

    shown:  (formula as written, its tree) whose comparisons are the evidence.
    scope:  who it is about. fires: for whom it fires.
    alive:  who has not churned, where the rule is not about churned accounts.
    clears: for whom its `clear` holds; None where it has none.
    left:   of a countdown: the days that are left. date: the date it counts to. steps: its steps, greatest first.
    early:  so many days before the date it counts to; None where it is the date itself.
    """

    rule: Rule
    params: Mapping[str, Value]
    shown: tuple[tuple[str, Node], ...]
    scope: Term
    alive: Term
    fires: Term
    clears: Term | None = None
    left: Term | None = None
    date: Term | None = None
    steps: tuple[int, ...] = ()
    early: Term | None = None


def given_collection(rule: Rule) -> str | None:
    """The collection of the row that sets a rule off, seen as `event.x` or `row.x`; None where no row does."""
    match rule.trigger.kind:
        case "event":
            return "events"
        case "new":
            return str(rule.trigger.spec["new"])
        case "countdown":
            collection, dot, _ = str(rule.trigger.spec["countdown"]).partition(".")
            return collection if dot else None
    return None


def cases(book: Book, rule: Rule) -> list[Case]:
    """A case for each segment of `vary`, the first that matches winning, and one for everybody else.

    FormulaError where a formula of the rule cannot be read or typed.
    """
    given = given_collection(rule)
    alive = [] if rule.subject not in OWN_ACCOUNT or named_by(rule) & OF_CHURN else [NOT_CHURNED]
    made, taken = [], list[Term]()
    for variant in (*rule.vary, None):
        params = {**rule.params, **(variant.params if variant else {})}

        def typed(formula: str | Node, params: Mapping[str, Value] = params, *, of_row: bool = True) -> Term:
            node = parse(formula) if isinstance(formula, str) else formula
            return check(node, rule.subject, book.names, params, expect="boolean", given=given if of_row else None)

        segment = typed(variant.where, of_row=False) if variant and variant.where else TRUE
        guard = [*([] if segment is TRUE else [segment]), *(_not(each) for each in taken)]
        lives = all_of(alive)
        scope = all_of([*guard, *alive, *([typed(rule.where)] if rule.where else [])])
        clear = None if rule.clear is None else all_of([*guard, typed(rule.clear)])
        shown = shown_of(rule)
        fires = all_of([scope, *(typed(node) for _, node in shown), *(typed(node) for node in _hidden(rule))])
        case = Case(rule, params, tuple(shown), scope, lives, fires, clear)
        made.append(_counted_down(book, case) if rule.trigger.kind == "countdown" else case)
        if segment is TRUE:
            break
        taken.append(segment)
    return made


def shown_of(rule: Rule) -> list[tuple[str, Node]]:
    """The conditions that people are shown as evidence: the filter on the triggering row, and `when`."""
    shown: list[tuple[str, Node]] = []
    row = row_filter(rule)
    if row is not None:
        collection = given_collection(rule)
        assert collection is not None
        shown.append((row, as_given(parse(row), collection)))
    if rule.when is not None:
        shown.append((rule.when, parse(rule.when)))
    return shown


def row_filter(rule: Rule) -> str | None:
    """The formula on the triggering row of an event or new-row rule."""
    if rule.trigger.kind == "event":
        return str(rule.trigger.spec["event"])
    if rule.trigger.kind == "new" and rule.trigger.spec.get("where") is not None:
        return str(rule.trigger.spec["where"])
    return None


def as_given(node: Any, collection: str) -> Any:
    """A filter on a row as a condition on the row that set the rule off: `name` becomes `event.name`."""
    word = "event" if collection == "events" else "row"
    declared = COLLECTIONS[collection]
    columns = {*declared.names, *derived_columns(declared)}
    if isinstance(node, nodes.Path):
        if node.first == "properties" and node.second is not None and collection == "events":
            return nodes.Path(node.span, word, f"properties.{node.second}")
        known = node.second is None and (node.first in columns or declared.custom)
        return nodes.Path(node.span, word, node.first) if known else node
    if isinstance(node, tuple):
        return tuple(as_given(each, collection) for each in node)
    if isinstance(node, nodes.Node):
        parts = {name: as_given(getattr(node, name), collection) for name in node.__dataclass_fields__ if name != "span"}
        return replace(node, **parts)
    return node


# Changes of an attribute

HEALTH = ("health_band", "health_score")


def of_health(rule: Rule) -> bool:
    """Whether it is health that changes: from one start of day, or look, to the next, and not at an instant of its own."""
    return rule.trigger.kind == "change" and rule.trigger.spec["change"] in HEALTH


def is_wanted(rule: Rule, before: Value, now: Value) -> bool:
    """Whether a change is one of those that `from`, `to`, `direction` and `by` ask for."""
    spec = rule.trigger.spec
    for key, value in (("from", before), ("to", now)):
        if key in spec and value not in (spec[key] if isinstance(spec[key], list) else [spec[key]]):
            return False
    if spec.get("direction") is None:
        return True
    if not isinstance(before, (int, float)) or not isinstance(now, (int, float)):
        return False
    moved, by = now - before if spec["direction"] == "up" else before - now, spec.get("by")
    if isinstance(by, str):  # a percent of the value before
        return before > 0 < moved and moved / before >= float(by.rstrip("%")) / 100
    return moved > 0 and (by is None or moved >= by)


def _hidden(rule: Rule) -> list[Node]:
    """The conditions of a `change` trigger, as of the instant of the change; told as one line of evidence of their own."""
    if rule.trigger.kind != "change" or of_health(rule):
        return []
    spec = rule.trigger.spec
    now = nodes.Path(nodes.NOWHERE, str(spec["change"]))
    before = before_of(now)
    there = nodes.IsNull(nodes.NOWHERE, nodes.Call(nodes.NOWHERE, "ago", (_literal(True), MICRO)), negated=True)
    tests: list[Node] = [there, _differs(now, before)]
    for key, side in (("from", before), ("to", now)):
        if key in spec:
            tests.append(_among(side, spec[key]))
    if spec.get("direction") is not None:
        tests += _moved(now, before, str(spec["direction"]), spec.get("by"))
    return tests


def before_of(path: Node) -> Node:
    """The value an instant before."""
    return nodes.Call(nodes.NOWHERE, "ago", (path, MICRO))


def _differs(now: Node, before: Node) -> Node:
    null, known = ([nodes.IsNull(nodes.NOWHERE, each, negated=negated) for each in (now, before)] for negated in (False, True))
    came = nodes.And(nodes.NOWHERE, (null[0], known[1]))
    went = nodes.And(nodes.NOWHERE, (known[0], null[1]))
    return nodes.Or(nodes.NOWHERE, (came, went, nodes.Compare(nodes.NOWHERE, "!=", now, before)))


def _among(side: Node, wanted: Any) -> Node:
    """Whether a value is one of those listed; `null` may be among them."""
    listed = wanted if isinstance(wanted, list) else [wanted]
    tests: list[Node] = []
    if any(each is None for each in listed):
        tests.append(nodes.IsNull(nodes.NOWHERE, side, negated=False))
    known = tuple(_literal(each) for each in listed if each is not None)
    if known:
        tests.append(nodes.Among(nodes.NOWHERE, side, known, negated=False))
    return tests[0] if len(tests) == 1 else nodes.Or(nodes.NOWHERE, tuple(tests))


def _moved(now: Node, before: Node, direction: str, by: Any) -> list[Node]:
    high, low = (now, before) if direction == "up" else (before, now)
    moved: Node = nodes.Arithmetic(nodes.NOWHERE, "-", high, low)  # of numbers alone, where others are among the values
    tests: list[Node] = [nodes.Compare(nodes.NOWHERE, ">", moved, _literal(0))]
    if by is None:
        return tests
    least = by
    if isinstance(by, str):  # a percent of the value before
        moved = nodes.Arithmetic(nodes.NOWHERE, "/", moved, before)
        least = float(by.rstrip("%")) / 100
        tests.append(nodes.Compare(nodes.NOWHERE, ">", before, _literal(0)))
    return [*tests, nodes.Compare(nodes.NOWHERE, ">=", moved, _literal(least))]


def _literal(value: Any) -> nodes.Literal:
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == 10 and value[4:5] == "-" else value
        except ValueError:
            return nodes.Literal(nodes.NOWHERE, value)
    return nodes.Literal(nodes.NOWHERE, value.date() if isinstance(value, datetime) else value)


# Countdowns


def _counted_down(book: Book, case: Case) -> Case:
    """The case with the days that are left, the date, and the steps; it fires where a step is reached."""
    rule, spec = case.rule, case.rule.trigger.spec
    given = given_collection(rule)
    named = str(spec["countdown"])
    path = nodes.Path(nodes.NOWHERE, "row", named.partition(".")[2]) if given else nodes.Path(nodes.NOWHERE, named)
    left: Node = nodes.Call(nodes.NOWHERE, "days_until", (path,))
    early: Node | None = None
    if spec.get("before") is not None:
        early = nodes.Call(nodes.NOWHERE, "coalesce", (parse(str(spec["before"])), _literal(0)))
        left = nodes.Arithmetic(nodes.NOWHERE, "-", left, early)
    steps = steps_of(spec["steps"], case.params)
    reached: Node = nodes.Compare(nodes.NOWHERE, "<=", left, _literal(steps[0]))
    if not spec.get("overdue"):
        reached = nodes.And(nodes.NOWHERE, (reached, nodes.Compare(nodes.NOWHERE, ">=", left, _literal(0))))

    def typed(node: Node, expect: str | None = None) -> Term:
        return check(node, rule.subject, book.names, case.params, expect, given=given)  # type: ignore[arg-type]

    fires = all_of([case.scope, typed(reached, "boolean")])
    before, date = None if early is None else typed(early, "number"), as_day(typed(path))
    shown = (("", reached),)
    return replace(case, shown=shown, fires=fires, left=typed(left, "number"), date=date, steps=steps, early=before)


def steps_of(given: Any, params: Mapping[str, Value]) -> tuple[int, ...]:
    """The steps of a countdown, greatest first; `$name` is a parameter that lists them."""
    listed = params.get(given.removeprefix("$")) if isinstance(given, str) else given
    if not isinstance(listed, (list, tuple)) or not listed:
        raise FormulaError(f"`steps` of the countdown names {given!r}, which lists no days")
    days = [each / timedelta(days=1) if isinstance(each, timedelta) else each for each in listed]
    return tuple(sorted({int(each) for each in days}, reverse=True))  # type: ignore[arg-type]


def step_reached(left: float | None, steps: Sequence[int], *, overdue: bool) -> int | str | None:
    """The step that so many days are in: the smallest one that is not less; `overdue` below 0 days; None for none."""
    if left is None:
        return None
    if left < 0:
        return "overdue" if overdue else None
    return min((each for each in steps if each >= left), default=None)


# Names and small conditions


def named_by(rule: Rule) -> frozenset[str]:
    """The names that a rule's own formulas use: those of `where`, `when`, the trigger and the segments of `vary`.

    Of `account.status` both parts; nothing of what stands in a text, and nothing of the signals that are named. A formula
    that cannot be read names nothing.
    """
    found: set[str] = set()
    if rule.trigger.kind in ("change", "countdown"):
        found.add(str(rule.trigger.spec[rule.trigger.kind]))
    for formula in (rule.where, rule.when, row_filter(rule), *(variant.where for variant in rule.vary)):
        if formula is None:
            continue
        try:
            found |= {name for path in _paths(parse(formula)) for name in (path.first, path.second) if name}
        except FormulaError:
            continue  # said where the rule is typed
    return frozenset(found)


def _paths(node: object) -> Iterable[nodes.Path]:
    if isinstance(node, nodes.Path):
        yield node
    elif isinstance(node, tuple):
        for each in node:
            yield from _paths(each)
    elif isinstance(node, Node):
        for name in node.__dataclass_fields__:
            yield from _paths(getattr(node, name))


def all_of(tests: Sequence[Term]) -> Term:
    """Whether all tests hold; true of none."""
    kept = [test for test in tests if test is not TRUE]
    return TRUE if not kept else kept[0] if len(kept) == 1 else Operation("boolean", "and", tuple(kept))


def any_of(tests: Sequence[Term]) -> Term:
    """Whether one of the tests holds."""
    return tests[0] if len(tests) == 1 else Operation("boolean", "or", tuple(tests))


def _not(test: Term) -> Term:
    """Whether a segment is not matched: false or null."""
    known = Operation("boolean", "coalesce", (test, Const("boolean", value=False)))
    return Operation("boolean", "not", (known,))
