"""What happened at one account, and who its people are: read back as it was told."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.facts.conftest import Desk
from tocsin.facts.timeline import DAYS, RECENT, UseOfDay, contacts, happenings, use

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
Told = list[tuple[datetime, str, str, str]]  # when, who, what, feature


def give(desk: Desk, told: Told, account: str = "a1") -> None:
    """Events of an account, of people that come with them."""
    desk.give("accounts.csv", "id,name,created_at\na1,Acme,2000-01-01\na2,Bolt,2000-01-01\n")
    people = sorted({who for _, who, _, _ in told if who})
    desk.give("people.csv", "id,account_id\n" + "".join(f"{each},{account}\n" for each in people))
    rows = [
        f"{account}-{n},{account},{who},{at.isoformat()},{name},{feature}\n" for n, (at, who, name, feature) in enumerate(told)
    ]
    desk.give("events.csv", "id,account_id,person_id,at,name,feature\n" + "".join(rows))


def by_hand(desk: Desk, told: Told, before: datetime) -> list[UseOfDay]:
    """The use of days, counted one event after the other."""
    days: dict[date, list[tuple[datetime, str, str, str]]] = {}
    for each in told:
        if each[0] <= before:
            days.setdefault(each[0].astimezone(desk.store.zone).date(), []).append(each)
    found = []
    for day in sorted(days, reverse=True)[: DAYS + 1]:
        names = Counter(feature or name for _, _, name, feature in days[day])
        often = sorted(names.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
        people = {who for _, who, _, _ in days[day] if who}
        found.append(UseOfDay(day, len(days[day]), len(people), max(at for at, *_ in days[day]), tuple(often)))
    return found


def spread(count: int, step: timedelta) -> Told:
    """So many events, one each step back from noon; of five people and none, with four names."""
    return [
        (
            AT - n * step,
            ("", "p1", "p2", "p3", "p4", "p5")[n % 6],
            ("Opened", "Saved", "Login")[n % 3],
            ("", "export")[n % 5 == 0],
        )
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("count", "step"),
    [
        (0, timedelta(days=1)),
        (1, timedelta(days=1)),
        (200, timedelta(hours=5)),
        (DAYS, timedelta(days=1)),  # as many as are told, no one more
        (DAYS + 1, timedelta(days=1)),
        (DAYS + 40, timedelta(days=3)),
        (DAYS + 40, timedelta(days=30)),  # over five years: all of it is looked at
        (20, timedelta(days=100)),
        (2 * DAYS, RECENT / DAYS),  # the last day that is told lies where the recent ones begin
    ],
)
def test_use_is_counted_by_days(berlin: Desk, count: int, step: timedelta) -> None:
    told = spread(count, step)
    give(berlin, told)
    give(berlin, [(AT, "q1", "Other", "")], "a2")
    found, right = use(berlin.store, "a1", AT), by_hand(berlin, told, AT)
    assert found[:DAYS] == right[:DAYS]
    assert [(each.day, each.last) for each in found] == [(each.day, each.last) for each in right], (
        "the one more ends as it does"
    )


@pytest.mark.parametrize("before", [AT - timedelta(days=3), AT - timedelta(seconds=1), datetime(1, 6, 1, tzinfo=UTC)])
def test_use_is_told_up_to_a_moment(desk: Desk, before: datetime) -> None:
    told = spread(50, timedelta(hours=12))
    give(desk, told)
    assert use(desk.store, "a1", before)[:DAYS] == by_hand(desk, told, before)[:DAYS]
    assert use(desk.store, "nobody", before) == []


def test_people_are_those_of_a_moment_with_when_they_were_seen(desk: Desk) -> None:
    give(
        desk,
        [(AT - timedelta(days=9), "p1", "Opened", ""), (AT, "p1", "Opened", ""), (AT - timedelta(days=2), "p2", "Saved", "")],
    )
    desk.give(
        "people.csv",
        "id,account_id,name,role,created_at,deleted_at\n"
        "p2,a1,Bo,,,\np3,a1,Cy,champion,,\np4,a1,Di,,2026-02-28,\np5,a1,Ed,,2026-02-01,2026-02-27\np6,a2,Fi,,,\n",
    )

    def named(moment: datetime, limit: int = 200) -> tuple[list[tuple[str, str, datetime | None, datetime | None]], int]:
        found, total = contacts(desk.store, "a1", moment, limit=limit)
        return [(each.id, each.role, each.last_seen, each.left) for each in found], total

    left = datetime(2026, 2, 27, tzinfo=UTC)
    now = [
        ("p3", "champion", None, None), ("p1", "", AT, None), ("p2", "", AT - timedelta(days=2), None), ("p4", "", None, None),
        ("p5", "", None, left),
    ]  # fmt: skip
    assert named(AT) == (now, 5), "with a role first, then who was seen last; who has left at the end"
    assert named(AT, limit=2) == (now[:2], 5)
    earlier = AT - timedelta(days=5)
    seen = AT - timedelta(days=9)
    then = [("p3", "champion", None, None), ("p1", "", seen, None), ("p2", "", None, None), ("p5", "", None, None)]
    assert named(earlier) == (then, 4), "nobody who came later, nothing that was seen later, and nobody has left yet"
    assert contacts(desk.store, "nobody", AT) == ((), 0)


def test_what_happened_names_its_people_and_only_its_kinds(desk: Desk) -> None:
    give(desk, [])
    desk.give("people.csv", "id,account_id,name,created_at\np1,a1,Ann,2026-01-05\n")
    desk.give(
        "tickets.csv",
        "id,account_id,person_id,opened_at,subject,priority\nt1,a1,p1,2026-02-01,Slow,high\nt2,a2,,2026-02-01,No,low\n",
    )
    desk.give("invoices.csv", "id,account_id,amount,currency,issued_on,due_on\ni1,a1,5,USD,2026-02-02,2026-03-02\n")
    told = [(each.kind, each.what, each.who) for each in happenings(desk.store, "a1", AT)]
    assert told == [("invoice issued", "", ""), ("ticket opened", "Slow", "Ann"), ("person added", "Ann", "")]
    assert [each.kind for each in happenings(desk.store, "a1", datetime(2026, 2, 1, tzinfo=UTC))] == [
        "ticket opened",
        "person added",
    ]
    assert [each.kind for each in happenings(desk.store, "a1", AT, ["ticket opened"])] == ["ticket opened"]
    assert happenings(desk.store, "a1", AT, []) == happenings(desk.store, "nobody", AT) == []
