"""What storms have in common: a receiver of webhooks, a database of their own, and the kill."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ANSWER = 0.01  # seconds that the receiver thinks, well below the lease
DATABASES = ["postgres"] if "TOCSIN_TEST_DATABASE_URL" in os.environ else ["sqlite"]


@dataclass
class Receiver:
    """Takes webhooks; notes id and alert of each, and how many of one id it was given at once."""

    got: list[tuple[str, str]] = field(default_factory=list)
    at_once: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)
    inside: dict[str, int] = field(default_factory=dict)

    def serve(self) -> ThreadingHTTPServer:
        """On a free port of loopback."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                part = str(self.headers["webhook-id"])
                body = self.rfile.read(int(self.headers["content-length"]))
                if not body:
                    return
                receiver.enter(part)
                time.sleep(ANSWER)
                receiver.leave(part, json.loads(body)["data"]["id"])
                try:
                    self.send_response(204)
                    self.end_headers()
                except OSError:
                    self.close_connection = True  # the sender was killed meanwhile

            def log_message(self, *_: Any) -> None:
                return None

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def enter(self, part: str) -> None:
        """A call has begun."""
        with self.guard:
            self.inside[part] = self.inside.get(part, 0) + 1
            self.at_once = max(self.at_once, self.inside[part])

    def leave(self, part: str, alert: str) -> None:
        """It was heard."""
        with self.guard:
            self.inside[part] -= 1
            self.got.append((part, alert))


@pytest.fixture
def receiver() -> Iterator[tuple[Receiver, str]]:
    receiver = Receiver()
    server = receiver.serve()
    yield receiver, f"http://127.0.0.1:{server.server_address[1]}/hook"
    server.shutdown()
    server.server_close()


def kill(pid: int) -> None:
    """At once, as the machine would."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it has ended by itself: a sweep that was quicker


def database(name: str, tmp_path: Path) -> str:
    """The address of the database: none for SQLite in the home; a fresh one of the throw-away server for PostgreSQL."""
    if name == "sqlite":
        return ""
    import psycopg

    server = os.environ["TOCSIN_TEST_DATABASE_URL"]
    fresh = f"chaos_{os.getpid()}_{abs(hash(str(tmp_path))) % 10**9}"
    host = server.partition("host=")[2]
    with psycopg.connect(f"host={host} user=tocsin dbname=tocsin", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{fresh}"')
    return server.replace("/tocsin?", f"/{fresh}?")
