"""How the shipped rules find what is planted in the demo book: the table of docs/demo.md.

A book of 400 accounts is made, a year of it is replayed day by day, and the alerts are held against what was really the
matter with each account. Nothing of that truth is in the facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from tocsin.catalog import catalog
from tocsin.core.profiles import ProfileVersion
from tocsin.core.rules import Rule
from tocsin.engine import Book, HealthModel
from tocsin.engine.replay import Replayed, replay
from tocsin.facts.demo import Truth, generate, stories
from tocsin.facts.duckdb import DuckStore

UNTIL = datetime(2026, 3, 12, 9, 12, tzinfo=UTC)
ACCOUNTS, SEED, DAYS = 400, 7, 365
DAY = timedelta(days=1)
EARLY, LATE = 7 * DAY, 120 * DAY  # an alert so long before a story turns, or after, is an answer to it
MOST_OPEN = 2  # alerts of one account that speak at a time
BUDGET = 10  # alerts of a CSM and week

USAGE = (
    "no-login", "usage-drop", "seats-collapse", "active-users-decline", "engagement-low", "disengaged-entered", "minutes-low",
    "feature-dip", "key-person-silent", "key-person-drop", "health-dropped", "health-declining", "health-poor-long",
    "renewal-poor-health",
)  # fmt: skip
TOUCH = ("touchpoint-gap", "touchpoint-decline", "call-gap", "renewal-no-qbr", "cadence-missed", "review-due")


@dataclass(frozen=True)
class Plot:
    """A story: the day on which it turns, what it is told as, and the rules whose alerts are answers to it."""

    mark: str
    told_as: str
    answers: tuple[str, ...]


PLOTS: Mapping[str, Plot] = {
    "champion_leaves": Plot("champion_left", "The champion leaves", ("champion-lost", "key-person-deleted", *USAGE)),
    "silent_churn": Plot("decline", "Use fades, and nobody complains", (*USAGE, "subscription-cancelled")),
    "stalled_onboarding": Plot(
        "stalled", "The onboarding stalls", ("onboarding-stuck", "milestone-missed", "tier-first-weeks", *USAGE)
    ),
    "integration_removed": Plot("disconnected", "A feed is disconnected", ("integration-removed", *USAGE)),
    "support_crisis": Plot(
        "crisis",
        "A release goes wrong",
        (
            "critical-ticket-old",
            "sla-breached",
            "product-issue-open",
            "nps-detractor",
            "nps-detractor-mild",
            "error-page",
            *USAGE,
        ),
    ),
    "late_payer": Plot("always_late", "Invoices are paid late", ("invoice-overdue", "amount-due-high")),
    "price_shopper": Plot(
        "downgraded",
        "A cost review, a smaller plan",
        ("plan-downgraded", "mrr-dip", "pricing-interest", "subscription-cancelled"),
    ),
    "trial": Plot("trial_ends", "A trial comes to its end", ("trial-ending",)),
    "growth": Plot("seats_full", "The seats fill up", ("license-70", "license-90", "license-100", "user-surge")),
}
CALM = ("healthy", "noisy_healthy", "seasonal")


@dataclass(frozen=True)
class Span:
    """An alert as it ran: a countdown's steps put together."""

    rule: Rule
    account: str
    opened: datetime
    closed: datetime


@dataclass(frozen=True)
class Found:
    """What a story's accounts came to: how many turned in the year, how many of them an alert told of, and how early.

    lead: median days from the first alert to the churn, of those who churned. open: the most alerts that spoke at a time.
    """

    told_as: str
    turned: int
    caught: int
    caught_on: int
    lead: float | None
    open: int


def measured() -> tuple[list[Found], dict[str, float]]:
    """The rows of the table, and figures of the whole book."""
    store = DuckStore(":memory:", ZoneInfo("UTC"), currency="USD")
    try:
        generate(store, accounts=ACCOUNTS, until=UNTIL, seed=SEED)
        given = catalog()
        published = datetime(2024, 1, 1, tzinfo=UTC)
        model = HealthModel(tuple(ProfileVersion(each, 1, published, given.signals) for each in given.profiles))
        book = Book(store, given.signals, given.segments, health=model)
        rules = [rule for rule in given.rules if rule.state in ("on", "shadow")]
        end = datetime(UNTIL.year, UNTIL.month, UNTIL.day, tzinfo=UTC)
        start = end - DAYS * DAY
        spans = list(joined(replay(book, rules, start, end).alerts, end))
        owners = {row["id"]: row["owner"] for row in store.query("SELECT id, owner FROM accounts").to_pylist()}
    finally:
        store.close()
    truth = stories(ACCOUNTS, UNTIL, SEED)
    rows = [found(story, truth, spans, start, end) for story in PLOTS]
    return rows, figures(truth, spans, owners, start, end)


def joined(alerts: Sequence[Replayed], end: datetime) -> Iterator[Span]:
    """The alerts of accounts, those that were there from the first left out; a countdown's steps are one alert."""
    begun: dict[tuple[str, str, str], datetime] = {}
    for each in sorted(alerts, key=lambda each: each.opened_at):
        account = each.match.account_id
        if account is None or each.existing:
            continue
        identity = (each.match.rule.id, each.match.subject_id, each.key)
        opened = begun.pop(identity, each.opened_at)
        if each.close_reason == "next_step":
            begun[identity] = opened
        else:
            yield Span(each.match.rule, account, opened, each.closed_at or end + DAY)


def quiet(each: Span, others: Iterable[Span], moment: datetime) -> bool:
    """Whether another alert of the account, running at the moment, speaks for this one."""
    return any(other.rule.id in each.rule.inhibited_by and other.opened <= moment < other.closed for other in others)


def speaking(spans: Iterable[Span]) -> list[Span]:
    """Of the alerts of one account those that no other spoke for when they opened, and that ask for something to be done."""
    mine = list(spans)
    return [each for each in mine if each.rule.severity != "info" and not quiet(each, mine, each.opened)]


def instant(day: date) -> datetime:
    """The beginning of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def found(story: str, truth: Mapping[str, Truth], spans: Sequence[Span], start: datetime, end: datetime) -> Found:
    """The row of one story."""
    plot = PLOTS[story]
    turned = caught = caught_on = most = 0
    leads: list[float] = []
    for account, each in truth.items():
        if each.story != story or plot.mark not in each.dates:
            continue
        turn = instant(each.dates[plot.mark])
        turn = max(turn, start + EARLY) if story == "late_payer" else turn
        gone = instant(each.dates["churned"]) if "churned" in each.dates else None
        if not start + EARLY <= turn <= end - 2 * EARLY or (gone is not None and gone < start):
            continue
        turned += 1
        until = min(turn + LATE, end, gone or end)
        mine = [span for span in spans if span.account == account]
        hits = [span for span in mine if span.rule.id in plot.answers and turn - EARLY <= span.opened <= until]
        caught += bool(hits)
        caught_on += any(span.rule.state == "on" for span in hits)
        if hits and gone is not None and gone <= end:
            leads.append((gone - min(span.opened for span in hits)) / DAY)
        most = max(most, at_once(mine, plot, turn - EARLY, until))
    return Found(plot.told_as, turned, caught, caught_on, median(leads) if leads else None, most)


def at_once(spans: Sequence[Span], plot: Plot, start: datetime, end: datetime) -> int:
    """How many answers of one account spoke at a time, at most, between two moments."""
    answers = [span for span in spans if span.rule.id in plot.answers and span.rule.severity != "info"]
    moments = {moment for span in spans for moment in (span.opened, span.closed) if start <= moment <= end}
    return max(
        (sum(span.opened <= moment < span.closed and not quiet(span, spans, moment) for span in answers) for moment in moments),
        default=0,
    )


def figures(
    truth: Mapping[str, Truth], spans: Sequence[Span], owners: Mapping[str, str], start: datetime, end: datetime
) -> dict[str, float]:
    """Alerts a CSM and week, of the rules that start on and of all; alerts of calm accounts a year."""
    by_account: dict[str, list[Span]] = {}
    for span in spans:
        by_account.setdefault(span.account, []).append(span)
    loud = {account: speaking(mine) for account, mine in by_account.items()}
    on = {account: speaking(span for span in mine if span.rule.state == "on") for account, mine in by_account.items()}
    csms, weeks = len(set(owners.values())), (end - start) / (7 * DAY)
    calm = [account for account, each in truth.items() if each.story in CALM]
    return {
        "csms": csms,
        "weekly": sum(map(len, loud.values())) / csms / weeks,
        "weekly_on": sum(map(len, on.values())) / csms / weeks,
        "busiest_on": busiest(on, owners, start, end),
        "calm_on": sum(len(on.get(account, ())) for account in calm) / len(calm),
    }


def busiest(on: Mapping[str, Sequence[Span]], owners: Mapping[str, str], start: datetime, end: datetime) -> float:
    """The most alerts that a CSM had in the mean of their weeks."""
    counts: dict[str, int] = {}
    for account, mine in on.items():
        counts[owners.get(account, "")] = counts.get(owners.get(account, ""), 0) + len(mine)
    return max(counts.values(), default=0) / ((end - start) / (7 * DAY))


HEAD = """\
# What the shipped rules find in the demo

<!-- Made by `make docs` from a replay of the demo book; edits here are overwritten. -->

The demo book knows what was really the matter with each of its customers, and none of it is in the facts that rules see. Here a
year of {accounts} accounts is replayed day by day with the shipped rules, and the alerts are held against that truth.

*Found* are the accounts for which a rule that answers to the story opened an alert from a week before it turned until 120 days
after. *By those on* counts only the rules that start on; the others start in shadow. *Lead* is the median time from the first
such alert to the loss of those who left. *At a time* is how many of these alerts spoke at once for one account, at most: an
alert for which another speaks ([One cause, few alerts](inhibition.md)) is not counted.

| what happens | turned | found | by those on | lead, days | at a time |
|---|---|---|---|---|---|
"""

TAIL = """\

A CSM ({csms} of them, {each} accounts each) had {weekly_on} alerts a week that asked for something to be done from the rules
that start on, the busiest {busiest_on}; with every rule on they would have been {weekly}. The budget is {budget}.
A customer with whom nothing was the matter had {calm_on} alerts in the year from the rules that start on: most of them a
renewal that came near, or seats that filled up.

The demo is an invention, and a kind one. The thresholds are those of the field's playbooks and were not fitted to it, but which
rule speaks for which was tried out on it, and your customers will be harder to read. That is what `tocsin replay` is for: it
shows what the rules would have said in your own past.
"""


def page() -> str:
    """The page as it stands in docs/."""
    rows, figure = measured()
    said = {name: f"{value:.1f}" for name, value in figure.items()}
    lines = [
        f"| {row.told_as} | {row.turned} | {_share(row.caught, row.turned)} | {_share(row.caught_on, row.turned)} | "
        f"{'' if row.lead is None else f'{row.lead:.0f}'} | {row.open} |"
        for row in rows
    ]
    tail = TAIL.format(**said | {"csms": f"{figure['csms']:.0f}", "each": f"{ACCOUNTS / figure['csms']:.0f}", "budget": BUDGET})
    return HEAD.format(accounts=ACCOUNTS) + "\n".join(lines) + "\n" + tail


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.0%})" if whole else "0"
