"""What the sources app shows to others: plain functions that take and give frozen dataclasses. Times are aware, UTC."""

from tocsin.sources.book import (
    PREFIX,
    add_secret,
    create_source,
    delete_source,
    list_sources,
    pause_source,
    recent_deliveries,
    remove_secret,
    resume_source,
    set_settings,
    source_info,
)
from tocsin.sources.keyring import CHOSEN_HERE
from tocsin.sources.noting import clear_expired, for_door, is_repeated, note_received, note_refused
from tocsin.sources.shapes import BECAME, DeliveryInfo, DoorSource, SecretInfo, SourceInfo

__all__ = [
    "BECAME",
    "CHOSEN_HERE",
    "PREFIX",
    "DeliveryInfo",
    "DoorSource",
    "SecretInfo",
    "SourceInfo",
    "add_secret",
    "clear_expired",
    "create_source",
    "delete_source",
    "for_door",
    "is_repeated",
    "list_sources",
    "note_received",
    "note_refused",
    "pause_source",
    "recent_deliveries",
    "remove_secret",
    "resume_source",
    "set_settings",
    "source_info",
]
