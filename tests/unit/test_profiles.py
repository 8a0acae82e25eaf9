"""Reading profiles from rule files: what they come to, every problem at its place, and what is advised.

In the cases a `⟦` marks where the problem must be located; it is taken out before reading.
"""

# ruff: noqa: E501 - a case and its sentence read best on one line

from __future__ import annotations

from dataclasses import replace

import pytest

from tocsin.core.language import Names
from tocsin.core.profiles import Bands, Indicator, Profile, ProfileVersion, advice, never_reached
from tocsin.core.rulefiles import dump_profile, dump_profiles, read_rules
from tocsin.core.rules import Definitions

NAMES = Names({"tier": "number"}, {}, {"uses": "count(events in last 30d)", "again": "health_score / 2"})
USE = '      - {name: Use, kind: proactive, weight: 60, score: "scale(uses, 0, 100)"}\n'
FULL = f"""\
profiles:
  # The large ones.
  - id: enterprise   # stable
    name: Enterprise
    where: tier = 1
    precedence: 10
    bands: {{good: 75, average: 50.5}}
    indicators:
{USE}      - name: Feedback
        kind: reactive
        weight: 40
        score: >-
          scale(latest(surveys.score
          where kind = 'nps'), 0, 10)
"""
FULL_PROFILE = Profile(
    "enterprise",
    "Enterprise",
    10,
    (
        Indicator("Use", "proactive", 60, "scale(uses, 0, 100)"),
        Indicator("Feedback", "reactive", 40, "scale(latest(surveys.score where kind = 'nps'), 0, 10)"),
    ),
    where="tier = 1",
    bands=Bands(75, 50.5),
)


def read(text: str, known: Definitions | None = None, names: Names | None = NAMES) -> tuple[tuple[Profile, ...], list[str]]:
    definitions, found = read_rules([("p.yaml", text)], names=names, known=known)
    return definitions.profiles, [f"{each.line}:{each.column}: {each.message}" for each in found]


def profile(profile_id: str, *more: str, precedence: int = 10, where: str | None = "tier = 1") -> str:
    """A profile with one indicator; `more` are lines of it."""
    lines = [f"- id: {profile_id}", f"  name: {profile_id}", f"  precedence: {precedence}"]
    lines += [] if where is None else [f"  where: {where}"]
    return "".join(f"  {line}\n" for line in (*lines, *more, "  indicators:")) + USE


def test_every_key_is_read() -> None:
    assert read(FULL) == ((FULL_PROFILE,), [])


def test_what_is_left_out_has_its_default() -> None:
    ((found,), problems) = read("profiles:\n" + profile("all", where=None))
    assert problems == []
    assert (found.where, found.bands, found.state) == (None, Bands(70, 40), "on")


def test_a_profile_is_written_as_its_author_wrote_it() -> None:
    (found,), _ = read(FULL)
    assert dump_profile(found).startswith("# The large ones.\n- id: enterprise   # stable\n")
    assert read(dump_profiles([found]))[0] == (found,)
    assert "# The large ones." in dump_profiles(read(dump_profiles([found]))[0])


@pytest.mark.parametrize(
    "changed",
    [
        replace(FULL_PROFILE, name="Large: ones"),
        replace(FULL_PROFILE, where=None),
        replace(FULL_PROFILE, state="off", bands=Bands(80.25, 1)),
        replace(FULL_PROFILE, indicators=(Indicator('It\'s "so"', "proactive", 33.3, "if(tier = 1, 100, 0)"),)),
    ],
)
def test_a_changed_profile_is_written_from_its_fields(changed: Profile) -> None:
    (found,), _ = read(FULL)
    assert read(dump_profiles([replace(changed, source=found.source)]))[0] == (changed,)


def test_nothing_is_written_of_no_profiles() -> None:
    assert read(dump_profiles([])) == ((), [])


INDICATOR = "profiles:\n  - id: p\n    name: P\n    precedence: 1\n    indicators:\n      - {"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profiles: ⟦12", "`profiles` must be a list, a number stands there"),
        ("profiles: [⟦12]", "a profile must be a mapping of names to values, a number stands there"),
        ("profiles:\n" + profile("⟦Big One"), "the id 'Big One' must be small letters, digits and single hyphens, such as established-smb"),
        ("profiles:\n" + profile("a", "  ⟦weight: 3"), "profile 'a': unknown key 'weight' in a profile; there are id, name, where, precedence, bands, indicators, state"),
        ("profiles:\n" + profile("a", "  state: ⟦draft"), "profile 'a': unknown state 'draft'; there are on, off"),
        ("profiles:\n" + profile("a", "  bands: {good: 40, average: 40}").replace("good", "⟦good"), "profile 'a': Good must begin above Average: 40 is not above 40"),
        ("profiles:\n" + profile("a", "  bands: {⟦good: 120, average: 40}"), "profile 'a': `good` of `bands` must be above 0 and at most 100, 120 stands there"),
        ("profiles:\n" + profile("a", "  bands: ⟦{good: 70}"), "profile 'a': `bands` needs `average`, as in {good: 70, average: 40}"),
        ("profiles:\n" + profile("a", "  bands: {good: ⟦high, average: 40}"), "profile 'a': `good` of `bands` must be a number, 'high' stands there"),
        ("profiles:\n" + profile("a", precedence=1).replace("precedence: 1", "precedence: ⟦first"), "profile 'a': the precedence must be a whole number from 0 up, 'first' stands there"),
        ("profiles:\n" + profile("a", where="⟦tire = 1"), "profile 'a': `where`: unknown name 'tire', did you mean 'tier'?"),
        ("profiles:\n" + profile("a", where="⟦tier + 1"), "profile 'a': `where`: a truth (true or false) was expected, a number stands there"),
        ("profiles:\n" + profile("a", where="tier = ⟦$tier"), "profile 'a': `where`: unknown parameter '$tier'; define it under `with`"),
        ("profiles:\n" + profile("a", where="⟦health_band = 'Poor'"), "profile 'a': `where`: a profile cannot use health_band, which the profiles make; name what it is made of"),
        (INDICATOR + "name: A, kind: proactive, weight: 1, score: ⟦again}", "profile 'p': the score of 'A': a profile cannot use health_score, which the profiles make; name what it is made of"),
        (INDICATOR + "name: A, kind: proactive, weight: 1, score: ⟦days_in(health_band)}", "profile 'p': the score of 'A': a profile cannot use health_band, which the profiles make; name what it is made of"),
        (INDICATOR + "name: A, kind: proactive, weight: 1, score: ⟦tier = 1}", "profile 'p': the score of 'A': a number was expected, a truth (true or false) stands there"),
        (INDICATOR + "name: A, kind: proactive, weight: 1, score: \"count(⟦event)\"}", "profile 'p': the score of 'A': unknown collection 'event', did you mean 'events'?"),
        (INDICATOR + "name: A, kind: proactive, weight: 1, score: ⟦50}", "profile 'p': the score of an indicator must be a text, a number stands there; write it in quotes: '50'"),
        (INDICATOR + "name: A, kind: ⟦proactiv, weight: 1, score: uses}", "profile 'p': unknown kind of indicator 'proactiv', did you mean 'proactive'?"),
        (INDICATOR + "name: A, kind: proactive, ⟦weight: 0, score: uses}", "profile 'p': the weight of an indicator must be above 0, 0 stands there"),
        (INDICATOR + "name: A, kind: proactive, weight: ⟦.inf, score: uses}", "profile 'p': the weight of an indicator must be a number, '.inf' stands there"),
        (INDICATOR + "name: A, kind: proactive, weight: 1, score: uses}\n      - {⟦name: A, kind: reactive, weight: 1, score: uses}", "profile 'p': the indicator 'A' is there twice; give this one another name"),
        ("profiles:\n  - ⟦id: p\n    name: P\n    precedence: 1\n", "profile 'p': a profile needs `indicators` (a list)"),
        ("profiles:\n  - id: p\n    name: P\n    precedence: 1\n    indicators: ⟦[]\n", "profile 'p': `indicators` is empty; a profile needs one at least"),
        ("profiles:\n" + profile("a") + profile("a", precedence=20).replace("id: a", "⟦id: a"), "profile 'a': the id 'a' is taken by the profile at p.yaml:2:5; keep one"),
        ("profiles:\n" + profile("a") + profile("b").replace("precedence", "⟦precedence"), "profile 'b': the precedence 10 is taken by the profile at p.yaml:4:5; no two are alike, so that one is the first"),
        ("profiles:\n" + profile("a") + profile("b", precedence=20, where=None) + profile("c", precedence=30, where=None).replace("id: c", "⟦id: c"), "profile 'c': the profile 'b' is for everybody already; give 'c' a `where`"),
        ("profiles:\n" + profile("a", where=None).replace("precedence", "⟦precedence") + profile("b", precedence=20), "profile 'a': 'a' is for everybody, so that none after it is ever reached; give it the largest `precedence`"),
    ],
)  # fmt: skip
def test_each_problem_is_told_at_its_place(text: str, message: str) -> None:
    before = text[: text.index("⟦")]
    place = f"{before.count(chr(10)) + 1}:{len(before) - (before.rfind(chr(10)) + 1) + 1}: "
    profiles, problems = read(text.replace("⟦", ""))
    assert problems == [place + message]
    assert len(profiles) <= 2


def test_all_problems_of_a_profile_are_told_together() -> None:
    _, problems = read("profiles:\n  - {id: p, bands: {good: 1}, indicators: [{weight: -1}]}\n")
    assert len(problems) == 7


def test_a_precedence_may_not_be_that_of_another_in_force() -> None:
    known = Definitions(profiles=(FULL_PROFILE,))
    assert read("profiles:\n" + profile("a"), known)[1] == [
        "4:5: profile 'a': the precedence 10 is taken by the profile 'enterprise' in force; no two are alike"
    ]
    assert read("profiles:\n" + profile("enterprise"), known)[1] == []
    assert read("profiles:\n" + profile("a"), Definitions(profiles=(replace(FULL_PROFILE, state="off"),)))[1] == []


def test_a_signal_of_the_name_of_a_score_is_told() -> None:
    _, problems = read("signals: {health_score: count(events)}\n")
    assert problems == [
        "1:11: the signal 'health_score' is never seen: accounts have an attribute of that name; give it another"
    ]


def of(proactive: int, reactive: int) -> Profile:
    kinds = ["proactive"] * proactive + ["reactive"] * reactive
    indicators = tuple(Indicator(str(n), kind, 1, "1") for n, kind in enumerate(kinds))  # type: ignore[arg-type]
    return Profile("p", "P", 1, indicators)


@pytest.mark.parametrize("counts", [(2, 0), (3, 0), (2, 2), (3, 1)])
def test_nothing_is_advised_where_a_profile_is_as_it_should_be(counts: tuple[int, int]) -> None:
    assert advice(of(*counts)) == ()


@pytest.mark.parametrize(
    ("counts", "beginnings"),
    [
        ((1, 0), ["profile 'p' has 1 proactive indicator; "]),
        ((0, 3), ["profile 'p' has no proactive indicators; ", "profile 'p' has 3 reactive indicators; "]),
        ((4, 2), ["profile 'p' has 4 proactive indicators; "]),
    ],
)
def test_each_departure_is_advised_against(counts: tuple[int, int], beginnings: list[str]) -> None:
    found = advice(of(*counts))
    assert [said.startswith(begun) for said, begun in zip(found, beginnings, strict=True)] == [True] * len(found)


def test_a_profile_behind_one_for_everybody_is_told() -> None:
    first, last = replace(of(2, 0), id="mine"), replace(of(2, 0), id="default", precedence=900)
    assert never_reached([last, first]) == ("profile 'default' scores nobody: 'mine' comes before it and is for everybody",)
    assert never_reached([last, replace(first, state="off")]) == ()


def test_the_mark_of_a_version_and_bands() -> None:
    from datetime import UTC, datetime

    assert ProfileVersion(of(2, 0), 3, datetime(2026, 1, 1, tzinfo=UTC)).mark == "p@3"
    assert [Bands(70, 40).of(score) for score in (None, 0, 39.99, 40, 69.99, 70, 100)] == [
        None, "Poor", "Poor", "Average", "Average", "Good", "Good"
    ]  # fmt: skip
