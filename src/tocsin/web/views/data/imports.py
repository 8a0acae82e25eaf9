"""Import in the browser: handing files over, those that wait, and saved mappings."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from tocsin.core.errors import UserError
from tocsin.facts.importing.matching import drafts, saved
from tocsin.facts.importing.sources import FORMATS
from tocsin.people import facade as people
from tocsin.web import importing, words
from tocsin.web.shell import Seen, runs, signed_in
from tocsin.web.views.data.frame import Done, act, tab

MB = 1024 * 1024


def show(request: Seen, moment: datetime) -> dict[str, Any]:  # noqa: ARG001 - the same for all who may see it
    """The form, files that wait, and saved mappings."""
    home, limits = importing.here().home, importing.here().configuration.limits
    waiting = []
    for each in drafts.drafts(home):
        result = drafts.result_of(each)
        waiting.append((each, result, importing.under_way(each.id), each.plan.at + limits.upload_kept))
    return {
        "drafts": waiting,
        "saved": saved.list_saved(home),
        "endings": ",".join(FORMATS),
        "most": limits.upload,
        "most_mb": limits.upload // MB,
        "hours": round(limits.upload_kept.total_seconds() / 3600),
    }


def take(request: Seen, moment: datetime) -> Done:
    """Keep the files that were handed over; the next page says what is in them."""
    home, limits = importing.here().home, importing.here().configuration.limits
    drafts.clear_expired(home, moment, limits.upload_kept)
    given = request.FILES.getlist("files")
    if sum(each.size or 0 for each in given) > limits.upload:
        raise UserError(f"the files have more than {limits.upload // MB:,} MB; import them with tocsin import")
    mapping = request.POST.get("mapping", "")
    if mapping:
        saved.open_saved(home, mapping)
    found = drafts.begin(
        home, [(each.name or "", _place(each, home)) for each in given], by=request.user.email, moment=moment, saved=mapping
    )
    people.note("files handed over", ", ".join(found.files)[:400], by=request.user.email, moment=moment)
    return Done("", reverse("web:data-import-match", args=[found.id]))


def _place(given: UploadedFile[Any], home: Path) -> Path:
    """Where an uploaded file lies on disk."""
    if isinstance(given, TemporaryUploadedFile):
        return Path(given.temporary_file_path())
    own = home / drafts.FOLDER / f"{id(given):x}.part"
    own.parent.mkdir(mode=0o700, exist_ok=True)
    with own.open("wb") as file:
        shutil.copyfileobj(given, file)
    return own


def discard(request: Seen, moment: datetime) -> str:
    """Delete files that were handed over."""
    draft_id = request.POST.get("id", "")
    if importing.under_way(draft_id) is not None:
        raise UserError("these files are being imported; wait until it has ended")
    gone = drafts.discard(importing.here().home, draft_id)
    people.note("files deleted", ", ".join(gone.files)[:400], by=request.user.email, moment=moment)
    return f"{words.plural(len(gone.files), 'file')} deleted"


def drop(request: Seen, moment: datetime) -> str:
    """Delete a saved mapping."""
    name = request.POST.get("name", "")
    saved.delete(importing.here().home, name)
    people.note("mapping deleted", name, by=request.user.email, moment=moment)
    return f"The mapping {name} is deleted"


@require_safe
@signed_in
def export(request: Seen, name: str) -> HttpResponse:
    """The `columns.yaml` of a saved mapping, as a file."""
    if not runs(request.user):
        raise PermissionDenied
    try:
        text = saved.text_of(importing.here().home, name)
    except UserError as gone:
        return HttpResponse(f"{gone}\n", status=404, content_type="text/plain; charset=utf-8")
    answer = HttpResponse(text, content_type="application/yaml; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="columns.yaml"'
    return answer


_show = tab("data-import", show)
_take = act("data-import", take)


def imports(request: HttpRequest) -> HttpResponse:
    """The tab; files that are posted to it are taken in."""
    return _take(request) if request.method == "POST" else _show(request)


discarded = act("data-import", discard)
dropped = act("data-import", drop)
