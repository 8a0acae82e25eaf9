"""Files that programs send: tried, imported, turned away; mappings kept and taken; and what is wrong, said in a sentence."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.api.conftest import Caller
from tests.api.test_session import Browser
from tests.web.conftest import NOW
from tests.web.test_data import acts, stored
from tocsin import serving, workspace
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.rejected import list_rejected
from tocsin.people import facade as people

CSV, JSONL, PARQUET = "text/csv", "application/x-ndjson", "application/vnd.apache.parquet"
ACCOUNTS = "id,name,created_at\nc1,Acme,2024-12-31\nc2,,2025-02-01\n"
CRM = "Nr;Firma;Seit;MRR\nc1;Acme;31.12.2024;1.250,00\n"
COLUMNS = """
accounts:
  files: [kunden-*.csv]
  columns:
    id: Nr
    name: Firma
    created_at: {from: Seit, date_format: DD.MM.YYYY}
    mrr: {from: MRR, decimal: ","}
"""
Call = Callable[..., Caller]


@pytest.fixture
def facts() -> Iterator[DuckStore]:
    """Facts of this test alone: none."""
    store = DuckStore(":memory:", ZoneInfo("Europe/Berlin"))
    yield store
    store.close()


def post(caller: Caller, body: str | bytes, media: str = CSV, **asked: str) -> Any:
    """Post a body as it is."""
    data = body.encode() if isinstance(body, str) else body
    return caller.client.generic("POST", f"/api/v1/imports?{urlencode(asked)}", data, content_type=media)


def form(caller: Caller, *files: tuple[str, str], columns: str = "", **asked: str) -> Any:
    """Post a form."""
    given: dict[str, Any] = {"file": [SimpleUploadedFile(name, text.encode()) for name, text in files]}
    if columns:
        given["columns"] = columns
    return caller.client.post(f"/api/v1/imports?{urlencode(asked)}", given)


def done() -> list[str]:
    """What was recorded, the latest first, without the keys of the tests."""
    return [str(each[1]) for each in acts() if each[1] != "key made"]


def names(facts: DuckStore) -> list[str]:
    return [str(each["id"]) for each in stored(facts, "SELECT id FROM accounts ORDER BY id")]


def test_a_dry_run_and_the_import(
    call: Call, facts: DuckStore, here: workspace.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bool] = []
    here.listen(lambda: heard.append(True))
    admin = call("admin")
    tried = post(admin, ACCOUNTS, collection="accounts", dry_run="true").json()
    figures = {"collection": "accounts", "read": 2, "added": 1, "updated": 0, "unchanged": 0, "rejected": 1, "notes": []}
    assert tried == {
        "dry_run": True, "collections": [figures], "rejected": 1, "notes": [], "reasons": tried["reasons"],
        "samples": [{
            "collection": "accounts", "file": "accounts.csv", "columns": ["id", "name", "created_at"],
            "rows": [["c1", "Acme", "2024-12-30T23:00:00Z"]],
        }],
    }  # fmt: skip
    assert [each.partition(" is empty")[0] for each in tried["reasons"]] == ["accounts.csv:3: name"]
    assert (names(facts), list_rejected(facts), heard, done()) == ([], [], [], []), "nothing is written"
    made = post(admin, ACCOUNTS, collection="accounts").json()
    assert (made["dry_run"], made["collections"], made["samples"]) == (False, [figures], [])
    assert names(facts) == ["c1"]
    [kept] = list_rejected(facts)
    assert (kept.file, kept.line) == ("accounts.csv", 3), "kept, and not by where the home keeps files"
    assert heard, "rules are judged anew"
    assert done() == ["files imported"]
    assert list((here.home / "uploads").iterdir()) == []
    monkeypatch.setattr(serving, "now", lambda: NOW + timedelta(minutes=1))
    again = post(admin, ACCOUNTS.replace("c2,,", "c2,Birch,"), collection="accounts").json()
    assert (again["collections"][0]["added"], again["collections"][0]["unchanged"]) == (1, 1)
    assert list_rejected(facts) == []


def test_other_formats(call: Call, facts: DuckStore) -> None:
    admin = call("admin")
    lines = '{"id": "j1", "name": "Acme", "created_at": "2024-12-31"}\n'
    assert post(admin, lines, JSONL, collection="accounts").json()["collections"][0]["added"] == 1
    out = io.BytesIO()
    pq.write_table(pa.table({"id": ["p1"], "name": ["Birch"], "created_at": ["2024-12-31"]}), out)
    assert post(admin, out.getvalue(), PARQUET, collection="accounts").json()["collections"][0]["added"] == 1
    named = post(admin, ACCOUNTS, "application/octet-stream", name="accounts.csv")
    assert named.json()["collections"][0]["added"] == 1
    assert names(facts) == ["c1", "j1", "p1"]


def test_a_form_with_several_files(call: Call, facts: DuckStore) -> None:
    tickets = "id,account_id,opened_at\nt1,c1,2026-02-01\nt2,nobody,2026-02-01\n"
    report = form(call("admin"), ("accounts.csv", ACCOUNTS), ("tickets.csv", tickets)).json()
    assert [(each["collection"], each["added"], each["rejected"]) for each in report["collections"]] == [
        ("accounts", 1, 1), ("tickets", 1, 1),
    ]  # fmt: skip
    assert {each.file for each in list_rejected(facts)} == {"accounts.csv", "tickets.csv"}


def test_a_mapping_is_sent_or_kept(call: Call, facts: DuckStore, here: workspace.Workspace) -> None:
    admin, reader = call("admin"), call("read")
    assert reader.get("/imports/mappings").json() == []
    report = form(admin, ("export.csv", CRM), columns=COLUMNS, collection="accounts", dry_run="true").json()
    assert report["samples"][0]["rows"] == [["c1", "Acme", "1250", "2024-12-30T23:00:00Z"]]
    told = {"name": "crm", "collections": ["accounts"], "files": ["kunden-*.csv"], "problem": ""}
    assert admin.send("PUT", "/imports/mappings/crm", {"columns": COLUMNS}).json() == {**told, "columns": COLUMNS}
    assert reader.get("/imports/mappings").json() == [told]
    assert reader.get("/imports/mappings/crm").json()["columns"] == COLUMNS
    by_name = post(admin, CRM, name="kunden-2026-03.csv", mapping="crm", dry_run="true").json()
    assert by_name["collections"][0]["added"] == 1
    assert post(admin, CRM, collection="accounts", mapping="crm").json()["collections"][0]["added"] == 1
    assert stored(facts, "SELECT id, mrr FROM accounts") == [{"id": "c1", "mrr": 1250}]
    wrong = admin.send("PUT", "/imports/mappings/crm", {"columns": "acounts: {}"})
    assert (wrong.status_code, "did you mean accounts?" in wrong.json()["detail"]) == (422, True)
    assert reader.get("/imports/mappings/crm").json()["columns"] == COLUMNS, "what was there stays"
    assert admin.send("PUT", "/imports/mappings/-", {"columns": COLUMNS}).status_code == 422
    assert admin.send("DELETE", "/imports/mappings/crm").json() == told
    assert admin.send("DELETE", "/imports/mappings/crm").status_code == 404
    assert reader.get("/imports/mappings/crm").status_code == 404
    assert done() == ["mapping deleted", "files imported", "mapping saved"]


def test_mappings_that_were_put_there_by_hand(call: Call, facts: DuckStore, here: workspace.Workspace) -> None:
    select = "SELECT Nr AS id, Firma AS name, TIMESTAMP '2025-01-01' AS created_at FROM export"
    for name, file, text in (("sql", "accounts.sql", select), ("bad", "columns.yaml", "accounts: [")):
        (here.home / "mappings" / name).mkdir(parents=True)
        (here.home / "mappings" / name / file).write_text(text)
    admin = call("admin")
    bad, sql = admin.get("/imports/mappings").json()
    assert (sql["collections"], bad["collections"]) == (["accounts"], [])
    assert bad["problem"].startswith("bad/columns.yaml:"), "and not where the home lies"
    assert admin.get("/imports/mappings/sql").json()["columns"] == ""
    refused = post(admin, ACCOUNTS, collection="accounts", mapping="sql")
    assert (refused.status_code, "leave the collection out" in refused.json()["detail"]) == (422, True)
    for broken in (
        post(admin, ACCOUNTS, collection="accounts", mapping="bad"),
        post(admin, ACCOUNTS, name="export.csv", mapping="sql"),
    ):
        assert (broken.status_code, str(here.home) in broken.json()["detail"]) == (422, False), broken.content
    assert post(admin, CRM, name="export.csv", mapping="sql").json()["collections"][0]["added"] == 1
    assert names(facts) == ["c1"]
    for name in ("bad", "sql"):
        assert admin.send("DELETE", f"/imports/mappings/{name}").status_code == 200


@pytest.mark.parametrize(
    ("body", "media", "asked", "why"),
    [
        (ACCOUNTS, CSV, {}, "say what the rows are"),
        (ACCOUNTS, CSV, {"collection": "acounts"}, "did you mean accounts"),
        (ACCOUNTS, CSV, {"name": "things.csv"}, "unknown collection 'things'"),
        (ACCOUNTS, CSV, {"name": "accounts.doc"}, "in no format that can be read"),
        (ACCOUNTS, "text/html", {"collection": "accounts"}, "'text/html' is in no format"),
        (ACCOUNTS, CSV, {"collection": "accounts", "mapping": "none"}, "there is no saved mapping 'none'"),
        (ACCOUNTS, CSV, {"collection": "accounts", "decimal": "x"}, "decimal"),
        (ACCOUNTS, CSV, {"collection": "accounts", "date_format": "%"}, "date"),
        ("", CSV, {"collection": "accounts"}, "no file was sent"),
        ("name\nAcme\n", CSV, {"collection": "accounts"}, "id"),
        (b"PAR1 and no more", PARQUET, {"collection": "accounts"}, "Parquet"),
        (ACCOUNTS, CSV, {"collection": "accounts", "dry_run": "perhaps"}, "wrong in 1 place"),
    ],
)
def test_what_is_wrong_is_said(
    call: Call, facts: DuckStore, here: workspace.Workspace, body: str | bytes, media: str, asked: dict[str, str], why: str
) -> None:
    refused = post(call("admin"), body, media, **asked)
    assert (refused.status_code, refused["Content-Type"]) == (422, "application/problem+json")
    detail = refused.json()["detail"]
    assert why in detail
    assert str(here.home) not in detail
    assert (names(facts), done()) == ([], [])


def test_forms_that_are_wrong(call: Call, facts: DuckStore) -> None:
    admin = call("admin")
    for answer, status, why in (
        (form(admin), 422, "no file was sent"),
        (form(admin, ("accounts.csv", ACCOUNTS), columns="accounts: [", collection="accounts"), 422, "columns:1:"),
        (admin.client.post("/api/v1/imports", {"collection": "accounts"}), 422, "goes into the address"),
        (post(admin, "x", "multipart/form-data", collection="accounts"), 400, "the form cannot be read"),
    ):
        assert (answer.status_code, why in answer.json()["detail"]) == (status, True), answer.content
    admin.send("PUT", "/imports/mappings/crm", {"columns": COLUMNS})
    both = form(admin, ("a.csv", CRM), columns=COLUMNS, mapping="crm")
    assert (both.status_code, "not both" in both.json()["detail"]) == (422, True)
    assert names(facts) == []


def test_what_is_too_large_is_refused(
    call: Call, facts: DuckStore, here: workspace.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(ACCOUNTS.encode())
    limits = here.configuration.limits
    admin = call("admin")
    for most, status in ((size - 1, 413), (size, 200)):
        monkeypatch.setattr(here, "configuration", replace(here.configuration, limits=replace(limits, upload=most)))
        assert post(admin, ACCOUNTS, collection="accounts", dry_run="true").status_code == status
        assert form(admin, ("accounts.csv", ACCOUNTS), dry_run="true").status_code == status
    assert list((here.home / "uploads").iterdir()) == []


def test_more_than_a_page_may_send_is_taken(call: Call, facts: DuckStore) -> None:
    rows = "".join(f"a{n},{'x' * 90},2024-12-31\n" for n in range(30_000))
    report = post(call("admin"), f"id,name,created_at\n{rows}", collection="accounts", dry_run="true").json()
    assert report["collections"][0]["added"] == 30_000


def test_a_browser_sends_the_file_itself(here: workspace.Workspace, facts: DuckStore) -> None:
    people.create_user("opal@quill.example", "Opal", "operations", moment=NOW)
    opal = Browser("opal")
    headers = {"X-CSRFToken": opal.token}

    def send(**headers: str) -> Any:
        address = "/api/v1/imports?collection=accounts"
        return opal.client.generic("POST", address, ACCOUNTS.encode(), content_type=CSV, headers=headers)

    assert send().status_code == 403
    assert names(facts) == []
    assert send(**headers).status_code == 200
    assert names(facts) == ["c1"]
    sent = opal.client.post("/api/v1/imports", {"file": SimpleUploadedFile("accounts.csv", b"id")}, headers=headers)
    assert (sent.status_code, "a file as the body itself" in sent.json()["detail"]) == (400, True)


def test_users_follow(call: Call, facts: DuckStore) -> None:
    csms = "email,name,team,role\nnew@quill.example,New Lind,North,csm\n"
    assert post(call("admin"), csms, collection="csms", dry_run="true").status_code == 200
    assert "new@quill.example" not in {each.email for each in people.people()}
    assert post(call("admin"), csms, collection="csms").status_code == 200
    assert "new@quill.example" in {each.email for each in people.people()}
