"""The page about the interface: every path that it names is there, and every example does what it says."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.api.conftest import Caller
from tests.api.test_api import OPERATIONS
from tests.web.conftest import NOW
from tocsin import workspace
from tocsin.alerts.facade import Alert
from tocsin.facts.duckdb import DuckStore

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^curl .*$", PAGE.replace("\\\n", " "), re.MULTILINE)
IMPORTING = (Path(__file__).parents[2] / "docs" / "importing.md").read_text(encoding="utf-8")
IMPORTS = re.findall(r"^curl .*$", IMPORTING.replace("\\\n", " "), re.MULTILINE)
FILES = {
    "customers.csv": "id,name,created_at\nc1,Acme,2026-01-01\n",
    "accounts.csv": "id,name,created_at\nc1,Acme,2026-01-01\n",
    "tickets.csv": "id,account_id,opened_at\nt1,c1,2026-02-01\n",
    "kunden-2026-03.csv": "Nr;Firma;Seit\nc2;Birch;2026-01-02\n",
}


def test_the_paths_of_the_page_are_those_of_the_document() -> None:
    table = PAGE[PAGE.index("| paths |") : PAGE.index("## Manner")]
    named = {path for row in table.splitlines()[2:] for path in re.findall(r"`(/[^`]*)`", row.partition(" | ")[0])}
    assert len(named) > 15
    assert named <= {path for _, _, path in OPERATIONS}
    missing = {path.split("/")[1] for _, _, path in OPERATIONS} - {path.split("/")[1] for path in named}
    assert not missing, "the page leaves these out"


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_do_what_they_say(call: Callable[..., Caller], swept: dict[tuple[str, str], Alert], example: str) -> None:
    words = shlex.split(example)
    body = words[words.index("-d") + 1] if "-d" in words else ""
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if body else "GET"
    address = urlsplit(next(word for word in words if word.startswith("http")))
    assert "Authorization: Bearer $KEY" in words
    assert ("Content-Type: application/json" in words) == bool(body)
    if body and "until" in json.loads(body):
        assert json.loads(body)["until"] > f"{NOW:%Y}"
    # The ids of the page stand for those of the workspace.
    path = address.path.replace("/alerts/17/", f"/alerts/{swept['halden', 'usage-drop'].id}/").replace("/A17/", "/kestrow/")
    full = f"{path}?{address.query}" if address.query else path
    scopes = ("admin",) if method == "PUT" and "/override" not in path else ("read", "alerts:write")
    found = call(*scopes).client.generic(method, full, body.encode(), content_type="application/json")
    assert found.status_code == 200, found.content


def test_examples_of_imports_do_what_they_say(
    call: Callable[..., Caller], here: workspace.Workspace, own_facts: DuckStore
) -> None:
    assert len(IMPORTS) == 4
    client = call("admin").client
    added: list[int] = []
    for example in IMPORTS:
        words = shlex.split(example)
        after = [(word, following) for word, following in pairwise(words) if word.startswith("-")]
        options = dict(after)
        media = next((each.partition(": ")[2] for word, each in after if word == "-H" and each.startswith("Content-Type")), "")
        address = urlsplit(words[-1])
        where = f"{address.path}?{address.query}"
        if parts := [each.partition("=@") for word, each in after if word == "-F"]:
            given = [SimpleUploadedFile(name, FILES[name].encode()) for _, _, name in parts]
            found = client.post(where, {parts[0][0]: given})
        else:
            sent = FILES[options["--data-binary"][1:]] if "--data-binary" in options else options["-d"]
            found = client.generic(options["-X"], where, sent.encode(), content_type=media)
        assert found.status_code == 200, found.content
        added += [each["added"] for each in found.json()["collections"] if isinstance(each, dict)]
    assert added == [1, 1, 1, 1], "the dry run, two files, and by the saved mapping"
    assert own_facts.query("SELECT id FROM accounts ORDER BY id").to_pylist() == [{"id": "c1"}, {"id": "c2"}]


@pytest.fixture
def own_facts(here: workspace.Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[DuckStore]:
    """Facts of one test alone: none."""
    store = DuckStore(":memory:", ZoneInfo("Europe/Berlin"))
    monkeypatch.setattr(here, "_store", store)
    yield store
    store.close()
