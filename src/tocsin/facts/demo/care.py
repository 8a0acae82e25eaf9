"""How accounts are cared for: touchpoints, meetings, tasks of the CSMs."""

from __future__ import annotations

from tocsin.facts.demo.commerce import Ledger
from tocsin.facts.demo.draws import between, dice
from tocsin.facts.demo.life import Life, value_at
from tocsin.facts.demo.people import Person
from tocsin.facts.demo.sheets import Sheets
from tocsin.facts.demo.support import one_of
from tocsin.facts.demo.team import Colleague, owner_at

_GAP = {1: 10.0, 2: 18.0, 3: 30.0}  # usual days between touchpoints, by tier
_CALL = {1: 25.0, 2: 45.0, 3: 65.0}  # after so many days without a call the next one is a call
_KINDS = (("email", 0.5), ("call", 0.28), ("meeting", 0.12), ("training", 0.06), ("other", 0.04))
_SUBJECTS = {
    "email": ("Follow-up", "New release", "Check-in", "Answer to a question"),
    "call": ("Check-in call", "Adoption call", "Roadmap call"),
    "meeting": ("On site", "Working session", "Planning"),
    "training": ("Training for new users", "Reports training"),
    "other": ("Met at an event", "Newsletter answer"),
    "qbr": ("Business review",),
}
_TASKS = (
    "Send the adoption report", "Prepare the business review", "Check the onboarding plan", "Answer the licence question",
    "Confirm the new contact", "Share best practices", "Update the account plan", "Invite to the webinar",
)  # fmt: skip


class Care:
    """What our side does for one account."""

    def __init__(
        self, sheets: Sheets, life: Life, staff: list[Person], owners: list[tuple[float, Colleague | None]], seed: int
    ) -> None:
        self.life, self.staff, self.owners = life, staff, owners
        self.rng, self.window = dice(seed, life.index, "care"), sheets.window
        self.touches = self.meetings = 0
        self.reviews: list[float] = []
        self.touch = sheets.adder(
            "touchpoints", "id", "account_id", "person_id", "kind", "at", "by", "subject", "notes", "sentiment"
        )
        self.meeting = sheets.adder("meetings", "id", "account_id", "kind", "booked_at", "planned_at", "cancelled_at")
        self.task = sheets.adder("tasks", "id", "account_id", "assignee", "title", "created_at", "due_on", "completed_at")

    def write(self, ledger: Ledger) -> None:
        """The account's touchpoints, reviews and tasks."""
        self._reviews(ledger)
        self._touchpoints()
        self._tasks()

    def _in(self, spans: list[tuple[float, float]], day: float) -> bool:
        return any(start <= day < end for start, end in spans)

    def _log(self, kind: str, day: float) -> None:
        life, rng = self.life, self.rng
        owner = owner_at(self.owners, day)
        if day >= life.end or day < life.created:
            return
        self.touches += 1
        person = one_of(rng, self.staff, day)
        mood = min(1.0, max(-1.0, value_at(life.sentiment, day) + rng.gauss(0, 0.22)))
        self.touch(
            f"C{life.id[1:]}-{self.touches}", life.id, person.id if person else None, kind, day,
            owner.email if owner else None, rng.choice(_SUBJECTS[kind]), None, round(mood, 2) if rng.random() < 0.8 else None,
        )  # fmt: skip

    def _touchpoints(self) -> None:
        life, rng = self.life, self.rng
        gap, patience = _GAP[life.tier], _CALL[life.tier]
        day = max(life.created + 1, -20.0 + gap * rng.random())
        called = day - patience * rng.random()
        while day < life.end:
            intense = self._in(life.care, day)
            if not self._in(life.neglect, day) or intense:
                at = self.window.workday(day // 1 + between(rng, 0.33, 0.7))
                kind = self._kind()
                if at - called > patience or (intense and rng.random() < 0.5):
                    kind = "call"
                if kind == "call":
                    called = at
                self._log(kind, at)
                if kind == "meeting" and rng.random() < 0.6:
                    self._book("meeting", at - between(rng, 3, 12), at)
            later = day + (between(rng, 3, 6) if intense else gap * between(rng, 0.55, 1.45))
            day = next((start for start, _ in life.care if day < start < later), later)
        if rng.random() < 0.15 and life.end >= self.window.end and life.created < life.end - 20:
            self._book("call", life.end - between(rng, 1, 8), life.end + between(rng, 1, 14))

    def _kind(self) -> str:
        drawn = self.rng.random()
        for kind, share in _KINDS:
            drawn -= share
            if drawn < 0:
                return kind
        return "email"

    def _book(self, kind: str, booked: float, planned: float, cancelled: float | None = None) -> None:
        booked = max(booked, self.life.created)
        if booked < min(self.life.end, planned):
            self.meetings += 1
            name = f"M{self.life.id[1:]}-{self.meetings}"
            self.meeting(name, self.life.id, kind, booked, planned, self.window.known(cancelled))

    def _reviews(self, ledger: Ledger) -> None:
        """Business reviews before the renewal, and between for the larger accounts; some are not held."""
        life, rng = self.life, self.rng
        if life.term < 12:
            return
        for renews in dict.fromkeys(contract.renews for contract in ledger.contracts):
            ready = rng.random() < (0.93 if life.churn is None else 0.65) and not self._in(life.neglect, renews - 70)
            ahead = [(97.0, between(rng, 70, 80)), (72.0, between(rng, 20, 30))] if ready else []
            if life.tier < 3:
                ahead += [(200.0, between(rng, 160, 175)), (290.0, between(rng, 250, 265))]
            for told, before in ahead:
                planned = self.window.workday((renews - before) // 1 + between(rng, 0.35, 0.65))
                off = planned - 1 if rng.random() < 0.05 else None
                if planned < max(life.created + 30, -60) or renews - told >= life.end:
                    continue
                self._book("qbr", renews - told, planned, off)
                if off is None:
                    self._log("qbr", planned)

    def _tasks(self) -> None:
        """Tasks of whoever owns the account; most are done in time, and some CSMs are always behind."""
        life, rng, number = self.life, self.rng, 0
        day = max(life.created + 3, 0.0) + 45 * rng.random()
        while day < life.end:
            owner = owner_at(self.owners, day)
            created = self.window.workday(day // 1 + between(rng, 0.33, 0.7))
            if owner is not None and created < life.end:
                number += 1
                due = self.window.workday((created + between(rng, 3, 15)) // 1)
                late = rng.random() < (0.5 if owner.place % 7 == 3 else 0.1)
                done = due + between(rng, 1, 16) if late else max(created + 0.05, due - between(rng, 0, 5) + 0.6)
                done = min(done, life.churn or done)
                self.task(
                    f"K{life.id[1:]}-{number}", life.id, owner.email, rng.choice(_TASKS), created, due,
                    self.window.known(max(done, created)),
                )  # fmt: skip
            day += between(rng, 18, 75)
