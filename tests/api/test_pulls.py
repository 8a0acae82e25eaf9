"""Pulls over the interface: set up where a program may, changed, asked for, and their runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.api.conftest import Caller
from tests.web.conftest import NOW
from tocsin.facts.duckdb import DuckStore
from tocsin.sources import facade


def test_a_pull_and_its_runs(call: Callable[..., Caller], tmp_path: Path, settings: Any) -> None:
    settings.TOCSIN_PULL_FOLDERS = (str(tmp_path),)
    (tmp_path / "accounts.csv").write_text("id,name\na1,Acme\n")
    admin = call("admin")
    made = admin.send("POST", "/pulls", {"kind": "folder", "name": "Exports", "settings": {"path": str(tmp_path)}})
    assert made.status_code == 201
    address = f"/pulls/{made.json()['id']}"
    assert (made.json()["state"], made.json()["schedule"], made.json()["last_good_at"]) == ("waiting", "every 1h", None)
    changed = admin.send("PATCH", address, {"settings": {"schedule": "daily at 06:00", "settle": None}})
    assert (changed.json()["schedule"], changed.json()["settings"]["settle"]) == ("daily at 06:00", "10s")
    store = DuckStore(":memory:", ZoneInfo("UTC"))
    later = NOW + timedelta(days=400)
    facade.run_now("Exports", store, clock=lambda: later, zone=ZoneInfo("UTC"), by="test")
    store.close()
    reader = call("read")
    [run] = reader.get(f"{address}/runs").json()
    assert (run["state"], run["cause"], run["report"][0]["added"]) == ("done", "hand", 1)
    assert reader.get(address).json()["collections"] == ["accounts"]
    assert admin.send("POST", f"{address}/run").status_code == 202
    assert admin.send("POST", f"{address}/pause").json()["paused"] is True
    assert [each["name"] for each in reader.get("/pulls").json()] == ["Exports"]
    assert admin.send("DELETE", address).status_code == 200
    assert reader.get(address).status_code == 404


def test_what_is_wrong_is_said(call: Callable[..., Caller], tmp_path: Path, settings: Any) -> None:
    settings.TOCSIN_PULL_FOLDERS = (str(tmp_path),)
    admin = call("admin")
    for given, why in (
        ({"path": "/etc"}, "lies in none of the folders"),
        ({"path": str(tmp_path), "full": 7}, "full takes a list of texts"),
        ({"path": str(tmp_path), "full": ["nothing"]}, "unknown collection 'nothing'"),
        ({"path": str(tmp_path), "colour": "red"}, "has no setting 'colour'"),
    ):
        refused = admin.send("POST", "/pulls", {"kind": "folder", "name": "x", "settings": given})
        assert refused.status_code == 422
        assert why in refused.json()["detail"]
