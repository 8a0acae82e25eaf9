"""Health as a formula sees it: scores, bands, versions in force, overrides, churned accounts, history, and no look-ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.engine.facts import NOW, Rows, add, ago, columns, day, store_of, values
from tocsin.core.language import FormulaError
from tocsin.core.moment import day_of, start_of_day
from tocsin.core.profiles import Bands, Indicator, Profile, ProfileVersion
from tocsin.core.scoring import standing
from tocsin.engine import Book, HealthModel, health, health_history
from tocsin.engine.health_history import scored_days, turns
from tocsin.engine.health_split import changes, readings
from tocsin.facts.duckdb import DuckStore

DAY = timedelta(days=1)
REACH = health.REACH
LONG = ago(900)
SIGNALS = {"uses": "count(events in last 10d)", "nps": "latest(surveys.score where kind = 'nps')"}
USE = Indicator("Use", "proactive", 50, "scale(uses, 0, 10)")
SEATS = Indicator("Seats", "proactive", 30, "scale(seats_used / seats, 0, 1)")
WORD = Indicator("Word", "reactive", 20, "10 * nps")
ALL = Profile("all", "Everybody", 90, (USE, SEATS, WORD))
LARGE = Profile("large", "Large", 10, (USE,), where="tier = 1", bands=Bands(90, 80))


def model(*profiles: Profile, since: datetime = LONG) -> HealthModel:
    return HealthModel(tuple(ProfileVersion(each, 1, since) for each in profiles))


def uses(account: str, *days: float) -> list[dict[str, Any]]:
    return [{"id": f"{account}-{day}", "account_id": account, "name": "use", "at": ago(day)} for day in days]


def every_day(account: str, first: int, last: int) -> list[dict[str, Any]]:
    """An event a day, from so many days before now to so many."""
    return uses(account, *range(last, first))


FACTS: Rows = {
    "accounts": [
        {"id": "acme", "name": "Acme", "created_at": ago(60), "tier": 1, "seats": 10, "seats_used": 5},
        {"id": "birch", "name": "Birch", "created_at": ago(60), "tier": 2, "seats": 10, "seats_used": 4},
        {"id": "cobalt", "name": "Cobalt", "created_at": ago(60), "tier": 2},
        {"id": "delta", "name": "Delta", "created_at": ago(60), "tier": 2, "seats": 4, "seats_used": 4, "churned_at": ago(12)},
        {"id": "elm", "name": "Elm", "created_at": ago(3), "tier": 2},
    ],
    "events": [
        *every_day("acme", 40, 0), *every_day("birch", 40, 16), *every_day("delta", 40, 8), *every_day("cobalt", 9, 4),
    ],
    "surveys": [{"id": "s1", "account_id": "birch", "kind": "nps", "score": 9, "at": ago(20)}],
    "people": [{"id": "p1", "account_id": "acme", "email": "p@acme.example"}],
}  # fmt: skip


@pytest.fixture(autouse=True)
def short_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two months instead of 400 days: as long as the facts reach back."""
    reach(monkeypatch, 62)


def reach(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    for module in (health, health_history):
        monkeypatch.setattr(module, "REACH", days * DAY)


@pytest.fixture
def store(tmp_path: Path) -> DuckStore:
    return store_of(tmp_path, FACTS)


@pytest.fixture
def book(store: DuckStore) -> Book:
    return Book(store, SIGNALS, health=model(ALL, LARGE))


# Scores


def test_the_first_profile_that_is_for_an_account_scores_it(book: Book) -> None:
    assert values(book, "health_profile") == {
        "acme": "large@1", "birch": "all@1", "cobalt": "all@1", "delta": "all@1", "elm": "all@1"
    }  # fmt: skip
    assert values(book, "health_score")["acme"] == 100


def test_what_is_missing_is_left_out_and_under_half_of_the_weight_there_is_no_score(book: Book) -> None:
    found = values(book, "health_score")
    assert found["birch"] == pytest.approx((50 * 0 + 30 * 40 + 20 * 90) / 100)
    assert found["cobalt"] == pytest.approx(50)  # use alone, half of the weight
    without_use = Book(
        book.store, SIGNALS, health=model(Profile("p", "P", 1, (SEATS, WORD, Indicator("X", "reactive", 51, "1"))))
    )
    assert values(without_use, "health_score")["cobalt"] == 1
    of_little = Book(
        book.store, SIGNALS, health=model(Profile("p", "P", 1, (SEATS, WORD, Indicator("X", "reactive", 49, "1"))))
    )
    assert values(of_little, "health_score")["cobalt"] is None
    assert values(of_little, "health_band")["cobalt"] is None


def test_the_band_is_that_of_the_profile_that_scored(book: Book) -> None:
    assert values(book, "health_band") == {
        "acme": "Good", "birch": "Poor", "cobalt": "Average", "delta": "Good", "elm": "Poor"
    }  # fmt: skip
    at = ago(0.5) - DAY * 30  # acme had 10 uses then, and had 8 of them two days after it began
    assert values(book, "health_band", at)["acme"] == "Good"
    assert values(book, "health_band", ago(33))["acme"] == "Poor"  # 70: Good in the other profile


def test_terms_and_arithmetic_say_the_same(book: Book) -> None:
    for moment in (NOW, ago(5.3), ago(20), ago(38)):
        asked = ["health_score", "health_band", "health_profile", USE.score, SEATS.score, WORD.score]
        ids, score, band, mark, *scores = columns(book, asked, [moment])
        frozen = set(ids) - {each.account_id for each in readings(book, moment) if each.frozen_at is None}
        for place, name in enumerate(ids):
            if name in frozen:
                continue
            given = [each[place] for each in scores]
            profile, given = (LARGE, given[:1]) if mark[place] == "large@1" else (ALL, given)
            expected = standing(ProfileVersion(profile, 1, LONG), given)
            assert (score[place], band[place]) == (pytest.approx(expected.score), expected.band), (name, moment)


def test_a_reading_says_what_the_formula_says(book: Book) -> None:
    for moment in (NOW, ago(20)):
        ids, score, band = columns(book, ["health_score", "health_band"], [moment])
        found = readings(book, moment)
        assert [each.account_id for each in found] == ids
        assert [each.standing.score for each in found] == pytest.approx(score)
        assert [each.standing.band for each in found] == band


def test_without_profiles_nobody_has_a_score(store: DuckStore) -> None:
    book = Book(store, SIGNALS)
    assert set(values(book, "health_score").values()) == {None}
    assert set(values(book, "days_in(health_band)").values()) != {None}


def test_a_formula_that_means_nothing_here_is_missing_and_told(store: DuckStore) -> None:
    wrong = Indicator("Wrong", "reactive", 10, "band_of_brothers")
    book = Book(
        store, SIGNALS, health=model(Profile("p", "P", 1, (USE, wrong)), Profile("q", "Q", 0, (USE,), where="size = 1"))
    )
    assert values(book, "health_score")["acme"] == 100
    assert values(book, "health_profile")["acme"] == "p@1"
    assert [each.split(":")[0] for each in book.health.problems] == [
        "profile 'p', the score of 'Wrong'", "profile 'q', `where`"
    ]  # fmt: skip


def test_health_in_every_place(book: Book) -> None:
    assert values(book, "account.health_band", subject="person") == {"p1": "Good"}
    assert values(book, "count(accounts where health_band = 'Poor')", subject="company") == {"company": 2}
    assert values(book, "max(accounts.health_score)", subject="company") == {"company": 100}
    assert values(book, "ago(health_score, 30d)")["birch"] == pytest.approx((50 * 100 + 30 * 40) / 80)
    assert values(book, "health_score - ago(health_score, 30d)")["elm"] is None
    assert values(book, "market(health_score)")["acme"] == pytest.approx(40)
    assert values(book, "if(health_band = 'Poor', slope(health_score, 28d), 0)")["birch"] < 0
    with pytest.raises(FormulaError, match="cannot stand inside a `where`"):
        book.term("count(events where health_band = 'Poor')")
    with pytest.raises(FormulaError, match="is another one every day"):
        values(book, "days_in(health_score)")


# Versions


def test_the_version_in_force_at_the_moment_decides_and_before_the_first_the_first(store: DuckStore) -> None:
    half = Profile("all", "Everybody", 90, (Indicator("Use", "proactive", 50, "scale(uses, 0, 20)"),))
    versions = (ProfileVersion(ALL, 1, ago(20)), ProfileVersion(half, 2, ago(10)))
    book = Book(store, SIGNALS, health=HealthModel(versions))
    one, two = Book(store, SIGNALS, health=model(ALL)), Book(store, SIGNALS, health=model(half))
    for moment, alone in ((ago(30), one), (ago(20), one), (ago(10, seconds=1), one), (ago(10), two), (NOW, two)):
        assert values(book, "health_score", moment)["acme"] == values(alone, "health_score", moment)["acme"], moment
    assert values(book, "health_profile", ago(10))["acme"] == "all@2"
    assert values(book, "ago(health_profile, 15d)")["acme"] == "all@1"
    assert values(book, "health_profile = ago(health_profile, 15d)")["acme"] is False
    both = book.signals(["health_score"], [ago(30), NOW]).to_pylist()
    assert [row["f0"] for row in both if row["subject_id"] == "acme"] == [81.25, 50]


def test_a_version_keeps_the_signals_of_its_day(store: DuckStore) -> None:
    kept = ProfileVersion(ALL, 1, LONG, {"uses": "count(events in last 10d)"})
    book = Book(store, {**SIGNALS, "uses": "0"}, health=HealthModel((kept,)))
    assert values(book, "health_score")["acme"] == pytest.approx((50 * 100 + 30 * 50) / 80)


# Overrides


def test_an_override_wins_from_its_beginning_to_its_end(store: DuckStore) -> None:
    book = Book(store, SIGNALS, health=model(ALL, LARGE))
    store.record("acme", "health_override", [("20", ago(8)), (None, ago(4))], after=ago(8))
    book = Book(store, SIGNALS, health=model(ALL, LARGE))
    said = [values(book, "health_score", moment)["acme"] for moment in (ago(8, seconds=1), ago(8), ago(4, seconds=1), ago(4))]
    assert said == [100, 20, 20, 100]
    assert values(book, "health_band", ago(6))["acme"] == "Poor"
    assert values(book, "health_profile", ago(6))["acme"] == "large@1"
    assert values(book, "health_band", ago(6))["birch"] is not None


def test_a_later_override_takes_the_place_of_the_end_of_an_earlier_one(store: DuckStore) -> None:
    store.record("acme", "health_override", [("20", ago(8)), (None, ago(4))], after=ago(8))
    store.record("acme", "health_override", [("60", ago(6)), (None, ago(2))], after=ago(6))
    book = Book(store, SIGNALS, health=model(ALL))
    assert [values(book, "health_score", ago(days))["acme"] for days in (7, 5, 3)] == [20, 60, 60]
    store.record("acme", "health_override", [(None, ago(5))], after=ago(5))
    book = Book(store, SIGNALS, health=model(ALL))
    assert [values(book, "health_override", ago(days))["acme"] for days in (7, 5.5, 5, 3)] == [20, 60, None, None]


# Churned accounts


def test_a_churned_account_is_frozen_just_before_its_churn(store: DuckStore, tmp_path: Path) -> None:
    book = Book(store, SIGNALS, health=model(ALL))
    alive = values(book, "health_score", ago(12, seconds=1))["delta"]
    assert alive == pytest.approx((50 * 100 + 30 * 100) / 80)
    assert [values(book, "health_score", moment)["delta"] for moment in (ago(12), ago(9), NOW)] == [alive] * 3
    assert values(book, "health_band")["delta"] == "Good"
    assert values(book, "health_profile")["delta"] == "all@1"
    add(store, tmp_path, {"surveys": [{"id": "s9", "account_id": "delta", "kind": "nps", "score": 0, "at": ago(3)}]})
    assert values(Book(store, SIGNALS, health=model(ALL)), "health_score")["delta"] == alive
    add(store, tmp_path, {"surveys": [{"id": "s8", "account_id": "delta", "kind": "nps", "score": 0, "at": ago(15)}]})
    assert values(Book(store, SIGNALS, health=model(ALL)), "health_score")["delta"] == pytest.approx(80)


def test_what_ends_with_the_churn_is_no_part_of_the_frozen_score(tmp_path: Path) -> None:
    store = store_of(
        tmp_path,
        {
            "accounts": [{"id": "a", "name": "A", "churned_at": day(5), "created_at": ago(50)}],
            "subscriptions": [{"id": "s", "account_id": "a", "seats": 4, "starts_on": day(50), "ended_on": day(5)}],
        },
    )
    book = Book(store, {}, health=model(Profile("p", "P", 1, (Indicator("Seats", "proactive", 1, "20 * seats"),))))
    assert values(book, "health_score") == {"a": 80}


def test_an_account_that_comes_back_lives_on_and_freezes_anew(tmp_path: Path) -> None:
    store = store_of(
        tmp_path,
        {
            "accounts": [{"id": "a", "name": "A", "created_at": ago(90)}],
            "account_history": [
                {"account_id": "a", "field": "status", "value": "active", "at": ago(90)},
                {"account_id": "a", "field": "status", "value": "churned", "at": ago(30)},
                {"account_id": "a", "field": "status", "value": "active", "at": ago(20)},
                {"account_id": "a", "field": "status", "value": "churned", "at": ago(5)},
            ],
        },
    )
    aged = Indicator("Age", "proactive", 1, "days_since(created_at)")
    book = Book(store, {}, health=model(Profile("p", "P", 1, (aged,))))
    said = [values(book, "health_score", ago(days))["a"] for days in (40, 30, 21, 20, 10, 5, 1)]
    assert said == pytest.approx([50, 60, 60, 70, 80, 85, 85], abs=1e-6)


# History


def by_hand(book: Book, name: str, moment: datetime) -> dict[str, tuple[float, Any]]:
    """Account -> (days since its band is what it is, the band before), from the band at each start of day and at the moment.

    Only of accounts whose band turned in the three weeks before the moment.
    """
    zone = book.store.zone
    first = day_of(moment - 21 * DAY, zone)
    days = [start_of_day(first + DAY * n, zone) for n in range((day_of(moment, zone) - first).days + 1)]
    found: dict[str, list[tuple[datetime, Any]]] = {}
    for at in dict.fromkeys([*days, moment]):
        for account, band in values(book, name, at).items():
            found.setdefault(account, []).append((at, band))
    said = {}
    for account, line in found.items():
        since, before = None, None
        for (_, earlier), (at, later) in pairwise(line):
            if earlier != later:
                since, before = at, earlier
        if since is not None:
            said[account] = ((moment - since) / DAY, before)
    return said


@pytest.fixture(params=["UTC", "America/New_York"])
def zoned(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Book]:
    store = store_of(tmp_path, FACTS, zone=request.param)
    yield Book(store, SIGNALS, health=model(ALL, LARGE))
    store.close()


@pytest.mark.parametrize("moment", [NOW, ago(12.5), datetime(2026, 3, 25, tzinfo=UTC)])
def test_days_in_and_previous_follow_the_starts_of_days(zoned: Book, moment: datetime) -> None:
    ids, days, before = columns(zoned, ["days_in(health_band)", "previous(health_band)"], [moment])
    expected = by_hand(zoned, "health_band", moment)
    found = dict(zip(ids, zip(days, before, strict=True), strict=True))
    assert expected
    assert {name: found[name] for name in expected} == {
        name: (pytest.approx(since), band) for name, (since, band) in expected.items()
    }


def test_the_history_reaches_back_so_far_and_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert timedelta(days=400) == REACH
    reach(monkeypatch, 20)
    store = store_of(tmp_path, {"accounts": [{"id": "a", "name": "A", "created_at": ago(70)}]})
    falling = Profile("p", "P", 1, (Indicator("X", "proactive", 1, "if(days_since(created_at) < 30, 90, 10)"),))
    book = Book(store, {}, health=model(falling))
    assert values(book, "days_in(health_band)") == {"a": 20}
    assert values(book, "previous(health_band)") == {"a": None}
    assert values(book, "days_in(health_band)", ago(25)) == {"a": pytest.approx(14.5)}
    assert values(book, "previous(health_band)", ago(25)) == {"a": "Good"}
    assert values(book, "days_in(health_band)") == {"a": 20}  # though more is kept now


def test_what_comes_later_is_not_seen(tmp_path: Path) -> None:
    asked = ["health_score", "health_band", "days_in(health_band)", "previous(health_band)", "change(health_score, 7d)"]
    at = ago(14.3)
    known: dict[str, Iterable[Mapping[str, Any]]] = {
        "accounts": [{**row, "churned_at": None} for row in FACTS["accounts"] if row["id"] != "elm"],
        "events": [row for row in FACTS["events"] if row["at"] <= at],
        "surveys": FACTS["surveys"],
    }
    whole, cut = store_of(tmp_path, FACTS), store_of(tmp_path, known)
    late = Book(whole, SIGNALS, health=model(ALL, LARGE))
    values(late, "days_in(health_band)")  # the history up to now is kept already
    early = Book(cut, SIGNALS, health=model(ALL, LARGE))
    assert late.signals(asked, [at]).to_pylist() == early.signals(asked, [at]).to_pylist()


def test_what_is_kept_is_what_is_computed(store: DuckStore) -> None:
    book = Book(store, SIGNALS, health=model(ALL, LARGE))
    kept = scored_days(book, ago(50), NOW).to_pylist()
    assert {row["account_id"] for row in kept} == {"acme", "birch", "cobalt", "delta", "elm"}
    for row in kept[::17]:
        at = row["at"].replace(tzinfo=UTC)
        ids, score, band, mark = columns(book, ["health_score", "health_band", "health_profile"], [at])
        place = ids.index(row["account_id"])
        assert (row["score"], row["band"], row["profile"]) == (pytest.approx(score[place]), band[place], mark[place])
        assert row["frozen"] == (row["account_id"] == "delta" and at >= ago(12))
    store.scores.forget()
    assert scored_days(book, ago(50), NOW).to_pylist() == kept


def test_another_zone_makes_other_days(tmp_path: Path) -> None:
    path = tmp_path / "facts.duckdb"
    with_days = DuckStore(path, ZoneInfo("UTC"))
    add(with_days, tmp_path, FACTS)
    assert scored_days(Book(with_days, SIGNALS, health=model(ALL)), ago(3), NOW).num_rows
    with_days.close()
    elsewhere = DuckStore(path, ZoneInfo("Asia/Tokyo"))
    assert elsewhere.scores.kept() is None
    found = scored_days(Book(elsewhere, SIGNALS, health=model(ALL)), ago(3), NOW)
    assert {at.hour for at in found.column("at").to_pylist()} == {15}
    elsewhere.close()


# Turns


def test_turns_are_changes_between_the_moments_and_starts_of_days(book: Book) -> None:
    found = turns(book, "health_band", [ago(30), NOW], ["birch"])
    lines = by_hand(book, "health_band", NOW)["birch"]
    assert [(each.before, each.after) for each in found] == [("Good", "Average"), ("Average", "Poor")]
    assert (NOW - found[-1].at) / DAY == pytest.approx(lines[0])
    last = found[-1].at
    assert turns(book, "health_band", [last, NOW], ["birch"]) == []
    assert turns(book, "health_band", [last - DAY, last], ["birch"]) == found[-1:]


def test_what_turns_between_two_starts_of_days_is_seen_at_the_moment(book: Book) -> None:
    at = ago(0.2)
    store = book.store
    store.record("acme", "health_override", [("5", at)], after=at)
    known = Book(store, SIGNALS, health=model(ALL, LARGE))
    [turn] = turns(known, "health_band", [ago(2), ago(0.3), ago(0.1), NOW], ["acme"])
    assert (turn.at, turn.before, turn.after) == (ago(0.1), "Good", "Poor")
    [turn] = turns(known, "health_score", [ago(0.3), ago(0.1)], ["acme"])
    assert (turn.at, turn.before, turn.after) == (ago(0.1), 100, 5)


def test_another_yardstick_is_no_turn(store: DuckStore) -> None:
    strict = Profile("all", "Everybody", 90, ALL.indicators, bands=Bands(99, 98))
    versions = (ProfileVersion(ALL, 1, LONG), ProfileVersion(strict, 2, ago(5.5)))
    book = Book(store, SIGNALS, health=HealthModel(versions))
    assert values(book, "health_band", ago(6))["acme"] == "Good"
    assert values(book, "health_band", ago(5))["acme"] == "Poor"
    assert turns(book, "health_band", [ago(8), NOW], ["acme"]) == []
    moved = Book(store, SIGNALS, health=model(ALL, Profile("young", "Young", 1, (USE,), where="days_since(created_at) < 50")))
    assert values(moved, "health_band", ago(14))["birch"] == "Good"
    assert values(moved, "health_profile", ago(14))["birch"] == "young@1"
    assert all(each.at != start_of_day(day_of(ago(10), ZoneInfo("UTC")) + DAY, ZoneInfo("UTC")) for each in turns(
        moved, "health_band", [ago(14), NOW], ["birch"]
    ))  # fmt: skip


# Why


def test_the_split_of_a_change_adds_up(book: Book) -> None:
    found = changes(book, ago(30), NOW)
    past, now, change = found["birch"]
    assert past is not None
    assert change.before == past.standing.score
    assert {part.name: round(part.points, 6) for part in change.parts} == {"Use": -62.5, "Seats": -3.0, "Word": 18.0}
    assert sum(part.points for part in change.parts) == pytest.approx((change.after or 0) - (change.before or 0))
    assert found["elm"][0] is None
    assert found["elm"][2].note == "the account did not exist then"
    assert now.by_mark["all@1"] == pytest.approx([0, 40, 90])


def test_the_split_says_what_a_change_of_version_did(store: DuckStore) -> None:
    changed = Profile("all", "Everybody", 90, (USE, Indicator("Seats", "proactive", 150, SEATS.score), WORD))
    book = Book(store, SIGNALS, health=HealthModel((ProfileVersion(ALL, 1, LONG), ProfileVersion(changed, 2, ago(5)))))
    _, _, change = changes(book, ago(30), NOW, ["birch"])["birch"]
    assert [part.kind for part in change.parts] == ["profile", "indicator", "indicator", "indicator"]
    assert change.note == "scored by Everybody (version 1) then and by Everybody (version 2) now"
    assert sum(part.points for part in change.parts) == pytest.approx((change.after or 0) - (change.before or 0))


def test_a_churned_account_is_split_as_it_was(book: Book) -> None:
    [found] = readings(book, NOW, ["delta"])
    assert found.frozen_at == ago(12)
    assert [each.score for each in found.standing.indicators] == [100, 100, None]
    assert found.standing.frozen
