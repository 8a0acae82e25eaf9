"""Values of formulas as JSON holds them."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tocsin.core.plain import plain


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, None),
        (True, True),
        ("x", "x"),
        (7, 7),
        (30.0, 30),
        (-0.25, -0.25),
        (1e300, 1e300),
        (math.nan, None),
        (-math.inf, None),
        (date(2026, 3, 31), "2026-03-31"),
        (datetime(2026, 3, 31, 12, tzinfo=UTC), "2026-03-31T12:00:00Z"),
        ([1.0, "a", None], [1, "a", None]),
        ((timedelta(days=2), timedelta(hours=36)), [2, 1.5]),
        ({3.0, 1.0}, [1, 3]),
        (Exception("x"), "x"),
    ],
)
def test_values_as_json(value: object, said: Any) -> None:
    assert plain(value) == said
    assert json.dumps(plain(value)) == json.dumps(said), "of the same type, also within"
