"""The door of inbound webhooks, driven directly: who is let in, what is durable and stored, and what waits for what."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections

from tocsin.facts.duckdb import DuckStore
from tocsin.facts.rejected import list_rejected
from tocsin.ingest.hooks import VENDORS, Request
from tocsin.ingest.limits import Limits
from tocsin.ingest.log import Log
from tocsin.ingest.records import unpacked
from tocsin.ingest.writer import Writer
from tocsin.sources import facade
from tocsin.sources.door import MOST, Door

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
SECRET, OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_aGVsbG8gd29ybGQgaGVsbG8gd29ybGQ="
WHO: dict[str, Any] = {"by": "ada@us.example", "moment": NOW}
PEER = "192.0.2.7"
Answer = tuple[int, dict[str, Any], dict[str, str]]


class Site:
    """A door over a real inbox, and a writer that takes the inbox into a real store."""

    def __init__(self, folder: Path) -> None:
        self.store = DuckStore(":memory:", ZoneInfo("UTC"))
        self.inbox = Log(folder / "inbox")
        self.writer = Writer(self.store, self.inbox, Limits(), clock=lambda: NOW)
        self.door = Door(self.inbox, zone="Europe/Berlin", clock=lambda: NOW)

    def close(self) -> None:
        """Let go of the files."""
        self.inbox.close()
        self.store.close()

    def source(self, vendor: str = "generic", **more: Any) -> str:
        """The id of a new source of a vendor."""
        made = facade.create_source(vendor, f"{vendor} {len(facade.list_sources())}", given=[SECRET], **{**WHO, **more})
        return made.what.id

    def send(self, path: str, body: bytes, headers: Mapping[str, str] | None = None, method: str = "POST") -> Answer:
        """What the door answers: status, body, headers."""
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.door(self.scope(path, headers, method), self.receive(body), send))
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], json.loads(sent[1]["body"]), answered

    def scope(self, path: str, headers: Mapping[str, str] | None = None, method: str = "POST") -> dict[str, Any]:
        """A request as the server tells of it."""
        named = {"host": "cs.example.com", **(headers or {})}
        given = [(name.encode(), value.encode()) for name, value in named.items()]
        about = {"type": "http", "method": method, "path": path, "scheme": "https", "query_string": b"", "headers": given}
        return {**about, "client": (PEER, 4711)}

    def receive(self, body: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
        """A body that comes in one piece."""

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        return receive

    async def nobody(self, message: Any) -> None:
        """Somebody who does not hear the answer."""

    def post(
        self, source: str, body: bytes, vendor: str = "generic", *, secret: str = SECRET, base: str = "https://cs.example.com"
    ) -> Answer:
        """Send a body as the vendor signs it."""
        path = f"/hooks/{vendor}/{source}"
        return self.send(path, body, VENDORS[vendor].sign(Request("POST", f"{base}{path}", {}, body, NOW), secret))

    def tell(self, source: str, collection: str, *rows: dict[str, Any]) -> None:
        """Send rows and take them in."""
        status, said, _ = self.post(source, json.dumps({"collection": collection, "rows": rows}).encode())
        assert (status, said) == (200, {"success": True})
        self.writer.drain()

    def held(self) -> list[Any]:
        """The rows that stand in the inbox."""
        return [each for stored in self.inbox.read(0, 1 << 24) for each in json.loads(unpacked(stored.payload).body)]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return [tuple(row.values()) for row in self.store.query(sql).to_pylist()]

    def waiting(self) -> list[tuple[str, str]]:
        """(collection, reason) of all rejected rows."""
        return [(each.collection, each.reason) for each in list_rejected(self.store)]


@pytest.fixture
def site(tmp_path: Path, settings: Any) -> Iterator[Site]:
    settings.TOCSIN_PUBLIC_URL = ""
    made = Site(tmp_path)
    yield made
    made.close()
    connections.close_all()


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_signed_sample_is_durable_and_then_stored(site: Site, vendor: str) -> None:
    source, body = site.source(vendor), VENDORS[vendor].sample(NOW)
    assert site.post(source, body, vendor)[:2] == (200, {"success": True})
    held = site.held()
    assert held
    site.writer.drain()
    counts = site.store.counts()
    stored = sum(counts[name] for name in {name for name, _ in held})
    assert stored or site.waiting()
    assert {reason for _, reason in site.waiting()} <= {"no account yet"}
    (delivery,) = facade.recent_deliveries(source)
    assert (delivery.became, delivery.received_at) == ("taken", NOW)
    found = facade.source_info(source)
    assert (found.received, found.refused, found.last_received_at) == (1, 0, NOW)


def test_who_is_not_let_in(site: Site, settings: Any) -> None:
    source, body = site.source(), VENDORS["generic"].sample(NOW)

    def code(answer: Answer) -> tuple[int, str]:
        assert answer[1]["success"] is False
        assert answer[1]["message"]
        return answer[0], answer[1]["code"]

    assert code(site.send("/hooks/nobody/src_1", body)) == (404, "unknown_vendor")
    assert code(site.send("/hooks/generic/src_unknown", body)) == (404, "unknown_source")
    assert code(site.send("/hooks/generic/" + "x" * 500, body)) == (404, "unknown_source")
    assert code(site.send(f"/hooks/stripe/{source}", body)) == (404, "unknown_source")
    assert code(site.send(f"/hooks/generic/{source}", body, method="GET")) == (405, "method_not_allowed")
    assert code(site.send(f"/hooks/generic/{source}", b" " * (MOST + 1))) == (413, "too_large")
    assert code(site.send(f"/hooks/generic/{source}", body)) == (401, "invalid_signature")
    assert code(site.post(source, body, secret=OTHER)) == (401, "invalid_signature")
    assert facade.source_info(source).refused == 1
    assert [(each.status, each.code) for each in facade.recent_refusals(source)] == [(413, "too_large")]
    settings.SECRET_KEY = "another key of the workspace"
    refused = site.post(source, body)
    assert (code(refused), "key has changed" in refused[1]["message"]) == ((401, "invalid_signature"), True)
    assert not site.held()


def test_refusals_are_counted_and_written_no_more_often_than_once_a_second(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    source, now = site.source(), 100.0
    monkeypatch.setattr("tocsin.sources.door.time.monotonic", lambda: now)
    for _ in range(3):
        site.send(f"/hooks/generic/{source}", b"{}")
    site.post(source, b"{}", secret=OTHER)
    assert facade.source_info(source).refused == 1
    now += 2
    site.send(f"/hooks/generic/{source}", b"{}")
    assert facade.source_info(source).refused == 5
    unsigned, wrong = sorted(facade.recent_refusals(source), key=lambda each: -each.times)
    assert (unsigned.times, unsigned.status, unsigned.origin, "is not signed" in unsigned.reason) == (4, 401, PEER, True)
    assert (wrong.times, "does not match" in wrong.reason) == (1, True)


def test_the_last_refusals_of_a_burst_are_written_without_another(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.sources.door.NOTED_EVERY", 0.05)
    source = site.source()

    async def burst() -> None:
        for _ in range(5):
            await site.door(site.scope(f"/hooks/generic/{source}"), site.receive(b"{}"), site.nobody)
        for _ in range(100):
            if await asyncio.to_thread(lambda: facade.source_info(source).refused) == 5:
                return
            await asyncio.sleep(0.02)

    asyncio.run(burst())
    assert facade.source_info(source).refused == 5
    [line] = facade.recent_refusals(source)
    assert line.times == 5


def test_a_vendor_that_gives_the_secret_is_refused_until_it_is_set(site: Site) -> None:
    source = facade.create_source("stripe", "billing", **WHO).what.id
    body = VENDORS["stripe"].sample(NOW)
    status, said, _ = site.post(source, body, "stripe")
    assert (status, "no signing secret is set" in said["message"]) == (401, True)
    facade.add_secret(source, SECRET, **WHO)
    assert site.post(source, body, "stripe")[0] == 200


def test_while_one_secret_takes_the_place_of_another_both_are_good(site: Site) -> None:
    source, body = site.source(), VENDORS["generic"].sample(NOW)
    facade.add_secret(source, OTHER, **WHO)
    for secret in (SECRET, OTHER):
        assert site.post(source, body, secret=secret)[0] == 200
    facade.remove_secret(source, facade.source_info(source).secrets[0].id, **WHO)
    assert [site.post(source, body, secret=secret)[0] for secret in (SECRET, OTHER)] == [401, 200]


def test_a_paused_source_is_asked_to_come_again(site: Site) -> None:
    source, body = site.source(), VENDORS["generic"].sample(NOW)
    facade.pause_source(source, **WHO)
    status, said, headers = site.post(source, body)
    assert (status, said["code"], headers["retry-after"]) == (503, "paused", "60")
    facade.resume_source(source, **WHO)
    assert site.post(source, body)[0] == 200


def test_a_body_that_cannot_be_read_is_kept_with_its_reason(site: Site) -> None:
    source = site.source()
    for body in (b'{"collection": "evnts"}', b"no \xff JSON\0"):
        status, said, _ = site.post(source, body)
        assert (status, said["code"]) == (400, "unreadable")
    site.writer.drain()
    found = list_rejected(site.store)
    assert [(each.source, each.collection) for each in found] == [("http", "hooks")] * 2
    assert {each.reason.partition(": ")[0] for each in found} == {"generic 0"}
    assert {"collection": "evnts"} in [each.row for each in found]
    assert facade.source_info(source).last_error
    [kept] = facade.recent_refusals(source)
    assert (kept.status, kept.code, kept.origin) == (400, "unreadable", PEER)


def test_what_the_door_fails_on_is_answered_and_not_taken(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source, body = site.source(), VENDORS["generic"].sample(NOW)
    with monkeypatch.context() as patched:
        patched.setattr("tocsin.sources.door._records", lambda *_: 1 / 0)
        status, said, _ = site.post(source, body)
    assert (status, said) == (500, {"success": False, "code": "internal", "message": "the server failed; send it again later"})
    assert "ZeroDivisionError" in caplog.text
    assert not site.held()
    assert site.post(source, body)[0] == 200, "it may come again"


def test_what_is_passed_over_and_what_comes_again(site: Site) -> None:
    source = site.source("stripe")
    event = json.loads(VENDORS["stripe"].sample(NOW))
    status, said, _ = site.post(source, json.dumps({**event, "type": "payout.paid"}).encode(), "stripe")
    assert (status, said["success"], "payout.paid" in said["ignored"]) == (200, True, True)
    body = json.dumps({**event, "id": "evt_2"}).encode()
    assert site.post(source, body, "stripe")[1] == {"success": True}
    before = len(site.held())
    assert site.post(source, body, "stripe")[:2] == (200, {"success": True, "repeated": True})
    assert len(site.held()) == before


def test_signatures_are_over_the_address_that_the_sender_sees(site: Site, settings: Any) -> None:
    source, body = site.source("hubspot"), VENDORS["hubspot"].sample(NOW)
    settings.TOCSIN_PUBLIC_URL = "https://tocsin.example.com"
    assert site.post(source, body, "hubspot")[0] == 401
    assert site.post(source, body, "hubspot", base="https://tocsin.example.com")[0] == 200


def test_a_test_stores_nothing(site: Site) -> None:
    source, body = site.source(), VENDORS["generic"].sample(NOW)
    path = f"/hooks/generic/{source}"
    signature = VENDORS["generic"].sign(Request("POST", path, {}, body, NOW), SECRET)
    answer = site.send(path, body, {**signature, "x-tocsin-test": "1"})
    assert answer[:2] == (200, {"success": True, "test": True, "rows": {"events": 1}})
    assert not site.held()
    assert site.send(path, body, {"x-tocsin-test": "1"})[0] == 401


def test_the_zone_is_the_workspaces_unless_the_source_has_its_own(site: Site) -> None:
    row = {"id": "s1", "account_id": "acme", "starts_on": "2026-03-10T23:30:00Z"}
    body = json.dumps({"collection": "subscriptions", "rows": [row]}).encode()
    site.post(site.source(), body)
    site.post(site.source(settings={"timezone": "UTC"}), body)
    assert [values["starts_on"] for _, values in site.held()] == ["2026-03-11", "2026-03-10"]


def test_gzip_is_unpacked_and_signed_as_it_came_out(site: Site) -> None:
    source, body = site.source(), VENDORS["generic"].sample(NOW)
    path = f"/hooks/generic/{source}"
    headers = VENDORS["generic"].sign(Request("POST", path, {}, body, NOW), SECRET)
    assert site.send(path, gzip.compress(body), {**headers, "content-encoding": "gzip"})[0] == 200


def test_an_account_by_its_alias(site: Site) -> None:
    source = site.source()
    site.tell(source, "accounts", {"id": "acme", "name": "Acme"})
    site.tell(source, "account_aliases", {"account_id": "acme", "source": "stripe", "external_id": "cus_1"})
    site.tell(source, "accounts", {"id": "cus_1", "plan": "pro"})
    assert site.rows("SELECT id, name, plan FROM accounts") == [("acme", "Acme", "pro")]


def test_an_account_that_nobody_knows_is_made(site: Site) -> None:
    source = site.source()
    site.tell(source, "accounts", {"id": "cus_9", "plan": "pro"})
    assert site.rows("SELECT id, name, plan FROM accounts") == [("cus_9", "cus_9", "pro")]
    site.tell(source, "accounts", {"id": "cus_9", "name": "Nine"}, {"id": "cus_9", "plan": "free"})
    assert site.rows("SELECT id, name, plan FROM accounts") == [("cus_9", "Nine", "free")]


def test_an_alias_and_what_it_names_in_one_stretch(site: Site) -> None:
    source = site.source()
    site.tell(source, "accounts", {"id": "acme", "name": "Acme"})
    for collection, row in (
        ("accounts", {"id": "cus_1", "plan": "pro"}),
        ("account_aliases", {"account_id": "acme", "source": "stripe", "external_id": "cus_1"}),
    ):
        site.post(source, json.dumps({"collection": collection, "rows": [row]}).encode())
    site.writer.drain()
    assert site.rows("SELECT id, plan FROM accounts") == [("acme", "pro")]


def test_a_part_changes_what_is_stored(site: Site) -> None:
    source = site.source()
    site.tell(source, "accounts", {"id": "acme", "name": "Acme"})
    opened = {"id": "t1", "account_id": "acme", "kind": "support", "priority": "high", "opened_at": "2026-03-01T08:00:00.5Z"}
    site.tell(source, "tickets", opened)
    site.tell(source, "tickets", {"id": "t1", "resolved_at": "2026-03-02T08:00:00Z"})
    site.tell(
        source, "invoices", {"id": "i1", "account_id": "acme", "amount": 0.1, "issued_on": "2026-01-01", "due_on": "2026-02-01"}
    )
    site.tell(source, "invoices", {"id": "i1", "paid_on": "2026-01-20"})
    found = site.rows("SELECT priority, CAST(opened_at AS VARCHAR), CAST(resolved_at AS VARCHAR) FROM tickets")
    assert found == [("high", "2026-03-01 08:00:00.5", "2026-03-02 08:00:00")]
    assert site.rows("SELECT amount, CAST(due_on AS VARCHAR), CAST(paid_on AS VARCHAR) FROM invoices") == [
        (0.1, "2026-02-01", "2026-01-20")
    ]
    assert not site.waiting()


def test_what_is_told_of_one_row_in_one_stretch_keeps_its_order(site: Site) -> None:
    source = site.source()
    site.tell(
        source, "tickets",
        {"id": "t1", "account_id": "acme", "opened_at": "2026-03-01", "priority": "low"},
        {"id": "t1", "resolved_at": "2026-03-02"}, {"id": "t1", "priority": "high"}, {"id": "t1", "resolved_at": None},
    )  # fmt: skip
    assert site.waiting() == [("tickets", "no account yet")]
    site.tell(source, "accounts", {"id": "acme", "name": "Acme"})
    assert site.rows("SELECT priority, resolved_at FROM tickets") == [("high", None)]
    assert not site.waiting()
    site.tell(
        source, "tickets", {"id": "t1", "resolved_at": "2026-03-02"}, {"id": "t1", "priority": "low"},
        {"id": "t1", "resolved_at": None, "priority": "high"}, {"id": "t1", "priority": "low"},
    )  # fmt: skip
    assert site.rows("SELECT priority, resolved_at FROM tickets") == [("low", None)]


def test_a_change_of_an_account_is_dated_by_its_sender(site: Site) -> None:
    source = site.source()
    site.tell(source, "accounts", {"id": "acme", "name": "Acme", "plan": "a", "updated_at": "2026-03-01T00:00:00Z"})
    steps = [{"id": "acme", "plan": plan, "updated_at": f"2026-03-0{day}T00:00:00Z"} for day, plan in ((2, "b"), (3, "c"))]
    site.tell(source, "accounts", *steps)
    told = site.rows('SELECT value, CAST("at" AS VARCHAR) FROM account_timeline WHERE field = \'plan\' ORDER BY "at"')
    assert told[-1] == ("c", "2026-03-03 00:00:00")


def test_a_part_of_what_is_not_stored_waits_for_the_rest(site: Site) -> None:
    source = site.source()
    site.tell(source, "accounts", {"id": "acme", "name": "Acme"})
    site.tell(source, "tickets", {"id": "t1", "priority": "high", "opened_at": "2026-03-01T08:00:00Z"})
    site.tell(source, "tickets", {"id": "t1", "subject": "Help", "priority": "low"})
    assert site.waiting() == [("tickets", "no account yet")]
    site.tell(source, "subscriptions", {"id": "s1", "account_id": "acme", "plan": "pro"})
    assert [reason for name, reason in site.waiting() if name == "subscriptions"] == [
        "starts_on is missing, and a row of subscriptions needs one"
    ]
    site.tell(source, "tickets", {"id": "t1", "account_id": "acme"})
    site.tell(source, "subscriptions", {"id": "s1", "starts_on": "2026-01-01"})
    assert site.rows("SELECT subject, priority FROM tickets") == [("Help", "low")]
    assert site.rows("SELECT plan FROM subscriptions") == [("pro",)]
    assert not site.waiting()


def test_a_row_of_a_person_is_of_their_account(site: Site) -> None:
    source = site.source()
    at = "2026-03-01T08:00:00Z"
    site.tell(source, "tickets", {"id": "t1", "person_id": "p1", "opened_at": at})
    site.tell(source, "surveys", {"id": "n1", "person_id": "p1", "kind": "nps", "score": 9, "at": at})
    site.tell(source, "events", {"id": "e1", "person_id": "p1", "name": "Signed In", "at": at})
    assert sorted(site.waiting()) == [(name, "no account yet") for name in ("events", "surveys", "tickets")]
    site.tell(source, "people", {"id": "p1", "account_id": "acme", "type": "lead"})
    assert ("people", "no account yet") in site.waiting()
    site.tell(source, "accounts", {"id": "acme", "name": "Acme"})
    assert not site.waiting()
    assert [site.store.counts()[name] for name in ("people", "tickets", "surveys", "events")] == [1, 1, 1, 1]
    site.tell(source, "tickets", {"id": "t2", "person_id": "p1", "opened_at": at})
    assert site.store.counts()["tickets"] == 2
    assert {key for (key,) in site.rows("SELECT account_key FROM tickets")} == {1}


def test_events_are_stored_once_and_can_be_changed(site: Site) -> None:
    source = site.source()
    site.tell(source, "accounts", {"id": "acme", "name": "Acme"})
    event = {"account_id": "acme", "name": "Signed In", "at": "2026-03-01T08:00:00Z", "properties": {"a": [1]}}
    site.tell(source, "events", {"id": "e1", **event}, event)
    site.tell(source, "events", {"id": "e1", **event}, event, {"id": "e2", **event})
    site.tell(source, "events", {"id": "e1", "minutes": 5})
    assert site.rows("SELECT minutes FROM events WHERE id IN ('e1', 'e2') ORDER BY id") == [(5.0,), (None,)]
    assert site.store.counts()["events"] == 3


def test_what_waits_for_an_unknown_account_is_not_looked_for_without_end(site: Site) -> None:
    source = site.source()
    for name in ("one", "two"):
        site.tell(source, "account_aliases", {"account_id": "ghost", "source": name, "external_id": "ghost"})
    assert site.waiting() == [("account_aliases", "no account yet")] * 2
