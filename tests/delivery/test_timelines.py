"""Delivery as timelines: something happens at t, and this is expected then, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.delivery.conftest import ANN, BOB, MEG, OLGA, START, Town, rule
from tocsin.alerts import facade as alerts
from tocsin.delivery import facade as delivery
from tocsin.people import facade as people


def publish(text: str) -> None:
    """Put a routing plan in force."""
    delivery.publish_plan(text, by=OLGA, moment=START)


def prefer(email: str, **chosen: object) -> None:
    """Choose for a person."""
    delivery.choose_preferences(email, people.Preferences(**chosen), by=email, moment=START)  # type: ignore[arg-type]


def test_the_first_notice_of_a_group_goes_at_once(town: Town) -> None:
    town.open("usage-drop", "A1")
    town.deliver()
    [mail] = town.post.take()
    assert (mail.to, mail.told, mail.at) == (ANN, [("usage-drop", "opened")], START)
    [shown] = town.post.take("in-app")
    assert shown.to == ANN
    assert shown.delivery_id != mail.delivery_id


def test_one_message_for_all_that_opens_at_once_about_an_account(town: Town) -> None:
    town.book.true = {"usage-drop": {"A1", "A2"}, "no-login": {"A1"}}
    town.sweep()
    town.deliver()
    told = sorted((mail.told for mail in town.post.take()), key=len)
    assert told == [[("usage-drop", "opened")], [("no-login", "opened"), ("usage-drop", "opened")]]  # gravest first


def test_what_comes_soon_after_waits_for_the_interval(town: Town) -> None:
    town.open("usage-drop", "A1")
    town.deliver()
    town.post.take()
    town.now += timedelta(minutes=1)
    town.open("no-login", "A1")
    town.deliver()
    assert town.post.take() == []
    town.after(minutes=3.9)
    assert town.post.take() == []
    town.after(minutes=0.2)
    assert [mail.told for mail in town.post.take()] == [[("no-login", "opened")]]


def test_another_account_does_not_wait(town: Town) -> None:
    town.open("usage-drop", "A1")
    town.deliver()
    town.post.take()
    town.now += timedelta(minutes=1)
    town.open("usage-drop", "A2")
    town.deliver()
    assert len(town.post.take()) == 1


def test_what_is_over_within_the_wait_is_never_told(town: Town) -> None:
    publish("route: {group_wait: 10m}")
    town.open("usage-drop", "A1")
    town.after(minutes=5)
    town.close("usage-drop", "A1")
    town.after(minutes=10)
    town.after(days=2)
    assert town.post.sent == []
    assert town.states("usage-drop") == [("opened", ANN, "suppressed", "over before it was told")]


def test_that_it_is_over_comes_with_the_digest_and_to_channels_at_once(town: Town) -> None:
    town.open("crisis", "A1")
    town.deliver()
    assert len(town.post.take()) == 1
    assert [each.told for each in town.post.take("ops")] == [[("crisis", "opened")]]
    town.now += timedelta(hours=1)
    town.close("crisis", "A1")
    town.deliver()
    assert [each.told for each in town.post.take("ops")] == [[("crisis", "closed")]]
    assert town.post.take() == []
    town.after(days=1)
    [digest] = town.post.take()
    assert (digest.message.kind, digest.told) == ("digest", [("crisis", "closed")])


def test_the_same_sweep_twice_tells_once(town: Town) -> None:
    town.open("usage-drop", "A1")
    town.sweep()
    town.deliver()
    town.deliver()
    assert len(town.post.take()) == 1


def test_routes_copy_and_replace(town: Town) -> None:
    publish(
        """
        route:
          routes:
            - match: [severity = high]
              notify: [manager]
              continue: true
            - match: [rule = no-login]
              only: true
              notify: ["channel:ops"]
        """
    )
    town.open("no-login", "A1")
    town.deliver()
    assert {mail.to for mail in town.post.take()} == {ANN, MEG}
    assert len(town.post.take("ops")) == 1


def test_inhibition_keeps_it_back_until_it_stands_alone(town: Town) -> None:
    town.book.true = {"no-login": {"A1"}, "health-poor": {"A1"}}
    town.sweep()
    town.deliver()
    assert [mail.told for mail in town.post.take()] == [[("no-login", "opened")]]
    assert ("opened", ANN, "suppressed", "kept quiet by no-login") in town.states("health-poor")
    town.now += timedelta(hours=2)
    town.close("no-login", "A1")
    town.deliver()
    assert [mail.told for mail in town.post.take()] == [[("health-poor", "freed")]]


def test_a_silence_keeps_it_until_its_end(town: Town) -> None:
    delivery.create_silence(["account = A1"], until=START + timedelta(hours=3), reason="a fair", by=MEG, moment=START)
    town.open("usage-drop", "A1")
    town.after(hours=2.9)
    assert town.post.take() == []
    [(_, _, state, reason)] = town.states("usage-drop")
    assert (state, reason) == ("waiting", "silenced until 2026-03-02T11:00:00Z by meg@x.io: a fair")
    town.after(hours=0.2)
    assert [mail.told for mail in town.post.take()] == [[("usage-drop", "opened")]]


def test_a_silence_that_is_ended_lets_it_out_at_once(town: Town) -> None:
    made = delivery.create_silence(["account = A1"], until=START + timedelta(days=3), reason="a fair", by=MEG, moment=START)
    town.open("usage-drop", "A1")
    town.after(hours=1)
    delivery.end_silence(made.id, by=MEG, moment=town.now)
    town.deliver()
    assert len(town.post.take()) == 1


def test_what_is_over_when_its_silence_ends_is_not_told(town: Town) -> None:
    delivery.create_silence(["account = A1"], until=START + timedelta(hours=3), reason="a fair", by=MEG, moment=START)
    town.open("usage-drop", "A1")
    town.after(hours=1)
    town.close("usage-drop", "A1")
    town.after(days=2)
    assert town.post.take() == []


@pytest.mark.parametrize(
    ("zone", "opened", "told"),
    [
        ("UTC", 14, 23),  # 22:00, until 7:00
        ("America/New_York", 14, 14),  # 17:00 there
        ("Asia/Tokyo", 14, 14),  # 7:00 there, where the quiet ends
        ("Asia/Tokyo", 13, 14),
    ],
)
def test_quiet_hours_are_the_recipients_own(town: Town, zone: str, opened: int, told: int) -> None:
    prefer(ANN, zone=zone, quiet_from=22 * 60, quiet_to=7 * 60)
    town.now = START + timedelta(hours=opened)
    town.open("usage-drop", "A1")
    town.deliver()
    assert len(town.post.take()) == (opened == told)
    if opened != told:
        town.now = START + timedelta(hours=told) - timedelta(seconds=1)
        town.deliver()
        assert town.post.take() == []
        town.after(seconds=1)
        assert len(town.post.take()) == 1


def test_working_hours_and_holidays_of_the_recipient(town: Town) -> None:
    publish("route: {active_times: [working-hours]}")
    prefer(ANN, zone="Europe/Berlin", country="DE")
    town.now = START + timedelta(days=31, hours=10)  # Thursday, 2 April 2026, 20:00 there; then come Easter's days
    town.open("usage-drop", "A1")
    town.after(days=4)
    assert town.post.take() == []
    town.now = START + timedelta(days=35, hours=23)  # Tuesday, 7 April, 7:00 in UTC: 9:00 there
    town.deliver()
    assert len(town.post.take()) == 1


def test_who_is_away_is_stood_in_for(town: Town) -> None:
    away = people.AwayPeriod(START - timedelta(days=1), START + timedelta(days=7), BOB)
    people.add_away(ANN, away, by=ANN, moment=START)
    town.open("usage-drop", "A1")
    town.deliver()
    [mail] = town.post.take()
    assert mail.to == BOB
    assert mail.message.items[0].why == "stands in for Ann, who is away until 2026-03-09T08:00:00Z"


def test_an_account_without_a_csm_reaches_operations(town: Town) -> None:
    town.open("usage-drop", "A9")
    town.deliver()
    [mail] = town.post.take()
    assert mail.to == OLGA
    assert "the account has no CSM" in mail.message.items[0].why


def test_a_channel_that_there_is_not_does_not_lose_it(town: Town) -> None:
    publish('route: {only: true, notify: ["channel:gone"]}')
    town.open("usage-drop", "A1")
    town.deliver()
    assert [mail.to for mail in town.post.take()] == [OLGA]


def test_repeats_while_it_is_open_and_no_longer(town: Town) -> None:
    publish("route: {repeat_interval: 1d}")
    town.open("usage-drop", "A1")
    town.deliver()
    town.post.take()
    town.after(hours=23.9)
    assert town.post.take() == []
    town.after(hours=0.2)
    assert [mail.told for mail in town.post.take()] == [[("usage-drop", "renotified")]]
    alerts.acknowledge(town.alert("usage-drop").id, by=ANN, moment=town.now)
    town.after(days=3)
    assert town.post.take() == []


def test_what_was_acknowledged_before_it_was_told_is_not_told(town: Town) -> None:
    prefer(ANN, quiet_from=8 * 60, quiet_to=12 * 60)
    town.open("usage-drop", "A1")
    town.deliver()
    alerts.acknowledge(town.alert("usage-drop").id, by=BOB, moment=town.now)
    town.after(hours=5)
    assert town.post.take() == []
    assert town.states("usage-drop") == [("opened", ANN, "suppressed", f"{BOB} has it")]


def test_the_budget_of_a_week_and_what_exceeds_it(town: Town) -> None:
    prefer(ANN, weekly_budget=3, daily_cap=2, digest_at=18 * 60)
    town.book.owners |= {f"B{n}": ANN for n in range(8)}
    for number in range(4):
        town.open("usage-drop", f"B{number}")
        town.deliver()
    assert len(town.post.take()) == 2, "the day's cap"
    town.open("crisis", "B7")
    town.deliver()
    assert [mail.told for mail in town.post.take()] == [[("crisis", "opened")]], "what is critical always goes out"
    town.after(hours=11)
    [digest] = town.post.take()
    assert digest.message.kind == "digest"
    assert digest.message.over_budget == 2
    assert [each.account_id for each in digest.message.items] == ["B3", "B2"] or len(digest.message.items) == 2
    town.now = START + timedelta(days=1)
    town.open("usage-drop", "B5")
    town.deliver()
    assert town.post.take() == [], "the week's three are spent, the critical one among them"
    town.now = START + timedelta(days=7)
    town.open("usage-drop", "B6")
    town.deliver()
    assert town.post.take() != [], "a new week"


def test_within_one_sweep_the_gravest_go_first(town: Town) -> None:
    prefer(ANN, daily_cap=1)
    town.book.true = {"usage-drop": {"A1"}, "no-login": {"A2"}}
    town.sweep()
    town.deliver()
    assert [mail.told for mail in town.post.take()] == [[("no-login", "opened")]]


def test_weekly_digests_come_on_monday_and_off_means_none(town: Town) -> None:
    prefer(ANN, least_severity="critical", digest="weekly", digest_at=9 * 60)
    prefer(BOB, least_severity="critical", digest="off")
    town.now = START + timedelta(days=1)
    town.book.true = {"usage-drop": {"A1", "A3"}}
    town.sweep()
    town.after(days=5)
    assert town.post.take() == []
    town.now = START + timedelta(days=7, hours=1)
    town.deliver()
    [digest] = town.post.take()
    assert (digest.to, digest.message.period) == (ANN, "Monday, 9 March")
    [(_, target, state, reason)] = town.states("usage-drop", "A3")
    assert (target, state) == (BOB, "suppressed")
    assert reason.endswith("this person wants no digest")


def test_a_message_tells_the_latest_of_each_alert(town: Town) -> None:
    prefer(ANN, quiet_from=8 * 60, quiet_to=12 * 60)
    town.publish(rule("reminded", notify=("owner", "channel:ops"), renotify=timedelta(hours=1)))
    town.open("reminded", "A1")
    town.after(hours=2)
    town.sweep()
    town.after(hours=3)
    assert [mail.told for mail in town.post.take()] == [[("reminded", "renotified")]]
    assert [each.told[0][1] for each in town.post.take("ops")] == ["opened", "renotified"]
