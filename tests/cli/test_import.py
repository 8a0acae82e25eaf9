"""`tocsin import` from outside: the report, the rejected and the unmatched, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Tocsin

ACCOUNTS = "id,name\na1,Acme\n"
EVENTS = "id,account_id,name,at\n1,a1,x,2026-01-01\n2,zz,x,2026-01-01\n3,a1,x,never\n"


@pytest.fixture
def here(tmp_path: Path) -> Tocsin:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "accounts.csv").write_text(ACCOUNTS)
    (tmp_path / "in" / "events.csv").write_text(EVENTS)
    return Tocsin(tmp_path / "home", tmp_path)


def test_an_import_says_what_it_did(here: Tocsin) -> None:
    text = here.out("import", "in")
    lines = [line.split() for line in text.splitlines()]
    assert lines[:3] == [
        ["collection", "read", "added", "updated", "unchanged", "rejected"],
        ["accounts", "1", "1", "0", "0", "0"],
        ["events", "3", "1", "0", "0", "2"],
    ]
    figures = json.loads(here.out("import", "in", "--format", "json"))
    assert [(each["collection"], each["unchanged"], each["rejected"]) for each in figures] == [
        ("accounts", 1, 0),
        ("events", 1, 2),
    ]


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_data_on_standard_output_has_its_reasons_beside_it(here: Tocsin, options: tuple[str, ...]) -> None:
    done = here("import", "in", "--format", "json", *options)
    assert [each["rejected"] for each in json.loads(done.stdout)] == [0, 2]
    assert "events.csv:3: unknown account 'zz'" in done.stderr
    assert "events.csv:4: at 'never' is no time" in done.stderr
    assert ("`tocsin import --rejected` lists them" in done.stderr) is not bool(options)


def test_the_rejected_and_the_unmatched(here: Tocsin) -> None:
    here.out("import", "in")
    entries = json.loads(here.out("import", "--rejected", "--format", "json"))
    assert [(each["source"], each["collection"], each["line"], each["row"]["id"]) for each in entries] == [
        ("file", "events", 3, "2"), ("file", "events", 4, "3"),
    ]  # fmt: skip
    assert all(each["reason"] and each["file"].endswith("events.csv") for each in entries)
    assert json.loads(here.out("import", "--unmatched", "--format", "json")) == [
        {"collection": "events", "account_id": "zz", "rows": 1}
    ]


def test_a_dry_run_leaves_nothing(here: Tocsin) -> None:
    assert "nothing was written" in here.out("import", "in", "--dry-run")
    assert json.loads(here.out("import", "--rejected", "--format", "json")) == []


def test_what_is_refused(here: Tocsin) -> None:
    assert "which files" in here.refused("import")
    assert "cannot be read" in here.refused("import", "no-such-file.csv")
    assert "stand alone" in here.refused("import", "--rejected", "in")
    assert "no date format" in here.refused("import", "in", "--date-format", "soon")
    assert "no decimal sign" in here.refused("import", "in", "--decimal", "x")


def test_a_saved_mapping_is_taken_by_its_name(here: Tocsin, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "mappings" / "crm"
    here.out("import", "in", "--dry-run")
    folder.mkdir(parents=True)
    (folder / "columns.yaml").write_text("accounts: {files: ['kunden*'], columns: {id: Nr, name: Firma}}\n")
    (tmp_path / "kunden-3.csv").write_text("Nr,Firma\nk1,Kunz\n")
    figures = json.loads(here.out("import", "kunden-3.csv", "--mapping", "crm", "--format", "json"))
    assert [(each["collection"], each["added"]) for each in figures] == [("accounts", 1)]
    (tmp_path / "crm").mkdir()
    assert "holds no COLLECTION.sql" in here.refused("import", "kunden-3.csv", "--mapping", "crm"), (
        "a folder goes before a name"
    )
    assert "cannot be read" in here.refused("import", "kunden-3.csv", "--mapping", "nothing")
