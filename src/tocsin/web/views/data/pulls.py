"""Pulls: what is fetched from where and when, how each run went, and setting one up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tocsin.core.errors import UserError
from tocsin.sources import facade
from tocsin.sources.facade import PullInfo
from tocsin.web import source
from tocsin.web.shell import Seen, page, runs, signed_in
from tocsin.web.views.data.frame import TABS, tab

NAME = "data-pulls"
# State -> what it is called, and the class that colours it.
STATES = {
    "fine": ("Up to date", ""),
    "running": ("Running", ""),
    "failing": ("Failing", "down"),
    "paused": ("Paused", "warn"),
    "waiting": ("Not run yet", "faint"),
}
RUN_STATES = {"done": ("Done", ""), "running": ("Running", ""), "failed": ("Failed", "down"), "stopped": ("Stopped", "warn")}
# What the form asks for, by kind; lists are written one a line, or with commas between.
FIELDS = {
    "folder": ("path", "mapping", "schedule", "full", "settle", "most_closed"),
    "sql": ("url", "mapping", "schedule", "cursor", "start", "full", "overlap", "most_closed"),
}
EDITED = tuple(dict.fromkeys(name for names in FIELDS.values() for name in names))
TITLES = {"folder": "A folder of files", "sql": "A database"}


def listed(moment: datetime) -> list[tuple[PullInfo, str, str]]:
    """All pulls with the words for their state."""
    return [(each, *STATES[each.state]) for each in facade.list_pulls(moment)]


def show(request: Seen, moment: datetime) -> dict[str, Any]:
    """All of them."""
    found = listed(moment)
    return {"pulls": found, "makes": _makes(request), "busy": _busy([each for each, *_ in found])}


pulls = tab(NAME, show)


@require_safe
@signed_in
def one(request: Seen, reference: str) -> HttpResponse:
    """One pull: how it is set up, and its last runs."""
    moment = source.now()
    try:
        found = facade.pull_info(reference, moment)
    except UserError as error:
        raise Http404(str(error)) from error
    rows = [(each, *RUN_STATES[each.state], facade.CAUSES[each.cause]) for each in facade.runs_of(reference)]
    word, tone = STATES[found.state]
    return _page(
        request,
        "pull",
        {
            "pull": found,
            "word": word,
            "tone": tone,
            "runs": rows,
            "settings": _settings(found),
            "typed": _typed(found),
            "makes": _makes(request),
            "busy": _busy([found]),
        },
        moment,
    )


@require_http_methods(["GET", "POST"])
@signed_in
def new(request: Seen) -> HttpResponse:
    """Set one up. For administrators: it names places of this computer and secrets of others."""
    if not _makes(request):
        raise PermissionDenied
    given = request.POST if request.method == "POST" else request.GET
    kind = given.get("kind", "")
    kind = kind if kind in FIELDS else "folder"
    error = ""
    if request.method == "POST":
        settings = {name: _read(name, given.get(name, "")) for name in FIELDS[kind] if given.get(name, "").strip()}
        try:
            made = facade.create_pull(kind, given.get("name", ""), settings, by=request.user.email, moment=source.now())
        except UserError as refusal:
            sentence = str(refusal)
            error = f"{sentence[:1].upper()}{sentence[1:]}."
        else:
            messages.success(
                request, f"The pull {made.name} is set up" + ("; its first run is due now" if made.next_at else "")
            )
            return redirect("web:data-pull", reference=made.id)
    # What holds a password is not written back into the page.
    typed = {name: value for name, value in given.items() if name != "url"}
    context = {"kind": kind, "kinds": TITLES, "typed": typed, "error": error, "help": facade.PULL_SETTINGS}
    return _page(request, "pull_new", context, source.now(), status=422 if error else 200)


@require_POST
@signed_in
def act(request: Seen, reference: str) -> HttpResponse:
    """Run, pause, resume or remove one."""
    if not runs(request.user):
        raise PermissionDenied
    wanted = request.POST.get("act", "")
    if wanted not in ACTS or (wanted in ("delete", "set") and not _makes(request)):
        raise PermissionDenied
    do, said = ACTS[wanted]
    if wanted == "set":
        given = {name: _read(name, request.POST[name]) for name in EDITED if name in request.POST}
        do = partial(do, settings={name: value for name, value in given.items() if value or name not in ("url", "path")})
    gone = wanted == "delete"
    try:
        found = do(reference, by=request.user.email, moment=source.now())
    except UserError as refusal:
        messages.error(request, f"{str(refusal)[:1].upper()}{str(refusal)[1:]}.")
        gone = wanted != "set"
    else:
        messages.success(request, said.format(found.name))
    back = request.POST.get("back") == "list"
    return redirect(reverse("web:data-pulls") if gone or back else reverse("web:data-pull", kwargs={"reference": reference}))


ACTS: dict[str, tuple[Callable[..., PullInfo], str]] = {
    "run": (facade.ask_for_run, "{} runs in a moment"),
    "pause": (facade.pause_pull, "{} is paused"),
    "resume": (facade.resume_pull, "{} is pulled from again"),
    "anew": (facade.begin_anew, "The next run of {} reads everything"),
    "set": (facade.set_pull, "{} is changed"),
    "delete": (facade.delete_pull, "{} is removed; what it has brought stays"),
}


def _page(request: Seen, template: str, context: dict[str, Any], moment: datetime, *, status: int = 200) -> HttpResponse:
    frame = {"tab": NAME, "tabs": TABS, "title": TABS[NAME], "may": runs(request.user), "now": moment}
    return page(request, f"tocsin/data/{template}.html", "data", frame | context, status=status)


def _makes(request: Seen) -> bool:
    return bool(request.user.role == "admin")


def _busy(found: list[PullInfo]) -> bool:
    """Whether something changes in a moment, so that the page looks again by itself."""
    return any(each.running_since is not None or each.asked for each in found)


def _settings(found: PullInfo) -> list[tuple[str, str]]:
    """How it is set up, in words."""
    kept = found.settings
    rows = [("Mapping", str(kept.get("mapping", "")))]
    rows += [("Whole", ", ".join(kept["full"]) + f", closing at most {kept['most_closed']:.0%}" if kept["full"] else "")]
    if found.kind == "sql":
        reads = [f"{name} by {column}" for name, column in kept["cursor"].items()]
        rows += [("Reads on", ", ".join(reads) + f", {kept['overlap']} once more" if reads else "")]
        rows += [("Read until", ", ".join(f"{name} {value}" for name, value in found.marks.items()))]
    else:
        rows += [("Being written", f"a file that changed within {kept['settle']}")]
    rows += [("Brings", ", ".join(found.collections))]
    return [(title, text) for title, text in rows if text]


def _typed(found: PullInfo) -> dict[str, str]:
    """Its settings as the form has them; without the address, which may hold a password."""
    kept = found.settings
    lines = {name: "\n".join(f"{of}={value}" for of, value in kept.get(name, {}).items()) for name in ("cursor", "start")}
    plain = {name: str(kept.get(name) or "") for name in ("path", "mapping", "schedule", "overlap", "settle")}
    return {**plain, **lines, "full": "\n".join(kept["full"]), "most_closed": f"{kept['most_closed'] * 100:g}%"}


def _read(name: str, text: str) -> Any:
    """A field as a setting: lists one a line or with commas between."""
    if name in ("full", "cursor", "start"):
        return [each.strip() for each in text.replace("\r", "").replace("\n", ",").split(",") if each.strip()]
    return text.strip()
