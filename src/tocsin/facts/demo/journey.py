"""How far an account has come: its row and history, onboardings, milestones, goals, integrations, its names elsewhere."""

from __future__ import annotations

from random import Random

from tocsin.facts.demo.commerce import PRODUCT, Ledger
from tocsin.facts.demo.draws import between, dice
from tocsin.facts.demo.life import Life
from tocsin.facts.demo.names import colleague, slug
from tocsin.facts.demo.people import Person, seats_in_use
from tocsin.facts.demo.sheets import Sheets
from tocsin.facts.demo.team import Colleague, address
from tocsin.facts.demo.window import SPAN

# Stage and the part of the onboarding after which it begins.
STAGES = (("Kickoff", 0.0), ("Configuration", 0.12), ("Data import", 0.36), ("Training", 0.62), ("Go-live", 0.84))
# Milestone, day on which it is due, part of the onboarding after which it is reached, days after that at most.
_MILESTONES = (
    ("First sign-ins", 7, 0.05, 4), ("Data imported", 14, 0.5, 3), ("First route planned", 21, 0.75, 4),
    ("Team trained", 30, 0.95, 6), ("First value", 60, 1.0, 34),
)  # fmt: skip
INTEGRATIONS = ("CRM sync", "Accounting export", "Single sign-on", "Warehouse feed", "Chat notices")
FEED = "Telematics feed"
_SEGMENTS = {1: "Enterprise", 2: "Mid-market", 3: "Small business"}


class Journey:
    """One account's own row and all that tells its progress."""

    def __init__(self, sheets: Sheets, life: Life, ledger: Ledger, staff: list[Person], seed: int) -> None:
        self.sheets, self.life, self.ledger, self.staff, self.seed = sheets, life, ledger, staff, seed
        self.rng, self.window = dice(seed, life.index, "journey"), sheets.window
        self.begun = self._onboarding_start()
        self.done = self._onboarding_end()
        self.history = sheets.adder("account_history", "account_id", "field", "value", "at")

    def write(self, owners: list[tuple[float, Colleague | None]], executive: str) -> None:
        """All rows of the account's journey. `executive`: the e-mail of its account executive."""
        stage = self._lifecycle()
        status = self._status()
        risk = self._risk()
        used = self._seats_used()
        for since, owner in owners if len(owners) > 1 else []:
            if since <= self.life.end:
                self.history(self.life.id, "owner", owner.email if owner else "", since)
        current = next((owner for since, owner in reversed(owners) if since <= self.life.end), owners[0][1])
        self._account(current, stage, status, risk, used)
        self._onboardings()
        self._goals()
        self._integrations()
        self._elsewhere()
        self._team(owners, executive)

    def _onboarding_start(self) -> float | None:
        """Some days after the signature; trials that did not convert are never onboarded."""
        life = self.life
        if life.trial_end is not None:
            return None if life.converted is None or life.converted > life.end else life.converted + 0.4
        return life.created + (0.4 if life.created >= 0 else 2.4)

    def _onboarding_end(self) -> float | None:
        life = self.life
        if self.begun is None:
            return None
        return life.launched if life.stuck else self.begun + life.onboarding_days

    def _lifecycle(self) -> str:
        """The stages of the account's life, as history; returns the present one."""
        life = self.life
        turns: list[tuple[float, str]] = []
        if life.trial_end is not None:
            turns.append((life.created, "Trial"))
        if self.begun is not None:
            turns.append((life.created if life.trial_end is None else self.begun, "Onboarding"))
        if self.done is not None:
            turns += [(self.done, "Adoption"), (self.done + 130, "Established")]
        stage = ""
        for day, name in turns:
            if day < life.end or name in {"Trial", "Onboarding"}:
                self.history(life.id, "lifecycle_stage", name, day)
                stage = name
        if life.churn is not None and life.gone:
            self.history(life.id, "lifecycle_stage", "Churned", life.churn)
            stage = "Churned"
        return stage

    def _status(self) -> str:
        life = self.life
        turns = [(life.created, "active" if life.trial_end is None else "trial")]
        if life.trial_end is not None and life.converted is not None:
            turns.append((life.converted, "active"))
        if life.cancel is not None and life.churn is not None:
            turns.append((life.cancel, "cancelling"))
        if life.churn is not None:
            turns.append((life.churn, "churned"))
        known = [(day, value) for day, value in turns if day <= self.window.end]
        for day, value in known:
            self.history(life.id, "status", value, day)
        return known[-1][1]

    def _risk(self) -> str | None:
        risk = None
        for about, value in sorted(self.life.risk, key=lambda each: each[0]):
            day = self.window.workday(about // 1 + 0.45)
            if self.life.created < day < self.life.end and value != risk:
                self.history(self.life.id, "risk", value or "", day)
                risk = value
        return risk

    def _seats_used(self) -> float:
        counts = seats_in_use(self.staff, self.life)
        for day, used in counts:
            self.history(self.life.id, "seats_used", str(used), day)
        return float(counts[-1][1]) if counts else 0.0

    def _account(self, owner: Colleague | None, stage: str, status: str, risk: str | None, used: float) -> None:
        life, known = self.life, self.window.known
        contract = self.ledger.at(self.window.end)
        name = f"{life.name} (test)" if life.internal else life.name
        self.sheets.add(
            "accounts", id=life.id, name=name, owner=owner.email if owner else None, tier=str(life.tier),
            plan=contract.plan if contract else "Trial", product=PRODUCT, segment=_SEGMENTS[life.tier], lifecycle_stage=stage,
            status=status, seats=float(contract.seats if contract else life.seats), seats_used=used,
            mrr=contract.mrr if contract else 0.0, currency=life.currency, created_at=life.created,
            onboarding_started_at=self.begun, churned_at=known(life.churn), cancel_requested_at=known(life.cancel),
            onboarding_completed_at=known(self.done) if self.done is not None and self.done < life.end else None,
            trial_ends_on=life.trial_end, renews_on=contract.renewal if contract else None,
            churn_reason=life.reason if life.gone else None, risk=risk,
            touch_cadence_days={1: 30.0, 2: 60.0}.get(life.tier), region=life.region, industry=life.industry,
            internal=life.internal, website=f"{slug(life.name)}.example",
            employees=float(round(life.seats * between(self.rng, 3, 14))),
        )  # fmt: skip

    def _onboardings(self) -> None:
        """The first roll-out, and for some a later one for another use."""
        life, rng = self.life, self.rng
        if self.begun is None or self.begun > life.end:
            return
        last = (self.done if self.done is not None else life.end + 1) - self.begun
        pace = life.onboarding_days if not life.stuck else 14.0
        self._onboarding(1, "First roll-out", self.begun, pace, self.done, stalled=life.marks.get("stalled"))
        if self.begun > -120:
            self._milestones(self.begun, pace, None if not life.stuck else last)
        again = life.marks.get("growth")
        if again is None and life.story == "healthy" and rng.random() < 0.05:
            again = between(rng, 20, SPAN)
        if again is not None and self.done is not None and again > self.done + 20:
            days = between(rng, 14, 24)
            stuck = again + 5.5 if rng.random() < 0.15 else None
            self._onboarding(2, "New depot", again, days, again + days * (1.0 if stuck is None else 2.2), stalled=stuck)

    def _onboarding(
        self, number: int, name: str, start: float, days: float, done: float | None, *, stalled: float | None
    ) -> None:
        life = self.life
        if start >= life.end:
            return
        finished = done is not None and done < life.end
        stages = [(stage, start + part * days) for stage, part in STAGES]
        if stalled is not None:
            # The stage in which it is stuck is the last that was entered before it was finished after all.
            stages = [("Kickoff", start), (("Data import", "Configuration", "Training")[life.index % 3], stalled)]
        reached = [each for each in stages if each[1] < life.end] or stages[:1]
        stage, entered = reached[-1]
        self.sheets.add(
            "onboardings", id=f"B{life.id[1:]}-{number}", account_id=life.id, name=name, stage=stage, started_at=start,
            stage_entered_at=entered, completed_at=done if finished else None,
        )  # fmt: skip

    def _milestones(self, start: float, days: float, stuck_for: float | None) -> None:
        life, rng = self.life, self.rng
        for place, (name, due, part, more) in enumerate(_MILESTONES):
            reached = start + part * days + more * rng.random()
            if rng.random() < 0.04:
                reached += between(rng, 10, 40)
            if stuck_for is not None and place > 0:
                reached = start + stuck_for + 6.0 * place
            self.sheets.add(
                "milestones", id=f"L{life.id[1:]}-{place + 1}", account_id=life.id, name=name, started_at=start,
                due_on=start + due, reached_at=reached if reached < life.end else None,
            )  # fmt: skip

    def _goals(self) -> None:
        life, rng = self.life, self.rng
        set_at = max(life.created + 20, 0.0) + between(rng, 0, 60)
        if rng.random() > 0.6 or set_at >= life.end or self.begun is None:
            return
        name, metric, target = rng.choice(
            (("Routes sent on time", "on-time share", "95 %"), ("Every depot live", "active users", "80 % of seats"),
             ("Fewer empty miles", "miles per stop", "-10 %"))
        )  # fmt: skip
        reached = set_at + between(rng, 60, 240) if rng.random() < 0.6 and life.churn is None else None
        self.sheets.add(
            "goals", id=f"G{life.id[1:]}-1", account_id=life.id, name=name, metric=metric, target=target, set_at=set_at,
            due_on=set_at + 180, reached_at=reached if reached is not None and reached < life.end else None,
        )  # fmt: skip

    def _integrations(self) -> None:
        life, rng, number = self.life, self.rng, 0
        add = self.sheets.adder("integrations", "id", "account_id", "name", "connected_at", "disconnected_at")

        def connect(name: str, day: float, until: float | None) -> None:
            nonlocal number
            if day < life.end:
                number += 1
                off = until if until is not None and until < life.end else None
                add(f"X{life.id[1:]}-{number}", life.id, name, day, off)

        for name in INTEGRATIONS:
            if rng.random() < 0.12 + min(0.5, life.seats / 100):
                start = life.created + between(rng, 5, 90)
                if rng.random() < 0.15:
                    start = max(start, between(rng, 0, SPAN))
                gone = start + between(rng, 60, 700) if rng.random() < 0.06 else None
                connect(name, start, gone)
        if life.cut is not None:
            cut, back = life.cut
            connect(FEED, life.created + 15, cut // 1 + 0.41)
            if back is not None:
                connect(FEED, back // 1 + 0.37, None)
        elif life.feed or rng.random() < 0.3:
            connect(FEED, life.created + between(rng, 8, 40), None)

    def _elsewhere(self) -> None:
        life, rng = self.life, self.rng
        add = self.sheets.adder("account_aliases", "account_id", "source", "external_id")
        add(life.id, "salesforce", f"001{life.index * 7919 % 10**9:09d}AAA")
        add(life.id, "domain", f"{slug(life.name)}.example")
        if self.ledger.contracts:
            add(life.id, "stripe", f"cus_{life.index * 104729 % 10**8:08d}")
        if rng.random() < 0.9:
            add(life.id, "zendesk", str(360_000_000 + life.index * 17))

    def _team(self, owners: list[tuple[float, Colleague | None]], executive: str) -> None:
        life = self.life
        add = self.sheets.adder("account_team", "account_id", "email", "role", "from_at", "to_at")
        for place, (since, owner) in enumerate(owners):
            if owner is not None and since <= life.end:
                until = owners[place + 1][0] if place + 1 < len(owners) else None
                add(life.id, owner.email, "csm", since, self.window.known(until))
        add(life.id, executive, "ae", life.created, None)
        if self.begun is not None and self.begun < life.end and life.created > -200:
            done = self.done if self.done is not None and self.done < life.end else None
            add(life.id, onboarder(self.rng), "onboarding", self.begun, done)
        if life.tier == 1:
            add(life.id, address(colleague(3)), "sponsor", life.created, None)


def onboarder(rng: Random) -> str:
    """One of our onboarding specialists."""
    return address(colleague(4 + int(3 * rng.random())))
