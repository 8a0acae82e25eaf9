"""The ledger of notices, the groups that gather them, and the outbox of deliveries."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q


class Group(models.Model):
    """Notices of one target that go out together: those about one account, unless a route says otherwise.

    target_kind: person, channel or nobody; target: an e-mail address or a channel's name. due_at: when what waits is looked at
    next, null where nothing waits. flushed_at: when it last went out. claimed_until: whose turn it is to look.
    interval, repeat: seconds, of the route by which the latest notice came. repeat_at: when what is open is told again.
    """

    target_kind = models.CharField(max_length=10)
    target = models.CharField(max_length=254)
    key = models.CharField(max_length=1000)
    due_at = models.DateTimeField(null=True)
    flushed_at = models.DateTimeField(null=True)
    repeat_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)
    interval = models.PositiveIntegerField(default=300)
    repeat = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["target_kind", "target", "key"], name="one_group"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="due_group"),
            models.Index(fields=["repeat_at"], condition=Q(repeat_at__isnull=False), name="repeating_group"),
        ]

    def __str__(self) -> str:
        return f"{self.target} {self.key}"


class Notice(models.Model):
    """The ledger: one change of one alert, for one target, and what became of it.

    state: waiting (in its group), digest (for the next one), planned (a flush made deliveries of it) or suppressed (nobody is
    told by it, for `reason`). reason: why it waits, went to the digest, or was suppressed; why: why this target is told.
    sequence: tells apart several changes of one kind of one alert; with alert, kind and target it is unique, so that the same
    change is never noted twice. labels: of the alert, for silences. route: path, active, mute, through_quiet of its route.
    detail: what is said of the change, such as why the alert closed. due_at: of one for the digest, when that goes out.
    """

    alert_id = models.BigIntegerField(db_index=True)
    rule = models.CharField(max_length=200)
    kind = models.CharField(max_length=20)
    rank = models.PositiveSmallIntegerField()
    sequence = models.CharField(max_length=40)
    at = models.DateTimeField()
    target_kind = models.CharField(max_length=10)
    target = models.CharField(max_length=254)
    group = models.ForeignKey(Group, on_delete=models.PROTECT, null=True, related_name="notices")
    state = models.CharField(max_length=12)
    reason = models.TextField(blank=True, default="")
    why = models.TextField(blank=True, default="")
    detail = models.TextField(blank=True, default="")
    due_at = models.DateTimeField(null=True)
    flush = models.UUIDField(null=True)
    labels = models.JSONField(default=dict)
    route = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["alert_id", "kind", "sequence", "target_kind", "target"], name="one_notice"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["group"], condition=Q(state="waiting"), name="waiting_notice"),
            models.Index(fields=["due_at", "target"], condition=Q(state="digest"), name="digest_notice"),
            models.Index(fields=["flush"], name="notice_of_flush"),
            models.Index(fields=["target", "at"], name="notice_of_target"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.alert_id} for {self.target}: {self.state}"


class Delivery(models.Model):
    """The outbox: one message to one target by one channel. The id is the idempotency key of every attempt.

    group: whose notices they are; of one group and channel a later message never overtakes an earlier one.
    flush: ties the deliveries (one for each channel of a person) to the notices that they tell. immediate: counts in the
    person's budget. message: as `delivery.message` has it. state: due (from `next_at` on), claimed (until `lease_until`, by
    `claimed_by`), sent, dead (given up; can be replayed). seen_at: of in-app ones.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    flush = models.UUIDField()
    group = models.ForeignKey(Group, on_delete=models.PROTECT, null=True, related_name="deliveries")
    kind = models.CharField(max_length=10)
    channel = models.CharField(max_length=100)
    target_kind = models.CharField(max_length=10)
    target = models.CharField(max_length=254)
    immediate = models.BooleanField(default=True)
    message = models.JSONField()
    headline = models.TextField()
    state = models.CharField(max_length=10)
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    claimed_by = models.CharField(max_length=64, blank=True, default="")
    sent_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")
    note = models.TextField(blank=True, default="")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["flush", "channel", "target"], name="one_delivery")]
        indexes: ClassVar = [
            models.Index(fields=["next_at"], condition=Q(state="due"), name="due_delivery"),
            models.Index(fields=["lease_until"], condition=Q(state="claimed"), name="claimed_delivery"),
            models.Index(fields=["state", "created_at"], name="delivery_by_state"),
            models.Index(fields=["target", "created_at"], name="delivery_of_target"),
        ]

    def __str__(self) -> str:
        return f"{self.id} to {self.target} by {self.channel}: {self.state}"
