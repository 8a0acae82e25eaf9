"""What the store holds and what was turned away: counted, grouped, forgotten, tried again, matched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest

from tests.facts.conftest import NOW, Desk
from tocsin.core.errors import UserError
from tocsin.facts import inventory, turned
from tocsin.facts.live.shapes import WAITING, Arrivals, Refusal, Row
from tocsin.facts.live.taking import Taker
from tocsin.ingest.arriving import again
from tocsin.ingest.limits import Limits

EVENT = '{"type":"track","event":"Saved","messageId":"m%d","userId":"u%d","context":{"groupId":"%s"}}'


def send(desk: Desk, *refused: Refusal, now: datetime = NOW) -> None:
    """Rows that came over HTTP and were turned away."""
    taker(desk).take(Arrivals(refused=list(refused)), None, now)


def taker(desk: Desk) -> Taker:
    return Taker(desk.store, lambda waiting: again(waiting, Limits()))


def retake(desk: Desk, rows: Sequence[turned.Waiting]) -> int:
    return taker(desk).take(again(rows, Limits()), None, NOW, [(collection, row) for collection, row, _ in rows]).refused


def test_what_is_held(acme: Desk) -> None:
    acme.give("events.csv", "account_id,name,at\na1,Saved,2026-02-28T09:00:00Z\na2,Saved,2027-01-01\nnobody,Saved,2026-02-01\n")
    acme.give("invoices.csv", "account_id,amount,issued_on,due_on\na1,5,2026-02-10,2026-03-10\n", now=NOW - timedelta(days=2))
    send(acme, Refusal("events", WAITING, EVENT % (1, 1, "gone"), "m1", "gone", "u1"), Refusal("events", "no time", "{}"))
    held = {each.collection: each for each in inventory.holdings(acme.store, NOW)}
    events, invoices = held["events"], held["invoices"]
    assert (events.rows, events.arrived, events.rejected, events.waiting, events.given) == (2, 2, 3, 2, 5)
    assert events.latest == datetime(2026, 2, 28, 9, tzinfo=UTC), "what lies ahead says nothing of how fresh it is"
    assert (invoices.rows, invoices.arrived, invoices.latest) == (1, 0, datetime(2026, 2, 10, tzinfo=UTC))
    assert held["csms"].latest is None
    assert held["csms"].arrived is None
    assert "alerts" not in held
    assert inventory.turned_away(held.values()) == inventory.Turned(5, 3, 2)


def test_a_day_begins_in_the_zone(berlin: Desk) -> None:
    berlin.give("accounts.csv", "id,name\na1,Acme\n")
    berlin.give("invoices.csv", "account_id,amount,issued_on,due_on\na1,5,2026-02-10,2026-03-10\n")
    held = {each.collection: each for each in inventory.holdings(berlin.store, NOW)}
    assert held["invoices"].latest == datetime(2026, 2, 9, 23, tzinfo=UTC)


def test_owners_as_named(desk: Desk) -> None:
    desk.give("accounts.csv", "id,name,owner\na,A,zoe@x.example\nb,B,zoe@x.example\nc,C,Tom\nd,D,\n")
    assert inventory.owners(desk.store) == [("zoe@x.example", 2), ("Tom", 1)]


def test_reasons_of_one_kind_go_together(acme: Desk) -> None:
    acme.give("events.csv", "account_id,name,at\nx,Saved,2026-02-28\ny,Saved,2026-02-28\na1,Saved,soon\n")
    send(acme, Refusal("events", 'odd "it\'s" here', "{}"), Refusal("events", "odd 'that' here", "[]"))
    found, kinds = turned.groups(acme.store)
    assert kinds == 3
    assert {(each.kind.source, each.kind.reason.partition(";")[0]): each.count for each in found} == {
        ("file", "unknown account …"): 2,
        ("http", "odd … here"): 2,
        ("file", next(each.kind.reason.partition(";")[0] for each in found if each.count == 1)): 1,
    }
    assert turned.groups(acme.store, most=1)[1] == 3
    unknown = next(each.kind for each in found if each.kind.reason.startswith("unknown"))
    rows, total = turned.rows_of(acme.store, unknown, size=1)
    assert (total, rows[0].line) == (2, 2)
    assert rows[0].file is not None
    assert rows[0].file.endswith("events.csv")
    assert turned.rows_of(acme.store, unknown, page=2, size=1)[0][0].line == 3
    assert turned.forget(acme.store, unknown) == 2
    assert turned.rows_of(acme.store, unknown) == ([], 0)
    with pytest.raises(UserError, match="no such rows"):
        turned.forget(acme.store, unknown)


def test_times_and_great_numbers_make_no_kinds(acme: Desk) -> None:
    sent = [
        Refusal("events", f"timestamp 2031-01-{n}T10:00:00+00:00 is more than 24 hours ahead", f"{{{n}}}") for n in (11, 12)
    ]
    sent += [Refusal("events", f"the message has {n} bytes, more than 32,768", f"[{n}]") for n in ("40,123", "1,040,123")]
    send(acme, *sent)
    assert {each.kind.reason: each.count for each in turned.groups(acme.store)[0]} == {
        "timestamp … is more than 24 hours ahead": 2,
        "the message has … bytes, more than …": 2,
    }


def test_tried_again_they_come_in_or_stay(acme: Desk) -> None:
    kind = turned.Kind("http", "events", "the clock was wrong")
    good, bad = EVENT % (1, 1, "a1"), '{"type":"track","messageId":"m2"}'
    send(acme, *(Refusal("events", kind.reason, row, received=NOW) for row in (good, bad)))
    assert turned.try_again(acme.store, kind, lambda rows: retake(acme, rows)) == turned.Tried(2, 1)
    assert acme.rows("SELECT id FROM events") == [("m1",)]
    [left], _ = turned.groups(acme.store)
    assert (left.count, left.kind == kind, left.kind.source) == (1, False, "http")
    with pytest.raises(UserError, match="no such rows"):
        turned.try_again(acme.store, kind, lambda rows: retake(acme, rows))
    with pytest.raises(UserError, match="imported again"):
        turned.try_again(acme.store, turned.Kind("file", "events", "x"), lambda rows: retake(acme, rows))


def test_what_fails_half_way_loses_nothing(acme: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = turned.Kind("http", "events", "the clock was wrong")
    send(acme, Refusal("events", kind.reason, EVENT % (1, 1, "a1")))

    def fails(rows: Sequence[turned.Waiting]) -> int:
        assert turned.groups(acme.store)[0][0].kind == kind, "meanwhile they are seen as they were"
        with monkeypatch.context() as patched:
            patched.setattr("tocsin.facts.past.Past.write", Mock(side_effect=UserError("the disk is full")))
            return retake(acme, rows)

    with pytest.raises(UserError, match="disk is full"):
        turned.try_again(acme.store, kind, fails)
    assert acme.rows("SELECT source, count(*) FROM rejected GROUP BY ALL") == [("http", 1)]
    assert acme.rows("SELECT id FROM events") == []
    assert turned.try_again(acme.store, kind, lambda rows: retake(acme, rows)) == turned.Tried(1, 0)


def test_names_that_no_account_has(acme: Desk) -> None:
    acme.give("events.csv", "account_id,name,at\nold,Saved,2026-02-28\nold,Saved,2026-02-27\nacme-1,Saved,2026-02-27\n")
    acme.give("tickets.csv", "id,account_id,opened_at\nt1,old,2026-02-28\n")
    send(acme, Refusal("events", WAITING, EVENT % (1, 1, "acme-1"), "m1", "acme-1", received=NOW))
    found, names = turned.strangers(acme.store)
    assert names == 2
    assert [(each.ref, each.counts, each.live, each.known) for each in found] == [
        ("old", {"events": 2, "tickets": 1}, 0, ""),
        ("acme-1", {"events": 2}, 1, ""),
    ]
    assert [each.ref for each in turned.strangers(acme.store, text="CME")[0]] == ["acme-1"]
    alias = {"account_id": "a1", "source": "manual", "external_id": "acme-1"}
    taker(acme).take(Arrivals(rows=[Row("account_aliases", alias, "", NOW)]), None, NOW)
    assert acme.rows("SELECT id FROM events") == [("m1",)], "what came over HTTP comes in by itself"
    left = turned.stranger(acme.store, "acme-1")
    assert left is not None
    assert (left.known, left.total, left.live) == ("a1", 1, 0)
    taker(acme).take(
        Arrivals(rows=[Row("account_aliases", {**alias, "account_id": "a2", "source": "crm"}, "", NOW)]), None, NOW
    )
    left = turned.stranger(acme.store, "acme-1")
    assert left is not None
    assert (left.known, left.ambiguous) == ("", True)
    assert turned.stranger(acme.store, "cme") is None
