"""Forgetting what is older than what is kept."""

from __future__ import annotations

from datetime import datetime

from tocsin.sources import noting
from tocsin.sources.pulls import claiming


def clear_expired(moment: datetime) -> int:
    """Forget old deliveries of webhooks and old runs of pulls; gives how many."""
    return noting.clear_expired(moment) + claiming.clear_expired(moment)
