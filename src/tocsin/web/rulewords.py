"""What a rule's page says of the rule itself: its reading, its parameters by segment, who silences whom, what changed.

Pure: what it needs of the workspace is passed in.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tocsin.alerts.facade import RuleInfo, RuleVersionInfo
from tocsin.core import readings
from tocsin.core.language import FormulaError, Value, english, nodes, parse
from tocsin.core.language.words import collection_words, duration_words
from tocsin.core.rules import DEFAULT_EXPIRES, EXPIRING, LEAST_NEW, Rule

TRIGGERS = {
    "when": "Condition",
    "event": "Event",
    "new": "New row",
    "change": "Change",
    "enter": "Enters a segment",
    "leave": "Leaves a segment",
    "countdown": "Countdown",
}
_WHO = {"owner": "the owner of the account", "manager": "the owner's manager"}
_WHO_OF = {"team": "the team {}", "role": "everybody whose role is {}", "user": "{}", "channel": "the channel {}"}


@dataclass(frozen=True, slots=True)
class Said:
    """A part of a rule in words. lead: how the lines go together (`all of these`); '' where there is one."""

    title: str
    lines: tuple[str, ...]
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Parameters:
    """A rule's numbers by segment. segments: for whom each column before the last holds.

    rows: the name, the value for everybody else, and for each segment (the value, whether it has it of its own).
    """

    segments: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[tuple[str, bool], ...]], ...]


@dataclass(frozen=True, slots=True)
class Silencer:
    """A rule that keeps another one quiet, and those that keep it quiet itself. speaks: it is on, so that it can."""

    id: str
    name: str
    state: str
    open: int
    above: tuple[Silencer, ...] = ()

    @property
    def speaks(self) -> bool:
        """Whether it silences anybody at present: only a rule that is on does."""
        return self.state == "on"


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a ladder; `here`: it is the rule of the page."""

    id: str
    name: str
    number: int
    open: int
    state: str
    here: bool


@dataclass(frozen=True, slots=True)
class Version:
    """A version with its difference from the one before: (kind of line: + - @ or blank, text)."""

    info: RuleVersionInfo
    draft: bool
    diff: tuple[tuple[str, str], ...]


def reading(rule: Rule) -> list[Said]:
    """The rule in English, part by part."""
    about = readings.scope(replace(rule, where=None))
    told = [Said("About", (about,))] if rule.where is None else [_about(rule, about)]
    told.append(_fires(rule))
    if rule.when and rule.trigger.kind != "when":
        told.append(_conditions("Only if", rule.when, rule.params))
    life = [*readings.life(rule), *_by_default(rule)]
    told += [Said("Then", tuple(life))] if life else []
    told += [Said("Tells", tuple(_told(rule)))]
    return [*told, Said("Guards", tuple(_guards(rule)))]


def _about(rule: Rule, about: str) -> Said:
    return _where(about, _conditions("About", rule.where or "", rule.params))


def _where(what: str, filtered: Said) -> Said:
    """`every account where all of these`, or in one line where there is one condition."""
    if len(filtered.lines) == 1:
        return replace(filtered, lines=(f"{what} where {filtered.lines[0]}",))
    return replace(filtered, lead=f"{what} where {filtered.lead}")


def _fires(rule: Rule) -> Said:
    """What sets it off, without its `when` where that only stands beside a trigger."""
    spec = rule.trigger.spec
    match rule.trigger.kind:
        case "when":
            return _conditions("Fires when", rule.when or "", rule.params)
        case "event":
            return _where("an event", _conditions("Fires on", str(spec["event"]), rule.params))
        case "new" if spec.get("where") is not None:
            one = f"a new {collection_words(str(spec['new']), one=True)}"
            return _where(one, _conditions("Fires on", str(spec["where"]), rule.params))
    return Said("Fires on", (readings.setting_off(replace(rule, when=None)),))


def _conditions(title: str, formula: str, params: Mapping[str, Value]) -> Said:
    """A formula as lines: what stands between its outermost `and`s or `or`s.

    A parameter that is still to be chosen keeps its name; that it is chosen at all (`$feature != ''`) is no condition to read.
    """
    try:
        node = parse(formula)
    except FormulaError:
        return Said(title, (formula,))
    chosen = {name: value for name, value in params.items() if not _unset(value)}
    operands = node.operands if isinstance(node, (nodes.And, nodes.Or)) else (node,)
    lines = tuple(english(each, chosen) for each in operands if not _is_choice(each)) or (english(node, chosen),)
    if len(lines) == 1:
        return Said(title, lines)
    return Said(title, lines, "one of these" if isinstance(node, nodes.Or) else "all of these")


def _is_choice(node: nodes.Node) -> bool:
    match node:
        case nodes.Compare(operator="!=", left=nodes.Parameter(), right=nodes.Literal(value="")):
            return True
    return False


def _unset(value: Value) -> bool:
    return value is None or value in ("", [])


def _by_default(rule: Rule) -> list[str]:
    """What holds although the rule does not say it."""
    if rule.expires is None and rule.trigger.kind in EXPIRING:
        return [f"It closes by itself after {duration_words(DEFAULT_EXPIRES)}."]
    return []


def _told(rule: Rule) -> list[str]:
    lines = [_listed(map(whom, rule.notify)) or "nobody: it is only listed"]
    late = "where nobody has acknowledged it after"
    lines += [f"{_listed(map(whom, each.notify))}, {late} {duration_words(each.after)}" for each in rule.escalate]
    if rule.playbook:
        lines.append(f"the plan is the playbook {rule.playbook}")
    return lines


def _guards(rule: Rule) -> list[str]:
    needs = [(collection_words(name), duration_words(age)) for name, age in rule.needs.items()]
    lines = [f"it says nothing while {name} are older than {age}" for name, age in needs]
    limit = rule.max_new
    share = f"{limit.share * 100:g} % of those it is about ({LEAST_NEW} at least)"
    most = f"{limit.count:,}" if limit.count is not None else share
    return [*lines, f"more than {most} that would open in one sweep are held for review"]


def whom(target: str) -> str:
    """Who is told: `the owner of the account`, `the channel alerts`."""
    kind, colon, name = target.partition(":")
    if colon and kind in _WHO_OF:
        return _WHO_OF[kind].format(name)
    return _WHO.get(target, target)


def parameters(rule: Rule) -> Parameters | None:
    """The parameters of a rule for each of its segments; None where it has none."""
    names = list(dict.fromkeys([*rule.params, *(name for each in rule.vary for name in each.params)]))
    if not names:
        return None
    segments = [readings.formula(each.where, rule.params) if each.where else "everybody else" for each in rule.vary]
    rows = []
    for name in names:
        cells = [(_value({**rule.params, **each.params}.get(name), name, rule), name in each.params) for each in rule.vary]
        rows.append((name, _value(rule.params.get(name), name, rule), tuple(cells)))
    return Parameters(tuple(segments), tuple(rows))


def _value(value: Value, name: str, rule: Rule) -> str:
    if _unset(value):
        return "–"
    return readings.value_words(value, percent=name in rule.percents)


def silenced_by(rule: Rule, rules: Mapping[str, Rule], infos: Mapping[str, RuleInfo]) -> tuple[Silencer, ...]:
    """The tree of the rules that keep a rule quiet; each stands in it once, as near to the rule as it can."""
    return tuple(_silencers(rule.inhibited_by, rules, infos, {rule.id}))


def _silencers(
    names: Sequence[str], rules: Mapping[str, Rule], infos: Mapping[str, RuleInfo], seen: set[str]
) -> Iterator[Silencer]:
    fresh = [name for name in dict.fromkeys(names) if name not in seen]
    seen.update(fresh)
    for name in fresh:
        info, above = infos.get(name), rules.get(name)
        yield Silencer(
            id=name,
            name=info.name if info else name,
            state=info.state if info else "",
            open=info.open if info else 0,
            above=tuple(_silencers(above.inhibited_by, rules, infos, seen)) if above else (),
        )


def silences(rule: Rule, rules: Iterable[Rule], infos: Mapping[str, RuleInfo]) -> tuple[list[RuleInfo], list[RuleInfo]]:
    """The rules that this one keeps quiet: those that are on, and the others."""
    found = [infos[each.id] for each in rules if rule.id in each.inhibited_by and each.id in infos]
    return [each for each in found if each.state == "on"], [each for each in found if each.state != "on"]


def ladder(rule: Rule, rules: Iterable[Rule], infos: Mapping[str, RuleInfo]) -> list[Stage]:
    """The stages of the rule's ladder, the highest first; none where it stands on none."""
    if rule.ladder is None:
        return []
    stages = sorted((each for each in rules if each.ladder == rule.ladder), key=lambda each: -(each.stage or 0))
    return [
        Stage(each.id, each.name, each.stage or 0, infos[each.id].open, each.state, each.id == rule.id)
        for each in stages
        if each.id in infos
    ]


def versions(found: Sequence[RuleVersionInfo], most: int) -> list[Version]:
    """The latest versions, each beside the one before it; newest first."""
    current = next((each.version for each in found if each.current), 0)
    older: list[RuleVersionInfo | None] = [*found[1:], None]
    return [
        Version(each, each.version > current, _diff(before.source, each.source) if before else ())
        for each, before in list(zip(found, older, strict=True))[:most]
    ]


def _diff(before: str, after: str) -> tuple[tuple[str, str], ...]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
    return tuple((line[:1], line[1:]) for line in lines if not line.startswith(("---", "+++")))


def _listed(words: Iterable[str]) -> str:
    given = list(words)
    return f"{', '.join(given[:-1])} and {given[-1]}" if len(given) > 1 else "".join(given)
