"""The inbox: what is listed, in which order, under which filters, at what cost; and what can be done."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.web.conftest import HOSTILE, NOW, SignedIn
from tocsin import serving
from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import Alert
from tocsin.alerts.models import AccountSnapshot, Episode
from tocsin.web import source
from tocsin.workspace import Workspace

Swept = dict[tuple[str, str], Alert]


def text_of(client: Client, address: str, **headers: str) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def listed(page: str) -> list[str]:
    """The ids of the alerts of the list, in order."""
    return re.findall(r'class="alert-row"[^>]*data-alert="(\d+)"', page)


def test_the_sweep_found_what_the_facts_hold(swept: Swept) -> None:
    assert set(swept) == {
        ("halden", "usage-drop"),
        ("halden", "renewal-quiet"),
        ("hostile", "touchpoint-gap"),
        ("lindmark", "seats-full"),
    }


def test_accounts_are_listed_most_urgent_first_with_good_signals_apart(signed_in: SignedIn, swept: Swept) -> None:
    page = text_of(signed_in("ada"), "/alerts/")
    order = [("halden", "renewal-quiet"), ("halden", "usage-drop"), ("hostile", "touchpoint-gap"), ("lindmark", "seats-full")]
    assert listed(page) == [swept[key].id for key in order]
    assert page.index("Nobody has been in touch") < page.index("Good signals") < page.index("Has its seats in use")
    assert "<b>3 accounts</b> with alerts" in page
    assert "$12,400</b> MRR at stake" in page


def test_a_csm_sees_their_own_accounts_first(signed_in: SignedIn, swept: Swept) -> None:
    assert len(listed(text_of(signed_in("maya"), "/alerts/"))) == 4
    nils = text_of(signed_in("nils"), "/alerts/")
    assert listed(nils) == []
    assert "Nobody needs you now" in nils
    assert "4 open alerts" in nils
    assert len(listed(text_of(signed_in("nils"), "/alerts/?whose=team"))) == 4
    assert listed(text_of(signed_in("olga"), "/alerts/?whose=team")) == []
    assert len(listed(text_of(signed_in("olga"), "/alerts/?whose=all"))) == 4


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("severity=critical", [("halden", "renewal-quiet")]),
        ("category=safety", [("hostile", "touchpoint-gap")]),
        ("rule=usage-drop", [("halden", "usage-drop")]),
        ("account=halden", [("halden", "renewal-quiet"), ("halden", "usage-drop")]),
        ("account=halden&severity=high", [("halden", "usage-drop")]),
        ("state=acknowledged", []),
        (
            "severity=nonsense&page=99999",
            [("halden", "renewal-quiet"), ("halden", "usage-drop"), ("hostile", "touchpoint-gap"), ("lindmark", "seats-full")],
        ),
    ],
)
def test_filters_live_in_the_address(signed_in: SignedIn, swept: Swept, query: str, expected: list[tuple[str, str]]) -> None:
    page = text_of(signed_in("ada"), f"/alerts/?{query}")
    assert listed(page) == [swept[key].id for key in expected]
    if not expected:
        assert "No alert fits these filters" in page


def test_what_can_be_chosen_is_what_there_is(signed_in: SignedIn, swept: Swept) -> None:
    page = text_of(signed_in("ada"), "/alerts/")
    assert re.findall(r"\?state=(\w+)", page) == list(alerts.STATES)
    assert re.findall(r"\?severity=(\w+)", page) == ["critical", "high", "medium"], "those that are listed, gravest first"


def test_an_inbox_without_data_says_what_to_do(signed_in: SignedIn, here: Workspace) -> None:
    assert "tocsin sweep" in text_of(signed_in("ada"), "/alerts/")


def test_an_alert_shows_its_evidence_and_what_would_clear_it(signed_in: SignedIn, swept: Swept) -> None:
    page = text_of(signed_in("maya"), f"/alerts/{swept['halden', 'usage-drop'].id}/")
    assert "Halden Freight uses the product less than it did" in page
    assert "change(usage_30d, 30d) &lt;= -30%" in page
    assert "−76 %" in page  # observed: 29 uses against 120
    assert "at most −30 %" in page
    assert "120, 30 d before" in page  # the baseline: four people a day for thirty days
    assert "30 d to 12 Mar" in page
    assert "What would clear it" in page
    assert "chart.svg" in page
    assert "<time" in page


def test_by_htmx_only_the_alert_is_given(signed_in: SignedIn, swept: Swept) -> None:
    address = f"/alerts/{swept['halden', 'usage-drop'].id}/"
    part = text_of(signed_in("maya"), address, **{"HX-Request": "true", "HX-Target": "alert"})
    assert part.lstrip().startswith("<article")
    assert "<html" not in part


def test_markup_in_names_is_shown_not_run(signed_in: SignedIn, swept: Swept) -> None:
    client = signed_in("maya")
    for address in (
        "/alerts/",
        f"/alerts/{swept['hostile', 'touchpoint-gap'].id}/",
        "/accounts/",
        "/accounts/hostile/",
        "/search/?q=script",
        "/accounts/?q=%3Cscript%3Ealert(1)%3C/script%3E",
    ):
        page = text_of(client, address)
        assert "<script>alert(" not in page
        assert "<b>of</b>" not in page
        assert "<i>Happy" not in page
    assert "&lt;script&gt;" in text_of(client, "/accounts/hostile/")
    assert HOSTILE not in text_of(client, "/alerts/")


def test_an_unknown_alert_is_not_found(signed_in: SignedIn, swept: Swept) -> None:
    assert signed_in("maya").get("/alerts/999999/").status_code == 404
    assert signed_in("maya").get("/alerts/999999999999999999999999/").status_code == 404


def test_acknowledging_without_a_script(signed_in: SignedIn, swept: Swept) -> None:
    client, one = signed_in("maya"), swept["halden", "usage-drop"]
    answer = client.post(f"/alerts/{one.id}/acknowledge/?severity=high")
    assert answer["Location"] == f"/alerts/{one.id}/?severity=high"
    after = alerts.alert(one.id)
    assert (after.state, after.acknowledged_by) == ("acknowledged", "maya@quill.example")
    page = text_of(client, answer["Location"])
    assert "Acknowledged by <b>Maya Lind</b>" in page
    assert "Undo" in page


def test_acknowledging_by_htmx_gives_the_inbox_as_it_has_become(signed_in: SignedIn, swept: Swept) -> None:
    one = swept["halden", "usage-drop"]
    answer = signed_in("maya").post(f"/alerts/{one.id}/acknowledge/", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer["HX-Push-Url"] == f"/alerts/{one.id}/"
    page = answer.content.decode()
    assert 'id="inbox"' in page
    assert 'id="toasts"' in page
    assert 'data-state="acknowledged"' in page


def test_snoozing_until_a_day(signed_in: SignedIn, swept: Swept) -> None:
    one = swept["halden", "usage-drop"]
    signed_in("maya").post(f"/alerts/{one.id}/snooze/", {"until": "2026-03-16"})
    after = alerts.alert(one.id)
    assert after.state == "snoozed"
    assert after.snoozed_until is not None
    assert after.snoozed_until.isoformat() == "2026-03-15T23:00:00+00:00"  # the start of that day in Berlin


@pytest.mark.parametrize("until", ["", "yesterday", "2026-13-01", "2026-03-01", "0001-01-01"])
def test_snoozing_until_nonsense_changes_nothing(signed_in: SignedIn, swept: Swept, until: str) -> None:
    one = swept["halden", "usage-drop"]
    answer = signed_in("maya").post(f"/alerts/{one.id}/snooze/", {"until": until})
    assert answer.status_code == 409
    assert 'role="alert"' in answer.content.decode()
    assert alerts.alert(one.id).state == "open"


def test_resolving_asks_whether_it_was_useful(signed_in: SignedIn, swept: Swept) -> None:
    client, one = signed_in("maya"), swept["halden", "usage-drop"]
    assert client.post(f"/alerts/{one.id}/resolve/", {"note": "x"}).status_code == 409
    answer = client.post(f"/alerts/{one.id}/resolve/", {"outcome": "useful", "note": "<b>Called</b> Rosa"}, follow=True)
    after = alerts.alert(one.id)
    assert (after.state, after.outcome, after.note) == ("closed", "useful", "<b>Called</b> Rosa")
    assert one.id not in listed(answer.content.decode())
    closed = text_of(client, f"/alerts/{one.id}/")
    assert "&lt;b&gt;Called&lt;/b&gt; Rosa" in closed
    client.post(f"/alerts/{one.id}/reopen/")
    assert alerts.alert(one.id).state == "open"


@pytest.fixture
def held(swept: Swept) -> str:
    """The id of an alert that the circuit breaker kept back."""
    one = swept["halden", "usage-drop"].id
    Episode.objects.filter(pk=one).update(state="held", notified_at=None)
    return one


def test_a_held_alert_is_released_after_review(signed_in: SignedIn, held: str) -> None:
    client, query = signed_in("maya"), "?state=held"
    page = text_of(client, f"/alerts/{held}/{query}")
    assert "Held for review" in page
    assert f'action="/alerts/{held}/release/{query}"' in page
    assert f'action="/alerts/{held}/resolve/{query}"' in page
    for act in ("acknowledge", "snooze"):
        assert f"/alerts/{held}/{act}/" not in page
    answer = client.post(f"/alerts/{held}/release/{query}")
    assert answer["Location"] == f"/alerts/{held}/{query}"
    after = alerts.alert(held)
    assert (after.state, after.timeline[-1].kind, after.timeline[-1].by) == ("open", "released", "maya@quill.example")
    page = text_of(client, f"/alerts/{held}/")
    assert "Released: Halden Freight" in page
    assert "Undo" not in page
    assert client.post(f"/alerts/{held}/release/").status_code == 409


def test_releasing_by_htmx_gives_the_inbox_as_it_has_become(signed_in: SignedIn, held: str) -> None:
    answer = signed_in("maya").post(f"/alerts/{held}/release/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Push-Url"]) == (200, f"/alerts/{held}/")
    page = answer.content.decode()
    assert f'data-alert="{held}"' in page
    assert 'id="toasts"' in page


def test_a_held_alert_is_resolved(signed_in: SignedIn, held: str) -> None:
    signed_in("maya").post(f"/alerts/{held}/resolve/", {"outcome": "false_alarm"})
    after = alerts.alert(held)
    assert (after.state, after.outcome) == ("closed", "false_alarm")


def test_a_viewer_releases_nothing(signed_in: SignedIn, held: str) -> None:
    client = signed_in("vic")
    assert f"/alerts/{held}/release/" not in text_of(client, f"/alerts/{held}/")
    assert client.post(f"/alerts/{held}/release/").status_code == 403
    assert alerts.alert(held).state == "held"


def test_a_viewer_looks_and_does_not_act(signed_in: SignedIn, swept: Swept) -> None:
    client, one = signed_in("vic"), swept["halden", "usage-drop"]
    assert "Acknowledge<" not in text_of(client, f"/alerts/{one.id}/")
    for act in ("acknowledge", "snooze", "resolve", "reopen"):
        assert client.post(f"/alerts/{one.id}/{act}/", {"until": "2026-03-20", "outcome": "useful"}).status_code == 403
    assert alerts.alert(one.id).state == "open"


def test_acts_want_a_post_and_a_token(signed_in: SignedIn, swept: Swept) -> None:
    one = swept["halden", "usage-drop"]
    assert signed_in("maya").get(f"/alerts/{one.id}/acknowledge/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = signed_in("maya").cookies
    assert strict.post(f"/alerts/{one.id}/acknowledge/").status_code == 403
    assert alerts.alert(one.id).state == "open"


def _more(count: int) -> None:
    for number in range(count):
        account = AccountSnapshot.objects.create(id=f"x{number}", name=f"Account {number}", mrr=number, as_of=NOW)
        Episode.objects.create(
            rule="usage-drop", rule_name="Usage drops", version=1, category="risk", severity="high", rank=3,
            subject_kind="account",
            subject_id=account.id, account=account, state="open", opened_at=NOW - timedelta(days=number), last_seen_at=NOW,
            message=f"Account {number} fades", evidence=[],
        )  # fmt: skip


def test_more_alerts_cost_no_more_queries(signed_in: SignedIn, swept: Swept) -> None:
    client = signed_in("ada")
    address = f"/alerts/{swept['halden', 'usage-drop'].id}/"
    client.get(address)
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    _more(50)
    with CaptureQueriesContext(connection) as many:
        page = client.get(address).content.decode()
    assert len(listed(page)) == 54
    assert len(many) == len(few) <= 16


def test_long_lists_are_paged_and_counted_in_all(signed_in: SignedIn, swept: Swept) -> None:
    _more(100)
    client = signed_in("ada")
    first, second = text_of(client, "/alerts/"), text_of(client, "/alerts/?page=2")
    assert "103 accounts" in first
    assert "103 accounts" in second
    assert "Page 1 of 2" in first
    assert set(listed(first)).isdisjoint(listed(second))
    assert len(listed(first)) + len(listed(second)) == 104


def test_facts_are_asked_once_a_minute(signed_in: SignedIn, swept: Swept, monkeypatch: pytest.MonkeyPatch) -> None:
    client, asked = signed_in("ada"), []
    real = source.store().query

    def counted(sql: str, parameters: object = ()) -> object:
        asked.append(sql)
        return real(sql, parameters)  # type: ignore[arg-type]

    monkeypatch.setattr(source.store(), "query", counted)
    monkeypatch.setattr(serving, "_shelf", serving._Shelf(50))
    client.get("/alerts/")
    cold = len(asked)
    client.get("/alerts/")
    assert 0 < cold == len(asked)


def test_one_page_asks_once_who_there_is(signed_in: SignedIn, swept: Swept) -> None:
    client = signed_in("ada")
    client.get("/alerts/")
    with CaptureQueriesContext(connection) as queries:
        client.get("/alerts/")
    assert sum('FROM "people_user"' in each["sql"] for each in queries.captured_queries) <= 2  # who looks, and everybody
