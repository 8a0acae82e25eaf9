"""What is turned away is kept whole, and is found again."""

from __future__ import annotations

from tests.ingest.line import NOW, Line, acme, group, line, track
from tocsin.facts.rejected import list_rejected, unmatched
from tocsin.ingest.arriving import UNREADABLE, again
from tocsin.ingest.limits import Limits

__all__ = ["acme", "line"]


def test_a_bad_message_is_kept_whole_however_long(acme: Line) -> None:
    long = {"type": "track", "userId": "ann", "properties": {"text": "x" * 150_000}}
    acme.send(long)
    (found,) = list_rejected(acme.store)
    assert found.row == long


def test_what_cannot_be_read_again_is_kept(acme: Line) -> None:
    rows = [("events", "[1]", NOW), ("events", "no JSON", NOW), ("hooks", '{"a": 1}', NOW), ("events", '"text"', NOW)]
    told = again(rows, Limits())
    assert [(each.row, each.reason, each.received) for each in told.refused] == [(row, UNREADABLE, NOW) for _, row, _ in rows]
    assert not told.rows


def test_waiting_rows_that_are_no_objects_stay_in_the_list(line: Line) -> None:
    with line.store.write() as cursor:
        cursor.execute(
            'INSERT INTO rejected (source, collection, reason, "row", account_ref, person_ref, "at") '
            "VALUES ('http', 'events', 'no account yet', '[1]', 'acme', 'ann', TIMESTAMP '2026-03-01')"
        )
    line.send(group("acme", 1, "ann"))
    assert line.rejected() == [("events", UNREADABLE)]


def test_accounts_that_nobody_knows_are_told_of_rows_over_http_too(line: Line) -> None:
    line.send(*(track(f"m{n}", 2, userId="ann", context={"groupId": "acme"}) for n in (1, 2)), track("m3", 2, userId="ann"))
    assert unmatched(line.store) == [("events", "acme", 2)]
