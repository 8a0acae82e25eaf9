"""What was done: sweeps, the audit of definitions, and marks of the workspace's upkeep."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Sweep(models.Model):
    """One evaluation of all rules as of a moment. figures: what `SweepReport` holds, and per rule its scope and matches.

    subjects: how many subjects were in any rule's scope (of rules that only rows set off: all accounts); the first sweep that
    saw any is the baseline.
    """

    as_of = models.DateTimeField(db_index=True)
    started_at = models.DateTimeField()
    seconds = models.FloatField()
    subjects = models.PositiveIntegerField()
    baseline = models.BooleanField(default=False)
    figures = models.JSONField(default=dict)
    unknown = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"sweep as of {self.as_of}"


class AuditEntry(models.Model):
    """A change of definitions or settings: who, when, what."""

    at = models.DateTimeField(db_index=True)
    by = models.CharField(max_length=254)
    act = models.CharField(max_length=40)
    what = models.CharField(max_length=400)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.act} {self.what}"


class Mark(models.Model):
    """A named fact of upkeep, such as which catalog was loaded."""

    name = models.CharField(max_length=100, primary_key=True)
    value = models.TextField()

    def __str__(self) -> str:
        return self.name
