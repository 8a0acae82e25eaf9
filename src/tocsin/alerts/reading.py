"""Reading alerts: lists, one alert, the inbox by account, counts. Each is a constant number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.db.models import Case, Count, F, FloatField, Max, Q, QuerySet, When
from django.db.models.functions import Lower

from tocsin.alerts.models import AccountSnapshot, AuditEntry, Episode, Transition
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
    State,
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
    found = filtered(filters).select_related("account").order_by("-opened_at", "-id")
    if after is not None:
        opened_at, key = after[0], _key(after[1])
        found = found.filter(Q(opened_at__lt=opened_at) | Q(opened_at=opened_at, pk__lt=key))
    names = _owner_names()
    return [_alert(row, names) for row in (found[:limit] if limit else found)]


def alert(alert_id: str) -> Alert:
    """One alert with its timeline. UserError where there is none of that id."""
    row = Episode.objects.select_related("account").filter(pk=_key(alert_id)).first()
    if row is None:
        raise UserError(f"there is no alert {alert_id!r}; `tocsin alerts list` shows the ids")
    return _alert(row, _owner_names(), _entries(row.transitions.all()))


def inbox(filters: AlertFilter = AlertFilter(), *, page: int = 1, size: int = 50) -> Inbox:  # noqa: B008 - frozen
    """One page of accounts with their alerts, most urgent account first.

    Without states in the filter, what is live: open, acknowledged, snoozed. A page beyond the last is the last one.
    """
    found = filtered(filters) if filters.states else filtered(filters).filter(state__in=LIVE)
    counts = _counts(found)
    at_stake = Case(When(top__gte=HIGH, then=F("account__mrr")), default=None, output_field=FloatField())
    # All accounts, three values each: the page, how many there are and what is at stake in one pass.
    ranked = list(
        found.values("account_id")
        .annotate(top=Max("rank"))
        .annotate(stake=at_stake)
        .order_by("-top", F("stake").desc(nulls_last=True), F("account__renews_on").asc(nulls_last=True), "account_id")
        .values_list("account_id", "top", "stake")
    )
    pages = max(1, -(-len(ranked) // size))
    page = min(max(1, page), pages)
    shown = ranked[(page - 1) * size : page * size]
    names = _owner_names()
    members = _members(found, [account_id for account_id, _, _ in shown])
    groups = tuple(
        AccountGroup(
            account=_card(rows[0].account, names),
            alerts=tuple(_alert(each, names) for each in rows),
            severity=SEVERITIES[top],
            at_stake=stake,
        )
        for account_id, top, stake in shown
        if (rows := members.get(account_id))
    )
    return Inbox(
        groups=groups,
        page=page,
        pages=pages,
        accounts=sum(account_id is not None for account_id, _, _ in ranked),
        alerts=sum(counts["severity"].values()),
        at_stake=sum(stake for _, _, stake in ranked if stake is not None),
        quiet=found.filter(KEPT_QUIET).count(),
        by_severity=counts["severity"],
        by_category=counts["category"],
        by_rule=counts["rule"],
    )


def live_by_account(filters: AlertFilter = AlertFilter()) -> dict[str, int]:  # noqa: B008 - frozen
    """How many live alerts each account has; those without any are left out. One query."""
    return _counted(filtered(filters).filter(state__in=LIVE).exclude(account_id=None), "account_id")


def actionable(filters: AlertFilter = AlertFilter()) -> int:  # noqa: B008 - frozen
    """How many alerts ask something of somebody: live ones that no other silences. One query, for every page."""
    return filtered(filters).filter(state__in=LIVE).exclude(KEPT_QUIET).count()


def alerts_of_rule(rule_id: str, *, states: Iterable[str] = LIVE, page: int = 1, size: int = 50) -> AlertPage:
    """The alerts of a rule in some states, those of the largest accounts first; a page beyond the last is the last one."""
    found = Episode.objects.filter(rule=rule_id, state__in=tuple(states))
    total = found.count()
    pages = max(1, -(-total // size))
    page = min(max(1, page), pages)
    ordered = found.select_related("account").order_by(F("account__mrr").desc(nulls_last=True), "subject_id", "id")
    names = _owner_names()
    shown = ordered[(page - 1) * size : page * size]
    return AlertPage(tuple(_alert(row, names) for row in shown), page, pages, total)


def timeline_of_account(account_id: str, *, limit: int = 200) -> list[tuple[Alert, Entry]]:
    """The latest changes of an account's alerts, newest first."""
    rows = (
        Transition.objects.filter(episode__account_id=account_id)
        .select_related("episode__account")
        .order_by("-at", "-id")[:limit]
    )
    names = _owner_names()
    return [(_alert(row.episode, names), Entry(row.at, row.kind, row.by, row.reason)) for row in rows]


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


def _members(found: QuerySet[Episode], account_ids: list[str | None]) -> dict[str | None, list[Episode]]:
    """The rows of these accounts, gravest first, then newest."""
    ids = [each for each in account_ids if each is not None]
    wanted = Q(account_id__in=ids)
    if None in account_ids:
        wanted |= Q(account_id=None)
    members: dict[str | None, list[Episode]] = {}
    for row in found.filter(wanted).select_related("account").order_by("-rank", "-opened_at", "-id"):
        members.setdefault(row.account_id, []).append(row)
    return members


def _counted(found: QuerySet[Episode], field: str) -> dict[str, int]:
    rows = found.order_by().values(field).annotate(count=Count("id"))
    return {str(row[field]): int(row["count"]) for row in rows}


def _counts(found: QuerySet[Episode]) -> dict[str, dict[str, int]]:
    """How many alerts of each severity, category and rule, in one query."""
    fields = ("severity", "category", "rule")
    sums: dict[str, dict[str, int]] = {field: {} for field in fields}
    for row in found.order_by().values(*fields).annotate(count=Count("id")):
        for field in fields:
            sums[field][row[field]] = sums[field].get(row[field], 0) + row["count"]
    return sums


def _alert(row: Episode, names: dict[str, str], timeline: tuple[Entry, ...] = ()) -> Alert:
    return Alert(
        id=str(row.pk),
        rule=row.rule,
        rule_name=row.rule_name,
        version=row.version,
        category=row.category,
        severity=row.severity,
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        key=row.key,
        account=_card(row.account, names),
        state=cast("State", row.state),
        opened_at=row.opened_at,
        last_seen_at=row.last_seen_at,
        message=row.message,
        evidence=tuple(EvidenceLine(**line) for line in row.evidence),
        clears=row.clears,
        baseline=row.baseline,
        closed_at=row.closed_at,
        close_reason=row.close_reason,
        acknowledged_by=row.acknowledged_by,
        acknowledged_at=row.acknowledged_at,
        snoozed_until=row.snoozed_until if row.state == "snoozed" else None,
        renotified_at=row.notified_at,
        outcome=row.outcome,
        note=row.note,
        event_id=row.event_id,
        playbook=row.playbook,
        step=row.step,
        count=row.count,
        inhibited_by=row.inhibited_by,
        assignee=row.assignee,
        timeline=timeline,
    )


def _card(row: AccountSnapshot | None, names: dict[str, str]) -> AccountCard | None:
    if row is None:
        return None
    return AccountCard(
        id=row.id,
        name=row.name,
        owner=row.owner,
        owner_name=names.get(row.owner.lower(), row.owner),
        tier=row.tier,
        plan=row.plan,
        lifecycle_stage=row.lifecycle_stage,
        mrr=row.mrr,
        renews_on=row.renews_on,
        as_of=row.as_of,
        roles={role: tuple(emails) for role, emails in row.roles.items()},
    )


def _entries(rows: Iterable[Transition]) -> tuple[Entry, ...]:
    return tuple(Entry(row.at, row.kind, row.by, row.reason) for row in rows)


def _owner_names() -> dict[str, str]:
    """E-mail -> name of everyone on our side."""
    return {each.email: each.name for each in people.people(active=False)}


def _key(alert_id: str) -> int:
    """The key behind an id; -1, which no row has, for what is none."""
    return int(alert_id) if alert_id.isascii() and alert_id.isdigit() and len(alert_id) < 19 else -1


def alerts_by_id(alert_ids: Iterable[str]) -> dict[str, Alert]:
    """These alerts by id, without their timelines; ids that there are not are left out. A constant number of queries a part."""
    keys, names = sorted({_key(each) for each in alert_ids}), _owner_names()
    found: dict[str, Alert] = {}
    for first in range(0, len(keys), PART):
        rows = Episode.objects.select_related("account").filter(pk__in=keys[first : first + PART])
        found.update((str(row.pk), _alert(row, names)) for row in rows)
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
