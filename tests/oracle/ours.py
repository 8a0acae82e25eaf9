"""Who is on our side as of a moment, and what is theirs: csms, teams, the company.

Written from the language's definition alone, instant by instant.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.oracle.facts import Facts, Row

KINDS = ("csm", "team", "company")


def address(who: str | None) -> str | None:
    """An e-mail address is compared in small letters; anything else as it stands."""
    return (who.lower() if "@" in who else who) if who else None


class Ours:
    """Owners, assignees and teams over facts."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.csms = {address(row["email"]) or "": row for row in facts.rows.get("csms", [])}
        self.teams = {row["name"]: row for row in facts.rows.get("teams", [])}

    def subjects(self, kind: str, moment: datetime) -> list[str]:
        """The ids of those who are subjects as of a moment."""
        if kind == "company":
            return ["company"]
        if kind == "team":
            return sorted({*self.teams, *(row["team"] for row in self.csms.values() if row.get("team"))})
        owners = {self.owner(row, moment) for row in self.accounts(moment)}
        assignees = {address(row["assignee"]) for row in self.tasks() if self.facts.exists("tasks", row, moment)}
        return sorted(each for each in owners | assignees if each is not None)

    def began(self, kind: str, name: str, moment: datetime) -> bool:
        """Whether somebody was a subject at that moment or at any before it."""
        starts = [self.facts.start("tasks", row) for row in self.tasks()]
        starts += [self.facts.start("accounts", row) for row in self.facts.accounts.values()]
        for account in self.facts.accounts:
            starts += [at for at, _ in self.facts.entries("accounts", account, "owner")]
        instants = {moment, *(each for each in starts if each is not None and each <= moment)}
        return any(name in self.subjects(kind, each) for each in instants)

    def attribute(self, kind: str, name: str, attribute: str) -> Any:
        """An attribute of a csm, a team or the company: it has no history."""
        known: dict[str, dict[str, dict[str, str]]] = {"csm": self.csms, "team": self.teams}
        row = known.get(kind, {}).get(name, {})
        if attribute == "id" or (kind, attribute) == ("team", "name"):
            return name
        if (kind, attribute) == ("csm", "email") and not row:
            return name
        return self.facts.read(row.get(attribute), self.facts.kind("csms", attribute))

    # What is theirs

    def accounts(self, moment: datetime) -> list[Row]:
        """The accounts that exist as of a moment."""
        return [row for row in self.facts.accounts.values() if self.facts.exists("accounts", row, moment)]

    def owner(self, account: Row, moment: datetime) -> str | None:
        """Who owns an account as of a moment."""
        return address(self.facts.attribute("accounts", account, "owner", moment))

    def tasks(self) -> list[dict[str, str]]:
        """All tasks, those of no account too, but not those of accounts that are left out."""
        return [
            row for row in self.facts.rows.get("tasks", []) if not row["account_id"] or row["account_id"] in self.facts.accounts
        ]

    def rows(self, kind: str, name: str, collection: str, moment: datetime) -> list[Row]:
        """The rows that a subject's aggregates range over, as of a moment."""
        if collection == "accounts":
            return [row for row in self.accounts(moment) if self.concerns(kind, name, self.owner(row, moment))]
        if collection == "tasks":
            return [row for row in self.tasks() if self.concerns(kind, name, address(row["assignee"]))]
        theirs = {row["id"] for row in self.rows(kind, name, "accounts", moment)}
        return [row for row in self.facts.rows.get("alerts", []) if self._alert(kind, name, row, theirs)]

    def _alert(self, kind: str, name: str, row: Row, accounts: set[str]) -> bool:
        """Whether an alert is of one of these accounts, or about the subject or somebody of theirs."""
        if row["account_id"]:
            return row["account_id"] in accounts
        about = row["subject"]
        return (kind == "team" and about == name) or self.concerns(kind, name, address(about))

    def concerns(self, kind: str, name: str, who: str | None) -> bool:
        """Whether what is somebody's is the subject's."""
        if kind == "company":
            return True
        if who is None:
            return False
        return who == name if kind == "csm" else self.csms.get(who, {}).get("team") == name
