"""Every address of the pages, as everybody: a route that is not in this table fails the test."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.web.conftest import NOW, SignedIn
from tocsin.alerts.facade import Alert
from tocsin.alerts.models import Episode
from tocsin.people import facade as people
from tocsin.sources import facade as sources
from tocsin.web import urls

ALL = ("admin", "operations", "leader", "csm", "viewer")
ACT = ("admin", "operations", "leader", "csm")
LEAD = ("admin", "operations", "leader")
RUN = ("admin", "operations")
# name -> (method, arguments, roles that are let in). Others are refused (403); who is not signed in is sent to sign in.
ROUTES: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "home": ("GET", {}, ALL), "alerts": ("GET", {}, ALL), "alert": ("GET", {"alert_id": 0}, ALL),
    "acknowledge": ("POST", {"alert_id": 0}, ACT), "snooze": ("POST", {"alert_id": 0}, ACT),
    "resolve": ("POST", {"alert_id": 0}, ACT), "release": ("POST", {"alert_id": 0}, ACT),
    "reopen": ("POST", {"alert_id": 0}, ACT), "assign": ("POST", {"alert_id": 0}, ACT),
    "comment": ("POST", {"alert_id": 0}, ACT), "many": ("POST", {}, ACT),
    "alert-chart": ("GET", {"alert_id": 0}, ALL), "alert-spec": ("GET", {"alert_id": 0}, ALL),
    "accounts": ("GET", {}, ALL), "search": ("GET", {}, ALL), "account": ("GET", {"account_id": "halden"}, ALL),
    "account-chart": ("GET", {"account_id": "halden", "signal": "usage_30d"}, ALL),
    "account-spec": ("GET", {"account_id": "halden", "signal": "usage_30d"}, ALL),
    "account-signals": ("GET", {"account_id": "halden"}, ALL), "account-health": ("GET", {"account_id": "halden"}, ALL),
    "account-override": ("POST", {"account_id": "halden"}, LEAD),
    "account-health-chart": ("GET", {"account_id": "halden"}, ALL),
    "account-health-spec": ("GET", {"account_id": "halden"}, ALL),
    "rules": ("GET", {}, ALL), "rule": ("GET", {"rule_id": "usage-drop"}, ALL),
    "rule-readiness": ("GET", {"rule_id": "usage-drop"}, ALL), "rule-matches": ("GET", {"rule_id": "usage-drop"}, ALL),
    "rule-replay": ("GET", {"rule_id": "usage-drop"}, ALL), "rule-chart": ("GET", {"rule_id": "usage-drop"}, ALL),
    "rule-spec": ("GET", {"rule_id": "usage-drop"}, ALL), "rule-held": ("POST", {"rule_id": "usage-drop"}, LEAD),
    "health": ("GET", {}, ALL), "health-book": ("GET", {}, ALL), "health-proposals": ("GET", {}, RUN),
    "health-recalibrate": ("POST", {}, RUN),
    "data": ("GET", {}, ALL), "data-events": ("GET", {}, ALL), "data-events-set": ("POST", {}, RUN),
    "data-rejected": ("GET", {}, ALL), "data-rejected-rows": ("GET", {}, ALL), "data-rejected-again": ("POST", {}, RUN),
    "data-rejected-forget": ("POST", {}, RUN), "data-unmatched": ("GET", {}, ALL), "data-unmatched-match": ("POST", {}, RUN),
    "data-split": ("POST", {}, RUN),
    "data-owners": ("GET", {}, ALL), "data-owners-map": ("POST", {}, RUN),
    "data-pulls": ("GET", {}, ALL), "data-pull-new": ("GET", {}, ("admin",)),
    "data-pull": ("GET", {"reference": "exports"}, ALL), "data-pull-act": ("POST", {"reference": "exports"}, RUN),
    "data-hooks": ("GET", {}, ALL), "data-hook-new": ("GET", {}, ("admin",)),
    "data-hook": ("GET", {"reference": "sign-ups"}, ALL), "data-hook-act": ("POST", {"reference": "sign-ups"}, RUN),
    "data-values": ("GET", {}, ALL), "data-fields": ("GET", {}, ALL),
    "data-values-say": ("POST", {}, RUN), "data-values-forget": ("POST", {}, RUN), "data-fields-give": ("POST", {}, RUN),
    "data-keys": ("GET", {}, RUN), "data-keys-revoke": ("POST", {}, RUN),
    "data-import": ("GET", {}, RUN), "data-import-discard": ("POST", {}, RUN), "data-mapping-delete": ("POST", {}, RUN),
    "data-mapping": ("GET", {"name": "crm"}, RUN), "data-import-match": ("GET", {"draft_id": "0"}, RUN),
    "data-import-decide": ("POST", {"draft_id": "0"}, RUN), "data-import-preview": ("GET", {"draft_id": "0"}, RUN),
    "data-import-begin": ("POST", {"draft_id": "0"}, RUN), "data-import-result": ("GET", {"draft_id": "0"}, RUN),
    "data-import-keep": ("POST", {"draft_id": "0"}, RUN),
    "told": ("GET", {}, ALL), "settings-me": ("GET", {}, ALL),
    "settings-people": ("GET", {}, LEAD), "settings-routing": ("GET", {}, LEAD),
    "settings-channels": ("GET", {}, RUN), "settings-deliveries": ("GET", {}, RUN), "settings-keys": ("GET", {}, ("admin",)),
    "settings-audit": ("GET", {}, RUN),
}  # fmt: skip
# What a form must say, or nobody is let in.
FORM = "application/x-www-form-urlencoded"
SENT: dict[str, dict[str, Any]] = {
    "data-pull-act": {"data": "act=run", "content_type": FORM},
    "data-hook-act": {"data": "act=pause", "content_type": FORM},
}
# These are for who is not signed in: they show nothing of anybody, or carry their own proof.
OPEN = {"sign-in", "link", "set-password", "sign-out", "message-link", "slack", "vega"}
NAMES = [route.name for route in urls.urlpatterns]


def test_every_route_is_in_the_table() -> None:
    assert set(NAMES) == set(ROUTES) | OPEN


@pytest.mark.parametrize("name", list(ROUTES))
def test_who_is_let_in(name: str, signed_in: SignedIn, swept: dict[tuple[str, str], Alert]) -> None:
    method, arguments, allowed = ROUTES[name]
    alert = swept["halden", "usage-drop"]
    sources.create_pull("folder", "exports", {"path": "/nowhere"}, by="test", moment=NOW, everywhere=True)
    sources.create_source("generic", "sign-ups", by="test", moment=NOW)
    given = {key: int(alert.id) if key == "alert_id" else value for key, value in arguments.items()}
    address = reverse(f"web:{name}", kwargs=given)
    stranger = Client().generic(method, address)
    assert stranger.status_code == 302
    assert name == "home" or "/sign-in/" in stranger["Location"]
    for role in ALL:
        if people.person(f"{role}er@quill.example") is None:
            people.create_user(f"{role}er@quill.example", role, role, moment=NOW)
        status = signed_in(f"{role}er").generic(method, address, **SENT.get(name, {})).status_code
        assert (status == 403) == (role not in allowed), f"{role}: {status}"
        assert status < 500


@pytest.mark.parametrize("name", ["alert", "acknowledge", "snooze", "resolve", "assign", "comment", "reopen"])
def test_alerts_about_a_csm_are_for_the_csm_and_those_who_lead(
    name: str, signed_in: SignedIn, swept: dict[tuple[str, str], Alert]
) -> None:
    alert = swept["halden", "usage-drop"]
    Episode.objects.filter(pk=alert.id).update(subject_kind="csm", subject_id="maya@quill.example", account=None)
    people.create_user("lea@quill.example", "Lea", "leader", moment=NOW)
    method, address = ROUTES[name][0], reverse(f"web:{name}", args=[alert.id])
    for who, seen in (("maya", True), ("lea", True), ("nils", False), ("olga", False)):
        status = signed_in(who).generic(method, address).status_code
        assert (status != 404) == seen, f"{who}: {status}"


def test_where_they_are_for_leaders_only(signed_in: SignedIn, swept: dict[tuple[str, str], Alert], settings: Any) -> None:
    settings.TOCSIN_CSM_ALERTS = "leaders"
    alert = swept["halden", "usage-drop"]
    Episode.objects.filter(pk=alert.id).update(subject_kind="csm", subject_id="maya@quill.example", account=None)
    address = reverse("web:alert", args=[alert.id])
    assert signed_in("maya").get(address).status_code == 404
    assert alert.message not in signed_in("maya").get("/alerts/?whose=all").content.decode()
    assert signed_in("ada").get(address).status_code == 200
