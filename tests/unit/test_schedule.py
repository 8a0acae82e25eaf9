"""Working hours, quiet hours and holidays: tables of cases, with changes of clocks among them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tocsin.core.schedule import Hours, Quiet, at_minute, next_at, start_of_week

BERLIN, NEW_YORK, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")
NINE_TO_SIX = Hours(BERLIN)


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        # Berlin is an hour ahead in winter: work is from 8 to 17 in UTC.
        ("2026-03-02T07:59", "2026-03-02T08:00"),
        ("2026-03-02T08:00", "2026-03-02T08:00"),
        ("2026-03-02T16:59", "2026-03-02T16:59"),
        ("2026-03-02T17:00", "2026-03-03T08:00"),
        ("2026-03-06T17:00", "2026-03-09T08:00"),  # Friday evening: Monday
        ("2026-03-07T12:00", "2026-03-09T08:00"),
        # Clocks go forward in the night to Sunday, 29 March: from then on 7 to 16 in UTC.
        ("2026-03-28T12:00", "2026-03-30T07:00"),
        ("2026-10-24T12:00", "2026-10-26T08:00"),
    ],
)
def test_next_open(moment: str, expected: str) -> None:
    assert NINE_TO_SIX.next_open(at(moment)) == at(expected)
    assert NINE_TO_SIX.open_at(at(moment)) == (moment == expected)


def test_holidays_are_left_out() -> None:
    hours = Hours(BERLIN, holidays=frozenset({date(2026, 4, 3), date(2026, 4, 6)}))  # Good Friday, Easter Monday
    assert hours.next_open(at("2026-04-02T18:00")) == at("2026-04-07T07:00")


@pytest.mark.parametrize(
    ("moment", "hours", "expected"),
    [
        ("2026-03-02T08:00", 9, "2026-03-02T17:00"),  # exactly a day's work ends with the day
        ("2026-03-02T08:00", 10, "2026-03-03T09:00"),
        ("2026-03-06T16:00", 2, "2026-03-09T09:00"),  # over a weekend
        ("2026-03-07T12:00", 0, "2026-03-09T08:00"),  # nothing passes before work begins
        ("2026-03-27T16:00", 9, "2026-03-30T15:00"),  # over the change of clocks
    ],
)
def test_working_time_passes(moment: str, hours: int, expected: str) -> None:
    assert NINE_TO_SIX.after(at(moment), timedelta(hours=hours)) == at(expected)


def test_who_never_works_is_never_reached() -> None:
    for never in (Hours(BERLIN, frozenset()), Hours(BERLIN, start=600, end=600)):
        assert never.next_open(at("2026-03-02T08:00")) is None
        assert never.after(at("2026-03-02T08:00"), timedelta(hours=1)) is None
        assert never.next_closed(at("2026-03-02T08:00")) == at("2026-03-02T08:00")


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-03-02T12:00", "2026-03-02T17:00"),
        ("2026-03-02T17:00", "2026-03-02T17:00"),
        ("2026-03-07T12:00", "2026-03-07T12:00"),
    ],
)
def test_next_closed(moment: str, expected: str) -> None:
    assert NINE_TO_SIX.next_closed(at(moment)) == at(expected)


def test_days_that_touch_are_one_span() -> None:
    weekend = Hours(BERLIN, frozenset({5, 6}), 0, 24 * 60)
    assert weekend.next_closed(at("2026-03-07T12:00")) == at("2026-03-08T23:00")
    assert Hours(BERLIN, frozenset(range(7)), 0, 24 * 60).next_closed(at("2026-03-07T12:00")) is None


@pytest.mark.parametrize(
    ("start", "end", "moment", "expected"),
    [
        (22 * 60, 7 * 60, "2026-03-02T20:59", "2026-03-02T20:59"),  # 21:59 in Berlin
        (22 * 60, 7 * 60, "2026-03-02T21:00", "2026-03-03T06:00"),
        (22 * 60, 7 * 60, "2026-03-03T03:00", "2026-03-03T06:00"),
        (22 * 60, 7 * 60, "2026-03-03T06:00", "2026-03-03T06:00"),
        (12 * 60, 13 * 60, "2026-03-02T11:30", "2026-03-02T12:00"),
        (0, 0, "2026-03-02T11:30", "2026-03-02T11:30"),  # equal ends: no quiet
        (22 * 60, 7 * 60, "2026-03-28T22:00", "2026-03-29T05:00"),  # an hour shorter
        (22 * 60, 7 * 60, "2026-10-24T21:00", "2026-10-25T06:00"),  # an hour longer
    ],
)
def test_quiet_hours(start: int, end: int, moment: str, expected: str) -> None:
    assert Quiet(BERLIN, start, end).ends(at(moment)) == at(expected)


@pytest.mark.parametrize(
    ("day", "minute", "zone", "expected"),
    [
        (date(2026, 3, 29), 150, BERLIN, "2026-03-29T01:00"),  # 2:30 is left out: the instant of the change
        (date(2026, 10, 25), 150, BERLIN, "2026-10-25T00:30"),  # 2:30 comes twice: the first
        (date(2026, 3, 2), 24 * 60, BERLIN, "2026-03-02T23:00"),
        (date(2026, 3, 2), 9 * 60, KOLKATA, "2026-03-02T03:30"),
        (date(2026, 3, 8), 150, NEW_YORK, "2026-03-08T07:00"),
    ],
)
def test_wall_clock(day: date, minute: int, zone: ZoneInfo, expected: str) -> None:
    assert at_minute(day, minute, zone) == at(expected)


def test_next_at_is_strictly_ahead() -> None:
    assert next_at(at("2026-03-02T07:00"), 8 * 60, BERLIN) == at("2026-03-03T07:00")
    assert next_at(at("2026-03-02T06:59"), 8 * 60, BERLIN) == at("2026-03-02T07:00")
    assert next_at(at("2026-03-02T07:00"), 8 * 60, BERLIN, weekday=0) == at("2026-03-09T07:00")


def test_weeks_begin_on_monday_where_the_person_lives() -> None:
    assert start_of_week(at("2026-03-01T23:30"), BERLIN) == at("2026-03-01T23:00")
    assert start_of_week(at("2026-03-01T22:30"), BERLIN) == at("2026-02-22T23:00")
