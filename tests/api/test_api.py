"""The interface: what it gives, who may do what, and how it says no."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import Caller
from tests.web.conftest import NOW
from tests.web.test_health import scored
from tocsin import serving, workspace
from tocsin.alerts.facade import Alert
from tocsin.api.app import api
from tocsin.core.moment import iso
from tocsin.delivery import facade as delivery

__all__ = ["scored"]

Call = Callable[..., Caller]
SCOPES = {
    "list_alerts": "read", "get_alert": "read", "acknowledge_alert": "alerts:write", "snooze_alert": "alerts:write",
    "resolve_alert": "alerts:write", "reopen_alert": "alerts:write", "release_alert": "alerts:write",
    "assign_alert": "alerts:write", "comment_alert": "alerts:write", "list_accounts": "read", "signals": "read",
    "evaluate_rule": "read", "list_rules": "read", "get_rule": "read", "check_rules": "read", "publish_rules": "rules:write",
    "me": "read", "list_people": "read", "create_person": "admin", "set_preferences": "people:write",
    "add_away": "people:write",
    "list_keys": "admin", "create_key": "admin", "revoke_key": "admin", "list_channels": "read",
    "create_channel": "delivery:write", "get_routing": "read", "publish_routing": "delivery:write", "list_silences": "read",
    "create_silence": "delivery:write", "end_silence": "delivery:write", "notices_of_alert": "read", "list_deliveries": "read",
    "replay_delivery": "delivery:write", "get_account": "read", "last_sweep": "read", "list_health": "read",
    "list_profiles": "read", "get_health": "read", "set_override": "alerts:write", "lift_override": "alerts:write",
    "list_drafts": "read", "export_rules": "read", "check_routing": "read", "list_routing_versions": "read",
    "test_channel": "delivery:write", "act_on_alerts": "alerts:write",
    "list_sources": "read", "create_source": "admin", "delete_source": "admin", "pause_source": "admin",
    "resume_source": "admin", "add_source_secret": "admin", "remove_source_secret": "admin", "deliveries_of_source": "read",
    "refusals_of_source": "read",
    "list_pulls": "read", "pull": "read", "runs_of_pull": "read", "create_pull": "admin", "change_pull": "admin",
    "delete_pull": "admin", "pause_pull": "admin", "resume_pull": "admin", "run_pull": "admin",
    "list_merged_accounts": "read", "split_account": "admin",
    "list_value_maps": "read", "list_unknown_words": "read", "set_value_map": "admin", "delete_value_map": "admin",
    "list_systems_of_record": "read", "set_system_of_record": "admin", "delete_system_of_record": "admin",
    "import_files": "admin", "list_mappings": "read", "get_mapping": "read", "save_mapping": "admin", "delete_mapping": "admin",
}  # fmt: skip
OPERATIONS = [
    (operation["operationId"], method.upper(), path)
    for path, methods in api.get_openapi_schema(path_prefix="")["paths"].items()
    for method, operation in methods.items()
]


def test_every_operation_has_its_scope() -> None:
    assert {name for name, _, _ in OPERATIONS} == set(SCOPES)


@pytest.mark.parametrize(("name", "method", "path"), OPERATIONS, ids=[name for name, _, _ in OPERATIONS])
def test_who_may(call: Call, name: str, method: str, path: str) -> None:
    there = path.replace("{alert_id}", "1").replace("{rule_id}", "x").replace("{email}", "a@x.io")
    there = there.replace("{key_id}", "0").replace("{silence_id}", "0").replace("{delivery_id}", "x")
    there = there.replace("{account_id}", "halden").replace("{name}", "x")
    nobody = call().send(method, there, {})
    assert (nobody.status_code, nobody["Content-Type"]) == (401, "application/problem+json")
    assert nobody["WWW-Authenticate"].startswith("Bearer")
    assert call(kind="write").send(method, there, {}).status_code == 401, "a write key only takes data in"
    other = "alerts:write" if SCOPES[name] != "alerts:write" else "read"
    refused = call(other).send(method, there, {})
    assert refused.status_code == 403
    assert f"lacks the scope {SCOPES[name]}" in refused.json()["detail"]
    for scope in (SCOPES[name], "admin"):
        assert call(scope).send(method, there, {}).status_code not in (401, 403, 500)


def test_alerts_are_paged_by_a_cursor(call: Call, swept: dict[tuple[str, str], Alert]) -> None:
    caller, seen, cursor = call("read"), [], ""
    while True:
        page = caller.get("/alerts", limit=2, cursor=cursor).json()
        seen += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert seen == [each["id"] for each in caller.get("/alerts", limit=200).json()["items"]]
    assert len(seen) == len(set(seen)) == len(swept)


def test_the_life_of_an_alert(call: Call, swept: dict[tuple[str, str], Alert]) -> None:
    caller = call("read", "alerts:write")
    alert = caller.get("/alerts", rule="usage-drop").json()["items"][0]
    path = f"/alerts/{alert['id']}"
    assert caller.send("POST", f"{path}/acknowledge", {"note": "on it"}).json()["state"] == "acknowledged"
    assert caller.send("POST", f"{path}/assign", {"to": "nils@quill.example"}).json()["assignee"] == "nils@quill.example"
    caller.send("POST", f"{path}/comments", {"text": "called them"})
    past = caller.send("POST", f"{path}/snooze", {"until": iso(NOW)})
    assert (past.status_code, "a moment ahead" in past.json()["detail"]) == (422, True)
    assert caller.send("POST", f"{path}/resolve", {"outcome": "useful", "note": "a new plan"}).json()["state"] == "closed"
    assert caller.send("POST", f"{path}/reopen", {}).json()["state"] == "open"
    kinds = [each["kind"] for each in caller.get(path).json()["timeline"]]
    assert kinds == ["opened", "acknowledged", "assigned", "commented", "closed", "reopened"]
    assert caller.get(path).json()["timeline"][1]["by"] == "api:key 1"


def test_one_act_on_many_alerts(call: Call, swept: dict[tuple[str, str], Alert]) -> None:
    caller = call("read", "alerts:write")
    ids = [each["id"] for each in caller.get("/alerts", state="open", limit=3).json()["items"]]

    def act(**given: object) -> object:
        answer = caller.send("POST", "/alerts/together", {"ids": ids, **given})
        return answer.json()["changed"] if answer.status_code == 200 else (answer.status_code, answer.json()["detail"])

    assert act(act="acknowledge") == 3
    assert act(act="assign", to="nils@quill.example") == 3
    assert act(act="assign", to="nils@quill.example") == 0, "they are his already"
    assert act(act="snooze") == (422, "a snooze needs `until`, a moment ahead")
    assert act(act="snooze", until=iso(NOW + timedelta(days=2)), note="after the audit") == 3
    assert act(act="resolve", outcome="useful") == 3
    assert act(act="reopen") == 3
    assert {caller.get(f"/alerts/{each}").json()["state"] for each in ids} == {"open"}
    assert caller.send("POST", "/alerts/together", {"ids": [*ids, "999"], "act": "resolve"}).status_code == 404
    assert {caller.get(f"/alerts/{each}").json()["state"] for each in ids} == {"open"}, "all or none"


def test_what_csms_do_is_for_a_key_of_an_administrator(call: Call) -> None:
    asked = {"formulas": ["email"], "subject": "csm"}
    assert call("read").send("POST", "/signals", asked).status_code == 403
    assert call("admin").send("POST", "/signals", asked).status_code == 200


def test_facts_through_the_engine(call: Call) -> None:
    caller = call("read")
    page = caller.get("/accounts", where="tier = 1", limit=1).json()
    assert [each["id"] for each in page["items"]] == ["halden"]
    rest = caller.get("/accounts", where="tier = 1", limit=1, cursor=page["next"]).json()
    assert ([each["id"] for each in rest["items"]], rest["next"]) == (["orsett"], None)
    found = caller.send("POST", "/signals", {"formulas": ["mrr", "usage_30d"], "ids": ["orsett"]}).json()
    assert found["rows"] == [{"subject_id": "orsett", "values": [9700, 116]}]
    wrong = caller.send("POST", "/signals", {"formulas": ["usge_30d"]})
    assert (wrong.status_code, "usage_30d" in wrong.json()["detail"]) == (422, True)


def test_rules_are_checked_and_published(call: Call) -> None:
    caller = call("read", "rules:write")
    text = "- {id: small, name: Small, category: risk, when: mrr < 900}"
    assert caller.send("POST", "/rule-files/check", {"yaml": text}).json()["rules"] == ["small"]
    wrong = caller.send(
        "POST", "/rule-files/check", {"yaml": "- {id: small, name: Small, category: risk, when: mr < 900}"}
    ).json()
    assert wrong["errors"][0].startswith("yaml:1:")
    assert caller.send("POST", "/rules", {"yaml": text}).json()["added"] == ["small"]
    assert caller.get("/rules/small").json()["versions"][0]["by"] == "api:key 1"
    assert [each["subject"]["id"] for each in caller.get("/evaluate/small").json()] == ["hostile"]
    assert caller.get("/rules/nothing").status_code == 404


def test_delivery_is_set_up(call: Call) -> None:
    caller = call("read", "delivery:write")
    plan = caller.send("PUT", "/routing", {"source": "route: {group_wait: 5m}"}).json()
    assert (plan["version"], plan["by"]) == (1, "api:key 1")
    wrong = caller.send("PUT", "/routing", {"source": "route: {group_wat: 5m}"})
    assert (wrong.status_code, "did you mean 'group_wait'" in wrong.json()["detail"]) == (422, True)
    until = "2026-03-20T00:00:00+01:00"
    made = caller.send("POST", "/silences", {"matchers": ["tier = 1"], "until": until, "reason": "a fair"}).json()
    assert made["ends_at"] == "2026-03-19T23:00:00Z"
    assert caller.send("DELETE", f"/silences/{made['id']}").json()["ended_by"] == "api:key 1"
    assert caller.get("/deliveries").json()["items"] == []
    refused = caller.send("POST", "/channels", {"kind": "webhook", "name": "x", "config": {"url": "http://127.0.0.1/"}})
    assert (refused.status_code, "private address" in refused.json()["detail"]) == (422, True)


def test_health_is_explained_overridden_and_lifted(
    call: Call, scored: workspace.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = call("read", "alerts:write")
    page = caller.get("/health", limit=2).json()
    assert [each["account_id"] for each in page["items"]] == ["halden", "hostile"]
    rest = caller.get("/health", cursor=page["next"]).json()
    assert ([each["account_id"] for each in rest["items"]], rest["next"]) == (["kestrow", "lindmark", "orsett"], None)
    path = "/accounts/lindmark/health"
    body = {"score": 12, "reason": "their sponsor left", "until": "2199-01-01T00:00:00Z"}
    made = caller.send("PUT", f"{path}/override", body).json()
    assert (made["score"], made["by"], made["active"]) == (12, "api:key 1", True)
    held = caller.get(path).json()["now"]
    assert (held["score"], held["overridden"]) == (12, True)
    past = caller.send("PUT", f"{path}/override", {**body, "until": iso(NOW)})
    assert (past.status_code, "time ahead" in past.json()["detail"]) == (422, True)
    monkeypatch.setattr(serving, "now", lambda: NOW + timedelta(minutes=1))
    lifted = caller.send("DELETE", f"{path}/override").json()
    assert (lifted["active"], lifted["lifted_by"]) == (False, "api:key 1")
    assert caller.get(path).json()["now"]["overridden"] is False
    backwards = caller.get(path, as_of="2026-01-01T00:00:00Z", before="2026-02-01T00:00:00Z")
    assert (backwards.status_code, "not earlier" in backwards.json()["detail"]) == (422, True)


def test_one_account_and_the_last_sweep(call: Call, swept: dict[tuple[str, str], Alert]) -> None:
    caller = call("read")
    assert caller.get("/accounts/orsett").json()["name"] == "Orsett Hotels"
    for path in ("/accounts/nobody", "/accounts/nobody/health", "/accounts/orsett%00"):
        assert caller.get(path).status_code == 404, path
    sweep = caller.get("/sweeps/last").json()
    assert (sweep["as_of"], sweep["opened"] + sweep["held"]) == (iso(NOW - timedelta(hours=1)), len(swept))


def test_matches_of_rules_about_csms_are_for_administrators(call: Call) -> None:
    text = "- {id: load, name: Load, category: portfolio, subject: csm, when: count(accounts) > 0}"
    published = call("rules:write").send("POST", "/rules", {"yaml": text})
    assert published.status_code == 200, published.json()
    assert call("admin").get("/evaluate/load").status_code == 200
    refused = call("read").get("/evaluate/load")
    assert (refused.status_code, "scope admin" in refused.json()["detail"]) == (403, True)


def test_nothing_was_swept_yet(call: Call) -> None:
    found = call("read").get("/sweeps/last")
    assert (found.status_code, "tocsin sweep" in found.json()["detail"]) == (404, True)


def test_drafts_and_export(call: Call) -> None:
    caller = call("read", "rules:write")
    text = "- {id: small, name: Small, category: risk, when: mrr < 900}"
    caller.send("POST", "/rules", {"yaml": text, "draft": True})
    assert [(each["id"], each["state"]) for each in caller.get("/rule-drafts").json()] == [("small", "draft")]
    assert "small" not in "".join(caller.get("/rule-files").json().values())
    caller.send("POST", "/rules", {"yaml": text})
    files = caller.get("/rule-files").json()
    assert "id: small" in files["risk.yaml"]
    assert caller.send("POST", "/rules", {"yaml": files["risk.yaml"]}).json()["changed"] == []


def test_plans_are_checked_and_channels_tried(call: Call) -> None:
    caller = call("read", "delivery:write")
    assert caller.send("POST", "/routing/check", {"source": "route: {group_wait: 5m}"}).json() == {"ok": True}
    assert caller.send("POST", "/routing/check", {"source": "route: {group_wat: 5m}"}).status_code == 422
    before = len(caller.get("/routing/versions").json()["items"])
    caller.send("PUT", "/routing", {"source": "route: {group_wait: 5m}"})
    versions = caller.get("/routing/versions").json()["items"]
    assert (len(versions), versions[0]["by"]) == (before + 1, "api:key 1")
    assert caller.send("POST", "/channels/nothing/test", {}).status_code == 404
    delivery.ensure_channels(NOW)
    name = next(each["name"] for each in caller.get("/channels").json() if each["kind"] == "in-app")
    assert caller.send("POST", f"/channels/{name}/test", {"to": "maya@quill.example"}).json()["ok"] is True


def test_keys_make_keys(call: Call) -> None:
    admin = call("admin")
    made = admin.send("POST", "/keys", {"name": "new", "kind": "api", "scopes": ["read"]})
    assert made.status_code == 201
    assert Caller(made.json()["key"]).get("/me").json() == {"key": "new", "scopes": ["read"], "person": None, "role": None}
    assert admin.send("DELETE", f"/keys/{made.json()['id']}").status_code == 200
    assert Caller(made.json()["key"]).get("/me").status_code == 401
    assert "key" not in admin.get("/keys").json()[0]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nowhere", None, 404),
        ("PATCH", "/alerts", {}, 405),
        ("POST", "/rules", b"{", 400),
        ("POST", "/rules", {"yaml": 7}, 422),
        ("POST", "/rules", b"x" * 3_000_000, 413),
        ("GET", "/alerts/99999999999999999999999", None, 404),
        ("GET", "/alerts/%00", None, 404),
        ("GET", "/rules/a%00b", None, 404),
        ("GET", "/alerts?rule=%00", None, 400),
        ("POST", "/silences", {"matchers": ["a\x00"], "until": "2027-01-01T00:00:00Z", "reason": "x"}, 400),
        ("PUT", "/routing", {"source": "route: {}", "note": "\x00"}, 400),
    ],
)
def test_every_no_is_a_problem(call: Call, method: str, path: str, body: Any, status: int) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    found = call("admin").client.generic(method, f"/api/v1{path}", data, content_type="application/json")
    assert (found.status_code, found["Content-Type"]) == (status, "application/problem+json")
    problem = found.json()
    assert problem["status"] == status
    assert problem["detail"]


def test_alerts_about_csms_are_for_administrators(call: Call, swept: dict[tuple[str, str], Alert]) -> None:
    from tocsin.alerts.models import Episode

    one = Episode.objects.get(pk=swept["halden", "usage-drop"].id)
    Episode.objects.filter(pk=one.pk).update(subject_kind="csm", subject_id="maya@quill.example", account=None)
    path = f"/alerts/{one.pk}"
    assert call("read").get(path).status_code == 404
    assert call("admin").get(path).status_code == 200
    assert str(one.pk) not in [each["id"] for each in call("read").get("/alerts").json()["items"]]
    assert str(one.pk) in [each["id"] for each in call("admin").get("/alerts").json()["items"]]


@pytest.mark.parametrize("name", ['"\\ud800"', '"a\\udfffb"', '"\\udc00\\ud800"'])
def test_half_a_surrogate_pair_is_answered_by_a_sentence(call: Call, name: str) -> None:
    client, body = call("admin").client, '{"kind": "write", "name": %s, "scopes": []}'
    answer = client.post("/api/v1/keys", body % name, content_type="application/json")
    assert answer.status_code == 400
    assert "half of a surrogate pair" in answer.json()["detail"]
    whole = client.post("/api/v1/keys", body % '"\\ud83d\\ude00"', content_type="application/json")
    assert whole.status_code == 201
