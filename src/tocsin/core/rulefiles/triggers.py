"""What sets a rule off: exactly one trigger, and the fields that its kind takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from tocsin.core.language import suggestion
from tocsin.core.rulefiles.formulas import Formula
from tocsin.core.rulefiles.marked import Fields, Item, Items, Scalar, plain
from tocsin.core.rulefiles.report import Report, kind_of, known_keys, mapping, one_of, text
from tocsin.core.rules import TRIGGERS, WHEN_BESIDE, Trigger, TriggerKind
from tocsin.core.schema import COLLECTIONS, SUBJECT_COLLECTIONS

KINDS: dict[str, tuple[str, ...]] = {  # kind -> the fields that it takes beside itself
    "event": (),
    "change": ("from", "to", "direction", "by"),
    "new": ("where",),
    "enter": (),
    "leave": (),
    "countdown": ("steps", "overdue", "before"),
}
# Which triggers besides `when` a rule may have, by what it is about.
OF_SUBJECT: dict[str, tuple[str, ...]] = {
    "account": ("event", "change", "new", "enter", "leave", "countdown"),
    "person": ("event", "change", "new", "countdown"),
    "feature": ("event",),
    "csm": ("countdown",),
}
_ONLY_WHEN = ("for", "clear", "ladder")  # of rules whose condition opens and closes
_ONLY_ROWS = ("event", "change", "new")  # the kinds that `collapse` is for


@dataclass(frozen=True, slots=True)
class Triggering:
    """What was read. filter: the formula on the triggering row; given: its collection, seen as `event.x` or `row.x`.

    before: of a countdown the formula of the days to take off its date. uses: the parameters that it names outside formulas.
    named: the one that `change`, `enter`, `leave` or `countdown` names, with its place, to be looked up.
    """

    trigger: Trigger | None
    filter: Formula | None = None
    given: str | None = None
    named: Scalar | None = None
    before: Formula | None = None
    uses: tuple[Scalar, ...] = ()


def read_trigger(report: Report, rule: Fields, subject: str = "account") -> Triggering:
    """The one trigger of a rule about a subject; told where there is none, or more than one, or its fields are wrong."""
    item = rule.get("trigger")
    if item is None:
        if rule.get("when") is None:
            report(rule, "a rule needs one trigger: `when: <formula>`, or `trigger:` with one of " + ", ".join(KINDS))
            return Triggering(None)
        _fitting(report, rule, "when")
        return Triggering(Trigger("when"))
    fields = mapping(report, item, "`trigger`")
    if fields is None:
        return Triggering(None)
    kinds = list(dict.fromkeys(key.text for key, _ in fields.entries if key.text in KINDS))
    if len(kinds) != 1:
        _not_one(report, fields, kinds)
        return Triggering(None)
    kind = kinds[0]
    known_keys(report, fields, (kind, *KINDS[kind]), f"a trigger of kind {kind}")
    _fitting(report, rule, kind)
    if rule.get("when") is not None and kind not in WHEN_BESIDE:
        takes = ", ".join(WHEN_BESIDE)
        report(rule.key("when"), f"a trigger of kind {kind} takes no `when`; only {takes} do")
    if kind not in OF_SUBJECT.get(subject, ()):
        possible = ", ".join(("when", *OF_SUBJECT.get(subject, ())))
        report(fields, f"a rule about a {subject} cannot have a trigger of kind {kind}; it takes {possible}")
        return replace(_READERS[kind](report, fields, Trigger(cast("TriggerKind", kind), plain(fields))), named=None)
    read = _READERS[kind](report, fields, Trigger(cast("TriggerKind", kind), plain(fields)))
    if subject == "person" and read.given is not None and kind in ("new", "countdown"):
        return _of_person(report, fields.get(kind) or fields, read)
    return read


def _of_person(report: Report, item: Item, read: Triggering) -> Triggering:
    """What was read, where a person has rows of that collection; told where not."""
    possible = SUBJECT_COLLECTIONS["person"]
    if read.given in possible:
        return read
    report(item, f"a person has no collection {read.given!r}; it has {', '.join(possible)}")
    return replace(read, named=None)


def _not_one(report: Report, fields: Fields, kinds: list[str]) -> None:
    if kinds:
        report(fields, f"a rule has exactly one trigger, {len(kinds)} stand there ({', '.join(kinds)}); make a rule of each")
        return
    for key, _ in fields.entries:
        hint = suggestion(key.text, KINDS) or f"; there are {', '.join(TRIGGERS)}"
        report(key, f"unknown trigger {key.text!r}{hint}")
    if not fields.entries:
        report(fields, f"`trigger` is empty; give one of {', '.join(KINDS)}")


def _fitting(report: Report, rule: Fields, kind: str) -> None:
    """Keys of the rule that mean nothing with this kind of trigger."""
    for key in _ONLY_WHEN if kind != "when" else ():
        if rule.get(key) is not None:
            report(rule.key(key), f"`{key}` goes with a rule that has `when` alone, not with a trigger of kind {kind}")
    if rule.get("collapse") is not None and kind not in _ONLY_ROWS:
        report(rule.key("collapse"), f"`collapse` goes with triggers of kind {', '.join(_ONLY_ROWS)}, not with {kind}")


def _event(report: Report, fields: Fields, trigger: Trigger) -> Triggering:
    item = fields.get("event")
    said = text(report, item, "`event`")
    if item is None:
        report(fields, "`event` needs a formula on the event, such as kind = 'login'")
    formula = Formula("`event`", item, row="events") if said is not None and isinstance(item, Scalar) else None
    return Triggering(trigger if formula else None, formula, "events")


def _new(report: Report, fields: Fields, trigger: Trigger) -> Triggering:
    collections = [name for name, each in COLLECTIONS.items() if each.start is not None]
    name = one_of(report, fields.get("new"), "collection", collections)
    if fields.get("new") is None:
        report(fields, "`new` needs a collection, such as tickets")
    item = fields.get("where")
    said = text(report, item, "`where` of `new`")
    if name is None:
        return Triggering(None)
    formula = Formula("`where` of `new`", item, row=name) if said is not None and isinstance(item, Scalar) else None
    return Triggering(trigger, formula, name)


def _change(report: Report, fields: Fields, trigger: Trigger) -> Triggering:
    attribute = text(report, fields.get("change"), "`change`")
    if fields.get("change") is None:
        report(fields, "`change` needs an attribute, such as plan")
    for key in ("from", "to"):
        item = fields.get(key)
        if isinstance(item, Fields) or (isinstance(item, Items) and not all(isinstance(e, Scalar) for e in item.entries)):
            report(item, f"`{key}` of `change` must be a value or a list of values")
        elif isinstance(item, Items) and not item.entries:
            report(item, f"`{key}` of `change` lists no value; write one, or leave the key out")
    direction = one_of(report, fields.get("direction"), "direction", ("up", "down"))
    by = fields.get("by")
    if by is not None:
        if fields.get("direction") is None:
            report(fields.key("by"), "`by` of `change` goes with `direction: up` or `direction: down`")
        _amount(report, by)
    if direction and (fields.get("from") or fields.get("to")):
        report(fields.key("direction"), "`direction` is for numbers; it does not go with `from` and `to`")
    return Triggering(trigger if attribute else None, named=_scalar(fields.get("change")))


def _amount(report: Report, item: Item) -> None:
    """A number, or a percent of the value before."""
    good = isinstance(item, Scalar) and (
        (isinstance(item.value, (int, float)) and not isinstance(item.value, bool) and item.value > 0)
        or (isinstance(item.value, str) and item.value.endswith("%") and _number(item.value[:-1]))
    )
    if not good:
        stands = repr(item.text) if isinstance(item, Scalar) else kind_of(item)
        report(item, f"`by` of `change` must be a number or a percent such as 10%, {stands} stands there")


def _number(said: str) -> bool:
    return said.replace(".", "", 1).isdigit()


def _segment(report: Report, fields: Fields, trigger: Trigger) -> Triggering:
    name = text(report, fields.get(trigger.kind), f"`{trigger.kind}`")
    if fields.get(trigger.kind) is None:
        report(fields, f"`{trigger.kind}` needs the name of a segment")
    return Triggering(trigger if name else None, named=_scalar(fields.get(trigger.kind)))


def _countdown(report: Report, fields: Fields, trigger: Trigger) -> Triggering:
    date = text(report, fields.get("countdown"), "`countdown`")
    if fields.get("countdown") is None:
        report(fields, "`countdown` needs a date, such as renews_on or tasks.due_on")
    steps = fields.get("steps")
    named = isinstance(steps, Scalar) and isinstance(steps.value, str) and steps.value.startswith("$")
    if steps is None:
        report(fields, "a countdown needs `steps`: days before the date, such as [90, 30, 7]")
    elif not named and not (isinstance(steps, Items) and steps.entries and all(_days(each) for each in steps.entries)):
        report(steps, "`steps` of a countdown must be a list of whole numbers of days, such as [90, 30, 7]")
    elif isinstance(steps, Items) and len({plain(each) for each in steps.entries}) < len(steps.entries):
        report(steps, "`steps` of a countdown names a number of days twice")
    overdue = fields.get("overdue")
    if overdue is not None and not isinstance(plain(overdue), bool):
        report(overdue, f"`overdue` of a countdown must be true or false, {kind_of(overdue)} stands there")
    early = fields.get("before")
    said = text(report, early, "`before`")
    collection, dot, _ = (date or "").partition(".")
    given = collection if dot and collection in COLLECTIONS else None
    before = None
    if said is not None and isinstance(early, Scalar):
        before = Formula("`before`", early, given=given, expect="number")
    uses = (steps,) if named and isinstance(steps, Scalar) else ()
    return Triggering(trigger if date else None, None, given, _scalar(fields.get("countdown")), before, uses)


def _days(item: Item) -> bool:
    value = plain(item)
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _scalar(item: Item | None) -> Scalar | None:
    return item if isinstance(item, Scalar) and isinstance(item.value, str) else None


_READERS: dict[str, Callable[[Report, Fields, Trigger], Triggering]] = {
    "event": _event,
    "new": _new,
    "change": _change,
    "enter": _segment,
    "leave": _segment,
    "countdown": _countdown,
}
