"""One message as an e-mail: subject, text, HTML, and the headers by which mail programs keep an episode together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, formataddr, parseaddr

from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from tocsin.delivery import acting, links
from tocsin.delivery.channels import wording
from tocsin.delivery.channels.base import Target
from tocsin.delivery.message import Item, Message

WHOLE = {"notice": 12, "digest": 6, "team": 0}  # alerts that are shown with their evidence; mail programs cut long mails off
MOST_REFERENCES = 20
LONGEST_SUBJECT = 150


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the evidence table."""

    text: str
    value: str
    compared: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An item as the template shows it. acts: (label, address) of its signed links; whole: with its evidence."""

    item: Item
    name: str
    change: str
    facts: list[tuple[str, str]]
    rows: list[Row]
    address: str
    acts: list[tuple[str, str]]
    whole: bool
    when: str


def letter(target: Target, message: Message, sender: str, moment: datetime, *, shared: bool = False) -> EmailMultiAlternatives:
    """The e-mail. sender: `Name <address>`. shared: to a mailbox that several read, so it has no links that act as a person."""
    domain = parseaddr(sender)[1].partition("@")[2]
    shown = [_shown(item, number, target, message, moment, shared=shared) for number, item in enumerate(message.items)]
    context = {"message": message, "shown": shown, "budget": wording.said_of_budget(message), "preview": _preview(message)}
    body = wording.text(message) + _spoken_links(shown)
    mail = EmailMultiAlternatives(
        subject=_subject(target, message),
        body=body,
        from_email=sender,
        to=[formataddr((_flat(target.name), target.email)) if target.name else target.email],
        headers=_headers(target, message, domain, moment),
    )
    mail.attach_alternative(render_to_string(f"delivery/email/{_template(message)}.html", context), "text/html")
    return mail


def root_of(alert_id: str, email: str, domain: str) -> str:
    """The id of the message under which all mails about an episode to one person stand. It was never sent; it needs not be."""
    mark = hashlib.sha256(f"{alert_id} {email}".encode()).hexdigest()[:24]
    return f"<episode.{mark}@{domain}>"


def _headers(target: Target, message: Message, domain: str, moment: datetime) -> dict[str, str]:
    headers = {
        "Date": format_datetime(moment.astimezone(UTC)),
        "Message-ID": f"<{target.delivery_id}@{domain}>",
        "X-Tocsin-Delivery": target.delivery_id,
        "Auto-Submitted": "auto-generated",
    }
    if message.kind == "notice" and message.items:
        roots = [root_of(item.alert_id, target.email, domain) for item in message.items[:MOST_REFERENCES]]
        headers["In-Reply-To"] = roots[0]
        headers["References"] = " ".join(dict.fromkeys(roots))
    return headers


def _subject(target: Target, message: Message) -> str:
    """Of one alert the same in every mail about it, so that mail programs thread by it; else the headline."""
    if message.kind == "notice" and len(message.items) == 1:
        item = message.items[0]
        about = f"{item.account_name}: {item.rule_name}" if item.account_name else item.rule_name
        again = "Re: " if item.alert_id in target.conversation else ""
        return _cut(f"{again}[{item.severity}] {about}")
    return _cut(message.headline)


def _preview(message: Message) -> str:
    """The line that mail programs show beside the subject."""
    if message.kind == "notice" and len(message.items) == 1:
        change = wording.change_of(message.items[0])
        return f"{change[:1].upper()}{change[1:]}: {message.items[0].text}" if change else message.items[0].text
    return message.items[0].text if message.items else message.headline


def _template(message: Message) -> str:
    return message.kind if message.kind in ("notice", "digest", "team") else "plain"


def _shown(item: Item, number: int, target: Target, message: Message, moment: datetime, *, shared: bool) -> Shown:
    whole = number < WHOLE.get(message.kind, 1)
    acts = list(_acts(item, target, message, moment)) if whole and not shared else []
    return Shown(
        item=item,
        name=wording.name_of(item),
        change=wording.change_of(item),
        facts=wording.facts(item),
        rows=[Row(line.text, line.value, wording.comparison(line)) for line in item.lines],
        address=wording.link(message, item),
        acts=acts,
        whole=whole,
        when=wording.when(item.at),
    )


def _acts(item: Item, target: Target, message: Message, moment: datetime) -> Iterator[tuple[str, str]]:
    """What is left to do about an alert; nothing where the product's own address is not known, or the alert is over."""
    if not message.address or item.kind == "closed" or item.state == "closed":
        return
    for act, label in acting.ACTS.items():
        if act == "acknowledge" and item.state == "acknowledged":
            continue
        yield label, message.address + links.make(act, item.alert_id, target.email, moment=moment)


def _spoken_links(shown: list[Shown]) -> str:
    """The links of the first alert for the text part; those of the others are a click away, on its page."""
    if not shown or not shown[0].acts:
        return ""
    several = f" ({shown[0].name})" if len(shown) > 1 else ""
    return f"\n--\nWhat to do{several}:\n" + "".join(f"{label}: {address}\n" for label, address in shown[0].acts)


def _flat(text: str) -> str:
    """One line, whatever it holds: a header is never given more."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _cut(text: str) -> str:
    flat = _flat(text)
    return flat if len(flat) <= LONGEST_SUBJECT else flat[: LONGEST_SUBJECT - 1] + "…"
