"""What people do to alerts: each act with its line in the timeline, refusals in one sentence."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.apps.conftest import Sweeping
from tests.apps.fakes import T0, FakeBook, rule
from tocsin.alerts import facade
from tocsin.alerts.facade import TransitionNotice
from tocsin.alerts.models import AuditEntry, Episode, Transition
from tocsin.core.errors import UserError
from tocsin.core.rules import Definitions, MaxNew

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


def test_what_goes_and_comes_back_in_a_snooze_stays_one_silent_alert(alert_id: str, book: FakeBook, swept: Sweeping) -> None:
    facade.snooze(alert_id, until=T0 + timedelta(days=4), by=WHO, moment=LATER)
    book.true = {}
    swept(rule(), day=1)
    assert facade.alert(alert_id).state == "closed"
    book.true = {"low-mrr": {"a"}}
    told = swept(rule(), day=2)
    assert (told.opened, told.kept) == (0, 1)
    again = facade.alert(alert_id)
    assert (again.state, again.snoozed_until, again.closed_at) == ("snoozed", T0 + timedelta(days=4), None)
    assert timeline(alert_id)[-2:] == [("closed", "sweep"), ("refired", "sweep")]
    swept(rule(), day=4)
    assert timeline(alert_id)[-1] == ("woken", "sweep")
    assert [alert.id for alert in facade.list_alerts()] == [alert_id]


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


@pytest.fixture
def held(book: FakeBook, swept: Sweeping) -> list[str]:
    """Four alerts that the circuit breaker kept back."""
    book.true = {"low-mrr": {"a", "b", "c", "d"}}
    swept(rule(max_new=MaxNew(count=1)))
    return [each.id for each in facade.list_alerts()]


def states() -> dict[str, str]:
    return {each.account_id or "": each.state for each in facade.list_alerts()}


def test_many_held_alerts_go_out_at_once(held: list[str], book: FakeBook) -> None:
    told: list[TransitionNotice] = []
    assert facade.release_many("low-mrr", held[:1], by=WHO, moment=LATER, note="true", on_transition=told.extend) == 1
    assert sorted(states().values()) == ["held", "held", "held", "open"]
    assert timeline(held[0]) == [("held", "sweep"), ("released", WHO)]
    assert facade.alert(held[0]).renotified_at == LATER
    assert facade.release_many("low-mrr", by=WHO, moment=LATER, on_transition=told.extend) == 3
    assert set(states().values()) == {"open"}
    assert [(notice.alert_id, notice.kind, notice.quiet) for notice in told] == [
        (each, "released", False) for each in (held[0], *sorted(held[1:], key=int))
    ]
    assert facade.release_many("low-mrr", by=WHO, moment=LATER, on_transition=told.extend) == 0
    assert len(told) == 4
    audit = AuditEntry.objects.filter(act="released held").order_by("id")
    assert [(each.what, each.by, each.detail["alerts"], each.detail["all"]) for each in audit] == [
        ("rule low-mrr", WHO, 1, False),
        ("rule low-mrr", WHO, 3, True),
    ]


def test_what_is_kept_quiet_is_released_without_a_notice(held: list[str]) -> None:
    told: list[TransitionNotice] = []
    Episode.objects.filter(pk=held[0]).update(inhibited_by="no-login")
    facade.release_many("low-mrr", by=WHO, moment=LATER, on_transition=told.extend)
    assert {notice.alert_id: notice.quiet for notice in told} == {each: each == held[0] for each in held}


def test_many_held_alerts_are_resolved_at_once(held: list[str], book: FakeBook, swept: Sweeping) -> None:
    with pytest.raises(UserError, match="unknown outcome"):
        facade.resolve_many("low-mrr", by=WHO, moment=LATER, outcome="great")
    told: list[TransitionNotice] = []
    given = {"outcome": "false_alarm", "note": "a broken import"}
    assert facade.resolve_many("low-mrr", held[:3], by=WHO, moment=LATER, on_transition=told.extend, **given) == 3
    assert {notice.quiet for notice in told} == {True}
    one = facade.alert(held[0])
    assert (one.state, one.outcome, one.note, one.close_reason) == ("closed", "false_alarm", "a broken import", "resolved")
    assert one.timeline[-1].reason == "false alarm, a broken import"
    assert swept(rule(max_new=MaxNew(count=1)), day=1).opened == 0, "resolved while it holds: it does not come back"
    assert AuditEntry.objects.get(act="closed held").detail == {
        "alerts": 3, "all": False, "reason": "false alarm, a broken import",
    }  # fmt: skip


def test_of_each_subject_the_latest_resolved_is_remembered(book: FakeBook, swept: Sweeping, held: list[str]) -> None:
    facade.resolve_many("low-mrr", by=WHO, moment=LATER)
    book.true = {}
    swept(rule(), day=1)
    book.true = {"low-mrr": {"a", "b", "c", "d"}}
    swept(rule(max_new=MaxNew(count=1)), day=2)
    facade.resolve_many("low-mrr", by=WHO, moment=T0 + timedelta(days=2))
    assert Episode.objects.filter(remembered=True).count() == 4
    assert Episode.objects.count() == 8


def test_others_are_passed_over(held: list[str]) -> None:
    facade.release(held[0], by=WHO, moment=LATER)
    assert facade.release_many("low-mrr", [held[0], "x", "999", held[1]], by=WHO, moment=LATER) == 1
    assert facade.release_many("other", held, by=WHO, moment=LATER) == 0
    assert AuditEntry.objects.filter(act="released held").count() == 1


def test_a_failing_outbox_releases_nobody(held: list[str]) -> None:
    def fail(notices: object) -> None:
        raise RuntimeError("the outbox is full")

    with pytest.raises(RuntimeError):
        facade.release_many("low-mrr", by=WHO, moment=LATER, on_transition=fail)
    assert set(states().values()) == {"held"}


def test_acting_on_many_costs_no_more_queries(held: list[str]) -> None:
    facade.publish_rules(Definitions(rules=(rule(),)), by=WHO, moment=LATER)
    facade.release_many("low-mrr", held[:1], by=WHO, moment=LATER)  # reads the definitions, which are kept until they change
    with CaptureQueriesContext(connection) as one:
        facade.release_many("low-mrr", held[1:2], by=WHO, moment=LATER)
    with CaptureQueriesContext(connection) as many:
        facade.release_many("low-mrr", by=WHO, moment=LATER)
    assert len(many) == len(one) < 30, "PostgreSQL takes a few more, for its locks"


def test_a_release_is_news_and_an_acknowledgement_is_not(held: list[str]) -> None:
    told: list[TransitionNotice] = []
    facade.release(held[0], by=WHO, moment=LATER, on_transition=told.extend)
    facade.acknowledge(held[0], by=WHO, moment=LATER, on_transition=told.extend)
    assert [(notice.kind, notice.quiet) for notice in told] == [("released", False), ("acknowledged", True)]


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


def test_one_act_on_many_is_all_or_nothing_and_costs_no_more(swept: Sweeping, book: FakeBook) -> None:
    from tocsin.core.rules import MaxNew, Rule

    book.true = {"many": {f"a{number}" for number in range(60)}}
    swept(Rule(id="many", name="Many", category="risk", when="mrr < 10", max_new=MaxNew(count=1000)), day=1)
    ids = [each.id for each in facade.list_alerts()]
    with CaptureQueriesContext(connection) as few:
        facade.acknowledge_together(ids[:2], by=WHO, moment=LATER)
    with CaptureQueriesContext(connection) as many:
        assert facade.acknowledge_together(ids[2:], by=WHO, moment=LATER) == 58
    assert len(many) <= len(few) + 2  # a part more
    facade.resolve(ids[0], by=WHO, moment=LATER)
    with pytest.raises(UserError, match="Many: the alert is closed"):
        facade.resolve_together(ids, by=WHO, moment=LATER, outcome="useful")
    assert {each.state for each in facade.list_alerts()} == {"acknowledged", "closed"}
    assert facade.resolve_together(ids[1:], by=WHO, moment=LATER, outcome="useful", note="a fair") == 59
    assert {each.outcome for each in facade.list_alerts() if each.id != ids[0]} == {"useful"}
    with pytest.raises(UserError, match="there no more"):
        facade.acknowledge_together(["999999"], by=WHO, moment=LATER)
