"""The rules: what is watched, and how each of them stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render

from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import RuleInfo
from tocsin.core.rules import Definitions, Rule
from tocsin.people import facade as people
from tocsin.web import rulefacts, rulelist, rulewords, source
from tocsin.web.shell import Seen, may_act, may_review, page, sees_colleagues, signed_in

HELD_SHOWN = 50
VERSIONS = 20
COLLEAGUES = ("csm",)  # rules about these subjects tell how a colleague does


@dataclass(frozen=True, slots=True)
class Page:
    """The rule of a page. defined: what its YAML says; None where this version cannot read it. given: what is in force."""

    info: RuleInfo
    defined: Rule | None
    infos: dict[str, RuleInfo]
    given: Definitions


@signed_in
def table(request: Seen) -> HttpResponse:
    """All rules by category, with how each stands. Asked for by htmx, only the table, once it is known who can speak."""
    partial = request.headers.get("HX-Target") == "rules"
    moment = source.now()
    filters = rulelist.read(request.GET)
    asked = rulefacts.ask_readiness(alerts.definitions(), wait=partial)
    every = rulelist.rows(alerts.list_rules(moment=moment), alerts.list_drafts(), asked.value)
    waits = bool(filters.readiness) and not asked.made
    shown = [] if waits else [row for row in every if filters.lets(row)]
    context = {
        "now": moment,
        "filters": filters,
        "here": filters.query(),
        "sections": rulelist.sections(shown),
        "count": len(shown),
        "all_count": len(every),
        "states": rulelist.states(filters, every),
        "choices": rulelist.choices(filters, every),
        "chips": rulelist.chips(filters),
        "asked": asked,
        "waits": waits,
        "silent_query": filters.query(readiness=rulelist.SILENT),
        "silent": sum(row.silent and row.info.state in ("on", "shadow") for row in every),
        "may_look": sees_colleagues(request.user),
    }
    if partial:
        return render(request, "tocsin/parts/rule_table.html", context)
    return page(request, "tocsin/rules.html", "rules", context)


@signed_in
def rule(request: Seen, rule_id: str) -> HttpResponse:
    """One rule: its reading, who matches, what it would have said, who is told, and what it was before."""
    moment = source.now()
    found = find(rule_id)
    context = {"now": moment, **head(found, request), **_about(found), **_history(found)}
    return page(request, "tocsin/rule.html", "rules", context)


def find(rule_id: str) -> Page:
    """The rule of that id: in force, else a draft. Http404 where there is neither."""
    moment = source.now()
    infos = {info.id: info for info in alerts.list_rules(moment=moment)}
    drafts = {} if rule_id in infos else {draft.id: draft for draft in alerts.list_drafts()}
    info = infos.get(rule_id) or drafts.get(rule_id)
    if info is None:
        raise Http404(f"there is no rule {rule_id}")
    given = alerts.definitions()
    rules = alerts.draft_rules() if rule_id in drafts else given.rules
    return Page(info, next((each for each in rules if each.id == rule_id), None), infos, given)


def head(found: Page, request: Seen) -> dict[str, Any]:
    """What every page about a rule knows."""
    info = found.info
    return {
        "rule": info,
        "defined": found.defined,
        "trigger": rulewords.TRIGGERS.get(info.trigger, ""),
        "may_look": info.subject not in COLLEAGUES or sees_colleagues(request.user),
        "may_act": may_act(request.user),
        "may_review": may_review(request.user),
        "periods": rulefacts.PERIODS,
        "days": rulefacts.days_of(request.GET.get("days", "")),
    }


def _about(found: Page) -> dict[str, Any]:
    """The rule itself, how it stands beside others, and the alerts that wait for a review."""
    info, defined = found.info, found.defined
    in_force = info.id in found.infos
    asked = rulefacts.ask_readiness(found.given, wait=False) if in_force else None
    context: dict[str, Any] = {
        "asked": asked,
        "ready": asked.value.get(info.id) if asked and asked.value else None,
        "held": alerts.alerts_of_rule(info.id, states=("held",), size=HELD_SHOWN) if info.held else None,
    }
    if info.state == "on":
        context["matched"] = rulefacts.running(info.id, 1, found.given.signals)
    if defined is None:
        return context
    rules = {each.id: each for each in found.given.rules}
    if not in_force:
        context["ready"] = rulefacts.readiness_of_draft(defined)
    return context | {
        "readings": rulewords.reading(defined),
        "parameters": rulewords.parameters(defined),
        "ladder": rulewords.ladder(defined, rules.values(), found.infos),
        "silenced_by": rulewords.silenced_by(defined, rules, found.infos),
        "silences": rulewords.silences(defined, rules.values(), found.infos),
        "judged": defined.trigger.kind in rulefacts.STATE_TRIGGERS,
    }


def page_number(text: str) -> int:
    """The number of a page in an address; 1 for anything else."""
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def _history(found: Page) -> dict[str, Any]:
    names = {each.email: each.name for each in people.people(active=False)}
    versions = rulewords.versions(alerts.versions(found.info.id), VERSIONS)
    return {"versions": [(each, names.get(each.info.by, each.info.by)) for each in versions]}
