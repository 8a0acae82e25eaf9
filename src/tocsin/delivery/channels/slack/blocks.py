"""Messages as Slack's blocks. Each alert has three: `say-<id>`, `state-<id>` (where there is one) and `act-<id>`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tocsin.delivery.acting import ACTS
from tocsin.delivery.channels import wording
from tocsin.delivery.message import Item, Message

Block = dict[str, Any]
MOST_ITEMS = 12  # of one message; Slack takes 50 blocks
LONGEST = 2900  # characters of one text; Slack takes 3,000
MARKS = {
    "critical": ":red_circle:",
    "high": ":large_orange_circle:",
    "medium": ":large_yellow_circle:",
    "low": ":large_blue_circle:",
}
OUTCOMES = {"useful": "It was useful", "not_useful": "It was not useful", "false_alarm": "It was a false alarm"}


def blocks_of(message: Message, items: Sequence[Item], *, buttons: bool) -> list[Block]:
    """The blocks of a message about these items. buttons: whether Slack tells us of presses, so that they do something."""
    found: list[Block] = []
    if len(items) != 1:
        found.append(_section("head", f"*{escaped(message.headline)}*"))
    if message.period or message.over_budget:
        found.append(_context("about", " ".join(filter(None, (escaped(message.period), wording.said_of_budget(message))))))
    for number, table in enumerate(message.tables):
        told = "\n".join(escaped(line) for line in wording.lines_of(table))
        found.append(_section(f"table-{number}", f"*{escaped(table.title)}*\n{told}"))
    for item in items[:MOST_ITEMS]:
        found += _item(message, item, buttons=buttons)
    more = [f"and {len(items) - MOST_ITEMS} more"] if len(items) > MOST_ITEMS else []
    lines = [*more, *message.held]
    if lines:
        found.append(_context("held", "\n".join(escaped(line) for line in lines)[:LONGEST]))
    return found


def fallback(message: Message, items: Sequence[Item]) -> str:
    """The text for notifications, and for readers without blocks."""
    if len(items) != 1:
        return escaped(message.headline)[:LONGEST]
    change = wording.change_of(items[0])
    return (
        f"{_mark(items[0])} {escaped(wording.name_of(items[0]))}: {escaped(items[0].text)}{f' ({change})' if change else ''}"[
            :LONGEST
        ]
    )


def settled(blocks: Sequence[Mapping[str, Any]], alert_id: str, state: str, *, over: bool) -> list[Block]:
    """The blocks of a message as they become when somebody acted: a line says so; what cannot be done any more is gone.

    over: nothing is left to do (resolved or snoozed), else only acknowledging is.
    """
    kept: list[Block] = []
    for each in blocks:
        block = dict(each)
        if block.get("block_id") == f"state-{alert_id}":
            continue
        if block.get("block_id") == f"act-{alert_id}":
            kept.append(_context(f"state-{alert_id}", escaped(state)))
            elements = [one for one in block.get("elements", []) if _left(str(one.get("action_id", "")), over=over)]
            if elements:
                kept.append({**block, "elements": elements})
            continue
        kept.append(block)
    return kept


def escaped(text: str) -> str:
    """The text as Slack's markup shows it: what would be a mention or a link is none."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _left(action: str, *, over: bool) -> bool:
    return action == "open" or not (over or action == "acknowledge")


def _item(message: Message, item: Item, *, buttons: bool) -> list[Block]:
    change = wording.change_of(item)
    title = f"{_mark(item)} *{escaped(wording.name_of(item))}*: {escaped(item.text)}"
    lines = [title, f"_{escaped(item.rule_name)}_{f' - {change}' if change else ''}"]
    for line in item.lines:
        compared = wording.comparison(line)
        lines.append(f"• {escaped(line.text)}: *{escaped(line.value)}*{f' ({escaped(compared)})' if compared else ''}")
    if item.reason:
        lines.append(escaped(item.reason))
    if item.clears and item.kind != "closed":
        lines.append(f"It clears when {escaped(item.clears)}")
    known = " · ".join(f"{label} {escaped(value)}" for label, value in wording.facts(item))
    if known:
        lines.append(known)
    found = [_section(f"say-{item.alert_id}", "\n".join(lines))]
    elements = _elements(message, item, buttons=buttons)
    if elements:
        found.append({"type": "actions", "block_id": f"act-{item.alert_id}", "elements": elements})
    return found


def _elements(message: Message, item: Item, *, buttons: bool) -> list[Block]:
    found: list[Block] = []
    if buttons and item.kind != "closed" and item.state != "closed":
        for act, label in ACTS.items():
            if act == "resolve" or (act == "acknowledge" and item.state == "acknowledged"):
                continue
            found.append({"type": "button", "action_id": act, "value": item.alert_id, "text": _plain(label)})
        options = [{"text": _plain(label), "value": f"{item.alert_id} {outcome}"} for outcome, label in OUTCOMES.items()]
        choice = {"type": "static_select", "action_id": "resolve", "placeholder": _plain("Resolve ..."), "options": options}
        found.append(choice)
    address = wording.link(message, item)
    if address.startswith(("http://", "https://")):
        found.append({"type": "button", "action_id": "open", "url": address, "text": _plain("Open in Tocsin")})
    return found


def _mark(item: Item) -> str:
    return ":white_check_mark:" if item.kind == "closed" else MARKS.get(item.severity, ":white_circle:")


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}


def _section(name: str, text: str) -> Block:
    return {"type": "section", "block_id": name, "text": {"type": "mrkdwn", "text": text[:LONGEST]}}


def _context(name: str, text: str) -> Block:
    return {"type": "context", "block_id": name, "elements": [{"type": "mrkdwn", "text": text[:LONGEST]}]}
