"""The figures of evidence as messages tell them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.delivery.conftest import Town
from tocsin.alerts.facade import EvidenceLine
from tocsin.alerts.models import Episode
from tocsin.delivery.telling import item_of


@pytest.mark.parametrize(
    ("text", "value", "threshold", "told"),
    [
        ("license utilization is 90 % or more", 1.0, 0.9, ("100%", "90%")),
        ("usage fell by 30 % or more over 30 days", -0.36, -0.3, ("-36%", "-30%")),
        ("usage in the last 30 days is below 30", 12, 30, ("12", "30")),
        ("usage is 130 % of 30", 0.5, 0.3, ("0.5", "0.3")),
        ("the plan is 'pro'", "pro", "pro", ("pro", "pro")),
        ("renewal date is not known", None, None, ("none", "none")),
        ("auto renewal is on", True, True, ("yes", "yes")),
    ],
)
def test_what_the_sentence_calls_a_share_is_told_as_one(
    town: Town, text: str, value: Any, threshold: Any, told: tuple[str, str]
) -> None:
    town.open("usage-drop", "A1")
    line = EvidenceLine("f", text, value, "<", threshold, "")
    Episode.objects.update(
        evidence=[{**{name: getattr(line, name) for name in ("formula", "text", "value", "op", "threshold")}}]
    )
    [shown] = item_of(town.alert("usage-drop")).lines
    assert (shown.value, shown.threshold) == told
