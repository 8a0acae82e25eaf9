"""What is planted in the demo is found, early, by few alerts; the page that says so is what a replay gives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import demo_found
from demo_found import BUDGET, MOST_OPEN, Found

pytestmark = pytest.mark.long
DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def told() -> Iterator[tuple[list[Found], dict[str, float]]]:
    """The rows and figures of the page, computed once."""
    found = demo_found.measured()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(demo_found, "measured", lambda: found)
        yield found


def test_the_page_is_what_a_replay_gives(told: tuple[list[Found], dict[str, float]]) -> None:
    assert (DOCS / "demo.md").read_text("utf-8") == demo_found.page(), "run `make docs`"


def test_every_story_is_found_more_often_than_not(told: tuple[list[Found], dict[str, float]]) -> None:
    for row in told[0]:
        assert row.turned >= 5, row
        assert row.caught / row.turned >= 0.7, row


def test_those_who_left_were_told_of_weeks_before(told: tuple[list[Found], dict[str, float]]) -> None:
    leads = [row.lead for row in told[0] if row.lead is not None]
    assert len(leads) >= 5
    assert sum(lead >= 28 for lead in leads) >= len(leads) - 1, "a trial ends when it ends"


def test_one_cause_has_few_alerts(told: tuple[list[Found], dict[str, float]]) -> None:
    assert max(row.open for row in told[0]) <= MOST_OPEN


def test_a_csm_is_not_drowned(told: tuple[list[Found], dict[str, float]]) -> None:
    figures = told[1]
    assert 0.5 <= figures["weekly_on"] <= BUDGET
    assert figures["busiest_on"] <= BUDGET
    assert figures["weekly"] <= BUDGET
