"""Webhooks: systems that send what happens there; setting one up, its page, its secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from tocsin.core.errors import UserError
from tocsin.people import facade as people
from tocsin.sources import facade, trying
from tocsin.sources.facade import Kind, SourceInfo
from tocsin.web import hookforms, source
from tocsin.web.prose import inline, rendered
from tocsin.web.shell import Seen, runs, signed_in
from tocsin.web.templatetags.tocsin import sentence_case
from tocsin.web.views.data.frame import framed, sentence, tab

NAME = "data-hooks"
BECAME = {"taken": ("Taken in", ""), "ignored": ("Passed over", "faint"), "unreadable": ("Could not be read", "down")}
# Where a form on another page leads back to.
BACK = {"list": NAME, "overview": "data"}


def show(request: Seen, moment: datetime) -> dict[str, Any]:  # noqa: ARG001 - the same whenever it is asked
    """All of them."""
    return {"hooks": facade.list_sources(), "makes": _makes(request)}


hooks = tab(NAME, show)


@require_http_methods(["GET", "POST"])
@signed_in
def new(request: Seen) -> HttpResponse:
    """Choose a kind, then set a source up. For administrators."""
    if not _makes(request):
        raise PermissionDenied
    moment, kinds = source.now(), facade.hook_kinds()
    given = request.POST if request.method == "POST" else request.GET
    kind = kinds.get(given.get("kind", ""))
    error = ""
    if request.method == "POST":
        try:
            return _created(request, given.get("kind", ""), kind, moment)
        except UserError as refusal:
            error = sentence(refusal)
    context: dict[str, Any] = {"error": error, "typed": given, "again": bool(error and given.get("secret", "").strip())}
    if kind is None:
        context |= {"kinds": [(each, each.guide.text.partition(". ")[0]) for each in kinds.values()]}
    else:
        context |= {"kind": kind, "fields": _fields(kind, {}, given)}
    return _answer(request, "hook_new", context, moment, status=422 if error else 200)


def _created(request: Seen, name: str, kind: Kind | None, moment: datetime) -> HttpResponse:
    """Set it up; the answer is its page, with the secret where one was made here. UserError says what is wrong."""
    given = request.POST
    secret = given.get("secret", "").strip()
    chosen = hookforms.read(kind.guide.settings, given) if kind else {}
    made = facade.create_source(
        name,
        given.get("name", ""),
        given=[secret] if secret else [],
        settings=chosen,
        by=request.user.email,
        moment=moment,
    )
    if made.secret:
        return _page(request, made.what, moment, secret=made.secret)
    messages.success(request, f"{made.what.name} is set up; give its address to {made.what.title}")
    return redirect("web:data-hook", reference=made.what.id)


@require_http_methods(["GET", "POST"])
@signed_in
def one(request: Seen, reference: str) -> HttpResponse:
    """A source: how it goes, how it is set up there and here. Its forms with something typed are posted to it."""
    moment = source.now()
    try:
        found = facade.source_info(reference)
    except UserError as error:
        raise Http404(str(error)) from error
    if request.method != "POST":
        return _page(request, found, moment)
    wanted = request.POST.get("act", "")
    if wanted not in ("set", "secret") or not _makes(request):
        raise PermissionDenied
    who: dict[str, Any] = {"by": request.user.email, "moment": moment}
    try:
        if wanted == "set":
            chosen = hookforms.read(facade.hook_kinds()[found.vendor].guide.settings, request.POST)
            facade.set_settings(found.id, chosen, **who)
            messages.success(request, f"{found.name} is changed; it holds for what comes from now on")
            return redirect("web:data-hook", reference=found.id)
        made = facade.add_secret(found.id, request.POST.get("secret", ""), **who)
    except UserError as refusal:
        typed = request.POST if wanted == "set" else None
        return _page(request, found, moment, wrong=wanted, error=sentence(refusal), typed=typed)
    if made.secret:
        return _page(request, made.what, moment, secret=made.secret)
    messages.success(request, f"{found.name} may sign with one secret more")
    return redirect("web:data-hook", reference=found.id)


@require_POST
@signed_in
def act(request: Seen, reference: str) -> HttpResponse:
    """Test, pause, resume or remove one, or retire a secret of it."""
    wanted = request.POST.get("act", "")
    if not runs(request.user) or wanted not in {"test", *ACTS} or (wanted in ("delete", "retire") and not _makes(request)):
        raise PermissionDenied
    there = True
    try:
        messages.success(request, _done(request, reference, wanted))
        there = wanted != "delete"
    except UserError as refusal:
        messages.error(request, sentence(refusal))
        there = any(reference in (each.id, each.name) for each in facade.list_sources())
    back = BACK.get(request.POST.get("back", ""), "" if there else NAME)
    return redirect(f"web:{back}") if back else redirect("web:data-hook", reference=reference)


def _done(request: Seen, reference: str, wanted: str) -> str:
    """Do it, and say what was done. UserError says why not."""
    moment = source.now()
    if wanted == "test":
        return _tested(request, reference, moment)
    do, said = ACTS[wanted]
    if wanted == "retire":
        do = partial(do, secret_id=request.POST.get("secret", ""))
    return said.format(do(reference, by=request.user.email, moment=moment).name)


def _tested(request: Seen, reference: str, moment: datetime) -> str:
    """Send the vendor's own sample, signed, to the door of a source; nothing of it is stored. UserError where it is refused."""
    address = source.address()
    if not address:
        raise UserError("no server runs on this home that a test could be sent to")
    tried = trying.try_source(reference, trying.to_server(address), address, moment=moment)
    name = facade.source_info(reference).name
    people.note("source tested", name, "taken" if tried.ok else "refused", by=request.user.email, moment=moment)
    if not tried.ok:
        raise UserError(tried.words.rstrip("."))
    return tried.words


ACTS: dict[str, tuple[Callable[..., SourceInfo], str]] = {
    "pause": (facade.pause_source, "{} is paused; what it sends is to come again later"),
    "resume": (facade.resume_source, "{} is taken from again"),
    "retire": (facade.remove_secret, "The secret is retired; {} signs nothing with it any more"),
    "delete": (facade.delete_source, "{} is removed; what it has told stays"),
}


def _page(
    request: Seen,
    found: SourceInfo,
    moment: datetime,
    *,
    secret: str = "",
    wrong: str = "",
    error: str = "",
    typed: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The page of a source.

    secret: one that was made just now. wrong: the form that was refused, error: why, typed: with what.
    """
    kind = facade.hook_kinds()[found.vendor]
    at_door = facade.for_door(found.vendor, found.id)
    base = settings.TOCSIN_PUBLIC_URL or f"{request.scheme}://{request.get_host()}"
    address = f"{base}{found.path}"
    context = {
        "hook": found,
        "kind": kind,
        "makes": _makes(request),
        "secret": secret,
        "address": address,
        "public": bool(settings.TOCSIN_PUBLIC_URL),
        "steps": rendered(kind.guide.text.replace(f"https://<your host>/hooks/{found.vendor}/<source id>", address)),
        "sealed": at_door is not None and at_door.unreadable,
        "deliveries": [(each, *BECAME[each.became]) for each in facade.recent_deliveries(found.id)],
        "refusals": facade.recent_refusals(found.id),
        "fields": _fields(kind, found.settings, typed),
        "wrong": wrong,
        "error": error,
    }
    return _answer(request, "hook", context, moment, status=422 if error else 200)


def _answer(request: Seen, template: str, context: dict[str, Any], moment: datetime, *, status: int) -> HttpResponse:
    answer = framed(request, NAME, template, context, moment)
    answer.status_code = status
    if context.get("secret"):
        answer["Cache-Control"] = "no-store"
    return answer


def _fields(kind: Kind, kept: Mapping[str, Any], typed: Mapping[str, str] | None) -> list[tuple[hookforms.Field, str]]:
    """The fields of the settings of a kind, each with what it means."""
    return [(each, inline(sentence_case(each.setting.meaning))) for each in hookforms.fields(kind.guide.settings, kept, typed)]


def _makes(request: Seen) -> bool:
    return bool(request.user.role == "admin")
