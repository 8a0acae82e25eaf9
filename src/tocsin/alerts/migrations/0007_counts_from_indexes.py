"""Indexes that hold all that the counts of every page ask for; one that was asked for by a parameter was never used."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0006_pending_account'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='episode',
            name='alerts_epis_state_64356b_idx',
        ),
        migrations.RemoveIndex(
            model_name='episode',
            name='alerts_epis_opened__4bfab9_idx',
        ),
        migrations.RemoveIndex(
            model_name='episode',
            name='quiet_episode',
        ),
        migrations.AddIndex(
            model_name='episode',
            index=models.Index(fields=['state', 'rule', 'severity', 'category', 'inhibited_by'], name='counted_episode'),
        ),
        migrations.AddIndex(
            model_name='episode',
            index=models.Index(fields=['state', 'inhibited_by', 'subject_kind', 'subject_id'], name='actionable_episode'),
        ),
        migrations.AddIndex(
            model_name='episode',
            index=models.Index(fields=['opened_at', 'rule'], name='fired_episode'),
        ),
    ]
