"""Whatever is sent to the door of webhooks is answered with one sentence; what it took is stored or kept with its reason."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ingest.hooks import test_generic, test_stripe, test_zendesk
from tests.ingest.hooks.helpers import HOSTILE, tampered
from tests.ingest.test_doors_fuzzed import asked, json_values
from tests.ingest.test_hook_door import NOW, SECRET, WHO, Site
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.rejected import Rejected, list_rejected
from tocsin.ingest.arriving import REJECTED
from tocsin.ingest.hooks import VENDORS, Request
from tocsin.ingest.hooks.columns import UPDATED
from tocsin.ingest.records import unpacked
from tocsin.sources import facade
from tocsin.sources.door import MOST, TEST
from tocsin.sources.models import HookDelivery

pytestmark = pytest.mark.django_db(transaction=True)
Header = tuple[bytes, bytes]

KNOWN: dict[str, list[Any]] = {name: [json.loads(each.sample(NOW))] for name, each in VENDORS.items()}
KNOWN |= {"stripe": test_stripe.BODIES, "zendesk": test_zendesk.BODIES, "generic": test_generic.BODIES}
BOMB = gzip.compress(b"\0" * (4 * MOST), 1)
vendors = st.sampled_from(["stripe", "generic", "zendesk"] * 3 + list(VENDORS))
cells = st.sampled_from(HOSTILE) | json_values
# Rows of the workspace's own form: any collection, any columns of it and others, any values.
rows = st.sampled_from(list(COLLECTIONS)).flatmap(
    lambda name: st.fixed_dictionaries(
        {"collection": st.just(name)},
        optional={
            "rows": st.lists(st.dictionaries(st.sampled_from(COLLECTIONS[name].names) | st.text(max_size=5), cells), max_size=3)
        },
    )
)
EVENT = {"account_id": "acme", "name": "Saved", "at": "2026-03-09T08:00:00Z"}
events = st.builds(
    lambda own, more: {"collection": "events", "rows": [{**EVENT, "id": own, "properties": more}]},
    st.text(max_size=4),
    st.dictionaries(st.text(max_size=4), cells, max_size=3),
)
deep = st.integers(1, 5_000).map(lambda n: b'{"collection":"events","rows":[{"properties":%b%b}]}' % (b"[" * n, b"]" * n))
odd = (
    (json_values | rows | events).map(lambda value: json.dumps(value).encode())
    | deep
    | st.binary(max_size=60)
    | st.sampled_from(
        [
            b"",
            b"null",
            b'"\\ud800"',
            b'{"collection":"accounts","id":"\\ud83d","name":"\\u0000"}',
            b"1e999",
            b"9" * 5_000,
            b"\0" * 300_000,
            b"\xef\xbb\xbf{}",
            b'{"collection":"events","rows":[' + b"{}," * 5_000 + b"{}]}",
        ]
    )
)
# What is added to a request, or stands in its way.
noise: st.SearchStrategy[Header] = st.sampled_from(
    [
        (b"content-encoding", b"gzip"),
        (b"content-encoding", b"br"),
        (b"content-encoding", b"\xff"),
        (b"content-length", b"9" * 40),
        (b"content-length", b"-1"),
        (b"content-type", b"text/\xfc"),
        (b"webhook-id", b"m\xff1"),
        (b"webhook-id", b"x" * 70_000),
        (b"idempotency-key", b"k\x00"),
        (b"authorization", b"Bearer \xe9"),
        (b"webhook-signature", b"v1,!! v1,"),
        (TEST.encode(), b"1"),
        (b"webhook-timestamp", b"9" * 15),
        (b"host", b"\xff\x00"),
        (b"user-agent", b"Zapier"),
    ]
)
garbled = st.sampled_from(
    [b"", b"\xff\xfe", b"x" * 70_000, b"t=,v1=", b"t=9999999999999999,v1=00", b"sha256=", b"\xc3\xa9=\xe2\x80\xa8", b",,,;"]
)
paths = st.sampled_from([
    "", "/", "stripe", "stripe/", "nobody/src_1", "generic/src_\x00", "generic/src_é", "generic/" + "9" * 400, "slack/\ud800",
    "Stripe/src_1", "stripe/src_1/more",
])  # fmt: skip


@pytest.fixture
def sources(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Vendor -> the id of a source."""
    settings.TOCSIN_PUBLIC_URL = ""
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)  # each request has a thread of its own here
    yield {vendor: facade.create_source(vendor, vendor, given=[SECRET], **WHO).what.id for vendor in VENDORS}
    connections.close_all()


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """A request: signed as its vendor does in half of the cases, with what spoils it in the others."""
    vendor = draw(vendors)
    body = draw(tampered(KNOWN[vendor]) | odd)
    how = draw(st.sampled_from(["signed", "signed", "signed", "signed", "garbled", "twice", "unsigned", "nowhere"]))
    packed = draw(st.sampled_from(["", "", "", "gzip", "bomb", "torn"]))
    return {
        "vendor": vendor, "body": body, "how": how, "packed": packed, "path": draw(paths), "value": draw(garbled),
        "more": draw(st.lists(noise, max_size=2)), "method": draw(st.sampled_from(["POST"] * 8 + ["GET", "PUT", "\u00e9"])),
    }  # fmt: skip


def sent(site: Site, sources: Mapping[str, str], it: dict[str, Any]) -> tuple[int, bytes]:
    """Send such a request; gives what is answered."""
    vendor, body = it["vendor"], it["body"]
    path = f"/hooks/{vendor}/{sources[vendor]}" if it["how"] != "nowhere" else f"/hooks/{it['path']}"
    signed = VENDORS[vendor].sign(Request("POST", f"http://cs.example.com{path}", {}, body, NOW), SECRET)
    proof = [(name.encode(), value.encode()) for name, value in signed.items()]
    if it["how"] == "garbled":
        proof = [(name, it["value"]) for name, _ in proof]
    elif it["how"] == "twice":
        proof += [(name, it["value"]) for name, _ in proof]
    elif it["how"] == "unsigned":
        proof = []
    if it["packed"]:
        body = {"gzip": gzip.compress(body, 1), "bomb": BOMB, "torn": gzip.compress(body, 1)[:-5]}[it["packed"]]
        proof.append((b"content-encoding", b"gzip"))
    return asked(site.door, path, body, [(b"host", b"cs.example.com"), *proof, *it["more"]], it["method"])


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_sent_to_the_webhooks(sources: dict[str, str], data: st.DataObject) -> None:
    batch = data.draw(st.lists(requests(), min_size=1, max_size=4))
    HookDelivery.objects.all().delete()  # of the examples before
    site = Site(Path(mkdtemp()))
    try:
        for it in batch:
            begin = site.inbox.end
            status, text = sent(site, sources, it)
            kept = [row for stored in site.inbox.read(begin, 1 << 26) for row in json.loads(unpacked(stored.payload).body)]
            _check(status, json.loads(text), [name for name, _ in kept])
            site.writer.drain()
            assert site.writer.position == site.inbox.end
            waiting = list_rejected(site.store)
            assert all(each.reason and not each.reason.startswith("internal error") for each in waiting), waiting
            for name, values in kept:
                assert _stands(site, name, values) or _waits(name, values, waiting), (name, values, waiting)
        site.tell(sources["generic"], "accounts", {"id": "the last", "name": "Last"})
        assert site.rows("SELECT name FROM accounts WHERE id = 'the last'") == [("Last",)], "the server goes on"
    finally:
        site.close()


def _check(status: int, answer: dict[str, Any], kept: list[str]) -> None:
    """An answer takes what was sent and makes it durable, or says in one sentence why not."""
    assert status < 500, answer
    if status == 200:
        assert answer["success"] is True
        assert bool(kept) is not bool({"ignored", "repeated", "test"} & answer.keys())
        return
    assert answer["code"]
    assert answer["message"].strip()
    assert answer["message"].isprintable(), answer["message"]
    assert not kept or (answer["code"], kept) == ("unreadable", [REJECTED])


def _stands(site: Site, name: str, values: dict[str, Any]) -> bool:
    """Whether a row is stored: the one of its id; where it has none, its collection has rows."""
    if name not in COLLECTIONS:
        return False
    own = [values["id"]] if COLLECTIONS[name].keyed_by_id and values.get("id") else []
    found = site.store.query(f"SELECT count(*) AS n FROM {name} {'WHERE id = ?' if own else ''}", own)
    return bool(found.column("n")[0].as_py())


def _waits(name: str, values: dict[str, Any], waiting: list[Rejected]) -> bool:
    """Whether a row, or a body that could not be read, is in the list of those that were turned away."""
    if name == REJECTED:
        return (values["collection"], values["reason"]) in [(each.collection, each.reason) for each in waiting]
    given = {each: held for each, held in values.items() if each != UPDATED and held is not None}  # an empty id is none
    told = {"id": values["id"]} if values.get("id") else given
    return any(each.collection == name and told.items() <= dict(each.row).items() for each in waiting)
