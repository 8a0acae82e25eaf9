"""Every list that grows is paged the same way: a cursor that nobody reads, which belongs to its list."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import Caller
from tests.api.test_api import OPERATIONS
from tests.web.conftest import NOW
from tocsin import serving, workspace
from tocsin.alerts.facade import Alert
from tocsin.api.app import api
from tocsin.core.moment import iso
from tocsin.delivery import facade as delivery
from tocsin.delivery.message import Message
from tocsin.delivery.models import Delivery
from tocsin.delivery.telling import to_json
from tocsin.facts.duckdb import DuckStore

Call = Callable[..., Caller]
# Of each list: by what its items are told apart.
LISTS = {
    "/alerts": "id", "/accounts": "id", "/health": "account_id", "/deliveries": "id", "/routing/versions": "version",
    "/merged-accounts": "id",
}  # fmt: skip


@pytest.fixture
def filled(swept: dict[tuple[str, str], Alert], facts: DuckStore) -> Iterator[None]:
    """A few rows in each list; deliveries of one moment too."""
    with facts.write(news=False) as cursor:
        cursor.execute(
            "INSERT INTO merged_accounts BY NAME SELECT 'cus_' || n AS id, 900 + n AS key, "
            "(SELECT min(key) FROM accounts) AS into_key FROM range(5) AS numbers(n)"
        )
    for number in range(5):
        delivery.publish_plan(f"route: {{group_wait: {number + 1}m}}", by="test", moment=NOW + timedelta(minutes=number))
        Delivery.objects.create(
            flush=f"00000000-0000-4000-8000-00000000000{number}", kind="test", channel="email", target_kind="person",
            target="maya@quill.example", message=to_json(Message("test", "hello")), headline="hello", state="sent",
            created_at=NOW + timedelta(minutes=number // 2),
        )  # fmt: skip
    yield
    with facts.write(news=False) as cursor:
        cursor.execute("DELETE FROM merged_accounts")


def test_every_list_that_has_a_next_is_in_the_table() -> None:
    paths = api.get_openapi_schema(path_prefix="")["paths"]
    paged = {path for _, method, path in OPERATIONS if method == "GET" and "cursor" in _names(paths[path]["get"])}
    assert paged == set(LISTS)


def _names(operation: dict[str, Any]) -> set[str]:
    return {each["name"] for each in operation.get("parameters", ())}


@pytest.mark.parametrize("path", list(LISTS))
def test_the_parts_are_the_whole(call: Call, filled: None, path: str) -> None:
    caller, seen, cursor = call("read"), [], ""
    while True:
        page = caller.get(path, limit=2, **({"cursor": cursor} if cursor else {})).json()
        seen += [each[LISTS[path]] for each in page["items"]]
        assert len(page["items"]) <= 2
        if page["next"] is None:
            break
        cursor = page["next"]
        ids = [str(each[LISTS[path]]) for each in page["items"]]
        assert not any(each in cursor for each in ids if len(each) > 3), "it is not to be read"
    whole = caller.get(path, limit=200).json()
    assert (seen, whole["next"]) == ([each[LISTS[path]] for each in whole["items"]], None)
    assert len(seen) == len(set(seen)) > 2


def _cursor(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize("path", list(LISTS))
def test_a_broken_cursor_is_a_problem(call: Call, filled: None, path: str) -> None:
    caller = call("read")
    name = {"/routing/versions": "versions"}.get(path, path.strip("/"))
    other = "health" if name != "health" else "accounts"
    right = caller.get(path, limit=1).json()["next"]
    broken = [
        "nonsense", right[:-2], "é", _cursor(), _cursor(name), _cursor(name, iso(NOW), ""), _cursor(name, iso(NOW), 7),
        _cursor(name, "2026", "1"), _cursor(name, "2026-03-12T09:00:00", None), _cursor(name, "0001-01-01T00:00:00+14:00", "1"),
        _cursor(other, iso(NOW), "1"), base64.urlsafe_b64encode(b"[" * 5000).decode()[:1900],
    ]  # fmt: skip
    for cursor in broken:
        found = caller.get(path, cursor=cursor)
        assert (found.status_code, found["Content-Type"]) == (400, "application/problem+json"), cursor
        assert found.json()["detail"] == (
            f"the cursor is none that the list of {name} gave; leave it out to begin at the beginning"
        )


@pytest.mark.parametrize("path", ["/accounts", "/health"])
def test_all_parts_are_as_of_one_moment(
    call: Call, here: workspace.Workspace, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    caller = call("read")
    first = caller.get(path, limit=2).json()
    monkeypatch.setattr(serving, "now", lambda: NOW + timedelta(hours=3))
    second = caller.get(path, limit=2, cursor=first["next"]).json()
    assert first["as_of"] == second["as_of"] == iso(NOW)
    assert caller.get(path, cursor=first["next"], as_of=iso(NOW)).status_code == 200
    other = caller.get(path, cursor=first["next"], as_of=iso(NOW - timedelta(days=1)))
    assert (other.status_code, "as_of is another moment" in other.json()["detail"]) == (400, True)


def test_what_is_added_meanwhile_moves_nothing(call: Call, filled: None) -> None:
    caller = call("read")
    first = caller.get("/routing/versions", limit=2).json()
    delivery.publish_plan("route: {group_wait: 9m}", by="test", moment=NOW + timedelta(hours=1))
    second = caller.get("/routing/versions", limit=2, cursor=first["next"]).json()
    assert [each["version"] for each in (*first["items"], *second["items"])] == [5, 4, 3, 2]
