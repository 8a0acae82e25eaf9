"""The stories: causes come before what they cause, and each has cases that mislead."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.demo.conftest import UNTIL, Written
from tocsin.facts.demo import STORIES, stories


def events_a_week(book: Written, account: str, start: date, days: int) -> float:
    """Events of an account a week over some days from a day on."""
    count = book.one(
        f"SELECT count(*) FROM events WHERE account_id = '{account}' "
        f"AND moment >= DATE '{start}' AND moment < DATE '{start + timedelta(days)}'"
    )
    return float(count) * 7 / days


def test_shares_add_up_and_all_cases_occur() -> None:
    assert sum(story.share for story in STORIES.values()) == pytest.approx(100)
    told = stories(400, UNTIL, 7).values()
    assert {(each.story, each.case) for each in told} == {
        (name, case) for name, story in STORIES.items() for case, _ in story.cases
    }
    healthy = sum(each.story == "healthy" for each in told) / 400
    assert healthy == pytest.approx(0.53, abs=0.01)


def test_a_small_book_has_nearly_all_stories() -> None:
    assert len({each.story for each in stories(60, UNTIL, 7).values()}) >= len(STORIES) - 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_champion_gone_then_decline_then_churn(seed: int) -> None:
    lost = [each for each in stories(1000, UNTIL, seed).values() if (each.story, each.case) == ("champion_leaves", "churns")]
    assert lost
    for each in lost:
        assert each.dates["champion_left"] < each.dates["decline"] < each.dates["bottom"] < each.dates["churned"]


def test_the_facts_show_the_champion_leaving_and_the_use_falling(book: Written) -> None:
    shown = 0
    for account in book.of_story("champion_leaves", "churns"):
        dates = book.truth[account].dates
        if dates["champion_left"] > UNTIL.date():
            continue
        deleted = book.rows(
            f"SELECT CAST(deleted_at AS DATE) FROM people WHERE account_id = '{account}' "
            "AND role = 'champion' AND deleted_at IS NOT NULL"
        )
        demoted = book.rows(
            f"SELECT CAST(h.moment AS DATE) FROM people_history h JOIN people p ON p.id = h.person_id "
            f"WHERE p.account_id = '{account}' AND h.field = 'role' AND h.value = 'user'"
        )
        assert (dates["champion_left"],) in deleted + demoted
        if dates["bottom"] + timedelta(14) < min(UNTIL.date(), dates["churned"]):
            before = events_a_week(book, account, dates["champion_left"] - timedelta(35), 35)
            after = events_a_week(book, account, dates["bottom"], 14)
            assert after < 0.7 * before
            shown += 1
    assert shown >= 2


def test_some_champions_leave_and_the_account_stays(book: Written) -> None:
    for case in ("rescued", "unharmed"):
        assert book.of_story("champion_leaves", case)
    for account in book.of_story("champion_leaves", "rescued", "unharmed"):
        assert not book.truth[account].churned


def test_silent_churn_fades_behind_good_answers(book: Written) -> None:
    accounts = [each for each in book.of_story("silent_churn", "churns") if book.truth[each].churned]
    assert accounts
    listed = ", ".join(f"'{each}'" for each in accounts)
    scores = [score for (score,) in book.rows(f"SELECT score FROM surveys WHERE kind = 'nps' AND account_id IN ({listed})")]
    assert sum(scores) / len(scores) >= 8
    faded = [
        events_a_week(book, each, book.truth[each].dates["churned"] - timedelta(28), 28)
        / max(1.0, events_a_week(book, each, book.truth[each].dates["decline"] - timedelta(28), 28))
        for each in accounts
    ]
    assert sorted(faded)[len(faded) // 2] < 0.6


def test_churners_who_do_not_renew_leave_on_the_day_of_the_renewal(book: Written) -> None:
    listed = ", ".join(f"'{each}'" for each in book.of_story("silent_churn", "churns") if book.truth[each].churned)
    off = book.one(
        f"SELECT count(*) FROM accounts WHERE id IN ({listed}) "
        "AND renews_on IS NOT NULL AND CAST(churned_at AS DATE) <> renews_on"
    )
    assert off == 0


def test_noisy_accounts_complain_and_stay(book: Written) -> None:
    noisy, healthy = book.of_story("noisy_healthy", "stays"), book.of_story("healthy", "stays")

    def tickets(accounts: list[str]) -> float:
        listed = ", ".join(f"'{each}'" for each in accounts)
        return float(book.one(f"SELECT count(*) FROM tickets WHERE account_id IN ({listed})")) / len(accounts)

    assert tickets(noisy) > 3 * tickets(healthy)
    assert not any(book.truth[each].churned for each in noisy)


def test_seasonal_accounts_dip_in_august_and_come_back(book: Written) -> None:
    dips = 0
    for account in book.of_story("seasonal", "returns"):
        summer = events_a_week(book, account, date(2025, 8, 4), 25)
        spring = events_a_week(book, account, date(2025, 5, 5), 56)
        autumn = events_a_week(book, account, date(2025, 9, 22), 56)
        if spring >= 8:
            dips += summer < 0.75 * spring and autumn > 1.2 * summer
    assert dips >= 2


def test_a_full_account_buys_more(book: Written) -> None:
    for account in book.of_story("growth", "upgrades"):
        upgraded = book.truth[account].dates["upgraded"]
        if upgraded + timedelta(1) >= UNTIL.date():
            continue
        before, after = (
            book.one(
                f"SELECT max_by(seats, starts_on) FROM subscriptions "
                f"WHERE account_id = '{account}' AND starts_on <= DATE '{day}'"
            )
            for day in (upgraded - timedelta(1), upgraded + timedelta(1))
        )
        assert after > before


def test_the_feed_is_cut_before_its_features_go_quiet(book: Written) -> None:
    checked = 0
    for account in book.of_story("integration_removed"):
        cut = book.truth[account].dates["disconnected"]
        if cut >= UNTIL.date() - timedelta(14):
            continue
        off = book.rows(
            f"SELECT CAST(disconnected_at AS DATE) FROM integrations "
            f"WHERE account_id = '{account}' AND name = 'Telematics feed'"
        )
        assert (cut,) in off
        used = [
            book.one(
                f"SELECT count(*) FROM events WHERE account_id = '{account}' AND feature IN ('Live map', 'Telematics sync') "
                f"AND moment >= DATE '{start}' AND moment < DATE '{start + timedelta(13)}'"
            )
            for start in (cut - timedelta(14), cut + timedelta(1))
        ]
        assert used[1] <= 0.5 * used[0] + 2
        checked += 1
    assert checked >= 2


def test_late_payers_are_late_and_others_are_not(book: Written) -> None:
    listed = ", ".join(f"'{each}'" for each in book.of_story("late_payer"))
    late = "SELECT avg(CAST(paid_on > due_on + 10 AS INTEGER)) FROM invoices WHERE paid_on IS NOT NULL AND account_id"
    assert book.one(f"{late} IN ({listed})") > 0.7
    assert book.one(f"{late} NOT IN ({listed})") < 0.05


def test_a_crisis_brings_critical_tickets_and_then_care(book: Written) -> None:
    checked = 0
    for account in book.of_story("support_crisis", "rescued"):
        hit = book.truth[account].dates["crisis"]
        if hit + timedelta(40) > UNTIL.date():
            continue
        critical = book.one(
            f"SELECT count(*) FROM tickets WHERE account_id = '{account}' AND priority = 'critical' "
            f"AND opened_at >= DATE '{hit}' AND opened_at < DATE '{hit + timedelta(13)}'"
        )
        touches = book.one(
            f"SELECT count(*) FROM touchpoints WHERE account_id = '{account}' "
            f"AND moment >= DATE '{hit}' AND moment < DATE '{hit + timedelta(40)}'"
        )
        assert critical >= 2
        assert touches >= 4
        checked += 1
    assert checked >= 1


def test_stalled_onboardings_miss_their_milestones(book: Written) -> None:
    stuck = [
        each for each in book.of_story("stalled_onboarding") if book.truth[each].dates["stalled"] + timedelta(40) < UNTIL.date()
    ]
    assert stuck
    for account in stuck:
        missed = book.one(
            f"SELECT count(*) FROM milestones WHERE account_id = '{account}' AND due_on < DATE '{UNTIL.date()}' "
            f"AND (reached_at IS NULL OR reached_at > due_on)"
        )
        assert missed >= 2


def test_trials_convert_or_end(book: Written) -> None:
    ended = [each for each in book.of_story("trial") if book.truth[each].dates["trial_ends"] < UNTIL.date()]
    for account in ended:
        converted = book.truth[account].case == "converts"
        assert book.truth[account].churned is not converted
        assert (book.one(f"SELECT count(*) FROM subscriptions WHERE account_id = '{account}'") > 0) is converted
    assert ended
