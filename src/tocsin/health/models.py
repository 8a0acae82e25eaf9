"""Versions of profiles and milestones, overrides, and the audit of all. Scores are not here: they are beside the facts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from tocsin.health.revisions import Revision as Revision  # noqa: PLC0414 - where Django looks for it
from tocsin.health.revisions import Versions, watch


class ProfileVersion(models.Model):
    """One published (or drafted) version of a profile, as YAML. `current` is the one in force; a draft never is.

    signals: name -> formula of the signals that its formulas use, as they were when it was published.
    origin:  `catalog` while it is as shipped, `user` once somebody published a version of their own.
    """

    profile = models.CharField(max_length=200)
    version = models.PositiveIntegerField()
    source = models.TextField()
    signals = models.JSONField(default=dict)
    origin = models.CharField(max_length=20)
    draft = models.BooleanField()
    current = models.BooleanField()
    published_at = models.DateTimeField()
    by = models.CharField(max_length=254)

    objects = Versions.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["profile", "version"], name="one_profile_version"),
            models.UniqueConstraint(fields=["profile"], condition=Q(current=True), name="one_profile_in_force"),
        ]

    def __str__(self) -> str:
        return f"{self.profile} v{self.version}"


class MilestoneVersion(models.Model):
    """One published (or drafted) version of a milestone template, as YAML; columns as of `ProfileVersion`."""

    milestone = models.CharField(max_length=200)
    version = models.PositiveIntegerField()
    source = models.TextField()
    signals = models.JSONField(default=dict)
    draft = models.BooleanField()
    current = models.BooleanField()
    published_at = models.DateTimeField()
    by = models.CharField(max_length=254)

    objects = Versions.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["milestone", "version"], name="one_milestone_version"),
            models.UniqueConstraint(fields=["milestone"], condition=Q(current=True), name="one_milestone_in_force"),
        ]

    def __str__(self) -> str:
        return f"{self.milestone} v{self.version}"


watch(ProfileVersion, MilestoneVersion)


class Override(models.Model):
    """A score that a person set in the place of the computed one, until a time or until it was lifted."""

    account_id = models.CharField(max_length=400, db_index=True)
    score = models.FloatField()
    reason = models.TextField()
    set_at = models.DateTimeField()
    until = models.DateTimeField()
    by = models.CharField(max_length=254)
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=254, blank=True, default="")

    class Meta:
        ordering: ClassVar = ["-set_at", "-id"]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.score}"


class AuditEntry(models.Model):
    """A change of profiles or overrides: who, when, what."""

    at = models.DateTimeField(db_index=True)
    by = models.CharField(max_length=254)
    act = models.CharField(max_length=40)
    what = models.CharField(max_length=400)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.act} {self.what}"
