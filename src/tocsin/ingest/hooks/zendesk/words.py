"""Zendesk's words, in capitals in events and in the account's language in triggers, as the collections have them."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.ingest.hooks.fields import Fields
from tocsin.ingest.hooks.values import as_key, text_map

PRIORITIES = {"low": "low", "normal": "normal", "high": "high", "urgent": "critical"}
OPEN = frozenset({"new", "open", "pending", "hold", "on-hold"})
DONE = frozenset({"solved", "closed", "archived", "deleted", "scrubbed"})
# A rating is good or bad; on the scale of one to five that other tools ask by these are its ends.
SCORES = {"good": 5.0, "bad": 1.0}
_NONE = frozenset({"", "0", "-"})


def status_of(value: str | None, settings: Mapping[str, object]) -> str:
    """The status in small letters, '' where there is none; the setting `statuses` turns those of other languages."""
    given = (value or "").strip()
    return text_map(settings, "statuses").get(given, given).lower()


def is_done(status: str) -> bool | None:
    """Whether a status means that nothing is left to do; None where it is none that is known."""
    return status in DONE if status in DONE | OPEN else None


def priority_of(fields: Fields, name: str, settings: Mapping[str, object]) -> dict[str, str | None]:
    """The priority; None where the ticket has none, and nothing where it is a word that is not known."""
    if name not in fields:
        return {}
    given = fields.maybe_text(name)
    if given is None or given == "-":
        return {"priority": None}
    found = text_map(settings, "priorities").get(given) or PRIORITIES.get(given.lower())
    return {"priority": found} if found else {}


def reference(fields: Fields, name: str) -> str | None:
    """An id of another object; None where there is none, which events write as 0 and triggers as an empty text."""
    found = fields.maybe_key(name)
    return None if found is None or found in _NONE else found


def score_of(value: object, settings: Mapping[str, object]) -> float | None:
    """The score of a rating: 5 for good, 1 for bad, a number from 1 to 5 as it stands; None for anything else.

    In triggers a reason may follow (`Bad, the issue took too long`); the setting `ratings` turns words of other languages.
    """
    text = (as_key(value) or "").strip()
    word = text_map(settings, "ratings").get(text, text).partition(",")[0].strip().lower()
    number = float(word) if word in {"1", "2", "3", "4", "5"} else None
    return SCORES.get(word, number)
