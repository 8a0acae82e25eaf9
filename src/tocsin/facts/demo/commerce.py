"""What is bought, billed and renewed: subscriptions, invoices, opportunities, exchange rates."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field

from tocsin.facts.demo.draws import between, dice
from tocsin.facts.demo.life import PLANS, SEAT_PRICE, Life
from tocsin.facts.demo.sheets import Sheets
from tocsin.facts.demo.window import MONTH, Window

PRODUCT = "Dispatch"
_MONTHS = {"monthly": 1, "quarterly": 3, "annual": 12}


@dataclass
class Contract:
    """One version of an account's subscription.

    `ended` may lie ahead of `until`; infinite while nothing ends it. `renews` is infinite where it goes on from month to month.
    """

    start: float
    renews: float
    seats: int
    plan: str
    mrr: float
    ended: float = math.inf
    renewed: bool = False

    @property
    def renewal(self) -> float | None:
        """The day of the renewal; None where there is none."""
        return self.renews if self.renews < math.inf else None


@dataclass
class Ledger:
    """An account's contracts in order of their start."""

    contracts: list[Contract] = field(default_factory=list)

    def at(self, day: float) -> Contract | None:
        """The contract in force on a day; the first before that, the last after it; None where there never is one."""
        if not self.contracts:
            return None
        place = bisect_right([contract.start for contract in self.contracts], day)
        return self.contracts[max(0, place - 1)]

    def seats(self, day: float, otherwise: int) -> int:
        """The seats bought on a day."""
        contract = self.at(day)
        return contract.seats if contract else otherwise


def ledger_of(life: Life, seed: int) -> Ledger:
    """All contracts of an account from its beginning, as far as they start by `until`."""
    rng = dice(seed, life.index, "contracts")
    begin = life.created if life.trial_end is None else life.converted
    ledger = Ledger()
    if begin is None:
        return ledger
    changes = sorted(life.changes, key=lambda change: change.day)
    older = max(0, int((0 - begin) // life.term_days)) if life.term >= 12 else 0
    seats = max(2, round(life.seats * 0.86 ** min(3, older)))
    plan, uplift, start = life.plan, 1.0, begin
    due = begin + life.term_days if life.term >= 12 else math.inf  # from month to month there is no date of renewal
    while start <= life.end:
        contract = Contract(start, due, seats, plan, _mrr(life, seats, plan, uplift))
        ledger.contracts.append(contract)
        change = next((each for each in changes if start < int(each.day) < due), None)
        if life.churn is not None and life.churn <= (change.day if change else due + 40):
            contract.ended = life.churn
            break
        if change:
            seats, plan = max(2, round(seats * change.factor)), _step(plan, change.step)
            start = contract.ended = float(int(change.day))
            continue
        if due == math.inf:
            break
        contract.renewed = True
        late = between(rng, 3, 22) if rng.random() < 0.13 else 0
        start = contract.ended = float(int(due + late))
        due += life.term_days
        if start < 0 and seats < life.seats:
            seats = min(life.seats, round(seats / 0.86))
        uplift *= 1.04 if rng.random() < 0.3 else 1.0
    return ledger


def _mrr(life: Life, seats: int, plan: str, uplift: float) -> float:
    return float(round(seats * SEAT_PRICE[plan] * (1 - life.discount) * uplift))


def _step(plan: str, steps: int) -> str:
    return PLANS[min(len(PLANS) - 1, max(0, PLANS.index(plan) + steps))]


def write_contracts(sheets: Sheets, life: Life, ledger: Ledger, seed: int) -> None:
    """The account's rows of `subscriptions`."""
    rng = dice(seed, life.index, "terms")
    billing = "monthly" if life.term == 1 else rng.choice(("monthly", "quarterly", "quarterly", "annual"))
    renewing = life.term == 1 or rng.random() < 0.35
    notice = 0 if life.term == 1 else rng.choice((30, 60, 90))
    add = sheets.adder(
        "subscriptions", "id", "account_id", "product", "plan", "seats", "mrr", "currency", "starts_on", "renews_on",
        "term_months", "billing_period", "auto_renew", "notice_days", "ended_on", "cancel_requested_at",
    )  # fmt: skip
    window = sheets.window
    for number, contract in enumerate(ledger.contracts, 1):
        last = number == len(ledger.contracts)
        add(
            f"S{life.id[1:]}-{number}", life.id, PRODUCT, contract.plan, contract.seats, contract.mrr, life.currency,
            contract.start, contract.renewal, life.term, billing, renewing, notice,
            window.known(contract.ended), window.known(life.cancel) if last else None,
        )  # fmt: skip
    _write_invoices(sheets, life, ledger, seed, billing)


def _write_invoices(sheets: Sheets, life: Life, ledger: Ledger, seed: int, billing: str) -> None:
    """Invoices in advance of each billing period; what a leaving account owes is mostly paid."""
    if not ledger.contracts:
        return
    rng = dice(seed, life.index, "invoices")
    months, days_to_pay = _MONTHS[billing], 14 if life.plan == "Starter" else 30
    add = sheets.adder("invoices", "id", "account_id", "amount", "currency", "issued_on", "due_on", "paid_on")
    window, first = sheets.window, ledger.contracts[0].start
    number = max(0, math.ceil((-45 - first) / (months * MONTH)))
    while (issued := float(int(first + number * months * MONTH))) <= life.end:
        number += 1
        contract = ledger.at(issued)
        if contract is None or (life.churn is not None and issued > life.churn - 5):
            break
        delay = rng.gauss(life.pay_delay, 4.0)
        if rng.random() < 0.02:
            delay += between(rng, 14, 32)
        paid: float | None = max(issued + 1, float(int(issued + days_to_pay + delay)))
        if life.reason == "Insolvent" and life.churn is not None and issued > life.churn - 100:
            paid = None
        add(
            f"I{life.id[1:]}-{number}", life.id, contract.mrr * months, life.currency, issued, issued + days_to_pay,
            window.known(paid),
        )  # fmt: skip


def write_deals(sheets: Sheets, life: Life, ledger: Ledger, owner: str, seed: int) -> None:
    """Renewals, expansions and first sales. Stages and forecasts are those known before the end: they give nothing away."""
    rng = dice(seed, life.index, "deals")
    add = sheets.adder(
        "opportunities", "id", "account_id", "kind", "amount", "currency", "owner", "stage", "forecast", "expected_on",
        "opened_at", "closed_at", "outcome",
    )  # fmt: skip
    window, number = sheets.window, 0

    def deal(kind: str, amount: float, expected: float, opened: float, closed: float, outcome: str) -> None:
        nonlocal number
        if opened > life.window.end:
            return
        number += 1
        opened = max(opened, life.created) + 0.4
        known = window.known(max(closed, opened + 0.05))
        stage = "Contracting" if known is not None else _stage(window.end - opened)
        add(
            f"O{life.id[1:]}-{number}", life.id, kind, round(amount, 2), life.currency, owner, stage,
            _forecast(outcome, rng.random()), expected, opened, known, outcome if known is not None else None,
        )  # fmt: skip

    for contract in ledger.contracts:
        if life.term < 12 or contract.renews < -30:
            continue
        left = life.churn is not None and contract.ended == life.churn
        if not (contract.renewed or left or contract.ended == math.inf):
            continue
        closed = life.churn if left and life.churn is not None else contract.ended - rng.choice((0, 0, 3, 9, 20))
        opened = max(contract.start, contract.renews - 120)
        if opened < closed:
            deal("renewal", contract.mrr * 12, contract.renews, opened, closed, "lost" if left else "won")
    for talk in life.deals:
        size = ledger.at(talk.opened)
        if size is not None and talk.opened < life.end:
            deal("expansion", size.mrr * 12 * 0.4, talk.closed, talk.opened, talk.closed, talk.outcome)
    _first_sale(life, ledger, deal)


def _first_sale(life: Life, ledger: Ledger, deal: Callable[[str, float, float, float, float, str], None]) -> None:
    """The sale that made the customer, where it falls into the window."""
    if life.created < 0:
        return
    first = ledger.contracts[0] if ledger.contracts else None
    amount = (first.mrr if first else life.seats * SEAT_PRICE[life.plan]) * 12
    if life.trial_end is None:
        deal("new", amount, life.created, life.created, life.created, "won")
    else:
        closed = life.converted if life.converted is not None else life.trial_end
        deal("new", amount, life.trial_end, life.created, closed, "won" if life.converted is not None else "lost")


def _stage(age: float) -> str:
    return "Discovery" if age < 30 else "Proposal" if age < 75 else "Negotiation"


def _forecast(outcome: str, drawn: float) -> str:
    """What the owner forecast: right more often than not."""
    if outcome == "won":
        return "commit" if drawn < 0.62 else "best_case" if drawn < 0.94 else "omitted"
    return "commit" if drawn < 0.22 else "best_case" if drawn < 0.68 else "omitted"


def write_rates(sheets: Sheets, window: Window, seed: int) -> None:
    """Monthly rates to the US dollar over six years, wandering around the usual."""
    rng = dice(seed, "rates")
    add = sheets.adder("rates", "currency", "on", "rate")
    for currency, usual, swing in (("EUR", 1.09, 0.012), ("GBP", 1.27, 0.014), ("USD", 1.0, 0.0)):
        rate, day = usual, -4.5 * 365.0
        while day <= window.end:
            add(currency, day, round(rate, 4))
            rate += (usual - rate) * 0.15 + rng.gauss(0, swing)
            day += MONTH
