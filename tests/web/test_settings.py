"""The settings: what each role sees and does, what is kept, and how a mistake is told."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from tests.web.conftest import NOW, SignedIn
from tocsin import workspace
from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import Alert
from tocsin.delivery import facade as delivery
from tocsin.delivery.models import Delivery
from tocsin.health import facade as health
from tocsin.health.facade import Fall
from tocsin.people import facade as people

PARTS = ("", "people/", "routing/", "channels/", "deliveries/", "keys/", "audit/")
SEEN = {
    "admin": PARTS,
    "operations": ("", "people/", "routing/", "channels/", "deliveries/", "audit/"),
    "leader": ("", "people/", "routing/"),
    "csm": ("",),
    "viewer": ("",),
}
CHOSEN = {
    "act": "choose", "zone": "Europe/Berlin", "work_days": ["0", "1"], "work_from": "08:30", "work_to": "17:00",
    "quiet_from": "20:00", "quiet_to": "07:00", "country": "de", "channels": ["email"], "weekly_budget": "7", "daily_cap": "2",
    "digest": "weekly", "digest_at": "09:15", "least_severity": "high",
}  # fmt: skip


@pytest.fixture
def of_role(signed_in: SignedIn) -> SignedIn:
    """A client signed in as somebody of that role."""

    def client(role: str) -> Client:
        if people.person(f"{role}er@quill.example") is None:
            people.create_user(f"{role}er@quill.example", f"The {role}", role, moment=NOW)
        return signed_in(f"{role}er")

    return client


@pytest.mark.parametrize("role", list(SEEN))
@pytest.mark.parametrize("part", PARTS)
def test_who_sees_what(of_role: SignedIn, role: str, part: str) -> None:
    expected = 200 if part in SEEN[role] else 403
    assert of_role(role).get(f"/settings/{part}").status_code == expected
    assert Client().get(f"/settings/{part}").status_code == 302


@pytest.mark.parametrize("role", ["leader", "csm", "viewer"])
@pytest.mark.parametrize(
    ("part", "act"),
    [("people/", "create"), ("people/", "hand-over"), ("routing/", "publish"), ("channels/", "create"), ("keys/", "create")],
)
def test_who_may_not_do_what(of_role: SignedIn, role: str, part: str, act: str) -> None:
    refused = of_role(role).post(f"/settings/{part}", {"act": act, "source": "route: {}"})
    assert refused.status_code == 403 or (act == "publish" and refused.status_code == 422)
    assert delivery.current_plan().version == 0


def test_ones_own_settings_are_kept(signed_in: SignedIn) -> None:
    assert signed_in("maya").post("/settings/", CHOSEN).status_code == 302
    kept = people.directory()["maya@quill.example"].preferences
    assert kept == people.Preferences(
        "Europe/Berlin", (0, 1), 510, 1020, 1200, 420, "DE", ("email",), 7, 2, "weekly", 555, "high"
    )


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("zone", "Mars/Base", "unknown time zone"),
        ("work_to", "08:00", "working hours begin before they end"),
        ("quiet_to", "", "quiet hours need both"),
        ("country", "XX", "no public holidays are known"),
        ("daily_cap", "many", "is a whole number"),
        ("digest_at", "noon", "is a time such as 09:00"),
        ("digest", "hourly", "unknown digest"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_kept(signed_in: SignedIn, field: str, value: str, said: str) -> None:
    answer = signed_in("maya").post("/settings/", {**CHOSEN, field: value})
    assert answer.status_code == 422
    assert said in answer.content.decode().lower()
    assert people.directory()["maya@quill.example"].preferences == people.Preferences()
    page = answer.content.decode()
    for typed in {"country": CHOSEN["country"], "quiet_from": CHOSEN["quiet_from"], "weekly_budget": "7", field: value}.items():
        assert f'name="{typed[0]}"' in page
        shown = re.search(rf'name="{typed[0]}"[^>]* value="([^"]*)"', page)
        assert shown is None or shown[1] == typed[1], "what was typed stays, to be mended"


def test_who_unticks_everything_is_told_in_the_product_alone(signed_in: SignedIn) -> None:
    client = signed_in("maya")
    client.post("/settings/", {**CHOSEN, "channels": []})
    assert people.directory()["maya@quill.example"].preferences.channels == ("in-app",)
    assert 'value="email" checked' not in client.get("/settings/").content.decode()
    refused = client.post("/settings/", {**CHOSEN, "channels": ["email", "slak"]})
    assert "There is no channel &#x27;slak&#x27; that reaches people; there are email, in-app." in refused.content.decode()


def test_one_is_away_by_ones_own_days(signed_in: SignedIn) -> None:
    client = signed_in("maya")
    client.post("/settings/", {**CHOSEN, "zone": "Asia/Tokyo"})
    client.post("/settings/", {"act": "away", "from": "2026-03-16", "until": "2026-03-20", "stand_in": "nils@quill.example"})
    [period] = people.directory()["maya@quill.example"].away
    assert (period.begins_at.isoformat(), period.ends_at.isoformat()) == (
        "2026-03-15T15:00:00+00:00", "2026-03-20T15:00:00+00:00",
    )  # fmt: skip
    page = client.get("/settings/").content.decode()
    assert "<td>16 Mar 2026</td><td>20 Mar 2026</td><td>Nils Lind</td>" in page
    audit = signed_in("ada").get("/settings/audit/").content.decode()
    assert "quiet_from 20:00" in audit
    assert "work_days mon tue" in audit


def test_being_away(signed_in: SignedIn) -> None:
    client = signed_in("maya")
    client.post("/settings/", {"act": "away", "from": "2026-03-16", "until": "2026-03-20", "stand_in": "nils@quill.example"})
    [period] = people.directory()["maya@quill.example"].away
    assert period.ends_at - period.begins_at == timedelta(days=5)
    assert "nils@quill.example" in client.get("/settings/").content.decode()
    client.post("/settings/", {"act": "back", "begins": period.begins_at.isoformat()})
    assert people.directory()["maya@quill.example"].away == ()


def test_people_are_changed_and_alerts_handed_over(signed_in: SignedIn, swept: dict[tuple[str, str], Alert]) -> None:
    client = signed_in("ada")
    client.post(
        "/settings/people/",
        {"act": "change", "email": "nils@quill.example", "role": "leader", "team": "South", "active": "yes"},
    )
    nils = people.directory()["nils@quill.example"]
    assert (nils.role, nils.team) == ("leader", "South")
    client.post(
        "/settings/people/", {"act": "hand-over", "from": "maya@quill.example", "to": "nils@quill.example", "note": "leave"}
    )
    mine = alerts.list_alerts(alerts.AlertFilter(owner="nils@quill.example"))
    assert {each.assignee for each in mine if each.account and each.account.owner == "maya@quill.example"} == {
        "nils@quill.example"
    }
    last = client.post("/settings/people/", {"act": "change", "email": "ada@quill.example", "role": "csm", "active": "yes"})
    assert "last administrator" in last.content.decode()
    made = client.post(
        "/settings/people/", {"act": "create", "email": "new@quill.example", "name": "New", "role": "csm"}, follow=True
    )
    assert "/set-password/" in made.content.decode()


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_operations_change_nothing_of_an_administrator(of_role: SignedIn, role: str) -> None:
    people.create_user("second@quill.example", "Second", "admin", moment=NOW)  # so that none of them is the last
    for form in (
        {"act": "change", "email": "second@quill.example", "role": role, "team": "South", "active": "no"},
        {"act": "create", "email": "second@quill.example", "name": "Mine", "role": "viewer"},
    ):
        refused = of_role("operations").post("/settings/people/", form)
        assert refused.status_code == 422
        assert "/set-password/" not in refused.content.decode()
    kept = people.directory()["second@quill.example"]
    assert (kept.name, kept.role, kept.team, kept.active) == ("Second", "admin", "", True)
    ones = {"act": "change", "email": "nils@quill.example", "role": "leader", "team": "South", "active": "no"}
    assert of_role("operations").post("/settings/people/", ones).status_code == 302, "others they do change"


def test_the_plan_is_published_or_its_mistakes_told(signed_in: SignedIn) -> None:
    client = signed_in("ada")
    wrong = client.post("/settings/routing/", {"act": "publish", "source": "route: {notify: [everyone]}"})
    assert (wrong.status_code, "unknown target" in wrong.content.decode()) == (422, True)
    assert "notify: [everyone]" in wrong.content.decode(), "what was typed is kept"
    client.post("/settings/routing/", {"act": "publish", "source": "route: {group_wait: 5m}\r\n", "note": "calmer"})
    assert delivery.current_plan().source == "route: {group_wait: 5m}\n"
    client.post(
        "/settings/routing/", {"act": "silence", "matchers": "account = halden", "until": "2026-03-20", "reason": "a fair"}
    )
    [silence] = delivery.list_silences(NOW)
    client.post("/settings/routing/", {"act": "end", "id": silence.id})
    assert delivery.list_silences(NOW) == []


def test_keys_and_channels(signed_in: SignedIn) -> None:
    client = signed_in("ada")
    made = client.post("/settings/keys/", {"act": "create", "name": "site", "kind": "api", "scopes": ["read"]}, follow=True)
    assert "ta_" in made.content.decode()
    assert "ta_" not in client.get("/settings/keys/").content.decode()
    refused = client.post("/settings/channels/", {"act": "create", "kind": "webhook", "name": "x", "url": "http://10.0.0.1/"})
    assert (refused.status_code, "private address" in refused.content.decode()) == (422, True)
    audit = client.get("/settings/audit/").content.decode()
    assert "key made" in audit


def test_the_week_of_a_team_is_read_in_the_product(of_role: SignedIn, swept: dict[tuple[str, str], Alert]) -> None:
    lea = of_role("leader")  # of no team, so that she leads everybody
    delivery.tell_teams(NOW - timedelta(days=7), lambda _: [])
    assert delivery.tell_teams(NOW, lambda _: [Fall("halden", "Halden <i>", "maya@quill.example", 80, 40, "Poor")]) == 1
    Delivery.objects.update(state="sent")
    page = lea.get("/messages/").content.decode()
    for said in ("Your team&#x27;s week: ", "Open alerts, by how long", "By CSM", "Maya Lind", "Halden &lt;i&gt;", "-40"):
        assert said in page, said
    assert 'href="/accounts/halden/health/"' in page
    mine = lea.get("/settings/").content.decode()
    assert 'name="team_digest"' in mine
    lea.post("/settings/", {**CHOSEN, "team_digest": "off", "unacknowledged_days": "5"})
    kept = people.directory()["leaderer@quill.example"].preferences
    assert (kept.team_digest, kept.unacknowledged_days) == ("off", 5)
    assert 'name="team_digest"' not in of_role("csm").get("/settings/").content.decode()


def test_the_audit_has_everything_that_people_did(of_role: SignedIn, here: workspace.Workspace) -> None:
    health.set_override(here.book(), "halden", score=40, reason="gut", until=NOW + timedelta(days=9), by="lea", moment=NOW)
    silence = delivery.create_silence(["tier = 1"], until=NOW + timedelta(days=1), reason="a fair", by="lea", moment=NOW)
    delivery.end_silence(silence.id, by="opal", moment=NOW)
    given_up = Delivery.objects.create(
        flush="00000000-0000-4000-8000-000000000001", kind="test", channel="email", target_kind="person", target="x@x.io",
        message={}, headline="", state="dead", created_at=NOW,
    )  # fmt: skip
    delivery.replay_delivery(str(given_up.pk), by="opal", moment=NOW)
    people.set_team("nils@quill.example", "South", by="opal", moment=NOW)
    page = of_role("operations").get("/settings/audit/").content.decode()
    for said in (
        "overrode",
        "health of halden",
        "silence tier = 1",
        "a fair",
        "sent after all",
        "message by email to x@x.io",
        "South",
    ):
        assert said in page, said
    health.lift_override(here.book(), "halden", by="lea", moment=NOW)  # the facts are those of all tests


def test_alerts_are_assigned_commented_and_acted_on_together(signed_in: SignedIn, swept: dict[tuple[str, str], Alert]) -> None:
    client, alert = signed_in("maya"), swept["halden", "usage-drop"]
    client.post(f"/alerts/{alert.id}/assign/", {"to": "nils@quill.example", "note": "yours?"})
    client.post(f"/alerts/{alert.id}/comment/", {"text": "called <them>"})
    page = client.get(f"/alerts/{alert.id}/?whose=all").content.decode()
    assert "assigned to Nils Lind" in page
    assert "called &lt;them&gt;" in page
    assert "Who was told" in page
    ids = [each.id for each in swept.values()][:3]
    client.post("/alerts/many/", {"ids": ids, "act": "acknowledge"})
    assert {each.state for each in alerts.alerts_by_id(ids).values()} == {"acknowledged"}
    client.post("/alerts/many/", {"ids": ids, "act": "assign", "to": "nils@quill.example", "note": "yours"})
    assert {each.assignee for each in alerts.alerts_by_id(ids).values()} == {"nils@quill.example"}
    client.post("/alerts/many/", {"ids": ids, "act": "snooze", "until": "2030-01-07", "note": "after the audit"})
    assert {each.state for each in alerts.alerts_by_id(ids).values()} == {"snoozed"}
    assert "until 2030-01-0" in alerts.alert(ids[0]).timeline[-1].reason
    dayless = client.post("/alerts/many/", {"ids": ids, "act": "snooze"}, follow=True)
    assert "choose the day until which to stay silent" in dayless.content.decode()
    client.post("/alerts/many/", {"ids": ids, "act": "reopen"})
    assert {each.state for each in alerts.alerts_by_id(ids).values()} == {"open"}
    client.post("/alerts/many/", {"ids": ids, "act": "resolve", "outcome": "useful"})
    assert {(each.state, each.outcome) for each in alerts.alerts_by_id(ids).values()} == {("closed", "useful")}
    nothing = client.post("/alerts/many/", {"ids": ids, "act": "acknowledge"}, follow=True)
    assert "Nothing was done" in nothing.content.decode()
    too_many = client.post("/alerts/many/", {"ids": list(range(1, 300)), "act": "acknowledge"}, follow=True)
    assert "more than 200 at once" in too_many.content.decode()
    assert signed_in("vic").post("/alerts/many/", {"ids": ids, "act": "resolve"}).status_code == 403
