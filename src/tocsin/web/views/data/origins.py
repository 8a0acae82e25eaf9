"""Where facts come from, as people call it: files, live events, and each system that sends webhooks."""

from __future__ import annotations

from tocsin.facts.importing.governing import FILE, HTTP, MANUAL
from tocsin.sources import facade as sources


def origins() -> dict[str, str]:
    """The id of each source as rows bear it -> what it is called."""
    named = {each.id: f"{each.name} ({each.title})" for each in sources.list_sources()}
    return {FILE: "File imports", HTTP: "Live events (Segment API)", **named, MANUAL: "By hand"}
