"""What is kept of the facts, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.web.conftest import SignedIn
from tests.web.test_inbox import text_of
from tocsin import serving
from tocsin.web import source
from tocsin.workspace import Workspace

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_it_stands_until_its_time_and_while_the_facts_are_the_same(here: Workspace) -> None:
    made: list[datetime] = []

    def value(moment: datetime) -> int:
        def make() -> tuple[int, datetime]:
            made.append(moment)
            return len(made), moment + HOUR

        return serving.lasting(("number",), make, moment)

    assert serving.at_hand(("number",), AT) is None
    assert [value(AT), value(AT + HOUR / 2), value(AT + HOUR - timedelta(microseconds=1))] == [1, 1, 1]
    assert serving.at_hand(("number",), AT + HOUR / 2) == 1
    assert serving.at_hand(("number",), AT + HOUR) is None
    assert value(AT + HOUR) == 2
    assert value(AT) == 3, "of an earlier moment nothing is known"
    here.store().generation += 1
    assert value(AT) == 3, "only events came in"
    here.store().generation_beside_events += 1
    assert serving.at_hand(("number",), AT) is None
    assert value(AT) == 4


def test_one_account_is_asked_for_alone_until_all_are_known(
    signed_in: SignedIn, swept: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []
    whole = source._accounts

    def counted(moment: datetime, only: str | None = None) -> dict[str, source.AccountRow]:
        asked.append(only)
        return whole(moment, only)

    monkeypatch.setattr(source, "_accounts", counted)
    client, moment = signed_in("maya"), source.now()
    source.store().generation_beside_events += 1
    alone = source.account("halden", moment)
    assert source.account("nobody", moment) is None
    assert asked == ["halden", "nobody"]
    assert "Halden" in text_of(client, "/accounts/halden/")
    text_of(client, "/accounts/")
    assert asked == ["halden", "nobody", None], "the list asks for all, once"
    assert source.account("halden", moment) == alone == source.accounts(moment)["halden"]
    assert source.account("nobody", moment) is None
    assert asked == ["halden", "nobody", None]


def test_how_fresh_a_collection_is_is_asked_by_the_minute_only_where_it_names_the_future(
    here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[datetime | None] = []
    last = AT

    def latest(collection: str, until: datetime | None = None) -> datetime | None:
        asked.append(until)
        return last if until is None else min(last, until)

    monkeypatch.setattr(source.store(), "latest_start", latest)
    here.store().generation_beside_events += 1
    assert [source.latest_start("meetings", AT + minute * HOUR / 60) for minute in range(3)] == [AT, AT, AT]
    assert asked == [None]
    last = AT + HOUR
    here.store().generation_beside_events += 1
    assert [source.latest_start("meetings", AT + minute * HOUR / 60) for minute in range(2)] == [AT, AT + HOUR / 60]
    assert asked == [None, None, AT, AT + HOUR / 60]
    assert source.latest_start("meetings", AT + HOUR) == AT + HOUR
    assert len(asked) == 4
