"""What is in force, kept until any definition changes: all definitions stand under one revision.

Each change of a version (of a rule, a signal, a segment, a profile, a milestone template; in force or drafted) writes a new
token in its own transaction, in whatever process it happens. Who reads definitions asks for the token only, and reads the
versions themselves where it is another one than theirs were read under.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar, cast
from uuid import uuid4

from django.db import models
from django.db.models import Model, QuerySet
from django.db.models.signals import post_delete, post_save

from tocsin.core.once import forget, once

T = TypeVar("T")
M = TypeVar("M", bound=Model)
REVISION = "health.revision"  # under which a request keeps the token
_kept: dict[Hashable, tuple[str, Any]] = {}  # what was read, by what it is -> (token, value)


class Revision(models.Model):
    """The one row with the token of all definitions."""

    token = models.CharField(max_length=32)

    def __str__(self) -> str:
        return self.token


class Versions(QuerySet[M]):
    """Rows of versions: what changes many of them at once is a change of the definitions too."""

    def update(self, **changes: Any) -> int:
        """As any query set does."""
        found = super().update(**changes)
        revise()
        return found

    def bulk_create(self, objs: Iterable[M], *args: Any, **more: Any) -> list[M]:
        """As any query set does."""
        made = super().bulk_create(objs, *args, **more)
        revise()
        return made


def watch(*versions: type[Model]) -> None:
    """Take rows of these models for definitions, one by one too. Their managers are made of `Versions`."""
    for model in versions:
        for signal in (post_save, post_delete):
            signal.connect(revise, sender=model)


def revise(**_: Any) -> None:
    """Definitions were changed: they stand under another token once this transaction is through."""
    row = Revision(pk=1, token=uuid4().hex)
    Revision.objects.bulk_create([row], update_conflicts=True, unique_fields=["id"], update_fields=["token"])
    forget(REVISION)


def under_revision(what: Hashable, read: Callable[[], T]) -> T:
    """What is read of the definitions, read anew where one of them has changed since. One query, and one of a whole request.

    what: names what is read. The value is shared: nobody is to change it.
    """
    token = once(REVISION, _token)
    known = _kept.get(what)
    if known is not None and known[0] == token:
        return cast("T", known[1])
    made = read()
    if token and _token() == token:  # else it is not known under which it was read
        _kept[what] = (token, made)
    return made


def _token() -> str:
    """The token of now; empty where there is none yet."""
    return Revision.objects.filter(pk=1).values_list("token", flat=True).first() or ""
