"""Rules and profiles as text: the author's own where it still says the rule, else written from the fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from tocsin.core.language import Value
from tocsin.core.milestones import ANCHOR, Milestone
from tocsin.core.moment import DAY
from tocsin.core.profiles import Profile
from tocsin.core.rulefiles.sections import read_file
from tocsin.core.rules import DEFAULT_EXPIRES, EXPIRING, MaxNew, Rule

_HOUR = timedelta(hours=1)


def dump_rule(rule: Rule) -> str:
    """The rule as an entry of a rule file's list, ending in a line break; reading it gives the same rule.

    The text of its author, comments and all; what was changed in the product since (its state, say) is changed in that text.
    """
    for written in (_author_s, _amended):  # the second is dear, and seldom needed: most rules are as their author wrote them
        text = _as_entry(written(rule))
        if text and _says(text, rule):
            return text
    return _as_entry(_written(_plain(rule)))


def dump_rules(rules: Iterable[Rule]) -> str:
    """A rule file of these rules, in their order."""
    return "\n".join(dump_rule(rule) for rule in rules) or "[]\n"


def dump_profile(profile: Profile) -> str:
    """The profile as an entry of the list under `profiles:`, ending in a line break; reading it gives the same profile."""
    text = _as_entry(profile.source)
    if text:
        contents = read_file("", f"profiles:\n{text}")
        if [draft.profile for draft in contents.profiles] == [profile] and not contents.report.problems:
            return text
    return _as_entry(_written(_plain_profile(profile)))


def dump_profiles(profiles: Iterable[Profile]) -> str:
    """A rule file of these profiles, in their order."""
    entries = "\n".join(dump_profile(each) for each in profiles)
    return f"profiles:\n{entries}" if entries else "profiles: []\n"


def dump_milestone(milestone: Milestone) -> str:
    """The template as an entry of the list under `milestones:`, ending in a line break; reading it gives the same one."""
    text = _as_entry(milestone.source)
    if text:
        contents = read_file("", f"milestones:\n{text}")
        if [draft.milestone for draft in contents.milestones] == [milestone] and not contents.report.problems:
            return text
    keys: dict[str, Any] = {
        "id": milestone.id,
        "name": milestone.name,
        "where": milestone.where,
        "precedence": milestone.precedence or None,
        "anchor": milestone.anchor if milestone.anchor != ANCHOR else None,
        "due": _span(milestone.due),
        "reached": milestone.reached,
        "state": milestone.state if milestone.state != "on" else None,
    }
    return _as_entry(_written({key: value for key, value in keys.items() if value is not None}))


def dump_milestones(milestones: Iterable[Milestone]) -> str:
    """A rule file of these templates, in their order."""
    entries = "\n".join(dump_milestone(each) for each in milestones)
    return f"milestones:\n{entries}" if entries else "milestones: []\n"


def _plain_profile(profile: Profile) -> dict[str, Any]:
    indicators = [
        {"name": each.name, "kind": each.kind, "weight": _short(each.weight), "score": each.score}
        for each in profile.indicators
    ]
    keys = {
        "id": profile.id,
        "name": profile.name,
        "where": profile.where,
        "precedence": profile.precedence,
        "bands": {"good": _short(profile.bands.good), "average": _short(profile.bands.average)},
        "indicators": indicators,
        "state": profile.state if profile.state != "on" else None,
    }
    return {key: value for key, value in keys.items() if value is not None}


def _says(text: str, rule: Rule) -> bool:
    contents = read_file("", text)
    return [draft.rule for draft in contents.rules] == [rule] and not contents.report.problems


def _author_s(rule: Rule) -> str:
    return rule.source


def _amended(rule: Rule) -> str:
    """The author's text with the keys changed in which the rule differs from it; '' where there is no such text."""
    drafts = read_file("", _as_entry(rule.source)).rules
    if len(drafts) != 1 or drafts[0].rule is None:
        return ""
    before, after = _plain(drafts[0].rule), _plain(rule)
    keys = _yaml().load(rule.source)
    for key in {*before, *after}:
        if key not in after:
            keys.pop(key, None)
        elif before.get(key) != after[key]:
            keys[key] = after[key]
    return _written(keys)


def _as_entry(source: str) -> str:
    """A block as an entry of a list: comments above it stay above it."""
    lines = source.splitlines()
    first = next((number for number, line in enumerate(lines) if line.strip() and not line.startswith("#")), None)
    if first is None:
        return ""
    body = [("  " + line if number != first else "- " + line) if line else line for number, line in enumerate(lines)]
    return "\n".join([*lines[:first], *body[first:]]) + "\n"


def _plain(rule: Rule) -> dict[str, Any]:
    """The keys of a rule file, those that say no more than the default left out."""
    default_expires = DEFAULT_EXPIRES if rule.trigger.kind in EXPIRING else None
    keys: dict[str, Any] = {
        "id": rule.id,
        "name": rule.name,
        "category": rule.category,
        "subject": rule.subject if rule.subject != "account" else None,
        "rollup": rule.rollup,
        "where": rule.where,
        "when": rule.when,
        "trigger": dict(rule.trigger.spec) or None,
        "with": _params(rule.params, rule.percents),
        "vary": [
            ({} if each.where is None else {"where": each.where}) | {"with": _params(each.params, rule.percents)}
            for each in rule.vary
        ],
        "severity": rule.severity,
        "message": rule.message,
        "for": _span(rule.hold),
        "clear": rule.clear,
        "cooldown": _span(rule.cooldown),
        "renotify": _span(rule.renotify),
        "collapse": _span(rule.collapse),
        "expires": _span(rule.expires) if rule.expires != default_expires else None,
        "late": _span(rule.late),
        "inhibited_by": list(rule.inhibited_by),
        "notify": list(rule.notify),
        "escalate": [{"after": _span(step.after), "notify": list(step.notify)} for step in rule.escalate],
        "playbook": rule.playbook,
        "needs": {name: _span(age) for name, age in rule.needs.items()},
        "max_new": _max_new(rule.max_new),
        "ladder": rule.ladder,
        "stage": rule.stage,
        "state": rule.state if rule.state != "on" else None,
    }
    return {key: value for key, value in keys.items() if key == "notify" or (value is not None and value not in ([], {}))}


def _params(params: Mapping[str, Value], percents: Iterable[str]) -> dict[str, Any]:
    return {name: _param(value, percent=name in percents) for name, value in params.items()}


def _param(value: Value, *, percent: bool) -> Any:
    match value:
        case bool() | None | str():
            return value
        case int() | float():
            return _percent(value) if percent else _short(value)
        case timedelta():
            return _span(value)
        case date():
            return f"date '{value.isoformat()}'"
        case list() | tuple():
            return [_param(each, percent=percent) for each in value]


def _short(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def _span(length: timedelta | None) -> str | None:
    """`14d`, or `36h` where it is no whole number of days."""
    if length is None:
        return None
    return f"{length // DAY}d" if length % DAY == timedelta(0) else f"{_short(length / _HOUR)}h"


def _max_new(limit: MaxNew) -> int | str | None:
    if limit == MaxNew():
        return None
    return limit.count if limit.count is not None else _percent(limit.share)


def _percent(ratio: float) -> str:
    """`12.5%`: decimals, never an exponent."""
    return f"{Decimal(repr(_short(round(ratio * 100, 10)))):f}%"


def _written(keys: Mapping[str, Any]) -> str:
    out = StringIO()
    _yaml().dump(keys, out)
    return out.getvalue()


def _yaml() -> YAML:
    made = YAML()
    made.width = 10_000
    made.preserve_quotes = True
    made.indent(mapping=2, sequence=4, offset=2)
    return made
