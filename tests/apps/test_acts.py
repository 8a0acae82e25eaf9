"""What people do to alerts: each act with its line in the timeline, refusals in one sentence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.apps.conftest import Sweeping
from tests.apps.fakes import T0, FakeBook, rule
from tocsin.alerts import facade
from tocsin.alerts.facade import TransitionNotice
from tocsin.alerts.models import Transition
from tocsin.core.errors import UserError
from tocsin.core.rules import MaxNew

WHO = "ada@us.example"
LATER = T0 + timedelta(hours=5)


@pytest.fixture
def alert_id(book: FakeBook, swept: Sweeping) -> str:
    book.true = {"low-mrr": {"a"}}
    swept(rule())
    return facade.list_alerts()[0].id


def timeline(alert_id: str) -> list[tuple[str, str]]:
    return [(entry.kind, entry.by) for entry in facade.alert(alert_id).timeline]


def test_acknowledge_and_take_it_back(alert_id: str) -> None:
    alert = facade.acknowledge(alert_id, by=WHO, moment=LATER, note="on it")
    assert (alert.state, alert.acknowledged_by, alert.acknowledged_at) == ("acknowledged", WHO, LATER)
    assert facade.acknowledge(alert_id, by="bob@us.example", moment=LATER).acknowledged_by == WHO
    assert timeline(alert_id) == [("opened", "sweep"), ("acknowledged", WHO)]
    again = facade.reopen(alert_id, by=WHO, moment=LATER)
    assert (again.state, again.acknowledged_by, again.acknowledged_at) == ("open", "", None)


def test_a_snooze_ends_by_itself_if_the_alert_still_stands(alert_id: str, book: FakeBook, swept: Sweeping) -> None:
    until = T0 + timedelta(days=2)
    assert facade.snooze(alert_id, until=until, by=WHO, moment=LATER).snoozed_until == until
    swept(rule(), day=1)
    assert facade.alert(alert_id).state == "snoozed"
    swept(rule(), day=2)
    woken = facade.alert(alert_id)
    assert (woken.state, woken.snoozed_until) == ("open", None)
    assert timeline(alert_id)[-1] == ("woken", "sweep")


def test_a_snooze_looks_ahead(alert_id: str) -> None:
    with pytest.raises(UserError, match="until a moment ahead"):
        facade.snooze(alert_id, until=T0, by=WHO, moment=LATER)
    assert facade.alert(alert_id).state == "open"


def test_resolve_asks_what_it_was_worth(alert_id: str, book: FakeBook, swept: Sweeping) -> None:
    with pytest.raises(UserError, match="unknown outcome 'great'"):
        facade.resolve(alert_id, by=WHO, moment=LATER, outcome="great")
    alert = facade.resolve(alert_id, by=WHO, moment=LATER, outcome="useful", note="called them")
    assert (alert.state, alert.close_reason, alert.closed_at) == ("closed", "resolved", LATER)
    assert (alert.outcome, alert.note) == ("useful", "called them")
    assert alert.timeline[-1].reason == "useful, called them"
    with pytest.raises(UserError, match="the alert is closed"):
        facade.resolve(alert_id, by=WHO, moment=LATER)
    assert swept(rule(), day=1).opened == 0, "what a person resolved does not come back while it still holds"
    book.true = {}
    swept(rule(), day=2)
    book.true = {"low-mrr": {"a"}}
    assert swept(rule(), day=3).opened == 1
    with pytest.raises(UserError, match="a newer one of the same rule and subject runs"):
        facade.reopen(alert_id, by=WHO, moment=LATER)


def test_what_the_facts_closed_stays_closed(alert_id: str, book: FakeBook, swept: Sweeping) -> None:
    book.true = {}
    swept(rule(), day=1)
    with pytest.raises(UserError, match=r"closed \(cleared\)"):
        facade.reopen(alert_id, by=WHO, moment=LATER)


def test_held_alerts_go_out_after_review(book: FakeBook, swept: Sweeping) -> None:
    book.true = {"low-mrr": {"a", "b"}}
    swept(rule(max_new=MaxNew(count=1)))
    held = facade.list_alerts()[0]
    with pytest.raises(UserError, match="the alert is held"):
        facade.acknowledge(held.id, by=WHO, moment=LATER)
    assert facade.release(held.id, by=WHO, moment=LATER).state == "open"
    with pytest.raises(UserError, match="only a held alert can be released"):
        facade.release(held.id, by=WHO, moment=LATER)


@pytest.mark.parametrize("unknown", ["0", "999", "x", "", "-1", "9" * 30, "١"])
def test_an_alert_that_is_not_there(unknown: str, alert_id: str) -> None:
    with pytest.raises(UserError, match="there is no alert"):
        facade.acknowledge(unknown, by=WHO, moment=LATER)
    with pytest.raises(UserError, match="there is no alert"):
        facade.alert(unknown)


def test_the_notice_is_part_of_the_transaction(alert_id: str) -> None:
    told: list[TransitionNotice] = []
    facade.acknowledge(alert_id, by=WHO, moment=LATER, on_transition=told.extend)
    facade.acknowledge(alert_id, by=WHO, moment=LATER, on_transition=told.extend)
    assert [(notice.alert_id, notice.kind) for notice in told] == [(alert_id, "acknowledged")]

    def fail(notices: object) -> None:
        raise RuntimeError("the outbox is full")

    count = Transition.objects.count()
    with pytest.raises(RuntimeError):
        facade.resolve(alert_id, by=WHO, moment=LATER, on_transition=fail)
    assert facade.alert(alert_id).state == "acknowledged"
    assert Transition.objects.count() == count
