"""Somebody at the Data page of a server that is killed: acts one by one, each of which is there whole or not at all.

An act makes what it needs, is done once, and is looked at after the server has come up again: `WHOLE`, `NONE`, or whatever
else was found, which is wrong. What was answered is there whole; what was not can be done again, and then it is.
"""

# ruff: noqa: D102 - what the methods of acts do says `Act`
from __future__ import annotations

import http.client
import json
import random
import urllib.parse
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from tests.chaos.household import ACCOUNTS, ADMIN

WHOLE, NONE = "whole", "none"
ROWS = 3  # of what an act is about
AGENT = "tests"
CSRF = "x" * 32
Files = dict[str, str]


class Server(Protocol):
    """What a keeper needs of the server that runs now."""

    port: int

    def asked(self, *argv: str) -> str:
        """What a command line says on standard output, run inside the server; '' where it came to no good end."""

    def send(self, batch: list[dict[str, Any]]) -> bool:
        """Whether a batch was acknowledged."""


@dataclass
class Keeper:
    """Signed in by a session, and with a key of the interface. done: kind of act -> how often it was under way at a kill."""

    server: Server
    session: str
    key: str
    dice: random.Random
    number: int = 0
    acts: list[Act] = field(default_factory=list)
    doing: Act | None = None
    answered: bool = False
    found: Counter[str] = field(default_factory=Counter)

    def prepare(self) -> None:
        """Make what the next act needs, while nobody kills."""
        self.number += 1
        kind = self.dice.choice(KINDS)
        self.doing, self.answered = kind(self, f"{kind.name}-{self.number}"), False
        self.doing.prepare()

    def run(self) -> None:
        """Do it, while somebody kills."""
        assert self.doing is not None
        self.answered = self.doing.do()

    def check(self) -> None:
        """After the server has come up again: how it stands, and that it can be done again."""
        if self.doing is None:
            return
        act, self.doing = self.doing, None
        state = act.state()
        what = f"{act.own}, {'answered' if self.answered else 'not answered'}"
        assert state in ((WHOLE,) if self.answered else (WHOLE, NONE)), f"{what}: {state}"
        self.found[f"{act.name} {'answered' if self.answered else f'cut off, {state}'}"] += 1
        assert act.do(), f"{what}, and not answered when it was done again"
        state = act.state()
        assert state == WHOLE, f"{what}, and done again: {state}"
        self.acts.append(act)

    def check_all(self) -> None:
        """All that was ever done is there whole."""
        assert {each.own: each.state() for each in self.acts} == {each.own: WHOLE for each in self.acts}

    def post(self, path: str, **form: str) -> bool:
        """Send a form of the pages; whether it was answered by going on elsewhere."""
        headers = {
            "Cookie": f"tocsin_session={self.session}; tocsin_csrf={CSRF}",
            "Content-Type": "application/x-www-form-urlencoded",
            "X-CSRFToken": CSRF,
            "User-Agent": AGENT,
        }
        return self._ask("POST", path, urllib.parse.urlencode(form).encode(), headers)[0] == 302

    def api(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> tuple[int, Any]:
        """Status and JSON of an answer of the interface; (0, None) where there was none."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": kind}
        status, answer = self._ask(method, f"/api/v1/{path}", body, headers)
        return status, json.loads(answer) if answer else None

    def bring(self, files: Files) -> bool:
        """Import files, all in one."""
        parts = "".join(
            f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}.csv"\r\n\r\n{text}\r\n'
            for name, text in files.items()
        )
        return self.api("POST", "imports", f"{parts}--edge--\r\n".encode(), "multipart/form-data; boundary=edge")[0] == 200

    def tickets(self, account: str) -> int:
        """How many an account has."""
        rows = json.loads(self.server.asked("signals", "count(tickets)", "--where", f"id = '{account}'", "--format", "json"))
        return sum(each["count(tickets)"] for each in rows)

    def rejected(self, own: str) -> list[dict[str, Any]]:
        """Rejected rows that name it."""
        rows = json.loads(self.server.asked("import", "--rejected", "--format", "json"))
        return [each for each in rows if own in json.dumps(each["row"])]

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        line = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            line.request(method, path, body, headers)
            answer = line.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            line.close()


@dataclass
class Act(ABC):
    """One act on things of its own, which are called after it."""

    keeper: Keeper
    own: str
    name = ""

    def prepare(self) -> None:  # noqa: B027 - some need nothing
        """Make what it needs."""

    @abstractmethod
    def do(self) -> bool:
        """Do it, for the first time or again; whether it was answered."""

    @abstractmethod
    def state(self) -> str:
        """`WHOLE`, `NONE`, or what else was found."""

    def files(self, account: str) -> Files:
        """An account and its tickets."""
        now = datetime.now(UTC).isoformat()
        lines = "".join(f"{account}-t{n},{account},{now}\n" for n in range(ROWS))
        return {"accounts": f"id,name\n{account},{account}\n", "tickets": f"id,account_id,opened_at\n{lines}"}


class Import(Act):
    """Files of two collections."""

    name = "import"

    def do(self) -> bool:
        return self.keeper.bring(self.files(self.own))

    def state(self) -> str:
        found = self.keeper.tickets(self.own)
        _, account = self.keeper.api("GET", f"accounts/{self.own}")
        there = (found, (account or {}).get("id") == self.own)
        return {(ROWS, True): WHOLE, (0, False): NONE}.get(there, f"{found} tickets, account: {there[1]}")


class Merge(Act):
    """An account that is only a name becomes one with another."""

    name = "merge"

    def prepare(self) -> None:
        assert self.keeper.bring(self.files(self.own))

    def do(self) -> bool:
        return self.keeper.bring({"account_aliases": f"account_id,source,external_id\n{ACCOUNTS[0]},crm,{self.own}\n"})

    def merged(self) -> str:
        """How it stands: as an account of its own, or merged."""
        gone = json.loads(self.keeper.server.asked("accounts", "merged", "--format", "json"))
        rows = [each["rows"] for each in gone if each["id"] == self.own]
        there = (rows, self.keeper.tickets(self.own))
        if there == ([{"tickets": ROWS}], 0):
            return "merged"
        return "apart" if there == ([], ROWS) else f"merged with {rows}, {there[1]} tickets of its own"

    def state(self) -> str:
        found = self.merged()
        return {"merged": WHOLE, "apart": NONE}.get(found, found)


class Split(Merge):
    """It is taken back."""

    name = "split"

    def prepare(self) -> None:
        super().prepare()
        assert super().do()

    def do(self) -> bool:
        return self.keeper.post("/data/unmatched/split/", id=self.own)

    def state(self) -> str:
        found = self.merged()
        return {"apart": WHOLE, "merged": NONE}.get(found, found)


class Alias(Act):
    """What waits for an account is said to be of another: it comes in."""

    name = "alias"

    def prepare(self) -> None:
        now = datetime.now(UTC).isoformat()
        rows = [
            {"type": "track", "messageId": each, "userId": f"{self.own}-ann", "event": self.own, "timestamp": now,
             "context": {"groupId": self.own}}
            for each in self.ids
        ]  # fmt: skip
        assert self.keeper.server.send(rows)
        assert len(self.keeper.rejected(self.own)) == ROWS  # a command sees what was taken in just now, pages soon

    @property
    def ids(self) -> list[str]:
        """Of the events that wait, and come in."""
        return [f"{self.own}-e{n}" for n in range(ROWS)]

    def do(self) -> bool:
        return self.keeper.post("/data/unmatched/match/", ref=self.own, account=ACCOUNTS[1])

    def state(self) -> str:
        asked = f"count(events where name = '{self.own}')"
        [row] = json.loads(self.keeper.server.asked("signals", asked, "--where", f"id = '{ACCOUNTS[1]}'", "--format", "json"))
        there = (len(self.keeper.rejected(self.own)), row[asked])
        return {(0, ROWS): WHOLE, (ROWS, 0): NONE}.get(there, f"{there[0]} rejected, {there[1]} stored")


class Again(Act):
    """Rejected rows are tried again and turned away again: each stands in the list once, whatever happened."""

    name = "again"

    def prepare(self) -> None:
        bad = [{"type": "track", "messageId": f"{self.own}-{n}", "userId": self.own, "event": 4} for n in range(ROWS)]
        assert self.keeper.server.send(bad)
        [self.reason] = {each["reason"] for each in self.keeper.rejected(self.own)}

    def do(self) -> bool:
        return self.keeper.post("/data/rejected/again/", source="http", collection="events", reason=self.reason)

    def state(self) -> str:
        found = [(each["source"], each["row"]["messageId"]) for each in self.keeper.rejected(self.own)]
        return WHOLE if sorted(found) == [("http", f"{self.own}-{n}") for n in range(ROWS)] else f"rejected: {found}"


class Owner(Act):
    """An owner is said to be a user."""

    name = "owner"

    def prepare(self) -> None:
        accounts = "".join(f"{self.own}-a{n},{self.own},{self.own}\n" for n in range(ROWS))
        assert self.keeper.bring({"accounts": f"id,name,owner\n{accounts}"})

    def do(self) -> bool:
        return self.keeper.post("/data/owners/map/", owner=self.own, user=ADMIN)

    def state(self) -> str:
        rows = json.loads(self.keeper.server.asked("owners", "list", "--format", "json"))
        [found] = [(each["accounts"], each["mapped"]) for each in rows if each["owner"] == self.own]
        return {(0, True): WHOLE, (ROWS, False): NONE}.get(found, f"accounts, mapped: {found}")


class Source(Act):
    """A source is removed."""

    name = "source"

    def prepare(self) -> None:
        status, made = self.keeper.api("POST", "sources", json.dumps({"kind": "generic", "name": self.own}).encode())
        assert status == 201, made
        self.id = made["id"]

    def do(self) -> bool:
        return self.keeper.post(f"/data/webhooks/{self.id}/act/", act="delete")

    def state(self) -> str:
        _, found = self.keeper.api("GET", "sources")
        return NONE if self.own in {each["name"] for each in found} else WHOLE


KINDS: tuple[type[Act], ...] = (Import, Merge, Split, Alias, Again, Owner, Source)
