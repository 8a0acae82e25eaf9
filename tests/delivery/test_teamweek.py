"""The week of a team, as a timeline: who leads is told on Mondays, at their hour, in their zone; once; and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from tests.delivery.conftest import ANN, BOB, MEG, OLGA, START, Sent, Town
from tests.delivery.test_timelines import prefer
from tocsin.alerts import facade as alerts
from tocsin.alerts.models import Episode
from tocsin.delivery import facade as delivery
from tocsin.delivery.channels import wording
from tocsin.delivery.channels.slack import blocks
from tocsin.delivery.message import Table
from tocsin.delivery.telling import from_json, to_json
from tocsin.health.facade import Fall
from tocsin.people import facade as people

MONDAY = START + timedelta(days=7)  # 9 March 2026, 8:00 in UTC: the hour of the digest
asked: list[datetime] = []


def falls(moment: datetime) -> Sequence[Fall]:
    """Whose health fell: of Ann's, of Bob's, and of somebody else's account."""
    asked.append(moment)
    return [
        Fall("A1", "Halden Freight", ANN, 82, 41, "Poor"),
        Fall("X9", "Elsewhere", "zoe@x.io", 90, 60, "Average"),
        Fall("A3", "Orsett Hotels", BOB, 71, 66, "Good"),
    ]


def week(town: Town, **after: float) -> list[Sent]:
    """Let time pass; who leads is told, and it is delivered."""
    town.now += timedelta(**after)
    delivery.tell_teams(town.now, falls, "https://tocsin.example.com")
    town.deliver()
    return [each for each in town.post.take() if each.message.kind == "team"]


@pytest.fixture
def led(town: Town) -> Town:
    """A worker has looked once, on the first Monday; nobody is told of a week that nobody knew."""
    asked.clear()
    assert week(town) == []
    return town


def table(sent: Sent, title: str) -> Table:
    [found] = [each for each in sent.message.tables if each.title == title]
    return found


def test_who_leads_is_told_on_monday_at_their_hour(led: Town) -> None:
    led.open("usage-drop", "A1")
    assert week(led, days=6, hours=23, minutes=59) == []
    assert asked == [], "nobody asks for scores before they are needed"
    [mail] = week(led, minutes=1)
    assert (mail.to, mail.at, mail.message.period) == (MEG, MONDAY, "week from Monday, 2 March to Sunday, 8 March")
    assert {each.to for each in led.post.take("in-app") if each.message.kind == "team"} == {MEG}
    assert week(led) == week(led, hours=5) == week(led, days=5) == [], "once a week"
    assert [mail.to for mail in week(led, days=2)] == [MEG]


@pytest.mark.parametrize(
    ("zone", "digest_at", "after"),
    [("Asia/Tokyo", 8 * 60, -9 * 60), ("America/New_York", 8 * 60, 4 * 60), ("UTC", 17 * 60 + 30, 570)],
)
def test_the_hour_is_the_leaders_own(led: Town, zone: str, digest_at: int, after: int) -> None:
    prefer(MEG, zone=zone, digest_at=digest_at)
    led.open("usage-drop", "A1")
    led.now = MONDAY + timedelta(minutes=after) - timedelta(seconds=1)
    assert week(led) == []
    [mail] = week(led, seconds=1)
    assert mail.to == MEG
    prefer(MEG, zone="Pacific/Honolulu", digest_at=digest_at + 5)
    assert week(led, days=1) == [], "another zone or hour tells no week twice"


def test_a_week_in_which_nothing_ran_is_made_up_for_once(led: Town) -> None:
    led.open("usage-drop", "A1")
    [late] = week(led, days=24)
    assert late.message.period == "week from Monday, 16 March to Sunday, 22 March"


def test_what_it_says(led: Town) -> None:
    prefer(ANN, daily_cap=1, digest="off")
    led.open("renewal-risk", "A1")
    led.open("no-login", "A3")
    led.now += timedelta(days=5)
    led.open("usage-drop", "A1")
    led.deliver()
    led.now += timedelta(hours=1)
    led.open("crisis", "A2")  # what is critical is told beyond the budget
    led.book.owners["A4"] = ANN
    led.open("no-login", "A4")
    led.now += timedelta(minutes=10)
    led.deliver()
    alerts.acknowledge(led.alert("no-login", "A3").id, by=BOB, moment=led.now)
    alerts.resolve(led.alert("crisis", "A2").id, by=ANN, outcome="false_alarm", moment=led.now)
    led.close("usage-drop", "A1")
    led.open("usage-drop", "A2")
    led.book.churned.add("A2")
    led.close("usage-drop", "A2")
    led.now = MONDAY
    [mail] = week(led)
    message = mail.message
    assert message.headline == "Your team's week: 3 alerts open, 1 not acknowledged for 3 days, 1 resolved"
    assert [(each.rule, each.account_id, each.why) for each in message.items] == [
        ("renewal-risk", "A1", "nobody has acknowledged it; it is Ann's")
    ]
    assert table(mail, "Open alerts, by how long").rows == (("High", "", "1", "2", "", "3"),)
    assert table(mail, "What became of alerts").rows == (
        ("False alarm", "1"), ("Cleared by itself", "1"), ("The customer or person is gone", "1"),
    )  # fmt: skip
    by_csm = table(mail, "By CSM")
    assert by_csm.head == ("CSM", "open", "waiting", "resolved", "over budget")
    assert by_csm.rows == (("Ann", "2", "1", "1", "1"), ("Bob", "1", "", "", ""))
    fell = table(mail, "Health that fell most")
    assert fell.rows == (("Halden Freight", "82", "41", "-41"), ("Orsett Hotels", "71", "66", "-5"))
    assert fell.lines[0][1] == "/accounts/A1/health/"
    told = wording.text(message)
    assert "High - 1 to 7 days: 1; 7 to 30 days: 2; all: 3" in told
    assert "Halden Freight - a week ago: 82; now: 41; points: -41" in told
    assert "Halden Freight - a week ago: 82" in str(blocks.blocks_of(message, message.items, buttons=True))
    assert from_json(to_json(message)) == message


def test_how_long_is_long_is_the_leaders_choice(led: Town) -> None:
    led.open("usage-drop", "A1")
    prefer(MEG, unacknowledged_days=8)
    [mail] = week(led, days=7)
    assert (mail.message.items, mail.message.headline) == ((), "Your team's week: 1 alert open")


def test_whom_one_leads(led: Town) -> None:
    people.create_user("sol@x.io", "Sol", "leader", moment=START)  # of no team: leads everybody
    people.create_user("pia@x.io", "Pia", "leader", team="South", moment=START)  # nobody else is of that team
    people.set_role(BOB, "viewer", by=OLGA, moment=START)
    people.set_active(BOB, False, by=OLGA, moment=START)
    week(led)
    led.open("usage-drop", "A1")
    led.open("no-login", "A3")
    assert {mail.to: mail.message.headline for mail in week(led, days=7)} == {
        MEG: "Your team's week: 1 alert open, 1 not acknowledged for 3 days",
        "sol@x.io": "Your team's week: 1 alert open, 1 not acknowledged for 3 days",
    }
    assert [delivery.leads_a_team(each) for each in (MEG, "sol@x.io", "pia@x.io", ANN, OLGA)] == [
        True,
        True,
        False,
        False,
        False,
    ]
    people.set_manager("North", ANN, by=OLGA, moment=led.now)
    people.set_role(MEG, "csm", by=OLGA, moment=led.now)
    assert delivery.leads_a_team(ANN), "whoever manages a team leads it, whatever their role"
    assert not delivery.leads_a_team(MEG)


def test_who_leads_without_the_role_is_not_told_how_colleagues_do(led: Town) -> None:
    people.set_manager("North", ANN, by=OLGA, moment=led.now)
    week(led)
    led.open("usage-drop", "A3")
    led.open("no-login", "A3")
    Episode.objects.filter(rule="no-login").update(subject_kind="csm", subject_id=BOB, account=None)
    told = {mail.to: mail.message.headline for mail in week(led, days=7)}
    assert (told[ANN], told[MEG]) == (
        "Your team's week: 1 alert open, 1 not acknowledged for 3 days",
        "Your team's week: 2 alerts open, 2 not acknowledged for 3 days",
    )


def test_switched_off_and_on_again(led: Town) -> None:
    led.open("usage-drop", "A1")
    prefer(MEG, team_digest="off")
    assert week(led, days=7) == []
    prefer(MEG, team_digest="weekly")
    assert week(led, days=2) == [], "not before the next Monday"
    assert len(week(led, days=5)) == 1


def test_a_week_in_which_nothing_was_is_not_told(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery.tell_teams(town.now, lambda _: [])
    town.now = MONDAY
    assert delivery.tell_teams(town.now, lambda _: []) == 0
    town.deliver()
    assert town.post.sent == []


def test_the_messages_at_once_are_not_spent_by_it(led: Town) -> None:
    prefer(MEG, weekly_budget=1, daily_cap=1)
    led.open("usage-drop", "A1")
    assert len(week(led, days=7)) == 1
    delivery.publish_plan('route: {only: true, notify: ["user:meg@x.io"]}', by=OLGA, moment=led.now)
    led.open("usage-drop", "A2")
    led.deliver()
    assert [mail.told for mail in led.post.take()] == [[("usage-drop", "opened")]]
