"""The routing plan and its versions: read once, kept until another one is published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.db import transaction
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tocsin.core.errors import UserError
from tocsin.core.routing import Plan, read_plan
from tocsin.delivery.models import RoutingPlan

LONGEST = 200_000  # characters
EMPTY = """\
# How notices travel. Without a line here every alert goes to the people that its rule names, gathered by account, at once.
# See the documentation of routing for routes, calendars, functions and queues.
route: {}
"""


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """One version of the plan. version 0: nobody has written one yet."""

    version: int
    source: str
    published_at: datetime | None = None
    by: str = ""
    note: str = ""


def plan_in_force() -> Plan:
    """The plan by which notices travel now."""
    return _read(current_plan().source)


def current_plan() -> PlanVersion:
    """The latest version, as its author wrote it."""
    row = RoutingPlan.objects.order_by("-version").first()
    return _version(row) if row else PlanVersion(0, EMPTY)


def plan_versions(*, before: int | None = None, limit: int | None = None) -> list[PlanVersion]:
    """The versions, the latest first: all of them, or so many at most of those before one."""
    rows = RoutingPlan.objects.order_by("-version")
    found = rows if before is None else rows.filter(version__lt=before)
    return [_version(row) for row in (found[:limit] if limit else found)]


def publish_plan(source: str, *, by: str, moment: datetime, note: str = "") -> PlanVersion:
    """Put a plan in force from now on; escalations that have begun keep what they began with. UserError where it is wrong."""
    check_plan(source)
    with transaction.atomic():
        now = RoutingPlan.objects.select_for_update().order_by("-version").first()
        if now is not None and now.source == source:
            return _version(now)
        number = now.version + 1 if now else 1
        return _version(RoutingPlan.objects.create(version=number, source=source, published_at=moment, by=by, note=note))


def check_plan(source: str) -> Plan:
    """The plan of a text; UserError with every problem and its place."""
    if len(source) > LONGEST:
        raise UserError(f"the plan has more than {LONGEST:,} characters; split calendars' holidays off, or use patterns")
    return _read(source)


@lru_cache(maxsize=4)
def _read(source: str) -> Plan:
    try:
        data = YAML(typ="safe", pure=True).load(source)
    except MarkedYAMLError as error:
        place = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise UserError(f"{place}{error.problem or 'not YAML'}") from error
    except (YAMLError, ValueError, RecursionError, OverflowError) as error:  # odd characters, impossible dates, endless nesting
        raise UserError(f"the plan is no YAML that can be read ({type(error).__name__})") from error
    return read_plan(data or {})


def _version(row: RoutingPlan) -> PlanVersion:
    return PlanVersion(row.version, row.source, row.published_at, row.by, row.note)
