"""A rule in plain English: whom it is about, what sets it off, how its alerts live; for pages and documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tocsin.core.language import FormulaError, Value, english, parse
from tocsin.core.language.words import collection_words, duration_words, name_words
from tocsin.core.messages import number, said
from tocsin.core.rules import Rule
from tocsin.core.schema import COLLECTIONS

KINDS = {"account": "account", "person": "person", "feature": "feature of an account", "csm": "CSM", "team": "team"}


def setting_off(rule: Rule, params: Mapping[str, Value] | None = None) -> str:
    """What sets a rule off, with parameters put in (None: its own); a formula that cannot be read stands as it is."""
    given = rule.params if params is None else params
    spec = rule.trigger.spec
    match rule.trigger.kind:
        case "event":
            told = f"an event: {formula(str(spec['event']), given)}"
        case "new":
            told = _new(spec, given)
        case "change":
            told = _change(spec)
        case "enter" | "leave" as kind:
            way = "comes into" if kind == "enter" else "leaves"
            told = f"{way} the segment “{name_words(str(spec[kind]))}”"
        case "countdown":
            told = _countdown(spec, given)
        case _:
            return formula(rule.when or "", given)
    return f"{told}; and {formula(rule.when, given)}" if rule.when else told


def scope(rule: Rule, params: Mapping[str, Value] | None = None) -> str:
    """Whom a rule is about: `every account`, `every person where ...`."""
    if rule.subject == "company":
        return "the whole customer base"
    told = f"every {KINDS[rule.subject]}"
    return f"{told} where {formula(rule.where, rule.params if params is None else params)}" if rule.where else told


def parameters(params: Mapping[str, Value], percents: frozenset[str] = frozenset()) -> str:
    """Parameters as people read them: `days 14 days, drop 30 %`."""
    return ", ".join(f"{name_words(name)} {value_words(value, percent=name in percents)}" for name, value in params.items())


def formula(text: str, params: Mapping[str, Value]) -> str:
    """A formula in English; as it is written where it cannot be read."""
    try:
        return english(parse(text), params)
    except FormulaError:
        return text


def value_words(value: Value, *, percent: bool) -> str:
    """The value of a parameter: `14 days`, `30 %`, `champion, sponsor`, `none`; percent: it was written with %."""
    if isinstance(value, (list, tuple)):
        return ", ".join(value_words(each, percent=percent) for each in value) or "none"
    if percent and isinstance(value, (int, float)):
        return f"{number(value * 100)} %"
    return "none" if value == "" else said(value)


def _new(spec: Mapping[str, Any], params: Mapping[str, Value]) -> str:
    collection = str(spec["new"])
    one = collection_words(collection, one=True)
    told = f"a new {one}"
    if spec.get("where") is not None:
        told += f": {formula(str(spec['where']), params)}"
    closing = COLLECTIONS[collection].closing
    return f"{told} (until {name_words(closing)})" if closing else told


def _change(spec: Mapping[str, Any]) -> str:
    name = name_words(str(spec["change"]))
    if spec.get("direction") is not None:
        verb = "rises" if spec["direction"] == "up" else "falls"
        by = spec.get("by")
        return f"{name} {verb}" + ("" if by is None else f" by {str(by).replace('%', ' %')} or more")
    told = f"{name} changes"
    for key in ("from", "to"):
        if key in spec:
            listed = spec[key] if isinstance(spec[key], list) else [spec[key]]
            told += f" {key} {' or '.join('nothing' if each is None else str(each) for each in listed)}"
    return told


def _countdown(spec: Mapping[str, Any], params: Mapping[str, Value]) -> str:
    given = spec["steps"]
    listed = params.get(given.removeprefix("$")) if isinstance(given, str) else given
    days = sorted((int(each) for each in listed), reverse=True) if isinstance(listed, (list, tuple)) else []  # type: ignore[arg-type]
    steps = ", ".join(map(str, days[:-1])) + (" and " if days[1:] else "") + str(days[-1]) if days else "some"
    collection, dot, column = str(spec["countdown"]).partition(".")
    date = name_words(column or collection)
    of = f" of each open {collection_words(collection, one=True)}" if dot else ""
    early = f", less {formula(str(spec['before']), params)}" if spec.get("before") is not None else ""
    overdue = ", and when it has passed" if spec.get("overdue") else ""
    return f"{steps} days before the {date}{of}{early}{overdue}"


def life(rule: Rule) -> list[str]:
    """What a rule says about the life of its alerts, a short sentence each."""
    told = []
    if rule.hold:
        told.append(f"It must hold for {duration_words(rule.hold)} before an alert opens.")
    if rule.clear is not None:
        told.append(f"It stays open until {formula(rule.clear, rule.params)}.")
    if rule.collapse:
        told.append(f"Repeats within {duration_words(rule.collapse)} are counted in one alert.")
    if rule.expires:
        told.append(f"It closes by itself after {duration_words(rule.expires)}.")
    if rule.cooldown:
        told.append(f"After closing it is silent for {duration_words(rule.cooldown)}.")
    if rule.renotify:
        told.append(f"It reminds every {duration_words(rule.renotify)} while it is open.")
    return told
