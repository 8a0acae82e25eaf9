"""Every command, from outside: data on standard output, one line for what is wrong, the exit statuses of the contract."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.cli.conftest import AS_OF, Tocsin


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_signals_as_csv(filled: Tocsin) -> None:
    asked = ("mrr / 3", "name", "count(events in last 30d)", "created_at", "renews_on", "tier = 1", "sum(events.minutes)")
    text = filled.out("signals", *asked, "--as-of", AS_OF, "--format", "csv")
    assert rows(text) == [
        ["subject_id", *asked],
        ["a1", "33.5", "Acme", "2", "2025-01-01T00:00:00Z", "2026-04-01", "true", "7.5"],
        ["a2", "0", "Böhm & Söhne", "0", "2025-06-01T00:00:00Z", "", "false", "1"],
        ["a3", repr(250 / 3), "Comma, Inc", "1", "2026-02-20T12:00:00Z", "2026-03-10", "true", "0"],
    ]


def test_signals_of_features_people_and_names(filled: Tocsin) -> None:
    text = filled.out("signals", "mrr", "mrr", "--subject", "feature", "--as-of", AS_OF, "--format", "csv")
    assert rows(text) == [["account_id", "feature", "mrr", "mrr"]]
    text = filled.out("signals", "logins_7d", "--where", "plan = 'pro'", "--as-of", AS_OF, "--format", "json")
    assert json.loads(text) == [{"subject_id": "a1", "logins_7d": 1}, {"subject_id": "a3", "logins_7d": 1}]


def test_signals_of_our_own_side(filled: Tocsin) -> None:
    asked = ("count(accounts)", "sum(accounts.logins_7d)", "team")
    text = filled.out("signals", *asked, "--subject", "csm", "--as-of", AS_OF, "--format", "csv")
    assert rows(text) == [["subject_id", *asked], ["ada@us.example", "2", "2", "West"], ["bob@us.example", "1", "0", "West"]]
    text = filled.out("signals", "count(accounts)", "--subject", "team", "--as-of", AS_OF, "--format", "json")
    assert json.loads(text) == [{"subject_id": "West", "count(accounts)": 3}]
    tolerant = Tocsin(filled.home, filled.cwd, {"TOCSIN_CHURN_TOLERANCE": "8%"})
    text = tolerant.out("signals", "churn_tolerance", "--subject", "company", "--as-of", AS_OF, "--format", "csv")
    assert rows(text)[1:] == [["company", "0.08"]]
    assert "'mrr' is an attribute of accounts: write sum(accounts.mrr)" in filled.refused("signals", "mrr", "--subject", "csm")


def test_signals_as_of_the_past_sees_the_past(filled: Tocsin) -> None:
    text = filled.out("signals", "count(events)", "--as-of", "2026-02-27T08:00:00", "--format", "csv")
    assert rows(text)[1:] == [["a1", "1"], ["a2", "1"], ["a3", "0"]]


def test_evaluate_lists_matches_with_evidence(filled: Tocsin) -> None:
    found = json.loads(filled.out("evaluate", "--as-of", AS_OF, "--rule", "quiet", "--rule", "counted", "--format", "json"))
    assert [(each["rule"], each["subject"]["id"]) for each in found] == [("counted", "a1"), ("counted", "a3"), ("quiet", "a2")]
    quiet: dict[str, Any] = found[2]
    assert list(quiet) == ["rule", "category", "severity", "subject", "account_id", "as_of", "message", "evidence"]
    assert quiet["subject"] == {"kind": "account", "id": "a2"}
    assert (quiet["account_id"], quiet["category"], quiet["severity"]) == ("a2", "risk", "high")
    assert quiet["as_of"] == "2026-03-01T00:00:00Z"
    assert quiet["message"] == "Böhm & Söhne has not logged in"
    (line,) = quiet["evidence"]
    assert (line["op"], line["threshold"]) == (">", 30)
    assert 89 < line["value"] < 90
    assert "kind = 'login'" in line["formula"]


def test_rules_list_says_what_the_contract_says(filled: Tocsin) -> None:
    listed = {each["id"]: each for each in json.loads(filled.out("rules", "list", "--format", "json"))}
    expected = {"name": "In shadow", "category": "upsell", "subject": "account", "severity": "medium", "trigger": "when"}
    expected |= {"state": "shadow"}
    assert {name: listed["counted"][name] for name in expected} == expected
    assert listed["counted"]["version"] == 1
    assert (listed["counted"]["unknown"], listed["counted"]["origin"]) == (None, "user")
    assert len(listed) >= 17


def test_alerts_live_their_life(facts: Path, tocsin: Tocsin) -> None:
    """One home from its making to a resolved alert; each step is its own process."""
    from tests.cli.conftest import RULES

    (tocsin.cwd / "rules.yaml").write_text(RULES, encoding="utf-8")
    tocsin.out("import", facts)
    tocsin.out("rules", "apply", "rules.yaml")
    first = tocsin("sweep", "--as-of", AS_OF, "--format", "json")
    report = json.loads(first.stdout)
    assert (report["matches"]["quiet"], report["shadow"]["counted"], report["baseline"]) == (1, 2, True)
    assert "the first sweep of this workspace" in first.stderr
    assert json.loads(tocsin.out("sweep", "--as-of", AS_OF, "--format", "json"))["opened"] == 0
    assert "is refused" in tocsin.refused("sweep", "--as-of", "2026-02-28")
    listed = json.loads(tocsin.out("alerts", "list", "--rule", "quiet", "--format", "json"))
    assert [(each["account_id"], each["state"], each["opened_at"]) for each in listed] == [
        ("a2", "open", "2026-03-01T00:00:00Z")
    ]
    alert = listed[0]["id"]
    assert f"alert {alert} is acknowledged" in tocsin("alerts", "ack", alert, "--by", "ada@us.example").stderr
    assert tocsin("alerts", "snooze", alert, "--until", "2099-01-01").returncode == 0
    assert f"alert {alert}: " in tocsin.refused("alerts", "snooze", alert, "--until", "2001-01-01")
    assert "there is no alert '4711'" in tocsin.refused("alerts", "resolve", alert, "4711"), "all that are named, or none"
    assert json.loads(tocsin.out("alerts", "list", "--state", "snoozed", "--format", "json"))[0]["id"] == alert
    assert tocsin("alerts", "resolve", alert, "--outcome", "useful", "--note", "called").returncode == 0
    assert rows(tocsin.out("alerts", "list", "--account", "a2", "--state", "closed", "--format", "csv"))[1][0] == alert
    assert "the alert is closed" in tocsin.refused("alerts", "resolve", alert)
    assert tocsin("alerts", "reopen", alert).returncode == 0
    assert "more than 24 hours ahead of the clock" in tocsin.refused("sweep", "--as-of", "2999-01-01")
    soon = datetime.now(UTC) + timedelta(hours=12)
    assert "is ahead of the clock" in tocsin("sweep", "--as-of", soon.isoformat()).stderr


def test_the_doctor_mends_a_home_that_was_swept_ahead_of_the_clock(filled: Tocsin, tocsin: Tocsin) -> None:
    shutil.copytree(filled.home, tocsin.home)
    tocsin.out("sweep", "--as-of", AS_OF)
    data = tocsin.home / "tocsin.sqlite3"
    with closing(sqlite3.connect(data)) as database, database:
        database.execute("UPDATE alerts_sweep SET as_of = '2999-01-01 00:00:00'")
    assert "is refused" in tocsin.refused("sweep")
    told = tocsin("doctor", "--format", "json")
    found = {each["check"]: each for each in json.loads(told.stdout)}["sweep"]
    assert (told.returncode, found["state"]) == (1, "mend")
    assert "as of 2999-01-01T00:00:00Z, ahead of the clock" in found["found"]
    assert f"tocsin rules export DIR, move {data}* away" in found["mend"]
    tocsin.out("rules", "export", "kept")
    data.rename(tocsin.cwd / "away.sqlite3")
    tocsin.out("rules", "apply", "kept")
    tocsin.out("sweep")
    assert {"quiet", "counted"} <= {each["id"] for each in json.loads(tocsin.out("rules", "list", "--format", "json"))}
    assert tocsin("doctor").returncode == 0


def test_importing_csms_makes_users_without_sign_in(filled: Tocsin) -> None:
    people = {each["email"]: each for each in json.loads(filled.out("users", "list", "--format", "json"))}
    assert people["ada@us.example"]["team"] == "West"
    assert not people["ada@us.example"]["can_sign_in"]


def test_an_import_shuts_out_no_administrator(tocsin: Tocsin) -> None:
    tocsin.out("users", "create", "--email", "o@us.example", "--name", "O", "--role", "admin")
    (tocsin.cwd / "csms.csv").write_text("email,name,active\no@us.example,O,false\n")
    done = tocsin("import", "csms.csv")
    assert done.returncode == 0
    assert "tocsin: o@us.example is inactive in csms and stays active here" in done.stderr
    (kept,) = json.loads(tocsin.out("users", "list", "--format", "json"))
    assert (kept["email"], kept["active"]) == ("o@us.example", True)


def test_a_new_user_gets_a_link(filled: Tocsin) -> None:
    made = filled("users", "create", "--email", "Lea@us.example", "--name", "Lea", "--role", "leader", "--format", "json")
    given = json.loads(made.stdout)
    assert (given["email"], given["role"]) == ("lea@us.example", "leader")
    assert given["link"].startswith("http://127.0.0.1:8321/set-password/")
    again = filled.out("users", "link", "lea@us.example")
    assert again.startswith("http://127.0.0.1:8321/sign-in/link/")


def test_bad_input_is_one_line(filled: Tocsin) -> None:
    assert "did you mean 'events'?" in filled.refused("signals", "count(event)")
    assert "nowhere" in filled.refused("import", "nowhere")


def test_the_doctor_names_parents_that_nobody_knows_and_rings(tocsin: Tocsin, tmp_path: Path) -> None:
    kin = tmp_path / "accounts.csv"
    kin.write_text("id,name,parent_id\nk1,K1,gone\nk2,K2,k3\nk3,K3,k2\n", "utf-8")
    assert tocsin("import", str(kin)).returncode == 0
    told = [each["found"] for each in json.loads(tocsin("doctor", "--format", "json").stdout) if each["check"] == "families"]
    assert told == [
        "1 account names a parent that is no account here (k1 names gone): each stands by itself",
        "parents go in a ring (k2 > k3 > k2): k2 counts as the head of its ring",
    ]


def test_the_doctor_says_what_to_mend(filled: Tocsin, tocsin: Tocsin) -> None:
    empty = tocsin("doctor", "--format", "json")
    assert empty.returncode == 1
    assert {each["check"]: each["mend"] for each in json.loads(empty.stdout)}["facts"] == "tocsin import FOLDER"
    healthy = filled("doctor", "--format", "json")
    found = {each["check"]: each for each in json.loads(healthy.stdout)}
    assert healthy.returncode == 0, healthy.stdout
    assert found["accounts"]["found"].startswith("3, of which 0 are left out")
    assert found["events"]["found"] == "4, the latest 2026-02-28T23:00:00Z"
    told = [each for each in json.loads(healthy.stdout) if each["check"] == "readiness"]
    assert re.fullmatch(r"\d+ of \d+ rules can speak", told[0]["found"])
    lacking = {each["mend"]: each["found"] for each in told[1:]}
    assert "invoice-overdue" in lacking["there are no invoices at all: import invoices"]
    assert lacking["no churn_risk has been forecast yet"].startswith("waits for a forecast: churn-predicted")
    assert "readiness" not in {each["check"] for each in json.loads(empty.stdout)}


def test_a_reader_that_closes_early_hears_nothing(filled: Tocsin) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tocsin", "rules", "list", "--format", "json"],
        env=filled.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_damaged_files_of_the_home_are_one_line(facts: Path, tocsin: Tocsin) -> None:
    tocsin.out("rules", "list")
    (tocsin.home / "facts.duckdb").write_bytes(b"no database at all" * 1000)
    assert "facts.duckdb" in tocsin.refused("signals", "mrr")
    (tocsin.home / "tocsin.sqlite3").write_bytes(b"no database at all" * 1000)
    assert "tocsin.sqlite3" in tocsin.refused("alerts", "list")
