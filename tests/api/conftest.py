"""The interface over the pages' handful of accounts, with keys of each scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.web.conftest import NOW, facts, here, swept
from tocsin import workspace
from tocsin.people import facade as people

__all__ = ["facts", "here", "swept"]

Asking = Callable[..., Any]


class Caller:
    """Calls the interface with a key."""

    def __init__(self, key: str = "") -> None:
        self.key = key
        self.client = Client(headers={"Authorization": f"Bearer {key}"} if key else {})

    def get(self, path: str, **query: Any) -> Any:
        """GET."""
        return self.client.get(f"/api/v1{path}", query)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Any other method, with JSON."""
        return self.client.generic(
            method, f"/api/v1{path}", b"" if body is None else _json(body), content_type="application/json"
        )


def _json(body: Any) -> bytes:
    import json

    return json.dumps(body).encode()


@pytest.fixture
def call(here: workspace.Workspace) -> Callable[..., Caller]:
    """A caller whose new key has these scopes; without any, one that sends no key."""
    made = 0

    def caller(*scopes: str, kind: str = "api") -> Caller:
        nonlocal made
        if not scopes and kind == "api":
            return Caller()
        made += 1
        _, secret = people.create_key(f"key {made}", kind, scopes, by="test", moment=NOW)
        return Caller(secret)

    return caller
