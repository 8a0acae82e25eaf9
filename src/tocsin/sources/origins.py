"""Where facts come from, as people call it: files, live events, webhooks, and systems that are asked by a schedule."""

from __future__ import annotations

from datetime import datetime

from tocsin.facts.importing.governing import FILE, HTTP, MANUAL
from tocsin.facts.pulling.shapes import source_of
from tocsin.sources.book import list_sources
from tocsin.sources.pulls.book import list_pulls


def origins(moment: datetime) -> dict[str, str]:
    """The id of each source as rows bear it -> what it is called."""
    named = {each.id: f"{each.name} ({each.title})" for each in list_sources()}
    pulled = {source_of(each.name): f"{each.name} (pull)" for each in list_pulls(moment)}
    return {FILE: "File imports", HTTP: "Live events (Segment API)", **named, **pulled, MANUAL: "By hand"}
