"""From the mapping of one rule in a file to a `Rule`, telling everything that is wrong with it by itself.

What is wrong between rules (ids, ladders, inhibition) is in `across`; formulas are checked in `formulas`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from tocsin.core.language import Value, parameter, suggestion
from tocsin.core.messages import ALWAYS
from tocsin.core.rulefiles.formulas import Formula
from tocsin.core.rulefiles.marked import Fields, Item, Items, Scalar, plain, scalars, source
from tocsin.core.rulefiles.report import Report, kind_of, known_keys, listed, mapping, one_of, span, text, texts, whole
from tocsin.core.rulefiles.triggers import Triggering, read_trigger
from tocsin.core.rules import (
    CATEGORIES,
    DEFAULT_EXPIRES,
    EXPIRING,
    ROLLUPS,
    SEVERITIES,
    STATES,
    SUBJECTS,
    Escalation,
    MaxNew,
    Rule,
    Trigger,
    Variant,
)
from tocsin.core.schema import COLLECTIONS

KEYS = (
    "id", "name", "category", "subject", "rollup", "where", "when", "trigger", "with", "vary", "severity", "message", "for",
    "clear", "cooldown", "renotify", "collapse", "expires", "late", "inhibited_by", "notify", "escalate", "playbook", "needs",
    "max_new", "ladder", "stage", "state",
)  # fmt: skip
SPANS = ("for", "cooldown", "renotify", "collapse", "expires", "late")
RESERVED = ALWAYS  # names that every message has
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)%")
_ADDRESSED = {"team": "a team's name", "role": "a role", "user": "an e-mail address", "channel": "a channel's name"}
MAX_ID, MAX_NAME = 80, 200


@dataclass(slots=True)
class Draft:
    """A rule as far as it could be read. rule: None where something needed is missing or wrong.

    params: with their places. unreadable: the names of those whose values could not be read.
    variants: the parameters that hold for each entry of `vary`, and the rule's own first.
    """

    report: Report
    fields: Fields
    id: str | None
    rule: Rule | None = None
    formulas: list[Formula] = field(default_factory=list)
    params: dict[str, Value] = field(default_factory=dict)
    places: dict[str, Item] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    variants: list[dict[str, Value]] = field(default_factory=list)
    triggering: Triggering | None = None


def read_rule(report: Report, item: Item) -> Draft | None:
    """A draft of the rule; None where the item is no mapping at all."""
    fields = mapping(report, item, "a rule")
    if fields is None:
        return None
    rule_id = _rule_id(report, fields)
    said = report.within(f"rule {rule_id!r}") if rule_id else report
    draft = Draft(said, fields, rule_id)
    known_keys(said, fields, KEYS, "a rule")
    values = {**_about(draft), **_parameters(draft), **_life(draft), **_people(draft), **_place_in_ladder(draft)}
    values |= _trigger(draft, values["subject"])
    if values["rollup"] is not None:
        _rollup(draft, values["subject"], values["trigger"])
    needed = (values["name"], values["category"], values["trigger"])
    if rule_id is not None and all(each is not None for each in needed):
        if values["expires"] is None and _expires(values["trigger"]):
            values["expires"] = DEFAULT_EXPIRES
        draft.rule = Rule(id=rule_id, source=source(fields), **values)
    return draft


def _rollup(draft: Draft, subject: str, trigger: Trigger | None) -> None:
    """Families are of accounts, and what holds of them opens and closes."""
    key = draft.fields.key("rollup")
    if subject != "account":
        draft.report(key, f"`rollup: family` is for rules about accounts; this one is about the subject {subject}")
    elif trigger is not None and trigger.kind != "when":
        draft.report(key, f"`rollup: family` goes with `when` alone; the trigger `{trigger.kind}` is each account's own")


def _expires(trigger: Trigger) -> bool:
    """Whether alerts close by themselves after a time: those that neither a condition nor the end of a row closes."""
    endless = trigger.kind == "new" and COLLECTIONS[str(trigger.spec["new"])].closing is None
    return trigger.kind in EXPIRING or endless


def _rule_id(report: Report, fields: Fields) -> str | None:
    item = fields.get("id")
    if item is None:
        report(fields, "a rule needs an `id`, such as no-login")
        return None
    said = text(report, item, "the id")
    if said is not None and (not _ID.fullmatch(said) or len(said) > MAX_ID):
        tame = re.sub(r"[^a-z0-9]+", "-", said.lower()).strip("-")[:MAX_ID].strip("-")
        hint = f", such as {tame}" if tame else ""
        report(item, f"the id {said!r} must be small letters, digits and single hyphens{hint}")
        return None
    return said


def _about(draft: Draft) -> dict[str, Any]:
    report, fields = draft.report, draft.fields
    for key, example in (("name", "Missed login milestone"), ("category", ", ".join(CATEGORIES))):
        if fields.get(key) is None:
            report(fields, f"a rule needs a `{key}` ({example})")
    name = text(report, fields.get("name"), "the name")
    if name is not None and len(name) > MAX_NAME:
        report(fields.key("name"), f"the name has at most {MAX_NAME} characters, this one {len(name)}")
    return {
        "name": name,
        "category": one_of(report, fields.get("category"), "category", CATEGORIES),
        "subject": one_of(report, fields.get("subject"), "subject", SUBJECTS) or "account",
        "rollup": one_of(report, fields.get("rollup"), "rollup", ROLLUPS),
        "severity": one_of(report, fields.get("severity"), "severity", SEVERITIES) or "medium",
        "state": one_of(report, fields.get("state"), "state", STATES) or "on",
        "message": text(report, fields.get("message"), "the message"),
        "playbook": text(report, fields.get("playbook"), "the playbook"),
    }


# --- Parameters


def _parameters(draft: Draft) -> dict[str, Any]:
    """`with` and `vary`; a variant only changes what `with` defines, and keeps its type."""
    report, percents = draft.report, set[str]()
    draft.params = _values(draft, draft.fields.get("with"), "`with`", percents)
    vary = []
    for entry in listed(report, draft.fields.get("vary"), "`vary`"):
        fields = mapping(report, entry, "an entry of `vary`")
        if fields is None:
            continue
        known_keys(report, fields, ("where", "with"), "an entry of `vary`")
        if fields.get("with") is None:
            report(fields, "an entry of `vary` needs `with`: the parameters of its segment")
        params = _values(draft, fields.get("with"), "`with` of `vary`", percents)
        _like_the_rule(draft, fields, params)
        where = text(report, fields.get("where"), "`where` of `vary`")
        vary.append(Variant(where, params))
        draft.variants.append({**draft.params, **params})
    draft.variants.insert(0, draft.params)
    return {"params": draft.params, "vary": tuple(vary), "percents": frozenset(percents)}


def _values(draft: Draft, item: Item | None, what: str, percents: set[str]) -> dict[str, Value]:
    """The typed values of a `with`; those written with % are noted in `percents`."""
    report, values = draft.report, dict[str, Value]()
    fields = mapping(report, item, what)
    for key, held in fields.entries if fields else ():
        if not _NAME.fullmatch(key.text):
            report(key, f"the parameter {key.text!r} must be a name of letters, digits and _, so that a formula can say $name")
        elif key.text in RESERVED:
            report(key, f"a parameter cannot be called {key.text!r}: every message has that name already")
        elif key.text in values:
            report(key, f"the parameter {key.text!r} is there twice; keep one")
        elif isinstance(held, Fields) or (isinstance(held, Scalar) and held.value is None):
            report(held, f"the parameter {key.text!r} must be a number, text, duration or list, {kind_of(held)} stands there")
            draft.unreadable.add(key.text)
        else:
            try:
                values[key.text] = parameter(plain(held))
            except (ValueError, OverflowError) as error:
                report(held, f"the parameter {key.text!r}: {error}")
                draft.unreadable.add(key.text)
                continue
            draft.places.setdefault(key.text, key)
            if all(isinstance(each.value, str) and _PERCENT.fullmatch(each.value) for each in scalars(held)):
                percents.add(key.text)
    return values


def _like_the_rule(draft: Draft, fields: Fields, params: Mapping[str, Value]) -> None:
    """A variant's parameters are parameters of the rule, of the same type."""
    held = fields.get("with")
    for name, value in params.items():
        assert isinstance(held, Fields)
        if name not in draft.params:
            hint = suggestion(name, draft.params) or "; define it under the rule's `with` too"
            draft.report(held.key(name), f"unknown parameter {name!r} in `vary`{hint}")
        elif _type(value) != _type(draft.params[name]):
            message = f"the parameter {name!r} is {_type(value)} here and {_type(draft.params[name])} in the rule's `with`"
            draft.report(held.key(name), message)


def _type(value: Value) -> str:
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
    return "a date"


# --- The trigger and its formulas


def _trigger(draft: Draft, subject: str) -> dict[str, Any]:
    report, fields = draft.report, draft.fields
    draft.triggering = read_trigger(report, fields, subject)
    given = draft.triggering.given
    read: dict[str, Any] = {}
    for key in ("where", "when", "clear"):
        item = fields.get(key)
        read[key] = text(report, item, f"`{key}`")
        if read[key] is not None and isinstance(item, Scalar):
            draft.formulas.append(Formula(f"`{key}`", item, subject, given=None if key == "clear" else given))
    if draft.triggering.filter is not None:
        draft.formulas.append(replace(draft.triggering.filter, subject=subject))
    if draft.triggering.before is not None:
        draft.formulas.append(replace(draft.triggering.before, subject=subject))
    vary = fields.get("vary")
    for entry in vary.entries if isinstance(vary, Items) else ():
        where = entry.get("where") if isinstance(entry, Fields) else None
        if isinstance(where, Scalar) and isinstance(where.value, str) and where.value.strip():
            draft.formulas.append(Formula("`where` of `vary`", where, subject))
    return {**read, "trigger": draft.triggering.trigger}


# --- Time, people, guards


def _life(draft: Draft) -> dict[str, Any]:
    report, fields = draft.report, draft.fields
    read = {key: span(report, fields.get(key), f"`{key}`") for key in SPANS}
    for key in ("renotify", "collapse", "expires"):
        if read[key] == timedelta(0):
            report(fields.key(key), f"`{key}` must be longer than nothing; leave it out where it is not wanted")
    needs = {}
    held = mapping(report, fields.get("needs"), "`needs`")
    for name, wanted in held.entries if held else ():
        age = span(report, wanted, f"`needs` of {name.text}")
        if name.text not in COLLECTIONS:
            report(name, f"unknown collection {name.text!r} in `needs`{suggestion(name.text, COLLECTIONS)}")
        elif age is not None:
            needs[name.text] = age
    return {"hold": read.pop("for"), **read, "needs": needs, "max_new": _max_new(report, fields.get("max_new"))}


def _max_new(report: Report, item: Item | None) -> MaxNew:
    """A number of alerts, or a percent of the scope."""
    if item is None:
        return MaxNew()
    if isinstance(item, Scalar) and isinstance(item.value, str) and (found := _PERCENT.fullmatch(item.value)):
        if float(found[1]) <= 100:
            return MaxNew(share=float(found[1]) / 100)
        report(item, f"`max_new` is at most 100%, {item.value} stands there")
    elif isinstance(item, Scalar) and isinstance(item.value, int) and not isinstance(item.value, bool) and item.value >= 0:
        return MaxNew(count=item.value)
    else:
        stands = repr(item.text) if isinstance(item, Scalar) else kind_of(item)
        report(item, f"`max_new` must be a number of alerts or a percent of the scope such as 5%, {stands} stands there")
    return MaxNew()


def _people(draft: Draft) -> dict[str, Any]:
    report, fields = draft.report, draft.fields
    steps = []
    for entry in listed(report, fields.get("escalate"), "`escalate`"):
        step = mapping(report, entry, "a step of `escalate`")
        if step is None:
            continue
        known_keys(report, step, ("after", "notify"), "a step of `escalate`")
        for key in ("after", "notify"):
            if step.get(key) is None:
                report(step, f"a step of `escalate` needs `{key}`, as in {{after: 24h, notify: [manager]}}")
        after = span(report, step.get("after"), "`after`")
        if after is not None:
            steps.append(Escalation(after, _targets(report, step.get("notify"))))
    inhibited = texts(report, fields.get("inhibited_by"), "`inhibited_by`")
    told = {} if fields.get("notify") is None else {"notify": _targets(report, fields.get("notify"))}
    return {"escalate": tuple(steps), "inhibited_by": tuple(said for _, said in inhibited), **told}


def _targets(report: Report, item: Item | None) -> tuple[str, ...]:
    """Whom to tell: owner, manager, team:<name>, role:<name>, user:<email>, channel:<name>."""
    for scalar, said in texts(report, item, "`notify`"):
        kind, colon, name = said.partition(":")
        if said in {"owner", "manager"}:
            continue
        if kind in _ADDRESSED and not name.strip():
            report(scalar, f"the notify target {said!r} lacks {_ADDRESSED[kind]}: write {kind}:<name>")
        elif kind == "user" and not re.fullmatch(r"[^@\s]+@[^@\s]+", name):
            report(scalar, f"the notify target {said!r} needs an e-mail address: write user:<email>")
        elif kind not in _ADDRESSED:
            hint = suggestion(kind, ("owner", "manager", *_ADDRESSED)) if not colon or kind else ""
            listing = "; there are owner, manager, team:<name>, role:<name>, user:<email>, channel:<name>"
            report(scalar, f"unknown notify target {said!r}{hint or listing}")
    return tuple(said for _, said in texts(Report(report.file), item, "`notify`"))


def _place_in_ladder(draft: Draft) -> dict[str, Any]:
    report, fields = draft.report, draft.fields
    ladder = text(report, fields.get("ladder"), "the ladder")
    stage = whole(report, fields.get("stage"), "the stage")
    if (fields.get("ladder") is None) != (fields.get("stage") is None):
        there, lacking = ("ladder", "stage") if fields.get("stage") is None else ("stage", "ladder")
        report(fields.key(there), f"`{there}` goes with `{lacking}`, as in ladder: license and stage: 90")
    return {"ladder": ladder, "stage": stage}
