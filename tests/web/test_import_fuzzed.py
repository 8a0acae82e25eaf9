"""Whatever is handed over in the browser, each page on the way says what it is, or in a sentence why it cannot be imported."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.test_import_fuzzed import files, texts
from tests.web.conftest import SignedIn
from tests.web.test_data import told
from tests.web.test_import_pages import ada, body, facts, form, here
from tocsin import workspace
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing.matching import drafts
from tocsin.facts.rejected import list_rejected
from tocsin.web.background import beside

__all__ = ["ada", "facts", "here"]
FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
odd_names = st.text(max_size=6) | st.sampled_from(
    [
        "",
        ".csv",
        "a.docx",
        "../../etc/accounts.csv",
        "accounts.csv\\",
        "é" * 200 + ".csv",
        "a\ud800.csv",
        "CON.csv",
        "a b.CSV",
        "..",
        "accounts",
        "a\nb.csv",
        "<b>.csv",
        "accounts.csv.exe",
        "x.xlsx#Sheet",
    ]
)
fields = st.sampled_from([
    "t0.collection", "t0.encoding", "t0.c0.target", "t0.c1.target", "t0.c0.own", "t0.c1.own", "t0.c1.format", "t0.c0.decimal",
    "t0.c1.v0.given", "t0.c1.v0.meant", "full", "act", "t9.c9.target", "name",
])  # fmt: skip
words = st.sampled_from(["accounts", "events", "=", "preview", "utf-16", "cp1250", "%", "%%%Y", "YYYY", "updated_at", "name"])


@pytest.fixture(autouse=True)
def patient(here: workspace.Workspace) -> None:
    """Parts of pages that are made beside them are waited for."""
    assert beside.patience == 30


def clear(here: workspace.Workspace) -> None:
    """Delete what the examples before left."""
    for each in drafts.drafts(here.home):
        drafts.discard(here.home, each.id)


def sentence(text: str) -> None:
    """A toast or a part of a page is one sentence, not the words of a program."""
    assert text.strip()
    assert "Traceback" not in text
    assert not re.search(r"\w+(Error|Exception)\b", text), text


def as_posted(given_form: dict[str, str]) -> dict[str, str]:
    """A form as a browser posts it, which holds no NULs."""
    return {name: value.replace("\0", "\ufffd") for name, value in given_form.items()}


@FEW
@given(data=st.data())
def test_files_of_any_content(ada: Client, facts: DuckStore, here: workspace.Workspace, data: st.DataObject) -> None:
    file, other = data.draw(files()), data.draw(st.none() | files())
    clear(here)
    rejected = len(list_rejected(facts))
    given_files = [SimpleUploadedFile(each[0], each[1]) for each in (file, other) if each is not None]
    answer = ada.post("/data/import/", {"files": given_files}, follow=True)
    assert answer.status_code == 200
    found = drafts.drafts(here.home)
    if not found:
        sentence(told(answer))
        return
    assert answer.redirect_chain == [(f"/data/import/{found[0].id}/", 302)]
    text = body(answer)
    sentence(text)
    assert "being looked at" not in text
    answer = ada.post(f"/data/import/{found[0].id}/columns/", as_posted(form(here, act="preview")), follow=True)
    assert answer.status_code == 200
    sentence(body(answer))
    assert len(list_rejected(facts)) == rejected, "a preview stores nothing"
    assert ada.post(f"/data/import/{found[0].id}/begin/", follow=True).status_code == 200
    assert beside.finish(30)
    answer = ada.get(f"/data/import/{found[0].id}/result/")
    assert answer.status_code == 200
    sentence(body(answer))


@FEW
@given(name=odd_names, saved=st.just("") | st.text(max_size=5), draft_id=st.text(min_size=1, max_size=20))
def test_names_of_any_kind(ada: Client, here: workspace.Workspace, name: str, saved: str, draft_id: str) -> None:
    clear(here)
    head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\nid,name\r\n--x\r\n'.encode(
        "utf-8", "surrogatepass"
    )
    whole = head + f'Content-Disposition: form-data; name="mapping"\r\n\r\n{saved}\r\n--x--\r\n'.encode(
        "utf-8", "surrogatepass"
    )
    answer = ada.post("/data/import/", whole, content_type="multipart/form-data; boundary=x", follow=True)
    assert answer.status_code in (200, 400)
    found = drafts.drafts(here.home)
    assert all(path.parent == each.folder / "files" for each in found for path in each.paths)
    if not found and answer.status_code == 200:
        sentence(told(answer))
    for path in (f"{quote(draft_id, safe='')}/", f"{quote(draft_id, safe='')}/preview/", f"{quote(draft_id, safe='')}/result/"):
        answer = ada.get(f"/data/import/{path}", follow=True)
        assert answer.status_code in (200, 400, 404)


@FEW
@given(values=st.dictionaries(fields, texts | words, max_size=6))
def test_decisions_of_any_kind(ada: Client, here: workspace.Workspace, values: dict[str, str]) -> None:
    clear(here)
    ada.post(
        "/data/import/", {"files": [SimpleUploadedFile("accounts.csv", b"id,name,since\na1,Acme,2026-01-01\n")]}, follow=True
    )
    [found] = drafts.drafts(here.home)
    path = f"/data/import/{found.id}"
    holds_nul = any("\0" in each for each in values.values())
    for address in (f"{path}/columns/", f"{path}/keep/", f"{path}/begin/"):
        answer = ada.post(address, form(here) | values, follow=True)
        assert answer.status_code == (400 if holds_nul else 200)
        sentence(body(answer) or answer.content.decode())
    assert beside.finish(30)
    for each in ("", "preview/", "result/"):
        answer = ada.get(f"{path}/{each}")
        assert answer.status_code == 200
        sentence(body(answer))


def test_nobody_else_hands_over(signed_in: SignedIn, here: workspace.Workspace) -> None:
    given_file = SimpleUploadedFile("accounts.csv", b"\0\xff")
    assert signed_in("maya").post("/data/import/", {"files": [given_file]}).status_code == 403
    assert drafts.drafts(here.home) == []
