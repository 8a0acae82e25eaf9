"""Who may do what: every address of the product and every operation of the interface, for everybody who may come by.

A route, an operation or an act of the settings that is not in a table fails here before it goes out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.api.test_api import OPERATIONS, SCOPES
from tests.web.conftest import NOW, SignedIn
from tests.web.test_routes import ACT, ALL, LEAD, OPEN, ROUTES, RUN, SENT
from tocsin.alerts.facade import Alert
from tocsin.alerts.models import Episode
from tocsin.delivery import facade as delivery
from tocsin.delivery.message import Item, Message
from tocsin.delivery.models import Delivery, Notice
from tocsin.delivery.telling import to_json
from tocsin.people import facade as people
from tocsin.people.models import User
from tocsin.sources import facade as sources
from tocsin.web.views.settings import frame

# Maya is the CSM of the account; Nils is of her team, Olga of another.
PEOPLE = {
    "admin": "ada", "operations": "opal", "leader": "lea", "owner": "maya", "teammate": "nils", "outsider": "olga",
    "viewer": "vic",
}  # fmt: skip
ROLE_OF = {who: "csm" if who in ("owner", "teammate", "outsider") else who for who in PEOPLE}
ADMIN = ("admin",)
# What the CSM of an account may, and no other CSM.
OF_THE_OWNER = {"account-override", "set_override", "lift_override"}
# Pages of allauth. In: for who is signed in; others are sent to sign in. Out: for who is not (yet), or has another proof.
FACTORS_IN = {
    "account_reauthenticate", "mfa_index", "mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp",
    "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes", "mfa_list_webauthn",
    "mfa_add_webauthn", "mfa_reauthenticate_webauthn", "mfa_remove_webauthn", "mfa_edit_webauthn", "socialaccount_connections",
}  # fmt: skip
FACTORS_OUT = {
    "account_login", "account_logout", "mfa_authenticate", "mfa_login_webauthn", "openid_connect_login",
    "openid_connect_callback", "socialaccount_login_cancelled", "socialaccount_login_error", "socialaccount_signup",
}  # fmt: skip
# What people may do by their session, where it is not what the scope says (`read`: all, `alerts:write`: who acts, else RUN).
BY_SCOPE = {"read": ALL, "alerts:write": ACT, "rules:write": RUN, "people:write": ALL, "delivery:write": RUN, "admin": ADMIN}
SESSIONS = {name: BY_SCOPE[scope] for name, scope in SCOPES.items()} | {
    "set_override": LEAD, "lift_override": LEAD, "create_silence": LEAD, "end_silence": LEAD, "list_silences": LEAD,
    "get_routing": LEAD, "check_routing": LEAD, "list_routing_versions": LEAD, "list_people": LEAD, "list_channels": RUN,
    "list_deliveries": RUN, "list_sources": RUN, "deliveries_of_source": RUN, "refusals_of_source": RUN,
    "list_pulls": RUN, "pull": RUN, "runs_of_pull": RUN, "list_merged_accounts": RUN,
    "set_value_map": RUN, "delete_value_map": RUN, "set_system_of_record": RUN, "delete_system_of_record": RUN,
    "import_files": RUN, "list_mappings": RUN, "get_mapping": RUN, "save_mapping": RUN, "delete_mapping": RUN,
}  # fmt: skip
# Of the settings: part -> act -> who may.
SETTINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "me": {"choose": ALL, "away": ALL, "back": ALL},
    "people": {"create": RUN, "change": RUN, "manager": RUN, "hand-over": RUN},
    "routing": {"publish": RUN, "silence": LEAD, "end": LEAD},
    "channels": {"create": RUN, "test": RUN, "switch": RUN, "remove": RUN},
    "deliveries": {"replay": RUN},
    "keys": {"create": ADMIN, "revoke": ADMIN},
    "audit": {},
}
# Routes and operations that are about one alert: where it is about a CSM they are hidden from those whom it is not for.
OF_AN_ALERT = [name for name, (_, given, _) in ROUTES.items() if "alert_id" in given]
OPERATIONS_OF_AN_ALERT = [each for each in OPERATIONS if "{alert_id}" in each[2]]
# Charts of what was not made here, and a mapping that nobody saved.
NOT_YET = ("rule-chart", "rule-spec", "account-health-chart", "account-health-spec", "data-mapping")
SECRET = "Maya lets every second date pass"
As = Callable[[str], Client]


@pytest.fixture
def as_whom(signed_in: SignedIn) -> As:
    """A client as whom."""
    people.create_user("opal@quill.example", "Opal Operations", "operations", moment=NOW)
    people.create_user("lea@quill.example", "Lea Leader", "leader", team="South", moment=NOW)

    def client(who: str) -> Client:
        return signed_in(PEOPLE[who]) if who in PEOPLE else Client()

    return client


@pytest.fixture
def key() -> Callable[..., Client]:
    """A client with a new key of these scopes."""

    def client(*scopes: str, kind: str = "api") -> Client:
        _, secret = people.create_key(f"{kind} {' '.join(scopes)}", kind, scopes, by="test", moment=NOW)
        return Client(headers={"Authorization": f"Bearer {secret}"})

    return client


@pytest.fixture
def alert(swept: dict[tuple[str, str], Alert]) -> Alert:
    """One about an account."""
    return swept["halden", "usage-drop"]


@pytest.fixture
def about_maya(alert: Alert) -> Alert:
    """The same, made one about how Maya does, of which she and a channel were told."""
    Episode.objects.filter(pk=alert.id).update(
        subject_kind="csm", subject_id="maya@quill.example", account=None, message=SECRET, rule="csm-late", rule_name=SECRET
    )
    item = Item(
        "1", alert.id, "opened", NOW, "csm-late", "Late", "portfolio", "high", "open", "", "", SECRET, "/", NOW,
        data={"subject": {"kind": "csm", "id": "maya@quill.example"}},
    )  # fmt: skip
    told = Message("notice", SECRET, (item,))
    flush = "00000000-0000-4000-8000-000000000001"
    for target, channel in (("maya@quill.example", "in-app"), ("lea@quill.example", "in-app"), ("lea@quill.example", "email")):
        Delivery.objects.create(
            flush=flush, kind="notice", channel=channel, target_kind="person", target=target, message=to_json(told),
            headline=SECRET, state="sent", created_at=NOW,
        )  # fmt: skip
    Notice.objects.create(
        alert_id=int(alert.id), rule="csm-late", kind="opened", rank=3, sequence="1", at=NOW, target_kind="person",
        target="lea@quill.example", state="planned", flush=flush, labels={}, route={},
    )  # fmt: skip
    return alert


def _all(patterns: Any = None) -> Iterator[tuple[str, str]]:
    """Namespace and name of every address that Django knows."""
    for each in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(each, URLResolver):
            for namespace, name in _all(each.url_patterns):
                yield each.namespace or namespace, name
        elif isinstance(each, URLPattern):
            yield "", each.name or ""


def test_every_address_is_in_a_table() -> None:
    found: dict[str, set[str]] = {}
    for namespace, name in _all():
        found.setdefault(namespace, set()).add(name)
    assert found["web"] == set(ROUTES) | OPEN
    assert found[""] == FACTORS_IN | FACTORS_OUT
    assert set(found) == {"web", "api", ""}
    assert {name for name, _, _ in OPERATIONS} == set(SESSIONS)
    assert {name: set(acts) for name, acts in frame.ACTS.items()} == {name: set(acts) for name, acts in SETTINGS.items()}


def _address(name: str, alert: Alert) -> tuple[str, str]:
    method, given, _ = ROUTES[name]
    there = {key: int(alert.id) if key == "alert_id" else value for key, value in given.items()}
    return method, reverse(f"web:{name}", kwargs=there)


@pytest.mark.parametrize("name", list(ROUTES))
def test_pages(name: str, as_whom: As, alert: Alert) -> None:
    sources.create_pull("folder", "exports", {"path": "/nowhere"}, by="test", moment=NOW, everywhere=True)
    sources.create_source("generic", "sign-ups", by="test", moment=NOW)
    method, address = _address(name, alert)
    for who, role in ROLE_OF.items():
        client = as_whom(who)
        status = client.generic(method, address, **SENT.get(name, {})).status_code
        may = role in ROUTES[name][2] or (who == "owner" and name in OF_THE_OWNER)
        assert (status == 403) == (not may), f"{who}: {status}"
        assert status not in (404, 500) or name in NOT_YET, f"{who}: {status}"
        if method == "POST":
            assert client.get(address).status_code == 405, "following a link changes nothing"
    tokenless = Client(enforce_csrf_checks=True)
    tokenless.force_login(User.objects.get(email="ada@quill.example"))
    assert tokenless.post(address).status_code == 403, "no other site can make a browser act"
    stranger = as_whom("nobody").generic(method, address)
    assert (stranger.status_code, "/sign-in/" in stranger["Location"] or name == "home") == (302, True)
    keyed = Client(headers={"Authorization": "Bearer ta_x"}).generic(method, address)
    assert keyed.status_code == 302, "keys are for the interface"


@pytest.mark.parametrize("part", list(SETTINGS))
def test_acts_of_the_settings(part: str, as_whom: As) -> None:
    address = reverse(f"web:settings-{part}")
    for act, allowed in {**SETTINGS[part], "nothing": ()}.items():
        for who, role in ROLE_OF.items():
            status = as_whom(who).post(address, {"act": act}).status_code
            assert (status == 403) == (role not in allowed), f"{act} by {who}: {status}"
            assert status in (302, 403, 422), f"{act} by {who}: {status}"


@pytest.mark.parametrize("name", sorted(FACTORS_IN | FACTORS_OUT))
def test_pages_of_second_factors(name: str, as_whom: As) -> None:
    given: dict[str, Any] = {"pk": 1} if name in ("mfa_remove_webauthn", "mfa_edit_webauthn") else {}
    given |= {"provider_id": "oidc"} if name.startswith("openid") else {}
    address = reverse(name, kwargs=given)
    for method in ("GET", "POST"):
        answer = as_whom("nobody").generic(method, address)
        if name in FACTORS_IN:
            assert answer.status_code == 302
            assert "login" in answer["Location"] or "sign-in" in answer["Location"]
        for who in ("viewer", "admin"):
            assert as_whom(who).generic(method, address).status_code < 500, who


@pytest.mark.parametrize(("name", "method", "path"), OPERATIONS, ids=[name for name, _, _ in OPERATIONS])
def test_operations(name: str, method: str, path: str, as_whom: As, key: Callable[..., Client], alert: Alert) -> None:
    there = _there(path, alert)
    for who, role in ROLE_OF.items():
        status = _send(as_whom(who), method, there)
        may = role in SESSIONS[name] and (SCOPES[name] != "people:write" or role in RUN)  # of others; see `test_session`
        may = may or (who == "owner" and name in OF_THE_OWNER)
        assert (status in (401, 403)) == (not may), f"{who}: {status}"
        assert status < 500
    for scope in people.SCOPES:
        status = _send(key(scope), method, there)
        assert (status == 403) == (scope not in (SCOPES[name], "admin")), f"{scope}: {status}"
        assert status not in (401, 500), f"{scope}: {status}"
    assert _send(as_whom("nobody"), method, there) == 401
    assert _send(key(kind="write"), method, there) == 401


def _there(path: str, alert: Alert) -> str:
    for name, value in {
        "{alert_id}": alert.id, "{account_id}": "halden", "{rule_id}": "usage-drop", "{email}": "nobody@x.io",
    }.items():  # fmt: skip
        path = path.replace(name, value)
    return path.replace("{", "").replace("}", "")


# Enough of a body that what is looked at is who asks.
BODY = {
    "to": "", "text": "hello", "note": "", "until": "2026-03-20T00:00:00Z", "begins_at": "2026-03-20T00:00:00Z",
    "ends_at": "2026-03-21T00:00:00Z", "score": 50, "reason": "a test",
}  # fmt: skip


def _send(client: Client, method: str, path: str) -> int:
    body = b"" if method == "GET" else json.dumps(BODY).encode()
    return int(client.generic(method, f"/api/v1{path}", body, content_type="application/json").status_code)


@pytest.mark.parametrize("setting", ["own", "leaders"])
@pytest.mark.parametrize("name", OF_AN_ALERT)
def test_alerts_about_a_csm_in_pages(name: str, setting: str, as_whom: As, about_maya: Alert, settings: Any) -> None:
    settings.TOCSIN_CSM_ALERTS = setting
    method, address = _address(name, about_maya)
    for who, role in ROLE_OF.items():
        seen = role in LEAD or (who == "owner" and setting == "own")
        hidden = 403 if role not in ROUTES[name][2] else 404
        status = as_whom(who).generic(method, address).status_code
        # An alert about nobody's account has no chart: that is not there for anybody.
        assert status == hidden if not seen else status != 403, f"{who}: {status}"
        assert not (seen and status == 404) or name in ("alert-chart", "alert-spec"), f"{who}: {status}"


@pytest.mark.parametrize("setting", ["own", "leaders"])
@pytest.mark.parametrize(("name", "method", "path"), OPERATIONS_OF_AN_ALERT, ids=[each[0] for each in OPERATIONS_OF_AN_ALERT])
def test_alerts_about_a_csm_in_the_interface(
    name: str,
    method: str,
    path: str,
    setting: str,
    as_whom: As,
    key: Callable[..., Client],
    about_maya: Alert,
    settings: Any,
) -> None:
    settings.TOCSIN_CSM_ALERTS = setting
    there = _there(path, about_maya)
    for who, role in ROLE_OF.items():
        status = _send(as_whom(who), method, there)
        if role not in SESSIONS[name]:
            assert status == 403, f"{who}: {status}"
        else:
            seen = role in LEAD or (who == "owner" and setting == "own")
            assert (status == 404) == (not seen), f"{who}: {status}"
    assert _send(key(SCOPES[name]), method, there) == 404
    assert _send(key("admin"), method, there) != 404


@pytest.mark.parametrize("setting", ["own", "leaders"])
def test_nowhere_is_it_said_to_those_whom_it_is_not_for(
    setting: str, as_whom: As, key: Callable[..., Client], about_maya: Alert, settings: Any
) -> None:
    settings.TOCSIN_CSM_ALERTS = setting
    pages = [_address(name, about_maya)[1] for name, (method, _, _) in ROUTES.items() if method == "GET"]
    pages += ["/alerts/?whose=all", "/alerts/?whose=team", "/alerts/?whose=all&rule=csm-late", "/search/?q=Maya"]
    asked = [f"/api/v1{_there(path, about_maya)}" for _, method, path in OPERATIONS if method == "GET"]
    for who in ("teammate", "outsider", "viewer", *(["owner"] if setting == "leaders" else [])):
        client = as_whom(who)
        said = [page for page in (*pages, *asked) if SECRET.encode() in client.get(page).content]
        # What one was told oneself, before the setting was changed, stays where one was told it.
        assert [page for page in said if not (who == "owner" and page == "/messages/")] == [], who
    for scopes in (("read", "alerts:write", "rules:write", "people:write", "delivery:write"),):
        client = key(*scopes)
        assert [page for page in asked if SECRET.encode() in client.get(page).content] == []
    for client in (as_whom("leader"), key("admin")):
        assert SECRET.encode() in client.get("/api/v1/alerts").content
    assert SECRET.encode() in as_whom("leader").get("/alerts/?whose=all").content
    acting = {"ids": [about_maya.id], "act": "acknowledge"}
    as_whom("teammate").post("/alerts/many/", acting)
    refused = key("alerts:write").post("/api/v1/alerts/together", json.dumps(acting), content_type="application/json")
    assert (refused.status_code, Episode.objects.get(pk=about_maya.id).state) == (404, "open")


def test_who_was_told_of_it_says_no_more_than_one_may_know(as_whom: As, about_maya: Alert) -> None:
    found = as_whom("leader").get(f"/api/v1/alerts/{about_maya.id}/notices").json()
    assert SECRET in {one["headline"] for each in found for one in each["deliveries"]}
    assert delivery.list_deliveries().deliveries[0].about_csm
