"""A test file read with all its problems, each with line, column and what mends it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tocsin.catalog.testing.rows import Rows, laid_over, moment, read_rows, settled
from tocsin.catalog.testing.suite import COVERS, AsOf, Case, Span, Suite
from tocsin.core.errors import Problem
from tocsin.core.language import Value, parameter, suggestion
from tocsin.core.moment import DAY
from tocsin.core.rulefiles.marked import Fields, Item, Items, MarkedError, Place, Scalar, plain, read
from tocsin.core.rulefiles.report import Report, kind_of, known_keys, listed, mapping, span, text, whole
from tocsin.core.rules import Definitions, Rule

FILE_KEYS = ("rule", "facts", "cases")
AS_OF_KEYS = ("as_of", "fires", "message")
SPAN_KEYS = ("from", "to", "every", "alerts")
CASE_KEYS = ("name", "with", "facts", *AS_OF_KEYS, *SPAN_KEYS, "covers")
INSTANTS = ("opened_at", "closed_at")
ALERT_KEYS = ("subject", *INSTANTS, "close_reason", "step", "existing", "count", "event_id", "key", "message")


def read_suite(file: str, content: str, definitions: Definitions) -> tuple[Suite | None, tuple[Problem, ...]]:
    """The cases of a test file, and every problem of it, sorted by place; with a problem there is no suite.

    file: what messages call it. definitions: where its rule is looked up.
    """
    report = Report(file)
    suite = None
    try:
        document = read(content)
    except MarkedError as error:
        report(error.place, error.message)
        document = None
    else:
        if document is None:
            report(Place(1, 1), "the file is empty; a test file has `rule`, `facts` and `cases`")
    fields = mapping(report, document, "a test file")
    if fields is not None:
        suite = _suite(report, fields, definitions)
    problems = tuple(sorted(report.problems))
    return (None if problems else suite), problems


def _suite(report: Report, fields: Fields, definitions: Definitions) -> Suite | None:
    known_keys(report, fields, FILE_KEYS, "a test file")
    rule = _rule(report, fields, definitions)
    below = read_rows(report, fields.get("facts"))
    entries = listed(report, fields.get("cases"), "`cases`")
    if not entries:
        report(fields.key("cases"), "a test file needs `cases`: a list, each with a name and what is expected")
    cases = [_case(report, each, rule, below) for each in entries]
    seen: set[str] = set()
    for case in cases:
        if case is not None and case.name in seen:
            report(case.place, f"there is a case {case.name!r} already; give this one another name")
        seen |= {case.name} if case else set()
    return None if rule is None else Suite(report.file, rule, tuple(case for case in cases if case is not None))


def _rule(report: Report, fields: Fields, definitions: Definitions) -> Rule | None:
    item = fields.get("rule")
    if item is None:
        report(fields, "a test file needs `rule`: the id of the rule that it is about")
        return None
    rule_id = text(report, item, "`rule`")
    ids = [rule.id for rule in definitions.rules]
    if rule_id is not None and rule_id not in ids:
        hint = suggestion(rule_id, ids) or "; put its file beside this one, or publish it"
        report(item, f"unknown rule {rule_id!r}{hint}")
        return None
    return None if rule_id is None else definitions.rule(rule_id)


def _case(report: Report, item: Item, rule: Rule | None, below: Rows) -> Case | None:
    fields = mapping(report, item, "a case")
    if fields is None:
        return None
    known_keys(report, fields, CASE_KEYS, "a case")
    name = text(report, fields.get("name"), "the name of a case")
    if fields.get("name") is None:
        report(fields, "a case needs a `name` that says what it shows")
    said = report.within(f"case {name!r}") if name else report
    params = _params(said, fields.get("with"), rule)
    above = read_rows(said, fields.get("facts"))
    facts = settled(said, laid_over(below, above)) if not report.problems else {}
    expected = _as_of(said, fields, rule) if fields.get("as_of") is not None else _span(said, fields)
    covers = _covers(said, fields.get("covers"))
    if name is None or expected is None:
        return None
    return Case(name, fields.place, facts, expected, params, covers)


def _covers(report: Report, item: Item | None) -> tuple[str, ...]:
    """The marks of a case; `null` is one, although YAML reads it as nothing."""
    marks = []
    for each in listed(report, item, "`covers`"):
        word = each.text if isinstance(each, Scalar) else kind_of(each)
        if word in COVERS:
            marks.append(word)
        else:
            hint = suggestion(word, COVERS) or f"; there are {', '.join(COVERS)}"
            report(each, f"unknown mark {word!r} in `covers`{hint}")
    return tuple(marks)


def _params(report: Report, item: Item | None, rule: Rule | None) -> Mapping[str, Value]:
    """The parameters that replace the rule's own: known ones, of the same kind."""
    fields = mapping(report, item, "`with`")
    params: dict[str, Value] = {}
    for key, held in fields.entries if fields else ():
        if rule is None:
            continue
        if key.text not in rule.params:
            hint = suggestion(key.text, rule.params) or f"; the rule has {', '.join(rule.params) or 'none'}"
            report(key, f"unknown parameter {key.text!r} in `with`{hint}")
            continue
        own = rule.params[key.text]
        try:
            value = parameter(plain(held))
        except (ValueError, OverflowError) as error:
            report(held, f"the parameter {key.text!r}: {error}")
            continue
        if _kind(value) != _kind(own):
            report(held, f"the parameter {key.text!r} is {_kind(value)} here and {_kind(own)} in the rule's `with`")
        params[key.text] = value
    return params


def _kind(value: Value) -> str:
    match value:
        case bool():
            return "a truth"
        case int() | float():
            return "a number"
        case timedelta():
            return "a duration"
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
        case None:
            return "nothing"
    return "a date"


def _as_of(report: Report, fields: Fields, rule: Rule | None) -> AsOf | None:
    """`as_of` with `fires`: for `when` rules, whose verdict a moment has."""
    for key in SPAN_KEYS:
        if fields.get(key) is not None:
            report(fields.key(key), f"`{key}` goes with `from` and `to`, not with `as_of`; make another case of it")
    at = moment(report, fields.get("as_of"), "`as_of`")
    if rule is not None and rule.trigger.kind != "when":
        said = f"a rule of kind {rule.trigger.kind} fires for what happens, not as of a moment; give `from`, `to` and `alerts`"
        report(fields.key("as_of"), said)
    if fields.get("fires") is None:
        report(fields, "`as_of` goes with `fires`: the ids of exactly those who match, [] for nobody")
    message = text(report, fields.get("message"), "`message`")
    ids = tuple(_ids(report, fields.get("fires")))
    if message is not None and not ids:
        report(fields.key("message"), "`message` is a part of what the first match says; here nobody is to match")
    return None if at is None else AsOf(at, ids, message)


def _ids(report: Report, item: Item | None) -> list[str]:
    found = []
    for each in listed(report, item, "`fires`"):
        if isinstance(each, Scalar) and each.value is not None:
            found.append(each.text)
        else:
            report(each, f"an entry of `fires` must be the id of a subject, {kind_of(each)} stands there")
    return found


def _span(report: Report, fields: Fields) -> Span | None:
    """`from`, `to` and `alerts`: for any rule, what opens in a replay."""
    if fields.get("from") is None and fields.get("to") is None:
        report(fields, "a case needs a moment: `as_of` with `fires`, or `from` and `to` with `alerts`")
        return None
    for key in AS_OF_KEYS:
        if fields.get(key) is not None:
            report(fields.key(key), f"`{key}` goes with `as_of`, not with `from` and `to`")
    for key, other in (("from", "to"), ("to", "from")):
        if fields.get(key) is None:
            report(fields, f"a case with `{other}` needs `{key}`, too")
    start = moment(report, fields.get("from"), "`from`")
    end = moment(report, fields.get("to"), "`to`")
    every = span(report, fields.get("every"), "`every`")
    if every is not None and not every:
        report(fields.key("every"), "`every` must be longer than nothing")
    if fields.get("alerts") is None:
        report(fields, "`from` and `to` go with `alerts`: exactly those that open, [] for none")
    alerts = [_alert(report, each) for each in listed(report, fields.get("alerts"), "`alerts`")]
    if start is None or end is None:
        return None
    if end < start:
        report(fields.key("to"), "`to` is earlier than `from`")
    return Span(start, end, every or DAY, tuple(alerts))


def _alert(report: Report, item: Item) -> Mapping[str, Any]:
    """The fields of an expected alert, as a replay has them: instants, numbers, truths, texts; null where null stands."""
    fields = mapping(report, item, "an alert")
    if fields is None:
        return {}
    known_keys(report, fields, ALERT_KEYS, "an alert")
    if fields.get("subject") is None:
        report(fields, "an alert needs its `subject`: the id of whom it is about")
    read_: dict[str, Any] = {}
    for key, held in fields.entries:
        if isinstance(held, Fields | Items):
            report(held, f"`{key.text}` of an alert must be a single value, {kind_of(held)} stands there")
        elif isinstance(held, Scalar) and held.value is None:
            read_[key.text] = None
        elif key.text in INSTANTS:
            read_[key.text] = moment(report, held, f"`{key.text}`")
        elif key.text == "count":
            read_[key.text] = whole(report, held, "`count`")
        elif isinstance(held, Scalar):
            read_[key.text] = held.value if key.text in ("step", "existing") else held.text
    return read_
