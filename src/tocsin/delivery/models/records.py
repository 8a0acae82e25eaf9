"""Who changed what of the set-up of delivery."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class ChangeLog(models.Model):
    """One change by a person. act: created, changed, removed, enabled, disabled, tested. what: `channel ops`.

    detail: what it was about, never a secret.
    """

    at = models.DateTimeField(db_index=True)
    by = models.CharField(max_length=254)
    act = models.CharField(max_length=20)
    what = models.CharField(max_length=200)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.what} {self.act} by {self.by}"
