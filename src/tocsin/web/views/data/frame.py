"""The frame of the data pages: their tabs, how a tab is shown, and how a form on one is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from tocsin import workspace
from tocsin.core.errors import UserError
from tocsin.facts.live.taking import Taker
from tocsin.ingest.arriving import again
from tocsin.ingest.limits import Limits
from tocsin.web import source
from tocsin.web.shell import Seen, page, runs, signed_in

TABS = {
    "data": "Overview",
    "data-pulls": "Pulls",
    "data-events": "Events",
    "data-rejected": "Rejected",
    "data-unmatched": "Unknown accounts",
    "data-owners": "Owners",
}
A_PAGE = 50
Show = Callable[[Seen, datetime], dict[str, Any]]
Act = Callable[[Seen, datetime], str]


def tab(name: str, show: Show, template: str = "") -> Callable[..., HttpResponse]:
    """The view of a tab, or of a page under it (`template`, else that of the tab); everybody who is signed in may look."""

    @require_safe
    @signed_in
    @wraps(show)
    def view(request: Seen) -> HttpResponse:
        moment = source.now()
        given = show(request, moment)
        title = TABS[name]
        context = {"tab": name, "tabs": TABS, "title": title, "may": runs(request.user), "now": moment}
        own = "overview" if name == "data" else name.removeprefix("data-")
        return page(request, f"tocsin/data/{template or own}.html", "data", context | given)

    return view


def act(name: str, do: Act) -> Callable[..., HttpResponse]:
    """The view that does something and goes back to a tab, with the search and the page that the form's address names.

    For those who run customer success; others are refused. What was done, or why it could not be, is said in a toast.
    """

    @require_POST
    @signed_in
    @wraps(do)
    def view(request: Seen) -> HttpResponse:
        if not runs(request.user):
            raise PermissionDenied
        try:
            messages.success(request, do(request, source.now()))
        except UserError as refusal:
            sentence = str(refusal)
            messages.error(request, f"{sentence[:1].upper()}{sentence[1:]}.")
        query = request.GET.urlencode()
        return redirect(f"{reverse(f'web:{name}')}{'?' if query else ''}{query}")

    return view


def page_number(request: Seen) -> int:
    """The page that is asked for, from 1."""
    text = request.GET.get("page", "")
    return max(1, int(text)) if text.isascii() and text.isdecimal() and len(text) < 6 else 1


def paging(request: Seen, number: int, total: int) -> dict[str, Any]:
    """The context of `data/pages.html`: addresses before and after, where there are any, with what else was asked for."""
    pages = max(1, -(-total // A_PAGE))
    kept = [(key, str(value)) for key, value in request.GET.items() if key != "page"]

    def address(to: int) -> str:
        return f"?{urlencode([*kept, ('page', str(to))])}" if 1 <= to <= pages and to != number else ""

    return {
        "number": number,
        "pages": pages,
        "total": total,
        "previous": address(min(number - 1, pages)),
        "following": address(number + 1),
        "here": request.GET.urlencode(),
    }


def taker() -> tuple[Taker, Limits]:
    """What stores rows as if they had come in over HTTP, and the limits of ingestion. RuntimeError outside of a workspace."""
    here = workspace.current()
    if here is None:
        raise RuntimeError("no workspace is open in this process")
    limits = here.configuration.limits
    return Taker(source.store(), lambda waiting: again(waiting, limits)), limits


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence with semicolons between, the empty ones left out."""
    return "; ".join(each for each in parts if each)
