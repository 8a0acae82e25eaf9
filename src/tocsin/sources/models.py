"""Sources: inbound webhooks and what they delivered lately; pulls, their runs and the files that they took."""

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


class HookRefusal(models.Model):
    """Requests that were refused for one reason within a minute of each other, as `shapes.RefusalInfo` says."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="refusals")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    status = models.IntegerField()
    code = models.CharField(max_length=40)
    reason = models.TextField()
    origin = models.CharField(max_length=64, blank=True, default="")
    elsewhere = models.BooleanField(default=False)
    times = models.BigIntegerField()

    class Meta:
        ordering: ClassVar = ["-last_at", "-id"]

    def __str__(self) -> str:
        return f"{self.status}: {self.reason}"


class Pull(models.Model):
    """A database or a folder that is pulled from.

    place: the folder, or the database as people are told of it. sealed: its address, with the workspace's key.
    settings: as `pulls.checking` keeps them. next_at: when the next run is due, None for never.
    asked_at: since when somebody wants one now.
    marks: collection -> [kind, value], how far the last run that was done has read. columns: collection -> those that it gave.
    last_good_at: when the last run that was done began: so fresh is what it brought. failures: runs that failed since then.
    holder, lease_until: the run under way, and how long nobody else may begin one.
    """

    public_id = models.CharField(max_length=20, unique=True)
    kind = models.CharField(max_length=10)
    name = models.CharField(max_length=100, unique=True)
    place = models.TextField()
    sealed = models.TextField(blank=True, default="")
    settings = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=254)
    paused = models.BooleanField(default=False)
    next_at = models.DateTimeField(null=True, db_index=True)
    asked_at = models.DateTimeField(null=True)
    marks = models.JSONField(default=dict)
    columns = models.JSONField(default=dict)
    last_run_at = models.DateTimeField(null=True)
    last_good_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, default="")
    failures = models.IntegerField(default=0)
    holder = models.CharField(max_length=80, blank=True, default="")
    lease_until = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class PullRun(models.Model):
    """One run. state: one of `pulls.shapes.STATES`. cause: schedule, retry, hand. stage: what it does, or did when it ended.

    report: for each collection what was read, added, updated, unchanged, rejected. notes: what else there is to say.
    marks: as they were when it began; those of the pull when it was done.
    """

    pull = models.ForeignKey(Pull, on_delete=models.CASCADE, related_name="runs")
    holder = models.CharField(max_length=80)
    cause = models.CharField(max_length=10)
    by = models.CharField(max_length=254, blank=True, default="")
    state = models.CharField(max_length=10, default="running")
    stage = models.TextField(blank=True, default="")
    started_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")
    report = models.JSONField(default=list)
    notes = models.JSONField(default=list)
    marks = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["-started_at", "-id"]

    def __str__(self) -> str:
        return f"{self.pull_id}: {self.state}"


class PullFile(models.Model):
    """A file that was taken, as it was then. size: bytes. changed_ns: its time of change, nanoseconds since 1970."""

    pull = models.ForeignKey(Pull, on_delete=models.CASCADE, related_name="files")
    path = models.TextField()
    size = models.BigIntegerField()
    changed_ns = models.BigIntegerField()
    taken_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["pull", "path"], name="one_pull_file")]

    def __str__(self) -> str:
        return self.path
