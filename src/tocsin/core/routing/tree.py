"""The route tree: where an alert goes, and how its notices are gathered. Semantics of Alertmanager's routes.

Depth first: of a node's children the first that matches is taken, and the ones after it only where it says `continue`. A
node none of whose children match is where the alert arrives. What a node does not say it has from its parent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from tocsin.core.routing.matching import Matcher

GROUP_BY = ("account", "rule", "category", "severity", "kind", "subject")


@dataclass(frozen=True, slots=True)
class Route:
    """A node of the tree; None where it leaves a setting to its parent.

    notify: targets beside those of the rule. only: these targets instead of the rule's.
    group_wait: how long the first notice of a group waits for others; group_interval: how long the next ones do;
    repeat_interval: after how long what is still open is told again (zero: never).
    active_times, mute_times: names of calendars (`working-hours` is the recipient's own) within, or outside of, which notices
    go out; others wait. through_quiet: goes out in quiet hours too. escalation_clock: `wall` or `working-hours`.
    """

    match: tuple[Matcher, ...] = ()
    name: str = ""
    notify: tuple[str, ...] | None = None
    only: bool | None = None
    group_by: tuple[str, ...] | None = None
    group_wait: timedelta | None = None
    group_interval: timedelta | None = None
    repeat_interval: timedelta | None = None
    active_times: tuple[str, ...] | None = None
    mute_times: tuple[str, ...] | None = None
    through_quiet: bool | None = None
    escalation_clock: str | None = None
    continues: bool = False
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """A route with everything that it inherits; the defaults are those of the root. path: the names on the way to it."""

    path: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    only: bool = False
    group_by: tuple[str, ...] = ("account",)
    group_wait: timedelta = timedelta(0)
    group_interval: timedelta = timedelta(minutes=5)
    repeat_interval: timedelta = timedelta(0)
    active_times: tuple[str, ...] = ()
    mute_times: tuple[str, ...] = ()
    through_quiet: bool = False
    escalation_clock: str = "wall"


INHERITED = tuple(Resolved.__dataclass_fields__)[1:]


def walk(root: Route, labels: Mapping[str, str]) -> list[Resolved]:
    """The routes at which an alert with these labels arrives, in the order of the tree; never none, as the root takes all."""
    return list(_walk(root, labels, Resolved(), 0))


def _walk(route: Route, labels: Mapping[str, str], above: Resolved, number: int) -> Iterator[Resolved]:
    here = replace(
        above,
        path=(*above.path, route.name or (f"route {number}" if above.path else "root")),
        **{name: value for name in INHERITED if (value := getattr(route, name)) is not None},
    )
    arrived = False
    for place, child in enumerate(route.routes, 1):
        if all(matcher.holds(labels) for matcher in child.match):
            arrived = True
            yield from _walk(child, labels, here, place)
            if not child.continues:
                return
    if not arrived:
        yield here
