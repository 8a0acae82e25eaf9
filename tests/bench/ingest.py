"""Ingestion over HTTP, durable before the answer: beside a server that only decodes, and itself with storing switched off.

`python -m tests.bench.ingest` (or `make bench-ingest`). The client is a process on a core of its own (the second of two, which
the server may use too). Afterwards every event that was acknowledged must be stored, once.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.running import PATIENCE, Figures, folder, load, parser, report, run, serving, told


def main(argv: Sequence[str]) -> Figures:
    """Measure and tell."""
    options = parser(__doc__)
    options.add_argument("--seconds", type=float, default=15, help="of each measurement (default: %(default)s)")
    options.add_argument("--lines", type=int, default=8, help="connections (default: %(default)s)")
    options.add_argument("--batch", type=int, default=100, help="events of a request (default: %(default)s)")
    options.add_argument("--accounts", type=int, default=100, help="accounts of the book (default: %(default)s)")
    given = options.parse_args(argv)
    with folder() as place:
        home = place / "home"
        made = told(run("tests.bench.home", str(home), "make", json.dumps({"accounts": given.accounts, "events": 0})))
        found: dict[str, Figures] = {}
        for name, words in (
            ("stored", ("tests.bench.home", str(home), "up")),
            ("unstored", ("tests.bench.home", str(home), "unstored")),
            ("decoded", ("tests.bench.bare",)),
        ):
            with serving(*words) as port:
                same = {
                    "port": port,
                    "key": made["key"],
                    "lines": given.lines,
                    "batch": given.batch,
                    "accounts": given.accounts,
                }
                warm = told(load(run=f"warm-{name}", seconds=min(2.0, given.seconds), **same))
                found[name] = told(load(run=name, seconds=given.seconds, **same))
                if name == "stored":
                    wanted = warm["acknowledged"] + found[name]["acknowledged"]
                    _settle(home)
        counted = told(run("tests.bench.home", str(home), "count"))
    if counted != {"n": wanted, "ids": wanted}:
        raise RuntimeError(f"{wanted} events were acknowledged, and {counted} are stored")
    return _told(found, wanted, given.json)


def _settle(home: Path) -> None:
    """Until the inbox is taken in, and the facts grow no more; what were left would be taken in by who counts."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        before = _sizes(home)
        time.sleep(1)
        if _sizes(home) == before:
            return


def _sizes(home: Path) -> int:
    return (home / "facts.duckdb").stat().st_size + sum(each.stat().st_size for each in home.glob("facts.duckdb.wal"))


def _told(found: dict[str, Figures], wanted: int, file: Path | None) -> Figures:
    names = {
        "decoded": "a server that decodes and stores nothing",
        "unstored": "Tocsin, storing switched off",
        "stored": "Tocsin",
    }
    stored = found["stored"]["rate"]
    rows = [
        (
            names[name],
            each["rate"],
            f"{stored / each['rate']:.2f}",
            each["p50"],
            each["p95"],
            each["p99"],
            f"{each['busy']:.0%}",
        )
        for name, each in ((name, found[name]) for name in names)
    ]
    ratios = {"to_decoded": stored / found["decoded"]["rate"], "to_unstored": stored / found["unstored"]["rate"]}
    columns = ("server", "events a second", "Tocsin's ratio to it", "p50 ms", "p95 ms", "p99 ms", "client busy")
    return report(columns, rows, {"ingest": found, "ratios": ratios, "acknowledged": wanted}, file)


if __name__ == "__main__":
    main(sys.argv[1:])
