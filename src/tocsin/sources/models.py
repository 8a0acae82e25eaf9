"""Sources of inbound webhooks, and what they delivered lately."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Source(models.Model):
    """A system that sends webhooks.

    public_id: stands in its address. secrets: a JSON list of those that it may sign with, encrypted with the workspace's key.
    last_error: of the latest request that was refused. received, refused: how many requests were.
    """

    public_id = models.CharField(max_length=20, unique=True)
    vendor = models.CharField(max_length=20)
    name = models.CharField(max_length=100, unique=True)
    secrets = models.TextField(blank=True, default="")
    settings = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=254)
    paused = models.BooleanField(default=False)
    last_received_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, default="")
    last_error_at = models.DateTimeField(null=True)
    received = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class HookDelivery(models.Model):
    """A delivery that was signed. became: one of `shapes.BECAME`; detail: rows, or why there are none."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="deliveries")
    delivery_id = models.CharField(max_length=200)
    received_at = models.DateTimeField(db_index=True)
    became = models.CharField(max_length=12)
    detail = models.TextField(blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-received_at", "-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "delivery_id"], name="one_hook_delivery")]

    def __str__(self) -> str:
        return f"{self.delivery_id}: {self.became}"
