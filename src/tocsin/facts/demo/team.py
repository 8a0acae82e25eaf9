"""Our own side: teams, their managers, the CSMs, and who owns which account when."""

from __future__ import annotations

from dataclasses import dataclass

from tocsin.facts.demo.draws import between, dice
from tocsin.facts.demo.life import Life
from tocsin.facts.demo.names import colleague
from tocsin.facts.demo.sheets import Sheets
from tocsin.facts.demo.window import SPAN

BOOK = 40  # accounts a CSM
# Team, share of the CSMs, churn tolerance a year.
TEAMS = (("Enterprise", 0.2, 0.06), ("Mid-market", 0.4, 0.1), ("Scale", 0.4, 0.14))


@dataclass(frozen=True)
class Colleague:
    """One of our CSMs."""

    place: int
    name: str
    email: str
    team: str
    left: float | None = None


def address(name: str) -> str:
    """The e-mail address of one of our people."""
    return f"{name.lower().replace(' ', '.')}@example.com"


class Team:
    """Our people: at least eight CSMs, about one for forty accounts, in three teams. One of them has left."""

    def __init__(self, accounts: int, seed: int) -> None:
        count = max(8, round(accounts / BOOK))
        self.seed = seed
        self.managers = {name: colleague(place) for place, (name, _, _) in enumerate(TEAMS)}
        self.director = colleague(len(TEAMS))
        self.csms: list[Colleague] = []
        sizes = [max(2, round(count * share)) for _, share, _ in TEAMS[:2]]
        sizes.append(max(2, count - sum(sizes)))
        for (team, _, _), size in zip(TEAMS, sizes, strict=True):
            for _ in range(size):
                self._join(team)
        self.leaver = self._join("Mid-market", 310.0)
        self.by_team = {team: [csm for csm in self.csms if csm.team == team and csm.left is None] for team, _, _ in TEAMS}

    def _join(self, team: str, left: float | None = None) -> Colleague:
        place = len(self.csms)
        name = colleague(place + 10)
        csm = Colleague(place, name, address(name), team, left)
        self.csms.append(csm)
        return csm

    def owners(self, life: Life) -> list[tuple[float, Colleague | None]]:
        """From when on who owns the account, in order; the first from its creation. None: nobody, which happens too."""
        rng = dice(self.seed, life.index, "owner")
        drawn = rng.random()
        if life.tier == 1:
            team = "Enterprise"
        elif life.tier == 2:
            team = "Enterprise" if drawn < 0.35 else "Mid-market"
        else:
            team = "Mid-market" if drawn < 0.35 else "Scale"
        of_team = self.by_team[team]
        csm = of_team[int(rng.random() * len(of_team))]
        if life.index % 131 == 57:
            return [(life.created, None)]
        left = self.leaver.left or 0.0
        if team == "Mid-market" and life.created < left - 5 and rng.random() < 1 / (len(of_team) + 1):
            return [(life.created, self.leaver), (left, csm)]
        if rng.random() < 0.05 and life.created < SPAN - 60:
            before = of_team[(of_team.index(csm) + 1) % len(of_team)]
            return [(life.created, before), (between(rng, max(10.0, life.created + 30), SPAN), csm)]
        return [(life.created, csm)]

    def write(self, sheets: Sheets) -> None:
        """The rows of `teams` and `csms`."""
        for name, _, tolerance in TEAMS:
            sheets.add("teams", name=name, manager=address(self.managers[name]), churn_tolerance=tolerance)
        sheets.add("csms", email=address(self.director), name=self.director, role="director", active=True)
        for name, manager in self.managers.items():
            sheets.add(
                "csms",
                email=address(manager),
                name=manager,
                team=name,
                manager=address(self.director),
                role="manager",
                active=True,
            )
        for csm in self.csms:
            tolerance = next(each for name, _, each in TEAMS if name == csm.team)
            sheets.add(
                "csms", email=csm.email, name=csm.name, team=csm.team, manager=address(self.managers[csm.team]), role="csm",
                capacity=45.0, churn_tolerance=tolerance, active=csm.left is None,
            )  # fmt: skip


def owner_at(owners: list[tuple[float, Colleague | None]], day: float) -> Colleague | None:
    """Who owns the account on a day."""
    owner = owners[0][1]
    for since, each in owners:
        if since <= day:
            owner = each
    return owner
