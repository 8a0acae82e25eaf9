"""Keys: those that let data in and programs act, making and revoking them, and how a sender is set up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from tocsin.core.errors import UserError
from tocsin.people import facade as people
from tocsin.web import source
from tocsin.web.shell import Seen, signed_in
from tocsin.web.views.data.frame import act, framed, sentence, tab


def show(request: Seen, moment: datetime) -> dict[str, Any]:  # noqa: ARG001 - the same for all who may see it
    """The keys, and the snippets with this server's address."""
    return {
        "keys": people.list_keys(),
        "revoked": [each for each in people.list_keys(revoked=True) if each.revoked_at is not None],
        "scopes": people.SCOPES,
        "all_kinds": request.user.role == "admin",
        "address": settings.TOCSIN_PUBLIC_URL or f"{request.scheme}://{request.get_host()}",
        "typed": {},
    }


@require_POST
@signed_in
def create(request: Seen) -> HttpResponse:
    """Make a key and show it, this once: it is kept nowhere, not even for the next page."""
    if request.user.role not in ("admin", "operations"):
        raise PermissionDenied
    moment, given, made = source.now(), request.POST, None
    kind = given.get("kind", "write")
    if kind != "write" and request.user.role != "admin":
        raise PermissionDenied
    try:
        scopes = given.getlist("scopes") if kind == "api" else []
        made = people.create_key(given.get("name", ""), kind, scopes, by=request.user.email, moment=moment)
    except UserError as refusal:
        messages.error(request, sentence(refusal))
    context = show(request, moment) | {"made": made[0] if made else None, "secret": made[1] if made else "", "typed": given}
    answer = framed(request, "data-keys", "keys", context, moment)
    answer["Cache-Control"] = "no-store"
    answer.status_code = 200 if made else 422
    return answer


def revoke(request: Seen, moment: datetime) -> str:
    """From now on the key opens nothing."""
    key_id = request.POST.get("id", "")
    found = next((each for each in people.list_keys() if each.id == key_id), None)
    if found is not None and found.kind != "write" and request.user.role != "admin":
        raise PermissionDenied
    return (
        f"The key {people.revoke_key(key_id, by=request.user.email, moment=moment).name} is revoked; it opens nothing any more"
    )


_show = tab("data-keys", show)


def keys(request: HttpRequest) -> HttpResponse:
    """The tab; a form that is posted to it makes a key."""
    return create(request) if request.method == "POST" else _show(request)


revoked = act("data-keys", revoke)
