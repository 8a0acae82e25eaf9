"""Escalation: by unacknowledged time, on the wall or of working hours; the chain is that of the opening."""

from __future__ import annotations

from datetime import timedelta

from tests.delivery.conftest import ANN, MEG, OLGA, START, Town, rule
from tocsin.alerts import facade as alerts
from tocsin.core.rules import Escalation
from tocsin.delivery import facade as delivery


def opened(town: Town) -> str:
    """An alert of the rule that escalates, told to its owner."""
    town.open("renewal-risk", "A1")
    town.deliver()
    assert [mail.to for mail in town.post.take()] == [ANN]
    return str(town.alert("renewal-risk").id)


def test_step_by_step_while_nobody_takes_it(town: Town) -> None:
    alert_id = opened(town)
    town.after(hours=23.9)
    assert town.post.take() == []
    town.after(hours=0.2)
    [mail] = town.post.take()
    assert (mail.to, mail.told) == (MEG, [("renewal-risk", "escalated")])
    assert mail.message.items[0].reason == "nobody has taken it for 1 day"
    town.after(hours=48)
    assert [mail.to for mail in town.post.take()] == [OLGA]
    kinds = [(each.kind, each.by) for each in alerts.alert(alert_id).timeline]
    assert kinds.count(("escalated", "escalation")) == 2
    town.after(days=9)
    assert town.post.take() == []


def test_who_acknowledges_ends_it(town: Town) -> None:
    alerts.acknowledge(opened(town), by=ANN, moment=town.now)
    town.after(days=4)
    assert town.post.take() == []


def test_opened_again_it_counts_anew(town: Town) -> None:
    alert_id = opened(town)
    alerts.acknowledge(alert_id, by=ANN, moment=town.now)
    town.after(hours=30)
    alerts.reopen(alert_id, by=ANN, moment=town.now, on_transition=delivery.enqueue)
    town.after(hours=23.9)
    assert town.post.take() == []
    town.after(hours=0.2)
    assert [mail.to for mail in town.post.take()] == [MEG]


def test_a_snooze_puts_it_off(town: Town) -> None:
    alert_id = opened(town)
    alerts.snooze(alert_id, until=START + timedelta(days=3), by=ANN, moment=town.now)
    town.after(days=2)
    assert town.post.take() == []
    town.now = START + timedelta(days=3, minutes=1)
    town.sweep()
    town.deliver()
    assert [mail.told for mail in town.post.take()] == [[("renewal-risk", "woken")]]
    town.now = START + timedelta(days=4, minutes=1)
    town.deliver()
    assert [(mail.to, mail.told[0][1]) for mail in town.post.take()] == [(MEG, "escalated")]


def test_closed_it_ends(town: Town) -> None:
    opened(town)
    town.now += timedelta(hours=1)
    town.close("renewal-risk", "A1")
    town.after(hours=5)
    town.post.take()
    town.after(days=4)
    assert all(mail.message.kind == "digest" for mail in town.post.take())


def test_working_hours_where_the_route_says_so(town: Town) -> None:
    delivery.publish_plan("route: {escalation_clock: working-hours}", by=OLGA, moment=START)
    opened(town)  # at 8:00; work is from 9 to 18, so 24 hours of it end on Wednesday at 15:00
    town.after(days=2, hours=6.9)
    assert town.post.take() == []
    town.after(hours=0.2)
    [mail] = town.post.take()
    assert mail.message.items[0].reason == "nobody has taken it for 1 day of working time"


def test_the_chain_is_the_one_of_the_opening(town: Town) -> None:
    opened(town)
    town.publish(rule("renewal-risk", severity="high", escalate=(Escalation(timedelta(hours=1), ("user:olga@x.io",)),)))
    town.after(hours=2)
    town.sweep()
    town.deliver()
    assert town.post.take() == []
    town.after(hours=22.1)
    assert [mail.to for mail in town.post.take()] == [MEG]


def test_channels_that_were_told_learn_of_it(town: Town) -> None:
    delivery.publish_plan('route: {notify: ["channel:ops"]}', by=OLGA, moment=START)
    town.open("renewal-risk", "A1")
    town.deliver()
    town.post.take("ops")
    town.after(hours=24.1)
    assert [each.told for each in town.post.take("ops")] == [[("renewal-risk", "escalated")]]
