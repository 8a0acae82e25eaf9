"""The auditor notices when nothing moves, and puts right what it can."""

from __future__ import annotations

from datetime import timedelta

from tests.delivery.conftest import ANN, OLGA, START, Town
from tocsin.alerts import facade as alerts
from tocsin.delivery import facade as delivery
from tocsin.delivery import planning
from tocsin.delivery.models import Group, Heartbeat


def test_a_group_that_waits_without_a_time_is_given_one(town: Town) -> None:
    town.open("usage-drop", "A1")
    Group.objects.update(due_at=None)
    assert planning.flush_due(town.now) == 0
    assert delivery.audit(town.now).mended == 1
    town.deliver()
    assert len(town.post.take()) == 1


def test_an_alert_that_left_no_notice_is_told_late(town: Town) -> None:
    town.book.true = {"usage-drop": {"A1"}}
    alerts.sweep(town.book.book, town.now, on_transition=lambda _: None)
    town.after(minutes=5)
    town.after(minutes=5)
    [mail] = town.post.take()
    assert mail.to == ANN
    assert mail.message.items[0].reason == "noted late, by the auditor"


def test_what_is_told_of_already_is_left(town: Town) -> None:
    town.open("usage-drop", "A1")
    town.deliver()
    town.post.take()
    town.after(minutes=10)
    assert town.post.take() == []


def test_what_lies_due_is_found_and_told_to_operations(town: Town) -> None:
    town.open("crisis", "A1")
    planning.flush_due(town.now)
    town.now += timedelta(minutes=10)
    assert delivery.audit(town.now).stuck == 3
    from tocsin.delivery import auditor

    auditor.look(town.now, "a worker")
    town.now += timedelta(minutes=2)
    auditor.look(town.now, "a worker")
    town.deliver()
    mine = [each.message.headline for each in town.post.take("in-app") if each.to == OLGA]
    assert len([each for each in mine if each.startswith("Delivery is stuck")]) == 1


def test_the_loop_gives_a_sign_of_life(town: Town) -> None:
    town.deliver()
    assert Heartbeat.objects.get(name="deliver loop").at == START
    assert delivery.audit(START).loop_at == START
