"""Definitions and their versions: rules, signals, segments. A version is never edited; publishing adds one."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from tocsin.health.revisions import Versions, watch


class RuleVersion(models.Model):
    """One published (or drafted) version of a rule, as YAML. `current` is the one in force; a draft never is.

    origin: `catalog` while it is as shipped, `user` once somebody published a version of their own.
    since: when the rule came into this version's state, over all versions without a break.
    """

    rule = models.CharField(max_length=200)
    version = models.PositiveIntegerField()
    source = models.TextField()
    state = models.CharField(max_length=20)
    origin = models.CharField(max_length=20)
    checksum = models.CharField(max_length=64)
    current = models.BooleanField()
    published_at = models.DateTimeField()
    since = models.DateTimeField()
    by = models.CharField(max_length=254)

    objects: ClassVar[models.Manager[RuleVersion]] = Versions.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rule", "version"], name="one_rule_version"),
            models.UniqueConstraint(fields=["rule"], condition=Q(current=True), name="one_rule_in_force"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} v{self.version}"


class NamedFormula(models.Model):
    """One version of a named formula: a signal or a segment. text, unit: what it means. Versions and origin as of a rule."""

    class Kind(models.TextChoices):
        """What the name stands for."""

        SIGNAL = "signal"
        SEGMENT = "segment"

    kind = models.CharField(max_length=20, choices=Kind.choices)
    name = models.CharField(max_length=200)
    version = models.PositiveIntegerField()
    formula = models.TextField()
    text = models.TextField(blank=True, default="")
    unit = models.CharField(max_length=40, blank=True, default="")
    origin = models.CharField(max_length=20)
    current = models.BooleanField()
    published_at = models.DateTimeField()
    by = models.CharField(max_length=254)

    objects: ClassVar[models.Manager[NamedFormula]] = Versions.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "name", "version"], name="one_formula_version"),
            models.UniqueConstraint(fields=["kind", "name"], condition=Q(current=True), name="one_formula_in_force"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} v{self.version}"


watch(RuleVersion, NamedFormula)
