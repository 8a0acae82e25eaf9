"""The pages' times while five thousand events a second come in: each of the main pages, signed in, over a synthetic book.

`python -m tests.bench.pages` (or `make bench-pages`). Measured from the request to the last byte of the page itself; what it
asks for afterwards (charts) is not in it.

With `--alerts 100000`, every page of a workspace that has so many, most of them closed, in the server's own process and without
events: how long the answer takes, and how many queries it asks of the operational database.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.client import Line, share
from tests.bench.running import Figures, enough, folder, load, parser, report, run, serving, told

PAGES = {
    "Alerts": "/alerts/",
    "Accounts": "/accounts/",
    "one account": "/accounts/acc-7/",
    "Rules": "/rules/",
    "Health": "/health/",
    "Data": "/data/",
}


async def timed(port: int, cookie: str, each: int, pause: float) -> dict[str, list[float]]:
    """Ask for all pages so often, in a random order; milliseconds by page."""
    line, chance = Line(port, f"Cookie: tocsin_session={cookie}\r\n"), random.Random(1)
    found: dict[str, list[float]] = {name: [] for name in PAGES}
    for number in range(each + 1):
        for name in chance.sample(sorted(PAGES), len(PAGES)):
            began = time.perf_counter()
            status, _, body = await line.ask("GET", PAGES[name])
            took = 1000 * (time.perf_counter() - began)
            if status != 200 or b"</html>" not in body:
                raise RuntimeError(f"{PAGES[name]} was answered with {status} and {len(body)} bytes")
            if number:  # the first of each makes what later ones find made: modules, templates
                found[name].append(took)
            await asyncio.sleep(pause)
    line.close()
    return found


def every_page(accounts: int, events: int, alerts: int, often: int, file: Path | None) -> Figures:
    """Every page of a large workspace, by itself."""
    with folder() as place:
        home, book = str(place / "home"), {"accounts": accounts, "events": events, "alerts": alerts}
        told(run("tests.bench.home", home, "make", json.dumps(book)))
        found = told(run("tests.bench.home", home, "look", str(often)))
    names = ("queries", "first", "cpu", "p50", "p95")
    rows = [(name, *(one[each] for each in names)) for name, one in found["pages"].items()]
    return report(("page", "queries", "the first ms", "computing p50 ms", "p50 ms", "p95 ms"), rows, found, file)


def main(argv: Sequence[str]) -> Figures:
    """Measure and tell."""
    options = parser(__doc__)
    options.add_argument("--each", type=int, default=50, help="requests of each page (default: %(default)s)")
    options.add_argument("--pause", type=float, default=0.05, help="seconds between two requests (default: %(default)s)")
    options.add_argument("--rate", type=float, default=5000, help="events a second meanwhile (default: %(default)s)")
    options.add_argument("--accounts", type=int, default=5000, help="accounts of the book (default: %(default)s)")
    options.add_argument("--events", type=int, default=500_000, help="events of the book (default: %(default)s)")
    options.add_argument(
        "--alerts", type=int, default=0, help="every page of a book with so many alerts, without events beside"
    )
    given = options.parse_args(argv)
    if given.alerts:
        return every_page(given.accounts, given.events, given.alerts, given.each, given.json)
    with folder() as place:
        home = str(place / "home")
        made = told(run("tests.bench.home", home, "make", json.dumps({"accounts": given.accounts, "events": given.events})))
        with serving("tests.bench.home", home, "up") as port:
            alone = asyncio.run(timed(port, made["cookie"], given.each, given.pause))
            beside = load(
                port=port,
                key=made["key"],
                accounts=given.accounts,
                run="load",
                seconds=3600,
                rate=given.rate,
                lines=2,
                batch=100,
            )
            time.sleep(1)
            busy = asyncio.run(timed(port, made["cookie"], given.each, given.pause))
            loaded = enough(beside)
    rows = [
        (name, *(share(times[name], part) for times in (alone, busy) for part in (0.5, 0.95)), max(busy[name]))
        for name in PAGES
    ]
    names = ("alone_p50", "alone_p95", "p50", "p95", "most")
    figures = {name: dict(zip(names, measured, strict=True)) for name, *measured in rows}
    columns = ("page", "alone p50 ms", "p95 ms", f"with {loaded['rate']:,.0f} events a second p50 ms", "p95 ms", "most ms")
    more = {"pages": figures, "beside": loaded, "open_alerts": made["alerts"]}
    return report(columns, rows, more, given.json)


if __name__ == "__main__":
    main(sys.argv[1:])
