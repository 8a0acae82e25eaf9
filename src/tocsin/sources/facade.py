"""What the sources app shows to others: plain functions that take and give frozen dataclasses. Times are aware, UTC."""

from tocsin.sources.book import (
    PREFIX,
    add_secret,
    create_source,
    delete_source,
    list_sources,
    pause_source,
    recent_deliveries,
    recent_refusals,
    remove_secret,
    resume_source,
    set_settings,
    source_info,
)
from tocsin.sources.keyring import CHOSEN_HERE
from tocsin.sources.kinds import Kind, hook_kinds
from tocsin.sources.noting import for_door, is_repeated, note_received
from tocsin.sources.origins import origins
from tocsin.sources.pulls.book import (
    ask_for_run,
    begin_anew,
    create_pull,
    delete_pull,
    has_pull,
    list_pulls,
    pause_pull,
    pull_info,
    resume_pull,
    runs_of,
    set_pull,
)
from tocsin.sources.pulls.checking import SETTINGS as PULL_SETTINGS
from tocsin.sources.pulls.freshness import Behind, complete_until
from tocsin.sources.pulls.loop import Loop as PullLoop
from tocsin.sources.pulls.running import run_now
from tocsin.sources.pulls.shapes import CAUSES, PullInfo, RunInfo
from tocsin.sources.pulls.shapes import KINDS as PULL_KINDS
from tocsin.sources.refusals import note_refused
from tocsin.sources.shapes import BECAME, DeliveryInfo, DoorSource, RefusalInfo, SecretInfo, SourceInfo
from tocsin.sources.upkeep import clear_expired

__all__ = [
    "BECAME",
    "CAUSES",
    "CHOSEN_HERE",
    "PREFIX",
    "PULL_KINDS",
    "PULL_SETTINGS",
    "Behind",
    "DeliveryInfo",
    "DoorSource",
    "Kind",
    "PullInfo",
    "PullLoop",
    "RefusalInfo",
    "RunInfo",
    "SecretInfo",
    "SourceInfo",
    "add_secret",
    "ask_for_run",
    "begin_anew",
    "clear_expired",
    "complete_until",
    "create_pull",
    "create_source",
    "delete_pull",
    "delete_source",
    "for_door",
    "has_pull",
    "hook_kinds",
    "is_repeated",
    "list_pulls",
    "list_sources",
    "note_received",
    "note_refused",
    "origins",
    "pause_pull",
    "pause_source",
    "pull_info",
    "recent_deliveries",
    "recent_refusals",
    "remove_secret",
    "resume_pull",
    "resume_source",
    "run_now",
    "runs_of",
    "set_pull",
    "set_settings",
    "source_info",
]
