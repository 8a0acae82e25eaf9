"""Mapping folders: SELECTs over foreign files, and columns.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.facts.conftest import NOW, Desk
from tocsin.core.errors import UserError
from tocsin.facts.importing import ImportReport, import_paths
from tocsin.facts.rejected import list_rejected

CUSTOMERS = "Customer No;Customer;Stage;Value;Since\n1;Acme;2 - Implementation;1.234,50;31.12.2025\n2;Bolt;Live;7;01.02.2026\n"
ACCOUNTS = """
-- a comment, and a semicolon at the end
SELECT "Customer No" AS id, "Customer" AS name, "Stage" AS lifecycle_stage, "Value" AS mrr, "Since" AS created_at
FROM customers;
"""
COLUMNS = """
date_format: DD.MM.YYYY
accounts:
  columns:
    lifecycle_stage: {values: {"2 - Implementation": Onboarding, Live: Adoption}}
    mrr: {decimal: ","}
"""


def mapped(desk: Desk, *paths: str) -> ImportReport:
    return import_paths(desk.store, [desk.folder / path for path in paths or ("in",)], now=NOW, mapping=desk.folder / "map")


@pytest.fixture
def crm(desk: Desk) -> Desk:
    desk.write("in/customers.csv", CUSTOMERS)
    desk.write("map/accounts.sql", ACCOUNTS)
    desk.write("map/columns.yaml", COLUMNS)
    return desk


def test_a_select_makes_rows_of_a_collection(crm: Desk) -> None:
    report = mapped(crm)
    assert crm.figures(report, "accounts") == (2, 2, 0, 0, 0)
    assert crm.rows("SELECT id, lifecycle_stage, mrr, CAST(created_at AS VARCHAR) FROM accounts ORDER BY id") == [
        ("1", "Onboarding", 1234.5, "2025-12-31 00:00:00"), ("2", "Adoption", 7.0, "2026-02-01 00:00:00"),
    ]  # fmt: skip
    assert crm.figures(mapped(crm, "in/customers.csv"), "accounts") == (2, 0, 0, 2, 0)


def test_rejected_rows_name_the_select(crm: Desk) -> None:
    crm.write("in/customers.csv", CUSTOMERS + "3;;Live;much;01.02.2026\n")
    assert crm.figures(mapped(crm), "accounts") == (3, 2, 0, 0, 1)
    entry = list_rejected(crm.store)[0]
    assert (entry.line, entry.reason, Path(entry.file or "").name) == (3, "name is empty, and a row needs one", "accounts.sql")
    mapped(crm)
    assert len(list_rejected(crm.store)) == 1


def test_broken_rows_of_a_source_are_kept(crm: Desk) -> None:
    crm.write("in/customers.csv", CUSTOMERS + "3;Coil\n")
    report = mapped(crm)
    assert crm.figures(report, "accounts") == (2, 2, 0, 0, 0)
    assert crm.figures(report, "customers") == (1, 0, 0, 0, 1)
    assert [(entry.line, entry.row) for entry in list_rejected(crm.store)] == [(4, {"Customer No": "3", "Customer": "Coil"})]
    mapped(crm)
    assert len(list_rejected(crm.store)) == 1


def test_files_of_a_collection_without_a_select_are_read_as_they_are(crm: Desk) -> None:
    crm.write("in/events.csv", "account_id,name,at\n1,x,01.02.2026\n")
    report = mapped(crm)
    assert crm.figures(report, "events") == (1, 1, 0, 0, 0)


def test_columns_yaml_alone(desk: Desk) -> None:
    desk.write(
        "map/columns.yaml",
        "accounts:\n  columns:\n    id: Account Id\n    name: {from: Account}\n"
        "    renews_on: {from: Renewal, date_format: MM/DD/YYYY}\n"
        "    score: {type: number, decimal: ','}\n    tier: {values: {2: gold, true: silver}}\n",
    )
    desk.write(
        "in/accounts.csv",
        'Account Id,Account,Renewal,score,tier\na1,Acme,12/31/2026,"1,5",2\na2,Bolt,,much,true\na3,Coil,,,true\n',
    )
    report = mapped(desk)
    assert desk.figures(report, "accounts") == (3, 2, 0, 0, 1)
    assert desk.rows("SELECT id, CAST(renews_on AS VARCHAR), custom ->> 'score', tier FROM accounts ORDER BY id") == [
        ("a1", "2026-12-31", "1.5", "gold"), ("a3", None, None, "silver"),
    ]  # fmt: skip
    assert list_rejected(desk.store)[0].row["score"] == "much"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("accounts:\n  columns:\n    score: {type: colour}\n", "accounts.score: unknown column type 'colour'"),
        ("accounts:\n  columns:\n    mrr: {type: date}\n", "mrr is number, not date"),
        ("account:\n  columns: {}\n", "did you mean accounts"),
        ("accounts:\n  column: {}\n", "did you mean columns"),
        ("accounts:\n  columns:\n    mrr: {decimals: ','}\n", "did you mean decimal"),
        ("accounts: [1]\n", "a mapping is expected"),
        ("date_format: soon\n", "no date format"),
        ("decimal: x\n", "no decimal sign"),
        ("accounts: {\n", "columns.yaml:"),
        ("- 1\n", "a mapping is expected"),
    ],
)
def test_columns_yaml_with_a_mistake(crm: Desk, text: str, said: str) -> None:
    crm.write("map/columns.yaml", text)
    with pytest.raises(UserError, match=said) as caught:
        mapped(crm)
    assert "\n" not in str(caught.value)
    assert crm.store.counts()["accounts"] == 0


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELEC 1", "does not run"),
        ("SELECT * FROM clients", r"does not run: .*tables: customers"),
        ("SELECT 1; SELECT 2", "exactly one SELECT"),
        ("DROP TABLE customers", "exactly one SELECT"),
        ("COPY customers TO 'x.csv'", "exactly one SELECT"),
        ('SELECT "Customer" AS name FROM customers', "required column id"),
        ("SELECT * FROM read_csv('/etc/hostname')", "does not run"),
        ("SELECT * FROM read_text('/etc/hostname')", "does not run"),
        ("SELECT CAST(\"Value\" AS INTEGER) AS id, 'x' AS name FROM customers", "does not run"),
    ],
)
def test_a_select_that_does_not_do(crm: Desk, sql: str, said: str) -> None:
    crm.write("map/accounts.sql", sql)
    with pytest.raises(UserError, match=said) as caught:
        mapped(crm)
    assert "\n" not in str(caught.value)
    assert crm.store.counts()["accounts"] == 0


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "-- a comment\n\nSELECT 1 AS id,\n  nothing AS name\nFROM customers",
            r"accounts\.sql, line 4, does not run: Binder Error",
        ),
        ("-- a comment\nSELECT 1 AS id,\nFORM customers WHERE(", r"accounts\.sql, line 3, does not run: Parser Error"),
        (
            "\n-- late\nSELECT i AS id,\n  CAST(if(i = 250000, 'x', '1') AS INTEGER) AS name\nFROM range(300000) AS r(i)",
            r"accounts\.sql, line 4, does not run: Conversion Error: Could not convert string 'x' to .*tables: customers\)$",
        ),
    ],
)
def test_a_select_that_fails_says_where_in_the_file(crm: Desk, sql: str, said: str) -> None:
    crm.write("map/accounts.sql", sql)
    with pytest.raises(UserError, match=said) as caught:
        mapped(crm)
    assert "incoming" not in str(caught.value), "how the rows are read is of no concern"
    assert crm.store.counts()["accounts"] == 0


def test_mapping_folders_that_are_none(crm: Desk) -> None:
    for folder, said in (("nowhere", "cannot be read"), ("in", "holds no COLLECTION.sql")):
        with pytest.raises(UserError, match=said):
            import_paths(crm.store, [crm.folder / "in"], now=NOW, mapping=crm.folder / folder)
    crm.write("map/clients.sql", "SELECT 1")
    with pytest.raises(UserError, match="unknown collection 'clients'"):
        mapped(crm)


def test_two_sources_of_one_name(crm: Desk) -> None:
    crm.write("more/customers.csv", CUSTOMERS)
    with pytest.raises(UserError, match="would both be the table 'customers'"):
        mapped(crm, "in", "more")
