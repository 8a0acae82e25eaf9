"""What no page takes: texts with a NUL character, which not every database can hold or look for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from tocsin.core.characters import has_nul

SENTENCE = "What was sent holds a NUL character, which no text has; leave it out. Nothing was changed."


class WholeTexts:
    """Answers 400 where an address, a cookie or a form holds a NUL character. Forms of views without CSRF checks are theirs.

    It stands before sessions, which are looked up by a cookie. The interface for programs says so itself.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The answer."""
        queried = () if request.path.startswith("/api/") else (request.path, *_texts(request.GET.lists()))
        if any(has_nul(each) for each in (*request.COOKIES.values(), *queried)):
            return _refused(request)
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponseBase],
        args: list[Any],  # noqa: ARG002 - as Django calls it
        kwargs: dict[str, Any],  # noqa: ARG002
    ) -> HttpResponseBase | None:
        """A refusal of a form. The CSRF check reads it anyway; other views may have to read the body as it came."""
        if request.method != "POST" or getattr(view, "csrf_exempt", False):
            return None
        return _refused(request) if any(has_nul(each) for each in _texts(request.POST.lists())) else None


def _texts(lists: Iterable[tuple[str, list[Any]]]) -> Iterable[str]:
    return (each for name, values in lists for each in (name, *values))


def _refused(request: HttpRequest) -> HttpResponse:
    return render(request, "400.html", {"reason": SENTENCE}, status=400)
