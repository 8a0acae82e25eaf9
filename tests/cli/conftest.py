"""A workspace of a few accounts, the command line in processes of its own, and a server beside which it runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import forking

AS_OF = "2026-03-01"
ACCOUNTS = """id,name,owner,tier,plan,seats,mrr,created_at,renews_on
a1,Acme,ada@us.example,1,pro,10,100.5,2025-01-01T00:00:00Z,2026-04-01
a2,Böhm & Söhne,bob@us.example,2,free,3,0,2025-06-01T00:00:00Z,
a3,"Comma, Inc",ada@us.example,1,pro,,250,2026-02-20T12:00:00Z,2026-03-10
"""
EVENTS = """id,account_id,person_id,name,at,kind,minutes
e1,a1,p1,login,2026-02-27T08:00:00Z,login,5
e2,a1,p1,export,2026-02-27T09:00:00.5Z,feature,2.5
e3,a2,p2,login,2025-12-01T08:00:00Z,login,1
e4,a3,p3,login,2026-02-28T23:00:00Z,login,
"""
CSMS = "email,name,team,role\nada@us.example,Ada,West,csm\nbob@us.example,Bob,West,csm\n"
RULES = """- id: quiet
  name: No login for a month
  category: risk
  when: days_quiet(events where kind = 'login') > 30
  severity: high
  message: "{{ account.name }} has not logged in"
- id: counted
  name: In shadow
  category: upsell
  when: mrr > 50
  state: shadow
"""


@dataclass
class Tocsin:
    """The command line on one home."""

    home: Path
    cwd: Path
    more: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """The environment: nothing of the caller's settings."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TOCSIN_", "DJANGO_"))}
        return clean | {"TOCSIN_HOME": str(self.home), "PYTHONWARNINGS": "error"} | self.more

    def __call__(self, *args: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command in a process that finds the libraries loaded."""
        return forking.run([*map(str, args)], env=self.env, cwd=self.cwd)

    def from_nothing(self, *args: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command as a person does: in a process that has to load everything."""
        return forking.alone([*map(str, args)], env=self.env, cwd=self.cwd)

    def out(self, *args: str | Path) -> str:
        """Standard output of a command that must succeed."""
        done = self(*args)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *args: str | Path) -> str:
        """The one line with which a command refuses wrong usage or bad input."""
        done = self(*args)
        assert done.returncode == 2, (done.stdout, done.stderr)
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        return line


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("facts")
    for name, text in (("accounts", ACCOUNTS), ("events", EVENTS), ("csms", CSMS)):
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def tocsin(tmp_path: Path) -> Tocsin:
    """The command line on a home that is not there yet."""
    return Tocsin(tmp_path / "home", tmp_path)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, facts: Path) -> Tocsin:
    """The command line on a home with the facts and two rules more; the tests of a module share it."""
    place = tmp_path_factory.mktemp("work")
    command = Tocsin(place / "home", place)
    command.out("import", facts)
    (place / "rules.yaml").write_text(RULES, encoding="utf-8")
    command.out("rules", "apply", "rules.yaml")
    return command


@dataclass
class Serving:
    """A running `tocsin up`."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path

    def get(self, path: str) -> tuple[int, str]:
        """Status and body."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def end(self, how: int = signal.SIGTERM, patience: float = 60) -> tuple[int, float]:
        """Signal it; gives its exit status and the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(how)
        return self.process.wait(patience), time.monotonic() - began


def serve(command: Tocsin, *args: str) -> Serving:
    """Start a server on a free port of loopback, and wait until it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = command.cwd / f"server-{port}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "tocsin", *(args or ("up",)), "--port", str(port)],
            env=command.env, cwd=command.cwd, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
        )  # fmt: skip
    serving = Serving(process, f"http://127.0.0.1:{port}", log)
    until = time.monotonic() + 120
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        try:
            if serving.get("/readyz")[0] == 200:
                return serving
        except OSError:
            time.sleep(0.1)
