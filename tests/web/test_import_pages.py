"""Import in the browser: files handed over, matched, tried, imported; mappings kept; and nobody else sees any of it."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client

from tests.web.conftest import NOW, SignedIn
from tests.web.test_data import acts, stored, told
from tocsin import workspace
from tocsin.asgi import bounded
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing.matching import drafts
from tocsin.facts.rejected import list_rejected
from tocsin.web import importing
from tocsin.web.background import beside

CRM = (
    "Customer No,Company,CSM,Stage,Customer since,Colour\n"
    "c1,Acme <b>Ltd</b>,ada@quill.example,2 - Implementation,31.12.2024,red\n"
    "c2,Birch,ada@quill.example,onboarding,01.02.2025,blue\n"
    "c3,,ada@quill.example,onboarding,01.02.2025,blue\n"
)
CASES = "Case number,Customer,Opened,Priority\nt1,c1,2026-02-01,high\nt2,nobody,2026-02-01,P1\n"


@pytest.fixture
def facts() -> Iterator[DuckStore]:
    """Facts of this test alone: none."""
    store = DuckStore(":memory:", ZoneInfo("Europe/Berlin"))
    yield store
    store.close()


@pytest.fixture
def here(here: workspace.Workspace, monkeypatch: pytest.MonkeyPatch) -> workspace.Workspace:
    """The workspace, whose home is there, with parts of pages that are waited for."""
    here.home.mkdir()
    monkeypatch.setattr(beside, "patience", 30.0)
    return here


@pytest.fixture
def ada(signed_in: SignedIn) -> Client:
    """The administrator's client."""
    return signed_in("ada")


def hand_over(client: Client, mapping: str = "", **files: str) -> Any:
    """Post files (name without ending -> text) as a browser does."""
    given = [SimpleUploadedFile(f"{name}.csv", text.encode()) for name, text in files.items()]
    return client.post("/data/import/", {"files": given, "mapping": mapping}, follow=True)


def only(here: workspace.Workspace) -> drafts.Draft:
    """The one draft."""
    [found] = drafts.drafts(here.home)
    return found


def body(answer: Any) -> str:
    text: str = answer.content.decode()
    return text.partition('id="part"')[2].partition("</main>")[0]


def form(here: workspace.Workspace, **more: str) -> dict[str, str]:
    """What the form of the matching page holds, as it stands, with changes."""
    tables = only(here).plan.tables or ()
    given = {f"t{at}.collection": table.collection for at, table in enumerate(tables)}
    for at, table in enumerate(tables):
        for number, match in enumerate(table.matches):
            given[f"t{at}.c{number}.target"] = match.target
            given[f"t{at}.c{number}.format"] = match.date_format
    return given | more


def test_a_box_of_a_meaning_stays_its_words(ada: Client, here: workspace.Workspace) -> None:
    """Where a box went to another word once its own was known, what was being typed landed on the other."""
    hand_over(ada, cases="id,account_id,created_at,priority\n1,a,2026-01-01,P1\n2,a,2026-01-01,P2\n3,a,2026-01-01,P3\n")
    found = only(here)

    def boxes() -> list[tuple[str, str]]:
        text = body(ada.get(f"/data/import/{found.id}/"))
        return re.findall(r'name="(t0\.c3\.v\d)\.given" value="(P\d)"', text)

    before = boxes()
    assert [word for _, word in before] == ["P1", "P2", "P3"]
    given = form(here) | {f"{before[0][0]}.given": "P1", f"{before[0][0]}.meant": "urgent"}
    ada.post(f"/data/import/{found.id}/columns/", given)
    tables = only(here).plan.tables
    assert tables
    assert tables[0].matches[3].values == {"P1": "urgent"}
    assert boxes() == before


def test_files_go_all_the_way(ada: Client, facts: DuckStore, here: workspace.Workspace) -> None:
    heard: list[bool] = []
    here.listen(lambda: heard.append(True))
    answer = hand_over(ada, customers=CRM, cases=CASES)
    found = only(here)
    assert answer.redirect_chain == [(f"/data/import/{found.id}/", 302)]
    text = body(answer)
    assert '<option value="accounts" selected>' in text
    assert '<option value="tickets" selected>' in text
    assert 'value="DD.MM.YYYY"' in text
    assert "1 word of 2</span>" in text, "of the stages one is unknown"
    assert stored(facts, "SELECT count(*) AS n FROM accounts") == [{"n": 0}]

    given = form(here, act="preview") | {"t1.c3.v0.given": "2 - Implementation", "t1.c3.v0.meant": "Onboarding"}
    answer = ada.post(f"/data/import/{found.id}/columns/", given, follow=True)
    assert answer.redirect_chain == [(f"/data/import/{found.id}/preview/", 302)]
    text = body(answer)
    assert "Acme &lt;b&gt;Ltd&lt;/b&gt;" in text
    assert "customers.csv:4: name is empty" in text
    assert "unknown account &#x27;nobody&#x27;" in text
    assert "2 rows would be kept under Rejected" in text
    assert ">2024-12-30T23:00:00Z<" in text, "a day of the workspace's zone"
    assert stored(facts, "SELECT count(*) AS n FROM accounts") == [{"n": 0}], "nothing is stored by a preview"

    answer = ada.post(f"/data/import/{found.id}/begin/", follow=True)
    assert beside.finish(30)
    text = body(ada.get(f"/data/import/{found.id}/result/"))
    assert "by ada@quill.example" in text
    assert "Look at the 2 rejected rows" in text
    assert stored(facts, "SELECT id, lifecycle_stage FROM accounts ORDER BY id") == [
        {"id": "c1", "lifecycle_stage": "Onboarding"}, {"id": "c2", "lifecycle_stage": "Onboarding"},
    ]  # fmt: skip
    assert {each.file for each in list_rejected(facts)} == {"customers.csv", "cases.csv"}, "not where the home keeps them"
    assert heard, "rules are judged anew"
    assert [each[1] for each in acts()] == ["files imported", "files handed over"]
    assert "imported" in body(ada.get("/data/import/"))


def test_a_mapping_is_kept_and_taken_again(ada: Client, facts: DuckStore, here: workspace.Workspace) -> None:
    hand_over(ada, customers=CRM)
    found = only(here)
    colour = next(at for at, match in enumerate((found.plan.tables or ())[0].matches) if match.source == "Colour")
    ada.post(f"/data/import/{found.id}/columns/", form(here, **{f"t0.c{colour}.target": ""}))
    answer = ada.post(f"/data/import/{found.id}/keep/", {"name": "crm", "from": "preview"}, follow=True)
    assert told(answer) == "The mapping crm is saved; tocsin import --mapping crm takes it too"
    text = (here.home / "mappings" / "crm" / "columns.yaml").read_text()
    assert "leave_out:\n  - Colour" in text
    assert ada.get("/data/import/mappings/crm/columns.yaml").content.decode() == text
    assert ada.get("/data/import/mappings/none/columns.yaml").status_code == 404
    assert "crm" in body(ada.get("/data/import/"))
    ada.post("/data/import/discard/", {"id": found.id})
    hand_over(ada, mapping="crm", customers=CRM)
    matches = {match.source: match.target for match in (only(here).plan.tables or ())[0].matches}
    assert matches["Colour"] == ""
    answer = ada.post("/data/import/mappings/delete/", {"name": "crm"}, follow=True)
    assert told(answer) == "The mapping crm is deleted"
    assert "no saved mapping" in told(hand_over(ada, mapping="crm", customers=CRM))
    assert "needs a name" in told(ada.post(f"/data/import/{only(here).id}/keep/", {"name": " "}, follow=True))


def test_what_is_chosen_is_kept(ada: Client, here: workspace.Workspace) -> None:
    hand_over(ada, customers=CRM)
    found = only(here)

    def decided(**changes: str) -> Any:
        ada.post(f"/data/import/{found.id}/columns/", form(here, **changes))
        return (only(here).plan.tables or ())[0]

    table = decided(**{"t0.c5.target": "=", "t0.c5.own": "favourite"})
    assert table.matches[5].target == "favourite"
    table = decided(**{"t0.c5.target": "renews_on"})
    assert (table.matches[5].target, table.matches[5].date_format) == ("renews_on", ""), "it is written as it is"
    table = decided(**{"t0.c4.format": "%d.%m.%Y"})
    assert table.matches[4].date_format == "%d.%m.%Y"
    table = decided(**{"t0.c3.v0.given": "onboarding", "t0.c3.v0.meant": "(nothing)"})
    assert table.matches[3].values == {"onboarding": ""}
    assert 'value="(nothing)"' in body(ada.get(f"/data/import/{found.id}/"))
    table = decided(**{"t0.c3.v0.given": "onboarding", "t0.c3.v0.meant": ""})
    assert table.matches[3].values == {}
    table = decided(**{"t0.collection": "people"})
    assert table.collection == "people"
    assert {match.source: match.target for match in table.matches}["Customer No"] == "account_id"
    table = decided(**{"t0.collection": ""})
    assert (table.collection, table.matches) == ("", ())
    answer = ada.post(f"/data/import/{found.id}/columns/", form(here, act="preview"), follow=True)
    assert "Nothing is to be imported" in body(answer)
    table = decided(**{"t0.collection": "accounts", "full": "1"})
    assert only(here).plan.full


def test_another_encoding_is_looked_at_anew(ada: Client, here: workspace.Workspace) -> None:
    given = SimpleUploadedFile("accounts.csv", "id,name\na1,Łódź\n".encode("cp1250"))
    ada.post("/data/import/", {"files": [given]}, follow=True)
    found = only(here)
    answer = ada.post(f"/data/import/{found.id}/columns/", form(here, **{"t0.encoding": "cp1250"}), follow=True)
    assert "Łódź" in body(answer)
    assert (only(here).plan.tables or ())[0].encoding == "cp1250"
    answer = ada.post(
        f"/data/import/{found.id}/columns/", form(here, **{"t0.encoding": "cp1250", "act": "preview"}), follow=True
    )
    assert "Łódź" in body(answer)


def test_what_cannot_be_imported_says_so(ada: Client, facts: DuckStore, here: workspace.Workspace) -> None:
    assert "no file was chosen" in told(ada.post("/data/import/", follow=True)).lower()
    wrong = ada.post("/data/import/", {"files": [SimpleUploadedFile("a.docx", b"x")]}, follow=True)
    assert "no format that can be read" in told(wrong)
    hand_over(ada, accounts="")
    found = only(here)
    text = body(ada.get(f"/data/import/{found.id}/"))
    assert "accounts.csv is empty" in text
    hand_over(ada, tickets="id,account_id\nt1,a1\n")
    latest = drafts.drafts(here.home)[0]
    latest = latest if latest.files == ("tickets.csv",) else drafts.drafts(here.home)[1]
    text = body(ada.get(f"/data/import/{latest.id}/"))
    assert "no column is taken for it yet: <b>opened_at</b>" in text
    answer = ada.post(f"/data/import/{latest.id}/columns/", {"act": "preview"}, follow=True)
    assert "nothing is taken for opened_at" in body(answer)
    assert "nothing is taken for opened_at" in told(ada.post(f"/data/import/{latest.id}/begin/", follow=True))
    assert "It cannot be imported like this" in body(ada.get(f"/data/import/{latest.id}/preview/"))
    assert "It was not imported" in body(ada.get(f"/data/import/{latest.id}/result/"))
    gone = ada.get("/data/import/0000000000000000/", follow=True)
    assert "not here any more" in told(gone)


def test_an_import_that_fails_is_told(
    ada: Client, here: workspace.Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hand_over(ada, customers=CRM)
    found = only(here)

    def broken(*_given: object, **_more: object) -> None:
        raise OverflowError("too much")

    monkeypatch.setattr(importing, "import_paths", broken)
    ada.post(f"/data/import/{found.id}/begin/")
    assert beside.finish(30)
    text = body(ada.get(f"/data/import/{found.id}/result/"))
    assert "It failed with OverflowError; nothing was stored" in text
    assert "an import failed" in caplog.text
    assert "could not be imported" in body(ada.get("/data/import/"))


def test_an_import_under_way_is_shown_and_not_begun_twice(ada: Client, here: workspace.Workspace) -> None:
    hand_over(ada, customers=CRM)
    found = only(here)
    importing._running[found.id] = importing._Running(NOW, "accounts", 0.42)
    try:
        text = body(ada.get(f"/data/import/{found.id}/result/"))
        assert 'value="42"' in text
        assert "being imported already" in told(ada.post(f"/data/import/{found.id}/begin/", follow=True))
        assert "wait until it has ended" in told(ada.post("/data/import/discard/", {"id": found.id}, follow=True))
        assert "being imported" in body(ada.get(f"/data/import/{found.id}/preview/"))
    finally:
        del importing._running[found.id]


def test_users_follow_an_import_of_csms(
    facts: DuckStore, here: workspace.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "up"
    path.write_text("email,name,role\nzoe@quill.example,Zoe,csm\nada@quill.example,Ada,csm\n")
    found = drafts.begin(here.home, [("csms.csv", path)], by="ada", moment=NOW)
    importing.look(found)
    monkeypatch.setattr(connections, "close_all", lambda: None)
    importing.run(drafts.draft(here.home, found.id), NOW)
    from tocsin.people import facade as people

    assert "zoe@quill.example" in {each.email for each in people.people()}


@pytest.mark.parametrize("who", ["maya", "vic"])
def test_others_see_nothing_of_it(signed_in: SignedIn, here: workspace.Workspace, who: str) -> None:
    client = signed_in(who)
    found = drafts.begin(here.home, [("a.csv", _file(here))], by="ada", moment=NOW)
    for path in ("", f"{found.id}/", f"{found.id}/preview/", f"{found.id}/result/", "mappings/crm/columns.yaml"):
        assert client.get(f"/data/import/{path}").status_code == 403
    for path in ("", f"{found.id}/columns/", f"{found.id}/begin/", f"{found.id}/keep/", "discard/", "mappings/delete/"):
        assert client.post(f"/data/import/{path}", {"id": found.id}).status_code == 403
    assert drafts.drafts(here.home) == [found]
    assert "/data/import/" not in client.get("/data/").content.decode()


def _file(here: workspace.Workspace) -> Path:
    path = here.home / "some"
    path.write_text("id,name\n")
    return path


def test_old_files_go_when_new_ones_come(ada: Client, here: workspace.Workspace) -> None:
    old = drafts.begin(here.home, [("a.csv", _file(here))], by="ada", moment=NOW - timedelta(days=3))
    hand_over(ada, customers=CRM)
    assert only(here).id != old.id


@pytest.mark.parametrize(("length", "told_length"), [(100, True), (100, False), (5_000, True), (5_000, False)])
def test_a_body_that_is_too_large_is_passed_over(length: int, told_length: bool) -> None:
    """Whether the request says how large it is or not: what is over the limit never reaches the pages."""
    source = io.BytesIO(b"x" * length)
    sent: list[dict[str, Any]] = []
    reached = 0

    async def receive() -> dict[str, Any]:
        part = source.read(64)
        return {"type": "http.request", "body": part, "more_body": source.tell() < length}

    async def send(message: Any) -> None:
        sent.append(message)

    async def pages(scope: Any, receive: Any, send: Any) -> None:
        nonlocal reached
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            reached += len(message["body"])
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})

    headers = [(b"content-length", str(length).encode())] if told_length else []
    asyncio.run(bounded(pages, 1_000, {"type": "http", "headers": headers}, receive, send))
    assert sent[0]["status"] == (200 if length == 100 else 413)
    assert reached <= 1_000
    assert source.tell() == length, "a browser shows no answer before it has sent everything"


@pytest.mark.parametrize(("path", "kind"), [("/api/v1/imports", b"application/problem+json"), ("/data/import/", b"text/plain")])
def test_too_large_a_body_is_refused_as_the_place_has_it(path: str, kind: bytes) -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x" * 2_000, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def pages(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.disconnect"

    asyncio.run(bounded(pages, 1_000, {"type": "http", "path": path, "headers": []}, receive, send))
    assert sent[0]["status"] == 413
    assert dict(sent[0]["headers"])[b"content-type"].startswith(kind)
    assert b"larger than" in sent[1]["body"]
