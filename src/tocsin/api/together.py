"""One act on many alerts: all of them or none."""

from __future__ import annotations

from typing import Any, Literal

from ninja import Router, Schema
from pydantic import AwareDatetime, Field

from tocsin.alerts import facade
from tocsin.api.access import Caller, sees
from tocsin.api.alerts import ERRORS, WRITE, in_utc
from tocsin.api.problems import ApiError

router = Router()
MOST = 500


class Act(Schema):
    """What is done to which alerts. until: of a snooze; outcome: of a resolution; to: of an assignment ('': the CSM)."""

    ids: list[str] = Field(min_length=1, max_length=MOST)
    act: Literal["acknowledge", "snooze", "resolve", "reopen", "assign"]
    until: AwareDatetime | None = None
    outcome: Literal["", "useful", "not_useful", "false_alarm"] = ""
    to: str = Field("", max_length=254)
    note: str = Field("", max_length=2000)


class Done(Schema):
    """How many alerts were changed."""

    changed: int


@router.post("/alerts/together", response={200: Done, **ERRORS}, auth=WRITE, operation_id="act_on_alerts")
def together(request: Caller, given: Act) -> dict[str, Any]:
    """Acknowledge, snooze, resolve, reopen or assign many alerts at once; where one cannot be, nothing is done."""
    ids = list(dict.fromkeys(given.ids))
    found = facade.alerts_by_id(ids)
    hidden = [each for each in ids if not sees(request, found.get(each))]
    if hidden:
        raise ApiError(404, f"there is no alert {hidden[0][:80]!r}")
    by, moment, note = request.by, request.moment, given.note
    if given.act == "acknowledge":
        changed = facade.acknowledge_together(ids, by=by, moment=moment, note=note)
    elif given.act == "snooze":
        if given.until is None:
            raise ApiError(422, "a snooze needs `until`, a moment ahead")
        changed = facade.snooze_together(ids, until=in_utc(given.until), by=by, moment=moment, note=note)
    elif given.act == "resolve":
        changed = facade.resolve_together(ids, outcome=given.outcome, by=by, moment=moment, note=note)
    elif given.act == "reopen":
        changed = facade.reopen_together(ids, by=by, moment=moment, note=note)
    else:
        changed = facade.assign_together(ids, given.to, by=by, moment=moment, note=note)
    return {"changed": changed}
