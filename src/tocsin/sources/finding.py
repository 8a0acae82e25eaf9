"""One of the stored sources, by its id or its name."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from tocsin.core.language import suggestion

Row = TypeVar("Row", bound=Model)


def found(rows: QuerySet[Row], reference: str) -> Row | None:
    """The row of a `public_id` or a `name`; None where there is none."""
    return rows.filter(public_id=reference).first() or rows.filter(name=reference).first()


def near(rows: QuerySet[Any], reference: str) -> str:
    """What may have been meant, as the end of a sentence that says that there is none; '' where there are none at all."""
    known = list(rows.values_list("name", flat=True))
    return suggestion(reference, known) or (f"; there are {', '.join(known[:10])}" if known else "")
