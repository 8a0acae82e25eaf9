"""How what was sent is read: JSON, and no NUL character in it, which not every database takes into a text."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja.parser import Parser

from tocsin.api.problems import ApiError

NUL = "\x00"
SENTENCE = "what was sent holds a NUL character; leave it out"


class Reader(Parser):
    """Ninja's, which refuses NUL characters with 400."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The JSON of a body."""
        if b"\\u0000" in request.body and _holds_nul(super().parse_body(request)):
            raise ApiError(400, SENTENCE)
        return super().parse_body(request)

    def parse_querydict(self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest) -> Any:
        """The values of a query."""
        if any(NUL in str(value) for _, values in data.lists() for value in values):
            raise ApiError(400, SENTENCE)
        return super().parse_querydict(data, list_fields, request)


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return NUL in value
    if isinstance(value, dict):
        return any(_holds_nul(each) for pair in value.items() for each in pair)
    return isinstance(value, list) and any(_holds_nul(each) for each in value)
