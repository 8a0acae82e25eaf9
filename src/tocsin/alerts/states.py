"""Between rows of episodes and the states of `core.lifecycle`."""

from __future__ import annotations

from typing import cast

from tocsin.alerts.models import Episode
from tocsin.core.lifecycle import CloseReason, EpisodeState, State


def state_of(episode: Episode) -> EpisodeState:
    """Where the episode stands, for `core.lifecycle`."""
    return EpisodeState(
        state=cast("State", episode.state),
        since=episode.since,
        opened_at=episode.opened_at,
        notified_at=episode.notified_at,
        snoozed_until=episode.snoozed_until,
        closed_at=episode.closed_at,
        closed_because=cast("CloseReason", episode.close_reason) if episode.close_reason else None,
        rearmed=episode.rearmed,
        step=episode.step,
        baseline=episode.baseline,
    )


# The columns that `put` writes.
STATE_FIELDS = ("state", "since", "notified_at", "snoozed_until", "closed_at", "close_reason", "rearmed", "remembered", "step")


def put(episode: Episode, state: EpisodeState) -> None:
    """Write a state into the row (not saved). Its opening stays as it was."""
    episode.state = state.state
    episode.since = state.since
    episode.notified_at = state.notified_at
    episode.snoozed_until = state.snoozed_until
    episode.closed_at = state.closed_at
    episode.close_reason = state.closed_because or ""
    episode.rearmed = state.rearmed
    episode.step = state.step
    episode.remembered = state.state == "closed"
