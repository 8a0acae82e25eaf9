"""The frame of the data pages: their tabs, how a tab is shown, and how a form on one is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from tocsin.web import source, words
from tocsin.web.shell import Seen, page, runs, signed_in

TABS = {
    "data": "Overview",
    "data-import": "Import",
    "data-hooks": "Webhooks",
    "data-pulls": "Pulls",
    "data-events": "Events",
    "data-values": "Values",
    "data-fields": "Fields",
    "data-rejected": "Rejected",
    "data-unmatched": "Unknown accounts",
    "data-owners": "Owners",
    "data-keys": "Keys",
}
# Seen by those who run customer success only: customers' files, and what opens the door.
THEIRS = ("data-import", "data-keys")
A_PAGE = 50
Show = Callable[..., dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Done:
    """What an act did, and the address to go on to. say: '' where the page that follows says it."""

    say: str
    to: str


Act = Callable[..., "str | Done"]


class GoneError(UserError):
    """What a page is about is not there any more: the tab is shown instead, with this sentence."""


def tab(name: str, show: Show, template: str = "") -> Callable[..., HttpResponse]:
    """The view of a tab, or of a page under it (`template`, else that of the tab).

    Everybody who is signed in may look, except at those of `THEIRS`. What the address names goes to `show` by keyword.
    """

    @require_safe
    @signed_in
    @wraps(show)
    def view(request: Seen, /, **named: Any) -> HttpResponse:
        if name in THEIRS and not runs(request.user):
            raise PermissionDenied
        moment = source.now()
        try:
            given = show(request, moment, **named)
        except GoneError as gone:
            messages.error(request, sentence(gone))
            return redirect(f"web:{name}")
        own = "overview" if name == "data" else name.removeprefix("data-")
        return framed(request, name, template or own, given, moment)

    return view


def framed(request: Seen, name: str, template: str, given: dict[str, Any], moment: datetime) -> HttpResponse:
    """A page within the frame of a tab."""
    may = runs(request.user)
    tabs = {each: title for each, title in TABS.items() if may or each not in THEIRS}
    context = {"tab": name, "tabs": tabs, "title": TABS[name], "may": may, "now": moment}
    return page(request, f"tocsin/data/{template}.html", "data", context | given)


def act(name: str, do: Act) -> Callable[..., HttpResponse]:
    """The view that does something and goes back to a tab, with the search and the page that the form's address names.

    For those who run customer success; others are refused. What was done, or why it could not be, is said in a toast. An act
    that gives `Done` goes on elsewhere. Where it changed facts, or what is said of them, they are judged anew soon.
    """

    @require_POST
    @signed_in
    @wraps(do)
    def view(request: Seen, /, **named: Any) -> HttpResponse:
        if not runs(request.user):
            raise PermissionDenied
        before = source.store().generation
        try:
            done = do(request, source.now(), **named)
        except UserError as refusal:
            messages.error(request, sentence(refusal))
            done = ""
        if source.store().generation != before:
            source.changed()
        if isinstance(done, Done):
            if done.say:
                messages.success(request, done.say)
            return redirect(done.to)
        if done:
            messages.success(request, done)
        query = request.GET.urlencode()
        return redirect(f"{reverse(f'web:{name}')}{'?' if query else ''}{query}")

    return view


def sentence(refusal: UserError) -> str:
    """Why something could not be done, as a sentence."""
    return words.said(str(refusal))


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
