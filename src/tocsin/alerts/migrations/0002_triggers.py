from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models
from django.db.models import F


def as_published(apps, schema_editor):  # type: ignore[no-untyped-def]
    """Of versions made before there was `since`, all that is known is when they were published."""
    apps.get_model("alerts", "RuleVersion").objects.update(since=F("published_at"))


class Migration(migrations.Migration):
    dependencies: ClassVar = [("alerts", "0001_initial")]

    operations: ClassVar = [
        migrations.AddField("episode", "step", models.CharField(blank=True, default="", max_length=20)),
        migrations.AddField("episode", "count", models.PositiveIntegerField(default=1)),
        migrations.AddField("episode", "inhibited_by", models.CharField(blank=True, default="", max_length=200)),
        migrations.AddField("ruleversion", "since", models.DateTimeField(null=True)),
        migrations.RunPython(as_published, migrations.RunPython.noop),
        migrations.AlterField("ruleversion", "since", models.DateTimeField()),
    ]
