"""Which alerts are good news."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tocsin.web import tones


@pytest.mark.parametrize(
    ("category", "severity", "mark"),
    [
        ("upsell", "medium", "favour"),
        ("onboarding", "info", "favour"),  # a customer won, a first use, an onboarding completed
        ("renewal", "info", "favour"),  # a renewal
        ("onboarding", "low", "low"),
        ("renewal", "high", "high"),
        ("work", "info", "info"),  # a task that is due soon is neither good nor bad
        ("portfolio", "info", "info"),
    ],
)
def test_good_news_wears_the_arrow(category: str, severity: str, mark: str) -> None:
    alert: Any = SimpleNamespace(category=category, severity=severity)
    assert tones.mark(alert) == mark
