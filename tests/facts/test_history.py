"""The history of attributes: files of it, what re-imports record, what subscriptions give, and types."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

import pytest

from tests.facts.conftest import LATER, NOW, Desk
from tocsin.facts.importing import import_paths
from tocsin.facts.rejected import list_rejected

HISTORY = "account_id,field,value,at\n"


def test_a_first_import_records_nothing(acme: Desk) -> None:
    assert acme.rows("SELECT * FROM account_history") == []
    assert acme.rows("SELECT * FROM account_timeline") == []


def test_the_first_change_records_the_old_value_too(desk: Desk) -> None:
    desk.give("accounts.csv", "id,name,created_at,plan,score\na1,Acme,2026-01-01,team,5\na2,Bolt,,team,5\n")
    desk.give("accounts.csv", "id,name,plan,score\na1,Acme,pro,5\na2,Bolt,pro,6\n", now=LATER)
    assert desk.timeline("a1", "plan") == [("2026-01-01 00:00", "team"), ("2026-04-01 12:00", "pro")]
    assert desk.timeline("a1", "score") == []
    assert desk.timeline("a2", "plan") == [("2026-03-01 12:00", "team"), ("2026-04-01 12:00", "pro")], "since the first import"
    assert desk.timeline("a2", "score") == [("2026-03-01 12:00", "5"), ("2026-04-01 12:00", "6")]
    desk.give("accounts.csv", "id,name,plan\na1,Acme,\n", now=datetime(2026, 5, 1, tzinfo=UTC))
    assert desk.timeline("a1", "plan")[-1] == ("2026-05-01 00:00", "")


def test_a_column_that_no_file_gave_before_is_no_change(desk: Desk) -> None:
    desk.give("accounts.csv", "id,name,created_at,risk\na1,Acme,2026-01-01,\n")
    desk.give("accounts.csv", "id,name,risk,plan,score\na1,Acme,high,pro,5\n", now=LATER)
    assert desk.timeline("a1", "plan") == desk.timeline("a1", "score") == []
    assert desk.timeline("a1", "risk") == [("2026-01-01 00:00", ""), ("2026-04-01 12:00", "high")]
    desk.give("accounts.csv", "id,name,plan\na1,Acme,free\n", now=LATER)
    assert [value for _, value in desk.timeline("a1", "plan")] == ["pro", "free"]


def test_updated_at_dates_the_change_and_is_no_attribute(desk: Desk) -> None:
    desk.give("accounts.csv", "id,name,created_at,plan,updated_at\na1,Acme,2026-01-01,team,2026-01-05\n")
    desk.give("accounts.csv", "id,name,plan,updated_at\na1,Acme,pro,2026-02-05T10:00:00Z\n", now=LATER)
    assert desk.timeline("a1", "plan") == [("2026-01-01 00:00", "team"), ("2026-02-05 10:00", "pro")]
    assert "updated_at" not in desk.store.attributes("accounts")


def test_ends_starts_and_what_they_tell_have_no_history(desk: Desk) -> None:
    head = "id,name,created_at,churned_at,churn_reason,onboarding_completed_at,cancel_requested_at,internal\n"
    desk.give("accounts.csv", head + "a1,Acme,2026-01-01,,,,,\n")
    desk.give("accounts.csv", head + "a1,Acme,2026-01-02,2026-03-03,price,2026-02-02,2026-02-20,true\n", now=LATER)
    assert desk.rows("SELECT field FROM account_history") == []


def test_numbers_and_dates_are_compared_as_what_they_are(desk: Desk) -> None:
    desk.give("accounts.csv", "id,name,created_at,mrr,renews_on\na1,Acme,2026-01-01,100,2026-06-01\n")
    desk.give("account_history.csv", HISTORY + "a1,mrr,250.0,2026-02-01\n")
    report = desk.give("accounts.csv", "id,name,mrr,renews_on\na1,Acme,250,2026-06-01\n", now=LATER)
    assert desk.figures(report, "accounts") == (1, 0, 1, 0, 0)
    assert desk.timeline("a1", "mrr") == [("2026-02-01 00:00", "250.0")], "the history had told it already"
    desk.give("accounts.csv", "id,name,mrr\na1,Acme,300.5\n", now=LATER)
    assert desk.timeline("a1", "mrr")[-1] == ("2026-04-01 12:00", "300.5")


def test_a_row_that_repeats_what_is_stored_records_nothing(desk: Desk) -> None:
    desk.give("accounts.csv", "id,name,created_at,plan\na1,Acme,2026-01-01,pro\n")
    desk.give("account_history.csv", HISTORY + "a1,plan,free,2026-01-01\na1,plan,team,2026-02-01\n")
    desk.give("accounts.csv", "id,name,plan\na1,Acme,pro\n", now=LATER)
    assert [value for _, value in desk.timeline("a1", "plan")] == ["free", "team"]


def test_history_of_the_same_import_counts_before_changes_are_recorded(desk: Desk) -> None:
    desk.give("accounts.csv", "id,name,created_at,plan\na1,Acme,2026-01-01,team\n")
    desk.write("in/accounts.csv", "id,name,plan\na1,Acme,pro\n")
    desk.write("in/account_history.csv", HISTORY + "a1,plan,team,2026-01-01\na1,plan,pro,2026-02-15\n")
    import_paths(desk.store, [desk.folder / "in"], now=LATER)
    assert desk.timeline("a1", "plan") == [("2026-01-01 00:00", "team"), ("2026-02-15 00:00", "pro")]


@pytest.mark.parametrize("order", list(permutations(["a1,tier,2", "a1,tier,3", "a1,tier,"])))
def test_of_two_entries_at_one_instant_the_greater_text_counts(acme: Desk, order: tuple[str, ...]) -> None:
    for entry in order:
        acme.give("account_history.csv", HISTORY + f"{entry},2026-02-01\n")
    assert acme.timeline("a1", "tier") == [("2026-02-01 00:00", "3")]


def test_history_of_declared_columns_must_be_of_their_type(acme: Desk) -> None:
    lines = [
        "a1,mrr,much,2026-02-01",
        "a1,renews_on,soon,2026-02-01",
        "a1,mrr,5.50,2026-02-01",
        "a1,renews_on,2026-06-01,2026-02-01",
    ]
    report = acme.give("account_history.csv", HISTORY + "\n".join(lines) + "\n")
    assert acme.figures(report, "account_history") == (4, 2, 0, 0, 2)
    assert [entry.reason.split(";")[0] for entry in list_rejected(acme.store)] == [
        "value 'much' of mrr is no finite number", "value 'soon' of renews_on is no date",
    ]  # fmt: skip
    assert acme.timeline("a1", "mrr") == [("2026-02-01 00:00", "5.50")]


def test_history_of_people_whom_nobody_knows(acme: Desk) -> None:
    report = acme.give("people_history.csv", "person_id,field,value,at\np7,role,admin,2026-02-01\n")
    assert acme.figures(report, "people_history") == (1, 1, 0, 0, 0)
    assert acme.rows("SELECT id, field, value FROM person_timeline JOIN person_keys USING (key)") == [("p7", "role", "admin")]
    assert acme.store.counts()["people"] == 0


SUBSCRIPTIONS = "id,account_id,plan,seats,mrr,currency,starts_on,ended_on,renews_on\n"


def test_subscriptions_alone_give_what_they_give(acme: Desk) -> None:
    acme.give("account_history.csv", HISTORY + "a1,plan,old,2026-01-01\na1,tier,1,2026-01-01\na2,plan,old,2026-01-01\n")
    report = acme.give(
        "subscriptions.csv",
        SUBSCRIPTIONS + "s1,a1,team,5,100,EUR,2026-01-10,2026-02-10,2026-12-01\ns2,a1,pro,10,300,EUR,2026-02-01,,2026-09-01\n",
    )
    assert acme.timeline("a1", "plan") == [
        ("2026-01-10 00:00", "team"), ("2026-02-01 00:00", "pro"), ("2026-02-10 00:00", "pro"),
    ]  # fmt: skip
    assert [value for _, value in acme.timeline("a1", "mrr")] == ["100", "400", "300"]
    assert [value for _, value in acme.timeline("a1", "seats")] == ["5", "15", "10"]
    assert [value for _, value in acme.timeline("a1", "renews_on")] == ["2026-12-01", "2026-09-01", "2026-09-01"]
    assert acme.timeline("a1", "tier") == [("2026-01-01 00:00", "1")]
    assert acme.timeline("a2", "plan") == [("2026-01-01 00:00", "old")]
    assert any("1 accounts have subscriptions" in note for note in report.collections[0].notes)


def test_nothing_is_in_force_after_the_last_end(acme: Desk) -> None:
    acme.give("subscriptions.csv", SUBSCRIPTIONS + "s1,a1,team,,100,,2026-01-10,2026-02-10,\n")
    for field in ("plan", "mrr", "seats", "renews_on"):
        assert acme.timeline("a1", field)[-1] == ("2026-02-10 00:00", "")


def test_ties_between_subscriptions(acme: Desk) -> None:
    rows = ["s9,a1,older,1,100,,2026-01-01,,", "s1,a1,low,1,100,,2026-01-02,,", "s2,a1,high,1,100,,2026-01-02,,"]
    acme.give("subscriptions.csv", SUBSCRIPTIONS + "\n".join(rows) + "\n")
    assert [value for _, value in acme.timeline("a1", "plan")] == ["older", "high"]


def test_a_subscription_begins_with_its_day_in_the_zone(berlin: Desk) -> None:
    berlin.give("accounts.csv", "id,name\na1,Acme\n")
    berlin.give("subscriptions.csv", SUBSCRIPTIONS + "s1,a1,team,,100,,2026-07-01,,\n")
    assert berlin.timeline("a1", "plan") == [("2026-06-30 22:00", "team")]


def test_a_subscription_that_moves_leaves_its_account(acme: Desk) -> None:
    acme.give("subscriptions.csv", SUBSCRIPTIONS + "s1,a1,team,,100,,2026-01-10,,\n")
    acme.give("subscriptions.csv", SUBSCRIPTIONS + "s1,a2,team,,100,,2026-01-10,,\n")
    assert acme.timeline("a1", "plan") == []
    assert acme.timeline("a2", "plan") == [("2026-01-10 00:00", "team")]


def test_money_is_converted_at_the_rate_of_the_day(acme: Desk) -> None:
    rows = "s1,a1,team,,100,USD,2026-01-10,,\ns2,a1,more,,50,USD,2026-02-10,,\ns3,a2,team,,70,EUR,2026-01-10,,\n"
    acme.give("subscriptions.csv", SUBSCRIPTIONS + rows)
    acme.give("rates.csv", "currency,on,rate\nUSD,2026-01-01,0.5\nUSD,2026-02-01,2\n")
    assert [value for _, value in acme.timeline("a1", "mrr")] == ["50", "300"]
    assert [value for _, value in acme.timeline("a2", "mrr")] == ["70"]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["true", "FALSE"], "boolean"), (["1", "-2.5e3"], "number"), (["2026-01-01", "2026-02-28"], "date"),
        (["2026-01-01T10:00:00Z", "2026-01-01T10:00"], "time"), (["1", "x"], "text"), (["", ""], "unknown"),
        (["2026-02-30"], "text"), (["1e999"], "text"), ([".5"], "text"), (["2026-01-01", "2026-01-01T10:00"], "text"),
    ],
)  # fmt: skip
def test_attributes_are_typed_by_all_their_values(desk: Desk, cells: list[str], kind: str) -> None:
    rows = "".join(f"a{n},A,{cell}\n" for n, cell in enumerate(cells))
    desk.give("accounts.csv", "id,name,tier\n" + rows)
    assert desk.store.attributes("accounts")["tier"] == kind
    desk.give("accounts.csv", "id,name,mine\n" + rows)
    assert desk.store.attributes("accounts")["mine"] == kind


def test_history_takes_part_in_typing(acme: Desk) -> None:
    acme.give("account_history.csv", HISTORY + "a1,score,5,2026-01-01\na1,tier,1,2026-01-01\n")
    assert acme.store.attributes("accounts") == {"score": "number", "tier": "number", "risk": "unknown"}
    acme.give("account_history.csv", HISTORY + "a1,score,high,2026-02-01\n")
    assert acme.store.attributes("accounts")["score"] == "text"


def test_times_are_stored_so_that_a_plain_cast_reads_them(acme: Desk) -> None:
    acme.give("accounts.csv", "id,name,seen\na1,Acme,2026-01-01T10:00:00+02:00\n")
    acme.give("account_history.csv", HISTORY + "a1,seen,2026-01-01T10:00:00+02:00,2026-01-02\n")
    assert acme.rows("SELECT custom ->> 'seen' FROM accounts WHERE id = 'a1'") == [("2026-01-01T08:00:00.000000Z",)]
    assert acme.timeline("a1", "seen") == [("2026-01-02 00:00", "2026-01-01T08:00:00.000000Z")]
    acme.give("accounts.csv", "id,name,seen\na2,Bolt,never\n")
    assert acme.store.attributes("accounts")["seen"] == "text"
    assert acme.rows("SELECT custom ->> 'seen' FROM accounts WHERE id = 'a1'") == [("2026-01-01T10:00:00+02:00",)]
    assert acme.timeline("a1", "seen") == [("2026-01-02 00:00", "2026-01-01T10:00:00+02:00")]


def test_a_midnight_that_comes_twice_is_the_first(tmp_path: object) -> None:
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from tocsin.facts.duckdb import DuckStore

    desk = Desk(DuckStore(":memory:", ZoneInfo("America/Havana")), Path(str(tmp_path)))
    desk.give("accounts.csv", "id,name\na1,Acme\n", now=NOW)
    desk.give("events.csv", "id,account_id,name,at\n1,a1,x,2024-11-03\n2,a1,x,2024-03-10\n3,a1,x,2024-11-04\n")
    assert [at.isoformat() for _, at in desk.rows('SELECT id, "at" FROM events ORDER BY id')] == [
        "2024-11-03T04:00:00", "2024-03-10T05:00:00", "2024-11-04T05:00:00",
    ]  # fmt: skip
    desk.store.close()
