"""Errors as RFC 9457 has them: `application/problem+json`, with what is wrong, where, and how to mend it."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Schema
from pydantic import Field

MEDIA = "application/problem+json"
TYPE = "about:blank"


class Problem(Schema):
    """What went wrong."""

    type: str = Field(TYPE, description="`about:blank`: the title says what kind of problem it is")
    title: str = Field(description="the standard phrase of the status", examples=["Not Found"])
    status: int = Field(description="the status of the answer", examples=[404])
    detail: str = Field(description="one sentence: what, where, how to mend it")
    instance: str = Field(description="the path that was asked for")
    errors: list[str] = Field(default_factory=list, description="of what was sent: each problem with its place")


class ApiError(Exception):
    """An answer that is a problem."""

    def __init__(self, status: int, detail: str, errors: list[str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors = status, detail, errors or []


def said(path: str, status: int, detail: str, errors: list[str] | None = None) -> str:
    """The body of an answer that is a problem."""
    body: dict[str, Any] = {
        "type": TYPE,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": path,
        "errors": errors or [],
    }
    return json.dumps(body)


def problem(request: HttpRequest, status: int, detail: str, errors: list[str] | None = None) -> HttpResponse:
    """The answer."""
    response = HttpResponse(said(request.path, status, detail, errors), status=status, content_type=MEDIA)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="tocsin"'
    return response


def placed(errors: list[dict[str, Any]]) -> list[str]:
    """Each problem of what was sent, with its place: `body.until: Input should be a valid datetime`."""
    found = []
    for each in errors:
        place = ".".join(str(part) for part in each.get("loc", ()) if part not in ("given", "filters"))
        found.append(f"{place}: {each.get('msg', 'is wrong')}" if place else str(each.get("msg", "is wrong")))
    return found
