"""The outbox: claims, leases, attempts, dead letters, and that a later message never overtakes an earlier one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.delivery.conftest import ANN, OLGA, START, Town
from tocsin.core.errors import UserError
from tocsin.delivery import facade as delivery
from tocsin.delivery import outbox
from tocsin.delivery.channels import PermanentError, Receipt, SendError
from tocsin.delivery.models import Channel, Conversation, Delivery
from tocsin.delivery.outbox import BACKOFF, LEASE


def only(channel: str = "ops") -> Delivery:
    """The one delivery by a channel."""
    return Delivery.objects.get(channel=channel)


def crisis(town: Town) -> None:
    """An alert that also goes to the channel `ops`."""
    town.open("crisis", "A1")


def test_attempts_follow_the_schedule_and_then_it_is_dead(town: Town) -> None:
    town.post.failing["ops"] = SendError("503 from the receiver")
    crisis(town)
    town.deliver()
    waits = []
    while only().state == "due":
        following = only().next_at
        assert following is not None
        waits.append(following - town.now)
        town.now = following
        town.deliver()
    assert len(waits) == len(BACKOFF)
    for planned, waited in zip(BACKOFF, waits, strict=True):
        assert planned * 0.8 <= waited <= planned * 1.2
    row = only()
    assert (row.state, row.attempts, row.error) == ("dead", len(BACKOFF) + 1, "503 from the receiver")
    assert Channel.objects.get(name="ops").last_error == "503 from the receiver"
    assert only("email").state == "sent", "what fails holds nothing else up"


def test_operations_learn_of_a_dead_one_once(town: Town) -> None:
    town.post.failing["ops"] = PermanentError("404 from the receiver")
    crisis(town)
    town.open("crisis", "A2")
    town.deliver()
    mine = [each.message.headline for each in town.post.take("in-app") if each.to == OLGA]
    assert mine == ["Not delivered by ops to ops: 404 from the receiver"]


def test_a_receiver_that_asks_for_time_is_given_it(town: Town) -> None:
    town.post.failing["ops"] = SendError("429", retry_after=timedelta(hours=2))
    crisis(town)
    town.deliver()
    assert only().next_at == START + timedelta(hours=2)
    town.post.failing["ops"] = SendError("429", retry_after=timedelta(days=900))
    town.after(hours=2)
    assert only().next_at == START + timedelta(hours=26), "a day at most"


def test_a_permanent_error_ends_it_and_may_switch_the_channel_off(town: Town) -> None:
    town.post.failing["ops"] = PermanentError("410 Gone", disable=True)
    crisis(town)
    town.deliver()
    assert (only().state, only().attempts) == ("dead", 1)
    assert Channel.objects.get(name="ops").disabled_reason == "410 Gone"
    town.open("crisis", "A2")
    town.deliver()
    assert town.post.attempts.count("ops") == 1, "a channel that is off is not tried"
    assert {row.state for row in Delivery.objects.filter(channel="ops")} == {"dead"}


def test_a_dead_one_is_replayed_under_its_old_id(town: Town) -> None:
    town.post.failing["ops"] = PermanentError("400 from the receiver")
    crisis(town)
    town.deliver()
    dead = only()
    town.post.failing.clear()
    delivery.replay_delivery(str(dead.pk), by=OLGA, moment=town.now)
    town.deliver()
    [sent] = town.post.take("ops")
    assert sent.delivery_id == str(dead.pk)
    assert only().state == "sent"
    with pytest.raises(UserError, match="only one that was given up"):
        delivery.replay_delivery(str(dead.pk), by=OLGA, moment=town.now)
    with pytest.raises(UserError, match="there is no delivery"):
        delivery.replay_delivery("nonsense", by=OLGA, moment=town.now)


def test_all_dead_ones_of_a_channel_at_once(town: Town) -> None:
    town.post.failing["ops"] = PermanentError("400 from the receiver")
    town.open("crisis", "A1", "A2", "A3")
    town.deliver()
    town.post.failing.clear()
    assert delivery.replay_all("ops", by=OLGA, moment=town.now) == 3
    town.deliver()
    assert len(town.post.take("ops")) == 3


def test_only_one_of_two_claims_it(town: Town) -> None:
    crisis(town)
    from tocsin.delivery import planning

    planning.flush_due(town.now)
    [first] = [each for each in outbox.due(town.now, 10) if each == str(only().pk)]
    claimed = outbox.claim(first, "one", town.now)
    assert claimed is not None
    assert claimed.delivery_id == first
    assert outbox.claim(first, "two", town.now) is None
    assert outbox.claim(first, "two", town.now + LEASE) is None, "a lease holds to its end"
    taken_over = outbox.claim(first, "two", town.now + LEASE + timedelta(seconds=1))
    assert taken_over is not None
    assert not outbox.sent(claimed, Receipt(), "one", town.now), "who lost the lease records nothing"
    assert outbox.sent(taken_over, Receipt(), "two", town.now)
    assert (only().state, only().attempts) == ("sent", 2)


def test_a_lease_is_kept_while_it_is_renewed(town: Town) -> None:
    crisis(town)
    from tocsin.delivery import planning

    planning.flush_due(town.now)
    first = str(only().pk)
    assert outbox.claim(first, "one", town.now)
    outbox.renew([first], "one", town.now + LEASE / 2)
    assert outbox.claim(first, "two", town.now + LEASE * 1.2) is None


def test_a_later_message_waits_for_the_earlier_one_of_its_group(town: Town) -> None:
    town.post.failing["ops"] = SendError("503")
    crisis(town)
    town.deliver()
    town.now += timedelta(minutes=6)
    town.post.failing["ops"] = SendError("503")
    town.close("crisis", "A1")
    town.deliver()
    assert Delivery.objects.filter(channel="ops").count() == 2
    town.post.failing.clear()
    town.after(minutes=10)
    assert [each.told[0][1] for each in town.post.take("ops")] == ["opened", "closed"]


def test_what_a_channel_gave_back_is_there_for_the_next_message(town: Town) -> None:
    crisis(town)
    town.deliver()
    assert Conversation.objects.get(channel="email", target=ANN).receipt["number"] >= 1
    assert Conversation.objects.filter(channel="ops", target="").count() == 1


def test_what_breaks_in_a_channel_is_a_failure_like_any_other(town: Town) -> None:
    town.post.failing["ops"] = ZeroDivisionError("a slip in a channel")
    crisis(town)
    town.deliver()
    assert only().state == "due"
    assert only().error == "the channel failed unexpectedly (ZeroDivisionError)"


def test_the_ledger_says_who_was_told_and_how(town: Town) -> None:
    crisis(town)
    town.deliver()
    told = delivery.notices_of_alert(town.alert("crisis").id)
    assert [(each.target, each.state, [way.channel for way in each.deliveries]) for each in told] == [
        (ANN, "planned", ["email", "in-app"]),
        ("ops", "planned", ["ops"]),
    ]
    assert told[0].why == "CSM of the account"
    page = delivery.list_deliveries(states=("sent",), channel="ops")
    assert (page.total, page.by_state) == (1, {"sent": 1})
    assert delivery.unseen(ANN) == 1
    assert delivery.mark_seen(ANN, moment=town.now) == 1
    assert delivery.unseen(ANN) == 0
