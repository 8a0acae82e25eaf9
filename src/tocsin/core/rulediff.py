"""What two sets of definitions differ in: rules, signals, segments, profiles, milestones, told by their text in files."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from tocsin.core.milestones import Milestone
from tocsin.core.profiles import Profile
from tocsin.core.rulefiles import dump_milestone, dump_profile, dump_rule
from tocsin.core.rules import Definitions, Rule

Kind = Literal["signal", "segment", "rule", "profile", "milestone"]
Change = Literal["added", "changed", "removed"]


@dataclass(frozen=True)
class Difference:
    """One definition that is not the same in both. fields: what of it differs, by name; of one that is added or removed none.

    before, after: its text in a rule file; '' where it is not there.
    """

    kind: Kind
    id: str
    change: Change
    fields: tuple[str, ...]
    before: str
    after: str

    def to_json(self) -> dict[str, Any]:
        """The difference as `tocsin rules diff --format json` shows it."""
        return {
            "kind": self.kind,
            "id": self.id,
            "change": self.change,
            "fields": list(self.fields),
            "before": self.before or None,
            "after": self.after or None,
        }

    def to_text(self, before: str, after: str) -> str:
        """A unified diff. before, after: what the two sides are called."""
        old, new = (text.splitlines(keepends=True) for text in (self.before, self.after))
        names = [f"{self.kind} {self.id} ({side})" for side in (before, after)]
        return "".join(difflib.unified_diff(old, new, names[0], names[1], n=2))


def differences(before: Definitions, after: Definitions, *, partial: bool = False) -> list[Difference]:
    """What differs, by kind and id. partial: `after` holds but some definitions: what it lacks stays, and is no difference.

    Comments and the order in a file make no difference.
    """
    found: list[Difference] = []
    for kind, left, right in (
        ("signal", before.signals, after.signals),
        ("segment", before.segments, after.segments),
        ("rule", _by_id(before.rules), _by_id(after.rules)),
        ("profile", _by_id(before.profiles), _by_id(after.profiles)),
        ("milestone", _by_id(before.milestones), _by_id(after.milestones)),
    ):
        found += _between(kind, left, right, partial=partial)  # type: ignore[arg-type]
    return found


def _by_id(each: tuple[Rule, ...] | tuple[Profile, ...] | tuple[Milestone, ...]) -> dict[str, Rule | Profile | Milestone]:
    return {one.id: one for one in each}


def _between(kind: Kind, left: Mapping[str, Any], right: Mapping[str, Any], *, partial: bool) -> list[Difference]:
    made = []
    for name in sorted({*left, *right}):
        old, new = left.get(name), right.get(name)
        if old == new or (new is None and partial):
            continue
        change: Change = "added" if old is None else "removed" if new is None else "changed"
        made.append(Difference(kind, name, change, _fields(old, new), _text(name, old), _text(name, new)))
    return made


def _fields(old: Any, new: Any) -> tuple[str, ...]:
    if old is None or new is None or isinstance(old, str):
        return ()
    return tuple(each.name for each in fields(old) if each.compare and getattr(old, each.name) != getattr(new, each.name))


def _text(name: str, given: Any) -> str:
    match given:
        case None:
            return ""
        case Rule():
            return dump_rule(given)
        case Profile():
            return dump_profile(given)
        case Milestone():
            return dump_milestone(given)
    return f"{name}: {given}\n"
