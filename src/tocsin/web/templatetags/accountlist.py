"""The lines of the list of accounts.

Written here and not as a template, as a page has fifty of them with ten values each (see `alertlist`): what a person or a file
may have written goes through `escape` where it is put in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from tocsin.web import words
from tocsin.web.templatetags.healthmarks import score_mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin.web.source import AccountRow
    from tocsin.web.views.accounts import Listed

register = template.Library()

_NOTHING, _NONE, _NO_MONEY = '<span class="faint">–</span>', '<span class="faint">0</span>', "–"
_ROW = """
                <tr>
                  <th scope="row">
<a class="account" href="{href}"><span class="glyph" aria-hidden="true">{letters}</span><span class="text">{name}</span></a>
{kin}</th>
                  <td>{health}</td>
                  <td class="wide-only">{owner}</td>
                  <td class="muted wide-only">{stage}</td>
                  <td class="num">{renews}</td>
                  <td class="num">{money}</td>
                  <td class="num">{open}</td>
                </tr>
"""
_HEALTH = """
<span class="health" data-band="{}"><span class="dot" aria-hidden="true"></span>{}{}</span>
"""
_MEMBERS = '<a class="kin num" href="{}" aria-label="{} and {}: show the family">+{}</a>'
_LINK = '<a class="link" href="{}" aria-label="{} {} {}">{}</a>'


@dataclass(frozen=True, slots=True)
class _Page:
    """What the lines have in common. inbox: the address of the alerts of an account, without its id. soon: see the view."""

    currency: str
    today: date
    soon: date
    inbox: str
    family: bool


@register.simple_tag(takes_context=True)
def account_rows(context: Context, rows: Sequence[Listed]) -> SafeString:
    """The accounts as rows of a table: name, health, CSM, stage, renewal, money, open alerts."""
    page = _Page(
        currency=str(context.get("currency") or ""),
        today=timezone.localtime(context["now"]).date(),
        soon=context["soon"],
        inbox=escape(f"{reverse('web:alerts')}?whose=all&account="),
        family=bool(context.get("family")),
    )
    return mark_safe("".join(_row(each, page) for each in rows))  # noqa: S308 - see the head of the file


def _row(row: Listed, page: _Page) -> str:
    account, name = row.account, escape(row.account.name)
    return _ROW.format(
        href=escape(reverse("web:account", args=[account.id])),
        letters=escape(words.initials(account.name)),
        name=name,
        kin=_kin(row, name, page),
        health=health_mark(row.score, row.band) if row.scored else _NOTHING,
        owner=escape(row.owner_name) or '<span class="faint">nobody</span>',
        stage=_stage(account),
        renews=_renews(account, page),
        money=_NO_MONEY if account.mrr is None else escape(words.money(account.mrr, page.currency)),
        open=_open(row, name, page),
    )


def health_mark(score: float | None, band: str | None) -> str:
    """A health score: a dot, the word of its band, the number; as `parts/health_mark.html`."""
    said = "" if score is None else f' <b class="num">{score_mark(score)}</b>'
    return _HEALTH.format(escape((band or "").lower()), escape(band or "Not scored"), said)


def _kin(row: Listed, name: str, page: _Page) -> str:
    if row.members:
        return _MEMBERS.format(
            f"?family={quote(row.account.id)}", name, words.plural(row.members, "other account"), row.members
        )
    return f'<small class="kin">{escape(row.head)}</small>' if row.head and not page.family else ""


def _stage(account: AccountRow) -> str:
    if account.status in ("churned", "cancelling"):
        return f'<span class="tag" data-tone="poor">{escape(words.spoken(account.status))}</span>'
    return escape(words.spoken(account.stage or account.status))


def _renews(account: AccountRow, page: _Page) -> str:
    day = account.renews_on
    if not day or account.status == "churned":
        return _NOTHING
    marked = ' class="down"' if day <= page.soon else ""
    return f'<span title="{words.day(day)}"{marked}>{words.days_to(day, page.today)}</span>'


def _open(row: Listed, name: str, page: _Page) -> str:
    if not row.open:
        return _NONE
    count = words.plural(row.open, "open alert")
    if row.members:
        return _LINK.format(f"?family={quote(row.account.id)}", count, "in the family of", name, row.open)
    return _LINK.format(f"{page.inbox}{quote(row.account.id)}", count, "of", name, row.open)
