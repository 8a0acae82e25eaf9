from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies: ClassVar = [("alerts", "0002_triggers")]

    operations: ClassVar = [
        migrations.AddIndex(
            "episode",
            models.Index(fields=["state", "account"], condition=~Q(inhibited_by=""), name="quiet_episode"),
        ),
    ]
