"""Alerts and rules as the command line and, later, the interface for programs give them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tocsin.core.moment import iso

if TYPE_CHECKING:
    from tocsin.alerts.shapes import Alert, RuleInfo


def alert_json(alert: Alert) -> dict[str, Any]:
    """The fields of `alerts list --format json`; times ISO in UTC, null where there is none."""
    return {
        "id": alert.id,
        "rule": alert.rule,
        "rule_name": alert.rule_name,
        "version": alert.version,
        "category": alert.category,
        "subject": {"kind": alert.subject_kind, "id": alert.subject_id},
        "key": alert.key,
        "account_id": alert.account_id,
        "account_name": alert.account.name if alert.account else None,
        "state": alert.state,
        "severity": alert.severity,
        "opened_at": iso(alert.opened_at),
        "closed_at": _iso(alert.closed_at),
        "close_reason": alert.close_reason or None,
        "acknowledged_at": _iso(alert.acknowledged_at),
        "acknowledged_by": alert.acknowledged_by or None,
        "snoozed_until": _iso(alert.snoozed_until),
        "last_seen_at": iso(alert.last_seen_at),
        "baseline": alert.baseline,
        "outcome": alert.outcome or None,
        "event_id": alert.event_id,
        "step": int(alert.step) if alert.step.isdigit() else alert.step or None,
        "count": alert.count,
        "inhibited_by": alert.inhibited_by or None,
        "assignee": alert.assignee or None,
        "message": alert.message,
        "clears": alert.clears,
        "evidence": [asdict(line) for line in alert.evidence],
    }


def rule_json(rule: RuleInfo) -> dict[str, Any]:
    """The fields of `rules list --format json`."""
    return {
        "id": rule.id,
        "name": rule.name,
        "category": rule.category,
        "subject": rule.subject,
        "severity": rule.severity,
        "trigger": rule.trigger,
        "state": rule.state,
        "version": rule.version,
        "origin": rule.origin,
        "open": rule.open,
        "held": rule.held,
        "matching": rule.matching,
        "unknown": rule.unknown or None,
        "published_at": iso(rule.published_at),
        "by": rule.by,
    }


def _iso(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None
