"""What becomes of a notice: a table of its alert's standing, its target's calendar, and silences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tocsin.core.notices import Hearing, Standing, decide
from tocsin.core.routing import Silence, parse_matcher
from tocsin.core.schedule import Hours, Quiet

ZONE = ZoneInfo("UTC")
MONDAY_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NIGHT = datetime(2026, 3, 2, 23, tzinfo=UTC)
SATURDAY = datetime(2026, 3, 7, 12, tzinfo=UTC)
QUIET = Quiet(ZONE, 22 * 60, 7 * 60)
WORK = Hours(ZONE)
OPEN = Standing("open", 2)
SILENCE = Silence("7", (parse_matcher("tier = 1"),), MONDAY_NOON, MONDAY_NOON + timedelta(days=2), "meg@x.io", "a fair")


@pytest.mark.parametrize(
    ("kind", "standing", "hearing", "moment", "fate", "reason"),
    [
        ("opened", OPEN, {}, MONDAY_NOON, "go", ""),
        ("opened", Standing("open", 2, inhibited_by="no-login"), {}, MONDAY_NOON, "suppress", "kept quiet by no-login"),
        (
            "opened",
            Standing("closed", 2, close_reason="cleared"),
            {},
            MONDAY_NOON,
            "suppress",
            "over before it was told (cleared)",
        ),
        ("opened", Standing("acknowledged", 2, acknowledged_by="ann@x.io"), {}, MONDAY_NOON, "suppress", "ann@x.io has it"),
        ("stepped", Standing("acknowledged", 2, acknowledged_by="ann@x.io"), {}, MONDAY_NOON, "go", ""),
        ("escalated", Standing("snoozed", 2), {}, MONDAY_NOON, "suppress", "snoozed"),
        ("assigned", Standing("snoozed", 2), {}, MONDAY_NOON, "go", ""),
        ("opened", OPEN, {"quiet": QUIET}, MONDAY_NOON, "go", ""),
        ("opened", OPEN, {"quiet": QUIET}, NIGHT, "wait", "quiet until 2026-03-03T07:00:00Z"),
        ("opened", OPEN, {"quiet": QUIET, "through_quiet": True}, NIGHT, "go", ""),
        ("opened", OPEN, {"active": (WORK,)}, SATURDAY, "wait", "quiet until 2026-03-09T09:00:00Z"),
        ("opened", OPEN, {"mute": (WORK,)}, MONDAY_NOON, "wait", "quiet until 2026-03-02T18:00:00Z"),
        ("opened", OPEN, {"mute": (WORK,), "quiet": Quiet(ZONE, 17 * 60, 20 * 60)}, MONDAY_NOON, "wait", "20:00:00Z"),
        ("opened", OPEN, {"active": (WORK,), "mute": (WORK,)}, MONDAY_NOON, "digest", "never let it out"),
        ("opened", Standing("open", 0), {"least_rank": 2}, MONDAY_NOON, "digest", "milder"),
        ("opened", Standing("open", 2), {"least_rank": 2}, MONDAY_NOON, "go", ""),
        ("escalated", Standing("open", 0), {"least_rank": 2}, MONDAY_NOON, "go", ""),
        ("closed", Standing("closed", 2, told=True), {}, MONDAY_NOON, "digest", "comes with the digest"),
        ("closed", Standing("closed", 2), {}, MONDAY_NOON, "suppress", "over before it was told"),
        ("freed", Standing("open", 2, told=True), {}, MONDAY_NOON, "suppress", "before it was kept quiet"),
        ("freed", OPEN, {}, MONDAY_NOON, "go", ""),
        # A channel that others read is told of everything, at any time.
        ("opened", Standing("closed", 0), {"machine": True, "quiet": QUIET, "least_rank": 4}, NIGHT, "go", ""),
        ("closed", Standing("closed", 2, told=True), {"machine": True}, NIGHT, "go", ""),
        ("opened", Standing("open", 2, inhibited_by="x"), {"machine": True}, NIGHT, "suppress", "kept quiet by x"),
    ],
)
def test_fate(kind: str, standing: Standing, hearing: dict[str, Any], moment: datetime, fate: str, reason: str) -> None:
    decision = decide(kind, standing, Hearing(**hearing), (), moment)
    assert decision.fate == fate
    assert reason in decision.reason
    assert (decision.until is None) == (fate != "wait")
    assert bool(decision.reason) == (fate != "go")


def test_a_silence_keeps_it_until_its_end() -> None:
    decision = decide("opened", OPEN, Hearing(), [SILENCE], MONDAY_NOON)
    assert (decision.fate, decision.until) == ("wait", SILENCE.ends_at)
    assert decision.reason == "silenced until 2026-03-04T12:00:00Z by meg@x.io: a fair"
    assert decide("opened", OPEN, Hearing(machine=True), [SILENCE], MONDAY_NOON).fate == "wait"
    assert decide("opened", OPEN, Hearing(), [SILENCE], SILENCE.ends_at).fate == "go"


def test_inhibition_comes_before_calendars_and_these_before_silences() -> None:
    both = decide("opened", Standing("open", 2, inhibited_by="x"), Hearing(quiet=QUIET), [SILENCE], NIGHT)
    assert both.fate == "suppress"
    assert decide("opened", OPEN, Hearing(quiet=QUIET), [SILENCE], NIGHT).reason.startswith("quiet until")
