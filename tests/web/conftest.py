"""A workspace with a handful of accounts, real rules and a real sweep, for the pages' tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from tocsin import serving, workspace
from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import Alert
from tocsin.alerts.models import Sweep
from tocsin.core.rulefiles import read_rules
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import import_paths
from tocsin.people import facade as people
from tocsin.people.models import User
from tocsin.web import source

NOW = datetime(2026, 3, 12, 9, 12, tzinfo=UTC)
PASSWORD = "three-blind-mice-2026"
HOSTILE = '<script>alert("x")</script> & "Sons"'
SignedIn = Callable[[str], Client]

ACCOUNTS = (
    # id, name, owner, tier, plan, stage, mrr, seats, renews_on
    ("halden", "Halden Freight", "maya@quill.example", 1, "Enterprise", "Adoption", 12400, 20, "2026-04-04"),
    ("hostile", HOSTILE, "maya@quill.example", 2, "Team", "Adoption", 800, 10, "2026-12-01"),
    ("orsett", "Orsett Hotels", "nils@quill.example", 1, "Team", "Established", 9700, 10, "2026-07-01"),
    ("kestrow", "Kestrow Care", "olga@quill.example", 3, "Starter", "Onboarding", 6300, 10, "2027-02-01"),
    ("lindmark", "Lindmark Marine", "maya@quill.example", 2, "Team", "Established", 7200, 4, "2026-05-03"),
)

RULES = """
signals:
  active_users: distinct(events.person_id in last 30d)
  usage_30d: count(events in last 30d)
  license_utilization: active_users / seats
  days_since_touchpoint: days_quiet(touchpoints)
rules:
  - id: usage-drop
    name: Usage drops
    category: risk
    when: change(usage_30d, 30d) <= -$drop
    with: {drop: 30%}
    severity: high
    message: "{{ account.name }} uses the product less than it did. Ask what changed."
  - id: renewal-quiet
    name: Renewal ahead without a word
    category: renewal
    when: days_until(renews_on) between 0 and 90 and days_since_touchpoint > 20
    severity: critical
    message: "{{ account.name }} renews soon, and nobody has been in touch. Call today."
  - id: touchpoint-gap
    name: No touchpoint
    category: safety
    when: days_since_touchpoint > 30
    severity: medium
    message: "Nobody has been in touch with {{ account.name }} for {{ days_since_touchpoint|days }}."
  - id: seats-full
    name: Seats full
    category: upsell
    when: license_utilization >= 90%
    severity: medium
    message: "{{ account.name }} has its seats in use. Offer more."
"""


def _folder(root: Path) -> Path:
    """The customer data as files, as a customer would bring them."""
    folder = root / "data"
    folder.mkdir()

    def write(name: str, header: str, rows: list[str]) -> None:
        (folder / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")

    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    header = "id,name,owner,tier,plan,lifecycle_stage,mrr,seats,renews_on,currency,created_at"
    write(
        "accounts",
        header,
        [",".join([each[0], quoted(each[1]), *map(str, each[2:]), "USD", "2024-01-01"]) for each in ACCOUNTS],
    )
    write(
        "people",
        "id,account_id,name,email,role,created_at",
        [
            f"{each[0]}-{n},{each[0]},{quoted(f'Person {n} <b>of</b> {each[0]}')},p{n}@{each[0]}.example,"
            f"{'champion' if n == 0 else 'user'},2024-02-01"
            for each in ACCOUNTS
            for n in range(4)
        ],
    )
    events = []
    for account, *_ in ACCOUNTS:
        for day in range(1, 181):
            # Halden's use falls away in the last month; Kestrow has none at all; the others go on as ever.
            often = 0 if account == "kestrow" else 1 if account == "halden" and day < 30 else 4
            at = NOW - timedelta(days=day, hours=2)
            events += [f"{account},{account}-{n},Opened plan,{at:%Y-%m-%dT%H:%M:%SZ},feature" for n in range(often)]
    events.append("lindmark,lindmark-0,Opened plan,2026-03-12T08:30:00Z,feature")
    write("events", "account_id,person_id,name,at,kind", events)
    touched = {"halden": 25, "hostile": 40, "orsett": 5, "kestrow": 3, "lindmark": 8}
    write(
        "touchpoints",
        "account_id,kind,at,notes",
        [f"{name},call,{NOW - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ},<i>Happy</i>" for name, days in touched.items()],
    )
    write(
        "invoices", "account_id,amount,currency,issued_on,due_on,paid_on", ["halden,12400,USD,2026-02-01,2026-03-01,2026-03-03"]
    )
    write(
        "csms",
        "email,name,team,role",
        [
            f"{name}@quill.example,{name.title()} Lind,{team},csm"
            for name, team in (("maya", "North"), ("nils", "North"), ("olga", "South"))
        ],
    )
    return folder


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckStore]:
    """The facts of the handful of accounts, imported once."""
    root = tmp_path_factory.mktemp("web")
    store = DuckStore(root / "facts.duckdb", ZoneInfo("Europe/Berlin"))
    report = import_paths(store, [_folder(root)], now=NOW - timedelta(days=1))
    assert sum(each.rejected for each in report.collections) == 0
    yield store
    store.close()


@pytest.fixture
def here(facts: DuckStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, db: None) -> workspace.Workspace:
    """The workspace that the pages serve, at a fixed moment, with rules and people, before any sweep."""
    configuration = workspace.configure(tmp_path / "home", {"TOCSIN_TIMEZONE": "Europe/Berlin"})
    opened = workspace.Workspace(configuration)
    monkeypatch.setattr(opened, "_store", facts)
    monkeypatch.setattr(opened, "_ready", True)
    monkeypatch.setattr(workspace, "_current", opened)
    for each in (serving, source):
        monkeypatch.setattr(each, "now", lambda: NOW)
    definitions, problems = read_rules([("rules.yaml", RULES)])
    assert not problems
    alerts.publish_rules(definitions, by="test", moment=NOW - timedelta(days=100))
    for name, team in (("maya", "North"), ("nils", "North"), ("olga", "South")):
        people.create_user(
            f"{name}@quill.example",
            f"{name.title()} Lind",
            "csm",
            team=team,
            moment=NOW,
            password=PASSWORD if name == "maya" else "",
        )
    people.create_user("ada@quill.example", "Ada Admin", "admin", moment=NOW)
    people.create_user("vic@quill.example", "Vic Viewer", "viewer", moment=NOW)
    return opened


@pytest.fixture
def swept(here: workspace.Workspace) -> dict[tuple[str, str], Alert]:
    """The alerts of a sweep at the moment, a month after an empty baseline: by account and rule."""
    # As if there had been a sweep that found nothing: what the next one finds is new, and not the baseline.
    Sweep.objects.create(
        as_of=NOW - timedelta(days=1), started_at=NOW, seconds=0, subjects=5, baseline=True, figures={}, unknown={}
    )
    alerts.sweep(here.book(), NOW - timedelta(hours=1))
    return {(each.account_id or "", each.rule): each for each in alerts.list_alerts() if each.state != "closed"}


@pytest.fixture
def signed_in(here: workspace.Workspace) -> SignedIn:
    """A client signed in as the person of that first name."""

    def sign_in(name: str) -> Client:
        client = Client()
        client.force_login(User.objects.get(email=f"{name}@quill.example"))
        return client

    return sign_in
