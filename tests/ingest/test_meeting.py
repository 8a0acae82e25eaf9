"""What waits for its account or its person, and these come by a file, a pull or an edit and not over HTTP."""

from __future__ import annotations

import time

import pytest

from tests.ingest.line import Line, give, group, identify, line, track
from tocsin.facts.rejected import list_rejected

__all__ = ["line"]


@pytest.mark.parametrize("name", ["newco", "NEW-1"])
def test_what_waits_is_met_with_what_a_file_brings(line: Line, name: str) -> None:
    line.send(track("m1", 2, context={"groupId": name}), track("m2", 2, context={"groupId": "nobody"}))
    assert line.events() == []
    give(line, "accounts.csv", "id,name\nnewco,New Co\n")
    give(line, "account_aliases.csv", "account_id,source,external_id\nnewco,crm,NEW-1\n")
    assert line.writer.meet().events == 1
    assert [(each[0], each[1]) for each in line.events()] == [("m1", "newco")]
    assert [each.row["messageId"] for each in list_rejected(line.store)] == ["m2"]
    assert line.writer.meet().events == 0, "nothing waits in vain any more"


def test_people_of_a_file_bring_what_they_and_their_visitors_did(line: Line) -> None:
    line.send(identify("zoe", 1, anonymous="visitor"), track("m1", 2, userId="zoe"), track("m2", 2, anonymousId="visitor"))
    assert line.events() == []
    give(line, "accounts.csv", "id,name\nnewco,New Co\n")
    give(line, "people.csv", "id,account_id,name\nzoe,newco,Zoe\n")
    assert line.writer.meet().events == 2
    assert [(each[0], each[1]) for each in line.events()] == [("m1", "newco"), ("m2", "newco")]


def test_an_alias_of_two_accounts_brings_nothing(line: Line) -> None:
    line.send(track("m1", 2, context={"groupId": "BOTH"}))
    give(line, "accounts.csv", "id,name\na,A\nb,B\n")
    give(line, "account_aliases.csv", "account_id,source,external_id\na,crm,BOTH\nb,billing,BOTH\n")
    assert line.writer.meet().events == 0
    assert len(list_rejected(line.store)) == 1


def test_a_running_writer_meets_what_waits_by_itself(line: Line) -> None:
    line.send(track("m1", 2, context={"groupId": "newco"}))
    line.writer.start()
    give(line, "accounts.csv", "id,name\nnewco,New Co\n")
    until = time.monotonic() + 60
    while not line.events() and time.monotonic() < until:
        time.sleep(0.02)
    assert line.writer.stop(60)
    assert [(each[0], each[1]) for each in line.events()] == [("m1", "newco")]


def test_what_the_writer_stores_itself_has_met_what_waits(line: Line) -> None:
    line.writer.meet()
    assert not line.writer._taker.behind
    line.send(group("acme", 1, name="Acme"), track("m1", 2, context={"groupId": "acme"}))
    assert not line.writer._taker.behind
    give(line, "accounts.csv", "id,name\nnewco,New Co\n")
    assert line.writer._taker.behind
