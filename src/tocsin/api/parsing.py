"""How what was sent is read: JSON, with no NUL character and no half of a surrogate pair, which not every database takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja.parser import Parser

from tocsin.api.problems import ApiError
from tocsin.core.characters import has_half, has_nul

HALF = "what was sent holds half of a surrogate pair (\\ud800 to \\udfff alone), which is no character; leave it out"
SENTENCE = "what was sent holds a NUL character; leave it out"


class Reader(Parser):
    """Ninja's, which refuses NUL characters with 400."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The JSON of a body."""
        found = super().parse_body(request)
        if b"\\u" in request.body:  # nothing else brings either of them into a text
            for flaw, sentence in ((has_nul, SENTENCE), (has_half, HALF)):
                if _holds(found, flaw):
                    raise ApiError(400, sentence)
        return found

    def parse_querydict(self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest) -> Any:
        """The values of a query."""
        if any(has_nul(str(value)) for _, values in data.lists() for value in values):
            raise ApiError(400, SENTENCE)
        return super().parse_querydict(data, list_fields, request)


def _holds(value: Any, flaw: Callable[[str], bool]) -> bool:
    if isinstance(value, str):
        return flaw(value)
    if isinstance(value, dict):
        return any(_holds(each, flaw) for pair in value.items() for each in pair)
    return isinstance(value, list) and any(_holds(each, flaw) for each in value)
