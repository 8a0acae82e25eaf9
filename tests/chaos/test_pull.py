"""Pulls are killed at random points: in the end every row is there once, marks moved with the whole, each run is recorded.

Eight kills by default; TOCSIN_CHAOS says how many (`make chaos`). The seed is printed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("TOCSIN_CHAOS", "8"))
ACCOUNTS, EVENTS = 900, 6_000


def write_database(path: Path) -> None:
    """A database of customers and logs."""
    first = datetime(2026, 1, 1, tzinfo=UTC)
    stamps = [(first + timedelta(minutes=number)).strftime("%Y-%m-%d %H:%M:%S") for number in range(EVENTS)]
    with closing(sqlite3.connect(path)) as books:
        books.execute("CREATE TABLE customers (no TEXT, company TEXT, since TEXT)")
        books.execute("CREATE TABLE logs (id INTEGER, customer TEXT, happened TEXT, loaded_at TEXT)")
        rows = [(f"c{number}", f"Customer {number}", "2025-01-01") for number in range(ACCOUNTS)]
        books.executemany("INSERT INTO customers VALUES (?, ?, ?)", rows)
        logs = [(number, f"c{number % ACCOUNTS}", stamp, stamp) for number, stamp in enumerate(stamps)]
        books.executemany("INSERT INTO logs VALUES (?, ?, ?, ?)", logs)
        books.commit()


def test_killed_pulls_lose_nothing_and_store_nothing_twice(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")  # noqa: T201 - shown where it fails
    rolled = random.Random(seed)
    database, mapping = tmp_path / "books.db", tmp_path / "mapping"
    write_database(database)
    mapping.mkdir()
    (mapping / "accounts.sql").write_text("SELECT no AS id, company AS name, since AS created_at FROM customers")
    (mapping / "events.sql").write_text(
        "SELECT id, customer AS account_id, 'Signed in' AS name, happened AS at, loaded_at FROM logs WHERE loaded_at > :since"
    )
    command = [sys.executable, "-m", "tests.chaos.puller", str(tmp_path / "home"), str(database), str(mapping)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TOCSIN_SECRET_KEY": "k" * 50},
    ) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        assert nursery.stdout.readline() == "ready\n"
        killed = 0
        for _ in range(KILLS):
            print("pull", file=nursery.stdin, flush=True)
            child = int(nursery.stdout.readline())
            time.sleep(rolled.uniform(0.1, 1.3))
            try:
                os.kill(child, signal.SIGKILL)
                killed += 1
            except ProcessLookupError:
                continue  # it was done before
        print("finish", file=nursery.stdin, flush=True)
        found = json.loads(nursery.stdout.readline())
        print("end", file=nursery.stdin, flush=True)
    print(f"killed {killed}: {found['states']}")  # noqa: T201
    assert (found["accounts"], found["events"], found["ids"], found["closed"]) == (ACCOUNTS, EVENTS, EVENTS, 0)
    assert found["marks"] == {"events": ["text", "2026-01-05 03:59:00"]}
    assert found["states"][-1] == "done"
    assert set(found["states"]) <= {"done", "stopped"}
    assert all(error.startswith("it ended in the middle (") for error in found["errors"])
