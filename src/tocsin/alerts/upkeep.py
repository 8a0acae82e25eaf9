"""Bringing a workspace's operational data up to date: tables, and the catalog that ships with this version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import resources
from importlib.metadata import version
from importlib.resources.abc import Traversable

from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from tocsin.alerts.models import Mark
from tocsin.catalog.files import is_rule_file

MIGRATING = 0x70C51  # the number of the lock, the same in every version
APPS = ("people", "health", "alerts", "delivery")


def bring_up_to_date(moment: datetime) -> None:
    """Make or migrate the tables, and load the shipped catalog; one query where this version has done so already."""
    marks = _marks()
    schema = f"{version('django')} {version('django-allauth')} {_names_of_migrations()}"
    if marks.get("schema") != schema:
        with _one_at_a_time():
            call_command("migrate", verbosity=0, interactive=False)
            _mark("schema", schema)
        marks = _marks()
    shipped = _digest(resources.files("tocsin.catalog"))
    if marks.get("catalog") != shipped:
        from tocsin.alerts.rulebook import publish_catalog

        with transaction.atomic():
            publish_catalog(moment)
            _mark("catalog", shipped)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Several processes may begin on one PostgreSQL database at once; a home of SQLite is locked by its process already."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATING])


def _marks() -> dict[str, str]:
    try:
        return dict(Mark.objects.values_list("name", "value"))
    except DatabaseError:  # there are no tables yet
        return {}


def _mark(name: str, value: str) -> None:
    Mark.objects.update_or_create(name=name, defaults={"value": value})


def _names_of_migrations() -> str:
    names = [
        entry.name
        for app in APPS
        for entry in sorted(resources.files(f"tocsin.{app}.migrations").iterdir(), key=lambda each: each.name)
        if entry.name[:4].isdigit() and entry.name.endswith(".py")
    ]
    return hashlib.sha256(" ".join(names).encode()).hexdigest()[:16]


def _digest(folder: Traversable) -> str:
    """What the rule files below a folder come to; tests of rules change nothing that is published."""
    digest = hashlib.sha256()
    for name, text in sorted(_texts(folder)):
        digest.update(f"{name}\n{text}\n".encode())
    return digest.hexdigest()


def _texts(folder: Traversable, prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _texts(entry, f"{prefix}{entry.name}/")
        elif is_rule_file(entry.name):
            found.append((f"{prefix}{entry.name}", entry.read_text("utf-8")))
    return found
