"""Who works at the accounts: joining, leaving, changing roles, and how much each uses the product."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from tocsin.facts.demo.commerce import Ledger
from tocsin.facts.demo.draws import between, dice, some
from tocsin.facts.demo.life import Life, value_at
from tocsin.facts.demo.names import person_name, slug, title_of
from tocsin.facts.demo.product import FEATURES
from tocsin.facts.demo.sheets import Sheets
from tocsin.facts.demo.window import MONTH, SPAN

# Chance of a day with a login on an ordinary workday, by role; users are regular or hardly ever there.
HABIT = {"champion": 0.5, "power_user": 0.62, "point_of_contact": 0.46, "admin": 0.12, "sponsor": 0.02}


@dataclass
class Person:
    """One person at an account."""

    id: str
    name: str
    role: str
    habit: float
    created: float
    deleted: float | None = None
    roles: list[str] | None = None
    internal: bool = False
    service: bool = False
    minutes: float = 1.0
    away: list[tuple[float, float]] = field(default_factory=list)
    turns: list[tuple[float, str]] = field(default_factory=list)

    def there(self, day: float) -> bool:
        """Whether they are at the account on a day."""
        return self.created <= day and (self.deleted is None or day < self.deleted)


class Staff:
    """The people of one account, hired and let go as its story wants."""

    def __init__(self, life: Life, ledger: Ledger, seed: int) -> None:
        self.life, self.ledger = life, ledger
        self.rng = dice(seed, life.index, "people")
        self.people: list[Person] = []
        self._hire_first()
        self._live()
        self._champion()
        self._odd_ones()

    def _hire(self, role: str, day: float, habit: float | None = None) -> Person:
        rng = self.rng
        usual = HABIT.get(role)
        if habit is None:
            habit = usual * between(rng, 0.85, 1.1) if usual is not None else _user_habit(rng)
        number = len(self.people) + 1
        person = Person(f"P{self.life.id[1:]}-{number:03d}", person_name(rng), role, habit, day)
        person.away = _holidays(rng, self.life.season > 0)
        self.people.append(person)
        return person

    def _size(self, day: float) -> int:
        life = self.life
        seats = self.ledger.seats(day, life.seats)
        return max(2, min(seats, round(value_at(life.filled, day) * seats)))

    def _hire_first(self) -> None:
        """The first people come in the first days; in accounts older than the window over the years."""
        life, rng = self.life, self.rng
        start = max(life.created, 0.0)
        count = self._size(start)
        spread = 10.0 if life.created >= 0 else min(900.0, -life.created)
        roles = (
            ["champion", "power_user", "point_of_contact", "admin", "sponsor"]
            if life.seats >= 8
            else ["champion", "power_user"]
        )
        roles += ["power_user"] * min(6, int(life.seats / 14))
        for place in range(count):
            role = roles[place] if place < len(roles) else "user"
            day = life.created + (0.35 + 0.2 * place if place < 3 else spread * rng.random() + 0.4)
            self._hire(role, day)
        if count < 3 or life.seats < 8:
            self.people[0].roles = ["champion", "point_of_contact"]

    def _live(self) -> None:
        """Month by month: some leave, others come, until the account's target is met."""
        life, rng = self.life, self.rng
        day = max(life.created + 12, 0.0)
        while day < life.end:
            step = min(MONTH / 2, life.end - day)
            here = [person for person in self.people if person.there(day)]
            for person in here[3:]:
                if rng.random() < 0.008 * step / MONTH * 2:
                    person.deleted = day + step * rng.random()
            target = self._size(day + step)
            missing = target - sum(person.there(day + step) for person in self.people)
            for _ in range(missing):
                self._hire("user", day + step * rng.random())
            if missing < -1:
                spare = [person for person in here if person.role == "user" and person.deleted is None]
                for person in spare[missing:]:
                    person.deleted = day + step * rng.random()
            day += step

    def _champion(self) -> None:
        """The champion goes, as the story has it, and someone may follow."""
        life, champion = self.life, self.people[0]
        gone = life.champion_exit
        if gone is None:
            if life.churn is None and life.created < 60 and self.rng.random() < 0.06:
                gone = between(self.rng, max(20.0, life.created + 60), SPAN)
                life.successor = gone + between(self.rng, -20, 10)
            else:
                return
        if life.champion_role and gone < life.end:
            champion.turns.append((gone, "user"))
            champion.away.append((gone + 5, 9999.0))
        else:
            champion.deleted = gone
        if life.successor is not None and life.successor < life.end:
            heirs = [each for each in self.people[1:] if each.there(life.successor) and each.created < life.successor - 1]
            if heirs:
                heirs[0].turns.append((life.successor, "champion"))
                heirs[0].habit = max(heirs[0].habit, HABIT["champion"])

    def _odd_ones(self) -> None:
        """Silent key people, a few who live in the product, a wave of new people, our own staff."""
        life, rng = self.life, self.rng
        end = life.window.end
        keys = [each for each in self.people if each.role in {"power_user", "point_of_contact"} and each.deleted is None]
        if keys and rng.random() < 0.09 and life.story == "healthy":
            start = end - between(rng, 16, 34) if rng.random() < 0.3 else between(rng, 30, SPAN - 40)
            keys[-1].away.append((start, start + between(rng, 25, 70)))
        if life.story in {"healthy", "growth", "noisy_healthy"} and keys and rng.random() < 0.035:
            keys[0].habit, keys[0].minutes = 0.96, 4.5
        if life.story == "healthy" and life.seats >= 20 and rng.random() < 0.12 and life.created < SPAN - 120:
            day = between(rng, max(life.created + 60, 20), SPAN - 2)
            free = self.ledger.seats(day, life.seats) - sum(person.there(day) for person in self.people)
            for _ in range(min(14, max(0, free))):
                self._hire("user", day + 9 * rng.random())
        if rng.random() < 0.06:
            guest = self._hire("admin", life.created + 1, 0.05)
            guest.internal, guest.role = True, "user"
        if life.feed:
            feed = self._hire("admin", life.created + 15.5, 0.95)
            feed.internal = feed.service = True
            feed.away = []


def _user_habit(rng: Random) -> float:
    return between(rng, 0.11, 0.22) if rng.random() < 0.58 else between(rng, 0.0, 0.008)


def _holidays(rng: Random, seasonal: bool) -> list[tuple[float, float]]:
    """A fortnight now and then; shorter breaks are in the habit already."""
    away = []
    day = between(rng, 0, 240)
    while day < SPAN and not seasonal:
        away.append((day, day + rng.choice((4, 5, 7, 7, 9, 9, 14))))
        day += between(rng, 120, 320)
    return away


def write_people(sheets: Sheets, life: Life, staff: list[Person], seed: int) -> None:
    """The rows of `people` and `people_history`; only what is known by `until`."""
    rng = dice(seed, life.index, "persons")
    add = sheets.adder(
        "people", "id", "account_id", "name", "email", "role", "roles", "internal", "created_at", "deleted_at",
        "trained_on", "title",
    )  # fmt: skip
    change = sheets.adder("people_history", "person_id", "field", "value", "at")
    domain = slug(life.name)
    for person in staff:
        if person.created > life.end or person.service:
            continue
        role = person.role
        turns = [(day, value) for day, value in person.turns if day <= life.end and person.there(day)]
        if turns:
            change(person.id, "role", role, person.created)
        for day, value in turns:
            change(person.id, "role", value, day)
            role = value
        local = person.name.lower().replace(" ", ".")
        address = f"{local}@quillmere.example" if person.internal else f"{local}@{domain}.example"
        add(
            person.id, life.id, person.name, address, role, person.roles if not turns else None, person.internal,
            person.created, life.window.known(person.deleted), _trained_on(rng), title_of(person.role, rng),
        )  # fmt: skip


def seats_in_use(staff: list[Person], life: Life) -> list[tuple[float, int]]:
    """How many seats are assigned, at each day on which that changes by `until`."""
    moves = []
    for person in staff:
        if person.internal or person.created > life.end:
            continue
        moves.append((person.created, 1))
        if person.deleted is not None and person.deleted <= life.end:
            moves.append((person.deleted, -1))
    count, counts = 0, []
    for day, move in sorted(moves):
        count += move
        counts.append((day, count))
    daily: dict[float, tuple[float, int]] = {day // 1: (day, count) for day, count in counts}
    return list(daily.values())


def _trained_on(rng: Random) -> list[str] | None:
    """The features that a person was trained on: none for most."""
    names = [feature for feature, _, _, _ in FEATURES]
    return sorted(rng.sample(names, min(4, 1 + some(rng, 1.0)))) if rng.random() < 0.15 else None
