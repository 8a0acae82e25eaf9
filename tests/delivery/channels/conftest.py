"""Real peers on loopback: an HTTP receiver that fails as it is told, and a mail server."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from tocsin.delivery.message import Item, Line, Message

NOW = datetime(2026, 3, 12, 9, 12, tzinfo=UTC)


def item(number: int = 1, **more: Any) -> Item:
    """An alert as a message tells it."""
    given: dict[str, Any] = {
        "notice_id": f"n{number}",
        "alert_id": str(number),
        "kind": "opened",
        "at": NOW,
        "rule": "usage-drop",
        "rule_name": "Usage drops",
        "category": "risk",
        "severity": "high",
        "state": "open",
        "account_id": "A1",
        "account_name": "Halden Freight",
        "text": "Halden Freight uses the product less than it did",
        "path": f"/alerts/{number}/",
        "opened_at": NOW,
        "lines": (Line("use in 30 days against the 30 before", "-42%", "<=", "-30%", "it falls by less than 30%"),),
        "clears": "use falls by less than 15%",
        "why": "CSM of the account",
        "event_id": "evt-1",
    }
    return Item(**{**given, **more})


def notice(*items: Item, **more: Any) -> Message:
    """A notice of these alerts."""
    told = items or (item(),)
    return Message("notice", told[0].text, told, address="https://tocsin.example", **more)


@dataclass
class Receiver:
    """Answers POSTs by what a test set, and keeps what it was sent."""

    answer: Callable[[BaseHTTPRequestHandler, bytes], None] | None = None
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def says(self, status: int, body: bytes = b"", **headers: str) -> None:
        """From now on it answers so."""

        def answer(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        self.answer = answer

    def says_json(self, **body: Any) -> None:
        """200 with JSON."""
        self.says(200, json.dumps(body).encode(), Content_Type="application/json")

    def hangs(self) -> None:
        """It takes the request and says nothing."""
        self.answer = lambda _handler, _body: time.sleep(3)

    def resets(self) -> None:
        """It breaks the connection."""

        def answer(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            handler.connection.close()

        self.answer = answer

    def babbles(self) -> None:
        """It answers with what is no HTTP."""
        self.answer = lambda handler, _body: (handler.wfile.write(b"\x00\x01garbage\r\n\r\n"), None)[1]

    def floods(self) -> None:
        """It answers without an end."""

        def answer(handler: BaseHTTPRequestHandler, _body: bytes) -> None:
            handler.send_response(200)
            handler.end_headers()
            try:
                for _ in range(2000):
                    handler.wfile.write(b"x" * 65536)
            except OSError:
                handler.close_connection = True

        self.answer = answer


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """It answers 204 until it is told otherwise."""
    there = Receiver()
    there.says(204)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            there.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            assert there.answer is not None
            there.answer(self, body)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    monkeypatch.setattr(server, "handle_error", lambda *_: None)  # what a test breaks is no news
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield there
    server.shutdown()
    server.server_close()


@dataclass
class Mailbox:
    """Keeps what it is handed; refuses recipients that a test names."""

    got: list[Any] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    port: int = 0

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        """Take a recipient, or not."""
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Take a mail."""
        self.got.append(envelope)
        return "250 taken"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server on a free port of loopback."""
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        box.port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    controller.stop()


@pytest.fixture
def loopback(settings: Any) -> None:
    """Outbound requests may reach this machine."""
    settings.TOCSIN_OUTBOUND_ALLOW = "127.0.0.0/8"
