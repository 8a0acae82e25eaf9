"""Channels as they are set up, and what each gave back for an alert that it told."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Channel(models.Model):
    """A way to reach people. secret: encrypted with the workspace's key. disabled_reason: why it is off, '' while on."""

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=20)
    config = models.JSONField(default=dict)
    secret = models.TextField(blank=True, default="")
    disabled_reason = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=254)
    last_sent_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, default="")
    last_error_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Conversation(models.Model):
    """What a channel gave back when an alert was first told to a target: where to answer, or what to update."""

    channel = models.CharField(max_length=100)
    target = models.CharField(max_length=254)
    alert_id = models.BigIntegerField()
    receipt = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["alert_id", "channel", "target"], name="one_conversation"),
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} by {self.channel}"
