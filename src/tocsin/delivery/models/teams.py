"""What was told to who leads a team."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class TeamWeek(models.Model):
    """Of whom leads a team: the Monday of the latest week of which they were told, or need not be."""

    email = models.CharField(max_length=254, primary_key=True)
    monday = models.DateField()

    class Meta:
        ordering: ClassVar = ["email"]

    def __str__(self) -> str:
        return f"{self.email} of {self.monday}"
