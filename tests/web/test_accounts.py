"""The accounts, one account, search, and the rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.web.conftest import NOW, SignedIn
from tests.web.test_inbox import Swept, text_of
from tocsin import serving
from tocsin.alerts import facade as alerts
from tocsin.core.rulefiles import read_rules
from tocsin.engine import Book
from tocsin.facts.duckdb import News
from tocsin.workspace import Workspace


def names(page: str) -> list[str]:
    """The accounts of the table, in order."""
    return re.findall(r'<th scope="row">\s*<a class="account" href="/accounts/([^/]+)/"', page)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["halden", "lindmark", "hostile", "orsett", "kestrow"]),
        ("sort=name", ["hostile", "halden", "kestrow", "lindmark", "orsett"]),
        ("sort=-name", ["orsett", "lindmark", "kestrow", "halden", "hostile"]),
        ("sort=-mrr", ["halden", "orsett", "lindmark", "kestrow", "hostile"]),
        ("sort=renews", ["halden", "lindmark", "orsett", "hostile", "kestrow"]),
        ("sort=nonsense&page=0", ["halden", "lindmark", "hostile", "orsett", "kestrow"]),
        ("q=FREIGHT", ["halden"]),
        ("q=kestrow", ["kestrow"]),
        ("q=nobody", []),
        ("whose=mine&sort=name", ["hostile", "halden", "lindmark"]),
    ],
)
def test_accounts_are_searched_and_sorted(signed_in: SignedIn, swept: Swept, query: str, expected: list[str]) -> None:
    page = text_of(signed_in("maya"), f"/accounts/?{query}")
    assert names(page) == expected
    if not expected:
        assert "No account fits" in page


def test_the_table_says_what_matters(signed_in: SignedIn, swept: Swept) -> None:
    page = text_of(signed_in("ada"), "/accounts/")
    for word in ("Halden Freight", "Maya Lind", "Adoption", "$12,400", "23 d", "5 accounts", "$36,400 MRR"):
        assert word in page
    assert 'href="/alerts/?whose=all&amp;account=halden"' in page


def test_search_finds_while_one_types(signed_in: SignedIn, swept: Swept) -> None:
    client = signed_in("maya")
    found = text_of(client, "/search/?q=hal")
    assert 'href="/accounts/halden/"' in found
    assert "orsett" not in found
    assert "No account is named like that" in text_of(client, "/search/?q=zzz")
    assert "href" not in text_of(client, "/search/?q=")


def test_an_account_shows_its_facts_people_and_story(signed_in: SignedIn, swept: Swept) -> None:
    page = text_of(signed_in("maya"), "/accounts/halden/")
    for word in ("Halden Freight", "$12,400", "Sat 4 Apr 2026", "1 <small>of 20</small>", "25 d", "Maya Lind", "Tier 1"):
        assert word in page, word
    assert "Person 0 &lt;b&gt;of&lt;/b&gt; halden" in page
    assert "Champion" in page
    assert "Invoice of $12,400 paid" in page
    assert "Opened plan" in page
    assert f'href="/alerts/{swept["halden", "usage-drop"].id}/"' in page
    assert "charts/usage_30d.svg" in page


def test_the_story_can_be_narrowed_and_goes_on(signed_in: SignedIn, swept: Swept) -> None:
    client = signed_in("maya")
    money = text_of(client, "/accounts/halden/?kind=money")
    assert "Invoice of $12,400 issued" in money
    assert "Opened plan" not in money
    first = text_of(client, "/accounts/halden/")
    before = re.search(r'href="\?before=([^"&]+)', first)
    assert before
    assert "Today, 12 March" in first
    earlier = text_of(client, f"/accounts/halden/?before={before[1]}", **{"HX-Target": "earlier"})
    assert "<html" not in earlier
    assert "January" in earlier or "February" in earlier
    assert "Today" not in earlier
    for odd in ("nonsense", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00%2B14:00"):
        assert client.get(f"/accounts/halden/?before={odd}").status_code == 200


@pytest.mark.parametrize(
    "address", ["/accounts/nobody/", "/accounts/nobody/signals/", "/accounts/halden/charts/nothing.svg", "/rules/nothing/"]
)
def test_what_is_not_there_is_not_found(signed_in: SignedIn, swept: Swept, address: str) -> None:
    assert signed_in("maya").get(address).status_code == 404


def test_the_signals_are_a_table_too(signed_in: SignedIn, swept: Swept) -> None:
    page = text_of(signed_in("maya"), "/accounts/halden/signals/")
    assert page.count('<th scope="row">') == 27
    assert "Usage, 30 d" in page
    assert '<td class="num">29</td>' in page  # as of now
    assert '<td class="num">120</td>' in page  # and before the fall


def test_one_signal_that_cannot_be_computed_leaves_the_page(
    signed_in: SignedIn, swept: Swept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = Book.signals

    def signals(self: Book, formulas: Sequence[str], *given: Any, **more: Any) -> Any:
        if any("usage_30d" in formula for formula in formulas):
            raise OverflowError("of\nall things")
        return real(self, formulas, *given, **more)

    monkeypatch.setattr(Book, "signals", signals)
    monkeypatch.setattr(serving, "_shelf", serving._Shelf(50))
    client = signed_in("ada")
    page = text_of(client, "/accounts/halden/")
    assert '<b>Usage, 30 d</b><span class="num">not available</span>' in page
    assert "/accounts/halden/charts/active_users.svg" in page
    assert "/accounts/halden/charts/usage_30d.svg" not in page
    assert "$12,400" in page
    (line,) = [each.getMessage() for each in caplog.records if each.name == "tocsin.web"]
    assert line == "not available for halden: usage_30d, ago(usage_30d, 28d): OverflowError: of"
    assert client.get("/accounts/halden/charts/usage_30d.svg").status_code == 404
    assert "–</td>" in text_of(client, "/accounts/halden/signals/")
    assert "uses the product less" in text_of(client, f"/alerts/{swept['halden', 'usage-drop'].id}/")


def test_what_no_event_changes_is_not_asked_again(
    signed_in: SignedIn, swept: Swept, here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = Book.signals

    def signals(self: Book, formulas: Sequence[str], *given: Any, **more: Any) -> Any:
        asked.extend(formulas)
        return real(self, formulas, *given, **more)

    monkeypatch.setattr(Book, "signals", signals)
    client = signed_in("ada")
    page = text_of(client, "/accounts/halden/")
    assert {"usage_30d", "days_since_touchpoint", "latest(touchpoints.at)"} <= set(asked)
    asked.clear()
    with here.store().write(news=News(beside_events=False)):
        pass
    token = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
    assert token.sub("", text_of(client, "/accounts/halden/")) == token.sub("", page)
    assert "usage_30d" in asked
    assert not {"days_since_touchpoint", "latest(touchpoints.at)"} & set(asked)


def test_charts_come_as_image_and_as_spec(signed_in: SignedIn, swept: Swept) -> None:
    client = signed_in("maya")
    one = swept["halden", "usage-drop"].id
    for stem in ("/accounts/halden/charts/usage_30d", f"/alerts/{one}/chart"):
        image = client.get(f"{stem}.svg")
        assert image["Content-Type"] == "image/svg+xml"
        assert image["Content-Security-Policy"].startswith("default-src 'none'")
        drawn = image.content.decode()
        assert "<title>" in drawn
        assert "<desc>" in drawn
        assert client.get(f"{stem}.svg", headers={"If-None-Match": image["ETag"]}).status_code == 304
        spec = client.get(f"{stem}.json").json()
        assert spec["width"] == "container"
    assert "An alert fires at most −30 %." in client.get(f"/alerts/{one}/chart.svg").content.decode()


@pytest.mark.parametrize("address", ["/accounts/", "/accounts/halden/", "/rules/", "/rules/usage-drop/"])
def test_pages_cost_a_constant_number_of_queries(signed_in: SignedIn, swept: Swept, address: str) -> None:
    from tests.web.test_inbox import _more

    client = signed_in("ada")
    client.get(address)
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    _more(30)
    with CaptureQueriesContext(connection) as many:
        client.get(address)
    assert len(many) == len(few) <= 28


def test_every_page_carries_the_policy_and_nothing_inline(signed_in: SignedIn, swept: Swept) -> None:
    client = signed_in("ada")
    one = swept["halden", "usage-drop"].id
    for address in (
        "/alerts/",
        f"/alerts/{one}/",
        "/accounts/",
        "/accounts/halden/",
        "/accounts/halden/signals/",
        "/rules/",
        "/rules/usage-drop/",
    ):
        answer = client.get(address)
        assert "script-src 'self'" in answer["Content-Security-Policy"]
        page = answer.content.decode()
        assert " style=" not in page
        assert "<style" not in page
        assert not re.search(r"<script(?![^>]*\bsrc=)", page)
        assert not re.search(r"\son[a-z]+=", page)


def test_every_link_of_every_page_leads_somewhere(signed_in: SignedIn, swept: Swept) -> None:
    client = signed_in("ada")
    seen: set[str] = set()
    wanted = ["/alerts/"]
    while wanted:
        address = wanted.pop(0)  # the pages of the navigation before those that hang below one of them
        if address in seen or len(seen) > 70:
            continue
        seen.add(address)
        answer = client.get(address)
        assert answer.status_code in (200, 302), address
        if "text/html" in answer["Content-Type"]:
            wanted += [
                link.replace("&amp;", "&")
                for link in re.findall(r'(?:href|hx-get|src)="(/[^"#]*)"', answer.content.decode())
                if not link.startswith("/static/")
            ]
    assert {"/accounts/halden/", "/rules/usage-drop/", "/accounts/"} <= seen


def test_vega_is_served_once_and_kept(client: Client, here: Workspace) -> None:
    answer = client.get("/assets/vega.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert b"window.vegaEmbed=" in answer.content
    assert client.get("/assets/vega.js", headers={"If-None-Match": answer["ETag"]}).status_code == 304


def test_the_evaluator_is_the_same_until_what_it_knows_changes(here: Workspace) -> None:
    book = here.book()
    with here.store().write(news=News(beside_events=False)):
        pass
    assert here.book() is book, "events are looked up each time"
    with here.store().write():
        pass
    assert here.book() is not book


STEPS = """
milestones:
  - {id: first-use, name: First use, due: 10d, anchor: "date '2026-02-01'", reached: count(events) > 0}
  - {id: six, name: Six people, due: 10d, anchor: "date '2026-02-01'", reached: distinct(events.person_id in last 30d) >= 6}
  - {id: renewal, name: "Plan <b>", due: 60d, anchor: "date '2026-02-01'", where: tier = 1, reached: "false"}
"""


def path(page: str) -> list[str]:
    """What the page says of each milestone."""
    part = page.partition('id="h-path"')[2].partition("</section>")[0]
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", each)).strip() for each in part.split("<li")[1:]]


def test_the_path_to_value_of_an_account(here: Workspace, signed_in: SignedIn) -> None:
    maya = signed_in("maya")
    assert 'id="h-path"' not in maya.get("/accounts/orsett/").content.decode(), "nobody has milestones yet"
    definitions, problems = read_rules([("m", STEPS)])
    assert problems == ()
    alerts.publish_rules(definitions, by="test", moment=NOW)
    page = maya.get("/accounts/halden/").content.decode()
    assert "1 of 3 reached" in page
    first, six, plan = path(page)
    assert "First use due Wed 11 Feb 2026 reached Sun 1 Feb 2026" in first
    assert "Six people due Wed 11 Feb 2026 29 days overdue" in six
    assert "Plan &lt;b&gt; due Thu 2 Apr 2026 in 21 d" in plan
    others = path(maya.get("/accounts/kestrow/").content.decode())
    assert [each.partition(" due")[0].rpartition("> ")[2] for each in others] == ["First use", "Six people"]
