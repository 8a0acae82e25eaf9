"""The whole server is killed at random points under load, and comes up again: nothing that was acknowledged is lost or doubled.

Events come in over HTTP, files are imported, sweeps are asked for, somebody acts on the Data page (`keeper`), rules open
alerts and a webhook tells of them, while the process ends at any instant, its own beginning included; now and then the last
record of the inbox is torn as well. Eight kills by default; TOCSIN_CHAOS=100 makes it a hundred (`make chaos`). The seed is
printed.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.household import ACCOUNTS, ALARM, COUNT, RISE
from tests.chaos.keeper import Alias, Keeper
from tests.chaos.storm import DATABASES, ROOT, Receiver, database, kill, receiver
from tocsin.ingest.log import _framed
from tocsin.ingest.records import Record

__all__ = ["receiver"]

pytestmark = pytest.mark.long
KILLS = int(os.environ.get("TOCSIN_CHAOS", "8"))
READY = 90.0  # seconds within which a server has to be ready; a machine that does much else is slow
Batch = list[dict[str, Any]]


@dataclass
class Home:
    """A home, and the server that runs on it now."""

    path: Path
    database: str
    port: int = 0
    key: str = ""
    process: subprocess.Popen[bytes] | None = None
    log: Path = field(default_factory=Path)
    slowest: float = 0.0  # seconds from a start until ready

    @property
    def env(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TOCSIN_", "DJANGO_"))}
        more = {"TOCSIN_HOME": str(self.path), "TOCSIN_OUTBOUND_ALLOW": "127.0.0.0/8"}
        return clean | more | ({"TOCSIN_DATABASE_URL": self.database} if self.database else {})

    def household(self, *words: str) -> str:
        """What the household answers."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.chaos.household", str(self.path), *words],
            env=self.env, cwd=ROOT, capture_output=True, text=True, timeout=READY, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self) -> None:
        """A server begins."""
        with self.log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.household", str(self.path), "up", str(self.port)],
                env=self.env, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip

    def wait(self) -> None:
        """Until it is ready."""
        assert self.process is not None
        began = time.monotonic()
        while self.ask("GET", "/readyz") != 200:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < began + READY, self.log.read_text()[-3000:]
            time.sleep(0.05)
        self.slowest = max(self.slowest, time.monotonic() - began)

    def kill(self) -> None:
        """At once."""
        assert self.process is not None
        kill(self.process.pid)
        self.process.wait(60)

    def end(self) -> None:
        """As one ends a server."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> int | None:
        """The status of an answer that was read to its end; None where there was none."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            line.request(method, path, body, headers or {})
            answer = line.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return None
        else:
            return answer.status
        finally:
            line.close()

    def send(self, batch: Batch) -> bool:
        """Whether a batch was acknowledged."""
        body = json.dumps({"writeKey": self.key, "batch": batch}).encode()
        return self.ask("POST", "/v1/batch", body, {"Content-Type": "application/json"}) == 200

    def command(self, *argv: str) -> bool:
        """Run a command line inside the server; whether it ended well."""
        return any(frame.get("exit") == 0 for frame in self.frames(*argv))

    def asked(self, *argv: str) -> str:
        """What a command line says on standard output, run inside the server."""
        return "".join(frame.get("out", "") for frame in self.frames(*argv))

    def frames(self, *argv: str) -> list[dict[str, Any]]:
        """What a command line inside the server tells; nothing where it was cut off."""
        try:
            note = json.loads((self.path / "server.json").read_text())
        except (OSError, ValueError):
            return []
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        body = json.dumps({"argv": list(argv), "cwd": str(self.path), "tty": False, "width": 80})
        try:
            line.request("POST", "/_local/run", body, {"X-Tocsin-Token": note["token"]})
            answer = line.getresponse()
            return [json.loads(each) for each in answer.read().splitlines()] if answer.status == 200 else []
        except (OSError, http.client.HTTPException, ValueError):
            return []
        finally:
            line.close()

    def unsent(self) -> int:
        """How many notices and messages are on their way."""
        asked = (
            "SELECT (SELECT count(*) FROM delivery_delivery WHERE state NOT IN ('sent', 'dead'))"
            " + (SELECT count(*) FROM delivery_notice WHERE state = 'waiting')"
        )
        if self.database:
            import psycopg

            with psycopg.connect(self.database) as line:
                row = line.execute(asked).fetchone()
        else:
            with closing(sqlite3.connect(f"file:{self.path / 'tocsin.sqlite3'}?mode=ro", uri=True)) as file:
                row = file.execute(asked).fetchone()
        assert row is not None
        return int(row[0])

    def tear(self, dice: random.Random) -> bool:
        """Leave a record half-written at the end of the inbox, as a machine that lost its power would."""
        files = sorted((self.path / "inbox").glob("*"))
        files = [file for file in files if file.stem.isdigit()]
        if not files:
            return False
        lost = json.dumps({"batch": [message("torn", 0, "acc-0")]}).encode()
        record = _framed(Record("batch", datetime.now(UTC), "storm", lost).packed())
        with files[-1].open("ab") as file:
            file.write(record[: dice.randrange(1, len(record))])
        return True


def message(own: str, number: int, account: str) -> dict[str, Any]:
    """A call; every tenth is an alarm."""
    return {
        "type": "track",
        "messageId": own,
        "userId": f"{account}-ann",
        "event": "Alarm" if number % 10 == 7 else "Report Opened",
        "timestamp": datetime.now(UTC).isoformat(),
        "context": {"groupId": account},
    }


class Sender:
    """Sends numbered batches one after the other; what was not acknowledged waits to be sent again."""

    def __init__(self, home: Home, dice: random.Random) -> None:
        self.home, self.dice = home, dice
        self.next = self.repeats = 0
        self.acknowledged: list[Batch] = []
        self.unsure: list[Batch] = []
        self.stop = threading.Event()

    def run(self) -> None:
        """Until it is told to stop, or nobody answers."""
        again, self.unsure = self.unsure, []
        while not self.stop.is_set():
            if again:
                batch = again.pop()
                self.repeats += 1
            elif self.acknowledged and self.dice.random() < 0.1:
                if not self.home.send(self.dice.choice(self.acknowledged)):
                    break
                self.repeats += 1
                continue
            else:
                batch = [message(f"m-{self.next + n}", self.next + n, self.dice.choice(ACCOUNTS)) for n in range(20)]
                self.next += 20
            if not self.home.send(batch):
                self.unsure.append(batch)
                break
            self.acknowledged.append(batch)
            time.sleep(0.01)
        self.unsure += again


class Importer:
    """Imports files of events one after the other; a file is imported again until a command has said that it is in."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home, self.folder = home, folder
        self.files, self.undone = 0, list[Path]()
        self.ids: set[str] = set()

    def run(self) -> None:
        """One more file, and those before of which nobody knows."""
        self.files += 1
        path = self.folder / str(self.files) / "events.csv"
        path.parent.mkdir()
        own = [f"i-{self.files}-{number}" for number in range(300)]
        now = datetime.now(UTC).isoformat()
        lines = [f"{each},{ACCOUNTS[number % 40]},{'Alarm' if number < 3 else 'Seen'},{now}" for number, each in enumerate(own)]
        path.write_text("id,account_id,name,at\n" + "\n".join(lines) + "\n")
        self.ids |= set(own)
        self.undone.append(path)
        self.finish()

    def finish(self) -> None:
        """Import what is not known to be in."""
        self.undone = [path for path in self.undone if not self.home.command("import", str(path))]


@pytest.mark.parametrize("kind", DATABASES)
def test_kills_of_the_server_lose_nothing(kind: str, tmp_path: Path, receiver: tuple[Receiver, str]) -> None:
    seed = int(os.environ.get("TOCSIN_SEED") or random.randrange(10**6))
    dice = random.Random(seed)
    heard, url = receiver
    home = Home(tmp_path / "home", database(kind, tmp_path), free_port(), log=tmp_path / "server.log")
    made = json.loads(home.household("make", url))
    home.key = made["write"]
    (tmp_path / "files").mkdir()
    sender, importer = Sender(home, dice), Importer(home, tmp_path / "files")
    keeper = Keeper(home, made["session"], made["api"], dice)
    done: Counter[str] = Counter()
    try:
        for _ in range(KILLS):
            home.start()
            if dice.random() < 0.25:
                time.sleep(dice.uniform(0.3, 2.5))
                done["while it began"] += 1
            else:
                home.wait()
                keeper.check()
                under_load(home, sender, importer, keeper, dice, done)
            home.kill()
            if dice.random() < 0.4 and home.tear(dice):
                done["with a torn record"] += 1
        home.start()
        home.wait()
        keeper.check()
        keeper.check_all()
        importer.finish()
        for batch in [*sender.unsure, *dice.sample(sender.acknowledged, min(20, len(sender.acknowledged)))]:
            assert home.send(batch), f"seed {seed}: a server that nobody kills refuses"
            sender.acknowledged.append(batch)
        home.command("sweep")
        settle(home, heard, seed)
    finally:
        home.end()
    told = json.loads(home.household("tell"))
    importer.ids |= {own for act in keeper.acts if isinstance(act, Alias) for own in act.ids}
    check(told, sender, importer, heard, seed)
    kills = ", ".join(f"{number} {when}" for when, number in sorted(done.items()))
    acts = ", ".join(f"{number} {what}" for what, number in sorted(keeper.found.items()))
    alerts = len({alert for _, alert in heard.got})
    sys.stdout.write(
        f"\nseed {seed}, {kind}: {KILLS} kills of the server ({kills}): {len(told['events'])} events, "
        f"{sender.repeats} batches sent again, {importer.files} files, {len(told['alerts'])} alerts, "
        f"{len(heard.got)} calls of {alerts} alerts; ready within {home.slowest:.1f} s; none lost, none twice; acts: {acts}\n"
    )


def under_load(home: Home, sender: Sender, importer: Importer, keeper: Keeper, dice: random.Random, done: Counter[str]) -> None:
    """A while of load, at the end of which the caller kills."""
    sender.stop.clear()
    threads = [threading.Thread(target=sender.run)]
    drawn, longest = dice.random(), 2.0
    if drawn < 0.25:
        threads.append(threading.Thread(target=importer.run))
        done["with an import"] += 1
    elif drawn < 0.4:
        threads.append(threading.Thread(target=home.command, args=("sweep",)))
        done["with a sweep"] += 1
    else:
        keeper.prepare()
        longest = 0.8  # by then it is done
        threads.append(threading.Thread(target=keeper.run))
        done["with an act on the Data page"] += 1
    for thread in threads:
        thread.start()
    time.sleep(dice.uniform(0.02, longest))
    home.kill()
    sender.stop.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def settle(home: Home, heard: Receiver, seed: int) -> None:
    """Until all is judged and told: nothing waits, not even what a killed worker had claimed, and nothing comes any more."""
    last, since = -1, time.monotonic()
    while True:
        quiet, waiting = time.monotonic() - since, home.unsent()
        if len(heard.got) != last:
            last, since = len(heard.got), time.monotonic()
        elif quiet > 3 and not waiting:
            return
        elif quiet > READY:
            pytest.fail(f"seed {seed}: {waiting} messages wait, {len(heard.got)} came; {home.log.read_text()[-2000:]}")
        time.sleep(0.3)


def check(told: dict[str, Any], sender: Sender, importer: Importer, heard: Receiver, seed: int) -> None:
    """Every event once, each alert that is due open once, each told."""
    what = f"seed {seed}"
    sent = {each["messageId"]: each for batch in sender.acknowledged for each in batch}
    stored = Counter(each["id"] for each in told["events"])
    assert {own: n for own, n in stored.items() if n > 1} == {}, f"{what}: stored twice"
    wanted = set(sent) | importer.ids
    assert stored.keys() == wanted, (
        f"{what}: lost {sorted(wanted - stored.keys())[:9]}, made {sorted(stored.keys() - wanted)[:9]}"
    )
    alarms = {each["id"]: each["account"] for each in told["events"] if each["name"] == "Alarm"}
    per_account = Counter(alarms.values())
    due = Counter((ALARM, account, own) for own, account in alarms.items())
    due.update((COUNT, account, "") for account in {each["account"] for each in told["events"]})
    due.update((RISE, account, "") for account, n in per_account.items() if n >= 5)
    found = Counter((each["rule"], each["subject"], each["key"]) for each in told["alerts"])
    assert found == due, f"{what}: missing {sorted(due - found)[:9]}, too many {sorted(found - due)[:9]}"
    assert {each["state"] for each in told["alerts"]} == {"open"}, what
    calls: dict[str, set[str]] = {}
    for part, alert in heard.got:
        calls.setdefault(alert, set()).add(part)
    assert calls.keys() == {each["id"] for each in told["alerts"]}, f"{what}: not every alert was told"
    assert {alert: parts for alert, parts in calls.items() if len(parts) > 1} == {}, f"{what}: repeats under another id"
    assert told["deliveries"].keys() == {"sent"}, f"{what}: {told['deliveries']}"


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
