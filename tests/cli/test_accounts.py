"""Accounts that an alias made one with another, on the command line."""

from __future__ import annotations

import json

from tests.cli.conftest import Tocsin


def test_a_merge_is_shown_and_taken_back(tocsin: Tocsin) -> None:
    files = tocsin.cwd / "files"
    files.mkdir()
    (files / "accounts.csv").write_text("id,name\nacme,Acme\ncus_1,cus_1\n")
    (files / "tickets.csv").write_text("id,account_id,opened_at\nt1,cus_1,2026-03-01\nt2,acme,2026-03-01\n")
    tocsin.out("import", "files")
    (files / "account_aliases.csv").write_text("account_id,source,external_id\nacme,stripe,cus_1\n")
    tocsin.out("import", "files/account_aliases.csv")
    [found] = json.loads(tocsin.out("accounts", "merged", "--format", "json"))
    assert (found["id"], found["into"], found["rows"]) == ("cus_1", "acme", {"tickets": 1})
    tried = tocsin("accounts", "split", "cus_1", "--dry-run")
    assert "1 row (1 of tickets) goes back to it from acme" in tried.stderr
    assert len(json.loads(tocsin.out("accounts", "merged", "--format", "json"))) == 1
    assert "cus_1 is split from acme" in tocsin("accounts", "split", "cus_1").stderr
    assert json.loads(tocsin.out("accounts", "merged", "--format", "json")) == []
    tocsin.out("import", "files/account_aliases.csv")
    assert json.loads(tocsin.out("accounts", "merged", "--format", "json")) == []
    counts = json.loads(tocsin.out("signals", "count(tickets)", "--as-of", "2026-04-01", "--format", "json"))
    assert {each["subject_id"]: each["count(tickets)"] for each in counts} == {"acme": 1, "cus_1": 1}
    assert tocsin.refused("accounts", "split", "cus_1") == "tocsin: there is no merged account 'cus_1'"
