"""The sweep: verdicts become episodes, once; nothing unknown opens or closes; the writes are few."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.apps.conftest import Sweeping
from tests.apps.fakes import T0, FakeBook, rule
from tocsin.alerts import facade, locks
from tocsin.alerts.facade import AlertFilter, TransitionNotice
from tocsin.alerts.models import Episode, Pending, Sweep, Transition
from tocsin.core.errors import UserError
from tocsin.core.rules import Definitions, MaxNew, Variant
from tocsin.engine import Evidence
from tocsin.people.facade import create_user

LOW = rule()


def states(rule_id: str = "low-mrr") -> dict[str, str]:
    return {alert.subject_id: alert.state for alert in reversed(facade.list_alerts(AlertFilter(rules=(rule_id,))))}


def test_opens_keeps_and_closes(book: FakeBook, swept: Sweeping) -> None:
    book.true = {"low-mrr": {"a", "b"}}
    report = swept(LOW)
    assert (report.opened, report.closed, report.kept, report.matches) == (2, 0, 0, {"low-mrr": 2})
    book.true = {"low-mrr": {"b", "c"}}
    report = swept(LOW, day=1)
    assert (report.opened, report.closed, report.kept) == (1, 1, 1)
    assert states() == {"a": "closed", "b": "open", "c": "open"}
    closed = facade.list_alerts(AlertFilter(states=("closed",)))[0]
    assert closed.closed_at == T0 + timedelta(days=1)
    assert closed.close_reason == "cleared"
    kept = next(alert for alert in facade.list_alerts() if alert.subject_id == "b")
    assert (kept.opened_at, kept.last_seen_at) == (T0, T0 + timedelta(days=1))


def test_evidence_is_kept_as_evaluate_gives_it(book: FakeBook, swept: Sweeping) -> None:
    book.true = {"low-mrr": {"a"}}
    swept(LOW)
    (line,) = facade.list_alerts()[0].to_json()["evidence"]
    asked = Evidence("mrr < 10", "MRR is below 10", 7.5, "<", 10.0).to_json()
    assert json.dumps({name: line[name] for name in asked}) == json.dumps(asked)
    assert json.dumps(line["threshold"]) == "10"


def test_the_same_sweep_again_changes_nothing(book: FakeBook, swept: Sweeping) -> None:
    book.true = {"low-mrr": {"a", "b"}}
    swept(LOW)
    before = list(Episode.objects.order_by("pk").values())
    report = swept(LOW)
    assert (report.opened, report.closed, report.kept) == (0, 0, 2)
    assert list(Episode.objects.order_by("pk").values()) == before
    assert Transition.objects.count() == 2


def test_opens_again_as_a_new_episode_after_closing(book: FakeBook, swept: Sweeping) -> None:
    for day, true in enumerate(({"a"}, set(), {"a"}, set())):
        book.true = {"low-mrr": true}
        swept(LOW, day=day)
    alerts = facade.list_alerts()
    assert [(alert.state, alert.opened_at) for alert in alerts] == [("closed", T0 + timedelta(days=2)), ("closed", T0)]
    assert Episode.objects.filter(remembered=True).count() == 1


def test_the_past_is_refused_in_one_sentence(book: FakeBook, swept: Sweeping) -> None:
    swept(LOW, day=3)
    with pytest.raises(UserError, match=r"a sweep as of 2026-03-02T08:00:00Z is refused: the latest one was as of 2026-03-04"):
        swept(LOW, day=1)
    assert Sweep.objects.count() == 2


def test_far_ahead_of_the_clock_is_refused_in_one_sentence(book: FakeBook, swept: Sweeping) -> None:
    def clock() -> datetime:
        return T0

    with pytest.raises(
        UserError, match=r"2026-03-03T08:00:00Z is refused: it is more than 24 hours ahead of the clock \(2026-03-01"
    ):
        swept(LOW, day=2, clock=clock)
    assert Sweep.objects.count() == 1, "the baseline"
    assert swept(LOW, day=1, clock=clock).as_of == T0 + timedelta(days=1)


def test_a_clock_is_read_when_the_turn_has_come(book: FakeBook, swept: Sweeping) -> None:
    swept(LOW)
    alone: list[bool] = []

    def clock() -> datetime:
        alone.append(locks.sweeping.locked())
        return T0 + timedelta(hours=1)

    assert facade.sweep(book.book, clock, definitions=Definitions(rules=(LOW,))).as_of == T0 + timedelta(hours=1)
    assert alone == [True], "read once, and no other sweep can get ahead any more"


def test_one_running_episode_each(book: FakeBook, swept: Sweeping) -> None:
    book.true = {"low-mrr": {"a"}}
    swept(LOW)
    row = Episode.objects.get()
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
    row.state = "closed"
    row.save(force_insert=True)
    assert Episode.objects.count() == 2


def test_unknown_opens_and_closes_nothing(book: FakeBook, swept: Sweeping) -> None:
    book.true = {"low-mrr": {"a"}}
    swept(LOW)
    book.true, book.unknown = {"low-mrr": {"b"}}, {"low-mrr": "there is no attribute 'mrr'"}
    report = swept(LOW, day=1)
    assert report.unknown == {"low-mrr": "there is no attribute 'mrr'"}
    assert (report.judged, report.opened, report.closed) == (0, 0, 0)
    assert states() == {"a": "open"}


def test_stale_data_hold_a_rule(book: FakeBook, swept: Sweeping) -> None:
    needy = rule(needs={"events": timedelta(hours=26)})
    book.true, book.store.latest = {"low-mrr": {"a"}}, {"events": T0 - timedelta(hours=27)}
    assert "its events are 27 h old" in swept(needy).unknown["low-mrr"]
    book.store.latest = {"events": T0 - timedelta(hours=25)}
    report = swept(needy)
    assert (report.unknown, report.opened) == ({}, 1)
    book.store.latest = {}
    assert "there are none" in swept(needy).unknown["low-mrr"]


def test_a_rule_in_shadow_is_counted_and_raises_nothing(book: FakeBook, swept: Sweeping) -> None:
    book.true = {"low-mrr": {"a", "b"}}
    report = swept(rule(state="shadow"))
    assert (report.shadow, report.matches, report.opened) == ({"low-mrr": 2}, {}, 0)
    assert not Episode.objects.exists()
    assert not Pending.objects.exists()


@pytest.mark.parametrize("state", ["shadow", "off", "draft", "gone"])
def test_switching_a_rule_off_closes_its_alerts(state: str, book: FakeBook, swept: Sweeping) -> None:
    book.true = {"low-mrr": {"a"}}
    swept(LOW)
    report = swept(*([] if state == "gone" else [rule(state=state)]), day=1)
    assert report.closed == 1
    assert facade.list_alerts()[0].close_reason == "switched_off"


def test_for_waits_and_forgets(book: FakeBook, swept: Sweeping) -> None:
    patient = rule(hold=timedelta(days=2))
    book.true = {"low-mrr": {"a", "b"}}
    assert swept(patient).pending == 2
    book.true = {"low-mrr": {"a"}}
    report = swept(patient, day=1)
    assert (report.pending, report.opened, Pending.objects.count()) == (1, 0, 1)
    book.true = {"low-mrr": {"a", "b"}}
    report = swept(patient, day=2)
    assert (report.opened, report.pending) == (1, 1)
    assert states() == {"a": "open"}
    assert [waiting.subject_id for waiting in Pending.objects.all()] == ["b"]


def test_clear_keeps_an_alert_open_until_it_holds(book: FakeBook, swept: Sweeping) -> None:
    sticky = rule(clear="mrr > 20")
    book.true = {"low-mrr": {"a", "b", "c", "d"}}
    swept(sticky)
    book.true, book.cleared, book.gone, book.churned = {}, {"low-mrr": {"a"}}, {"c"}, {"d"}
    swept(sticky, day=1)
    assert states() == {"a": "closed", "b": "open", "c": "closed", "d": "closed"}
    reasons = {alert.subject_id: alert.close_reason for alert in facade.list_alerts()}
    assert reasons == {"a": "cleared", "b": "", "c": "subject_gone", "d": "subject_gone"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"when": "status = 'churned'"}, True),
        ({"where": "churned_at is null"}, True),
        ({"vary": (Variant("account.status = 'churned'", {}),)}, True),
        ({"when": "count(events where name = 'status viewed') < 3"}, False),
    ],
)
def test_only_a_rule_that_speaks_of_churn_keeps_the_churned(
    given: dict[str, Any], kept: bool, book: FakeBook, swept: Sweeping
) -> None:
    save = rule(clear="mrr > 20", **given)
    book.true = {"low-mrr": {"a"}}
    swept(save)
    book.true, book.churned = {}, {"a"}
    swept(save, day=1)
    assert states() == {"a": "open" if kept else "closed"}


def test_what_late_facts_have_made_untrue_closes_as_revised(book: FakeBook, swept: Sweeping) -> None:
    book.true = {"low-mrr": {"a", "b"}}
    swept(rule(clear="mrr > 20"))
    book.past[T0] = {"low-mrr": {"b"}}  # an event came late: as of T0 it does not hold for a
    book.true, book.cleared = {}, {"low-mrr": {"a", "b"}}
    swept(rule(clear="mrr > 20"), day=1)
    assert {alert.subject_id: alert.close_reason for alert in facade.list_alerts()} == {"a": "revised", "b": "cleared"}


def test_cooldown_is_silence(book: FakeBook, swept: Sweeping) -> None:
    calm = rule(cooldown=timedelta(days=7))
    book.true = {"low-mrr": {"a"}}
    swept(calm)
    book.true = {}
    swept(calm, day=1)
    book.true = {"low-mrr": {"a"}}
    assert swept(calm, day=7.9).opened == 0
    assert swept(calm, day=8).opened == 1


def test_too_many_at_once_are_held_for_review(book: FakeBook, swept: Sweeping) -> None:
    book.true, book.scope = {"low-mrr": {f"a{n}" for n in range(4)}}, 50
    report = swept(rule(max_new=MaxNew(count=3)))
    assert (report.held, report.opened) == (4, 0)
    assert set(states().values()) == {"held"}
    held = facade.alert(facade.list_alerts()[0].id)
    assert held.timeline[0].kind == "held"
    assert "4 new alerts in one sweep" in held.timeline[0].reason
    report = swept(rule(max_new=MaxNew(count=3)), day=1)
    assert (report.held, report.opened, report.kept) == (0, 0, 4)


def test_the_first_sweep_with_subjects_is_the_baseline_and_tells_nobody(db: None) -> None:
    told: list[TransitionNotice] = []
    definitions = Definitions(rules=(rule(max_new=MaxNew(count=1)),))
    empty = FakeBook(scope=0)
    assert not facade.sweep(empty.book, T0, definitions=definitions).baseline
    full = FakeBook(true={"low-mrr": {"a", "b"}})
    report = facade.sweep(full.book, T0, definitions=definitions, on_transition=told.extend)
    assert (report.baseline, report.opened, report.held) == (True, 2, 0)
    assert [notice.quiet for notice in told] == [True, True]
    assert all(alert.baseline for alert in facade.list_alerts())
    full.true = {"low-mrr": {"a", "b", "c"}}
    report = facade.sweep(full.book, T0 + timedelta(days=1), definitions=definitions, on_transition=told.extend)
    assert not report.baseline
    assert [(notice.kind, notice.quiet) for notice in told[2:]] == [("opened", False)]


def test_of_the_baseline_nobody_is_reminded_until_something_was_told_of_it(db: None) -> None:
    book = FakeBook(true={"low-mrr": {"a", "b", "c"}})
    definitions = Definitions(rules=(rule(renotify=timedelta(days=14)),))

    def told(day: int) -> list[tuple[str, str]]:
        """Whom a sweep told something of, and what."""
        found: list[TransitionNotice] = []
        facade.sweep(book.book, T0 + timedelta(days=day), definitions=definitions, on_transition=found.extend)
        names = {alert.id: alert.subject_id for alert in facade.list_alerts()}
        return [(names[each.alert_id], each.kind) for each in found if not each.quiet]

    assert told(0) == []
    create_user("ann@us.example", "Ann Ames", "csm", moment=T0)
    alert = {each.subject_id: each.id for each in facade.list_alerts()}
    book.true["low-mrr"].add("new")
    assert told(10) == [("new", "opened")]
    facade.assign(alert["b"], "ann@us.example", by="cy@us.example", moment=T0 + timedelta(days=10))
    facade.snooze(alert["c"], until=T0 + timedelta(days=12), by="cy@us.example", moment=T0 + timedelta(days=10))
    assert told(12) == [("c", "woken")]
    assert told(23) == []
    assert sorted(told(26)) == [("b", "renotified"), ("c", "renotified"), ("new", "renotified")]
    assert told(90) != []
    book.true["low-mrr"] = set()
    assert sorted(told(91)) == [("b", "closed"), ("c", "closed"), ("new", "closed")], "nobody knew of a"


def test_only_the_highest_stage_of_a_ladder_is_open(book: FakeBook, swept: Sweeping) -> None:
    stages = [rule(f"seats-{stage}", ladder="seats", stage=stage) for stage in (70, 90, 100)]

    def open_stages() -> list[str]:
        return sorted(alert.rule for alert in facade.list_alerts(AlertFilter(states=("open",))))

    book.true = {"seats-70": {"a"}, "seats-90": {"a"}, "seats-100": {"a"}}
    assert swept(*stages).opened == 1
    assert open_stages() == ["seats-100"]
    book.true = {"seats-70": {"a"}, "seats-90": {"a"}}
    swept(*stages, day=1)
    assert open_stages() == ["seats-90"]
    book.true = {"seats-70": {"a"}, "seats-90": {"a"}, "seats-100": {"a"}}
    swept(*stages, day=2)
    assert open_stages() == ["seats-100"]
    reasons = [alert.close_reason for alert in facade.list_alerts(AlertFilter(rules=("seats-90",)))]
    assert reasons == ["superseded"]
    book.unknown = {"seats-100": "no seats"}
    swept(*stages, day=3)
    assert open_stages() == ["seats-100"]


def test_all_or_nothing(book: FakeBook, swept: Sweeping) -> None:
    book.true = {"low-mrr": {"a"}}
    swept(LOW)
    sweeps = Sweep.objects.count()
    book.true = {"low-mrr": {"b"}}

    def fail(notices: object) -> None:
        raise RuntimeError("the outbox is full")

    with pytest.raises(RuntimeError):
        swept(LOW, day=1, on_transition=fail)
    assert states() == {"a": "open"}
    assert Sweep.objects.count() == sweeps


def test_the_number_of_queries_grows_by_the_batch_and_not_by_the_alert(book: FakeBook, swept: Sweeping) -> None:
    def queries(count: int, day: int) -> int:
        book.true = {"low-mrr": {f"d{day}-{n}" for n in range(count)}}
        with CaptureQueriesContext(connection) as captured:
            swept(rule(max_new=MaxNew(count=10_000)), day=day)
        return len(captured)

    swept(LOW)
    queries(2, 1)
    few = queries(2, 2)
    queries(200, 3)
    many = queries(200, 4)  # opens 200 and closes 200
    assert many - few < 400 / 10


def test_accounts_are_shown_as_the_sweep_saw_them(book: FakeBook, swept: Sweeping) -> None:
    book.true, book.mrr = {"low-mrr": {"a", "b"}}, {"a": 700.0}
    swept(LOW)
    book.mrr, book.gone = {"a": 900.0}, {"b"}
    swept(LOW, day=1)
    cards = {alert.account_id: alert.account for alert in facade.list_alerts()}
    a, b = cards["a"], cards["b"]
    assert a is not None
    assert b is not None
    assert (a.name, a.tier, a.mrr, a.as_of) == ("a Inc", "1", 900.0, T0 + timedelta(days=1))
    assert (b.name, b.as_of) == ("b Inc", T0)


def test_the_last_sweep_is_told(book: FakeBook, swept: Sweeping) -> None:
    assert facade.last_sweep() is None
    book.true, book.unknown = {"low-mrr": {"a"}}, {"other": "no such attribute"}
    report = swept(LOW, rule("other"))
    last = facade.last_sweep()
    assert last is not None
    assert last == report
