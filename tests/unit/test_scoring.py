"""Health scores as arithmetic: weights, missing indicators, overrides, which version decides, and the split of a change."""

from __future__ import annotations

from datetime import UTC, datetime
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.profiles import Bands, Indicator, Profile, ProfileVersion
from tocsin.core.scoring import Part, change, split, standing, whole_weights
from tocsin.core.versions import boundaries, in_force

WEIGHTS = st.lists(st.decimals("0.1", "100", places=1).map(float), min_size=1, max_size=6)
SCORES = st.none() | st.floats(-50, 150)


def day(number: int) -> datetime:
    return datetime(2026, 1, number, tzinfo=UTC)


def version(
    number: int = 1, *, of: str = "p", weights: tuple[float, ...] = (50, 30, 20), precedence: int = 10, **more: object
) -> ProfileVersion:
    indicators = tuple(Indicator(f"i{n}", "proactive", weight, "1") for n, weight in enumerate(weights))
    return ProfileVersion(Profile(of, of.title(), precedence, indicators, **more), number, day(number))  # type: ignore[arg-type]


def test_a_score_is_the_weighted_mean() -> None:
    found = standing(version(), [80, 50, 10])
    assert (found.score, found.band) == (57, "Average")
    assert [each.points for each in found.indicators] == [40, 15, 2]
    assert [each.lost for each in found.indicators] == [10, 15, 18]


def test_what_is_missing_is_left_out_and_its_weight_goes_to_the_others() -> None:
    found = standing(version(), [80, None, 10])
    assert found.score == pytest.approx((50 * 80 + 20 * 10) / 70)
    assert [each.effective_weight for each in found.indicators] == [pytest.approx(500 / 7), 0, pytest.approx(200 / 7)]
    assert found.indicators[1].score is None


@pytest.mark.parametrize(
    ("scores", "scored"),
    [([80, None, None], True), ([None, 80, 80], True), ([None, 80, None], False), ([None, None, None], False)],
)
def test_under_half_of_the_weight_there_is_no_score(scores: list[float | None], scored: bool) -> None:
    found = standing(version(), scores)
    assert (found.score is not None) is scored
    assert (found.band is not None) is scored
    assert all((each.points is not None) is scored for each in found.indicators)


def test_half_of_the_weight_is_exactly_half() -> None:
    assert whole_weights(version(weights=(0.1, 0.2, 0.3)).profile.indicators) == (1, 2, 3)
    assert standing(version(weights=(0.1, 0.2, 0.3)), [None, None, 70]).score == 70


def test_scores_are_cut() -> None:
    assert standing(version(weights=(1, 1)), [-20, 130]).score == 50


def test_bands_begin_at_their_bounds() -> None:
    bands = Bands(70, 40)
    assert [standing(version(weights=(1,), bands=bands), [score]).band for score in (70, 69.999, 40, 39.999)] == [
        "Good", "Average", "Average", "Poor"
    ]  # fmt: skip
    assert standing(version(weights=(3, 7), bands=bands), [70 - 7e-11, 70 + 3e-11]).band == "Good"  # noise does not count


def test_an_override_wins_and_is_cut_and_banded() -> None:
    found = standing(version(), [80, 50, 10], override=20)
    assert (found.score, found.band, found.computed, found.overridden) == (20, "Poor", 57, True)
    assert standing(version(), [None] * 3, override=120).score == 100
    assert (standing(None, [], override=30).score, standing(None, [], override=30).band) == (30, "Poor")
    assert (standing(None, []).score, standing(None, []).band) == (None, None)


def test_the_version_in_force_decides_and_before_the_first_the_first() -> None:
    one, two = version(2), version(5)
    assert [in_force([two, one], day(at)) for at in (1, 2, 4, 5, 9)] == [(one,), (one,), (one,), (two,), (two,)]
    assert boundaries([one, two]) == (day(5),)


def test_profiles_stand_in_the_order_of_their_precedence_and_off_ones_not_at_all() -> None:
    low, high, gone = version(of="low", precedence=90), version(of="high", precedence=5), version(3, of="low", state="off")
    assert in_force([low, high], day(4)) == (high, low)
    assert in_force([low, high, gone], day(2)) == (high, low)
    assert in_force([low, high, gone], day(3)) == (high,)


@given(st.data(), WEIGHTS)
def test_points_add_up_to_the_score_and_what_is_lost_to_the_rest(data: st.DataObject, weights: list[float]) -> None:
    indicators = version(weights=tuple(weights)).profile.indicators
    scores = data.draw(st.lists(SCORES, min_size=len(weights), max_size=len(weights)))
    found = split(indicators, scores)
    known = [each for each in found if each.score is not None]
    if any(each.points is None for each in found):
        assert 2 * sum(each.weight for each in known) < sum(weights) + 1e-9
        return
    points = [each.points for each in found if each.points is not None]
    lost = [each.lost for each in found if each.lost is not None]
    effective = [each.effective_weight for each in found if each.effective_weight is not None]
    assert fsum(points) + fsum(lost) == pytest.approx(100)
    assert fsum(effective) == pytest.approx(sum(weights))
    assert all(each.points == each.lost == each.effective_weight == 0 for each in found if each.score is None)


# Changes


def total(parts: tuple[Part, ...]) -> float:
    return fsum(part.points for part in parts)


@given(st.lists(SCORES, min_size=3, max_size=3), st.lists(SCORES, min_size=3, max_size=3))
def test_the_parts_of_a_change_add_up(first: list[float | None], second: list[float | None]) -> None:
    before, after = standing(version(), first), standing(version(), second)
    found = change(before, after)
    if before.score is None or after.score is None:
        assert (found.parts, found.note) == ((), "not scored then" if before.score is None else "not scored now")
        return
    assert [part.name for part in found.parts] == ["i0", "i1", "i2"]
    assert total(found.parts) == pytest.approx(after.score - before.score, abs=1e-8)


def test_a_change_of_version_is_a_part_of_its_own() -> None:
    old, new = version(1), version(2, weights=(20, 30, 50))
    before, again, after = standing(old, [80, 50, 10]), standing(new, [80, 50, 10]), standing(new, [60, 50, 10])
    found = change(before, after, again)
    assert found.parts == (
        Part("profile", "P (version 2)", again.score - before.score),  # type: ignore[operator]
        Part("indicator", "i0", pytest.approx(-4)),  # type: ignore[arg-type]
        Part("indicator", "i1", pytest.approx(0)),  # type: ignore[arg-type]
        Part("indicator", "i2", pytest.approx(0)),  # type: ignore[arg-type]
    )
    assert found.note == "scored by P (version 1) then and by P (version 2) now"
    assert total(found.parts) == pytest.approx(after.score - before.score)  # type: ignore[operator]
    assert change(before, after).parts == ()


def test_an_override_is_a_part_of_its_own() -> None:
    before, after = standing(version(), [80, 50, 10]), standing(version(), [60, 50, 10], override=90)
    found = change(before, after)
    assert found.parts[-1] == Part("override", "", 90 - 47)
    assert total(found.parts) == pytest.approx(90 - 57)
    unknown = change(standing(version(), [None] * 3, override=40), after)
    assert unknown.parts == (Part("override", "", 50),)
