"""Definitions: publishing rules, signals, segments and profiles as versions, and reading what is in force."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypedDict

from django.db import transaction
from django.db.models import Count, Manager, Model, OuterRef, QuerySet, Subquery

from tocsin.alerts.models import AuditEntry, Episode, NamedFormula, RuleVersion, Sweep
from tocsin.alerts.shapes import LIVE, PublishReport, RuleInfo
from tocsin.core.errors import UserError
from tocsin.core.language import suggestion
from tocsin.core.rulefiles import dump_milestones, dump_profiles, dump_rule, dump_rules, read_rules
from tocsin.core.rules import CATEGORIES, Definitions, Description
from tocsin.health import facade as health

if TYPE_CHECKING:
    from tocsin.core.rules import Rule

CATALOG, USER = "catalog", "user"
MONTH = timedelta(days=30)
# What makes versions those of one definition.
IDENTITY: Mapping[type[Model], tuple[str, ...]] = {
    RuleVersion: ("rule",),
    NamedFormula: ("kind", "name"),
}
_publishing = threading.Lock()


def publish_rules(
    definitions: Definitions, *, by: str, moment: datetime, draft: bool = False, origin: str = USER
) -> PublishReport:
    """Publish what the definitions hold: a new version of each that differs from the one in force; all or nothing.

    What they do not hold stays as it is. draft: the versions are kept, audited, and not in force; what is the same as the
    latest draft, or without one as what is in force, is unchanged.
    """
    with _publishing, transaction.atomic():
        report = _Report()
        how: _How = {"by": by, "moment": moment, "draft": draft, "origin": origin}
        _publish(NamedFormula.objects, _given_formulas(definitions), report, **how)
        _publish(RuleVersion.objects, _given_rules(definitions.rules), report, **how)
        _publish_profiles(definitions, report, how)
        _publish_milestones(definitions, report, how)
        return PublishReport(tuple(report.added), tuple(report.changed), tuple(report.unchanged), draft)


def publish_catalog(moment: datetime) -> PublishReport:
    """Publish the shipped catalog: what is new, and what changed and nobody has edited. A user's own versions stay."""
    from tocsin.catalog import catalog

    shipped = catalog()
    theirs = set(RuleVersion.objects.filter(current=True, origin=USER).values_list("rule", flat=True))
    formulas = set(NamedFormula.objects.filter(current=True, origin=USER).values_list("kind", "name"))
    ours = Definitions(
        signals={name: text for name, text in shipped.signals.items() if ("signal", name) not in formulas},
        segments={name: text for name, text in shipped.segments.items() if ("segment", name) not in formulas},
        rules=tuple(rule for rule in shipped.rules if rule.id not in theirs),
        descriptions=shipped.descriptions,
        profiles=tuple(profile for profile in shipped.profiles if profile.id not in health.edited()),
    )
    return publish_rules(ours, by=CATALOG, moment=moment, origin=CATALOG)


def definitions() -> Definitions:
    """The signals, segments, profiles, milestone templates and rules in force, the last three in any state.

    The same object until one of them changes.
    """

    def read() -> Definitions:
        return replace(_in_force().definitions, profiles=health.in_force(), milestones=health.milestones_in_force())

    return health.under_revision("definitions", read)


def formulas() -> Formulas:
    """The signals and segments in force: what can be asked of the facts, without reading any rule."""
    return health.under_revision("formulas", lambda: _named(_formulas_in_force()))


def broken_rules() -> Mapping[str, str]:
    """Rules in force that this version cannot read any more: id -> why. They are judged by nobody, and shown as unknown."""
    return _in_force().broken


def versions_in_force() -> dict[str, int]:
    """Rule id -> the version in force."""
    return dict(RuleVersion.objects.filter(current=True).values_list("rule", "version"))


def on_since() -> dict[str, datetime]:
    """Rule id -> since when it has been in its present state without a break: rows before that set nothing off."""
    return dict(RuleVersion.objects.filter(current=True).values_list("rule", "since"))


def list_rules(moment: datetime | None = None) -> list[RuleInfo]:
    """The rules in force, by category and id, with what the last sweep found.

    moment: the end of the 30 days in which `fired_30d` counts (default: the last sweep's).
    """
    last = Sweep.objects.order_by("-as_of", "-id").first()
    until = moment or (last.as_of if last else None)
    running = Episode.objects.exclude(state="closed").values_list("rule", "state").annotate(n=Count("id"))
    live, held = _sums(running, LIVE), _sums(running, ("held",))
    fired: dict[str, int] = {}
    if until is not None:
        recent = Episode.objects.filter(opened_at__gt=until - MONTH, opened_at__lte=until).values_list("rule")
        fired = dict(recent.annotate(n=Count("id")))
    figures: dict[str, Any] = last.figures if last else {}
    matching = {**figures.get("matches", {}), **figures.get("shadow", {})}
    in_force = _in_force()
    unknown = {**(last.unknown if last else {}), **in_force.broken}
    by_id = {rule.id: rule for rule in in_force.definitions.rules}
    infos = [
        replace(
            _info(row, by_id.get(row.rule)),
            open=live.get(row.rule, 0),
            held=held.get(row.rule, 0),
            fired_30d=fired.get(row.rule, 0),
            matching=matching.get(row.rule),
            scope=figures.get("scopes", {}).get(row.rule),
            unknown=unknown.get(row.rule, ""),
            last_evaluated=last.as_of if last and _judged(row, last, matching, unknown) else None,
        )
        for row in health.under_revision("rules in force", lambda: tuple(RuleVersion.objects.filter(current=True)))
    ]
    return _in_order(infos)


def _judged(row: RuleVersion, last: Sweep, matching: Mapping[str, int], unknown: Mapping[str, str]) -> bool:
    """Whether the last sweep has judged a rule: one that was on then (whatever sets it off), or whose condition was counted."""
    return row.rule in matching or (row.state == "on" and row.rule not in unknown and row.published_at <= last.as_of)


def list_drafts() -> list[RuleInfo]:
    """The drafts: the latest version of each rule where it is newer than the one in force. Their state is `draft`.

    `unknown` says why one cannot be read, such as for a segment that is itself a draft.
    """
    rows, read = _drafts()
    by_id = {rule.id: rule for rule in read.definitions.rules}
    infos = [replace(_info(row, by_id.get(row.rule)), state="draft", unknown=read.broken.get(row.rule, "")) for row in rows]
    return _in_order(infos)


def draft_rules() -> tuple[Rule, ...]:
    """The rules of the drafts, as far as they can be read."""
    return _drafts()[1].definitions.rules


def _drafts() -> tuple[Sequence[RuleVersion], _InForce]:
    def read() -> tuple[Sequence[RuleVersion], _InForce]:
        rows = tuple(_latest(RuleVersion.objects).filter(current=False).order_by("rule"))
        return rows, _read(_formulas_in_force(), tuple((row.rule, row.source) for row in rows))

    return health.under_revision("drafts", read)


def _info(row: RuleVersion, rule: Rule | None) -> RuleInfo:
    """A version as it is shown, without its life. rule: what its YAML says, None where this version cannot read it."""
    return RuleInfo(
        id=row.rule,
        name=rule.name if rule else row.rule,
        category=rule.category if rule else "",
        subject=rule.subject if rule else "",
        severity=rule.severity if rule else "",
        trigger=rule.trigger.kind if rule else "",
        state=row.state,
        version=row.version,
        origin=row.origin,
        source=row.source,
        published_at=row.published_at,
        by=row.by,
        rollup=(rule.rollup or "") if rule else "",
    )


def _in_order(infos: Iterable[RuleInfo]) -> list[RuleInfo]:
    """By category, then id."""
    order = {category: place for place, category in enumerate(CATEGORIES)}
    return sorted(infos, key=lambda info: (order.get(info.category, len(order)), info.id))


def rule(rule_id: str, moment: datetime | None = None) -> RuleInfo:
    """One rule in force. UserError where there is none of that id."""
    infos = {info.id: info for info in list_rules(moment)}
    if rule_id not in infos:
        raise UserError(f"there is no rule {rule_id!r}{suggestion(rule_id, infos) or '; `tocsin rules list` shows them'}")
    return infos[rule_id]


def versions(rule_id: str) -> list[RuleVersionInfo]:
    """All versions of a rule, newest first."""
    rows = RuleVersion.objects.filter(rule=rule_id).order_by("-version")
    return [RuleVersionInfo(row.version, row.source, row.state, row.current, row.published_at, row.by) for row in rows]


@dataclass(frozen=True, slots=True)
class RuleVersionInfo:
    """One version of a rule: its YAML, and whether it is the one in force."""

    version: int
    source: str
    state: str
    current: bool
    published_at: datetime
    by: str


def export_rules() -> dict[str, str]:
    """What is in force as rule files: name of the file -> its YAML. Applying them changes nothing."""
    given = definitions()
    files = {
        f"{category}.yaml": dump_rules([each for each in given.rules if each.category == category])
        for category in CATEGORIES
        if any(each.category == category for each in given.rules)
    }
    if given.profiles:
        files["profiles.yaml"] = dump_profiles(given.profiles)
    if given.milestones:
        files["milestones.yaml"] = dump_milestones(given.milestones)
    for kind, formulas in (("signals", given.signals), ("segments", given.segments)):
        if formulas:
            files[f"{kind}.yaml"] = _named_yaml(kind, formulas, given.descriptions if kind == "signals" else {})
    return files


# Publishing


class _How(TypedDict):
    """By whom, when, and as what definitions are published."""

    by: str
    moment: datetime
    draft: bool
    origin: str


class _Report:
    def __init__(self) -> None:
        self.added: list[str] = []
        self.changed: list[str] = []
        self.unchanged: list[str] = []

    def note(self, name: str, before: object, *, same: bool) -> None:
        """Note what is to happen to one definition."""
        (self.unchanged if same else self.added if before is None else self.changed).append(name)


def _given_rules(rules: Sequence[Rule]) -> list[_Given]:
    given = []
    for each in rules:
        source = dump_rule(each)
        columns = {"source": source, "state": each.state, "checksum": hashlib.sha256(source.encode()).hexdigest()}
        given.append(_Given((each.id,), f"rule {each.id}", each.id, columns))
    return given


def _publish_profiles(definitions: Definitions, report: _Report, how: _How) -> None:
    """Publish profiles, and a version of those in force that use a signal which became another one."""
    named = dict(NamedFormula.objects.filter(current=True).values_list("name", "formula"))
    named |= {**definitions.segments, **definitions.signals}
    found = health.publish_profiles(definitions.profiles, named, **how)
    for names, told in ((found.added, report.added), (found.changed, report.changed), (found.unchanged, report.unchanged)):
        told.extend(f"profile {each}" for each in names)
    if not how["draft"]:
        health.follow_signals(named, by=how["by"], moment=how["moment"])


def _publish_milestones(definitions: Definitions, report: _Report, how: _How) -> None:
    """Publish milestone templates, and a version of those in force that use a signal which became another one."""
    named = dict(NamedFormula.objects.filter(current=True).values_list("name", "formula"))
    named |= {**definitions.segments, **definitions.signals}
    found = health.publish_milestones(definitions.milestones, named, by=how["by"], moment=how["moment"], draft=how["draft"])
    for names, told in ((found.added, report.added), (found.changed, report.changed), (found.unchanged, report.unchanged)):
        told.extend(f"milestone {each}" for each in names)


def _given_formulas(definitions: Definitions) -> list[_Given]:
    given = []
    for kind, formulas in (("signal", definitions.signals), ("segment", definitions.segments)):
        for name, formula in formulas.items():
            said = definitions.descriptions.get(name, Description()) if kind == "signal" else Description()
            columns = {"formula": formula, "text": said.text, "unit": said.unit}
            given.append(_Given((kind, name), f"{kind} {name}", f"{kind} {name}", columns))
    return given


@dataclass(frozen=True)
class _Given:
    """A definition to publish. key: its identity, of the table's IDENTITY. what: as the audit names it; name: as the report."""

    key: tuple[str, ...]
    what: str
    name: str
    columns: Mapping[str, Any]


def _publish(
    table: Manager[Any],
    definitions: Sequence[_Given],
    report: _Report,
    *,
    by: str,
    moment: datetime,
    draft: bool,
    origin: str,
) -> None:
    """Add a version of each that differs from the one in force; as a draft, from the latest, which may be a draft itself."""
    identity = IDENTITY[table.model]

    def by_key(rows: Iterable[Any]) -> dict[tuple[str, ...], Any]:
        return {tuple(getattr(row, field) for field in identity): row for row in rows}

    current = by_key(table.filter(current=True))
    latest = by_key(_latest(table))
    made, replaced, audit = [], [], []
    for each in definitions:
        before, last = current.get(each.key), latest.get(each.key)
        compared = last if draft else before
        same = compared is not None and all(getattr(compared, name) == value for name, value in each.columns.items())
        report.note(each.name, compared, same=same)
        if same:
            continue
        version = last.version + 1 if last else 1
        about = dict(zip(identity, each.key, strict=True))
        published = {"origin": origin, "current": not draft, "published_at": moment, "by": by}
        if table.model is RuleVersion:  # an edit that leaves the state as it was is no new beginning
            same_state = before is not None and before.state == each.columns["state"]
            published["since"] = before.since if before is not None and same_state else moment
        made.append(table.model(**about, **each.columns, **published, version=version))
        if before is not None and not draft:
            replaced.append(before.pk)
        act = "drafted" if draft else "published"
        audit.append(AuditEntry(at=moment, by=by, act=act, what=each.what, detail={"version": version}))
    table.filter(pk__in=replaced).update(current=False)
    table.bulk_create(made)
    AuditEntry.objects.bulk_create(audit)


def _latest(table: Manager[Any]) -> QuerySet[Any]:
    """The latest version of each definition: the one in force, or a draft that is newer."""
    same = {field: OuterRef(field) for field in IDENTITY[table.model]}
    newest = table.filter(**same).order_by("-version").values("version")[:1]
    return table.filter(version=Subquery(newest))


# Reading


@dataclass(frozen=True, slots=True)
class Formulas:
    """What formulas of a workspace may name. The same objects as in its definitions, until one of them changes."""

    signals: Mapping[str, str]
    segments: Mapping[str, str]
    descriptions: Mapping[str, Description]


@dataclass(frozen=True)
class _InForce:
    definitions: Definitions
    broken: Mapping[str, str]


def _formulas_in_force() -> tuple[tuple[str, str, str, str, str], ...]:
    return tuple(
        NamedFormula.objects.filter(current=True)
        .order_by("kind", "name")
        .values_list("kind", "name", "formula", "text", "unit")
    )


@lru_cache(maxsize=8)  # more than `_read` keeps: the definitions are to hold these objects and no equal ones
def _named(formulas: tuple[tuple[str, str, str, str, str], ...]) -> Formulas:
    return Formulas(
        signals={name: formula for kind, name, formula, *_ in formulas if kind == "signal"},
        segments={name: formula for kind, name, formula, *_ in formulas if kind == "segment"},
        descriptions={name: Description(text, unit) for kind, name, _, text, unit in formulas if kind == "signal" and text},
    )


def _in_force() -> _InForce:
    """The rules and formulas in force."""

    def read() -> _InForce:
        rules = RuleVersion.objects.filter(current=True).order_by("rule").values_list("rule", "source")
        return _read(_formulas_in_force(), tuple(rules))

    return health.under_revision("in force", read)


@lru_cache(maxsize=4)  # reading YAML costs more than the query; the texts themselves are the key
def _read(formulas: tuple[tuple[str, str, str, str, str], ...], rules: tuple[tuple[str, str], ...]) -> _InForce:
    named = _named(formulas)
    read, problems = read_rules([(rule_id, source) for rule_id, source in rules], known=Definitions(segments=named.segments))
    readable = {each.id for each in read.rules}
    broken: dict[str, str] = {}
    for problem in problems:
        if problem.file not in readable:
            broken.setdefault(problem.file, problem.message)
    return _InForce(
        Definitions(signals=named.signals, segments=named.segments, rules=read.rules, descriptions=named.descriptions),
        broken,
    )


def _sums(rows: Iterable[tuple[str, str, int]], states: Sequence[str]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for rule_id, state, count in rows:
        if state in states:
            sums[rule_id] = sums.get(rule_id, 0) + count
    return sums


def _named_yaml(kind: str, formulas: Mapping[str, str], said: Mapping[str, Description]) -> str:
    """Signals or segments as a mapping; texts are double-quoted, which YAML reads as JSON does."""
    import json

    lines = [f"{kind}:"]
    for name, formula in sorted(formulas.items()):
        about = said.get(name)
        if about is None:
            lines.append(f"  {name}: {json.dumps(formula, ensure_ascii=False)}")
            continue
        lines.append(f"  {name}:")
        lines.append(f"    formula: {json.dumps(formula, ensure_ascii=False)}")
        lines.append(f"    description: {json.dumps(about.text, ensure_ascii=False)}")
        if about.unit:
            lines.append(f"    unit: {json.dumps(about.unit, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"
