"""Episodes (what people call alerts), their timeline, and what is on its way to become one."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from tocsin.alerts.shapes import LIVE, STATES

RUNNING = (*LIVE, "held")


class AccountSnapshot(models.Model):
    """An account that has or had alerts, as the latest sweep with a live alert of it saw it; pages read no facts for it.

    roles: of its team, role -> e-mail addresses.
    """

    id = models.CharField(max_length=400, primary_key=True)
    name = models.TextField()
    owner = models.CharField(max_length=254, blank=True, default="", db_index=True)
    tier = models.CharField(max_length=100, blank=True, default="")
    plan = models.CharField(max_length=200, blank=True, default="")
    lifecycle_stage = models.CharField(max_length=200, blank=True, default="")
    mrr = models.FloatField(null=True)
    renews_on = models.DateField(null=True)
    roles = models.JSONField(default=dict)
    as_of = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Episode(models.Model):
    """One run of one rule for one subject (and key), from opening to closing, with the evidence of its opening.

    since, notified_at, rearmed: what `core.lifecycle.EpisodeState` remembers. remembered: of a closed one, that it is the
    latest of its identity, so that cooldown and re-arming look at it. rank: the severity as a number, for order.
    step: of a countdown. count: how many rows it stands for. inhibited_by: the running rule that keeps its notices back.
    assignee: whose it is, where somebody said so; '' leaves it with the account's CSM.
    """

    rule = models.CharField(max_length=200)
    rule_name = models.TextField()
    version = models.PositiveIntegerField()
    category = models.CharField(max_length=40)
    severity = models.CharField(max_length=20)
    rank = models.PositiveSmallIntegerField()
    subject_kind = models.CharField(max_length=20)
    subject_id = models.CharField(max_length=800)
    key = models.CharField(max_length=400, blank=True, default="")
    account = models.ForeignKey(AccountSnapshot, on_delete=models.PROTECT, null=True, related_name="episodes")
    state = models.CharField(max_length=20, choices=[(state, state) for state in STATES])
    since = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    notified_at = models.DateTimeField(null=True)
    snoozed_until = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    close_reason = models.CharField(max_length=40, blank=True, default="")
    rearmed = models.BooleanField(default=False)
    remembered = models.BooleanField(default=False)
    baseline = models.BooleanField(default=False)
    last_seen_at = models.DateTimeField()
    message = models.TextField()
    evidence = models.JSONField(default=list)
    clears = models.TextField(blank=True, default="")
    playbook = models.CharField(max_length=200, blank=True, default="")
    step = models.CharField(max_length=20, blank=True, default="")
    count = models.PositiveIntegerField(default=1)
    inhibited_by = models.CharField(max_length=200, blank=True, default="")
    event_id = models.CharField(max_length=400, null=True)  # noqa: DJ001 - null: no event is behind it
    assignee = models.CharField(max_length=254, blank=True, default="", db_index=True)
    acknowledged_by = models.CharField(max_length=254, blank=True, default="")
    acknowledged_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=40, blank=True, default="")
    note = models.TextField(blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["rule", "subject_id", "key"],
                condition=Q(state__in=RUNNING),
                name="one_running_episode",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "account", "rank"]),
            models.Index(fields=["account", "opened_at"]),
            models.Index(fields=["rule", "opened_at"]),
            # These hold all that the counts of every page ask for, so that no row is read for them.
            models.Index(fields=["state", "rule", "severity", "category", "inhibited_by"], name="counted_episode"),
            models.Index(fields=["state", "inhibited_by", "subject_kind", "subject_id"], name="actionable_episode"),
            models.Index(fields=["opened_at", "rule"], name="fired_episode"),
            models.Index(fields=["rule", "subject_id", "key"], condition=Q(remembered=True), name="remembered_episode"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.subject_id} {self.state}"


class Pending(models.Model):
    """A condition that holds but not yet for as long as its rule's `for` says."""

    rule = models.CharField(max_length=200)
    subject_id = models.CharField(max_length=800)
    key = models.CharField(max_length=400, blank=True, default="")
    account_id = models.CharField(max_length=400, null=True, db_index=True)  # noqa: DJ001 - null: of no account
    since = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["rule", "subject_id", "key"], name="one_pending")]

    def __str__(self) -> str:
        return f"{self.rule} {self.subject_id}"


class Transition(models.Model):
    """One change of an episode: its timeline, and the audit of who did what."""

    episode = models.ForeignKey(Episode, on_delete=models.CASCADE, related_name="transitions")
    at = models.DateTimeField()
    kind = models.CharField(max_length=20)
    by = models.CharField(max_length=254)
    reason = models.TextField(blank=True, default="")

    class Meta:
        ordering: ClassVar = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at}"
