"""The rules: what is watched, and how each of them stands. Read-only."""

from __future__ import annotations

from itertools import groupby

from django.http import Http404, HttpResponse

from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import AlertFilter
from tocsin.core.errors import UserError
from tocsin.core.language import FormulaError, english, parse
from tocsin.core.rules import Rule
from tocsin.web import source
from tocsin.web.shell import Seen, page, signed_in

LATEST = 10


@signed_in
def table(request: Seen) -> HttpResponse:
    """All rules by category, with what they raised."""
    moment = source.now()
    found = sorted(alerts.list_rules(moment=moment), key=lambda rule: (rule.category, rule.name.casefold()))
    context = {
        "now": moment,
        "sections": [(category, list(rules)) for category, rules in groupby(found, key=lambda rule: rule.category)],
        "count": len(found),
        "on": sum(rule.state == "on" for rule in found),
    }
    return page(request, "tocsin/rules.html", "rules", context)


@signed_in
def rule(request: Seen, rule_id: str) -> HttpResponse:
    """One rule: its formula, what that says in English, and its latest alerts."""
    moment = source.now()
    try:
        info = alerts.rule(rule_id, moment=moment)
    except UserError as error:
        raise Http404(str(error)) from error
    defined = next((each for each in alerts.definitions().rules if each.id == rule_id), None)
    context = {
        "now": moment,
        "rule": info,
        "readings": _readings(defined) if defined else [],
        "latest": alerts.list_alerts(AlertFilter(rules=(rule_id,)), limit=LATEST),
    }
    return page(request, "tocsin/rule.html", "rules", context)


def _readings(rule: Rule) -> list[tuple[str, str]]:
    """The formulas of a rule in English: whom it is about, when it fires, what clears it."""
    parts = (("About", rule.where), ("Fires when", rule.when), ("Stays open until", rule.clear))
    return [(title, said) for title, formula in parts if formula and (said := _english(formula, rule))]


def _english(formula: str, rule: Rule) -> str:
    try:
        return english(parse(formula), rule.params)
    except FormulaError:
        return formula
