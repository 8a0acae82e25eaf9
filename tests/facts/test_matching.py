"""Matching files of any shape to collections: what is seen in them, what is guessed, and the mapping that comes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.facts.conftest import NOW, Desk
from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.cells import Formats
from tocsin.facts.importing import import_paths
from tocsin.facts.importing.mapping import read_mapping
from tocsin.facts.importing.matching import guesses, plans, saved
from tocsin.facts.importing.matching.formats import written_as
from tocsin.facts.importing.matching.looks import Field, Look, look_at
from tocsin.facts.importing.matching.plans import Match, Table, as_yaml, checked, proposed

CRM = (
    "Kundennr;Firma;Betreuer;Phase;MRR (EUR);Kunde seit;Notiz\n"
    "K-1;Müller & Söhne;ada@x.example;2 - Implementation;1.234,50;31.12.2024;alt\n"
    "K-2;Bolt;ada@x.example;onboarding;7,00;02.02.2025;\n"
)


def looked(desk: Desk, name: str, text: str | bytes) -> Look:
    """What is seen in one file."""
    [found] = look_at([desk.write(name, text)], told_from=desk.folder)
    return found


def targets(look: Look) -> dict[str, str]:
    """The columns of a file and what they are taken for."""
    return {match.source: match.target for match in proposed(look).matches}


def imported(desk: Desk, tables: list[Table], **options: object) -> tuple[int, ...]:
    """Import files by what was decided about them; (read, added, updated, unchanged, rejected) of the first collection."""
    desk.write("map/columns.yaml", as_yaml(tables))
    paths = [desk.folder / table.file for table in tables]
    report = import_paths(desk.store, paths, now=NOW, mapping=desk.folder / "map", told_from=desk.folder, **options)  # type: ignore[arg-type]
    return desk.figures(report, report.collections[0].name)


def test_a_file_is_seen_as_it_is(desk: Desk) -> None:
    look = looked(desk, "Kunden Export 2026-03.csv", CRM.encode("cp1252"))
    assert (look.rows, look.broken, look.encoding, look.separator, look.problem) == (2, 0, "cp1252", ";", "")
    by_name = {field.name: field for field in look.fields}
    assert by_name["Firma"].examples == ("Bolt", "Müller & Söhne")
    assert (by_name["Notiz"].filled, by_name["Notiz"].distinct) == (1, 1)
    assert not list(desk.folder.glob("tocsin-look-*")), "nothing is left behind"


def test_a_german_export_is_matched_and_comes_in(desk: Desk) -> None:
    look = looked(desk, "Kunden Export 2026-03.csv", CRM.encode("cp1252"))
    table = proposed(look)
    assert table.collection == "accounts"
    assert targets(look) == {
        "Kundennr": "id", "Firma": "name", "Betreuer": "owner", "Phase": "lifecycle_stage", "MRR (EUR)": "mrr",
        "Kunde seit": "created_at", "Notiz": "Notiz",
    }  # fmt: skip
    by_target = {match.target: match for match in table.matches}
    assert by_target["created_at"].date_format == "DD.MM.YYYY"
    assert by_target["mrr"].decimal == ","
    assert by_target["lifecycle_stage"].values == {"onboarding": "Onboarding"}, "what differs in case alone is known"
    assert imported(desk, [table]) == (2, 2, 0, 0, 0)
    assert desk.rows("SELECT id, name, lifecycle_stage, mrr, CAST(created_at AS VARCHAR) FROM accounts ORDER BY id") == [
        ("K-1", "Müller & Söhne", "2 - Implementation", 1234.5, "2024-12-31 00:00:00"),
        ("K-2", "Bolt", "Onboarding", 7.0, "2025-02-02 00:00:00"),
    ]
    assert imported(desk, [table]) == (2, 0, 0, 2, 0)


@pytest.mark.parametrize(
    ("name", "header", "collection"),
    [
        ("contacts.csv", "User ID,Company ID,Full name,E-Mail,Job Title", "people"),
        ("hubspot-deals-2026.csv", "Deal ID,Company,Deal type,Amount,Create date", "opportunities"),
        ("export.csv", "account_id,name,at,feature", "events"),
        ("export.csv", "ticket id,account_id,priority,opened_at,subject", "tickets"),
        ("Invoices (1).csv", "Invoice number,Customer ID,Total,Invoice date,Due date", "invoices"),
        ("nps responses.csv", "Account,Score,Comment,Date", "surveys"),
        ("lorem.csv", "a,b,c", ""),
        ("accounts.csv", "foo,bar", "accounts"),
    ],
)
def test_what_a_file_holds_is_guessed(desk: Desk, name: str, header: str, collection: str) -> None:
    assert guesses.collection_of(looked(desk, name, f"{header}\n{'1,' * header.count(',')}1\n")) == collection


def test_contents_speak_where_names_do_not(desk: Desk) -> None:
    look = looked(desk, "people.csv", "id,account_id,who,x\np1,a1,ada@b.example,champion\np2,a1,bo@b.example,admin\n")
    assert targets(look) == {"id": "id", "account_id": "account_id", "who": "email", "x": "role"}
    wrong = looked(desk, "accounts.csv", "id,name,mrr\na1,Acme,much\na2,Birch,little\n")
    assert "mrr" not in {guess.target for guess in guesses.match(wrong, "accounts") if guess.why}, "its cells are no numbers"


def test_each_column_is_taken_once(desk: Desk) -> None:
    look = looked(desk, "accounts.csv", "id,name,Company name,Account name\na1,Acme,Acme Ltd,ACME\n")
    found = targets(look)
    assert found["name"] == "name"
    assert sorted(found.values()) == ["Account name", "Company name", "id", "name"]


@pytest.mark.parametrize(
    ("cells", "kind", "form", "decimal", "either"),
    [
        (("2026-01-02", "2026-01-02T09:00:00Z"), "time", "", "", ""),
        (("31.12.2025", "01.02.2026"), "date", "DD.MM.YYYY", "", ""),
        (("12/31/2025", "01/02/2026"), "date", "MM/DD/YYYY", "", ""),
        (("03/04/2025",), "date", "DD/MM/YYYY", "", "MM/DD/YYYY"),
        (("31.12.2025 14:05",), "time", "DD.MM.YYYY HH:mm", "", ""),
        (("Mar 3, 2025",), "date", "MMM DD, YYYY", "", ""),
        (("1.234,50", "7"), "number", "", ",", ""),
        (("1,234.50", "7"), "number", "", ".", ""),
        (("1234.5", "7"), "number", "", "", ""),
    ],
)
def test_how_cells_are_written(cells: tuple[str, ...], kind: str, form: str, decimal: str, either: str) -> None:
    written = written_as(Field("x", len(cells), len(cells), tuple((each, 1) for each in cells)), kind)  # type: ignore[arg-type]
    assert (written.fits, written.date_format, written.decimal, written.either) == (1.0, form, decimal, either)


def test_workbooks_are_seen_sheet_by_sheet(desk: Desk) -> None:
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first.title = "Customers"
    for row in (["Customer No", "Company"], ["a1", "Acme"]):
        first.append(row)
    second = book.create_sheet("Cases")
    for row in (["Case number", "Customer", "Opened", "Internal"], ["t1", "a1", "2026-02-01", "x"]):
        second.append(row)
    book.create_sheet("Empty")
    book.save(desk.folder / "crm.xlsx")
    looks = look_at([desk.folder / "crm.xlsx"], told_from=desk.folder)
    assert [each.name for each in looks] == ["crm.xlsx#Customers", "crm.xlsx#Cases"]
    tables = [proposed(each) for each in looks]
    assert [each.collection for each in tables] == ["accounts", "tickets"]
    desk.write("map/columns.yaml", as_yaml(tables))
    report = import_paths(desk.store, [desk.folder / "crm.xlsx"], now=NOW, mapping=desk.folder / "map")
    assert desk.figures(report, "tickets") == (1, 1, 0, 0, 0)
    assert report.notes == ()
    assert report.collections[1].notes == (), "what is left out on purpose is no news"


def test_other_formats_are_seen_too(desk: Desk) -> None:
    pq.write_table(pa.table({"id": ["a1"], "name": ["Acme"], "mrr": [5.0]}), desk.folder / "accounts.parquet")
    lines = desk.write("people.jsonl", '{"id": "p1", "account_id": "a1", "Mail": "a@b.example"}\nnonsense\n')
    broken = desk.write("events.csv", "")
    parquet, jsonl, empty = look_at([desk.folder / "accounts.parquet", lines, broken], told_from=desk.folder)
    assert [field.name for field in parquet.fields] == ["id", "name", "mrr"]
    assert (jsonl.rows, jsonl.broken, targets(jsonl)["Mail"]) == (1, 1, "email")
    assert "is empty" in empty.problem
    assert proposed(empty).collection == ""
    text = looked(desk, "notes.docx", "x")
    assert "no format that can be read" in text.problem


def test_an_encoding_is_taken_by_its_name(desk: Desk) -> None:
    path = desk.write("accounts.csv", "id,name\na1,Łódź\n".encode("cp1250"))
    [look] = look_at([path], told_from=desk.folder, encodings={"accounts.csv": "cp1250"})
    assert look.fields[1].examples == ("Łódź",)
    assert imported(desk, [replace(proposed(look), encoding="cp1250")]) == (1, 1, 0, 0, 0)
    assert desk.rows("SELECT name FROM accounts") == [("Łódź",)]
    with pytest.raises(UserError, match="no encoding that can be read; did you mean utf-8"):
        checked(replace(proposed(look), encoding="utf-9"))


def test_a_table_that_cannot_be_imported_says_why(desk: Desk) -> None:
    table = proposed(looked(desk, "tickets.csv", "id,account_id,opened_at,x\nt1,a1,2026-01-01,1\n"))
    by_source = {match.source: match for match in table.matches}

    def but(**targets: str) -> Table:
        return replace(
            table, matches=tuple(replace(each, target=targets.get(name, each.target)) for name, each in by_source.items())
        )

    for wrong, words in (
        (but(opened_at=""), "nothing is taken for opened_at"),
        (but(x="id"), "both id and x are taken for id"),
        (but(x="colour"), "have no column 'colour'"),
        (replace(table, collection="nonsense"), "unknown collection"),
        (replace(table, matches=(Match("id", "id", date_format="soon"), *table.matches[1:])), "'soon' is no date format"),
    ):
        with pytest.raises(UserError, match=words):
            checked(wrong)
    with pytest.raises(UserError, match="nothing is to be imported"):
        as_yaml([replace(table, collection="")])


def test_files_of_one_collection_go_together_unless_they_contradict(desk: Desk) -> None:
    first = proposed(looked(desk, "a.csv", "Customer No,Company\nc1,Acme\n"), "accounts")
    second = proposed(looked(desk, "b.csv", "Client ID,Client\nc2,Birch\n"), "accounts")
    assert imported(desk, [first, second]) == (2, 2, 0, 0, 0)
    third = replace(second, matches=(Match("Customer No", "name"), Match("x", "id")))
    with pytest.raises(UserError, match="a column Customer No that becomes different things"):
        as_yaml([first, third])
    with pytest.raises(UserError, match="different encodings"):
        as_yaml([first, replace(second, encoding="cp1252")])


def test_a_mapping_says_which_file_is_what_whatever_it_is_called(desk: Desk) -> None:
    desk.write(
        "map/columns.yaml", 'touchpoints: {files: ["events*.csv"]}\naccounts: {files: [accounts.csv], leave_out: [secret]}\n'
    )
    desk.write("in/accounts.csv", "id,name,secret\na1,Acme,hush\n")
    desk.write("in/events-7.csv", "account_id,kind,at\na1,call,2026-02-01\n")
    report = import_paths(desk.store, [desk.folder / "in"], now=NOW, mapping=desk.folder / "map")
    assert [each.name for each in report.collections] == ["accounts", "touchpoints"]
    assert desk.rows("SELECT CAST(custom AS VARCHAR) FROM accounts") == [("{}",)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("accounts: {files: [[a]]}", "a name or a list of names"),
        ("accounts: {leave_out: {a: b}}", "a name or a list of names"),
        ("accounts: {encoding: klingon}", "no encoding that can be read"),
        ("accounts: {file: a.csv}", "did you mean files"),
    ],
)
def test_what_a_mapping_says_wrongly_is_told(desk: Desk, text: str, words: str) -> None:
    desk.write("map/columns.yaml", text)
    with pytest.raises(UserError, match=words):
        read_mapping(desk.folder / "map", Formats())


def test_a_saved_mapping_takes_the_file_of_the_next_day(desk: Desk, tmp_path: Path) -> None:
    look = looked(desk, "Kunden Export 2026-03.csv", CRM.encode("cp1252"))
    table = proposed(look)
    phase = next(each for each in table.matches if each.target == "lifecycle_stage")
    told = replace(phase, values={**phase.values, "2 - Implementation": "Onboarding"})
    left = tuple(told if each is phase else Match(each.source) if each.source == "Notiz" else each for each in table.matches)
    home = tmp_path / "home"
    saved.save(home, "crm", as_yaml([replace(table, matches=left)], patterns=True))
    [described] = saved.list_saved(home)
    assert (described.collections, described.files) == (("accounts",), ("Kunden Export *.csv",))
    later = looked(
        desk,
        "Kunden Export 2026-04.csv",
        CRM.replace("Notiz", "Notiz;Neu").replace(";alt", ";alt;1").replace(";\n", ";;\n").encode("cp1252"),
    )
    said = plans.reading_for(saved.open_saved(home, "crm").readings, later)
    assert said is not None
    again = proposed(later, *said)
    by_source = {match.source: match for match in again.matches}
    assert by_source["Notiz"].target == "", "what was left out stays out"
    assert by_source["Neu"].target == "Neu", "what is new is guessed"
    assert by_source["Phase"].values["2 - Implementation"] == "Onboarding"
    assert by_source["MRR (EUR)"].decimal == ","
    report = import_paths(desk.store, [desk.folder / later.file], now=NOW, mapping=saved.folder_of(home, "crm"))
    assert desk.figures(report, "accounts") == (2, 2, 0, 0, 0)
    assert desk.rows("SELECT DISTINCT lifecycle_stage FROM accounts") == [("Onboarding",)]


def test_saved_mappings_are_kept_by_name(tmp_path: Path) -> None:
    text = "accounts: {files: [a.csv]}\n"
    folder = saved.save(tmp_path, " The CRM ", text)
    assert saved.text_of(tmp_path, "The CRM") == text
    assert saved.chosen(tmp_path, tmp_path / "elsewhere" / "The CRM", tmp_path / "elsewhere") == folder
    assert saved.chosen(tmp_path, tmp_path / "no", tmp_path) == tmp_path / "no", "the import itself says that it is not there"
    assert saved.chosen(tmp_path, None, tmp_path) is None
    with pytest.raises(UserError, match=r"^columns.yaml:1: "):
        saved.save(tmp_path, "The CRM", "accounts: [")
    assert saved.text_of(tmp_path, "The CRM") == text, "what was there stays"
    (folder.with_name("broken")).mkdir()
    (folder.with_name("broken") / "columns.yaml").write_text("accounts: [", "utf-8")
    with pytest.raises(UserError, match=r"^broken/columns.yaml:1: "):
        saved.open_saved(tmp_path, "broken")
    assert [bool(each.problem) for each in saved.list_saved(tmp_path)] == [False, True]
    saved.delete(tmp_path, "The CRM")
    for name in ("The CRM", "../home", "", "a/b"):
        with pytest.raises(UserError, match="there is no saved mapping"):
            saved.open_saved(tmp_path, name)
    for name in ("", "../x", "a/b", "x" * 61, ".hidden"):
        with pytest.raises(UserError, match="a mapping needs a name"):
            saved.save(tmp_path, name, text)


def test_patterns_leave_open_what_changes(desk: Desk) -> None:
    for name, wanted in (("crm-2026-03-01.csv", "crm-*.csv"), ("2026.csv", "2026.csv"), ("a[1]bc.csv", "a[[]*]bc.csv")):
        assert plans.pattern(Table(name, None, "accounts")) == wanted
    assert plans.pattern(Table("book 3.xlsx", "Q1", "accounts")) == "book *.xlsx#Q1"


@pytest.mark.parametrize("collection", [name for name in COLLECTIONS if name != "alerts"])
def test_the_products_own_columns_are_taken_as_they_are(desk: Desk, collection: str) -> None:
    declared = COLLECTIONS[collection]
    look = Look("x.csv", None, 1, fields=tuple(Field(column.name, 0, 0, ()) for column in declared))
    assert {guess.source: guess.target for guess in guesses.match(look, collection)} == {name: name for name in declared.names}
