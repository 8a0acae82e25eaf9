"""The command line's door at the server's end: commands under way are waited for, so long and no longer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import MutableMapping
from typing import Any, cast

from tocsin import server
from tocsin.server.door import WAITING, Door, Hatch, Request
from tocsin.worker import Worker

TOKEN = "t"
SCOPE = {"method": "POST", "headers": [(b"x-tocsin-token", TOKEN.encode())], "client": ("127.0.0.1", 1), "server": None}
BODY = b'{"argv": [], "cwd": "/", "tty": false, "width": 80}'


class Busy:
    """A worker that ends at once, or not within the patience."""

    def __init__(self, *, ends: bool) -> None:
        self.ends = ends

    def stop(self, patience: float) -> bool:  # noqa: ARG002
        """Whether it has ended."""
        return self.ends


def worker(*, ends: bool = True) -> Worker:
    return cast("Worker", Busy(ends=ends))


def cut_off(door: Door, begun: threading.Event) -> None:
    """Give the door a command, and end the loop under it once the command has begun, as the server does."""

    async def receive() -> MutableMapping[str, Any]:
        if given:
            return {"type": "http.request", "body": given.pop()}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def run() -> None:
        task = asyncio.create_task(door(dict(SCOPE), receive, send))
        assert await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        await asyncio.wait([task])

    given, sent = [BODY], list[MutableMapping[str, Any]]()
    asyncio.run(run())
    assert [message["type"] for message in sent][:1] == ["http.response.start"]


def test_the_end_waits_for_commands() -> None:
    begun, free = threading.Event(), threading.Event()
    ended: list[bool] = []

    def runner(request: Request, hatch: Hatch) -> int:
        begun.set()
        assert free.wait(60)
        ended.append(hatch.gone.is_set())
        return 0

    door = Door(TOKEN, runner)
    assert server.idle([worker()], door, 0.01)
    cut_off(door, begun)
    assert not server.idle([worker()], door, 0.05), "it still runs"
    threading.Timer(0.1, free.set).start()
    assert server.idle([worker()], door, 10)
    assert ended == [True], "it ran to its end, and was told that its client has gone"
    assert not server.idle([worker(), worker(ends=False)], door, 0.01)


def test_a_command_that_tells_much_ends_without_its_reader() -> None:
    begun = threading.Event()

    def runner(request: Request, hatch: Hatch) -> int:
        for number in range(10 * WAITING):
            hatch.put({"out": str(number)})
            if number == WAITING:
                begun.set()
                assert hatch.shut.wait(60)
        return 0

    door = Door(TOKEN, runner)
    cut_off(door, begun)
    assert server.idle([worker()], door, 10)
