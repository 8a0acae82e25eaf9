"""Pulls on the command line: alone, and beside a running server that runs what is due."""

from __future__ import annotations

import json
import time

from tests.cli.conftest import Tocsin, serve


def test_a_folder_is_pulled_alone_and_beside_a_server(tocsin: Tocsin) -> None:
    drop = tocsin.cwd / "drop"
    drop.mkdir()
    (drop / "accounts.csv").write_text("id,name\na1,Acme\n")
    create = ("sources", "create", "--kind", "folder", "--path", "drop", "--set", "settle=0s")
    made = json.loads(tocsin.out(*create, "--name", "Exports", "--schedule", "by hand", "--format", "json"))
    assert made["place"] == str(drop)
    assert json.loads(tocsin.out("sources", "pull", "Exports", "--format", "json"))[0]["added"] == 1
    server = serve(tocsin)
    try:
        # What is set up while it runs is due at once, and the server runs it by itself.
        tocsin.out(*create, "--name", "Again", "--schedule", "every 1h")
        until = time.monotonic() + 60
        runs: list[dict[str, object]] = []
        while time.monotonic() < until and not (runs and runs[0]["state"] == "done"):
            time.sleep(0.2)
            runs = json.loads(tocsin.out("sources", "runs", "Again", "--format", "json"))
        assert [(each["state"], each["cause"], each["unchanged"]) for each in runs] == [("done", "schedule", 1)]
        (drop / "accounts.csv").write_text("id\na1\n")
        failed = tocsin("sources", "pull", "Exports")
        assert failed.returncode == 1
        assert "the required column name of accounts is missing" in failed.stderr
        listed = json.loads(tocsin.out("sources", "list", "--format", "json"))
        assert {each["name"]: each["state"] for each in listed} == {"Again": "fine", "Exports": "failing"}
    finally:
        server.end()
    doctor = {each["check"]: each for each in json.loads(tocsin("doctor", "--format", "json").stdout)}
    assert doctor["pull Exports"]["state"] == "mend"
    assert doctor["pull Again"]["state"] == "fine"


def test_wrong_usage_is_one_line(tocsin: Tocsin) -> None:
    line = tocsin.refused("sources", "create", "--kind", "stripe", "--name", "Pay", "--path", "drop")
    assert line == "tocsin: --path: only for the kinds sql and folder, which are pulled from"
    assert "there is no source 'x' that is pulled from" in tocsin.refused("sources", "runs", "x")
    line = tocsin.refused("sources", "create", "--kind", "sql", "--name", "W", "--url", "mysql://u:hush@h/d", "--mapping", "m")
    assert "hush" not in line
