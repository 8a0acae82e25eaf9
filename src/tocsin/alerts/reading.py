"""Reading alerts: lists, one alert, the inbox by account, counts. Each is a constant number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import starmap
from typing import Any

from django.db import connection
from django.db.models import Count, F, Max, Q, QuerySet
from django.db.models.functions import Lower

from tocsin.alerts.models import AuditEntry, Episode, Transition
from tocsin.alerts.shapes import (
    LIVE,
    SEVERITIES,
    AccountCard,
    AccountGroup,
    Alert,
    AlertFilter,
    AlertPage,
    Entry,
    EvidenceLine,
    Inbox,
)
from tocsin.core.errors import UserError
from tocsin.people import facade as people

KEPT_QUIET = ~Q(inhibited_by="")  # as the index has it
PART = 500  # keys of one statement
HIGH = SEVERITIES.index("high")  # from here on an account's money counts as at stake


def list_alerts(
    filters: AlertFilter = AlertFilter(),  # noqa: B008 - frozen
    *,
    limit: int | None = None,
    after: tuple[datetime, str] | None = None,
) -> list[Alert]:
    """Every alert that the filter lets through, newest first: in every state unless it names some, all unless limited.

    after: the opening and id of the alert after which the list goes on.
    """
    found = filtered(filters).order_by("-opened_at", "-id")
    if after is not None:
        opened_at, key = after[0], _key(after[1])
        found = found.filter(Q(opened_at__lt=opened_at) | Q(opened_at=opened_at, pk__lt=key))
    return _alerts(found[:limit] if limit else found)


def alert(alert_id: str) -> Alert:
    """One alert with its timeline. UserError where there is none of that id."""
    found = _alerts(Episode.objects.filter(pk=_key(alert_id)))
    if not found:
        raise UserError(f"there is no alert {alert_id!r}; `tocsin alerts list` shows the ids")
    return with_timeline(found[0])


def with_timeline(found: Alert) -> Alert:
    """An alert that is at hand, with its timeline. One query."""
    rows = Transition.objects.filter(episode=_key(found.id)).values_list("at", "kind", "by", "reason")
    return replace(found, timeline=tuple(starmap(Entry, rows)))


def inbox(filters: AlertFilter = AlertFilter(), *, page: int = 1, size: int = 50) -> Inbox:  # noqa: B008 - frozen
    """One page of accounts with their alerts, most urgent account first.

    Without states in the filter, what is live: open, acknowledged, snoozed. A page beyond the last is the last one.
    """
    found = filtered(filters) if filters.states else filtered(filters).filter(state__in=LIVE)
    counts = _counts(found)
    ranked = _ranked(found, max(1, page), size)
    if ranked.page > (last := max(1, -(-ranked.groups // size))):
        ranked = _ranked(found, last, size)
    members = _members(found, [account_id for account_id, _, _ in ranked.shown])
    groups = tuple(
        AccountGroup(account=each[0].account, alerts=tuple(each), severity=SEVERITIES[top], at_stake=stake)
        for account_id, top, stake in ranked.shown
        if (each := members.get(account_id))
    )
    return Inbox(
        groups=groups,
        page=ranked.page,
        pages=last,
        accounts=ranked.accounts,
        alerts=sum(counts.severity.values()),
        at_stake=ranked.at_stake,
        quiet=counts.quiet,
        by_severity=counts.severity,
        by_category=counts.category,
        by_rule=counts.rule,
    )


def live_by_account(filters: AlertFilter = AlertFilter()) -> dict[str, int]:  # noqa: B008 - frozen
    """How many live alerts each account has; those without any are left out. One query."""
    return _counted(filtered(filters).filter(state__in=LIVE).exclude(account_id=None), "account_id")


def actionable(filters: AlertFilter = AlertFilter()) -> int:  # noqa: B008 - frozen
    """How many alerts ask something of somebody: live ones that no other silences. One query, for every page."""
    return filtered(filters).filter(state__in=LIVE, inhibited_by="").count()


def alerts_of_rule(rule_id: str, *, states: Iterable[str] = LIVE, page: int = 1, size: int = 50) -> AlertPage:
    """The alerts of a rule in some states, those of the largest accounts first; a page beyond the last is the last one."""
    found = Episode.objects.filter(rule=rule_id, state__in=tuple(states))
    total = found.count()
    pages = max(1, -(-total // size))
    page = min(max(1, page), pages)
    ordered = found.order_by(F("account__mrr").desc(nulls_last=True), "subject_id", "id")
    return AlertPage(tuple(_alerts(ordered[(page - 1) * size : page * size])), page, pages, total)


def timeline_of_account(account_id: str, *, limit: int = 200) -> list[tuple[Alert, Entry]]:
    """The latest changes of an account's alerts, newest first. Three queries."""
    changes = Transition.objects.filter(episode__account_id=account_id).order_by("-at", "-id")
    rows = list(changes.values_list("episode_id", "at", "kind", "by", "reason")[:limit])
    known = alerts_by_id({str(row[0]) for row in rows})
    return [(known[str(key)], Entry(at, kind, by, reason)) for key, at, kind, by, reason in rows]


def row_of(alert_id: str) -> Episode:
    """The row of an alert, to be changed: locked until the transaction ends. UserError where there is none."""
    row = Episode.objects.select_for_update(of=("self",)).select_related("account").filter(pk=_key(alert_id)).first()
    if row is None:
        raise UserError(f"there is no alert {alert_id!r}; `tocsin alerts list` shows the ids")
    return row


def filtered(given: AlertFilter) -> QuerySet[Episode]:
    """The rows that a filter lets through."""
    wanted = Q()
    for lookup, value in (
        ("state__in", given.states),
        ("rule__in", given.rules),
        ("account_id__in", given.accounts),
        ("category__in", given.categories),
        ("severity__in", given.severities),
        ("opened_at__lt", given.opened_before),
        ("opened_at__gte", given.opened_after),
    ):
        if value:
            wanted &= Q(**{lookup: value})
    if given.owner:
        of_accounts = Q(assignee="", account__owner__iexact=given.owner)
        wanted &= Q(assignee=given.owner.lower()) | of_accounts | _about("csm", [given.owner])
    if given.owners or given.teams:
        owners = [each.lower() for each in given.owners]
        of_accounts = Q(assignee="", owner_lower__in=owners) | Q(assignee__in=owners) if owners else Q()
        theirs = of_accounts | _about("csm", given.owners) | _about("team", given.teams)
        wanted &= theirs
    if given.seen_by:
        wanted &= ~Q(subject_kind="csm") | _about("csm", [given.seen_by])
    if given.text:
        wanted &= Q(account__name__icontains=given.text) | Q(message__icontains=given.text)
    # Facts write an owner's address as it came; people are known by it in small letters.
    rows = Episode.objects.alias(owner_lower=Lower("account__owner")) if given.owners else Episode.objects
    return rows.filter(wanted)


def _about(kind: str, ids: Iterable[str]) -> Q:
    """About one of these CSMs (by e-mail) or teams (by name)."""
    return Q(subject_kind=kind, subject_id__in=list(ids))


def _members(found: QuerySet[Episode], account_ids: list[str | None]) -> dict[str | None, list[Alert]]:
    """The alerts of these accounts, gravest first, then newest."""
    ids = [each for each in account_ids if each is not None]
    wanted = Q(account_id__in=ids)
    if None in account_ids:
        wanted |= Q(account_id=None)
    members: dict[str | None, list[Alert]] = {}
    for each in _alerts(found.filter(wanted).order_by("-rank", "-opened_at", "-id")):
        members.setdefault(each.account_id, []).append(each)
    return members


def _counted(found: QuerySet[Episode], column: str) -> dict[str, int]:
    return dict(found.order_by().values_list(column).annotate(count=Count("id")))


@dataclass(frozen=True, slots=True)
class _Ranked:
    """One page of accounts in their order: (account, the gravest rank, what is at stake); and of all of them the sums.

    groups: accounts, and those about no account as one.
    """

    page: int
    shown: list[tuple[str | None, int, float | None]]
    groups: int
    accounts: int
    at_stake: float


_ORDER = "top DESC, stake DESC NULLS LAST, renews_on ASC NULLS LAST, account_id"
_RANKING = f"""
    WITH ranked AS (
        SELECT grouped.account_id, grouped.top, CASE WHEN grouped.top >= %s THEN account.mrr END AS stake, account.renews_on
        FROM ({{}}) AS grouped LEFT JOIN alerts_accountsnapshot AS account ON account.id = grouped.account_id
    )
    SELECT account_id, top, stake, total.*
    FROM (SELECT COUNT(*) AS number, COUNT(account_id) AS accounts, SUM(stake) AS at_stake FROM ranked) AS total
    LEFT JOIN (SELECT * FROM ranked ORDER BY {_ORDER} LIMIT %s OFFSET %s) AS shown ON 1 = 1
    ORDER BY {_ORDER}
"""  # noqa: S608 - constants


def _ranked(found: QuerySet[Episode], page: int, size: int) -> _Ranked:
    """A page of the accounts of these rows, most urgent first; a page beyond the last is empty. One query.

    Alerts are grouped before accounts are looked up, which the ORM cannot say: that is five times as fast as grouping both.
    """
    inner, params = found.order_by().values("account_id").annotate(top=Max("rank")).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_RANKING.format(inner), (HIGH, *params, size, (page - 1) * size))
        rows = cursor.fetchall()
    *_, groups, accounts, at_stake = rows[0]
    return _Ranked(page, [tuple(row[:3]) for row in rows if row[1] is not None], groups, accounts, at_stake or 0)


@dataclass(slots=True)
class _Counts:
    """How many alerts of each severity, category and rule; quiet: those that another one keeps quiet."""

    severity: dict[str, int] = field(default_factory=dict)
    category: dict[str, int] = field(default_factory=dict)
    rule: dict[str, int] = field(default_factory=dict)
    quiet: int = 0


def _counts(found: QuerySet[Episode]) -> _Counts:
    """All of them in one query."""
    counts = _Counts()
    sums = (counts.severity, counts.category, counts.rule)
    grouped = found.order_by().values("severity", "category", "rule")
    rows = grouped.annotate(count=Count("id"), quiet=Count("id", filter=KEPT_QUIET))
    for *values, count, quiet in rows.values_list("severity", "category", "rule", "count", "quiet"):
        counts.quiet += quiet
        for value, held in zip(values, sums, strict=True):
            held[value] = held.get(value, 0) + count
    return counts


_OF_ACCOUNT = ("name", "owner", "tier", "plan", "lifecycle_stage", "mrr", "renews_on", "as_of", "roles")
_AS_IT_IS = (  # columns that an alert has as they are
    *("rule", "rule_name", "version", "category", "severity", "subject_kind", "subject_id", "key", "state", "opened_at"),
    *("last_seen_at", "message", "clears", "baseline", "closed_at", "close_reason", "acknowledged_by", "acknowledged_at"),
    *("outcome", "note", "event_id", "playbook", "step", "count", "inhibited_by", "assignee"),
)
_CHANGED = ("id", "evidence", "notified_at", "snoozed_until", "account_id")
_COLUMNS = (*_AS_IT_IS, *_CHANGED, *(f"account__{name}" for name in _OF_ACCOUNT))


def _alerts(rows: QuerySet[Episode]) -> list[Alert]:
    """The alerts of these rows, in their order. One query; their values only, as lists are long and models are slow to make."""
    names = _owner_names()
    cards: dict[str, AccountCard] = {}
    return [_alert(row, names, cards) for row in rows.values_list(*_COLUMNS)]


def _alert(row: tuple[Any, ...], names: dict[str, str], made: dict[str, AccountCard]) -> Alert:
    """An alert of the values of `_COLUMNS`. made: the cards that there are already, by account."""
    values = dict(zip(_AS_IT_IS, row, strict=False))
    key, evidence, notified_at, snoozed_until, account_id, *card = row[len(_AS_IT_IS) :]
    if account_id is not None and account_id not in made:
        made[account_id] = _card(account_id, dict(zip(_OF_ACCOUNT, card, strict=True)), names)
    return Alert(
        id=str(key),
        account=made.get(account_id),
        evidence=tuple(EvidenceLine(**line) for line in evidence),
        snoozed_until=snoozed_until if values["state"] == "snoozed" else None,
        renotified_at=notified_at,
        **values,
    )


def _card(account_id: str, values: dict[str, Any], names: dict[str, str]) -> AccountCard:
    roles = {role: tuple(emails) for role, emails in values.pop("roles").items()}
    owner_name = names.get(values["owner"].lower(), values["owner"])
    return AccountCard(id=account_id, owner_name=owner_name, roles=roles, **values)


def _owner_names() -> dict[str, str]:
    """E-mail -> name of everyone on our side."""
    return {each.email: each.name for each in people.people(active=False)}


def _key(alert_id: str) -> int:
    """The key behind an id; -1, which no row has, for what is none."""
    return int(alert_id) if alert_id.isascii() and alert_id.isdigit() and len(alert_id) < 19 else -1


def alerts_by_id(alert_ids: Iterable[str]) -> dict[str, Alert]:
    """These alerts by id, without their timelines; ids that there are not are left out. A constant number of queries a part."""
    keys = sorted({_key(each) for each in alert_ids})
    found: dict[str, Alert] = {}
    for first in range(0, len(keys), PART):
        found.update((each.id, each) for each in _alerts(Episode.objects.filter(pk__in=keys[first : first + PART])))
    return found


def untold_candidates(*, since: datetime, until: datetime) -> list[str]:
    """The ids of open alerts that opened in a span (both ends in it) and of which somebody is to be told."""
    rows = Episode.objects.filter(state="open", baseline=False, inhibited_by="", notified_at__gte=since, notified_at__lte=until)
    return [str(key) for key in rows.order_by("id").values_list("pk", flat=True)]


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who changed what of the definitions, or did something to many alerts at once, and when."""

    at: datetime
    by: str
    act: str
    what: str
    detail: Mapping[str, Any]


def audit(limit: int = 200) -> list[AuditLine]:
    """The latest changes, newest first."""
    return [AuditLine(row.at, row.by, row.act, row.what, row.detail) for row in AuditEntry.objects.all()[:limit]]
