"""Milestone templates: publishing them as versions, and reading those in force and all that ever were."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from django.db import transaction

from tocsin.core import milestones as core
from tocsin.core.rulefiles import dump_milestone, read_rules, signals_used
from tocsin.health.models import AuditEntry, MilestoneVersion
from tocsin.health.revisions import under_revision
from tocsin.health.shapes import MilestoneInfo, ProfilesReport

_publishing = threading.Lock()


def publish_milestones(
    milestones: Sequence[core.Milestone],
    signals: Mapping[str, str],
    *,
    by: str,
    moment: datetime,
    draft: bool = False,
) -> ProfilesReport:
    """Publish templates: a new version of each that differs from the one in force; all or nothing.

    signals: the signals in force; a version keeps those that it uses. draft: the versions are kept and not in force. Templates
    in force that use a signal which has become another have a new version too, so that the past stays what it was.
    """
    with _publishing, transaction.atomic():
        added, changed, unchanged = list[str](), list[str](), list[str]()
        in_force = {row.milestone: row for row in MilestoneVersion.objects.filter(current=True)}
        latest = {row.milestone: row for row in MilestoneVersion.objects.order_by("version")}
        for each in milestones:
            source, used = dump_milestone(each), signals_used(each.formulas, signals)
            before = latest.get(each.id) if draft else in_force.get(each.id)
            if before is not None and before.source == source and before.signals == used:
                unchanged.append(each.id)
                continue
            (added if before is None else changed).append(each.id)
            _add(each.id, latest.get(each.id), source, used, by=by, moment=moment, draft=draft)
        told = {each.id for each in milestones}
        for row in in_force.values() if not draft else ():
            read, _ = _read(row.milestone, row.source)
            if row.milestone not in told and read is not None and (used := signals_used(read.formulas, signals)) != row.signals:
                _add(row.milestone, latest[row.milestone], row.source, used, by=by, moment=moment, draft=False)
        return ProfilesReport(tuple(added), tuple(changed), tuple(unchanged))


def milestones() -> list[MilestoneInfo]:
    """The templates in force, also those that are off, by name and precedence."""
    return list(under_revision("milestones", _milestones))


def _milestones() -> list[MilestoneInfo]:
    found = []
    for row in MilestoneVersion.objects.filter(current=True):
        read, _ = _read(row.milestone, row.source)
        if read is not None:
            found.append(MilestoneInfo(read, row.version, row.published_at, row.by, row.source))
    return sorted(found, key=lambda info: (info.milestone.name, info.milestone.precedence, info.id))


def milestones_in_force() -> tuple[core.Milestone, ...]:
    """The templates in force, also those that are off."""
    return tuple(info.milestone for info in milestones())


def broken_milestones() -> dict[str, str]:
    """Templates in force that this version of Tocsin cannot read any more: id -> why. Nobody has their milestones."""
    rows = MilestoneVersion.objects.filter(current=True)
    return {row.milestone: why for row in rows if (why := _read(row.milestone, row.source)[1])}


def milestone_versions() -> tuple[core.MilestoneVersion, ...]:
    """Every version that was ever published, of those that can still be read."""
    return under_revision("milestone versions", _milestone_versions)


def _milestone_versions() -> tuple[core.MilestoneVersion, ...]:
    found = []
    for row in MilestoneVersion.objects.filter(draft=False).order_by("milestone", "version"):
        read, _ = _read(row.milestone, row.source)
        if read is not None:
            found.append(core.MilestoneVersion(read, row.version, row.published_at, row.signals))
    return tuple(found)


def _add(
    milestone_id: str,
    last: MilestoneVersion | None,
    source: str,
    signals: Mapping[str, str],
    *,
    by: str,
    moment: datetime,
    draft: bool,
) -> None:
    version = last.version + 1 if last else 1
    if not draft:
        MilestoneVersion.objects.filter(milestone=milestone_id, current=True).update(current=False)
    MilestoneVersion.objects.create(
        milestone=milestone_id,
        version=version,
        source=source,
        signals=dict(signals),
        draft=draft,
        current=not draft,
        published_at=moment,
        by=by,
    )
    act = "drafted" if draft else "published"
    AuditEntry.objects.create(at=moment, by=by, act=act, what=f"milestone {milestone_id}", detail={"version": version})


@lru_cache(maxsize=512)  # a version never changes, and reading YAML costs more than the query
def _read(milestone_id: str, source: str) -> tuple[core.Milestone | None, str]:
    """The template, or None and why its text cannot be read."""
    found, problems = read_rules([(milestone_id, f"milestones:\n{source}")])
    if found.milestones:
        return found.milestones[0], ""
    return None, problems[0].message if problems else "it is empty"
