"""The pages of pulls: what they show to whom, what a form sets up, and what it never writes back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.web.conftest import HOSTILE, NOW, SignedIn
from tocsin.facts.duckdb import DuckStore
from tocsin.people import facade as people
from tocsin.sources import facade as sources

pytestmark = pytest.mark.django_db
WHO: dict[str, Any] = {"by": "ada@quill.example", "moment": NOW}


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """A folder that pages may name, with accounts in it and a mapping beside."""
    settings.TOCSIN_PULL_FOLDERS = (str(tmp_path),)
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "accounts.csv").write_text("id,name\na1,Acme\na2\n")
    (tmp_path / "mapping").mkdir()
    (tmp_path / "mapping" / "accounts.sql").write_text("SELECT 1 AS id, 'x' AS name")
    return drop


def run(name: str, store: DuckStore | None = None) -> str:
    """Run one now; gives its state."""
    held = store or DuckStore(":memory:", ZoneInfo("UTC"))
    try:
        later = NOW + timedelta(days=300)
        return sources.run_now(name, held, clock=lambda: later, zone=ZoneInfo("UTC"), by="ada@quill.example").run.state
    finally:
        held.close()


def test_nothing_is_pulled_yet(signed_in: SignedIn) -> None:
    page = signed_in("ada").get("/data/pulls/").content.decode()
    assert "Nothing is pulled" in page
    assert "/data/pulls/new/?kind=sql" in page
    assert "/data/pulls/new/" not in signed_in("maya").get("/data/pulls/").content.decode()
    assert "Nothing is pulled" in signed_in("maya").get("/data/").content.decode()


def test_a_folder_is_set_up_run_and_looked_at(signed_in: SignedIn, folder: Path) -> None:
    ada = signed_in("ada")
    given = {"kind": "folder", "name": HOSTILE, "path": str(folder), "schedule": "daily at 06:00", "full": "accounts\n"}
    answer = ada.post("/data/pulls/new/", given | {"name": "Nightly"}, follow=True)
    assert "its first run is due now" in answer.content.decode()
    [found] = sources.list_pulls(NOW)
    assert (found.schedule, found.settings["full"], found.next_at) == ("daily at 06:00", ["accounts"], NOW)
    assert "It has not run yet" in ada.get(f"/data/pulls/{found.id}/").content.decode()
    assert run("Nightly") == "done"
    page = ada.get(f"/data/pulls/{found.id}/").content.decode()
    assert "Accounts" in page
    assert "by hand (ada@quill.example)" in page
    assert str(folder) in page
    # Where things lie is for those who run them; how they go is for everybody.
    seen = signed_in("maya").get(f"/data/pulls/{found.id}/").content.decode()
    assert str(folder) not in seen.partition('id="h-runs"')[0]
    assert "Run now" not in seen
    (folder / "accounts.csv").unlink()
    folder.rmdir()
    assert run("Nightly") == "failed"
    for path in ("/data/pulls/", f"/data/pulls/{found.id}/", "/data/"):
        assert "Failing" in signed_in("maya").get(path).content.decode()


def test_what_is_wrong_is_said_and_what_was_typed_stays(signed_in: SignedIn, folder: Path) -> None:
    ada = signed_in("ada")
    given = {
        "kind": "sql",
        "name": "Warehouse <b>",
        "url": "postgresql://reader:hush-4711@10.0.0.5/books",
        "mapping": "/etc",
        "cursor": "events=at",
    }
    answer = ada.post("/data/pulls/new/", given)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "lies in none of the folders that may be pulled from here" in page
    assert "Warehouse &lt;b&gt;" in page
    assert "events=at" in page
    assert "hush-4711" not in page
    answer = ada.post("/data/pulls/new/", given | {"mapping": str(folder.parent / "mapping"), "cursor": ""}, follow=True)
    assert answer.status_code == 200
    assert "postgresql://reader@10.0.0.5:5432/books" in answer.content.decode()
    assert "hush-4711" not in answer.content.decode()


def test_acts(signed_in: SignedIn, folder: Path) -> None:
    made = sources.create_pull("folder", "Nightly", {"path": str(folder)}, **WHO)
    ada, address = signed_in("ada"), f"/data/pulls/{made.id}/act/"

    def act(what: str, **more: str) -> str:
        return ada.post(address, {"act": what, **more}, follow=True).content.decode()

    assert "Nightly is paused" in act("pause")
    assert sources.pull_info("Nightly", NOW).state == "paused"
    assert "Nightly runs in a moment" in act("run", back="list")
    assert sources.pull_info("Nightly", NOW).asked
    page = ada.get("/data/pulls/").content.decode()
    assert 'hx-trigger="load delay:2s"' in page
    assert "Nightly is pulled from again" in act("resume")
    assert "The next run of Nightly reads everything" in act("anew")
    assert ada.post(address, {"act": "explode"}).status_code == 403
    assert "Nightly is removed" in act("delete")
    assert "There is no source" in act("run")
    assert ada.get(f"/data/pulls/{made.id}/").status_code == 404


def test_its_settings_are_changed_in_the_page(signed_in: SignedIn, folder: Path) -> None:
    ada = signed_in("ada")
    made = sources.create_pull("folder", "Nightly", {"path": str(folder), "full": ["accounts"]}, everywhere=True, **WHO)
    page = ada.get(f"/data/pulls/{made.id}/").content.decode()
    form = {"act": "set", "path": "", "schedule": "daily at 07:00", "full": "", "most_closed": "12.5%", "settle": "5s"}
    assert 'value="20%"' in page
    answer = ada.post(f"/data/pulls/{made.id}/act/", form, follow=True).content.decode()
    assert "Nightly is changed" in answer
    found = sources.pull_info(made.id, NOW)
    assert (found.schedule, found.settings["full"], found.settings["most_closed"]) == ("daily at 07:00", [], 0.125)
    assert found.settings["path"] == str(folder), "an empty place is the one before"
    assert 'value="12.5%"' in answer
    wrong = ada.post(f"/data/pulls/{made.id}/act/", {**form, "schedule": "now and then"}, follow=True).content.decode()
    assert "now and then" in wrong
    assert sources.pull_info(made.id, NOW).schedule == "daily at 07:00"
    people.create_user("otto@quill.example", "Otto Ops", "operations", moment=NOW)
    assert signed_in("otto").post(f"/data/pulls/{made.id}/act/", form).status_code == 403
    assert 'name="act" value="set"' not in signed_in("otto").get(f"/data/pulls/{made.id}/").content.decode()


def test_only_an_administrator_sets_up_and_removes(signed_in: SignedIn, folder: Path) -> None:
    people.create_user("otto@quill.example", "Otto Ops", "operations", moment=NOW)
    made = sources.create_pull("folder", "Nightly", {"path": str(folder)}, **WHO)
    otto = signed_in("otto")
    assert otto.get("/data/pulls/new/").status_code == 403
    assert otto.post("/data/pulls/new/", {"kind": "folder"}).status_code == 403
    assert otto.post(f"/data/pulls/{made.id}/act/", {"act": "delete"}).status_code == 403
    assert otto.post(f"/data/pulls/{made.id}/act/", {"act": "pause"}).status_code == 302


def test_hostile_names_are_escaped(signed_in: SignedIn, folder: Path) -> None:
    name = HOSTILE.replace("/", "")
    made = sources.create_pull("folder", name, {"path": str(folder)}, **WHO)
    for path in ("/data/", "/data/pulls/", f"/data/pulls/{made.id}/"):
        page = signed_in("ada").get(path).content.decode()
        assert "<script>alert(" not in page
        assert "&lt;script&gt;" in page


def test_queries_do_not_grow_with_pulls(signed_in: SignedIn, folder: Path) -> None:
    ada, counts = signed_in("ada"), []
    for number in range(6):
        sources.create_pull("folder", f"Nightly {number}", {"path": str(folder)}, **WHO)
        if number in (0, 5):
            with CaptureQueriesContext(
                connection,
            ) as seen:
                assert ada.get("/data/pulls/").status_code == 200
            counts.append(len(seen))
    assert counts[0] == counts[1]
