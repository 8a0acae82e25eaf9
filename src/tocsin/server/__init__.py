"""The server: web pages, the worker and the command line's door in one process that owns the home."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import uvicorn
from django.conf import settings
from django.urls import reverse
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from tocsin import heap
from tocsin.asgi import App, Front
from tocsin.core.errors import UserError
from tocsin.ingest.door import PREFIX
from tocsin.ingest.door import Door as Ingestion
from tocsin.ingest.log import Log
from tocsin.ingest.origins import Origins
from tocsin.ingest.recovery import open_inbox
from tocsin.ingest.writer import Writer
from tocsin.people import facade as people
from tocsin.server import door
from tocsin.sources.door import PREFIX as HOOKS
from tocsin.sources.door import Door as Hooks
from tocsin.web.background import beside
from tocsin.web.views.data.events import counts
from tocsin.worker import Deliverer, Puller, Pulse, Worker
from tocsin.workspace import SERVER, Workspace, write_private

SLACK = 1024 * 1024  # bytes that a form has besides its files
GRACE = 2  # seconds that answers under way are given at the end
PATIENCE = 1.5  # seconds that a sweep and commands under way are given after that
DEADLINE = 4.5  # seconds after which the process ends whatever still runs
SWITCH = 0.0005  # seconds after which a thread that computes lets others in: whoever answers a request waits behind it
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - names of the wildcard address, not a binding


class _Server(uvicorn.Server):
    """uvicorn, saying when it listens and when it is about to end."""

    def __init__(self, config: uvicorn.Config, begun: Callable[[], None], ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._begun, self._ending = begun, ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        if self.started:
            await asyncio.to_thread(self._begun)  # it asks the database, which no event loop may

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say so, then finish what is under way."""
        self._ending()
        await super().shutdown(sockets)


@dataclass(frozen=True, slots=True)
class _Loops:
    """What runs beside the answers."""

    worker: Worker
    pulse: Pulse
    writer: Writer
    puller: Puller
    deliverer: Deliverer

    def start(self) -> None:
        """Begin all of them."""
        for each in (self.worker, self.pulse, self.writer, self.puller, self.deliverer):
            each.start()

    def in_order_of_ending(self) -> list[Worker | Pulse | Puller | Deliverer | Writer]:
        """What brings something in first, who tells of it last."""
        return [self.puller, self.writer, self.pulse, self.worker, self.deliverer]


def _loops(workspace: Workspace, inbox: Log, address: str) -> _Loops:
    worker = Worker(workspace, address=lambda: settings.TOCSIN_PUBLIC_URL or address, settle=heap.settle)
    workspace.listen(worker.nudge)
    pulse = Pulse(workspace, worker)
    writer = Writer(workspace.store(), inbox, workspace.configuration.limits, stored=pulse.arrived)
    deliverer = Deliverer(lambda: settings.TOCSIN_PUBLIC_URL or address)
    return _Loops(worker, pulse, writer, Puller(workspace, worker), deliverer)


def serve(
    workspace: Workspace, *, host: str, port: int, runner: Callable[[Worker, Writer], door.Runner], greet: Callable[[str], None]
) -> None:
    """Serve the workspace until a signal ends it. The home's lock must be held. UserError where the port cannot be had.

    runner: makes, for this server's worker, what runs a command line that comes through the door.
    greet: called with the address once the server listens.
    """
    sys.setswitchinterval(SWITCH)
    workspace.django()
    workspace.store()
    listening = _listen(host, port)
    address = _address(host, listening)
    token = secrets.token_urlsafe(32)
    inbox = open_inbox(workspace.store(), workspace.home, workspace.configuration.limits)
    loops = _loops(workspace, inbox, address)
    note = workspace.home / SERVER
    ready = threading.Event()
    settings.ALLOWED_HOSTS = ["*"] if host in EVERYWHERE else [*settings.ALLOWED_HOSTS, host]

    def begun() -> None:
        write_private(note, json.dumps({"address": address, "pid": os.getpid(), "token": token}))
        greet(address)
        heap.settle()
        ready.set()
        loops.start()
        beside.ask(("event counts",), None, lambda: counts(datetime.now(UTC)), wait=False)  # so that nobody waits for the first

    def ending() -> None:
        ready.clear()
        note.unlink(missing_ok=True)
        last_resort = threading.Timer(DEADLINE, os._exit, (0,))
        last_resort.daemon = True
        last_resort.start()

    commands = door.Door(token, runner(loops.worker, loops.writer))
    config = _config(workspace, inbox, commands, ready)
    try:
        with _signals_end_quietly():
            _Server(config, begun, ending).run(sockets=[listening])
    finally:
        note.unlink(missing_ok=True)
        listening.close()
        ended = idle(loops.in_order_of_ending(), commands, PATIENCE)
        inbox.close()
        heap.release()
        if not ended:
            _end_at_once()


def _config(workspace: Workspace, inbox: Log, commands: door.Door, ready: threading.Event) -> uvicorn.Config:
    """Who answers what, and how."""
    given = workspace.configuration
    hooks = Hooks(inbox, zone=workspace.zone.key)
    ingestion = Ingestion(inbox, _holder, given.limits, origins=Origins(given.ingest_origins))
    routes: dict[str, App] = {door.PATH: commands, PREFIX: ingestion, HOOKS: hooks}
    front = Front(
        ready.is_set, routes, {reverse(each): given.limits.upload + SLACK for each in ("web:data-import", "api:import_files")}
    )
    return uvicorn.Config(
        behind_proxies(front, given.trusted_proxies),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        loop="asyncio",
        timeout_graceful_shutdown=GRACE,
    )


def behind_proxies(front: App, trusted: Sequence[str]) -> App:
    """The front, which sees who asks and by which scheme as proxies of these networks say (X-Forwarded-For, -Proto).

    Of everybody else what they say of themselves counts for nothing; without any such network nothing is looked at.
    """
    return ProxyHeadersMiddleware(front, list(trusted)) if trusted else front  # type: ignore[arg-type, return-value]


def idle(loops: Sequence[Worker | Pulse | Puller | Deliverer | Writer], commands: door.Door, patience: float) -> bool:
    """Whether the loops, commands and parts of pages under way have ended, waiting so long for all of them together."""
    until = time.monotonic() + patience
    ended = [loop.stop(max(0.0, until - time.monotonic())) for loop in loops]
    done = commands.finish(max(0.0, until - time.monotonic()))
    return beside.finish(max(0.0, until - time.monotonic())) and done and all(ended)


def _end_at_once() -> None:
    """End while a sweep or a command still runs: tearing the interpreter down would crash. Both databases survive a kill."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _holder(secret: str) -> str | None:
    """The name of the write key; None where it opens nothing."""
    found = people.key_for(secret, datetime.now(UTC))
    return found.name if found is not None and found.kind == "write" else None


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP, so that asyncio switches Nagle's delay off: without it every second answer waits 40 ms for an acknowledgement.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        why = getattr(error, "strerror", None) or str(error)
        raise UserError(f"cannot listen on {host}:{port} ({why}); give another --host or --port") from error
    return listening


def _address(host: str, listening: socket.socket) -> str:
    """Where this machine reaches the server."""
    port = listening.getsockname()[1]
    name = "127.0.0.1" if host in EVERYWHERE else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


@contextmanager
def _signals_end_quietly() -> Iterator[None]:
    """Uvicorn raises the signal that ended it once more when it is done; here that has done its work already."""

    def done(_signal: int, _frame: FrameType | None) -> None:
        return None

    before: dict[int, Any] = {each: signal.signal(each, done) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
