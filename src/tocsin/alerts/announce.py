"""Who hears of changes of alerts, inside the transaction that makes them: the outbox, which registers when Django starts.

The alerts app knows nobody who comes after it; whoever does registers here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tocsin.alerts.shapes import TransitionNotice

OnTransition = Callable[[Sequence[TransitionNotice]], None]

_hearers: list[OnTransition] = []


def register(hearer: OnTransition) -> None:
    """From now on this callable is told of every change; registering it twice changes nothing."""
    if hearer not in _hearers:
        _hearers.append(hearer)


def announce(notices: Sequence[TransitionNotice], on_transition: OnTransition | None = None) -> None:
    """Tell everybody who is registered, or (for one call) somebody else instead. Inside the caller's transaction."""
    if not notices:
        return
    for hearer in _hearers if on_transition is None else (on_transition,):
        hearer(notices)
