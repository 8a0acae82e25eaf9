"""What people set up: the routing plan and its versions, silences; and the escalations that wait."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q


class RoutingPlan(models.Model):
    """One version of the routing plan, as its author wrote it (YAML). The latest is in force; a version is never edited."""

    version = models.PositiveIntegerField(unique=True)
    source = models.TextField()
    published_at = models.DateTimeField()
    by = models.CharField(max_length=254)
    note = models.TextField(blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-version"]

    def __str__(self) -> str:
        return f"routing plan v{self.version}"


class Silence(models.Model):
    """Keeps the notices of matching alerts back for a while. matchers: texts, all of which must hold."""

    matchers = models.JSONField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(db_index=True)
    by = models.CharField(max_length=254)
    reason = models.TextField()
    created_at = models.DateTimeField()
    ended_by = models.CharField(max_length=254, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-starts_at", "-id"]

    def __str__(self) -> str:
        return f"silence {self.pk} until {self.ends_at}"


class EscalationStep(models.Model):
    """One step of an alert's escalation, as the rule and the route had it when the alert opened.

    due_at: when it is taken, unless somebody has acknowledged by then. state: waiting, taken or dropped (reason: why).
    after: seconds from the opening, by `clock`.
    """

    alert_id = models.BigIntegerField()
    number = models.PositiveSmallIntegerField()
    after = models.PositiveIntegerField()
    clock = models.CharField(max_length=20)
    notify = models.JSONField()
    due_at = models.DateTimeField()
    state = models.CharField(max_length=10, default="waiting")
    reason = models.TextField(blank=True, default="")
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["alert_id", "number"], name="one_escalation_step")]
        indexes: ClassVar = [models.Index(fields=["due_at"], condition=Q(state="waiting"), name="waiting_escalation")]

    def __str__(self) -> str:
        return f"step {self.number} of {self.alert_id}: {self.state}"


class Heartbeat(models.Model):
    """When a part of the system last did its work, so that silence is noticed. Name: loop, auditor, sweep."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()
    detail = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"
