"""What is complained of and what is answered: tickets, product issues, surveys."""

from __future__ import annotations

from random import Random

from tocsin.facts.demo.draws import between, dice
from tocsin.facts.demo.life import Life, value_at
from tocsin.facts.demo.people import Person
from tocsin.facts.demo.sheets import Sheets
from tocsin.facts.demo.window import MONTH, SPAN

_PRIORITIES = (("low", 0.26), ("normal", 0.53), ("high", 0.18), ("critical", 0.03))
# Median days to the resolution, and days that the agreement grants.
_RESOLVE = {"low": 4.0, "normal": 2.2, "high": 1.2, "critical": 0.35}
_SLA = {"low": 10.0, "normal": 5.0, "high": 2.0, "critical": 1.0}
_SUBJECTS = {
    "low": ("How do I rename a depot?", "Wrong colour on the map", "Export column order"),
    "normal": ("Route ignores time window", "Driver cannot sign in", "Report shows old data", "Import rejects addresses"),
    "high": ("Live map is delayed", "Routes are planned twice", "Notifications do not arrive"),
    "critical": ("No routes can be planned", "Driver app is down", "Deliveries are lost in the sync"),
}
_ISSUES = ("Live map freezes on large fleets", "Nightly sync drops vehicles", "Slow reports since the last release")


def one_of(rng: Random, staff: list[Person], day: float) -> Person | None:
    """Somebody who is at the account on a day; the first ones, who know us, more often."""
    here = [person for person in staff if person.there(day) and not person.internal]
    return here[int(len(here) * rng.random() ** 2)] if here else None


class Desk:
    """One account's tickets and the surveys that follow them."""

    def __init__(self, sheets: Sheets, life: Life, staff: list[Person], seed: int) -> None:
        self.life, self.staff, self.rng = life, staff, dice(seed, life.index, "support")
        self.window, self.number, self.surveys = sheets.window, 0, 0
        self.ticket = sheets.adder(
            "tickets", "id", "account_id", "also_accounts", "person_id", "kind", "priority", "opened_at", "resolved_at",
            "sla_due_at", "subject",
        )  # fmt: skip
        self.survey = sheets.adder("surveys", "id", "account_id", "person_id", "kind", "score", "at", "comment")

    def write(self) -> None:
        """The account's everyday tickets, the waves of its story, a hard one now and then, and its NPS."""
        life, rng = self.life, self.rng
        rate = 0.28 * (life.seats / 12) ** 0.5 * life.ticket_factor * min(1.0, 0.3 + life.level)
        day = max(life.created, 0.0) + rng.expovariate(rate / MONTH)
        while day < life.end:
            priority = self._priority()
            self._open(day, priority, _RESOLVE[priority] * rng.lognormvariate(0, 0.75))
            day += rng.expovariate(rate / MONTH)
        for wave in life.waves:
            for place in range(wave.tickets):
                priority = "critical" if place < wave.critical else rng.choice(("normal", "high"))
                usual = wave.resolve_days if priority == "critical" else wave.resolve_days / 2
                self._open(wave.start + wave.length * rng.random(), priority, usual * between(rng, 0.7, 1.4))
        if rng.random() < 0.28:
            self._open(between(rng, 10, SPAN), "critical", between(rng, 6, 16))
        if life.index % 97 == 23:  # so that there is one now, however small the book
            self._open(SPAN - between(rng, 6, 12), "critical", 14.0)
        self._nps()

    def _priority(self) -> str:
        drawn = self.rng.random()
        for priority, share in _PRIORITIES:
            drawn -= share
            if drawn < 0:
                return priority
        return "normal"

    def _open(self, day: float, priority: str, length: float) -> None:
        life, rng = self.life, self.rng
        day = self.window.workday(day // 1 + between(rng, 0.3, 0.72))
        if day >= life.end or day < life.created:
            return
        self.number += 1
        resolved, person = min(day + length, life.churn or day + length), one_of(rng, self.staff, day)
        name = f"T{life.id[1:]}-{self.number}"
        self.ticket(
            name, life.id, None, person.id if person else None, "support", priority, day, self.window.known(resolved),
            day + _SLA[priority], rng.choice(_SUBJECTS[priority]),
        )  # fmt: skip
        if rng.random() < 0.3 and resolved + 0.5 < life.end:
            score = round(min(5.0, max(1.0, 4.6 - 0.25 * length / _RESOLVE[priority] + rng.gauss(0, 0.7))))
            self._answer("csat", score, resolved + between(rng, 0.05, 0.5), person)

    def _nps(self) -> None:
        """Asked twice a year; one or two answer."""
        life, rng = self.life, self.rng
        day = max(life.created + 60, 0.0) + between(rng, 0, 180)
        while day < life.end:
            for _ in range(1 if life.seats < 20 or rng.random() < 0.5 else 2):
                at = self.window.workday(day // 1 + between(rng, 0, 9) // 1 + between(rng, 0.35, 0.7))
                score = round(min(10.0, max(0.0, value_at(life.nps, at) + rng.gauss(0, 1.1))))
                if at < life.end and rng.random() < 0.75:
                    self._answer("nps", score, at, one_of(rng, self.staff, at))
            day += between(rng, 170, 195)

    def _answer(self, kind: str, score: int, at: float, person: Person | None) -> None:
        self.surveys += 1
        comment = None
        if kind == "nps" and self.rng.random() < 0.35:
            comment = _comment(score, self.rng)
        name = f"N{self.life.id[1:]}-{self.surveys}"
        self.survey(name, self.life.id, person.id if person else None, kind, float(score), at, comment)


def _comment(score: int, rng: Random) -> str:
    if score >= 9:
        return rng.choice(("Saves us an hour a day.", "The team likes it.", "Support is quick and kind."))
    if score >= 7:
        return rng.choice(("Good, though reports could be faster.", "Does what it should.", "Fine so far."))
    return rng.choice(("Too many errors lately.", "We wait too long for answers.", "Nobody here knows how to use it any more."))


def write_issues(sheets: Sheets, lives: list[Life], seed: int) -> None:
    """Product issues, each reported by one account and tagged to some others that are there at the time."""
    rng = dice(seed, "issues")
    window, day, number = sheets.window, 12.0, 0
    step = 26.0 if len(lives) >= 100 else 60.0
    while day < window.end - 1:
        here = [life for life in lives if life.created < day - 30 and life.end > day and not life.internal]
        if len(here) > 6:
            number += 1
            chosen = rng.sample(here, rng.randint(3, 7))
            opened = window.workday(day // 1 + between(rng, 0.35, 0.6))
            if opened < window.end and all(life.end > opened for life in chosen):
                sheets.add(
                    "tickets", id=f"ISSUE-{number}", account_id=chosen[0].id, also_accounts=[life.id for life in chosen[1:]],
                    kind="product_issue", priority=rng.choice(("normal", "high")), opened_at=opened,
                    resolved_at=window.known(opened + between(rng, 5, 38)), subject=rng.choice(_ISSUES),
                )  # fmt: skip
        day += step * between(rng, 0.6, 1.4)
