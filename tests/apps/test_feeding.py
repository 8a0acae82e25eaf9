"""Alerts go back into the facts: after each sweep, what has changed since the last one, by whomever."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.apps.conftest import Sweeping
from tests.apps.fakes import T0, FakeBook, rule
from tocsin.alerts import facade
from tocsin.alerts.feeding import MARK, feed
from tocsin.alerts.models import Episode, Mark
from tocsin.core.rules import MaxNew

LOW = rule()


def fed(book: FakeBook, *names: str) -> dict[str, tuple[Any, ...]]:
    """Account -> these columns of its alert, as the facts have them."""
    return {row["account_id"]: tuple(row[name] for name in names) for row in book.store.alerts.values()}


def test_what_opens_and_closes_is_told_to_the_facts(book: FakeBook, swept: Sweeping) -> None:
    book.true = {"low-mrr": {"a", "b"}}
    swept(LOW)
    assert fed(book, "rule", "subject", "opened_at", "closed_at") == {each: ("low-mrr", each, T0, None) for each in ("a", "b")}
    assert set(book.store.alerts) == {str(pk) for pk in Episode.objects.values_list("pk", flat=True)}
    book.true = {"low-mrr": {"b"}}
    swept(LOW, day=1)
    assert fed(book, "closed_at") == {"a": (T0 + timedelta(days=1),), "b": (None,)}


def test_what_people_did_meanwhile_is_told_too(book: FakeBook, swept: Sweeping) -> None:
    book.true = {"low-mrr": {"a", "b"}}
    swept(LOW)
    ids = {alert.account_id: alert.id for alert in facade.list_alerts()}
    noon = T0 + timedelta(hours=4)
    facade.acknowledge(ids["a"], by="ada@us.example", moment=noon)
    facade.resolve(ids["b"], by="ada@us.example", moment=noon, outcome="useful")
    swept(LOW, day=1)
    assert fed(book, "acknowledged_at", "closed_at", "outcome") == {"a": (noon, None, ""), "b": (None, noon, "useful")}
    facade.reopen(ids["b"], by="ada@us.example", moment=T0 + timedelta(days=1, hours=1))
    swept(LOW, day=2)
    assert fed(book, "closed_at", "outcome")["b"] == (None, "")


def test_what_has_not_changed_is_not_told_again(book: FakeBook, swept: Sweeping) -> None:
    book.true = {"low-mrr": {"a"}}
    swept(LOW)
    book.store.alerts.clear()
    swept(LOW, day=1)
    assert book.store.alerts == {}


def test_what_is_held_for_review_is_no_alert_yet(book: FakeBook, swept: Sweeping) -> None:
    book.true = {"low-mrr": {"a", "b"}}
    swept(rule(max_new=MaxNew(count=1)))
    assert book.store.alerts == {}
    released = Episode.objects.get(subject_id="a")
    facade.release(str(released.pk), by="ada@us.example", moment=T0 + timedelta(hours=1))
    swept(rule(max_new=MaxNew(count=1)), day=1)
    assert list(fed(book)) == ["a"]


def test_what_a_crash_cut_off_is_told_at_the_next_sweep(
    book: FakeBook, swept: Sweeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.true = {"low-mrr": {"a"}}
    swept(rule("other"))

    def crash(rows: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(book.store, "keep_alerts", crash)
        with pytest.raises(OSError, match="disk full"):
            swept(LOW, day=1)
    assert Episode.objects.count() == 1, "the sweep itself stands"
    swept(LOW, day=2)
    assert fed(book, "opened_at") == {"a": (T0 + timedelta(days=1),)}


def test_it_takes_few_queries_however_many_alerts_there_are(book: FakeBook, swept: Sweeping) -> None:
    counts = []
    for day, many in enumerate((10, 200)):
        book.true = {"low-mrr": {f"{day} {n}" for n in range(many)}}
        swept(rule(max_new=MaxNew(count=10_000)), day=day)
        Mark.objects.filter(name=MARK).update(value="0")
        with CaptureQueriesContext(connection) as queries:
            feed(book.book.store)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8
