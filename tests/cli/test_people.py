"""`tocsin users` beyond creating, and `tocsin keys`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

from tests.cli.conftest import Tocsin


def users(tocsin: Tocsin) -> dict[str, dict[str, object]]:
    return {each["email"]: each for each in json.loads(tocsin("users", "list", "--format", "json").stdout)}


def test_what_people_are_is_set(tocsin: Tocsin) -> None:
    for email, role in (("ada@x.io", "admin"), ("bob@x.io", "csm")):
        assert tocsin("users", "create", "--email", email, "--name", email[:3], "--role", role).returncode == 0
    assert tocsin("users", "team", "bob@x.io", "North").returncode == 0
    assert tocsin("users", "manager", "North", "ada@x.io").returncode == 0
    assert tocsin("users", "role", "bob@x.io", "leader").returncode == 0
    assert (users(tocsin)["bob@x.io"]["role"], users(tocsin)["bob@x.io"]["team"]) == ("leader", "North")
    assert tocsin("users", "deactivate", "bob@x.io").returncode == 0
    assert users(tocsin)["bob@x.io"]["active"] is False
    last = tocsin("users", "deactivate", "ada@x.io")
    assert last.returncode == 2
    assert "the last administrator" in last.stderr


def test_away(tocsin: Tocsin) -> None:
    for email in ("ann@x.io", "bob@x.io"):
        tocsin("users", "create", "--email", email, "--name", email[:3], "--role", "csm")
    span = ("--from", "2099-03-01", "--until", "2099-03-15")
    assert tocsin("users", "away", "ann@x.io", *span, "--stand-in", "bob@x.io").returncode == 0
    assert "there is an away period in that time already" in tocsin("users", "away", "ann@x.io", *span).stderr
    assert "nobody stands in for themselves" in tocsin("users", "away", "bob@x.io", *span, "--stand-in", "bob@x.io").stderr
    assert tocsin("users", "away", "ann@x.io", *span, "--remove").returncode == 0
    assert "has no away period" in tocsin("users", "away", "ann@x.io", *span, "--remove").stderr


def test_how_somebody_is_told(tocsin: Tocsin) -> None:
    tocsin("users", "create", "--email", "ann@x.io", "--name", "Ann", "--role", "csm")

    def prefer(*given: str) -> dict[str, str]:
        sets = [part for each in given for part in ("--set", each)]
        done = tocsin("users", "prefer", "ann@x.io", *sets, "--format", "json")
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)
        return {each["name"]: each["value"] for each in rows}

    before = prefer()
    assert (before["work_days"], before["quiet_from"], before["channels"]) == ("mon,tue,wed,thu,fri", "none", "")
    prefer("channels=in-app,email", "quiet_from=20:00", "quiet_to=07:30", "work_days=fri,mon", "weekly_budget=3")
    after = prefer("quiet_from=21:15")
    assert {name: after[name] for name in after if after[name] != before[name]} == {
        "channels": "in-app,email", "quiet_from": "21:15", "quiet_to": "07:30", "work_days": "mon,fri", "weekly_budget": "3",
    }  # fmt: skip
    assert prefer("quiet_from=none", "quiet_to=none")["quiet_to"] == "none"
    for wrong, said in (
        ("channels=email,slak", "there is no channel 'slak' that reaches people; there are email, in-app"),
        ("chanels=email", "unknown setting 'chanels', did you mean 'channels'?"),
        ("digest_at=25:00", "digest_at: '25:00' is no time of day"),
        ("work_days=monday", "'monday' is no day"),
        ("daily_cap=many", "daily_cap: 'many' is no whole number"),
        ("digest", "--set takes name=value"),
    ):
        refused = tocsin("users", "prefer", "ann@x.io", "--set", wrong)
        assert (refused.returncode, said in refused.stderr, refused.stderr.count("\n")) == (2, True, 1), refused.stderr
    assert prefer() == {**after, "quiet_from": "none", "quiet_to": "none"}
    assert "there is no user 'bob@x.io'" in tocsin("users", "prefer", "bob@x.io").stderr


def test_keys_are_shown_once_and_revoked(tocsin: Tocsin) -> None:
    made = json.loads(tocsin("keys", "create", "--kind", "write", "--name", "site", "--format", "json").stdout)
    assert set(made) == {"id", "name", "kind", "key"}
    listed = tocsin("keys", "list", "--format", "json").stdout
    assert made["key"] not in listed
    assert json.loads(listed)[0]["name"] == "site"
    assert "there is a key 'site' already" in tocsin("keys", "create", "--kind", "api", "--name", "site").stderr
    assert "unknown scope 'alerts'" in tocsin("keys", "create", "--kind", "api", "--name", "x", "--scope", "alerts").stderr
    assert "has no scopes" in tocsin("keys", "create", "--kind", "write", "--name", "x", "--scope", "read").stderr
    assert tocsin("keys", "revoke", made["id"]).returncode == 0
    assert json.loads(tocsin("keys", "list", "--format", "json").stdout) == []
    again = tocsin("keys", "revoke", made["id"])
    assert (again.returncode, "revoked already" in again.stderr) == (2, True)


def test_a_worker_delivers_until_it_is_told_to_end(tocsin: Tocsin) -> None:
    for apart in ("web", "worker"):
        refused = tocsin(apart)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
        assert "facts in DuckDB belong to one process" in refused.stderr
        assert "beside it run `tocsin worker --only deliver`" in refused.stderr
    worker = subprocess.Popen(
        [sys.executable, "-m", "tocsin", "worker", "--only", "deliver"], stderr=subprocess.PIPE, text=True, env=tocsin.env
    )
    assert worker.stderr is not None
    assert "delivering for" in worker.stderr.readline()
    assert tocsin("rules", "list").returncode == 0, "it takes no lock"
    began = time.monotonic()
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.wait(60) == 0
    worker.stderr.close()
    assert time.monotonic() - began < 5
