"""A routing plan: the route tree, calendars, functions (who `role:product` is) and queues, read from plain values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from tocsin.core.errors import UserError
from tocsin.core.language import suggestion
from tocsin.core.routing.matching import Matcher, parse_matcher
from tocsin.core.routing.tree import GROUP_BY, Route

WORKING_HOURS = "working-hours"  # the calendar that every recipient has: their own hours
CLOCKS = ("wall", WORKING_HOURS)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
DEEPEST = 8  # levels of routes
_TARGET = re.compile(r"owner|manager|(?:team|role|channel):.*\S.*|user:[^@\s]+@[^@\s]+")
_SPAN = re.compile(r"(\d+)\s*([smhdw])")
_MINUTE = re.compile(r"(\d{1,2}):(\d{2})")


class RoutingError(UserError):
    """A plan that cannot be read; `problems` has each with its place, such as `route.routes[2].match`."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Queue:
    """Accounts without a CSM of their own (tech touch): owners whose accounts it takes, and who is told instead."""

    name: str
    owners: tuple[str, ...]
    notify: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar by days and minutes of the day, in the recipient's zone. country: whose public holidays are left out."""

    days: frozenset[int]
    start: int
    end: int
    country: str = ""
    holidays: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """How notices travel. The plan of a new workspace is the empty one: the rule's targets, by account, at once."""

    route: Route = field(default_factory=Route)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    functions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    queues: tuple[Queue, ...] = ()

    def queue_of(self, owner: str) -> Queue | None:
        """The queue that takes the accounts of that owner."""
        wanted = owner.strip().lower()
        return next((each for each in self.queues if wanted in each.owners), None)


def read_plan(data: Any) -> Plan:
    """The plan of plain values (as YAML or JSON give them). RoutingError with every problem and its place."""
    reader = _Reader()
    plan = reader.plan(data)
    if reader.problems:
        raise RoutingError(tuple(reader.problems))
    return plan


class _Reader:
    def __init__(self) -> None:
        self.problems: list[str] = []
        self.calendars: Mapping[str, Calendar] = {}

    def plan(self, data: Any) -> Plan:
        given = self.mapping(data, "the plan", ("route", "calendars", "functions", "queues"))
        calendars = self.mapping(given.get("calendars"), "calendars")
        self.calendars = {str(name): self.calendar(value, f"calendars.{name}") for name, value in calendars.items()}
        if WORKING_HOURS in self.calendars:
            self.problems.append(f"calendars.{WORKING_HOURS}: that name stands for each person's own hours; take another one")
        functions = self.mapping(given.get("functions"), "functions")
        queues = self.mapping(given.get("queues"), "queues")
        return Plan(
            route=self.route(given.get("route"), "route", 0),
            calendars=self.calendars,
            functions={str(name): self.function(value, f"functions.{name}", functions) for name, value in functions.items()},
            queues=tuple(self.queue(str(name), value) for name, value in queues.items()),
        )

    def route(self, data: Any, place: str, depth: int) -> Route:
        fields = ("match", "name", "notify", "only", "group_by", "group_wait", "group_interval", "repeat_interval")
        others = ("active_times", "mute_times", "through_quiet", "escalation_clock", "continue", "routes")
        given = self.mapping(data, place, fields + others)
        if depth > DEEPEST:
            self.problems.append(f"{place}: routes go {DEEPEST} levels deep at most")
            return Route()
        if depth == 0 and given.get("match"):
            self.problems.append(f"{place}.match: the root takes every alert; match in its `routes`")
        children = self.listed(given.get("routes"), f"{place}.routes")
        by_target: dict[str, Any] = {
            "notify": self.maybe(given, "notify", place, self.targets),
            "only": self.maybe(given, "only", place, self.flag),
            "group_by": self.maybe(given, "group_by", place, self.group_by),
            "active_times": self.maybe(given, "active_times", place, self.times),
            "mute_times": self.maybe(given, "mute_times", place, self.times),
            "through_quiet": self.maybe(given, "through_quiet", place, self.flag),
            "escalation_clock": self.maybe(given, "escalation_clock", place, self.clock),
        }
        for name in ("group_wait", "group_interval", "repeat_interval"):
            by_target[name] = self.maybe(given, name, place, self.span)
        return Route(
            match=tuple(self.matchers(given.get("match"), f"{place}.match")),
            name=str(given.get("name") or ""),
            continues=bool(self.maybe(given, "continue", place, self.flag)),
            routes=tuple(self.route(each, f"{place}.routes[{n}]", depth + 1) for n, each in enumerate(children, 1)),
            **by_target,
        )

    def matchers(self, data: Any, place: str) -> list[Matcher]:
        found = []
        for text in self.listed(data, place):
            try:
                found.append(parse_matcher(str(text)))
            except UserError as error:
                self.problems.append(f"{place}: {error}")
        return found

    def targets(self, data: Any, place: str) -> tuple[str, ...]:
        found = tuple(str(each) for each in self.listed(data, place))
        for each in found:
            if not _TARGET.fullmatch(each):
                listing = "owner, manager, team:<name>, role:<name>, user:<email>, channel:<name>"
                self.problems.append(f"{place}: unknown target {each!r}; there are {listing}")
        return found

    def function(self, data: Any, place: str, functions: Mapping[str, Any]) -> tuple[str, ...]:
        found = self.targets(data, place)
        for each in found:
            kind, _, name = each.partition(":")
            if kind == "role" and name in functions:
                self.problems.append(f"{place}: {each} is a function itself; name the people, teams or channels")
        return found

    def group_by(self, data: Any, place: str) -> tuple[str, ...]:
        return self.names(data, place, GROUP_BY, "label to group by")

    def times(self, data: Any, place: str) -> tuple[str, ...]:
        return self.names(data, place, (*self.calendars, WORKING_HOURS), "calendar")

    def names(self, data: Any, place: str, known: tuple[str, ...], what: str) -> tuple[str, ...]:
        found = tuple(str(each) for each in self.listed(data, place))
        for each in found:
            if each not in known:
                hint = suggestion(each, known) or f"; there are {', '.join(known)}"
                self.problems.append(f"{place}: unknown {what} {each!r}{hint}")
        return found

    def clock(self, data: Any, place: str) -> str:
        if data not in CLOCKS:
            self.problems.append(f"{place}: {data!r} is no clock; write {' or '.join(CLOCKS)}")
        return str(data)

    def flag(self, data: Any, place: str) -> bool:
        if not isinstance(data, bool):
            self.problems.append(f"{place}: {data!r} is neither true nor false")
        return bool(data)

    def span(self, data: Any, place: str) -> timedelta:
        found = _SPAN.fullmatch(str(data).strip())
        if found is None and data != 0:
            self.problems.append(f"{place}: {data!r} is no duration; write a number followed by s, m, h, d or w, such as 5m")
        seconds = int(found[1]) * UNITS[found[2]] if found else 0
        if seconds > 400 * UNITS["d"]:
            self.problems.append(f"{place}: {data} is longer than 400 days")
            return timedelta(0)
        return timedelta(seconds=seconds)

    def queue(self, name: str, data: Any) -> Queue:
        place = f"queues.{name}"
        given = self.mapping(data, place, ("owners", "notify"))
        owners = tuple(str(each).strip().lower() for each in self.listed(given.get("owners"), f"{place}.owners"))
        notify = self.targets(given.get("notify"), f"{place}.notify")
        if not notify:
            self.problems.append(f"{place}: a queue needs `notify`, so that its alerts reach somebody")
        if any(each in ("owner", "manager") for each in notify):
            self.problems.append(f"{place}.notify: a queue's accounts have no CSM; name a team, a role, a user or a channel")
        return Queue(name, owners or (name.lower(),), notify)

    def calendar(self, data: Any, place: str) -> Calendar:
        given = self.mapping(data, place, ("days", "from", "to", "country", "holidays"))
        days = self.names(given.get("days", list(DAYS[:5])), f"{place}.days", DAYS, "day")
        start, end = (
            self.minute(given.get("from", "00:00"), f"{place}.from"),
            self.minute(given.get("to", "24:00"), f"{place}.to"),
        )
        if start >= end:
            self.problems.append(f"{place}: `from` must come before `to`")
        free: list[date] = []
        for each in self.listed(given.get("holidays"), f"{place}.holidays"):
            try:
                free.append(each if isinstance(each, date) else date.fromisoformat(str(each)))
            except ValueError:
                self.problems.append(f"{place}.holidays: {each!r} is no date; write 2026-12-24")
        numbers = frozenset(DAYS.index(each) for each in days if each in DAYS)
        return Calendar(numbers, start, end, str(given.get("country") or ""), frozenset(free))

    def minute(self, data: Any, place: str) -> int:
        found = _MINUTE.fullmatch(str(data))
        # YAML reads 9:30 as a number to the base of sixty in its older versions; ours gives the text.
        minute = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else -1
        if not 0 <= minute <= 24 * 60:
            self.problems.append(f"{place}: {data!r} is no time of day; write 09:00")
            return 0
        return minute

    def mapping(self, data: Any, place: str, known: tuple[str, ...] | None = None) -> Mapping[str, Any]:
        if data is None:
            return {}
        if not isinstance(data, Mapping):
            self.problems.append(f"{place}: expected names with values, not {type(data).__name__}")
            return {}
        for key in data:
            if known is not None and key not in known:
                hint = suggestion(str(key), known) or f"; there are {', '.join(known)}"
                self.problems.append(f"{place}: unknown key {key!r}{hint}")
        return data

    def listed(self, data: Any, place: str) -> list[Any]:
        """A list, where one value may stand for a list of one."""
        if data is None:
            return []
        if isinstance(data, Mapping):
            self.problems.append(f"{place}: expected a list")
            return []
        return list(data) if isinstance(data, (list, tuple)) else [data]

    @staticmethod
    def maybe(given: Mapping[str, Any], name: str, place: str, read: Callable[[Any, str], Any]) -> Any:
        """What a field says, None where it is left out."""
        return None if name not in given else read(given[name], f"{place}.{name}")
