"""Alerts in lists: accounts with their alerts, and one alert as a line.

They are written here and not as templates because an inbox has a hundred such lines of a dozen parts each: as templates that
include one another they were more than half of what the page cost. So nobody escapes here but these functions: what a person or
a file may have written (names, sentences, categories, steps, addresses) goes through `escape` where it is put in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from typing import TYPE_CHECKING

from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from tocsin.web import tones, words
from tocsin.web.templatetags.tocsin import icon, sentence, severity, step, timed

if TYPE_CHECKING:
    from tocsin.alerts.facade import AccountCard, Alert
    from tocsin.web.folds import Group, Row

register = template.Library()

_TICK = '<label class="tick"><input type="checkbox" name="ids" value="{}" form="many"><span class="sr">Tick: {}</span></label>'
_LINE = """
<a class="alert-row" href="{href}" data-alert="{id}" data-state="{state}"{current}{swap}>
  {mark}
  <span class="says">{says}</span>
  <span class="age">{age}</span>
  <span class="meta"><span>{category}</span>{more}</span>
</a>
"""
_SWAP = """
   hx-get="{}" hx-target="#alert" hx-swap="outerHTML" hx-push-url="true" hx-sync="#inbox:replace\""""
_GROUP = """
<div class="group">
  <h3 class="group-head">
    {}
  </h3>
  <ul>
    {}
  </ul>
</div>
"""
_ACCOUNT = """
<span class="account"><span class="glyph" aria-hidden="true">{}</span><span class="text">{}</span></span>
      {}
      <span class="mrr num" title="MRR">{}</span>"""
_NO_ACCOUNT = '<span class="account"><span class="text">About no one account</span></span>'
_RENEWS = '<span class="renew num" title="Renews {}"{}>{}<span class="sr">renews in </span>{}</span>'
_QUIET = """
<details class="quiet"{}>
  <summary>{}<span>{} more, kept quiet by “{}”</span></summary>
  <ul>{}</ul>
</details>
"""


@dataclass(frozen=True, slots=True)
class _List:
    """What the lines of one page have in common.

    before, after: of the address of an alert, what stands around its id, escaped. current: the id of the alert that is open
    beside the list; chosen: whether somebody opened it. inbox: whether lines open beside the list. soon: renewals up to then
    are marked.
    """

    now: datetime
    today: date
    currency: str
    before: str
    after: str
    inbox: bool
    current: str
    chosen: bool
    ticks: bool
    soon: date
    rule_names: Mapping[str, str]


@register.simple_tag(takes_context=True)
def alert_groups(context: Context, groups: Sequence[Group]) -> SafeString:
    """Accounts with their alerts; those that another one keeps quiet are folded under it."""
    page = _page(context, inbox=True)
    return mark_safe("".join(_group(each, page) for each in groups))  # noqa: S308 - see the head of the file


@register.simple_tag(takes_context=True)
def alert_row(context: Context, alert: Alert) -> SafeString:
    """One alert as a line outside of the inbox: mark, sentence, what became of it, age."""
    return mark_safe(_line(alert, _sentence(alert), _page(context, inbox=False)))  # noqa: S308 - see the head of the file


def _page(context: Context, *, inbox: bool) -> _List:
    filters, opened = context.get("filters"), context.get("open_alert") if inbox else None
    before, after = reverse("web:alert", args=[0]).rsplit("0", 1)
    today = timezone.localtime(context["now"]).date()
    return _List(
        now=context["now"],
        today=today,
        currency=str(context.get("currency") or ""),
        before=before,
        after=escape(f"{after}{filters.here if filters else ''}"),
        inbox=inbox,
        current=opened.id if opened else "",
        chosen=bool(context.get("chosen")),
        ticks=bool(context.get("may_act")),
        soon=context.get("soon") or today,
        rule_names=context.get("rule_names") or {},
    )


def _group(group: Group, page: _List) -> str:
    head = _account(group.account, page) if group.account else _NO_ACCOUNT
    lines = [_item(row, page) for row in group.rows]
    lines += [f"<li>{_quiet(quiet, page.rule_names.get(rule, rule), page)}</li>" for rule, quiet in group.loose]
    return _GROUP.format(head, "\n    ".join(lines))


def _account(account: AccountCard, page: _List) -> str:
    renews, day = "", account.renews_on
    if day:
        marked = " data-soon" if day <= page.soon else ""
        renews = _RENEWS.format(words.day(day), marked, icon("cal", "sm"), words.days_to(day, page.today))
    money = "" if account.mrr is None else escape(words.money(account.mrr, page.currency))
    return _ACCOUNT.format(escape(words.initials(account.name)), escape(account.name), renews, money)


def _item(row: Row, page: _List) -> str:
    alert, says = row.alert, _sentence(row.alert)
    tick = _TICK.format(alert.id, says) if page.ticks and alert.state != "closed" else ""
    quiet = _quiet(row.quiet, alert.rule_name, page) if row.quiet else ""
    return f'<li class="line">{tick}{_line(alert, says, page)}{quiet}</li>'


def _quiet(alerts: Sequence[Alert], by: str, page: _List) -> str:
    """Alerts that another one keeps quiet; by: the name of its rule."""
    opened = " open" if page.chosen and any(each.id == page.current for each in alerts) else ""
    lines = "".join(f"<li>{_line(each, _sentence(each), page)}</li>" for each in alerts)
    return _QUIET.format(opened, icon("mute", "sm"), len(alerts), escape(by), lines)


def _line(alert: Alert, says: str, page: _List) -> str:
    """An alert's line. says: its sentence, escaped."""
    href = f"{page.before}{alert.id}{page.after}"
    return _LINE.format(
        href=href,
        id=alert.id,
        state=alert.state,
        current=' aria-current="true"' if page.current == alert.id else "",
        swap=_SWAP.format(href) if page.inbox else "",
        mark=severity(tones.mark(alert)),
        says=says,
        age=timed(alert.opened_at, words.ago(alert.opened_at, page.now)),
        category=escape(words.spoken(alert.category)),
        more=_more(alert, page),
    )


def _more(alert: Alert, page: _List) -> str:
    """What else is to be said of an alert: how far it is, how often it was, and what became of it."""
    found = f"<span>{escape(step(alert.step))}</span>" if alert.step else ""
    if alert.inhibited_by and not page.inbox and alert.state != "closed":
        found += "<span>kept quiet</span>"
    if alert.count > 1:
        found += f'<span class="num">{alert.count} times</span>'
    if alert.state == "snoozed" and alert.snoozed_until:
        until = words.clock(timezone.localtime(alert.snoozed_until), timezone.localtime(page.now))
        return f"{found}<span>snoozed until {timed(alert.snoozed_until, until)}</span>"
    if alert.state == "closed" and alert.closed_at:
        return f"{found}<span>closed {timed(alert.closed_at, words.ago(alert.closed_at, page.now, short=False))}</span>"
    if alert.state in ("acknowledged", "held"):
        return f"{found}<span>{alert.state}</span>"
    return f"{found}<span>from a baseline</span>" if alert.baseline and alert.state == "open" else found


def _sentence(alert: Alert) -> str:
    """What is so, escaped, without the account's name in front, which stands above it."""
    return escape(sentence(alert))
