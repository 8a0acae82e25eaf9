"""Who calls: the bearer key, and what its scopes allow."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer

from tocsin import serving
from tocsin.api.problems import ApiError
from tocsin.people import facade as people
from tocsin.people.facade import KeyInfo


class Caller(HttpRequest):
    """A request whose key was found good. moment: of the request, the only reading of the clock."""

    key: KeyInfo
    moment: datetime

    @property
    def by(self) -> str:
        """The name under which its acts are recorded."""
        return f"api:{self.key.name}"


class Key(HttpBearer):
    """A bearer key of kind api with a scope. The scope `admin` allows everything."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        """The key. ApiError 403 where its scopes do not reach; None (401) where there is no such key."""
        moment = serving.now()
        key = people.key_for(token, moment)
        if key is None or key.kind != "api":
            return None
        if self.scope not in key.scopes and "admin" not in key.scopes:
            raise ApiError(403, f"the key {key.name!r} lacks the scope {self.scope}; it has {', '.join(key.scopes)}")
        request.key, request.moment = key, moment  # type: ignore[attr-defined]
        request.by = f"api:{key.name}"  # type: ignore[attr-defined]
        return key


def sees_csms(request: Caller) -> bool:
    """Whether the key sees alerts about CSMs' own performance."""
    return "admin" in request.key.scopes
