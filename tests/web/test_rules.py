"""The rules and one rule: how each stands, what it says in words, whom it finds, what it would have said; and reviewing."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.web.conftest import HOSTILE, NOW, SignedIn
from tests.web.test_inbox import Swept, text_of
from tocsin.alerts import facade as alerts
from tocsin.alerts.models import AccountSnapshot, AuditEntry, Episode, RuleVersion
from tocsin.core.rulefiles import read_rules
from tocsin.web import rulefacts
from tocsin.web.background import Background
from tocsin.workspace import Workspace

MORE = """
- id: page-read
  name: Reads a page
  category: upsell
  trigger: {event: name = 'Opened plan' and kind = 'feature'}
  when: mrr > $least
  with: {least: 1000}
  collapse: 7d
  severity: low
  message: "{{ account.name }} opened a plan. Ask how it goes."
  state: shadow
- id: renewal-steps
  name: Renewal ahead
  category: renewal
  trigger: {countdown: renews_on, steps: [90, 30, 7], overdue: true}
  message: "{{ account.name }} renews on {{ account.renews_on }}."
- id: quiet-shadow
  name: Quiet for long
  category: safety
  where: tier in (1, 2)
  when: days_since_touchpoint > $days or mrr < 10
  with: {days: 30d}
  vary:
    - {where: tier = 1, with: {days: 20d}}
  clear: days_since_touchpoint < 5
  cooldown: 7d
  message: "{{ account.name }} hears nothing. Call."
  notify: [owner, "channel:alerts", "team:North"]
  escalate: [{after: 48h, notify: [manager]}]
  inhibited_by: [usage-drop, renewal-quiet]
  needs: {touchpoints: 10d}
  max_new: 7
  playbook: say-hello
  state: shadow
- id: never-there
  name: In onboarding
  category: onboarding
  when: lifecycle_stage = 'Kick-off'
  state: shadow
- id: choose
  name: Choose one
  category: onboarding
  when: $name_of != '' and count(events where name = $name_of) > 1
  with: {name_of: ''}
  state: off
- {id: seats-half, name: Half full, category: upsell, when: license_utilization >= 50%, ladder: seats, stage: 50}
- {id: seats-brim, name: Brimful, category: upsell, when: license_utilization >= 100%, ladder: seats, stage: 100, state: shadow}
- id: csm-busy
  name: Busy colleagues
  category: portfolio
  subject: csm
  when: count(accounts) >= 1
  message: "{{ csm.email }} is busy."
"""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> Background:
    """What is made beside a page is waited for, however slow the machine is."""
    made = Background(patience=60)
    monkeypatch.setattr(rulefacts, "beside", made)
    return made


@pytest.fixture
def watching(here: Workspace, swept: Swept) -> Workspace:
    """More rules of every kind, published a week ago and swept."""
    definitions, problems = read_rules([("more.yaml", MORE)], known=alerts.definitions())
    assert not problems
    alerts.publish_rules(definitions, by="maya@quill.example", moment=NOW - timedelta(days=7))
    alerts.sweep(here.book(), NOW - timedelta(minutes=20))
    return here


def part_of(client: Client, address: str, target: str = "") -> str:
    """What htmx gets."""
    answer = client.get(address, headers={"HX-Request": "true", "HX-Target": target})
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "<html" not in text
    return text


def row(page: str, rule_id: str) -> str:
    """The row of a rule in the list, without the marks."""
    found = next(each for each in page.split("<tr") if f'href="/rules/{rule_id}/"' in each)
    return words_of(found.partition(">")[2])


def words_of(markup: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup)).strip()


def shown(page: str) -> list[str]:
    return re.findall(r'class="rule-name" href="/rules/([^/]+)/"', page)


# The list


def test_the_list_says_how_each_rule_stands(signed_in: SignedIn, watching: Workspace) -> None:
    page = part_of(signed_in("vic"), "/rules/", "rules")
    assert "hx-get" not in page.partition("rule-bar")[0], "it has everything and asks for nothing more"
    assert row(page, "usage-drop") == "Usage drops usage-drop On Condition 1 0 1 1 of 5 Ready 08:52"
    assert row(page, "quiet-shadow") == "Quiet for long quiet-shadow Shadow Condition 0 0 replay 2 of 4 Ready 08:52"
    assert row(page, "page-read").startswith("Reads a page page-read Shadow Event 0 0 replay – Ready –")
    assert "Countdown" in row(page, "renewal-steps")
    assert "Condition, CSM" in row(page, "csm-busy")
    assert row(page, "choose").startswith(
        "Choose one choose Needs a choice Off Condition 0 0 replay – Needs a choice name_of is empty"
    )
    missing = "lifecycle_stage has no &#x27;Kick-off&#x27;; it has &#x27;Adoption&#x27; (2)"
    assert missing in page
    assert 'href="/alerts/?whose=all&amp;rule=usage-drop"' in page
    assert 'href="/rules/quiet-shadow/?days=30#replay"' in page
    assert re.sub(r"<[^>]+>", "", re.findall(r'role="status">(.*?)</p>', page)[0]) == "1 rule that watches cannot speak"


def test_the_list_comes_before_the_facts_are_asked(
    signed_in: SignedIn, watching: Workspace, patient: Background, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = threading.Event()
    monkeypatch.setattr(rulefacts, "readiness", lambda *_: stuck.wait(60))
    client = signed_in("vic")
    page = text_of(client, "/rules/")
    assert 'hx-get="/rules/?"' in page
    assert len(shown(page)) == 12
    waiting = text_of(client, "/rules/?readiness=silent")
    assert shown(waiting) == []
    assert "Looking whether they can speak" in waiting
    stuck.set()
    assert patient.finish(60)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?state=off", {"choose"}),
        ("?state=draft", set()),
        ("?category=safety", {"touchpoint-gap", "quiet-shadow"}),
        ("?category=safety&state=shadow", {"quiet-shadow"}),
        ("?readiness=needs-a-choice", {"choose"}),
        ("?readiness=matches-nobody", {"never-there"}),
        ("?readiness=silent", {"never-there", "choose"}),
        ("?readiness=ready&category=onboarding", set()),
        ("?readiness=nonsense&state=nonsense&category=nonsense", None),
    ],
)
def test_filters_of_rules_live_in_the_address(
    signed_in: SignedIn, watching: Workspace, query: str, expected: set[str] | None
) -> None:
    page = part_of(signed_in("vic"), f"/rules/{query}", "rules")
    assert set(shown(page)) == expected if expected is not None else len(shown(page)) == 12
    if expected == set():
        assert "No rule fits these filters" in page
    counts = dict(re.findall(r'href="/rules/\?[^"]*"[^>]*>(\w+) <span class="num">(\d+)</span>', page))
    if query == "?category=safety":
        assert counts == {"All": "2", "On": "1", "Shadow": "1", "Off": "0", "Draft": "0"}


def test_what_can_be_filtered_is_counted(signed_in: SignedIn, watching: Workspace) -> None:
    page = part_of(signed_in("vic"), "/rules/?state=shadow", "rules")
    menu = re.findall(r'class="item" href="([^"]+)"[^>]*>([^<]+)<span class="num">(\d+)', page)
    assert ("/rules/?state=shadow&amp;readiness=silent", "Cannot speak", "1") in menu
    assert ("/rules/?state=shadow&amp;category=upsell", "Upsell", "2") in menu


def test_drafts_stand_beside_what_is_in_force(signed_in: SignedIn, watching: Workspace) -> None:
    text = MORE.replace("tier in (1, 2)", "tier = 1") + "- {id: idea, name: An idea, category: risk, when: mrr > 5}\n"
    definitions, _ = read_rules([("more.yaml", text)], known=alerts.definitions())
    alerts.publish_rules(definitions, by="ada@quill.example", moment=NOW - timedelta(hours=1), draft=True)
    client = signed_in("ada")
    page = part_of(client, "/rules/", "rules")
    assert "draft of version 2" in row(page, "quiet-shadow")
    assert row(page, "idea").startswith("An idea idea Draft Condition 0 0 replay – – –")
    one = text_of(client, "/rules/idea/")
    assert "Ready: it has everything that it asks for." in one
    assert "5 of 5, as of" in part_of(client, "/rules/idea/matches/")
    changed = text_of(client, "/rules/quiet-shadow/")
    assert '<span class="del">-  where: tier in (1, 2)</span>' in changed
    assert '<span class="ins">+  where: tier = 1</span>' in changed
    assert "by Ada Admin" in changed


def test_without_rules_the_list_says_what_to_do(signed_in: SignedIn, here: Workspace) -> None:

    RuleVersion.objects.all().delete()
    page = text_of(signed_in("vic"), "/rules/")
    assert "No rules yet" in page
    assert "tocsin rules apply PATH" in page


# One rule


def test_a_rule_reads_in_plain_english(signed_in: SignedIn, watching: Workspace) -> None:
    page = text_of(signed_in("vic"), "/rules/quiet-shadow/")
    for said in (
        "Every account where tier is one of 1, 2",
        "<li>days since the last touchpoint is above 30 days</li>",
        "<li>MRR is below 10</li>",
        "It stays open until days since the last touchpoint is below 5.",
        "After closing it is silent for 7 days.",
        "The owner of the account, the channel alerts and the team North",
        "The owner&#x27;s manager, where nobody has acknowledged it after 2 days",
        "The plan is the playbook say-hello",
        "It says nothing while touchpoints are older than 10 days",
        "More than 7 that would open in one sweep are held for review",
        "by maya@quill.example",
        "Published by Maya Lind. The first that is kept.",
        "where: tier in (1, 2)",
    ):
        assert said in page, said
    assert re.findall(r"<th scope=\"col\">([^<]*)</th>", page.partition('id="h-params"')[2])[:3] == [
        "Parameter",
        "Tier is 1",
        "Everybody else",
    ]
    assert '<th scope="row"><code>$days</code></th><td>20 days</td><td>30 days</td>' in page


@pytest.mark.parametrize(
    ("rule_id", "said"),
    [
        ("page-read", "An event where all of these"),
        ("page-read", "<li>name is &#x27;Opened plan&#x27;</li>"),
        ("page-read", "MRR is above 1,000"),
        ("page-read", "Repeats within 7 days are counted in one alert."),
        ("page-read", "It closes by itself after 14 days."),
        ("renewal-steps", "90, 30 and 7 days before the renewal date, and when it has passed"),
        ("csm-busy", "Every CSM"),
        ("choose", "<p>More than 1 event with name $name_of</p>"),
        ("usage-drop", "The owner of the account"),
    ],
)  # fmt: skip
def test_every_trigger_has_its_words(signed_in: SignedIn, watching: Workspace, rule_id: str, said: str) -> None:
    assert said in text_of(signed_in("ada"), f"/rules/{rule_id}/")


def test_who_silences_whom_and_the_ladder(signed_in: SignedIn, watching: Workspace) -> None:
    client = signed_in("vic")
    page = text_of(client, "/rules/quiet-shadow/")
    tree = page.partition('id="h-quiet"')[2].partition("</section>")[0]
    assert re.findall(r'href="/rules/([^/]+)/"', tree) == ["usage-drop", "renewal-quiet"]
    assert "1 open" in tree
    other = text_of(client, "/rules/usage-drop/").partition('id="h-quiet"')[2].partition("</section>")[0]
    assert "No rule. Each of its alerts speaks for itself." in other
    assert "1 rule that is not on" in other
    ladder = text_of(client, "/rules/seats-half/").partition('id="h-ladder"')[2].partition("</section>")[0]
    assert words_of(ladder.partition("<ol")[2].partition(">")[2]) == "100 Brimful shadow 50 Half full 1 open"


def test_a_rule_that_is_on_lists_its_alerts(signed_in: SignedIn, watching: Workspace, swept: Swept) -> None:
    page = text_of(signed_in("vic"), "/rules/usage-drop/")
    part = page.partition('id="h-matches"')[2].partition("</section>")[0]
    assert "1 alert" in part
    for said in ("Halden Freight", "Maya Lind", "Uses the product less than it did", "−76 %", "at most −30 %", "$12,400"):
        assert said in part, said
    assert f'href="/alerts/{swept["halden", "usage-drop"].id}/"' in part


def test_a_rule_in_shadow_is_judged_on_request(signed_in: SignedIn, watching: Workspace) -> None:
    client = signed_in("vic")
    page = text_of(client, "/rules/quiet-shadow/")
    assert 'hx-get="/rules/quiet-shadow/matches/"' in page
    part = part_of(client, "/rules/quiet-shadow/matches/")
    assert "2 of 4, as of 09:12; the rule is in shadow and tells nobody" in re.sub(r"<[^>]+>", "", part)
    assert part.index("Halden Freight") < part.index("&lt;script&gt;"), "the largest account first"
    assert "25 d" in part
    assert "above 20 d" in part
    assert HOSTILE not in part
    whole = text_of(client, "/rules/quiet-shadow/matches/")
    assert "<html" in whole
    assert "Halden Freight" in whole
    assert "Nobody matches now" in part_of(client, "/rules/never-there/matches/")
    assert client.get("/rules/page-read/matches/").status_code == 404, "an event matches nobody at a moment"


def test_what_a_rule_would_have_said(signed_in: SignedIn, watching: Workspace) -> None:
    client = signed_in("vic")
    assert 'hx-get="/rules/usage-drop/replay/?days=30"' in text_of(client, "/rules/usage-drop/?days=30")
    part = part_of(client, "/rules/usage-drop/replay/")
    figures = dict(re.findall(r'<th scope="row">([^<]+)</th><td class="num">(?:<b>)?([^<]+)', part))
    assert figures["Alerts opened"] == "1"
    assert figures["Still open"] == "1"
    assert figures["Held from the start"] == "0"
    assert "Halden Freight uses the product less than it did" in part
    assert 'href="/accounts/halden/"' in part
    assert "/rules/usage-drop/replay.svg?days=90" in part
    assert part.count('<tr><th scope="row">Mon ') == 14
    image = client.get("/rules/usage-drop/replay.svg?days=90")
    assert "Alerts a week: 1 alert in 14 weeks" in image.content.decode()
    assert client.get("/rules/usage-drop/replay.svg?days=90", headers={"If-None-Match": image["ETag"]}).status_code == 304
    spec = client.get("/rules/usage-drop/replay.json?days=30").json()
    assert (spec["width"], len(spec["layer"])) == ("container", 1)
    steps = part_of(client, "/rules/renewal-steps/replay/?days=30")
    assert "Steps told" in steps
    assert "30 days before" in steps
    assert "It would have said nothing" in part_of(client, "/rules/never-there/replay/?days=30")


def test_a_replay_is_made_once_for_the_same_facts(
    signed_in: SignedIn, watching: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    real = rulefacts.told

    def counted(book: object, rule: object, end: object, days: int, zone: object, others: object) -> object:
        made.append(days)
        return real(book, rule, end, days, zone, others)  # type: ignore[arg-type]

    monkeypatch.setattr(rulefacts, "told", counted)
    monkeypatch.setattr(rulefacts, "beside", Background(patience=60, fresh=0))
    client = signed_in("vic")
    for _ in range(2):
        part_of(client, "/rules/usage-drop/replay/")
    client.get("/rules/usage-drop/replay.svg?days=90")
    assert made == [90]
    with watching.store().write():
        pass
    part_of(client, "/rules/usage-drop/replay/")
    assert made == [90, 90], "new facts, a new replay"


def test_a_part_under_way_asks_again_and_one_that_failed_says_so(
    signed_in: SignedIn, watching: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in("vic")
    hasty = Background(patience=0)
    monkeypatch.setattr(rulefacts, "beside", hasty)
    part = part_of(client, "/rules/usage-drop/replay/")
    assert "Replaying 90 days." in part
    assert 'hx-get="/rules/usage-drop/replay/?days=90" hx-trigger="load delay' in part
    assert client.get("/rules/usage-drop/replay.svg").status_code in (200, 404)
    assert hasty.finish(60)

    def broken(*given: object) -> None:
        raise OverflowError("too much")

    monkeypatch.setattr(rulefacts, "told", broken)
    monkeypatch.setattr(rulefacts, "beside", Background(patience=60))
    failed = part_of(client, "/rules/usage-drop/replay/")
    assert "It could not be made" in failed
    assert "Try again" in failed


def test_a_rule_about_colleagues_is_seen_by_those_who_lead(signed_in: SignedIn, watching: Workspace) -> None:
    lead, other = signed_in("ada"), signed_in("maya")
    assert "is busy" in text_of(lead, "/rules/csm-busy/")
    page = text_of(other, "/rules/csm-busy/")
    assert "It is about colleagues" in page
    assert "is busy" not in page.partition('id="h-source"')[0]
    for part in ("matches", "replay"):
        assert lead.get(f"/rules/csm-busy/{part}/").status_code == 200
        assert other.get(f"/rules/csm-busy/{part}/").status_code == 403
    assert other.get("/rules/csm-busy/replay.svg").status_code == 403


def test_the_page_of_a_rule_costs_a_constant_number_of_queries(signed_in: SignedIn, watching: Workspace) -> None:
    from tests.web.test_inbox import _more

    client = signed_in("ada")
    for address in ("/rules/usage-drop/", "/rules/quiet-shadow/", "/rules/", "/rules/usage-drop/matches/"):
        client.get(address)
        with CaptureQueriesContext(connection) as few:
            client.get(address)
        _more(30)
        with CaptureQueriesContext(connection) as many:
            client.get(address)
        Episode.objects.filter(subject_id__startswith="x").delete()
        AccountSnapshot.objects.filter(id__startswith="x").delete()
        assert len(many) == len(few) <= 34, address


def test_who_is_not_signed_in_sees_no_rule(client: Client, watching: Workspace) -> None:
    for address in ("/rules/", "/rules/usage-drop/", "/rules/usage-drop/matches/", "/rules/usage-drop/replay.svg"):
        assert client.get(address)["Location"].startswith("/sign-in/")
    assert client.post("/rules/usage-drop/held/", {"act": "release"})["Location"].startswith("/sign-in/")


# Reviewing what is held


@pytest.fixture
def held(watching: Workspace) -> list[str]:
    """The alerts of a rule that the circuit breaker kept back."""
    found = alerts.alerts_of_rule("renewal-steps")
    Episode.objects.filter(rule="renewal-steps").update(state="held", notified_at=None)
    assert found.total == 2
    return [each.id for each in found.alerts]


def test_held_alerts_are_listed_for_review(signed_in: SignedIn, held: list[str]) -> None:
    client = signed_in("ada")
    assert '<a class="link warn" href="/rules/renewal-steps/#held"' in part_of(client, "/rules/", "rules")
    page = text_of(client, "/rules/renewal-steps/")
    assert "2 alerts; nobody was told" in page
    assert page.count('name="alert" value="') == 2
    assert "Release 2 alerts?" in page
    assert "Resolve 2 alerts?" in page


def test_one_held_alert_is_released(signed_in: SignedIn, held: list[str]) -> None:
    client = signed_in("maya")  # a CSM may release one, and not all
    assert "Release 2 alerts?" not in text_of(client, "/rules/renewal-steps/")
    answer = client.post("/rules/renewal-steps/held/", {"act": "release", "alert": held[0]}, follow=True)
    assert answer.redirect_chain == [("/rules/renewal-steps/#held", 302)]
    assert "Released: 1 held alert of Renewal ahead" in answer.content.decode()
    assert [alerts.alert(each).state for each in held] == ["open", "held"]
    assert client.post("/rules/renewal-steps/held/", {"act": "release"}).status_code == 403
    assert (
        client.post("/rules/renewal-steps/held/", {"act": "resolve", "alert": held[1], "outcome": "useful"}).status_code == 403
    )


def test_all_held_alerts_are_released_in_one_act(signed_in: SignedIn, held: list[str]) -> None:
    client = signed_in("ada")
    answer = client.post("/rules/renewal-steps/held/", {"act": "release", "note": " It is so. "}, follow=True)
    assert "Released: 2 held alerts of Renewal ahead" in answer.content.decode()
    assert [alerts.alert(each).state for each in held] == ["open", "open"]
    assert alerts.alert(held[0]).timeline[-1].reason == "It is so."
    assert AuditEntry.objects.get(act="released held").by == "ada@quill.example"
    again = client.post("/rules/renewal-steps/held/", {"act": "release"}, follow=True)
    assert "Nothing was held any more" in again.content.decode()


def test_all_held_alerts_are_resolved_with_what_they_were_worth(signed_in: SignedIn, held: list[str]) -> None:
    client = signed_in("ada")
    refused = client.post("/rules/renewal-steps/held/", {"act": "resolve"}, follow=True)
    assert "Say whether the alerts were useful." in refused.content.decode()
    assert client.post("/rules/renewal-steps/held/", {"act": "shred", "outcome": "useful"}, follow=True).status_code == 200
    assert [alerts.alert(each).state for each in held] == ["held", "held"]
    given = {"act": "resolve", "outcome": "false_alarm", "note": "half an import"}
    assert "Resolved: 2 held alerts" in client.post("/rules/renewal-steps/held/", given, follow=True).content.decode()
    assert {(alerts.alert(each).state, alerts.alert(each).outcome) for each in held} == {("closed", "false_alarm")}


def test_a_viewer_reviews_nothing_and_a_review_wants_a_post_and_a_token(signed_in: SignedIn, held: list[str]) -> None:
    viewer = signed_in("vic")
    assert 'value="release"' not in text_of(viewer, "/rules/renewal-steps/")
    for given in ({"act": "release", "alert": held[0]}, {"act": "release"}, {"act": "resolve", "outcome": "useful"}):
        assert viewer.post("/rules/renewal-steps/held/", given).status_code == 403
    assert signed_in("ada").get("/rules/renewal-steps/held/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = signed_in("ada").cookies
    assert strict.post("/rules/renewal-steps/held/", {"act": "release"}).status_code == 403
    assert [alerts.alert(each).state for each in held] == ["held", "held"]
    assert signed_in("ada").post("/rules/nothing/held/", {"act": "release"}).status_code == 404


def test_a_rule_that_cannot_be_read_any_more_has_its_pages(signed_in: SignedIn, watching: Workspace) -> None:
    RuleVersion.objects.filter(rule="touchpoint-gap").update(source="- id: touchpoint-gap\n  when: nope(\n")
    client = signed_in("ada")
    assert "Cannot judge" in row(part_of(client, "/rules/", "rules"), "touchpoint-gap")
    page = text_of(client, "/rules/touchpoint-gap/")
    assert "The last sweep could not judge it" in page
    assert "nope(" in page
    for part in ("matches", "replay"):
        assert client.get(f"/rules/touchpoint-gap/{part}/").status_code in (200, 404)
