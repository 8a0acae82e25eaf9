"""What a message says in plain text, for every channel that has no better way, and the words that all of them share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from tocsin.core.moment import zone_named
from tocsin.delivery.message import Item, Line, Message, Table

OPERATORS = {"<": "below", "<=": "at most", ">": "above", ">=": "at least", "=": "is", "!=": "not"}
# What is told of an alert, where it is not that it opened.
CHANGES = {
    "renotified": "still open",
    "stepped": "next step",
    "woken": "back after its snooze",
    "freed": "stands on its own now",
    "escalated": "nobody has taken it yet",
    "assigned": "assigned to you",
    "reopened": "open again",
    "closed": "over",
}


def change_of(item: Item) -> str:
    """What is told of the alert, in words; '' where it is that it opened."""
    return CHANGES.get(item.kind, "")


def comparison(line: Line) -> str:
    """With what the observed value was compared: `at most 20`; '' where with nothing."""
    if not line.op:
        return ""
    return f"{OPERATORS.get(line.op, line.op)} {line.threshold}".strip()


def facts(item: Item) -> list[tuple[str, str]]:
    """What is known of the account beside its name, as (label, value)."""
    found = []
    if item.mrr is not None:
        found.append(("MRR", f"{item.mrr:,.0f}"))
    if item.renews_on:
        found.append(("Renews", item.renews_on))
    if item.owner_name:
        found.append(("CSM", item.owner_name))
    if item.step:
        found.append(("Step", f"{item.step} days" if item.step.isdigit() else item.step))
    if item.count > 1:
        found.append(("Times", str(item.count)))
    return found


def name_of(item: Item) -> str:
    """Whom or what an alert is about, in a word or two: the account, else the rule."""
    return item.account_name or item.rule_name


def when(moment: datetime, zone: str = "") -> str:
    """A moment as people read it, with its zone: `12 Mar 2026, 09:12 UTC`."""
    local = moment.astimezone(zone_named(zone) if zone else UTC)
    return f"{local.day} {local:%b %Y, %H:%M %Z}"


def said_of_budget(message: Message) -> str:
    """How many notices came into the digest because the day's immediate ones were spent; '' where none."""
    count = message.over_budget
    if not count:
        return ""
    return f"{count} of these came here because the day's immediate notices were spent."


def link(message: Message, item: Item) -> str:
    """The address of an alert's page; '' where the product's address is not known."""
    return f"{message.address}{item.path}" if message.address else ""


def text(message: Message) -> str:
    """The whole message as plain text, lines of one paragraph each."""
    parts = [message.headline]
    if message.period:
        parts.append(message.period)
    parts += ["\n".join(_table(table)) for table in message.tables]
    if message.tables and message.items:
        parts.append("Waiting for somebody")
    parts += ["\n".join(_item(message, item)) for item in message.items]
    parts += ["\n".join(f"- {line}" for line in message.held)] if message.held else []
    budget = said_of_budget(message)
    parts += [budget] if budget else []
    return "\n\n".join(parts) + "\n"


def lines_of(table: Table) -> list[str]:
    """The rows of a table as lines: `Critical - under a day: 2; longer: 1; all: 3`."""
    found = []
    for name, *values in table.rows:
        told = [f"{head}: {value}" for head, value in zip(table.head[1:], values, strict=True) if value]
        found.append(f"{name} - {'; '.join(told)}" if told else name)
    return [*found, table.note] if table.note else found


def _table(table: Table) -> list[str]:
    return [table.title, *(f"  {line}" for line in lines_of(table))]


def _item(message: Message, item: Item) -> Iterator[str]:
    change = change_of(item)
    about = f"{name_of(item)} - {item.rule_name}" if item.account_name else item.rule_name
    yield f"[{item.severity}] {about}{f' ({change})' if change else ''}"
    yield item.text
    for line in item.lines:
        compared = comparison(line)
        yield f"  {line.text}: {line.value}{f' ({compared})' if compared else ''}"
    if item.reason:
        yield f"  {item.reason[:1].upper()}{item.reason[1:]}"
    if item.clears and item.kind != "closed":
        yield f"  It clears when {item.clears}"
    known = ", ".join(f"{label} {value}" for label, value in facts(item))
    if known:
        yield f"  {known}"
    if item.why:
        yield f"  Why you: {item.why}"
    address = link(message, item)
    if address:
        yield f"  {address}"
