"""Reading milestone templates from rule files: what they come to, every problem at its place, and writing them back.

In the cases a `⟦` marks where the problem must be located; it is taken out before reading.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.core.language import Names
from tocsin.core.milestones import ANCHOR, Milestone, MilestoneVersion
from tocsin.core.rulediff import differences
from tocsin.core.rulefiles import dump_milestone, dump_milestones, read_rules
from tocsin.core.rules import Definitions
from tocsin.core.versions import boundaries, in_force

NAMES = Names({"tier": "number"}, {}, {"uses": "count(events in last 30d)", "score": "health_score / 2"})
FULL = """\
milestones:
  # Who pays most sees it first.
  - id: report-quick   # stable
    name: First report
    where: tier = 1
    precedence: 10
    anchor: earliest(onboardings.started_at)
    due: 1w
    reached: >-
      exists(events
      where feature = 'reports')
    state: off
"""
REPORT = "exists(events where feature = 'reports')"
MADE = Milestone(
    "report-quick", "First report", 10, timedelta(days=7), REPORT, "tier = 1", "earliest(onboardings.started_at)", "off"
)


def read(text: str, known: Definitions | None = None) -> tuple[tuple[Milestone, ...], list[str]]:
    definitions, found = read_rules([("m.yaml", text)], names=NAMES, known=known)
    return definitions.milestones, [f"{each.line}:{each.column}: {each.message}" for each in found]


def milestone(**keys: str) -> str:
    """A template with these keys over those that every one needs."""
    given = {"id": "report", "name": "First report", "due": "14d", "reached": "uses > 0"} | keys
    lines = [f"{key}: {value}" for key, value in given.items() if value]
    return "  - " + "\n    ".join(lines) + "\n"


def test_every_key_is_read() -> None:
    assert read(FULL) == ((MADE,), [])


def test_what_is_left_out_has_its_default() -> None:
    ((found,), problems) = read("milestones:\n" + milestone())
    assert problems == []
    assert (found.where, found.anchor, found.precedence, found.state, found.days) == (None, ANCHOR, 0, "on", 14)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (milestone(id=""), "a milestone needs an `id`, such as first-report"),
        (milestone(id="⟦First_Report"), "must be small letters, digits and single hyphens"),
        (milestone(name=""), "needs `name`"),
        (milestone(due=""), "needs `due` (14d)"),
        (milestone(reached=""), "needs `reached`"),
        (milestone(due="⟦36h"), "whole days"),
        (milestone(due="⟦0d"), "from 1d to 400d"),
        (milestone(due="⟦401d"), "from 1d to 400d"),
        (milestone(due="⟦14"), "must be a duration"),
        (milestone(until="5d"), "until"),
        (milestone(state="⟦paused"), "state"),
        (milestone(precedence="⟦-1"), "whole number from 0 up"),
        (milestone(reached="⟦uses"), "`reached`: "),
        (milestone(reached="exists(⟦evnts)"), "did you mean 'events'"),
        (milestone(anchor="⟦uses"), "begins at a time or a date, this is a number"),
        (milestone(reached="⟦score > 20"), "cannot use health_score"),
        (milestone(where="⟦missed > 1 or exists(milestones)"), "missed"),
        (milestone(reached="⟦exists(milestones where not open)"), "cannot be reached by milestones"),
        (milestone(reached="⟦uses > market(uses)"), "looks at others"),
        (milestone() + milestone(id="⟦report"), "is taken by the milestone at m.yaml:2:5"),
        (milestone() + milestone(id="other"), "with the same precedence"),
    ],
)
def test_every_problem_is_told_where_it_stands(text: str, said: str) -> None:
    whole = "milestones:\n" + text
    before = whole.partition("⟦")[0]
    _, problems = read(whole.replace("⟦", ""))
    assert len(problems) == 1, problems
    assert said in problems[0]
    if before != whole:
        at = f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
        assert problems[0].startswith((f"{at}:", f"{at.partition(':')[0]}:"))


def test_precedence_is_compared_with_what_is_in_force() -> None:
    known = Definitions(milestones=read(FULL.replace("state: off", "state: on"))[0])
    _, [problem] = read("milestones:\n" + milestone(precedence="10"), known)
    assert "is a milestone of 'report-quick' too" in problem
    assert read("milestones:\n" + milestone(precedence="20"), known)[1] == []
    assert read("milestones:\n" + milestone(id="report-quick", precedence="10"), known)[1] == []


def test_what_is_written_reads_the_same() -> None:
    assert "# Who pays" not in dump_milestone(MADE)
    assert read(dump_milestones([MADE])) == ((MADE,), [])
    (found,), _ = read(FULL)
    assert "# stable" in dump_milestone(found)
    assert dump_milestones([]) == "milestones: []\n"


def test_differences_are_told() -> None:
    before, after = Definitions(milestones=(MADE,)), Definitions(milestones=read(FULL.replace("1w", "2w"))[0])
    [found] = differences(before, after)
    assert (found.kind, found.id, found.change, found.fields) == ("milestone", "report-quick", "changed", ("due",))
    assert "due: 2w" in found.after


def test_the_version_in_force_decides_and_before_the_first_the_first() -> None:
    def at(day: int) -> datetime:
        return datetime(2026, 3, day, tzinfo=UTC)

    on = read(FULL.replace("state: off", ""))[0][0]
    versions = [MilestoneVersion(on, 1, at(3)), MilestoneVersion(MADE, 2, at(9)), MilestoneVersion(on, 3, at(12))]
    assert [[each.version for each in in_force(versions, at(day))] for day in (1, 3, 8, 9, 12)] == [[1], [1], [1], [], [3]]
    assert boundaries(versions) == (at(9), at(12))
