"""The value of one formula about one subject as of one moment."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle import functions
from tests.oracle.clock import DAY, days_between, start_of_day, today, working_days
from tests.oracle.facts import DECLARED, STARTS, Facts, Row, Rows
from tests.oracle.ours import KINDS, Ours
from tocsin.core.language import nodes, parse
from tocsin.core.language.nodes import Node

OWN = {"account": "accounts", "feature": "accounts", "person": "people"}


@dataclass(frozen=True)
class Subject:
    """Whom a formula is about. account, person: their rows; feature: its name; ours: the id of a csm, a team, the company."""

    kind: str
    account: Row
    person: Row | None = None
    feature: str | None = None
    ours: str | None = None

    @property
    def id(self) -> str:
        """The subject's id; of a feature, `account_id/feature`."""
        if self.ours is not None:
            return self.ours
        if self.kind == "feature":
            return f"{self.account['id']}/{self.feature}"
        return (self.person or self.account)["id"]


@dataclass(frozen=True)
class Place:
    """Where a part of a formula stands: its subject and moment, and inside a filter the row."""

    subject: Subject
    moment: datetime
    collection: str = ""
    row: Row | None = None


class Oracle:
    """The language over rows as an import file writes them."""

    def __init__(self, rows: Rows, zone: ZoneInfo, signals: Mapping[str, str] | None = None) -> None:
        self.facts = Facts(rows, zone)
        self.ours = Ours(self.facts)
        self.zone = zone
        self.named = dict(signals or {})

    def signals(self, formula: str, moment: datetime, subject: str = "account") -> dict[str, Any]:
        """Subject id -> value, of all subjects that exist as of the moment."""
        tree = parse(formula)
        return {each.id: self.value(tree, Place(each, moment)) for each in self.subjects(subject, moment)}

    # Subjects

    def subjects(self, kind: str, moment: datetime) -> list[Subject]:
        """All subjects that exist as of a moment."""
        if kind in KINDS:
            return [Subject(kind, {}, ours=each) for each in self.ours.subjects(kind, moment)]
        accounts = self.facts.accounts.values()
        if kind == "account":
            found = [Subject(kind, account) for account in accounts]
        elif kind == "person":
            people = self.facts.people.values()
            found = [Subject(kind, self.facts.accounts[row["account_id"]], row) for row in people]
            found = [each for each in found if each.person and self.facts.column("people", each.person, "open", moment)]
        else:
            used = {(a["id"], row.get("feature", "")) for a in accounts for row in self.facts.of_account("events", a["id"])}
            found = [Subject(kind, self.facts.accounts[a], feature=f) for a, f in sorted(used) if f]
        return [each for each in found if self.began(each, moment)]

    def began(self, subject: Subject, moment: datetime) -> bool:
        """Whether a subject existed already."""
        if subject.ours is not None:
            return self.ours.began(subject.kind, subject.ours, moment)
        there = self.facts.attribute("accounts", subject.account, "created_at", moment)
        if there is not None and there > moment:
            return False
        if subject.kind == "person":
            assert subject.person is not None
            return self.facts.exists("people", subject.person, moment)
        return subject.kind == "account" or any(
            row.get("feature") == subject.feature and self.facts.exists("events", row, moment)
            for row in self.facts.of_account("events", subject.account["id"])
        )

    # Values

    def value(self, node: Node, place: Place) -> Any:  # noqa: C901 - one case for each kind of node
        """The value of a node where it stands."""
        match node:
            case nodes.Literal(value=timedelta() as length):
                return length / DAY
            case nodes.Literal(value=constant):
                return constant
            case nodes.Path():
                return self.path(node, place)
            case nodes.Aggregate():
                return self.aggregate(node, place)
            case nodes.Call():
                return self.call(node, place)
            case nodes.Negative(operand=operand):
                x = self.value(operand, place)
                return None if x is None else -x
            case nodes.Arithmetic(operator=operator, left=left, right=right):
                return functions.arithmetic(operator, self.value(left, place), self.value(right, place))
            case nodes.Compare(operator=operator, left=left, right=right):
                return self.compared(operator, self.value(left, place), self.value(right, place))
            case nodes.Between(operand=operand, low=low, high=high):
                x = self.value(operand, place)
                above = self.compared(">=", x, self.value(low, place))
                return functions.conjunction([above, self.compared("<=", x, self.value(high, place))])
            case nodes.Among(operand=operand, options=options, negated=negated):
                x = self.value(operand, place)
                found = functions.disjunction([self.compared("=", x, self.value(each, place)) for each in options])
                return functions.negated(found) if negated else found
            case nodes.IsNull(operand=operand, negated=negated):
                return (self.value(operand, place) is None) != negated
            case nodes.Contains(operand=operand, item=item):
                return functions.contains(self.value(operand, place), self.value(item, place))
            case nodes.Not(operand=operand):
                return functions.negated(self.truth(operand, place))
            case nodes.And(operands=operands):
                return functions.conjunction([self.truth(each, place) for each in operands])
            case nodes.Or(operands=operands):
                return functions.disjunction([self.truth(each, place) for each in operands])
        raise AssertionError(node)

    def truth(self, node: Node, place: Place) -> bool | None:
        """A value where a truth is wanted: a property of another type is null."""
        value = self.value(node, place)
        return value if isinstance(value, bool) else None

    def compared(self, operator: str, left: Any, right: Any) -> bool | None:
        """A comparison; null of null and of values of different types. A date is the start of its day beside a time."""
        pair = [left, right]
        if {type(each) for each in pair} == {date, datetime}:
            pair = [self.facts.instant(each) for each in pair]
        return functions.compared(operator, *pair)

    def path(self, node: nodes.Path, place: Place) -> Any:
        """Columns of the row first, then attributes of the subject, then signals."""
        name, second, subject = node.first, node.second, place.subject
        if place.row is not None and place.collection == "accounts":
            try:
                return self.of_account(name, place.row, place.moment)
            except KeyError:  # it means nothing for accounts
                return self.of_ours(name, place)
        if place.row is not None:
            if second is not None and place.collection == "events" and name == "properties":
                return functions.json_value(self.facts.column("events", place.row, name, place.moment), second)
            if second is None and self._is_column(place.collection, name):
                return self.facts.column(place.collection, place.row, name, place.moment)
        if subject.ours is not None:
            return self.of_ours(name, place)
        if subject.kind == "feature" and node.text == "feature":
            return subject.feature
        if subject.kind == "person" and name == "account" and second is not None:
            return self.facts.attribute("accounts", subject.account, second, place.moment)
        own = OWN[subject.kind]
        if name in DECLARED[own] or name in self.facts.customs[own]:
            return self.facts.attribute(own, subject.person or subject.account, name, place.moment)
        return self.value(parse(self.named[name]), Place(subject, place.moment))

    def of_account(self, name: str, row: Row, moment: datetime) -> Any:
        """What an account has by a name: an attribute, `age`, `open`, or a signal; KeyError where it has none."""
        if name in ("age", "open") or name in DECLARED["accounts"] or name in self.facts.customs["accounts"]:
            return self.facts.column("accounts", row, name, moment)
        return self.value(parse(self.named[name]), Place(Subject("account", row), moment))

    def of_ours(self, name: str, place: Place) -> Any:
        """An attribute of a csm, a team or the company, or a signal about them."""
        subject = place.subject
        assert subject.ours is not None
        if name in self.named:
            return self.value(parse(self.named[name]), Place(subject, place.moment))
        return self.ours.attribute(subject.kind, subject.ours, name)

    def _is_column(self, collection: str, name: str) -> bool:
        columns = _COLUMNS[collection] | set(self.facts.customs.get(collection, ()))
        return name in columns or name in ("age", "open")

    # Aggregates

    def aggregate(self, node: nodes.Aggregate, place: Place) -> Any:
        """An aggregate over the subject's rows in the window for which the filter is true."""
        bounds = self.window(node.window, place)
        if bounds is None:
            return None
        collection = node.path.first
        found = []
        for row in self.rows(collection, place.subject, place.moment):
            start = self.facts.start(collection, row)
            inside = self.facts.exists(collection, row, place.moment) and bounds.holds(start)
            there = Place(place.subject, place.moment, collection, row)
            if inside and (node.where is None or self.truth(node.where, there) is True):
                found.append((start, row))
        if node.function in ("count", "exists"):
            return float(len(found)) if node.function == "count" else bool(found)
        if node.function == "days_quiet":
            return self.quiet(collection, [start for start, _ in found if start is not None], place)
        assert node.path.second is not None
        values = [
            (start, row.get("id", ""), value)
            for start, row in found
            if (value := self.summed(collection, row, node.path.second, place.moment)) is not None
        ]
        return functions.aggregated(node.function, values)

    def summed(self, collection: str, row: Row, name: str, moment: datetime) -> Any:
        """What an aggregate sums up of a row; of an account that may be a signal."""
        if collection == "accounts":
            return self.of_account(name, row, moment)
        return self.facts.column(collection, row, name, moment)

    def quiet(self, collection: str, starts: list[datetime], place: Place) -> float | None:
        """Days since the latest row (calendar days where rows start on days), else since the subject began (if known)."""
        if starts:
            by_day = STARTS[collection].endswith("_on")
            last = max(starts)
            return self.days_since(today(last, self.zone) if by_day else last, place.moment)
        if place.subject.ours is not None:
            return None
        owner = OWN[place.subject.kind]
        row = place.subject.person or place.subject.account
        return self.days_since(self.facts.attribute(owner, row, "created_at", place.moment), place.moment)

    def rows(self, collection: str, subject: Subject, moment: datetime) -> Sequence[Row]:
        """The rows that a subject's aggregates range over as of a moment."""
        if subject.ours is not None:
            return self.ours.rows(subject.kind, subject.ours, collection, moment)
        if subject.person is not None:
            return self.facts.of_person(collection, subject.person["id"])
        rows = self.facts.of_account(collection, subject.account["id"])
        return rows if subject.feature is None else [row for row in rows if row.get("feature") == subject.feature]

    def window(self, node: Node | None, place: Place) -> _Bounds | None:
        """Which starts count; None where the anchor is null."""
        match node:
            case nodes.InLast(length=nodes.Literal(value=timedelta() as length)):
                return _Bounds(True, after=place.moment - length)
            case nodes.After(length=nodes.Literal(value=timedelta() as length), anchor=anchor):
                began = self.value(anchor, place)
                return None if began is None else _Bounds(True, since=self.facts.instant(began), length=length)
            case nodes.Since(anchor=anchor):
                began = self.value(anchor, place)
                return None if began is None else _Bounds(True, since=self.facts.instant(began))
        return _Bounds(False)

    # Functions

    def call(self, node: nodes.Call, place: Place) -> Any:
        """The value of a function."""
        name, given = node.name, node.arguments
        match name:
            case "ago":
                return self.ago(given[0], functions.length(given[1]), place)
            case "change":
                now, then = self.value(given[0], place), self.ago(given[0], functions.length(given[1]), place)
                floor = self.value(given[2], place) if len(given) > 2 else None
                return functions.change(now, then, floor)
            case "slope":
                return self.slope(given[0], functions.length(given[1]), place)
            case "days_in" | "previous":
                since, before = self.turned(given[0], place)
                return before if name == "previous" else self.days_since(since, place.moment)
            case "market":
                return self.market(given[0], place.moment)
            case "start_of":
                return functions.first_day(today(place.moment, self.zone), self.value(given[0], place))
            case "days_since":
                return self.days_since(self.value(given[0], place), place.moment)
            case "days_until":
                days = self.days_since(self.value(given[0], place), place.moment)
                return None if days is None else -days
            case "workdays_since":
                then = self.value(given[0], place)
                if then is None:
                    return None
                day = today(then, self.zone) if isinstance(then, datetime) else then
                return working_days(day, today(place.moment, self.zone))
            case "if":
                return self.value(given[1 if self.truth(given[0], place) is True else 2], place)
        return functions.CALLS[name](self.of_one_type(given, place))

    def of_one_type(self, given: Sequence[Node], place: Place) -> list[Any]:
        """Arguments; a property whose JSON has another type than the constants beside it is null."""
        values = [self.value(each, place) for each in given]
        kinds = {type(each.value) for each in given if isinstance(each, nodes.Literal) and each.value is not None}
        untyped = [isinstance(each, nodes.Path) and each.first == "properties" for each in given]
        fits = [not free or not kinds or functions.kind(value) in kinds for value, free in zip(values, untyped, strict=True)]
        return [value if fit else None for value, fit in zip(values, fits, strict=True)]

    def ago(self, node: Node, length: timedelta, place: Place) -> Any:
        """The value then; null where the subject did not exist yet."""
        then = place.moment - length
        if length and not self.began(place.subject, then):
            return None
        return self.value(node, Place(place.subject, then))

    def slope(self, node: Node, length: timedelta, place: Place) -> float | None:
        """Least squares over samples a week apart."""
        samples, back = [], timedelta(0)
        while back < length:
            value = self.ago(node, back, place)
            if value is not None:
                samples.append((-back / DAY, value))
            back += 7 * DAY
        return statistics.linear_regression(*zip(*samples, strict=True)).slope if len(samples) >= 4 else None

    def market(self, node: Node, moment: datetime) -> float | None:
        """The median over active accounts at the start of the day."""
        morning = start_of_day(today(moment, self.zone), self.zone)
        values = []
        for subject in self.subjects("account", morning):
            if self.facts.attribute("accounts", subject.account, "status", morning) == "active":
                value = self.value(node, Place(subject, morning))
                values += [] if value is None else [value]
        return statistics.median(values) if values else None

    def days_since(self, then: date | datetime | None, moment: datetime) -> float | None:
        """Calendar days since a date, elapsed days since a time."""
        if then is None:
            return None
        if isinstance(then, datetime):
            return days_between(then, moment)
        return float((today(moment, self.zone) - then).days)

    def turned(self, node: Node, place: Place) -> tuple[datetime | None, Any]:
        """Of an attribute of the row or the subject: when it took its value, and the value before."""
        assert isinstance(node, nodes.Path)
        subject, name = place.subject, node.first
        if place.row is not None and place.collection in DECLARED and self._is_column(place.collection, name):
            return self.facts.turned(place.collection, place.row, name, place.moment)
        if node.second is not None:
            return self.facts.turned("accounts", subject.account, node.second, place.moment)
        return self.facts.turned(OWN[subject.kind], subject.person or subject.account, name, place.moment)


@dataclass(frozen=True)
class _Bounds:
    """Which starts lie in a window. Rows without a start lie in none; `bounded` says that there is one."""

    bounded: bool
    after: datetime | None = None
    since: datetime | None = None
    length: timedelta | None = None

    def holds(self, start: datetime | None) -> bool:
        if not self.bounded:
            return True
        if start is None:
            return False
        if self.after is not None:
            return start > self.after
        assert self.since is not None
        return start >= self.since and (self.length is None or start < self.since + self.length)


_COLUMNS = {
    "events": {"id", "account_id", "person_id", "name", "at", "kind", "feature", "minutes"},
    "metrics": {"id", "account_id", "person_id", "name", "at", "value"},
    "touchpoints": {"id", "account_id", "person_id", "kind", "at", "by", "subject", "notes", "sentiment"},
    "meetings": {"id", "account_id", "kind", "booked_at", "planned_at", "cancelled_at"},
    "tickets": {"id", "account_id", "person_id", "kind", "priority", "opened_at", "resolved_at", "sla_due_at", "subject"},
    "invoices": {"id", "account_id", "amount", "currency", "issued_on", "due_on", "paid_on", "amount_due", "days_past_due"},
    "surveys": {"id", "account_id", "person_id", "kind", "score", "at", "comment"},
    "integrations": {"id", "account_id", "name", "connected_at", "disconnected_at"},
    "milestones": {"id", "account_id", "name", "started_at", "due_on", "reached_at"},
    "onboardings": {"id", "account_id", "name", "stage", "started_at", "stage_entered_at", "completed_at"},
    "goals": {"id", "account_id", "name", "metric", "target", "set_at", "due_on", "reached_at"},
    "subscriptions": {
        "id", "account_id", "product", "plan", "seats", "mrr", "currency", "starts_on", "renews_on", "term_months",
        "billing_period", "auto_renew", "cancel_requested_at", "ended_on",
    },
    "opportunities": {
        "id", "account_id", "kind", "amount", "currency", "owner", "stage", "forecast", "expected_on", "opened_at", "closed_at",
        "outcome",
    },
    "people": DECLARED["people"],
    "accounts": DECLARED["accounts"],
    "alerts": {
        "id", "account_id", "rule", "subject", "severity", "category", "opened_at", "acknowledged_at", "closed_at", "outcome",
    },
    "tasks": {"id", "account_id", "assignee", "title", "created_at", "due_on", "completed_at", "overdue"},
}  # fmt: skip
