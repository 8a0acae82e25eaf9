"""The client of the benches, in a process and on a core of its own: `python -m tests.bench.client JSON`.

JSON: port, key, run (names the messages), seconds, lines (connections), batch (events), rate (events a second; 0: as many as
can be), accounts. SIGTERM ends it earlier. Says `begun`, and at the end what came of it as JSON: acknowledged, seconds,
refused, throttled, busy (share of its core that it used), and milliseconds p50, p95, p99 from a request to its answer.
"""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import sys
import time
from datetime import UTC, datetime

# Filled by %-formatting, so that the client costs little beside the server; some 360 bytes.
EVENT = (
    '{"type":"track","messageId":"bench-%s-%d","userId":"per-%d","event":"%s","timestamp":"%s",'
    '"context":{"groupId":"acc-%d","library":{"name":"analytics-python","version":"2.4.0"}},'
    '"properties":{"feature":"reports","minutes":3,"plan":"enterprise","path":"/reports/%08d/edit",'
    '"referrer":"https://app.example.com/"}}'
)
NAMES = ("view_report", "export", "login", "edit_board", "search")


class Line:
    """A connection that is kept; opened anew where the other side has closed it."""

    def __init__(self, port: int, head: str) -> None:
        self._port, self._head = port, head
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        """(status, headers, body) of the answer. OSError where there is none."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)
        reader, writer = self._streams
        writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        )
        try:
            raw = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in raw[1:] if each)}
            if headers.get("transfer-encoding") == "chunked":
                content = await self._chunks(reader)
            else:
                content = await reader.readexactly(int(headers.get("content-length", 0)))
        except (asyncio.IncompleteReadError, OSError) as error:
            self.close()
            raise ConnectionError("the server closed the connection") from error
        if headers.get("connection", "").lower() == "close":
            self.close()
        return int(raw[0].split()[1]), headers, content

    async def _chunks(self, reader: asyncio.StreamReader) -> bytes:
        made = b""
        while size := int(await reader.readline(), 16):
            made += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return made

    def close(self) -> None:
        """Let go of the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def sender(port: int, key: str) -> Line:
    """A line that sends events with a write key."""
    code = base64.b64encode(f"{key}:".encode()).decode()
    return Line(port, f"Authorization: Basic {code}\r\nContent-Type: application/json\r\n")


def body_of(run: str, first: int, number: int, accounts: int) -> bytes:
    """A batch of so many events, numbered from the first on, of all accounts of the synthetic book but its first."""
    now = datetime.now(UTC).isoformat()
    people = [20 + n % (20 * (accounts - 1)) for n in range(first, first + number)]
    events = (EVENT % (run, n, person, NAMES[n % 5], now, person // 20, n) for n, person in enumerate(people, first))
    return ('{"batch":[' + ",".join(events) + "]}").encode()


def share(times: list[float], part: float) -> float:
    """The time within which so large a part of all lies; nan of none."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


class Load:
    """What is sent."""

    def __init__(self, given: dict[str, object]) -> None:
        self.port, self.key, self.run = int(str(given["port"])), str(given["key"]), str(given["run"])
        self.seconds, self.rate = float(str(given["seconds"])), float(str(given.get("rate", 0)))
        self.lines, self.batch = int(str(given.get("lines", 8))), int(str(given.get("batch", 100)))
        self.accounts = int(str(given.get("accounts", 100)))
        self.next = self.acknowledged = self.refused = self.throttled = 0
        self.times: list[float] = []
        self.over = False

    async def line(self, began: float) -> None:
        """One connection, batch after batch."""
        line = sender(self.port, self.key)
        while not self.over and (now := time.monotonic()) < began + self.seconds:
            if self.rate and self.next > self.rate * (now - began):
                await asyncio.sleep(0.002)
                continue
            first, self.next = self.next, self.next + self.batch
            body = body_of(self.run, first, self.batch, self.accounts)
            while True:
                sent = time.perf_counter()
                status, headers, _ = await line.ask("POST", "/v1/batch", body)
                if status != 429:
                    break
                self.throttled += 1
                await asyncio.sleep(float(headers.get("retry-after", 1)))
            if status == 200:
                self.times.append(1000 * (time.perf_counter() - sent))
                self.acknowledged += self.batch
            else:
                self.refused += 1
        line.close()

    async def all(self) -> dict[str, float]:
        """Send it, until time is up or somebody says that it is enough; gives the figures."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, setattr, self, "over", True)
        print("begun", flush=True)  # noqa: T201 - who waits for it goes on
        began, used = time.monotonic(), time.process_time()
        await asyncio.gather(*(self.line(began) for _ in range(self.lines)))
        took = time.monotonic() - began
        return {
            "acknowledged": self.acknowledged,
            "seconds": took,
            "rate": self.acknowledged / took,
            "refused": self.refused,
            "throttled": self.throttled,
            "busy": (time.process_time() - used) / took,
            "p50": share(self.times, 0.5),
            "p95": share(self.times, 0.95),
            "p99": share(self.times, 0.99),
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(Load(json.loads(sys.argv[1])).all())))  # noqa: T201 - its answer
