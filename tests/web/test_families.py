"""Families on pages: the account's page, the list folded and filtered, and what is wrong with parents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.web.conftest import NOW, SignedIn, _folder
from tests.web.test_accounts import names
from tests.web.test_inbox import Swept, text_of
from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import AlertFilter
from tocsin.core.moment import floor_day
from tocsin.core.rulefiles import read_rules
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import import_paths
from tocsin.web import families, signals, source
from tocsin.web.families import family_score
from tocsin.web.healthfacts import overview
from tocsin.workspace import Workspace


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckStore]:
    """The handful of accounts, of which Halden has a child and a grandchild that pays in euros, twice a dollar."""
    root = tmp_path_factory.mktemp("kin")
    store = DuckStore(root / "facts.duckdb", ZoneInfo("Europe/Berlin"))
    folder = _folder(root)
    (folder / "rates.csv").write_text("currency,on,rate\nUSD,2024-01-01,1\nEUR,2024-01-01,2\n", "utf-8")
    kin = root / "kin"
    kin.mkdir()
    (kin / "accounts.csv").write_text(
        "id,name,currency,parent_id\norsett,Orsett Hotels,USD,halden\nlindmark,Lindmark Marine,EUR,orsett\n"
        "kestrow,Kestrow Care,USD,nobody\n",
        "utf-8",
    )
    for each in (folder, kin):
        report = import_paths(store, [each], now=NOW - timedelta(days=1))
        assert sum(every.rejected for every in report.collections) == 0
    yield store
    store.close()


def plain(page: str) -> str:
    """The text of a page without its marks."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def family_panel(page: str) -> str:
    found = re.search(r'<section class="panel family".*?</section>', page, re.DOTALL)
    assert found
    return found[0]


def test_the_page_of_the_parent_shows_its_family(signed_in: SignedIn, swept: Swept) -> None:
    panel = family_panel(text_of(signed_in("ada"), "/accounts/halden/"))
    assert re.findall(r'data-depth="(\d)"', panel) == ["0", "1", "2"]
    said = plain(panel)
    assert "3 accounts" in said
    # 12,400 + 9,700 + 7,200 euros at two dollars; what is at stake is of those with an alert of severity high or above.
    assert "$36,500 of which $12,400 at stake" in said
    assert "Not scored 0 % of the MRR scored, half is needed" in said
    assert "Lindmark Marine Not scored $14,400 1 alert" in said
    assert 'href="/accounts/?family=halden"' in panel


def test_money_is_converted_wherever_it_is_shown_and_added(signed_in: SignedIn, swept: Swept) -> None:
    client = signed_in("ada")
    listed = plain(text_of(client, "/accounts/"))
    assert "5 accounts · $43,600 MRR" in listed
    assert "$14,400" in listed
    for page in ("/accounts/lindmark/", "/search/?q=lindmark", f"/alerts/{swept['lindmark', 'seats-full'].id}/"):
        assert "$14,400" in plain(text_of(client, page)), page
    assert "$12,400 MRR at stake" in plain(text_of(client, "/alerts/?whose=all"))
    stakes = {group.account.id: group.account.mrr for group in alerts.inbox().groups if group.account}
    assert stakes["lindmark"] == 14_400
    money = {
        spread.band: spread.mrr for spread in overview(source.book(), NOW, *([floor_day(NOW, source.zone())] * 3)).whole.bands
    }
    assert money == {"Good": 0, "Average": 0, "Poor": 0, "": 43_600}


def test_the_page_of_a_child_leads_to_its_head(signed_in: SignedIn, swept: Swept) -> None:
    client = signed_in("ada")
    page = text_of(client, "/accounts/lindmark/")
    assert '<a class="link" href="/accounts/halden/">Halden Freight</a>' in page
    assert "As a list" not in family_panel(page)
    for alone in ("hostile", "kestrow"):  # kestrow names a parent that nobody knows
        assert "panel family" not in text_of(client, f"/accounts/{alone}/")


def test_the_list_is_folded_and_filtered_by_family(signed_in: SignedIn, swept: Swept) -> None:
    client = signed_in("ada")
    folded = text_of(client, "/accounts/?by=family&sort=-mrr")
    assert names(folded) == ["halden", "kestrow", "hostile"]
    assert "3 families and single accounts" in folded
    assert "+2" in folded
    assert "$36,500" in folded
    assert "3 open alerts in the family of Halden Freight" in folded
    one = text_of(client, "/accounts/?family=halden&sort=name")
    assert names(one) == ["halden", "lindmark", "orsett"]
    assert "Family of Halden Freight" in one
    assert names(text_of(client, "/accounts/?family=orsett")) == names(text_of(client, "/accounts/"))
    whole = text_of(client, "/accounts/?q=lindmark")
    assert '<small class="kin">Halden Freight</small>' in whole
    assert names(text_of(client, "/accounts/?by=family&q=lindmark")) == []


def test_the_queries_do_not_grow_with_the_families(signed_in: SignedIn, swept: Swept) -> None:
    client = signed_in("ada")
    client.get("/accounts/?by=family")
    with CaptureQueriesContext(connection) as folded:
        client.get("/accounts/?by=family")
    assert len(folded) <= 35
    assert set(families.all_families(NOW)) == {"halden"}


FAMILY_RULE = """
rules:
  - {id: group-used, name: The group uses it, category: risk, rollup: family, when: count(events in last 7d) >= 50,
     message: "{{ account.name }} and its accounts use it"}
"""


def test_an_alert_of_a_family_shows_the_figures_of_the_family(here: Workspace, signed_in: SignedIn) -> None:
    definitions, problems = read_rules([("r.yaml", FAMILY_RULE)])
    assert not problems
    alerts.publish_rules(definitions, by="test", moment=NOW - timedelta(days=9))
    alerts.sweep(here.book(), NOW - timedelta(hours=1))
    (one,) = alerts.list_alerts(AlertFilter(rules=("group-used",)))
    assert (one.subject_id, one.account_id) == ("halden", "halden")
    page = text_of(signed_in("ada"), f"/alerts/{one.id}/")
    # Six days of one, four and four; and one of this morning, after the sweep.
    assert one.evidence[0].value == 54
    assert re.search(r">\s*55\s*<", page)
    line = signals.line_of_alert(one, NOW)
    assert line is not None
    assert line.points[-1][1] == 55
    assert "family of accounts" in text_of(signed_in("ada"), "/rules/group-used/")
    assert "Family" in text_of(signed_in("ada"), "/rules/")


def test_the_data_page_tells_of_parents_that_nobody_knows(signed_in: SignedIn, swept: Swept) -> None:
    said = plain(text_of(signed_in("ada"), "/data/"))
    assert "1 account names a parent that is no account here (kestrow names nobody): each stands by itself." in said


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([(80.0, 100.0), (40.0, 300.0)], (50.0, 1.0, True)),
        ([(80.0, 100.0), (None, 100.0)], (80.0, 0.5, True)),
        ([(80.0, 99.0), (None, 101.0)], (None, 0.495, True)),
        ([(80.0, None), (40.0, 0.0)], (60.0, 1.0, False)),
        ([(80.0, None), (40.0, 10.0)], (40.0, 1.0, True)),
        ([(None, None), (None, None), (90.0, None)], (None, 1 / 3, False)),
        ([], (None, 0.0, False)),
    ],
)
def test_the_health_of_a_family_is_the_mean_by_money(
    members: list[tuple[float | None, float | None]], expected: tuple[float | None, float, bool]
) -> None:
    assert family_score(members) == pytest.approx(expected)
