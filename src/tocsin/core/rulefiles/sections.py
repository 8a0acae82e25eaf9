"""A rule file as a whole: a list of rules, or a mapping with the sections that `SECTIONS` names."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from tocsin.core.rulefiles.build import Draft, read_rule
from tocsin.core.rulefiles.marked import Fields, Item, Items, MarkedError, Scalar, plain, read
from tocsin.core.rulefiles.milestones import MilestoneDraft, read_milestones
from tocsin.core.rulefiles.profiles import ProfileDraft, read_profiles
from tocsin.core.rulefiles.report import Report, kind_of, known_keys, listed, mapping, text
from tocsin.core.rules import Description

SECTIONS = ("signals", "segments", "rules", "profiles", "milestones", "playbooks")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = {
    "and",
    "or",
    "not",
    "in",
    "is",
    "null",
    "between",
    "contains",
    "where",
    "last",
    "after",
    "since",
    "true",
    "false",
    "date",
}


@dataclass(frozen=True, slots=True)
class Named:
    """A signal or segment of a file."""

    name: str
    key: Scalar
    formula: Scalar
    description: Description = field(default_factory=Description)


@dataclass(slots=True)
class Contents:
    """What one file holds."""

    report: Report
    rules: list[Draft] = field(default_factory=list)
    signals: list[Named] = field(default_factory=list)
    segments: list[Named] = field(default_factory=list)
    profiles: list[ProfileDraft] = field(default_factory=list)
    milestones: list[MilestoneDraft] = field(default_factory=list)
    playbooks: list[Any] = field(default_factory=list)


def read_file(file: str, content: str) -> Contents:
    """The contents of a file, with the problems that can be told from it alone in its report."""
    report = Report(file)
    contents = Contents(report)
    try:
        document = read(content)
    except MarkedError as error:
        report(error.place, error.message)
        return contents
    if isinstance(document, Items):
        contents.rules = _rules(report, document)
    elif isinstance(document, Fields):
        known_keys(report, document, SECTIONS, "a rule file")
        contents.rules = _rules(report, document.get("rules"))
        contents.signals = _named(report, document.get("signals"), "signal", ("formula", "description", "unit"))
        contents.segments = _named(report, document.get("segments"), "segment", ("formula", "description"))
        contents.profiles = read_profiles(report, document.get("profiles"))
        contents.milestones = read_milestones(report, document.get("milestones"))
        contents.playbooks = _raw(document.get("playbooks"))
    elif document is not None:
        sections = ", ".join(SECTIONS)
        report(document, f"a rule file holds a list of rules, or a mapping with {sections}; {kind_of(document)} stands there")
    return contents


def _rules(report: Report, item: Item | None) -> list[Draft]:
    drafts = (read_rule(report, each) for each in listed(report, item, "`rules`"))
    return [draft for draft in drafts if draft is not None]


def _raw(item: Item | None) -> list[Any]:
    value = plain(item)
    return value if isinstance(value, list) else [] if value is None else [value]


def _named(report: Report, item: Item | None, what: str, keys: Collection[str]) -> list[Named]:
    """Signals or segments: each a formula, or a mapping that holds it with a description."""
    fields = mapping(report, item, f"`{what}s`")
    found: dict[str, Named] = {}
    for key, held in fields.entries if fields else ():
        name = key.text
        if what == "signal" and (not _NAME.fullmatch(name) or name.lower() in _WORDS):
            report(key, f"the signal {name!r} must be a name of letters, digits and _ that formulas can say")
            continue
        if name in found:
            report(key, f"the {what} {name!r} is there twice; keep one")
            continue
        entry, description = held, Description()
        if isinstance(held, Fields):
            known_keys(report, held, keys, f"the {what} {name!r}")
            told = [
                text(report, held.get(each), f"the {each} of the {what} {name!r}") or "" for each in ("description", "unit")
            ]
            description = Description(*told)
            entry = held.get("formula") or held
        if isinstance(entry, Scalar) and entry.value is None:
            report(key, f"the {what} {name!r} has no formula")
        elif isinstance(entry, Fields):
            report(entry, f"the {what} {name!r} needs a `formula`")
        elif text(report, entry, f"the formula of the {what} {name!r}") is not None and isinstance(entry, Scalar):
            found[name] = Named(name, key, entry, description)
    return list(found.values())
