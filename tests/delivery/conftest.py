"""Fixtures of delivery's tests: a small company, alerts that open when a test says so, and a post office that records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.apps.fakes import T0, FakeBook
from tocsin.alerts import facade as alerts
from tocsin.core.rules import Definitions, Escalation, Rule
from tocsin.delivery import facade as delivery
from tocsin.delivery import loop as loop_module
from tocsin.delivery.channels import Channel, Receipt, Target
from tocsin.delivery.message import Message
from tocsin.delivery.models import Channel as ChannelRow
from tocsin.people import facade as people

ANN, BOB, MEG, OLGA = "ann@x.io", "bob@x.io", "meg@x.io", "olga@x.io"
START = T0 + timedelta(days=1)  # Monday, 2 March 2026, 8:00 in UTC


@dataclass(frozen=True)
class Sent:
    """A message that a channel took."""

    channel: str
    to: str
    message: Message
    at: datetime
    delivery_id: str

    @property
    def told(self) -> list[tuple[str, str]]:
        """Rule and kind of each item."""
        return [(each.rule, each.kind) for each in self.message.items]


@dataclass
class Post:
    """Stands in for every channel: takes what comes, or does what a test says for a channel."""

    sent: list[Sent] = field(default_factory=list)
    failing: dict[str, Exception] = field(default_factory=dict)
    attempts: list[str] = field(default_factory=list)

    def send(self, channel: Channel, target: Target, message: Message, moment: datetime) -> Receipt:
        """As a transport."""
        self.attempts.append(channel.name)
        if channel.name in self.failing:
            raise self.failing[channel.name]
        self.sent.append(Sent(channel.name, target.email, message, moment, target.delivery_id))
        return Receipt({"number": len(self.sent)}, "taken")

    def take(self, channel: str = "email") -> list[Sent]:
        """What was sent by a channel since the last call."""
        found = [each for each in self.sent if each.channel == channel]
        self.sent = [each for each in self.sent if each.channel != channel]
        return found


@dataclass
class Town:
    """The company with its alerts, its clock and its deliver loop."""

    book: FakeBook
    post: Post
    now: datetime

    def __post_init__(self) -> None:
        self.loop = delivery.Loop(clock=lambda: self.now, name="a worker")

    def sweep(self) -> None:
        """As of now, with the rules that are published."""
        alerts.sweep(self.book.book, self.now, on_transition=delivery.enqueue)

    def publish(self, *rules: Rule) -> None:
        """Put rules in force."""
        alerts.publish_rules(Definitions(rules=rules), by=OLGA, moment=self.now)

    def open(self, rule: str, *accounts: str) -> None:
        """A condition becomes true for accounts, and is swept."""
        self.book.true.setdefault(rule, set()).update(accounts)
        self.sweep()

    def close(self, rule: str, *accounts: str) -> None:
        """It becomes false for them."""
        self.book.true[rule] -= set(accounts)
        self.sweep()

    def after(self, **span: float) -> None:
        """Let time pass, and deliver what is due then."""
        self.now += timedelta(**span)
        self.deliver()

    def deliver(self) -> None:
        """Deliver what is due."""
        self.loop.drain()

    def alert(self, rule: str, account: str = "A1") -> Any:
        """The latest alert of a rule for an account."""
        wanted = alerts.AlertFilter(rules=(rule,), accounts=(account,))
        return alerts.list_alerts(wanted)[0]

    def states(self, rule: str, account: str = "A1") -> list[tuple[str, str, str, str]]:
        """The ledger of that alert: kind, target, state, reason."""
        found = delivery.notices_of_alert(self.alert(rule, account).id)
        return [(each.kind, each.target, each.state, each.reason) for each in found]


def rule(name: str, **more: Any) -> Rule:
    """A rule that is judged as the test says."""
    return Rule(**{"id": name, "name": name.replace("-", " ").title(), "category": "risk", "when": "mrr < 10", **more})


@pytest.fixture
def company(db: None) -> None:
    """Ann and Bob of the team North under Meg; Olga runs operations. A channel for e-mail, and one that others read."""
    people.sync_people(
        [
            {"email": ANN, "name": "Ann", "team": "North", "role": "csm"},
            {"email": BOB, "name": "Bob", "team": "North", "role": "csm"},
            {"email": MEG, "name": "Meg", "team": "North", "role": "leader"},
        ],
        [{"name": "North", "manager": MEG}],
        moment=T0,
    )
    people.create_user(OLGA, "Olga", "operations", moment=T0)
    for name, kind in (("email", "email"), ("ops", "webhook")):
        ChannelRow.objects.create(name=name, kind=kind, created_at=T0, created_by=OLGA, config={"url": "https://x.io/hook"})


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Post:
    """Every kind of channel sends by this post office."""
    office = Post()
    monkeypatch.setattr(loop_module, "transport_of", lambda _kind: office)
    return office


@pytest.fixture
def town(company: None, post: Post) -> Iterator[Town]:
    """The company on a Monday morning, after its first sweep."""
    book = FakeBook(owners={"A1": ANN, "A2": ANN, "A3": BOB, "A9": ""})
    there = Town(book, post, START)
    there.now = START - timedelta(days=1)
    there.publish(
        rule("usage-drop", notify=("owner",)),
        rule("no-login", notify=("owner",), severity="high"),
        rule("health-poor", notify=("owner",), inhibited_by=("no-login",)),
        rule("crisis", notify=("owner", "channel:ops"), severity="critical"),
        rule(
            "renewal-risk",
            notify=("owner",),
            severity="high",
            escalate=(Escalation(timedelta(hours=24), ("manager",)), Escalation(timedelta(hours=72), ("user:olga@x.io",))),
        ),
    )
    there.sweep()
    there.now = START
    yield there
    there.loop.close()
