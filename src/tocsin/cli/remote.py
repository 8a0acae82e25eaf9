"""Commands beside a running server: finding it, owning the home where there is none, and running a command inside of it.

The server writes `server.json` (its address, its process and a token; mode 600) and holds the home's lock as long as it runs.
Whoever holds the lock owns the facts; a command that finds it held by another command waits for its turn.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from tocsin.cli.console import Console
from tocsin.core.errors import UserError
from tocsin.workspace import LOCK, SERVER

DOOR = "/_local/run"
PATIENCE = 60.0  # seconds that a command waits for another one


@dataclass(frozen=True, slots=True)
class Server:
    """A running server of this home. address: `http://127.0.0.1:8321`."""

    address: str
    pid: int
    token: str


def find(home: Path) -> Server | None:
    """The server that runs on the home, if one answers. A note left behind by a server that is gone is removed."""
    note = home / SERVER
    text = _read(note)
    while text is not None:
        server = _told(text)
        if server is not None and _alive(server.pid) and _held(home):
            return server
        # Between reading and removing, a server may have come up and written its own note: that one stays, and is looked at.
        again = _read(note)
        if again == text:
            note.unlink(missing_ok=True)
            return None
        text = again
    return None


def _read(note: Path) -> str | None:
    """The text of the note; None where there is none, or none that can be read."""
    try:
        return note.read_text("utf-8", "replace")
    except OSError:
        return None


def _told(text: str) -> Server | None:
    """The server that a note tells of; None where it says nothing."""
    try:
        given = json.loads(text)
        return Server(str(given["address"]), int(given["pid"]), str(given["token"]))
    except (ValueError, KeyError, TypeError):
        return None


def run(server: Server, argv: Sequence[str], console: Console) -> int:
    """Run a command line inside the server, its output coming out here; gives its exit status."""
    host = urlsplit(server.address)
    line = http.client.HTTPConnection(host.hostname or "127.0.0.1", host.port)
    body = json.dumps({"argv": list(argv), "cwd": str(console.cwd), "tty": console.tty, "width": console.width})
    try:
        line.request("POST", DOOR, body.encode("utf-8", "surrogateescape"), {"X-Tocsin-Token": server.token})
        answer = line.getresponse()
        if answer.status != 200:
            raise UserError(f"the server (process {server.pid}) refused the command: {answer.status} {answer.reason}")
        return _follow(answer, console)
    except (http.client.HTTPException, OSError) as error:
        raise RuntimeError(f"the server (process {server.pid}) ended before the command did") from error
    finally:
        line.close()


def _follow(answer: http.client.HTTPResponse, console: Console) -> int:
    for raw in answer:
        frame = json.loads(raw)
        if "out" in frame:
            console.out(frame["out"])
        elif "err" in frame:
            console.flush()
            console.say(frame["err"])
        elif "progress" in frame:
            console.progress(*frame["progress"])
        elif "exit" in frame:
            return int(frame["exit"])
    raise http.client.IncompleteRead(b"")


@contextmanager
def owned(home: Path, console: Console, patience: float = PATIENCE) -> Iterator[Server | None]:
    """Hold the home's lock. Gives the server where one came up meanwhile (then the lock is not held).

    UserError where another process keeps it for longer than the patience, naming that process.
    """
    try:
        file = (home / LOCK).open("a+", encoding="ascii")
    except OSError as error:
        raise UserError(f"the home {home} cannot be written ({error.strerror}); give another folder with --home") from error
    with file:
        found = _wait(file, home, console, patience)
        if found is not None:
            yield found
            return
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield None
        finally:
            file.truncate(0)
            fcntl.flock(file, fcntl.LOCK_UN)


def _wait(file: IO[str], home: Path, console: Console, patience: float) -> Server | None:
    until = time.monotonic() + patience
    told = False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            server = find(home)
            if server is not None:
                return server
        else:
            return None
        if time.monotonic() > until:
            raise UserError(f"{home} is in use by process {_owner(file)}; wait until it ends, or stop it")
        if console.tty and not told:
            console.say(f"waiting for process {_owner(file)}, which uses {home}")
            told = True
        time.sleep(0.05)


def _owner(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip() or "unknown"


def _held(home: Path) -> bool:
    """Whether some process holds the home's lock."""
    try:
        with (home / LOCK).open("a+", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False
    except OSError:
        return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
