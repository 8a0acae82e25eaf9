"""The frame of the settings: which parts somebody sees, and how a form is answered."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from tocsin.core.errors import UserError
from tocsin.web.shell import LEADS, RUNS, Seen, page, signed_in

# Part -> its title, and the roles that see it (none: everybody).
PARTS: dict[str, tuple[str, frozenset[str]]] = {
    "me": ("Yours", frozenset()),
    "people": ("People", LEADS),
    "routing": ("Routes and silences", LEADS),
    "channels": ("Channels", RUNS),
    "deliveries": ("Deliveries", RUNS),
    "keys": ("Keys", frozenset({"admin"})),
    "audit": ("Audit", RUNS),
}
ACTS: dict[str, tuple[str, ...]] = {}  # part -> what can be done there
Act = Callable[[Seen], str]
Show = Callable[[Seen], dict[str, Any]]


def part(name: str, show: Show, acts: dict[str, Act], *, acting: frozenset[str] | None = None) -> Callable[..., HttpResponse]:
    """The view of a part. A POST names its act in the field `act`; it is done, said in a toast, and the part shown anew.

    acting: the roles that may act; None for all who see the part. Where an act cannot be done, the page says why and keeps
    what was typed.
    """
    ACTS[name] = tuple(acts)

    @require_http_methods(["GET", "POST"])
    @signed_in
    @wraps(show)
    def view(request: Seen) -> HttpResponse:
        role = request.user.role
        if not sees(role, name):
            raise PermissionDenied
        error = ""
        if request.method == "POST":
            if acting is not None and role not in acting:
                raise PermissionDenied
            act = acts.get(request.POST.get("act", ""))
            if act is None:
                raise PermissionDenied
            try:
                done = act(request)
            except UserError as refusal:
                sentence = str(refusal)
                error = f"{sentence[:1].upper()}{sentence[1:]}."
            else:
                if done:
                    messages.success(request, done)
                    return redirect(f"web:settings-{name}")
        seen = [(each, title) for each, (title, _) in PARTS.items() if sees(role, each)]
        context = {"part": name, "parts": seen, "error": error, "typed": request.POST, "may": acting is None or role in acting}
        return page(request, f"tocsin/settings/{name}.html", "settings", context | show(request), status=422 if error else 200)

    return view


def sees(role: str, name: str) -> bool:
    """Whether a role sees a part."""
    roles = PARTS[name][1]
    return not roles or role in roles
