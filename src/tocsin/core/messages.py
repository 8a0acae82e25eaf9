"""What an alert says in one line: a rule's `message` template, filled in and put into people's words.

Templates come from people who may publish rules, and are data all the same: a small part of Jinja2 (`{{ ... }}`, `{% if %}`,
a few filters) in its sandbox, without loops, calls or assignments, so that no template can run long or reach anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError, Undefined, meta, nodes
from jinja2.sandbox import SandboxedEnvironment

from tocsin.core.errors import UserError
from tocsin.core.language import Value, suggestion
from tocsin.core.moment import DAY
from tocsin.core.rules import Rule
from tocsin.core.schema import PORTFOLIO_SUBJECTS

MAX_TEMPLATE = 2_000  # characters
MAX_MESSAGE = 500
UNKNOWN = "unknown"  # what people read where a value is null
ALWAYS = (
    *("account", "person", "feature", *PORTFOLIO_SUBJECTS),
    *("rule", "as_of", "value", "threshold", "observed", "event", "row"),
)

_ALLOWED_NODES: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Filter,
    nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Test,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.Neg,
)  # fmt: skip
_ALLOWED_TESTS = ("defined", "undefined", "none")


class MessageError(UserError):
    """A message template that cannot be used; `line` counts from 1 within the template."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


# --- Values as people read them ------------------------------------------------------------------------------------------


def said(value: object) -> str:
    """A value in people's words: `3`, `0.25`, `14 days`, `36 hours`, `31 Mar 2026`, `yes`, `a, b`; null is `unknown`."""
    match value:
        case None | Undefined():
            return UNKNOWN
        case bool():
            return "yes" if value else "no"
        case Percent():
            return percent(float(value))
        case int() | float():
            return number(float(value))
        case timedelta():
            return duration(value)
        case datetime():
            return f"{_day(value.astimezone(UTC))} {value.astimezone(UTC):%H:%M} UTC"
        case date():
            return _day(value)
        case str():
            return value
        case list() | tuple():
            return ", ".join(said(each) for each in value)
    return str(value)


def _day(value: date) -> str:
    """`31 Mar 2026`, whatever the locale of the process."""
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{value.day} {months[value.month - 1]} {value.year}"


def number(value: object, digits: int | None = None) -> str:
    """A number without a needless `.0`: `3`, `1,250`, `0.25`; one decimal above 10, two below, unless told."""
    if not _is_number(value):
        return said(value)
    amount = float(value)  # type: ignore[arg-type]
    places = digits if digits is not None else (1 if abs(amount) >= 10 else 2)
    text = f"{amount:,.{max(0, min(places, 6))}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def percent(value: object, digits: int = 1) -> str:
    """A ratio as percent: 0.2 is `20%`."""
    return f"{number(float(value) * 100, digits)}%" if _is_number(value) else said(value)  # type: ignore[arg-type]


def duration(value: object) -> str:
    """A duration, or a number of days, in whole units: `14 days`, `1 day`, `36 hours`; fractions of days rounded down."""
    if _is_number(value):
        whole = int(float(value))  # type: ignore[arg-type]
        return f"{whole:,} day{'' if whole == 1 else 's'}"
    if not isinstance(value, timedelta):
        return said(value)
    if value % DAY == timedelta(0):
        return duration(value / DAY)
    hours = value / timedelta(hours=1)
    return f"{number(hours)} hour{'' if hours == 1 else 's'}"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class Percent(float):
    """A number that its author wrote with %."""


# --- The sandbox ----------------------------------------------------------------------------------------------------------


class _Sandbox(SandboxedEnvironment):
    """Jinja2's sandbox, narrowed: names of mappings are their keys and nothing else, and only numbers multiply."""

    intercepted_binops = frozenset({"*"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`account.name` is an item, never a method or another attribute of a Python object."""
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An item of a mapping (null where it has none) or of a list."""
        if isinstance(obj, Mapping):
            return obj.get(argument)
        if isinstance(obj, (list, tuple)) and isinstance(argument, int) and -len(obj) <= argument < len(obj):
            return obj[argument]
        return self.undefined(obj=obj, name=argument)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - Jinja2's signature
        """Texts and lists are not multiplied: that is how a short template makes a long text."""
        if not (_is_number(left) and _is_number(right)):
            raise TemplateError("only numbers can be multiplied")
        return left * right


def _rounded(value: object, digits: int = 0) -> object:
    return round(float(value), digits) if _is_number(value) else value  # type: ignore[arg-type]


def _default(value: object, other: object = "") -> object:
    return other if value is None or isinstance(value, Undefined) else value


_FILTERS: dict[str, Callable[..., Any]] = {
    "number": number,
    "percent": percent,
    "days": duration,
    "round": _rounded,
    "abs": lambda value: abs(value) if _is_number(value) else value,
    "default": _default,
    "lower": lambda value: said(value).lower(),
    "upper": lambda value: said(value).upper(),
    "title": lambda value: said(value).title(),
}


def _environment() -> _Sandbox:
    made = _Sandbox(autoescape=False, finalize=said, keep_trailing_newline=False)
    made.globals.clear()
    made.filters.clear()
    made.filters.update(_FILTERS)
    return made


_ENVIRONMENT = _environment()


@lru_cache(maxsize=2_048)
def _tree(template: str) -> nodes.Template:
    """The syntax tree of a template; MessageError where it holds what a message cannot."""
    if len(template) > MAX_TEMPLATE:
        raise MessageError(f"a message has at most {MAX_TEMPLATE} characters, this one {len(template)}")
    try:
        tree = _ENVIRONMENT.parse(template)
    except TemplateSyntaxError as error:
        what = (error.message or "bad syntax").rstrip(".")
        if "'endif'" in what:
            what = "an {% if %} lacks its {% endif %}"
        raise MessageError(f"the message cannot be read: {what}", error.lineno) from error
    except RecursionError as error:
        raise MessageError("the message is nested too deeply") from error
    for node in tree.find_all(nodes.Node):
        if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
            hint = suggestion(node.name, _FILTERS) or f"; there are {', '.join(sorted(_FILTERS))}"
            raise MessageError(f"unknown filter {node.name!r} in the message{hint}", node.lineno)
        if isinstance(node, nodes.Test) and node.name not in _ALLOWED_TESTS:
            raise MessageError(f"the test {node.name!r} cannot stand in a message", node.lineno)
        if not isinstance(node, (*_ALLOWED_NODES, nodes.Helper, nodes.EvalContextModifier)):
            what = type(node).__name__.lower()
            raise MessageError(f"a message holds {{{{ values }}}} and {{% if %}}, no {what}", node.lineno)
    return tree


def check_message(template: str, names: Iterable[str] | None) -> frozenset[str]:
    """The names that a template uses; MessageError where it cannot be read or uses a name that is not among `names`.

    names: the rule's parameters and the workspace's signals; those that every message has are known. None: any name will do.
    """
    tree = _tree(template)
    used = frozenset(meta.find_undeclared_variables(tree))
    known = {*(names or ()), *ALWAYS}
    for node in tree.find_all(nodes.Name):
        if names is not None and node.name not in known:
            hint = suggestion(node.name, known)
            raise MessageError(f"unknown name {node.name!r} in the message{hint}", node.lineno)
    return used


@lru_cache(maxsize=2_048)
def _compiled(template: str) -> Any:
    _tree(template)
    return _ENVIRONMENT.from_string(template)


# --- Rendering ------------------------------------------------------------------------------------------------------------


def render(
    rule: Rule,
    *,
    account: Mapping[str, Value],
    person: Mapping[str, Value] | None = None,
    feature: str | None = None,
    params: Mapping[str, Value] | None = None,
    observed: Mapping[str, Value] | None = None,
    row: Mapping[str, Value] | None = None,
    ours: Mapping[str, Value] | None = None,
    value: Value = None,
    threshold: Value = None,
    as_of: datetime | None = None,
) -> str:
    """The one line of an alert, at most 500 characters; never raises for what a template does.

    account, person: attributes as of the moment. params: as they hold for the subject (None: the rule's own).
    observed: signal or formula -> its value as of the moment; signals are names of the template too.
    row: the row that set the rule off, `event` or `row` in the template.
    ours: attributes of the CSM, the team or the company that the rule is about, under that name in the template.
    value, threshold: of the first line of evidence.
    Where the rule has no message, or its template fails on these values, the default message stands.
    """
    default = default_message(rule, account=ours or account, person=person, feature=feature)
    if rule.message is None:
        return _cut(default)
    given = rule.params if params is None else params
    seen = observed or {}
    names = {
        **{name: each for name, each in seen.items() if name.isidentifier()},
        **{name: _marked(each) if name in rule.percents else each for name, each in given.items()},
        "account": account,
        "person": person or {},
        "feature": feature,
        **dict.fromkeys(PORTFOLIO_SUBJECTS, ours or {}),
        "event": row or {},
        "row": row or {},
        "rule": {"id": rule.id, "name": rule.name, "severity": rule.severity, "category": rule.category},
        "as_of": as_of,
        "value": value,
        "threshold": threshold,
        "observed": seen,
    }
    try:
        text = _compiled(rule.message).render(names)
    except (TemplateError, MessageError, TypeError, ValueError, ArithmeticError):
        text = default
    return _cut(text) or _cut(default)


def default_message(
    rule: Rule, *, account: Mapping[str, Value], person: Mapping[str, Value] | None = None, feature: str | None = None
) -> str:
    """`Acme: Missed login milestone`, with the person or the feature where the rule is about one.

    account: or whoever else the rule is about, with a name or an id.
    """
    firm = said(account.get("name") or account.get("id"))
    if person:
        who = said(person.get("name") or person.get("email") or person.get("id"))
        return f"{who} at {firm}: {rule.name}"
    return f"{firm}, {feature}: {rule.name}" if feature else f"{firm}: {rule.name}"


def _marked(value: Value) -> Value:
    if isinstance(value, list):
        return [_marked(each) for each in value]
    return Percent(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _cut(text: str) -> str:
    """One line, not longer than a message may be."""
    line = re.sub(r"\s+", " ", text).strip()
    return line if len(line) <= MAX_MESSAGE else line[: MAX_MESSAGE - 1].rstrip() + "…"
