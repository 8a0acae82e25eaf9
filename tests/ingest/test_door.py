"""The door of Segment's API, asked as a server asks it: what is answered, what is kept, and what a hostile body costs."""

from __future__ import annotations

import asyncio
import base64
import errno
import gzip
import json
import os
import tracemalloc
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tocsin.ingest import door as door_module
from tocsin.ingest.door import Door
from tocsin.ingest.limits import Limits
from tocsin.ingest.log import Log
from tocsin.ingest.records import Record, unpacked
from tocsin.ingest.wire import OK

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
MIB = 1 << 20
GOOD: dict[str, dict[str, Any]] = {
    "track": {"userId": "u1", "event": "Report Exported"},
    "identify": {"userId": "u1", "traits": {"email": "u1@acme.example"}},
    "group": {"userId": "u1", "groupId": "acme", "traits": {"name": "Acme"}},
    "page": {"userId": "u1", "name": "Pricing"},
    "screen": {"anonymousId": "a1", "name": "Home"},
    "alias": {"previousId": "a1", "userId": "u1"},
}
BATCH = {"batch": [{"type": kind, **fields} for kind, fields in GOOD.items()]}
GZIP = (b"content-encoding", b"gzip")


def basic(key: str, *, colon: bool = True) -> tuple[bytes, bytes]:
    return b"authorization", b"Basic " + base64.b64encode(f"{key}:".encode() if colon else key.encode())


@dataclass
class Answer:
    """What was answered; status 0 where nothing was."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""

    @property
    def code(self) -> str:
        """The code of an error, which has a message too."""
        given = json.loads(self.body)
        assert given["success"] is False
        assert given["message"]
        assert self.headers[b"content-type"] == b"application/json"
        assert self.headers[b"content-length"] == str(len(self.body)).encode()
        return str(given["code"])


class Asker:
    """A door with an inbox of its own, and keys that can be taken back."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.inbox = Log(folder, most=limits.backlog)
        self.keys: dict[str, str] = {"key": "website"}
        self.looked_up = 0
        self.door = Door(self.inbox, self.whose, limits, clock=lambda: NOW)

    def whose(self, key: str) -> str | None:
        """As the keys of a workspace are looked up."""
        self.looked_up += 1
        if key == "broken":
            raise RuntimeError("the database is away")
        return self.keys.get(key)

    def ask(
        self,
        body: bytes | dict[str, Any] = b"",
        path: str = "/v1/batch",
        *headers: tuple[bytes, bytes],
        key: str | None = "key",
        method: str = "POST",
        parts: Iterable[bytes] | None = None,
        gone: bool = False,
    ) -> Answer:
        """One request. parts: the body in these pieces; gone: the client leaves before the last of them."""
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        given = list([content] if parts is None else parts)
        auth = [basic(key)] if key is not None else []
        scope = {"type": "http", "method": method, "path": path, "headers": [*auth, *headers]}
        return asyncio.run(self._ask(scope, given, gone))

    async def _ask(self, scope: dict[str, Any], parts: list[bytes], gone: bool) -> Answer:
        answer, left = Answer(), list(parts)

        async def receive() -> dict[str, Any]:
            if not left or (gone and len(left) == 1):
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status, answer.headers = message["status"], dict(message["headers"])
            else:
                answer.body += message["body"]

        await self.door(scope, receive, send)
        return answer

    def kept(self) -> list[Record]:
        """What stands in the inbox."""
        return [unpacked(each.payload) for each in self.inbox.read(0, 10 * MIB)]


@pytest.fixture
def asker(tmp_path: Path) -> Iterator[Asker]:
    """A door with the usual limits."""
    made = Asker(tmp_path / "inbox", Limits())
    yield made
    made.inbox.close()


# What is answered


def test_a_batch_is_kept_as_it_came_and_answered_so(asker: Asker) -> None:
    body = json.dumps(BATCH).encode()
    answer = asker.ask(body)
    assert (answer.status, answer.body) == (200, b'{"success": true}')
    assert answer.headers[b"content-type"] == b"application/json"
    assert answer.headers[b"content-length"] == b"17"
    assert asker.kept() == [Record("batch", NOW, "website", body)]


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("end", ["", "/"])
def test_each_call_has_its_address(asker: Asker, kind: str, end: str) -> None:
    assert asker.ask(GOOD[kind], f"/v1/{kind}{end}").body == OK
    assert [each.kind for each in asker.kept()] == [kind]


def test_it_is_durable_before_it_is_answered(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fdatasync

    def sync(file: int) -> None:
        synced.append(file)
        real(file)

    monkeypatch.setattr(os, "fdatasync", sync)
    assert asker.ask(BATCH).status == 200
    assert len(synced) == 1


def test_a_partly_bad_batch_is_fine(asker: Asker) -> None:
    for bad in ([1, None, {}, {"type": "nonsense"}], [{"type": "track", "event": "x" * 40_000}], []):
        assert asker.ask({"batch": [*bad, *BATCH["batch"]]}).body == OK
    assert asker.ask(b'{"batch": [{"type": "track", "userId": "u", "event": "\\ud800"}, {"type": "track"}]}').body == OK
    assert asker.ask(b'{"batch": [{"type": "track", "userId": "\xff", "event": "E"}]}').body == OK
    assert asker.ask({"batch": []}).body == OK


@pytest.mark.parametrize(
    "body",
    [
        b"", b" \n", b"null", b"[]", b"5", b'"x"', b"{}", b'{"batch": 5}', b'{"batch": null}', b'{"batch": {}}',
        b'{"batch": "x"}',
        b'{"batch": []} x', b'{"batch": []}{"batch": []}', b"{'batch': []}", b'{"batch": [],}', b'{"batch": [NaN]}',
        b'\xef\xbb\xbf{"batch": []}', '{"batch": []}'.encode("utf-16"), b"\x00" * 100,
        b'{"batch": [' + b"[" * 20_000 + b"]" * 20_000 + b"]}", b'{"batch": [' + b"9" * 100_000 + b"1e]}",
        b'{"writeKey": 5, "batch": []}', b'{"writeKey": {}, "batch": []}',
    ],
)  # fmt: skip
def test_what_is_no_batch_is_400(asker: Asker, body: bytes) -> None:
    answer = asker.ask(body)
    assert (answer.status, answer.code) in ((400, "invalid_json"), (400, "invalid_batch"))
    assert asker.kept() == []


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"5", b"{}", b'{"a": }', b'{"timestamp": "soon"}', b'{"userId": [], "groupId": []}']
)
def test_a_bad_call_alone_is_400(asker: Asker, kind: str, body: bytes) -> None:
    answer = asker.ask(body, f"/v1/{kind}")
    assert (answer.status, answer.code) in ((400, "invalid_json"), (400, "invalid_message"))
    assert asker.kept() == []


def test_a_trait_that_cannot_be_is_told_at_once(asker: Asker) -> None:
    answer = asker.ask({"groupId": "acme", "traits": {"seats": "many"}}, "/v1/group")
    assert (answer.status, answer.code) == (400, "invalid_message")
    assert "seats" in json.loads(answer.body)["message"]


@pytest.mark.parametrize("path", ["/v1/", "/v1/nothing", "/v1/batch/x", "/v1/../etc", "/v1/\x00", "/v1/BATCH", "/v1/rows"])
def test_what_is_not_there_is_404(asker: Asker, path: str) -> None:
    answer = asker.ask(BATCH, path)
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "BREW"])
def test_only_post_is_taken(asker: Asker, method: str) -> None:
    assert (asker.ask(BATCH, method=method).status, asker.kept()) == (405, [])


def test_too_long_is_413(asker: Asker) -> None:
    just = b'{"batch": [' + b" " * (500 * 1024 - 13) + b"]}"
    assert len(just) == 500 * 1024
    assert asker.ask(just).status == 200, "KB are 1,024 bytes"
    answer = asker.ask(just + b" ")
    assert (answer.status, answer.code) == (413, "too_large")
    call = {"userId": "u", "event": "E", "properties": {"x": ""}}
    room = 32 * 1024 - len(json.dumps(call))
    assert asker.ask(call | {"properties": {"x": "y" * room}}, "/v1/track").status == 200
    assert asker.ask(call | {"properties": {"x": "y" * (room + 1)}}, "/v1/track").status == 413
    assert asker.ask({"batch": [{}] * 2_500}).status == 200
    assert asker.ask({"batch": [{}] * 2_501}).code == "too_many"


def test_the_limits_can_be_set(tmp_path: Path) -> None:
    asker = Asker(tmp_path, Limits(body=4 * MIB, message=MIB, messages=3))
    assert asker.ask({"batch": [{"x": "y" * 3 * MIB}]}).status == 200
    assert asker.ask({"userId": "u", "event": "E", "properties": {"x": "y" * 900_000}}, "/v1/track").status == 200
    assert asker.ask({"batch": [{}] * 4}).status == 413
    asker.inbox.close()


def test_nothing_is_taken_that_the_inbox_could_not_give_back(tmp_path: Path) -> None:
    asker = Asker(tmp_path, Limits(body=64 * MIB))
    answer = asker.ask(b'{"batch": [' + b" " * 17 * MIB + b"]}")
    assert (answer.status, answer.code) == (413, "too_large")
    asker.inbox.close()


# How the body comes


def test_a_body_in_pieces(asker: Asker) -> None:
    body = json.dumps(BATCH).encode()
    assert asker.ask(parts=[body[:1], b"", body[1:50], body[50:]]).status == 200
    assert asker.kept()[0].body == body


def test_a_client_that_leaves_is_not_answered_and_nothing_is_kept(asker: Asker) -> None:
    body = json.dumps(BATCH).encode()
    assert asker.ask(parts=[body, b""], gone=True).status == 0
    assert asker.ask(parts=[]).status == 0
    assert asker.kept() == []


@pytest.mark.parametrize("said", [b"5", b"ten", b"-5", b"", b"0", b"\xb2", b"1e3"])
def test_a_length_that_lies_changes_nothing(asker: Asker, said: bytes) -> None:
    assert asker.ask(BATCH, "/v1/batch", (b"content-length", said)).status == 200


@pytest.mark.parametrize("said", [b"512001", b"10000000000000", b"9" * 5_000])
def test_who_says_that_it_will_be_too_long_is_believed(asker: Asker, said: bytes) -> None:
    asked = []

    def parts() -> Iterator[bytes]:
        asked.append(1)
        yield b"x"

    assert asker.ask(BATCH, "/v1/batch", (b"content-length", said)).status == 413
    assert asked == []


def test_an_endless_body_is_cut_off_where_it_is_too_long(asker: Asker) -> None:
    pieces = [b" " * 64 * 1024] * 1_000
    tracemalloc.start()
    answer = asker.ask(parts=pieces)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.status == 413
    assert answer.headers[b"connection"] == b"close"
    assert peak < 2 * MIB


def test_gzip(asker: Asker) -> None:
    body = json.dumps(BATCH).encode()
    half = len(body) // 2
    for packed in (gzip.compress(body), gzip.compress(body[:half]) + gzip.compress(b"", mtime=0) + gzip.compress(body[half:])):
        for coding in (b"gzip", b"GZIP", b" gzip "):
            assert asker.ask(packed, "/v1/batch", (b"content-encoding", coding)).status == 200
    assert {each.body for each in asker.kept()} == {body}
    assert asker.ask(BATCH, "/v1/batch", (b"content-encoding", b"identity")).status == 200
    just = b'{"batch": [' + os.urandom(187_000).hex().encode() + b'"]}'
    assert asker.ask(gzip.compress(just.replace(b"[", b'["', 1)), "/v1/batch", GZIP).status == 200


@pytest.mark.parametrize("length", [0, 1, 5, 9, 17, 18, 30, -1, -4, -8, -9])
def test_gzip_cut_off(asker: Asker, length: int) -> None:
    answer = asker.ask(gzip.compress(json.dumps(BATCH).encode(), mtime=0)[:length], "/v1/batch", GZIP)
    assert (answer.status, answer.code) == (400, "bad_gzip")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(BATCH).encode(),
        gzip.compress(json.dumps(BATCH).encode(), mtime=0) + b"rubbish",
        gzip.compress(json.dumps(BATCH).encode(), mtime=0)[:-8] + b"\x00" * 8,
        zlib.compress(json.dumps(BATCH).encode()),
        gzip.compress(b"", mtime=0),
        gzip.compress(b"", mtime=0) * 20,
    ],
)
def test_what_is_said_to_be_gzip_and_is_none(asker: Asker, body: bytes) -> None:
    answer = asker.ask(body, "/v1/batch", GZIP)
    assert (answer.status, answer.code) == (400, "bad_gzip")
    assert asker.kept() == []


def test_gzip_in_gzip_is_no_json(asker: Asker) -> None:
    assert (
        asker.ask(gzip.compress(gzip.compress(json.dumps(BATCH).encode(), mtime=0)), "/v1/batch", GZIP).code == "invalid_json"
    )


@pytest.mark.parametrize("coding", [b"br", b"deflate", b"gzip, gzip", b"x" * 10_000])
def test_other_codings_are_not_known(asker: Asker, coding: bytes) -> None:
    answer = asker.ask(BATCH, "/v1/batch", (b"content-encoding", coding))
    assert (answer.status, answer.code) == (415, "unsupported_encoding")


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(packer.compress(b" " * MIB) for _ in range(size)), packer.flush()])


@pytest.mark.parametrize(
    "body", [bomb(200), bomb(20) * 10, gzip.compress(b" " * 300_000, mtime=0) * 3], ids=["one", "ten", "small ones"]
)
def test_a_bomb_costs_no_more_than_a_body_may(asker: Asker, body: bytes) -> None:
    tracemalloc.start()
    answer = asker.ask(body, "/v1/batch", GZIP)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (answer.status, answer.code) == (413, "too_large")
    assert peak < 4 * MIB


def test_many_empty_members_cost_no_more_than_their_length(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    copied, real = 0, zlib.decompressobj

    class Counting:
        """Counts the bytes that are copied behind each member."""

        def __init__(self, wbits: int) -> None:
            self.inner = real(wbits)

        def decompress(self, data: bytes, most: int) -> bytes:
            nonlocal copied
            made = self.inner.decompress(data, most)
            copied += len(self.inner.unused_data)
            return made

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    monkeypatch.setattr(zlib, "decompressobj", Counting)
    members = gzip.compress(b"", mtime=0) * 5_000
    assert asker.ask(members, "/v1/batch", GZIP).code == "bad_gzip"
    assert copied < 50 * MIB, "not the square of it"


# Whose it is


def test_the_key_by_basic_or_in_the_body(asker: Asker) -> None:
    assert asker.ask(BATCH, key="key").status == 200
    assert asker.ask(BATCH, "/v1/batch", basic("key", colon=False), key=None).status == 200
    assert asker.ask(BATCH, "/v1/batch", (b"authorization", b"bASIC " + base64.b64encode(b"key:")), key=None).status == 200
    assert asker.ask(BATCH, "/v1/batch", basic("key:password"), key=None).status == 200
    assert asker.ask(BATCH | {"writeKey": "key"}, key=None).status == 200
    assert asker.ask(BATCH | {"writeKey": "other"}, key="key").status == 200, "the header counts"
    assert asker.ask(BATCH | {"writeKey": None}, key="key").status == 200
    assert asker.ask(GOOD["track"] | {"writeKey": "key"}, "/v1/track", key=None).status == 200
    assert asker.ask(GOOD["track"] | {"writeKey": None}, "/v1/track").status == 200
    assert {each.source for each in asker.kept()} == {"website"}


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Basic",
        b"Basic ",
        b"Basic %%%",
        b"Basic Og==",
        b"Basic //79/Do=",
        b"Bearer key",
        b"Basic " + b"QUFB" * 5_000,
        b"\xff",
    ],
)
def test_a_header_that_cannot_be_read_is_no_key(asker: Asker, header: bytes) -> None:
    answer = asker.ask(BATCH, "/v1/batch", (b"authorization", header), key=None)
    assert (answer.status, answer.code) == (401, "invalid_write_key")
    assert asker.ask(BATCH | {"writeKey": "key"}, "/v1/batch", (b"authorization", header), key=None).status == 200


@pytest.mark.parametrize("key", [None, "other", "KEY", "' OR 1=1 --", "k" * 2_000, "ключ"])
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track"])
def test_a_key_that_opens_nothing_is_401(asker: Asker, key: str | None, path: str) -> None:
    good = BATCH if path == "/v1/batch" else GOOD["track"]
    answer = asker.ask(good, path, key=key)
    assert (answer.status, answer.code) == (401, "invalid_write_key")
    assert asker.ask({**good, "writeKey": key}, path, key=None).status == 401
    assert asker.ask({**good, "writeKey": "key"}, path, key=key).status == (200 if key is None else 401)


def test_who_has_no_key_sends_no_body(asker: Asker) -> None:
    assert asker.ask(parts=[], key="other").status == 401, "it is said before the body is waited for"


def test_a_revoked_key_ends_within_seconds(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("tocsin.ingest.door.time.monotonic", lambda: clock[0])
    for _ in range(20):
        assert asker.ask(BATCH).status == 200
    assert asker.looked_up == 1, "not every request asks the database"
    del asker.keys["key"]
    clock[0] += 10
    assert asker.ask(BATCH).status == 401
    asker.keys["key"] = "website"
    clock[0] += 10
    assert asker.ask(BATCH).status == 200


def test_made_up_keys_fill_no_memory(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "MOST_KEYS", 20)
    for n in range(60):
        assert asker.ask(BATCH, key=f"k{n}").status == 401
    assert len(asker.door._keys) <= 21


# When it cannot be taken


def test_too_much_waiting_is_429_until_it_is_stored(tmp_path: Path) -> None:
    asker = Asker(tmp_path, replace(Limits(), backlog=500))
    while (answer := asker.ask(BATCH)).status == 200:
        assert len(asker.kept()) < 10
    assert (answer.status, answer.code) == (429, "busy")
    assert int(answer.headers[b"retry-after"]) >= 1
    before = len(asker.kept())
    asker.inbox.consumed(asker.inbox.end)
    assert asker.ask(BATCH).status == 200
    assert len(asker.kept()) == before + 1
    asker.inbox.close()
    assert asker.ask(BATCH).status == 429, "the server is about to end"


def test_a_full_disk_is_503_and_then_it_goes_on(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fdatasync

    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", full)
    answer = asker.ask(BATCH)
    assert (answer.status, answer.code) == (503, "unavailable")
    assert int(answer.headers[b"retry-after"]) >= 1
    assert b"space" not in answer.body, "what is wrong with the server is its own affair"
    assert asker.kept() == []
    monkeypatch.setattr(os, "fdatasync", real)
    assert asker.ask(BATCH).status == 200
    assert len(asker.kept()) == 1


def test_a_failure_of_ours_is_a_5xx_that_clients_send_again(asker: Asker) -> None:
    answer = asker.ask(BATCH, key="broken")
    assert (answer.status, answer.code) == (500, "internal")
    assert b"database" not in answer.body
    assert asker.ask(BATCH).status == 200


def test_many_at_once(asker: Asker) -> None:
    scope = {"type": "http", "method": "POST", "path": "/v1/batch", "headers": [basic("key")]}
    bodies = [json.dumps({"batch": [{"type": "track", "userId": "u", "event": f"E{n}"}]}).encode() for n in range(200)]

    async def together() -> list[Answer]:
        return await asyncio.gather(*(asker._ask(scope, [each], gone=False) for each in bodies))

    assert {each.status for each in asyncio.run(together())} == {200}
    assert sorted(each.body for each in asker.kept()) == sorted(bodies)
