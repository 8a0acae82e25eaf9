"""Definitions: publishing rules, signals and segments as versions, and reading what is in force."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Count, Max

from tocsin.alerts.models import AuditEntry, Episode, NamedFormula, RuleVersion, Sweep
from tocsin.alerts.shapes import LIVE, PublishReport, RuleInfo
from tocsin.core.errors import UserError
from tocsin.core.language import suggestion
from tocsin.core.rulefiles import dump_rule, dump_rules, read_rules
from tocsin.core.rules import CATEGORIES, Definitions, Description

if TYPE_CHECKING:
    from tocsin.core.rules import Rule

CATALOG, USER = "catalog", "user"
MONTH = timedelta(days=30)
_publishing = threading.Lock()


def publish_rules(
    definitions: Definitions, *, by: str, moment: datetime, draft: bool = False, origin: str = USER
) -> PublishReport:
    """Publish what the definitions hold: a new version of each that differs from the one in force; all or nothing.

    What they do not hold stays as it is. draft: the versions are kept, audited, and not in force.
    """
    with _publishing, transaction.atomic():
        report = _Report()
        _publish_formulas(definitions, report, by=by, moment=moment, draft=draft, origin=origin)
        _publish_rules(definitions.rules, report, by=by, moment=moment, draft=draft, origin=origin)
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
    )
    return publish_rules(ours, by=CATALOG, moment=moment, origin=CATALOG)


def definitions() -> Definitions:
    """The signals, segments and rules in force, rules in any state."""
    return _in_force().definitions


def broken_rules() -> Mapping[str, str]:
    """Rules in force that this version cannot read any more: id -> why. They are judged by nobody, and shown as unknown."""
    return _in_force().broken


def versions_in_force() -> dict[str, int]:
    """Rule id -> the version in force."""
    return dict(RuleVersion.objects.filter(current=True).values_list("rule", "version"))


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
    broken = broken_rules()
    unknown = {**(last.unknown if last else {}), **broken}
    by_id = {rule.id: rule for rule in definitions().rules}
    infos = []
    for row in RuleVersion.objects.filter(current=True):
        rule = by_id.get(row.rule)
        infos.append(
            RuleInfo(
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
                open=live.get(row.rule, 0),
                held=held.get(row.rule, 0),
                fired_30d=fired.get(row.rule, 0),
                matching=matching.get(row.rule),
                scope=figures.get("scopes", {}).get(row.rule),
                unknown=unknown.get(row.rule, ""),
                last_evaluated=last.as_of if last and row.rule in matching else None,
            )
        )
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
    for kind, formulas in (("signals", given.signals), ("segments", given.segments)):
        if formulas:
            files[f"{kind}.yaml"] = _named_yaml(kind, formulas, given.descriptions if kind == "signals" else {})
    return files


# Publishing


class _Report:
    def __init__(self) -> None:
        self.added: list[str] = []
        self.changed: list[str] = []
        self.unchanged: list[str] = []

    def note(self, name: str, before: object, *, same: bool) -> None:
        """Note what is to happen to one definition."""
        (self.unchanged if same else self.added if before is None else self.changed).append(name)


def _publish_rules(rules: Sequence[Rule], report: _Report, *, by: str, moment: datetime, draft: bool, origin: str) -> None:
    current = {row.rule: row for row in RuleVersion.objects.filter(current=True)}
    latest = dict(RuleVersion.objects.values_list("rule").annotate(Max("version")))
    made, replaced, audit = [], [], []
    for each in rules:
        source = dump_rule(each)
        checksum = hashlib.sha256(source.encode()).hexdigest()
        before = current.get(each.id)
        same = before is not None and before.checksum == checksum
        report.note(each.id, before, same=same)
        if same:
            continue
        version = latest.get(each.id, 0) + 1
        made.append(
            RuleVersion(
                rule=each.id,
                version=version,
                source=source,
                state=each.state,
                origin=origin,
                checksum=checksum,
                current=not draft,
                published_at=moment,
                by=by,
            )
        )
        if before is not None and not draft:
            replaced.append(before.pk)
        act = "drafted" if draft else "published"
        audit.append(AuditEntry(at=moment, by=by, act=act, what=f"rule {each.id}", detail={"version": version}))
    RuleVersion.objects.filter(pk__in=replaced).update(current=False)
    RuleVersion.objects.bulk_create(made)
    AuditEntry.objects.bulk_create(audit)


def _publish_formulas(
    definitions: Definitions, report: _Report, *, by: str, moment: datetime, draft: bool, origin: str
) -> None:
    current = {(row.kind, row.name): row for row in NamedFormula.objects.filter(current=True)}
    latest = {(kind, name): n for kind, name, n in NamedFormula.objects.values_list("kind", "name").annotate(Max("version"))}
    given = [("signal", *item) for item in definitions.signals.items()]
    given += [("segment", *item) for item in definitions.segments.items()]
    made, replaced, audit = [], [], []
    for kind, name, formula in given:
        before = current.get((kind, name))
        said = definitions.descriptions.get(name, Description()) if kind == "signal" else Description()
        same = before is not None and (before.formula, before.text, before.unit) == (formula, said.text, said.unit)
        report.note(f"{kind} {name}", before, same=same)
        if same:
            continue
        version = latest.get((kind, name), 0) + 1
        made.append(
            NamedFormula(
                kind=kind,
                name=name,
                version=version,
                formula=formula,
                text=said.text,
                unit=said.unit,
                origin=origin,
                current=not draft,
                published_at=moment,
                by=by,
            )
        )
        if before is not None and not draft:
            replaced.append(before.pk)
        act = "drafted" if draft else "published"
        audit.append(AuditEntry(at=moment, by=by, act=act, what=f"{kind} {name}", detail={"version": version}))
    NamedFormula.objects.filter(pk__in=replaced).update(current=False)
    NamedFormula.objects.bulk_create(made)
    AuditEntry.objects.bulk_create(audit)


# Reading


@dataclass(frozen=True)
class _InForce:
    definitions: Definitions
    broken: Mapping[str, str]


def _in_force() -> _InForce:
    formulas = tuple(
        NamedFormula.objects.filter(current=True)
        .order_by("kind", "name")
        .values_list("kind", "name", "formula", "text", "unit")
    )
    rules = tuple(RuleVersion.objects.filter(current=True).order_by("rule").values_list("rule", "source"))
    return _read(formulas, rules)


@lru_cache(maxsize=4)  # reading YAML costs more than the query; the texts themselves are the key
def _read(formulas: tuple[tuple[str, str, str, str, str], ...], rules: tuple[tuple[str, str], ...]) -> _InForce:
    segments = {name: formula for kind, name, formula, *_ in formulas if kind == "segment"}
    read, problems = read_rules([(rule_id, source) for rule_id, source in rules], known=Definitions(segments=segments))
    readable = {each.id for each in read.rules}
    broken: dict[str, str] = {}
    for problem in problems:
        if problem.file not in readable:
            broken.setdefault(problem.file, problem.message)
    return _InForce(
        Definitions(
            signals={name: formula for kind, name, formula, *_ in formulas if kind == "signal"},
            segments=segments,
            rules=read.rules,
            descriptions={name: Description(text, unit) for kind, name, _, text, unit in formulas if kind == "signal" and text},
        ),
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
