"""The command line's door: a command given beside a running server runs inside of it, its output streamed back as it comes.

`POST /_local/run` from this machine, with the token of `server.json`; the body is JSON {argv, cwd, tty, width}, the answer
one JSON object a line: {"out": text}, {"err": line}, {"progress": [label, share]}, and last {"exit": status}.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connections

from tocsin.asgi import Receive, Scope, Send, answer

PATH = "/_local/run"
MOST_BODY = 8 * 1024 * 1024
WAITING = 32  # frames that wait for a slow reader before the command does
LOOK = 0.1  # seconds after which a command that waits for its reader looks whether there still is one


@dataclass(frozen=True, slots=True)
class Request:
    """A command line as its client gave it."""

    argv: list[str]
    cwd: Path
    tty: bool
    width: int


class Hatch:
    """Between the thread of a command and the connection of its client.

    gone: the client went away; a command ends when it is about to tell it something. shut: nobody takes frames any more.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue(WAITING)
        self.gone, self.shut = threading.Event(), threading.Event()

    def put(self, frame: dict[str, Any]) -> None:
        """Hand a frame over from the command's thread; waits while the reader is slow. Dropped where nobody takes it."""
        if self.shut.is_set():
            return
        putting = self.frames.put(frame)
        try:
            waiting = asyncio.run_coroutine_threadsafe(putting, self._loop)
        except RuntimeError:  # the loop has been closed
            putting.close()
            return
        while not self.shut.is_set():
            try:
                waiting.result(LOOK)
            except TimeoutError:
                continue
            return


# Runs a command line with its output going to the hatch; gives the exit status. It is the command line's own (`tocsin.cli`).
Runner = Callable[[Request, Hatch], int]


class Door:
    """The ASGI application behind the door."""

    def __init__(self, token: str, runner: Runner) -> None:
        self._token, self._runner = token.encode(), runner
        self._guard = threading.Lock()
        self._running: set[threading.Thread] = set()

    def finish(self, patience: float) -> bool:
        """Wait for the commands under way, so many seconds at most in all. Says whether all have ended."""
        until = time.monotonic() + patience
        with self._guard:
            running = list(self._running)
        for thread in running:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in running)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one command."""
        given = dict(scope["headers"]).get(b"x-tocsin-token", b"")
        if not (_is_local(scope) and hmac.compare_digest(given, self._token)):
            await answer(send, 404, b"not found\n")
            return
        request = await _read(receive) if scope["method"] == "POST" else None
        if request is None:
            await answer(send, 400, b"no command line\n")
            return
        hatch = Hatch(asyncio.get_running_loop())
        thread = threading.Thread(target=self._work, args=(request, hatch), name="command", daemon=True)
        with self._guard:
            self._running.add(thread)
        thread.start()
        watching = asyncio.create_task(_watch(receive, hatch))
        try:
            await _stream(hatch, send)
        finally:
            hatch.gone.set()
            hatch.shut.set()
            watching.cancel()

    def _work(self, request: Request, hatch: Hatch) -> None:
        try:
            try:
                status = self._runner(request, hatch)
            finally:
                connections.close_all()
            hatch.put({"exit": status})
        finally:
            with self._guard:
                self._running.discard(threading.current_thread())


async def _stream(hatch: Hatch, send: Send) -> None:
    """Send frames until the last one. After the client has gone they are only taken, so that the command can end."""
    headers = [(b"content-type", b"application/x-ndjson"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    while True:
        frame = await hatch.frames.get()
        last = "exit" in frame
        if not hatch.gone.is_set():
            line = json.dumps(frame).encode() + b"\n"
            await send({"type": "http.response.body", "body": line, "more_body": not last})
        if last:
            return


async def _watch(receive: Receive, hatch: Hatch) -> None:
    """Note when the client goes away."""
    while (await receive())["type"] != "http.disconnect":
        continue
    hatch.gone.set()


async def _read(receive: Receive) -> Request | None:
    body, more = b"", True
    while more:
        part = await receive()
        if part["type"] == "http.disconnect":
            return None
        body += part.get("body", b"")
        more = part.get("more_body", False)
        if len(body) > MOST_BODY:
            return None
    try:
        given = json.loads(body)
        argv = [str(each) for each in given["argv"]]
        return Request(argv, Path(given["cwd"]), bool(given["tty"]), int(given["width"]))
    except (ValueError, KeyError, TypeError):
        return None


def _is_local(scope: Scope) -> bool:
    """Whether the client is this machine: on loopback, or at the very address that it called."""
    client, server = scope.get("client"), scope.get("server")
    if not client:
        return False
    try:
        return ipaddress.ip_address(client[0]).is_loopback or bool(server and client[0] == server[0])
    except ValueError:
        return False
