"""Writes the pages of docs/ that are made from the code.

docs/collections.md comes from `tocsin.core.schema`, docs/catalog.md and docs/inhibition.md from the shipped rules, docs/hooks/
from the pages that lie beside the vendors, docs/demo.md from a replay of the demo book.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import catalog_page
import demo_found
from tocsin.catalog import catalog
from tocsin.core.rules import Rule
from tocsin.core.schema import ACCOUNT_COLLECTIONS, COLLECTIONS, SUBJECT_COLLECTIONS, Collection, Column, derived_columns
from tocsin.ingest.hooks import VENDORS, pages

DOCS = Path(__file__).resolve().parents[1] / "docs"

# What a row of each collection is, in the words of the field.
MEANING = {
    "accounts": "One customer. Columns that are not listed here become custom attributes, typed by their values.",
    "account_aliases": "The id that another system has for an account. Any row may name its account by one.",
    "account_team": "Who of our people works on an account, in which role: csm, ae, onboarding, sponsor, support.",
    "subscriptions": "A contract. Where an account has any, they alone give its plan, seats, mrr and renews_on.",
    "onboardings": "The first onboarding of an account, or that of a further use case.",
    "goals": "What the customer wants to reach, with a figure or without.",
    "account_history": "What an attribute of an account became, and when: fills in the past.",
    "people": "A person at a customer. Further columns become custom attributes.",
    "people_history": "What an attribute of a person became, and when.",
    "events": "Something a person did in the product: login, feature, page, click, error, other.",
    "metrics": "A number that another system already totals, such as API calls a month.",
    "touchpoints": "A contact that took place: call, email, meeting, qbr, training, other.",
    "meetings": "A meeting as it was booked, whether or not it took place.",
    "tickets": "A support ticket or a product issue.",
    "invoices": "An invoice; `paid_on` ends it.",
    "surveys": "An answer: nps, csat, ces.",
    "integrations": "A connection between the customer's systems and the product.",
    "milestones": "A step that an account is to reach, by a date or without.",
    "opportunities": "A deal: new, expansion, renewal.",
    "rates": "What one unit of a currency was worth in the reporting currency (`TOCSIN_CURRENCY`) from a day on.",
    "tasks": "Something one of our people is to do.",
    "csms": "One of our people who looks after accounts.",
    "teams": "A team of CSMs.",
    "alerts": "An alert as the product itself records it.",
}

PLURAL = {
    "account": "accounts",
    "person": "people",
    "feature": "features",
    "csm": "CSMs",
    "team": "teams",
    "company": "the company",
}

HEAD = """\
# Collections

<!-- Made by `make docs` from src/tocsin/core/schema.py; edits here are overwritten. -->

The collections of customer facts and their columns, as import files name them. See [Importing](importing.md) for the
files themselves and [The formula language](language.md) for how formulas read them.

Types: `text`; `number` (64-bit float); `boolean`; `time` (ISO 8601, UTC unless it says otherwise); `date` (a calendar day in
the workspace's zone); `list` (a JSON array of texts); `json` (an object); `any` (typed by all its values). A column in
**bold** is required: a file without it cannot be read, and a row without it is rejected.

An *end* column reads as empty while it is later than the moment of evaluation; so does one that is *known with* it.
"""


def _notes(collection: Collection, column: Column) -> str:
    """What there is to say of a column besides its type."""
    notes = []
    if column.name == collection.start:
        notes.append("start")
    if column.end:
        notes.append("end" + (", gives `open`" if column.name == collection.closing else ""))
    if column.told_by:
        notes.append(f"known with `{column.told_by}`")
    if column.money:
        notes.append("money, in the row's `currency`")
    if (collection.name, column.name) == ("events", "minutes"):
        notes.append("where no event gives any, [counted by sessions](data.md#minutes-by-sessions)")
    return "; ".join(notes)


def _section(collection: Collection) -> list[str]:
    """The lines of one collection."""
    lines = [f"## {collection.name}", "", MEANING[collection.name], ""]
    identity = ", ".join(f"`{name}`" for name in collection.identity)
    if "id" in collection.identity:
        lines.append("Its id is that of the source.")
    elif collection.keyed_by_id:
        lines.append(f"Where a row has no `id`, one is derived from {identity}.")
    else:
        lines.append(f"A row is known by {identity}.")
    if collection.history:
        lines.append(f"Changes are kept in `{collection.history}`.")
    if readers := [PLURAL[name] for name, readable in SUBJECT_COLLECTIONS.items() if collection.name in readable]:
        lines.append(f"Formulas about {_listed(readers)} range over it.")
    if derived := [f"`{name}` ({kind})" for name, kind in derived_columns(collection).items()]:
        lines.append(f"In formulas its rows also have {_listed(derived)}.")
    lines += ["", "| column | type | |", "|---|---|---|"]
    for column in collection:
        name = f"**{column.name}**" if column.required else column.name
        lines.append(f"| {name} | {column.type} | {_notes(collection, column)} |")
    return [*lines, ""]


def _listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def collections_page() -> str:
    """The text of docs/collections.md."""
    first = [name for name in COLLECTIONS if name == "accounts" or name in ACCOUNT_COLLECTIONS]
    order = [*first, *(name for name in COLLECTIONS if name not in first)]
    lines = [line for name in order for line in _section(COLLECTIONS[name])]
    return HEAD + "\n" + "\n".join(lines)


# --- Inhibition

END = "subscription-cancelled"
# The families of the shipped rules, each from its head down; what each is about.
FAMILIES = {
    "Usage": (
        "Who does not come at all is not told that a feature is used less.",
        """
        no-login seats-collapse integration-removed usage-drop active-users-decline disengaged-entered engagement-low
        minutes-low feature-underused feature-dip
        """,
    ),
    "People": (
        "A person who is gone is not told to be silent, and where nobody comes, nobody is singled out.",
        "champion-lost key-person-deleted key-person-silent key-person-drop",
    ),
    "Touch": (
        "A missing business review before a renewal says more than a missing call.",
        "renewal-no-qbr cadence-missed touchpoint-gap review-due call-gap touchpoint-decline",
    ),
    "Health": (
        "A score sums up what other rules see one by one: where one of those speaks, the score need not.",
        "renewal-poor-health health-dropped health-poor-long health-declining churn-predicted needs-nurturing",
    ),
    "Renewal": (
        "The countdown goes on whatever else is known, until the contract is renewed or cancelled.",
        "contract-renewed renewal-countdown",
    ),
    "Money": (
        "Much money that is due says more than one invoice, a smaller plan more than the revenue that follows it.",
        "amount-due-high invoice-overdue plan-downgraded mrr-dip",
    ),
    "Support": (
        "The gravest of what is broken speaks for the rest.",
        """
        critical-ticket-old sla-breached product-issue-open error-page help-often nps-detractor nps-detractor-mild
        nps-promoter nps-celebrate
        """,
    ),
    "Onboarding": (
        "Being stuck is why a milestone is missed, and a wave of newcomers is one piece of news.",
        "onboarding-stuck tier-first-weeks milestone-missed mature-without-feature user-surge user-added",
    ),
    "Growth": (
        "Seats that have run out say more than a forecast, and a deal that is open says more than both.",
        "upsell-at-renewal license-100 license-90 license-70 pricing-interest expansion-predicted",
    ),
}

INHIBITION_HEAD = f"""\
# One cause, few alerts

<!-- Made by `make docs` from the shipped rules; edits here are overwritten. -->

When a customer goes silent, many rules come true at once: nobody logs in, use drops, key people are not seen, the score falls.
Each of these alerts opens, is counted, and closes in its own time. But one of them is nearest to the cause, and it alone is
announced: it *inhibits* the others, which say so in their `inhibited_by`.

Inhibition suppresses notices, never alerts. Pages show an inhibited alert folded under the one that speaks for it, and leave it
out where they count what there is to do. When the head closes while another still stands, that one speaks.

The shipped rules form families, each read here from its head down. `{END}` stands above them all: once a customer
wants to leave, that is the matter, and what else is known stays open beside it without notices of its own.
"""


def inhibition_page() -> str:
    """The text of docs/inhibition.md."""
    rules = {rule.id: rule for rule in catalog().rules}
    lines = [INHIBITION_HEAD]
    placed: set[str] = set()
    for family, (meaning, members) in FAMILIES.items():
        held = [rules[rule_id] for rule_id in members.split()]
        placed |= {rule.id for rule in held}
        lines += [f"## {family}", "", meaning, "", "| rule | silenced by | by the end of the contract |", "|---|---|---|"]
        lines += [f"| `{rule.id}` | {_silencers(rule)} | {'yes' if END in rule.inhibited_by else ''} |" for rule in held]
        lines.append("")
    lost = [rule.id for rule in rules.values() if set(rule.inhibited_by) - {END} and rule.id not in placed]
    if lost:
        raise SystemExit(f"scripts/make_docs.py: give {', '.join(lost)} a place in FAMILIES")
    others = sorted(f"`{rule.id}`" for rule in rules.values() if END in rule.inhibited_by and rule.id not in placed)
    lines += ["## All others", "", f"The end of the contract alone silences {_listed(others)}.", ""]
    return "\n".join(lines)


def _silencers(rule: Rule) -> str:
    return ", ".join(f"`{each}`" for each in rule.inhibited_by if each != END)


def hook_page(vendor: str) -> str:
    """The text of docs/hooks/<vendor>.md."""
    title, _, rest = pages.page(vendor).partition("\n")
    made = f"<!-- Made by `make docs` from src/tocsin/ingest/hooks/{vendor}/page.md; edits here are overwritten. -->"
    return f"{title}\n\n{made}\n{rest}"


PAGES: dict[str, Callable[[], str]] = {
    "catalog.md": catalog_page.page,
    "collections.md": collections_page,
    "inhibition.md": inhibition_page,
    **{f"hooks/{vendor}.md": partial(hook_page, vendor) for vendor in VENDORS},
}
LONG = {"demo.md": demo_found.page}  # takes a minute or two, as a year is replayed for it


def main() -> int:
    """Writes the pages."""
    for name, page in (PAGES | LONG).items():
        (DOCS / name).write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
