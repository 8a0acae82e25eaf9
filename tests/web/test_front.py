"""The front of the server: what it lets go first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tocsin.asgi import Front
from tocsin.facts import breathing


@pytest.mark.parametrize(("method", "urgent"), [("GET", 1), ("HEAD", 1), ("POST", 0), ("PUT", 0)])
def test_sweeps_and_pulses_stand_back_for_whoever_reads_a_page(
    monkeypatch: pytest.MonkeyPatch, method: str, urgent: int
) -> None:
    front = Front(lambda: True, {})
    before, seen = breathing._under_way[breathing.ANSWERING], []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        seen.append(breathing._under_way[breathing.ANSWERING] - before)

    monkeypatch.setattr(front, "_pages", page)

    async def nothing(*_: Any) -> Any:
        return {"type": "http.request"}

    asyncio.run(front({"type": "http", "method": method, "path": "/alerts/", "headers": []}, nothing, nothing))
    assert seen == [urgent]
    assert breathing._under_way[breathing.ANSWERING] == before
