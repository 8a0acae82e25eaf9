"""What an import would do, doing it, and what came of it; keeping its mapping."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.urls import reverse

from tocsin.core.errors import UserError
from tocsin.facts.importing.matching import drafts, plans, saved
from tocsin.people import facade as people
from tocsin.web import importing
from tocsin.web.shell import Seen
from tocsin.web.views.data.frame import Done, act, tab
from tocsin.web.views.data.match import opened


def show_preview(request: Seen, moment: datetime, draft_id: str) -> dict[str, Any]:  # noqa: ARG001
    """The counts of a dry run, why rows would be rejected, and the first rows as they would be stored."""
    found = opened(draft_id)
    if importing.under_way(draft_id) is not None:
        return {"draft": found, "busy": True}
    asked = importing.preview(found, moment)
    tried = asked.value
    return {
        "draft": found,
        "made": asked.made,
        "failed": asked.failed,
        "refused": tried.refused if tried else "",
        "report": tried.report if tried else None,
        "saved": saved.list_saved(importing.here().home),
        "waited": round(asked.waited),
    }


def begin(request: Seen, moment: datetime, draft_id: str) -> Done:
    """Import."""
    found = opened(draft_id)
    importing.start(found, moment)
    detail = ", ".join(sorted({table.collection for table in found.plan.tables or () if table.collection}))
    people.note("files imported", ", ".join(found.files)[:400], detail, by=request.user.email, moment=moment)
    return Done("", reverse("web:data-import-result", args=[draft_id]))


def show_result(request: Seen, moment: datetime, draft_id: str) -> dict[str, Any]:  # noqa: ARG001
    """How far the import is, or what came of it."""
    found = opened(draft_id)
    going = importing.under_way(draft_id)
    result = None if going else drafts.result_of(found)
    report = (result or {}).get("report")
    return {
        "draft": found,
        "going": going,
        "percent": round(100 * going[1]) if going else 0,
        "result": result,
        "report": report,
        "rejected": sum(each["rejected"] for each in report["collections"]) if report else 0,
        "saved": saved.list_saved(importing.here().home),
    }


def keep(request: Seen, moment: datetime, draft_id: str) -> Done:
    """Keep the mapping under a name."""
    found = opened(draft_id)
    name = request.POST.get("name", "").strip()
    back = "result" if request.POST.get("from") == "result" else "preview"
    here = reverse(f"web:data-import-{back}", args=[draft_id])
    if not name:
        raise UserError("a mapping needs a name")
    saved.save(importing.here().home, name, plans.as_yaml(found.plan.tables or (), patterns=True))
    drafts.keep(found.folder, replace(found.plan, saved=name))
    people.note("mapping saved", name, by=request.user.email, moment=moment)
    return Done(f"The mapping {name} is saved; tocsin import --mapping {_quoted(name)} takes it too", here)


def _quoted(name: str) -> str:
    return f"'{name}'" if " " in name else name


preview = tab("data-import", show_preview, "import_preview")
begun = act("data-import", begin)
result = tab("data-import", show_result, "import_result")
kept = act("data-import", keep)
