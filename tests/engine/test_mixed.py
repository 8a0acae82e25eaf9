"""Attributes whose values are mixed (a tier of 1 here, `tech touch` there): compared by value, now, in the past, everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.facts import NOW, Rows, add, ago, day, store_of, values
from tocsin.catalog import catalog
from tocsin.core.milestones import Milestone, MilestoneVersion
from tocsin.core.moment import DAY
from tocsin.core.profiles import Indicator, Profile, ProfileVersion
from tocsin.core.rules import Rule, Trigger, Variant
from tocsin.engine import Book, HealthModel
from tocsin.engine.occurrences import Stretch
from tocsin.engine.replay import replay

# Each account with one value of tier and of a custom attribute; what a number is there is one here too, and nothing else.
SPELLINGS = ("1", "1.0", "+1", "01", "1e0", ".5", "5.", "1,0", "1 EUR", "1e999", "NaN", "Infinity", "true", "0x1", "１", "1_0")
NUMBERS = {"1": 1.0, "1.0": 1.0, "+1": 1.0, "01": 1.0, "1e0": 1.0}
GOLD = "gold"


def accounts(**columns: Any) -> list[dict[str, Any]]:
    """An account for each keyword, and its columns."""
    return [{"id": name, "name": name, "created_at": ago(400), **given} for name, given in columns.items()]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    rows: Rows = {
        "accounts": accounts(
            one={"tier": 1, "risk": 2, "vip": "true", "signed": "2026-03-01", "mrr": 10, "owner": "z@us.example"},
            two={"tier": 2, "risk": "high", "vip": "FALSE", "signed": "2026-03-01T10:00:00+02:00", "mrr": 10},
            ten={"tier": 10, "risk": 10, "vip": "perhaps", "signed": "soon", "mrr": 10},
            gold={"tier": GOLD, "risk": GOLD, "vip": "1", "signed": "2026-02-30", "mrr": 10},
            none={"mrr": 10},
        ),
        "account_history": [
            {"account_id": "two", "field": "tier", "value": "tech touch", "at": ago(300)},
            {"account_id": "two", "field": "tier", "value": "1", "at": ago(100)},
            {"account_id": "two", "field": "tier", "value": "2", "at": ago(10)},
        ],
        "people": [
            {"id": "p", "account_id": "one", "name": "P", "level": 3, "created_at": ago(90)},
            {"id": "q", "account_id": "one", "name": "Q", "level": 12, "created_at": ago(80)},
            {"id": "r", "account_id": "one", "name": "R", "level": "boss", "created_at": ago(70)},
        ],
    }  # fmt: skip
    return Book(store_of(tmp_path_factory.mktemp("mixed"), rows, zone="Europe/Berlin"), {"big": "tier = 1"})


def true_of(book: Book, formula: str, days: float = 0, subject: str = "account") -> list[str]:
    """Of whom a condition is true, so many days ago."""
    return [name for name, value in values(book, formula, ago(days), subject).items() if value is True]


def unknown_of(book: Book, formula: str) -> list[str]:
    """Of whom a condition is neither true nor false."""
    return [name for name, value in values(book, formula).items() if value is None]


# --- Values


@pytest.mark.parametrize(
    ("formula", "who"),
    [
        ("tier = 1", ["one"]),
        ("1 = tier", ["one"]),
        ("big", ["one"]),
        ("tier != 1", ["ten", "two"]),
        ("not (tier = 1)", ["ten", "two"]),
        ("tier in (1, 2)", ["one", "two"]),
        ("tier in (1, 'gold')", ["gold", "one"]),
        ("tier not in (1, 2)", ["ten"]),
        ("tier > 1", ["ten", "two"]),
        ("tier between 2 and 10", ["ten", "two"]),
        ("tier = 'gold'", ["gold"]),
        ("tier = '10'", ["ten"]),
        ("tier = risk", ["gold", "ten"]),
        ("tier < risk", ["one", "two"]),  # 2 and `high` are no two numbers: they compare as texts
        ("tier * 2 = 20", ["ten"]),
        ("coalesce(tier, risk) = 1", ["one"]),
        ("coalesce(tier, 7) = 7", ["gold", "none"]),  # as of a property: what is no number is none
        ("greatest(tier, risk) = 10", ["ten"]),
        ("if(mrr = 10, tier, risk) = 2", ["two"]),
        ("vip and mrr > 1", ["one"]),
        ("vip = false", ["two"]),
        ("signed = date '2026-03-01'", ["one"]),
        ("signed > date '2026-03-01'", ["two"]),
        ("days_since(coalesce(signed, date '2026-02-01')) = 58", ["gold", "none", "ten"]),
        ("days_since(least(signed, date '2026-12-31')) = 30", ["one", "two"]),
        ("days_since(signed) = 30", ["one"]),  # days of the calendar in Berlin
        ("days_since(signed) between 30.1 and 30.2", ["two"]),  # since that very time
        ("count(people) > 0 and max(people.level) = 12", ["one"]),
        ("sum(people.level) = 15", ["one"]),
        ("count(people where level > 3) = 1", ["one"]),
    ],
)
def test_a_value_is_compared_as_what_it_is(book: Book, formula: str, who: list[str]) -> None:
    assert true_of(book, formula) == who


def test_what_is_no_number_is_neither_equal_nor_unequal_to_one(book: Book) -> None:
    for formula in ("tier = 1", "tier != 1", "tier in (1, 2)", "tier > 1"):
        assert unknown_of(book, formula) == ["gold", "none"]
    assert unknown_of(book, "vip = true") == ["gold", "none", "ten"]
    assert unknown_of(book, "signed = date '2026-03-01'") == ["gold", "none", "ten"]


def test_the_value_itself_stays_the_text_that_it_is(book: Book) -> None:
    assert values(book, "tier") == {"gold": "gold", "none": None, "one": "1", "ten": "10", "two": "2"}


def test_the_same_texts_are_numbers_as_where_all_are(tmp_path: Path) -> None:
    given = accounts(**{f"a{place:02}": {"grade": each} for place, each in enumerate(SPELLINGS)})
    mixed = Book(store_of(tmp_path, {"accounts": given}), {})
    assert mixed.names.accounts["grade"] == "text"
    read = values(mixed, "grade * 1")
    assert {each: read[f"a{place:02}"] for place, each in enumerate(SPELLINGS) if read[f"a{place:02}"] is not None} == NUMBERS
    for place, each in enumerate(SPELLINGS):  # alone, each has the type that it is read as
        alone = Book(store_of(tmp_path, {"accounts": accounts(a={"grade": each})}), {})
        assert (alone.names.accounts["grade"] == "number") is (read[f"a{place:02}"] is not None), each


def test_numbers_alone_and_numbers_beside_a_word_give_the_same(tmp_path: Path) -> None:
    given = {"a": {"tier": 1}, "b": {"tier": 2}, "c": {"tier": 3}, "d": {}}
    tidy = Book(store_of(tmp_path, {"accounts": accounts(**given)}), {})
    mixed = Book(store_of(tmp_path, {"accounts": accounts(**given, e={"tier": GOLD})}), {})
    assert (tidy.names.accounts["tier"], mixed.names.accounts["tier"]) == ("number", "text")
    for formula in ("tier = 1", "tier in (1, 3)", "tier >= 2", "tier not in (3) or tier is null", "previous(tier) = 2"):
        found = values(mixed, formula)
        assert found.pop("e") is None, formula
        assert found == values(tidy, formula), formula


# --- Of the past, of people, of our side


def test_as_of_the_past_the_value_of_then_counts(book: Book) -> None:
    assert [true_of(book, "tier = 1", days) for days in (0, 50, 200)] == [["one"], ["one", "two"], ["one"]]
    assert true_of(book, "previous(tier) = 1") == ["two"]
    assert true_of(book, "ago(tier, 50d) < tier") == ["two"]
    assert true_of(book, "ago(tier, 50d) = 1 and tier = 2") == ["two"]


def test_of_people(book: Book) -> None:
    assert true_of(book, "level > 3", subject="person") == ["q"]
    assert true_of(book, "level >= 3 and account.tier = 1", subject="person") == ["p", "q"]


def test_of_accounts_counted_for_our_side(book: Book) -> None:
    assert values(book, "count(accounts where tier = 1)", subject="company") == {"company": 1}
    assert values(book, "count(accounts where tier in (1, 2, 10))", subject="company") == {"company": 3}
    assert values(book, "count(accounts where big)", subject="csm") == {"z@us.example": 1}
    assert values(book, "max(accounts.tier)", subject="company") == {"company": GOLD}  # of texts the greatest text
    assert values(book, "max(accounts.tier) = 10", subject="company") == {"company": True}
    assert values(book, "sum(accounts.tier)", subject="company") == {"company": 13}


# --- Rules and profiles


def test_a_rule_speaks_and_shows_the_number(book: Book) -> None:
    (match,) = book.judge([Rule("r", "R", "risk", when="tier = 1 and mrr > 0")], NOW).matches
    assert match.subject_id == "one"
    assert [(line.value, line.op, line.threshold) for line in match.evidence] == [(1.0, "=", 1.0), (10.0, ">", 0.0)]
    (match,) = book.judge([Rule("r", "R", "risk", when="tier = 'gold'")], NOW).matches
    assert [(line.value, line.threshold) for line in match.evidence] == [(GOLD, GOLD)]


def test_vary_gives_each_account_its_own_parameters(book: Book) -> None:
    given = Rule(
        "r", "R", "risk", when="mrr > $least", params={"least": 100}, vary=(Variant("tier in (1, 10)", {"least": 5}),)
    )  # fmt: skip
    judgement = book.judge([given], NOW)
    assert judgement.unknown == {}
    assert [match.subject_id for match in judgement.matches] == ["one", "ten"]


def test_a_change_to_a_number_and_upwards(book: Book) -> None:
    stretch = Stretch(ago(20), NOW)
    for spec in ({"to": [2]}, {"from": [1], "to": [2]}, {"direction": "up"}, {"direction": "up", "by": "50%"}, {"to": ["2"]}):
        found = book.occurrences([Rule("r", "R", "risk", trigger=Trigger("change", {"change": "tier", **spec}))], stretch)
        assert [match.subject_id for match in found.matches] == ["two"], spec
    from_word = Stretch(ago(150), ago(50))  # from `tech touch` to 1 is no way up
    for spec, who in (({"to": [1]}, ["two"]), ({"direction": "up"}, []), ({"direction": "down"}, [])):
        found = book.occurrences([Rule("r", "R", "risk", trigger=Trigger("change", {"change": "tier", **spec}))], from_word)
        assert [match.subject_id for match in found.matches] == who, spec


def test_a_countdown_to_the_dates_among_the_values(tmp_path: Path) -> None:
    given = accounts(a={"review": day(-5)}, b={"review": "to be agreed"}, c={"review": day(-50)})
    mixed = Book(store_of(tmp_path, {"accounts": given}), {})
    rule = Rule("r", "R", "risk", trigger=Trigger("countdown", {"countdown": "review", "steps": [30, 7]}))
    assert [(match.subject_id, match.key, match.step) for match in mixed.judge([rule], NOW).matches] == [
        ("a", day(-5).isoformat(), 7)
    ]
    assert values(mixed, "days_until(review)") == {"a": 5, "b": None, "c": 50}


def test_a_replay_sees_the_values_of_each_day(book: Book) -> None:
    told = replay(book, [Rule("r", "R", "risk", when="tier = 1")], NOW - 200 * DAY, NOW)
    assert [(alert.match.subject_id, (NOW - alert.opened_at) // DAY, alert.close_reason) for alert in told.alerts] == [
        ("one", 200, ""),
        ("two", 100, "cleared"),
    ]


def test_a_milestone_begins_at_the_dates_among_the_values(tmp_path: Path) -> None:
    given = accounts(a={"signed": day(20)}, b={"signed": "soon"}, c={"signed": "2026-03-21T08:00:00Z"})
    template = Milestone("use", "First use", 0, 14 * DAY, "exists(events)", anchor="signed")
    steps = Book(store_of(tmp_path, {"accounts": given}), {}, milestones=[MilestoneVersion(template, 1, ago(900))])
    assert values(steps, "count(milestones)") == {"a": 1, "b": 0, "c": 1}
    assert values(steps, "latest(milestones.due_on)") == {"a": day(6), "b": None, "c": day(-4)}


def test_a_profile_scores_those_it_is_for_and_no_others(tmp_path: Path) -> None:
    rows: Rows = {"accounts": accounts(a={"tier": 1}, b={"tier": 2}, c={"tier": GOLD}, d={})}
    profiles = (
        Profile("enterprise", "Enterprise", 1, (Indicator("a", "proactive", 1.0, "90"),), where="tier = 1"),
        Profile("default", "Default", 2, (Indicator("a", "proactive", 1.0, "50"),)),
    )
    model = HealthModel(tuple(ProfileVersion(each, 1, ago(900)) for each in profiles))
    scored = Book(store_of(tmp_path, rows), {}, health=model)
    assert values(scored, "health_score") == {"a": 90, "b": 50, "c": 50, "d": 50}


def test_every_shipped_rule_and_profile_lives_in_a_book_with_a_word_among_the_tiers(tmp_path: Path) -> None:
    given = catalog()
    rows: Rows = {"accounts": accounts(a={"tier": 1, "risk": 3}, b={"tier": 2, "risk": "high"}, c={"tier": "tech touch"})}
    store = store_of(tmp_path, rows)
    versions = tuple(ProfileVersion(each, 1, ago(900)) for each in given.profiles)
    mixed = Book(store, given.signals, given.segments, health=HealthModel(versions))
    whens = [rule for rule in given.rules if rule.trigger.kind in ("when", "countdown")]
    rows_ = [rule for rule in given.rules if rule not in whens]
    assert mixed.judge(whens, NOW).unknown == {}
    assert mixed.occurrences(rows_, Stretch(ago(5), NOW)).unknown == {}
    assert values(mixed, "health_profile")["a"].startswith("enterprise")
    assert mixed.health.problems == ()


def test_a_word_that_came_and_went_stays_in_the_past_alone(tmp_path: Path) -> None:
    store = store_of(tmp_path, {"accounts": accounts(a={"tier": "tech touch"}, b={"tier": 1})})
    add(store, tmp_path, {"accounts": accounts(a={"tier": 3}, b={"tier": 1})}, now=NOW)
    later = Book(store, {})
    assert later.names.accounts["tier"] == "text"
    assert true_of(later, "tier = 3") == ["a"]
    assert true_of(later, "tier in (1, 3)", 1) == ["b"]
