"""What must be right between rules, signals and segments: one small function for each, each telling all its problems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tocsin.core.language import FormulaError, Names, Node, Value, check, parse, suggestion
from tocsin.core.language.names import ENGINE_SIGNALS
from tocsin.core.language.nodes import Aggregate
from tocsin.core.language.terms import Entity, Type
from tocsin.core.messages import MessageError, check_message
from tocsin.core.profiles import BANDS
from tocsin.core.rulefiles.build import Draft
from tocsin.core.rulefiles.drafts import spoiled
from tocsin.core.rulefiles.formulas import (
    Formula,
    checked,
    cycle,
    names_of,
    parameters_of,
    parsed,
    undefined_parameters,
    walk,
)
from tocsin.core.rulefiles.marked import Fields, Item, Items, Place, Scalar
from tocsin.core.rulefiles.report import Report, kind_of
from tocsin.core.rulefiles.sections import Named
from tocsin.core.rules import Definitions, Rule
from tocsin.core.schema import COLLECTIONS, PORTFOLIO_SUBJECTS, STATUSES

SUBJECTS_OF_SIGNALS = ("account", "person", "feature", *PORTFOLIO_SUBJECTS)  # a signal must mean something for one of them

POSSIBLE = {"status": STATUSES, "health_band": BANDS}  # the values that an attribute can have at all
_A = {
    "text": "a text", "number": "a number", "boolean": "true or false", "date": "a date", "time": "a time", "list": "a list",
    "json": "a property", "null": "without a value",
}  # fmt: skip


def duplicate_ids(drafts: Sequence[Draft]) -> None:
    """Two rules have one id; the second is told where the first stands."""
    first: dict[str, Draft] = {}
    for draft in drafts:
        if draft.id is None:
            continue
        if draft.id in first:
            other = first[draft.id]
            place = (other.fields.get("id") or other.fields).place
            said = f"the id is taken by the rule at {other.report.file}:{place.line}:{place.column}; give this one another"
            draft.report(draft.fields.get("id") or draft.fields, said)
        else:
            first[draft.id] = draft


def unknown_inhibitors(drafts: Sequence[Draft], known: Definitions) -> None:
    """`inhibited_by` names a rule that is nowhere, or the rule itself."""
    ids = {draft.id for draft in drafts if draft.id} | {rule.id for rule in known.rules}
    for draft in drafts:
        item = draft.fields.get("inhibited_by")
        for each in item.entries if isinstance(item, Items) else (item,):
            if not isinstance(each, Scalar) or not isinstance(each.value, str):
                continue
            if each.value == draft.id:
                draft.report(each, "a rule cannot inhibit itself")
            elif each.value not in ids:
                hint = suggestion(each.value, ids) or "; `rules list` names those there are"
                draft.report(each, f"unknown rule {each.value!r} in `inhibited_by`{hint}")


def ladders(drafts: Sequence[Draft], known: Definitions) -> None:
    """Stages of one ladder have numbers of their own, and one subject."""
    here = {draft.id for draft in drafts}
    taken: dict[tuple[str, int], tuple[str, str]] = {}
    for rule in known.rules:
        if rule.ladder is not None and rule.stage is not None and rule.id not in here:
            taken[rule.ladder, rule.stage] = rule.id, rule.about
    for draft in drafts:
        rule_or_none = draft.rule
        if rule_or_none is None or rule_or_none.ladder is None or rule_or_none.stage is None:
            continue
        rule = rule_or_none
        ladder, stage = rule_or_none.ladder, rule_or_none.stage
        if (ladder, stage) in taken:
            other = taken[ladder, stage][0]
            draft.report(draft.fields.key("stage"), f"stage {stage} of the ladder {ladder!r} is taken by the rule {other!r}")
            continue
        subjects = {subject for (name, _), (_, subject) in taken.items() if name == ladder}
        if subjects and rule.about not in subjects:
            said = f"the stages of the ladder {ladder!r} are about the subject {subjects.pop()}, this rule about {rule.about}"
            draft.report(draft.fields.key("ladder"), said)
        taken[ladder, stage] = rule.id, rule.about


def named_in_triggers(drafts: Sequence[Draft], segments: Sequence[str], names: Names | None) -> None:
    """The segment of `enter` and `leave` exists; so do the attribute of `change` and the date of `countdown`."""
    for draft in drafts:
        triggering = draft.triggering
        if triggering is None or triggering.trigger is None or triggering.named is None:
            continue
        kind, named = triggering.trigger.kind, triggering.named
        if kind in ("enter", "leave") and named.text not in segments:
            hint = suggestion(named.text, segments) or "; define it under `segments`"
            draft.report(named, f"unknown segment {named.text!r}{hint}")
        elif kind == "change" and names is not None:
            entity: Entity = "person" if draft.rule is not None and draft.rule.subject == "person" else "account"
            attributes = names.attributes(entity)
            if named.text not in attributes:
                draft.report(named, f"unknown attribute {named.text!r}{suggestion(named.text, attributes)}")
            elif not names.mixed(entity, named.text):  # of mixed values any may be meant
                _changed_values(draft, named.text, names.attribute(entity, named.text))
        elif kind == "countdown":
            _countdown_date(draft, named, names)
            if draft.rule is not None and draft.rule.subject == "csm" and named.text.partition(".")[0] != "tasks":
                draft.report(named, "a countdown about a csm counts to a date of tasks, such as tasks.due_on")


def _changed_values(draft: Draft, attribute: str, kind: Type | None) -> None:
    """`direction`, `from` and `to` fit the type of the attribute that changes, and name values that it can have."""
    trigger = draft.fields.get("trigger")
    if not isinstance(trigger, Fields):
        return
    if trigger.get("direction") is not None and kind not in ("number", "null"):
        draft.report(trigger.key("direction"), f"`direction` is for numbers, {attribute} is {_A[kind or 'null']}")
    for key in ("from", "to"):
        item = trigger.get(key)
        for each in item.entries if isinstance(item, Items) else (item,):
            if not isinstance(each, Scalar) or each.value is None:
                continue
            stands = kind_of(each)
            if kind in ("text", "number", "boolean") and stands != _A[kind]:
                hint = f"; write it in quotes: {each.text!r}" if kind == "text" else ""
                draft.report(each, f"`{key}` of `change`: {attribute} is {_A[kind]}, {stands} stands there{hint}")
            elif each.text not in POSSIBLE.get(attribute, (each.text,)):
                known = POSSIBLE[attribute]
                hint = suggestion(each.text, known) or f"; there are {', '.join(known)}"
                draft.report(each, f"`{key}` of `change`: unknown {attribute} {each.text!r}{hint}")


def _countdown_date(draft: Draft, named: Scalar, names: Names | None) -> None:
    collection, dot, column = named.text.partition(".")
    if dot and collection not in COLLECTIONS:
        draft.report(named, f"unknown collection {collection!r}{suggestion(collection, COLLECTIONS)}")
        return
    if not dot and names is None:
        return
    known = names or Names()
    entity: Entity = "person" if draft.rule is not None and draft.rule.subject == "person" else "account"
    kind = known.column(collection, column) if dot else known.attribute(entity, named.text)
    options = known.columns(collection) if dot else [*known.attributes(entity), *known.signals]
    if kind is None and not dot and named.text in known.signals:
        try:
            kind = check(parse(named.text), entity, known).type
        except FormulaError as error:
            draft.report(named, f"`countdown`: {error.message}")
            return
    if kind is None:
        draft.report(named, f"unknown date {named.text!r}{suggestion(column or named.text, options)}")
    elif kind not in ("date", "time", "null") and (dot or not known.mixed(entity, named.text)):
        draft.report(named, f"a countdown needs a date or a time, {named.text} is a {kind}")


def formulas(draft: Draft, names: Names | None) -> None:
    """Every formula of a rule: syntax, parameters, names and types; then what is defined and never used."""
    trees = [(formula, parsed(draft.report, formula)) for formula in draft.formulas]
    used: set[str] = set()
    for formula, tree in trees:
        if tree is None:
            continue
        used |= parameters_of(tree)
        undefined = undefined_parameters(draft.report, formula, tree, {*draft.params, *draft.unreadable})
        if names is not None and not undefined and not parameters_of(tree) & draft.unreadable:
            variants = draft.variants if formula.what != "`where` of `vary`" else draft.variants[:1]
            checked(draft.report, formula, tree, names, variants)
    used |= _message(draft, names)
    used |= _steps(draft)
    if all(tree is not None for _, tree in trees):
        for name, place in draft.places.items():
            if name in draft.params and name not in used:
                draft.report(place, f"the parameter {name!r} is never used; write ${name} in a formula, or leave it out")


def _steps(draft: Draft) -> set[str]:
    """The parameter that lists a countdown's steps; told where there is none of the name, or it lists no whole days."""
    used: set[str] = set()
    for each in draft.triggering.uses if draft.triggering is not None else ():
        name = each.text.removeprefix("$")
        used.add(name)
        if name not in draft.params and name not in draft.unreadable:
            hint = suggestion(name, draft.params) or "; define it under `with`"
            draft.report(each, f"`steps`: unknown parameter '${name}'{hint}")
        for place, listed in _values_of(draft, name):
            if not (isinstance(listed, list) and listed and all(map(_whole_days, listed))):
                said = f"the parameter {name!r} lists the steps of a countdown: whole numbers of days, such as [90, 30, 7]"
                draft.report(place, said)
            elif len(set(listed)) < len(listed):
                draft.report(place, f"the parameter {name!r} names a number of days twice")
    return used


def _values_of(draft: Draft, name: str) -> Iterator[tuple[Item, Value]]:
    """A parameter's value in `with`, and in each entry of `vary` where it has the same type, with its place."""
    if name not in draft.params:
        return
    vary = draft.fields.get("vary")
    entries = [each for each in vary.entries if isinstance(each, Fields)] if isinstance(vary, Items) else []
    for fields, params in zip((draft.fields, *entries), draft.variants, strict=True):
        held = fields.get("with")
        if isinstance(held, Fields) and held.get(name) is not None and isinstance(params[name], type(draft.params[name])):
            yield held.key(name), params[name]


def _whole_days(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 and float(value).is_integer()


def _message(draft: Draft, names: Names | None) -> set[str]:
    """The names that the message uses; told where it cannot be read or uses an unknown one."""
    item = draft.fields.get("message")
    if not isinstance(item, Scalar) or not isinstance(item.value, str):
        return set()
    known = None if names is None else {*draft.params, *draft.unreadable, *names.signals}
    try:
        return set(check_message(item.value, known))
    except MessageError as error:
        offset = sum(len(line) for line in item.value.splitlines(keepends=True)[: error.line - 1])
        draft.report(item.at(offset), str(error))
        return set(draft.params)


def signals(entries: Sequence[tuple[Report, Named]], names: Names | None) -> None:
    """Every signal of the files: syntax, cycles, names that are never seen, names and types."""
    trees: dict[str, Node] = {}
    places: list[tuple[Report, Named, Node]] = []
    for report, entry in entries:
        tree = parsed(report, Formula(f"the signal {entry.name!r}", entry.formula))
        if entry.name in COLLECTIONS["accounts"] or entry.name in ENGINE_SIGNALS:
            said = f"the signal {entry.name!r} is never seen: accounts have an attribute of that name; give it another"
            report(entry.key, said)
        if tree is not None:
            trees[entry.name] = tree
            places.append((report, entry, tree))
    elsewhere = {} if names is None else {name: text for name, text in names.signals.items() if name not in trees}
    trees |= dict(_readable(elsewhere))
    for report, entry, tree in places:
        round_trip = cycle(entry.name, trees)
        if round_trip is not None:
            way = " -> ".join(round_trip)
            report(entry.key, f"the signal {entry.name!r} is defined by itself: {way}; break the cycle")
        elif names is not None and not any(cycle(each, trees) for each in names_of(tree) if each in trees):
            _meaningful(report, entry, tree, names)


def _meaningful(report: Report, entry: Named, tree: Node, names: Names) -> None:
    """A signal checks for some subject; where for none, told as for accounts, or for a CSM where it ranges over accounts."""
    for subject in SUBJECTS_OF_SIGNALS[1:]:
        try:
            check(tree, subject, names)
        except FormulaError:
            continue
        return
    ranged = {each.path.first for each in walk(tree) if isinstance(each, Aggregate)}
    subject = "csm" if ranged & {"accounts", "alerts"} else "account"
    checked(report, Formula(f"the signal {entry.name!r}", entry.formula, subject, expect=None), tree, names)


def _readable(texts: dict[str, str]) -> Iterator[tuple[str, Node]]:
    for name, text in texts.items():
        try:
            yield name, parse(text)
        except FormulaError:
            continue  # not of these files: told where it is defined


def segments(entries: Sequence[tuple[Report, Named]], names: Names | None) -> None:
    """Every segment of the files is a readable condition on accounts."""
    for report, entry in entries:
        formula = Formula(f"the segment {entry.name!r}", entry.formula)
        tree = parsed(report, formula)
        if tree is not None and names is not None:
            checked(report, formula, tree, names)


def with_signals(names: Names | None, known: Definitions, read: dict[str, str]) -> Names | None:
    """The names, with the signals of what is known and of the files; the files' own win."""
    return None if names is None else replace(names, signals={**names.signals, **known.signals, **read})


def valid(drafts: Sequence[Draft], problems: set[tuple[str, Place]]) -> tuple[Rule, ...]:
    """The rules in whose text no problem was found."""
    return tuple(draft.rule for draft in drafts if draft.rule is not None and not spoiled(draft, problems))
