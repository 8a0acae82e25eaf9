"""The page about the interface: every path that it names is there, and every example does what it says."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.api.conftest import Caller
from tests.api.test_api import OPERATIONS
from tests.web.conftest import NOW
from tocsin.alerts.facade import Alert

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^curl .*$", PAGE.replace("\\\n", " "), re.MULTILINE)


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
    found = call("read", "alerts:write").client.generic(method, full, body.encode(), content_type="application/json")
    assert found.status_code == 200, found.content
