"""Profiles: publishing them as versions, and reading those in force, the drafts, and all that ever were."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from django.db import transaction

from tocsin.core import profiles as core
from tocsin.core.errors import UserError
from tocsin.core.language import suggestion
from tocsin.core.rulefiles import dump_profile, read_rules, signals_used
from tocsin.engine import HealthModel
from tocsin.health.models import AuditEntry, ProfileVersion
from tocsin.health.revisions import under_revision
from tocsin.health.shapes import ProfileInfo, ProfilesReport, ProfileVersionInfo

CATALOG, USER = "catalog", "user"
_publishing = threading.Lock()


def publish_profiles(
    profiles: Sequence[core.Profile],
    signals: Mapping[str, str],
    *,
    by: str,
    moment: datetime,
    draft: bool = False,
    origin: str = USER,
) -> ProfilesReport:
    """Publish profiles: a new version of each that differs from the one in force; all or nothing.

    signals: the signals in force; a version keeps those that it uses. draft: the versions are kept and not in force; what is
    the same as the latest version is unchanged.
    """
    with _publishing, transaction.atomic():
        added, changed, unchanged = list[str](), list[str](), list[str]()
        in_force = {row.profile: row for row in ProfileVersion.objects.filter(current=True)}
        latest = _latest()
        for each in profiles:
            source, used = dump_profile(each), signals_used(each.formulas, signals)
            before = latest.get(each.id) if draft else in_force.get(each.id)
            if before is not None and before.source == source and before.signals == used:
                unchanged.append(each.id)
                continue
            (added if before is None else changed).append(each.id)
            last = latest.get(each.id)
            _add(each.id, last.version + 1 if last else 1, source, used, by=by, moment=moment, draft=draft, origin=origin)
        return ProfilesReport(tuple(added), tuple(changed), tuple(unchanged))


def edited() -> frozenset[str]:
    """The ids of the profiles in force of which somebody published a version of their own: the catalog leaves them alone."""
    return frozenset(ProfileVersion.objects.filter(current=True, origin=USER).values_list("profile", flat=True))


def follow_signals(signals: Mapping[str, str], *, by: str, moment: datetime) -> tuple[str, ...]:
    """A new version of each profile in force that uses a signal which has become another; gives their ids.

    So a score of the past stays what it was, and a change of a signal is seen as one of the yardstick.
    """
    with _publishing, transaction.atomic():
        latest, followed = _latest(), []
        for row in _readable(ProfileVersion.objects.filter(current=True)):
            used = signals_used(_profile(row).formulas, signals)
            if used != row.signals:
                number = latest[row.profile].version + 1
                _add(row.profile, number, row.source, used, by=by, moment=moment, draft=False, origin=row.origin)
                followed.append(row.profile)
        return tuple(sorted(followed))


def profiles() -> list[ProfileInfo]:
    """The profiles in force, also those that are off, by precedence."""

    def read() -> list[ProfileInfo]:
        infos = [_info(row) for row in _readable(ProfileVersion.objects.filter(current=True))]
        return sorted(infos, key=lambda info: (info.profile.precedence, info.id))

    return list(under_revision("profiles", read))


def broken_profiles() -> dict[str, str]:
    """Profiles in force that this version of Tocsin cannot read any more: id -> why. They score nobody."""

    def read() -> dict[str, str]:
        rows = ProfileVersion.objects.filter(current=True)
        return {row.profile: why for row in rows if (why := _read(row.profile, row.source)[1])}

    return dict(under_revision("broken profiles", read))


def drafts() -> list[ProfileInfo]:
    """The drafts that are newer than what is in force, by precedence."""

    def read() -> list[ProfileInfo]:
        infos = [_info(row) for row in _readable(_latest().values()) if row.draft]
        return sorted(infos, key=lambda info: (info.profile.precedence, info.id))

    return list(under_revision("profile drafts", read))


def profile(profile_id: str) -> ProfileInfo:
    """The profile of that id in force. UserError where there is none."""
    infos = {info.id: info for info in profiles()}
    if profile_id not in infos:
        hint = suggestion(profile_id, infos) or f"; there are {', '.join(infos)}"
        raise UserError(f"there is no profile {profile_id!r}{hint}")
    return infos[profile_id]


def versions(profile_id: str) -> list[ProfileVersionInfo]:
    """All versions of a profile, newest first."""
    rows = ProfileVersion.objects.filter(profile=profile_id).order_by("-version")
    return [ProfileVersionInfo(row.version, row.source, row.current, row.draft, row.published_at, row.by) for row in rows]


def in_force() -> tuple[core.Profile, ...]:
    """The profiles in force, also those that are off, by precedence."""
    return tuple(info.profile for info in profiles())


def model() -> HealthModel:
    """By which profiles accounts are scored, now and as of any moment: every version that was ever published.

    One that this version of Tocsin cannot read any more is left out (see `broken_profiles`).
    """

    def read() -> HealthModel:
        rows = ProfileVersion.objects.filter(draft=False).order_by("profile", "version")
        return HealthModel(tuple(_version(row) for row in _readable(rows)))

    return under_revision("health model", read)


def draft_model() -> HealthModel:
    """What would be in force if every draft were, over all the past."""
    rows = {row.profile: row for row in ProfileVersion.objects.filter(current=True)}
    rows |= {row.profile: row for row in _latest().values() if row.draft}
    return HealthModel(tuple(_version(row) for row in _readable(row for _, row in sorted(rows.items()))))


def _add(
    profile_id: str,
    version: int,
    source: str,
    signals: Mapping[str, str],
    *,
    by: str,
    moment: datetime,
    draft: bool,
    origin: str,
) -> None:
    if not draft:
        ProfileVersion.objects.filter(profile=profile_id, current=True).update(current=False)
    ProfileVersion.objects.create(
        profile=profile_id,
        version=version,
        source=source,
        signals=dict(signals),
        origin=origin,
        draft=draft,
        current=not draft,
        published_at=moment,
        by=by,
    )
    act = "drafted" if draft else "published"
    AuditEntry.objects.create(at=moment, by=by, act=act, what=f"profile {profile_id}", detail={"version": version})


def _latest() -> dict[str, ProfileVersion]:
    """The latest version of each profile: the one in force, or a draft that is newer."""
    return {row.profile: row for row in ProfileVersion.objects.order_by("version")}


def _info(row: ProfileVersion) -> ProfileInfo:
    found = _profile(row)
    return ProfileInfo(
        found, row.version, row.origin, row.draft, row.published_at, row.by, row.source, row.signals, core.advice(found)
    )


def _version(row: ProfileVersion) -> core.ProfileVersion:
    return core.ProfileVersion(_profile(row), row.version, row.published_at, row.signals)


def _readable(rows: Iterable[ProfileVersion]) -> Iterator[ProfileVersion]:
    return (row for row in rows if _read(row.profile, row.source)[0] is not None)


def _profile(row: ProfileVersion) -> core.Profile:
    """What the YAML of a readable row says."""
    found, why = _read(row.profile, row.source)
    assert found is not None, why
    return found


@lru_cache(maxsize=512)  # a version never changes, and reading YAML costs more than the query
def _read(profile_id: str, source: str) -> tuple[core.Profile | None, str]:
    """The profile, or None and why its text cannot be read."""
    found, problems = read_rules([(profile_id, f"profiles:\n{source}")])
    if found.profiles:
        return found.profiles[0], ""
    return None, problems[0].message if problems else "it is empty"
