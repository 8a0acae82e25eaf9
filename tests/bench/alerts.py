"""From an event to its alert at a webhook receiver on loopback, while a thousand other events a second come in.

`python -m tests.bench.alerts` (or `make bench-alerts`). Measured from just before the request to the receipt of the message.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.bench.client import sender, share
from tests.bench.home import PROBE, RULE
from tests.bench.running import PATIENCE, Figures, enough, folder, load, parser, report, run, serving, told


class Receiver(ThreadingHTTPServer):
    """Notes when the message about which event came."""

    daemon_threads = True

    def __init__(self) -> None:
        self.came: dict[str, float] = {}
        super().__init__(("127.0.0.1", 0), Hook)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Hook(BaseHTTPRequestHandler):
    """Takes a message."""

    def do_POST(self) -> None:
        """Note it, answer."""
        came = time.perf_counter()
        data = json.loads(self.rfile.read(int(self.headers["content-length"]))).get("data", {})
        if data.get("rule") == RULE:
            self.server.came.setdefault(data["event_id"], came)  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
        """Nothing."""


async def probed(port: int, key: str, probes: int, pause: float, accounts: int) -> dict[str, float]:
    """Send single events; gives when each was."""
    line, sent, chance = sender(port, key), dict[str, float](), random.Random(1)
    for number in range(probes):
        own, account = f"bench-probe-{number}", 1 + number % (accounts - 1)
        call = {
            "messageId": own,
            "userId": f"per-{20 * account}",
            "event": PROBE,
            "timestamp": datetime.now(UTC).isoformat(),
            "context": {"groupId": f"acc-{account}"},
        }
        sent[own] = time.perf_counter()
        status, _, _ = await line.ask("POST", "/v1/track", json.dumps(call).encode())
        if status != 200:
            raise RuntimeError(f"a probe was answered with {status}")
        await asyncio.sleep(pause * chance.uniform(0.5, 1.5))
    line.close()
    return sent


def main(argv: Sequence[str]) -> Figures:
    """Measure and tell."""
    options = parser(__doc__)
    options.add_argument("--probes", type=int, default=200, help="events that are followed (default: %(default)s)")
    options.add_argument("--pause", type=float, default=0.15, help="mean seconds between two of them (default: %(default)s)")
    options.add_argument("--rate", type=float, default=1000, help="other events a second (default: %(default)s)")
    options.add_argument("--accounts", type=int, default=200, help="accounts of the book (default: %(default)s)")
    options.add_argument("--events", type=int, default=100_000, help="events of the book (default: %(default)s)")
    given = options.parse_args(argv)
    receiver = Receiver()
    book = {"accounts": given.accounts, "events": given.events, "url": f"http://127.0.0.1:{receiver.server_port}/hook"}
    with folder() as place:
        home = str(place / "home")
        made = told(run("tests.bench.home", home, "make", json.dumps(book)))
        with serving("tests.bench.home", home, "up") as port:
            same = {"port": port, "key": made["key"], "accounts": given.accounts}
            beside = load(run="load", seconds=3600, rate=given.rate, lines=2, batch=50, **same)
            time.sleep(1)
            sent = asyncio.run(probed(port, made["key"], given.probes, given.pause, given.accounts))
            loaded = enough(beside)
            until = time.monotonic() + PATIENCE
            while len(receiver.came) < len(sent) and time.monotonic() < until:
                time.sleep(0.1)
    receiver.shutdown()
    receiver.server_close()
    if lost := sorted(sent.keys() - receiver.came.keys()):
        raise RuntimeError(f"of {len(sent)} alerts {len(lost)} were not told: {lost[:5]}")
    times = [1000 * (receiver.came[own] - at) for own, at in sent.items()]
    figures = {f"p{part:.0f}": share(times, part / 100) for part in (50, 95, 99)} | {"most": max(times)}
    row = (f"{loaded['rate']:,.0f} beside", len(times), *figures.values())
    columns = ("events a second", "alerts", "p50 ms", "p95 ms", "p99 ms", "most ms")
    return report(columns, [row], {"alerts": {"probes": len(times), **figures}, "beside": loaded}, given.json)


if __name__ == "__main__":
    main(sys.argv[1:])
