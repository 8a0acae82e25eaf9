"""The token of all definitions; a workspace that has some already begins with one."""

from typing import Any
from uuid import uuid4

from django.db import migrations, models


def begin(apps: Any, schema_editor: Any) -> None:
    apps.get_model("health", "Revision").objects.create(pk=1, token=uuid4().hex)


class Migration(migrations.Migration):

    dependencies = [
        ('health', '0002_milestones'),
    ]

    operations = [
        migrations.CreateModel(
            name='Revision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token', models.CharField(max_length=32)),
            ],
        ),
        migrations.RunPython(begin, migrations.RunPython.noop),
    ]
