"""The labels of an alert, by which routes and silences match it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tocsin.alerts.facade import Alert
    from tocsin.delivery.directory import Directory


def labels_of(alert: Alert, kind: str, directory: Directory) -> dict[str, str]:
    """See `core.routing.matching.LABELS`; what is not known is the empty text. kind: of the notice."""
    account = alert.account
    owner = (account.owner if account else "") or (alert.subject_id if alert.subject_kind == "csm" else "")
    contact = directory.contacts.get(owner.lower())
    team = contact.team if contact else alert.subject_id if alert.subject_kind == "team" else ""
    return {
        "rule": alert.rule,
        "category": alert.category,
        "severity": alert.severity,
        "subject": alert.subject_kind,
        "account": account.id if account else "",
        "owner": owner,
        "team": team,
        "tier": account.tier if account else "",
        "plan": account.plan if account else "",
        "lifecycle_stage": account.lifecycle_stage if account else "",
        "kind": kind,
    }


def group_key(alert: Alert, labels: dict[str, str], group_by: tuple[str, ...]) -> str:
    """What notices of one target must share to go out together; an alert about no account has its subject in its stead."""
    parts = []
    for name in group_by:
        value = labels[name] or f"{alert.subject_kind}:{alert.subject_id}" if name == "account" else labels[name]
        parts.append(f"{name}={value}")
    return " ".join(parts)[:1000]
