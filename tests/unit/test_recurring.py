"""Schedules: what may be written, and when they come next, by the clock on the wall and when it changes."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tocsin.core.errors import UserError
from tocsin.core.recurring import read_recurring

BERLIN, BUENOS_AIRES, LORD_HOWE = (
    ZoneInfo(name) for name in ("Europe/Berlin", "America/Argentina/Buenos_Aires", "Australia/Lord_Howe")
)
FRIDAY = datetime(2026, 3, 27, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "after", "wanted"),
    [
        ("every 15m", BERLIN, "2026-03-27 12:00:07", ["2026-03-27 12:15:07", "2026-03-27 12:30:07"]),
        # The clock goes from 2 to 3 in the night of the 29th: a day of 24 hours is not a day on the wall.
        ("every 1d", BERLIN, "2026-03-28 12:00", ["2026-03-29 12:00"]),
        ("daily at 06:00", BERLIN, "2026-03-27 12:00", ["2026-03-28 05:00", "2026-03-29 04:00", "2026-03-30 04:00"]),
        # 2:30 is left out that night: it is the instant of the change, and then 2:30 again.
        ("daily at 02:30", BERLIN, "2026-03-28 12:00", ["2026-03-29 01:00", "2026-03-30 00:30"]),
        # 2:30 comes twice: the first counts, and only that.
        ("daily at 02:30", BERLIN, "2026-10-24 12:00", ["2026-10-25 00:30", "2026-10-26 01:30"]),
        ("Daily  at 18:30, 6:00", BUENOS_AIRES, "2026-03-27 12:00", ["2026-03-27 21:30", "2026-03-28 09:00"]),
        # Lord Howe's clock changes by half an hour.
        ("daily at 02:15", LORD_HOWE, "2026-10-02 20:00", ["2026-10-03 15:30", "2026-10-04 15:15"]),
        ("weekdays at 06:00", BERLIN, "2026-03-27 12:00", ["2026-03-30 04:00"]),
        ("weekly on sun at 23:59", BERLIN, "2026-03-27 12:00", ["2026-03-29 21:59", "2026-04-05 21:59"]),
        ("cron 0 6 * * 1-5", BERLIN, "2026-03-27 12:00", ["2026-03-30 04:00", "2026-03-31 04:00"]),
        ("cron */20 8-9 * * *", BERLIN, "2026-03-27 07:30", ["2026-03-27 07:40", "2026-03-27 08:00", "2026-03-27 08:20"]),
        ("cron 0 0 29 2 *", BERLIN, "2026-03-27 12:00", ["2028-02-28 23:00"]),
        ("cron 0 0 1 * mon", BERLIN, "2026-03-27 12:00", ["2026-03-29 22:00", "2026-03-31 22:00", "2026-04-05 22:00"]),
        ("cron 5/20 0 1 jan,jul 0,7", BERLIN, "2026-06-27 12:00", ["2026-06-30 22:05", "2026-06-30 22:25"]),
    ],
)
def test_when_it_comes_next(text: str, zone: ZoneInfo, after: str, wanted: list[str]) -> None:
    schedule, moment, found = read_recurring(text), at(after), []
    for _ in wanted:
        following = schedule.next(moment, zone)
        assert following is not None
        found.append(following)
        moment = following
    assert found == [at(each) for each in wanted]


def test_by_hand_is_never() -> None:
    assert read_recurring(" By  Hand ").next(FRIDAY, BERLIN) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no schedule; write `every 15m`"),
        ("every 15", "is no schedule"),
        ("every 0m", "from 1m to 31d"),
        ("every 99999d", "from 1m to 31d"),
        ("daily at 24:00", "'24:00' is no time of the day"),
        ("daily at", "is no schedule"),
        ("weekly on moonday at 06:00", "'moonday' is no day of the week"),
        ("cron 0 6 * *", "has 4 fields; cron has five"),
        ("cron 60 6 * * *", "'60' is no minute of cron, which is from 0 to 59"),
        ("cron 0 6 * * fry", "'fry' is no day of the week of cron"),
        ("cron */0 6 * * *", "is no minute of cron"),
        ("cron 0 9-6 * * *", "is no hour of cron"),
        ("cron 0 0 31 2,4 *", "a day that no year has"),
        ("daily at 06:00; drop table", "is no time of the day"),
    ],
)
def test_what_is_no_schedule(text: str, why: str) -> None:
    with pytest.raises(UserError, match=why.replace("*", r"\*")):
        read_recurring(text)
