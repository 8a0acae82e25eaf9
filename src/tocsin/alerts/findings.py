"""What a sweep has to know of the facts, asked before its transaction: nobody waits for a lock while facts are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q

from tocsin.alerts import cards
from tocsin.alerts.models import AccountSnapshot, Episode, Pending
from tocsin.alerts.models.episodes import RUNNING
from tocsin.alerts.rescoring import FirstLooks, first_looks
from tocsin.alerts.rowfindings import Identity, RowFindings, look_at_rows
from tocsin.alerts.running import Running, among, running_alerts
from tocsin.alerts.scope import out_of_scope
from tocsin.core.schema import PORTFOLIO_SUBJECTS

if TYPE_CHECKING:
    from tocsin.core.rules import Rule
    from tocsin.engine import Book, Judgement, Match

STATE_TRIGGERS = ("when", "countdown")  # what opens and closes alerts by what holds as of a moment

# Whether the facts of an opening were revised is looked at for so many openings a sweep and so far back: late data come
# within days, and each opening is an evaluation of its own.
MOST_OPENINGS, FARTHEST = 12, timedelta(days=30)


@dataclass(frozen=True)
class Findings:
    """What the facts say as of a moment.

    matches: of rules that are on and could be judged. unknown: rule id -> why it could not be judged.
    clears:  rule id -> subjects for whom its `clear` holds. gone: rule id -> subjects it is no longer about.
    revised: running episodes that no longer match, and would not have opened by what is known now.
    scopes:  rule id -> how many subjects it is about. cards: the accounts with alerts, as of the moment.
    rows:    what the facts say of rules with a row trigger.
    earlier: rule id -> how many alerts pulses have opened or held since the sweep before, for the circuit breaker.
    rescored: when rules about health were first judged by another version of a profile.
    elsewhere: of a pulse, people who belong to none of its accounts any more, although alerts of theirs are noted there.
    """

    matches: Mapping[Identity, Match]
    unknown: Mapping[str, str]
    clears: Mapping[str, frozenset[str]]
    gone: Mapping[str, frozenset[str]]
    revised: frozenset[Identity]
    scopes: Mapping[str, int]
    cards: Sequence[AccountSnapshot]
    rows: RowFindings
    earlier: Mapping[str, int] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()
    rescored: FirstLooks = field(default_factory=FirstLooks)


def look(
    book: Book,
    rules: Sequence[Rule],
    judgement: Judgement,
    unknown: Mapping[str, str],
    previous: datetime | None,
    published: Mapping[str, datetime],
    *,
    accounts: frozenset[str] | None = None,
) -> Findings:
    """The findings for the rules that are on, beside the episodes that run now.

    previous: when the sweep before was; None for the first. published: rule id -> since when it has been on.
    accounts: only what concerns these accounts, and nothing of rules with a row trigger: what a pulse looks at.
    """
    moment = judgement.moment
    judged = {rule.id: rule for rule in rules if rule.id not in unknown and rule.trigger.kind in STATE_TRIGGERS}
    matches = {(match.rule.id, match.subject_id, match.key): match for match in judgement.matches if match.rule.id in judged}
    running = running_alerts(accounts)
    fresh = [rule for rule in rules if rule.id not in unknown]
    rows = RowFindings() if accounts is not None else look_at_rows(book, fresh, running, moment, previous, published)
    over: dict[str, dict[str, str]] = {}
    ending: list[Running] = []
    for episode in running:
        rule = judged.get(episode.rule)
        if rule is None or (episode.rule, episode.subject_id, episode.key) in matches:
            continue
        if rule.trigger.kind == "countdown":
            continue  # its date has moved on, or the row has ended
        over.setdefault(rule.id, {})[episode.subject_id] = episode.account_id or ""
        if rule.clear is None or episode.subject_id in judgement.clears.get(rule.id, frozenset()):
            ending.append(episode)
    carded = {episode.account_id for episode in running if episode.account_id}
    carded |= {match.account_id for match in matches.values() if match.account_id}
    carded |= {match.account_id for found in rows.occurred.values() for match in found if match.account_id}
    return Findings(
        matches=matches,
        unknown={**unknown, **rows.unknown},
        clears=judgement.clears,
        gone=out_of_scope(book, list(judged.values()), over, moment),
        revised=_revised(book, judged, ending, moment),
        scopes=judgement.scopes,
        cards=cards.read(book, carded, moment),
        rows=rows,
        rescored=first_looks(book, rules, moment),
    )


def elsewhere(book: Book, rules: Sequence[Rule], accounts: frozenset[str], moment: datetime) -> frozenset[str]:
    """People of whom an alert, or what may become one, is noted at one of these accounts, and who are not of them now."""
    of_people = [rule.id for rule in rules if rule.subject == "person"]
    if not of_people:
        return frozenset()
    noted: set[str] = set()
    for named in among(accounts):
        theirs = Q(named, rule__in=of_people)
        episodes = Episode.objects.filter(theirs).filter(Q(state__in=RUNNING) | Q(remembered=True))
        for rows in (episodes, Pending.objects.filter(theirs)):
            noted |= {subject for subject, account in rows.values_list("subject_id", "account_id") if account in accounts}
    if not noted:
        return frozenset()
    here = book.evaluate([], [moment], "person", only=sorted(noted), accounts=sorted(accounts), deleted=True)
    return frozenset(noted.difference(here.column("subject_id").to_pylist()))


def _held_of_ours(book: Book, rules: Sequence[Rule], episodes: Sequence[Running]) -> set[tuple[str, str]]:
    """The same of rules about a csm, a team or the company, whose alerts are of no account."""
    ours = [rule for rule in rules if rule.subject in PORTFOLIO_SUBJECTS]
    subjects = sorted({episode.subject_id for episode in episodes if not episode.account_id})
    if not ours or not subjects:
        return set()
    then = book.judge(ours, episodes[0].opened_at, only=subjects)
    return {(match.rule.id, match.subject_id) for match in then.matches}


def _revised(book: Book, rules: Mapping[str, Rule], ending: Sequence[Running], moment: datetime) -> frozenset[Identity]:
    """Those that would not have opened when they did, by what is known now: facts that came late have changed the past."""
    openings: dict[datetime, list[Running]] = {}
    for episode in ending:
        if moment - FARTHEST < episode.opened_at < moment:
            openings.setdefault(episode.opened_at, []).append(episode)
    found: set[Identity] = set()
    for opened_at in sorted(openings, reverse=True)[:MOST_OPENINGS]:
        episodes = openings[opened_at]
        asked = [rules[rule_id] for rule_id in sorted({episode.rule for episode in episodes})]
        accounts = sorted({episode.account_id for episode in episodes if episode.account_id})
        then = book.judge(asked, opened_at, accounts=accounts)
        held = {(match.rule.id, match.subject_id) for match in then.matches}
        held |= _held_of_ours(book, asked, episodes)
        found |= {
            (each.rule, each.subject_id, each.key)
            for each in episodes
            if (each.rule, each.subject_id) not in held and each.rule not in then.unknown
        }
    return frozenset(found)
