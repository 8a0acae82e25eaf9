"""The lines of the list of rules.

Written here and not as a template, as there are a hundred of them with ten values each (see `alertlist`): what a person or a
file may have written goes through `escape` where it is put in.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from tocsin.web import rulewords, words
from tocsin.web.templatetags.tocsin import clock, coded, sentence_case, severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tocsin.alerts.facade import RuleInfo
    from tocsin.web.rulelist import Row

register = template.Library()

_NOTHING, _NONE = '<span class="faint">–</span>', '<span class="faint">0</span>'
_ROW = """
                  <tr{silent}>
                    <th scope="row">{mark}<a class="rule-name" href="{href}">{name}</a>{under}{narrow}</th>
                    <td>{state}</td>
                    <td class="wide-only">{trigger}</td>
                    <td class="num">{open}</td>
                    <td class="num wide-only">{held}</td>
                    <td class="num wide-only">{fired}</td>
                    <td class="num wide-only">{matching}</td>
                    <td class="ready wide-only">{ready}</td>
                    <td class="num wide-only">{judged}</td>
                  </tr>
"""
_UNDER = '<small class="faint"><span class="mono">{}</span>{}</small>'
_OPEN = '<a class="link" href="{}" aria-label="{} of {}">{}</a>'
_HELD = '<a class="link warn" href="{}#held" aria-label="{} of {}">{}</a>'
_REPLAY = (
    '<a class="link" href="{}?days=30#replay" title="What it would have said in 30 days" '
    'aria-label="What {} would have said in 30 days">replay</a>'
)
_MATCHING = '<a class="link" href="{}#matches" aria-label="{} match {}">{}</a>{}'


@register.simple_tag(takes_context=True)
def rule_rows(context: Context, rows: Sequence[Row]) -> SafeString:
    """Rules as rows of a table: name, state, trigger, alerts, matches, whether they can speak, when they were last judged."""
    inbox = escape(f"{reverse('web:alerts')}?whose=all&rule=")
    return mark_safe("".join(_row(each, inbox, context) for each in rows))  # noqa: S308 - see the head of the file


def _row(row: Row, inbox: str, context: Context) -> str:
    rule = row.info
    href, name = escape(reverse("web:rule", args=[rule.id])), escape(rule.id)
    opened, held = words.plural(rule.open, "open alert"), words.plural(rule.held, "held alert")
    return _ROW.format(
        silent=" data-silent" if row.silent else "",
        mark=severity(rule.severity),
        href=href,
        name=escape(rule.name),
        under=_UNDER.format(name, f" · draft of version {row.drafted}" if row.drafted else ""),
        narrow=_narrow(row, href),
        state=_state(rule),
        trigger=_trigger(rule),
        open=_OPEN.format(f"{inbox}{quote(rule.id)}", opened, name, rule.open) if rule.open else _NONE,
        held=_HELD.format(href, held, name, rule.held) if rule.held else _NONE,
        fired=rule.fired_30d if rule.state == "on" else _REPLAY.format(href, name),
        matching=_matching(rule, href, name),
        ready=_ready(row),
        judged=clock(context, rule.last_evaluated) if rule.last_evaluated else _NOTHING,
    )


def _narrow(row: Row, href: str) -> str:
    """What a phone shows below the name, as it has no room for the columns."""
    held = f'<a class="link warn" href="{href}#held">{row.info.held} held</a>' if row.info.held else ""
    silent = f'<span class="warn">{escape(sentence_case(row.ready.state))}</span>' if row.silent and row.ready else ""
    return f'<small class="narrow-only">{held}{silent}</small>' if held or silent else ""


def _state(rule: RuleInfo) -> str:
    if rule.unknown and rule.state != "draft":
        return f'<span class="tag" data-tone="average" title="{escape(rule.unknown)}">Cannot judge</span>'
    if rule.state == "on":
        return '<span class="tag" data-tone="ink">On</span>'
    return f'<span class="tag">{_spoken(rule.state)}</span>'


def _trigger(rule: RuleInfo) -> str:
    about = "Family" if rule.rollup else "" if rule.subject == "account" else _spoken(rule.subject)
    known = rule.rollup or rule.subject != "account"
    subject = f', <span class="muted">{about}</span>' if known else ""
    return f"{escape(rulewords.TRIGGERS.get(rule.trigger, ''))}{subject}"


def _matching(rule: RuleInfo, href: str, name: str) -> str:
    if rule.matching is None:
        return _NOTHING
    scope = "" if rule.scope is None else f'<span class="faint"> of {rule.scope}</span>'
    return _MATCHING.format(href, rule.matching, name, rule.matching, scope)


def _ready(row: Row) -> str:
    if row.ready is None:
        return '<span class="faint" title="not known yet">–</span>'
    if not row.silent:
        return '<span class="muted">Ready</span>'
    state = escape(sentence_case(row.ready.state))
    return f'<span class="tag" data-tone="average">{state}</span><small>{coded(row.ready.says)}</small>'


def _spoken(value: str) -> str:
    return escape(words.spoken(value))
