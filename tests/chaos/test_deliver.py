"""Workers are killed at random points: every alert that is there is told at least once, repeats bear one id, none is lost.

Twenty kills by default; TOCSIN_CHAOS=100 makes it a hundred for each of the four storms (`make chaos`). The seed is printed.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.storm import DATABASES, ROOT, Receiver, database, kill, receiver

__all__ = ["receiver"]

pytestmark = pytest.mark.long
KILLS = int(os.environ.get("TOCSIN_CHAOS", "5"))  # for each storm


class Nursery:
    """The process that breeds workers."""

    def __init__(self, home: Path, url: str, database: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TOCSIN_", "DJANGO_"))}
        more = {"TOCSIN_OUTBOUND_ALLOW": "127.0.0.0/8", **({"TOCSIN_DATABASE_URL": database} if database else {})}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery", str(home), url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=clean | more,
        )
        if self.answer() != "ready":
            self.end()
            pytest.fail("the nursery did not begin; its error is above")

    def answer(self) -> str:
        """The next line that it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, line: str) -> str:
        """Tell it a line; gives what it answers."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.answer()

    def end(self) -> None:
        """Let it go home."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", DATABASES)
def test_kills_lose_nothing(kind: str, workers: int, tmp_path: Path, receiver: tuple[Receiver, str]) -> None:
    seed = int(os.environ.get("TOCSIN_SEED") or random.randrange(10**6))
    dice = random.Random(seed)
    heard, url = receiver
    nursery = Nursery(tmp_path / "home", url, database(kind, tmp_path))
    killed = 0
    try:
        running: list[int] = []
        while killed < KILLS:
            running += [int(nursery.tell("worker")) for _ in range(workers - len(running))]
            sweeper = int(nursery.tell(f"open {dice.randint(1, 6)}"))
            time.sleep(dice.uniform(0.02, 0.6))
            if dice.random() < 0.3:
                kill(sweeper)  # in the middle of a transition, perhaps
            victim = running.pop(dice.randrange(len(running)))
            kill(victim)
            killed += 1
        for pid in running:
            kill(pid)
        time.sleep(0.3)
        ended = json.loads(nursery.tell("finish"))
    finally:
        nursery.end()
    _check(ended, heard, f"seed {seed}: {killed} kills, {kind}, {workers} worker(s)")


def _check(ended: dict[str, Any], heard: Receiver, what: str) -> None:
    told = {alert for _, alert in heard.got}
    alerts = set(ended["alerts"])
    assert alerts, f"{what}: no alert ever opened"
    assert told == alerts, f"{what}: lost {sorted(alerts - told)}, invented {sorted(told - alerts)}"
    assert {each["state"] for each in ended["deliveries"]} == {"sent"}, what
    assert set(ended["notices"]) == {"planned"}, f"{what}: {ended['notices']}"
    ids: dict[str, set[str]] = {}
    for part, alert in heard.got:
        ids.setdefault(alert, set()).add(part)
    assert {alert: len(parts) for alert, parts in ids.items() if len(parts) > 1} == {}, f"{what}: repeats under another id"
    assert heard.at_once == 1, f"{what}: {heard.at_once} senders of one message at once"
    repeats = len(heard.got) - len(told)
    sys.stdout.write(f"\n{what}: {len(alerts)} alerts, {len(heard.got)} calls, {repeats} repeats, none lost\n")
