"""What Django itself answers below `/api/` becomes a problem too: unknown paths, wrong methods, bodies too large."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponseBase

from tocsin.api.problems import problem
from tocsin.core.characters import has_nul

PATH = "/api/"
SAID = {
    400: "the request cannot be read",
    404: "there is nothing at this path; /api/v1/openapi.json lists what there is",
    405: "this method is not allowed here",
    413: "the body is larger than 2 MB",
}


class Problems:
    """Turns bare error answers of the interface into problems, and keeps their headers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The answer."""
        if request.path.startswith(PATH) and has_nul(request.path):
            return problem(request, 404, SAID[404])  # no id holds it, and not every database takes it
        response = self.get_response(request)
        kind = response.headers.get("Content-Type", "")
        if not request.path.startswith(PATH) or response.status_code < 400 or "json" in kind:
            return response
        status = response.status_code if response.status_code in SAID or response.status_code >= 500 else 400
        found = problem(request, status, SAID.get(status, "the server failed; its log says why"))
        if "Allow" in response.headers:
            found["Allow"] = response.headers["Allow"]
        return found

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """What reading the body raises."""
        if not request.path.startswith(PATH):
            return None
        if isinstance(error, RequestDataTooBig):
            return problem(request, 413, SAID[413])
        if isinstance(error, (SuspiciousOperation, BadRequest)):
            return problem(request, 400, SAID[400])
        return None
