"""Matchers over an alert's labels (`severity = critical`, `tier =~ 1|2`), and silences made of them.

Semantics of Alertmanager: a label that an alert lacks is the empty text; a pattern must match the whole value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tocsin.core.errors import UserError
from tocsin.core.language import suggestion

# What an alert is matched by; all are texts.
LABELS = (
    "rule", "category", "severity", "subject", "account", "owner", "team", "tier", "plan", "lifecycle_stage", "kind",
)  # fmt: skip
OPERATORS = ("=~", "!~", "!=", "=")  # the longer ones first, as they are looked for in this order
_MATCHER = re.compile(r"\s*([a-z_]+)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Matcher:
    """One comparison of a label. op: one of `=`, `!=`, `=~` (the pattern matches all of the value), `!~`."""

    label: str
    op: str
    value: str

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether it holds for these labels."""
        given = labels.get(self.label, "")
        if self.op in ("=", "!="):
            return (given == self.value) == (self.op == "=")
        return (re.fullmatch(self.value, given) is not None) == (self.op == "=~")

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.label} {self.op} {self.value}"


@dataclass(frozen=True, slots=True)
class Silence:
    """Keeps the notices of matching alerts back from `starts_at` until `ends_at`. matchers: all must hold; none never does."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    by: str = ""
    reason: str = ""


def parse_matcher(text: str) -> Matcher:
    """The matcher of a text such as `severity = critical`; a value may stand in quotes. UserError where it is none."""
    found = _MATCHER.fullmatch(text)
    if found is None or len(text) > LONGEST:
        raise UserError(f"{text[:80]!r} is no matcher; write a label, an operator and a value, such as severity = critical")
    label, op, value = found[1], found[2], found[3]
    if label not in LABELS:
        hint = suggestion(label, LABELS) or f"; there are {', '.join(LABELS)}"
        raise UserError(f"unknown label {label!r}{hint}")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    if op in ("=~", "!~"):
        try:
            re.compile(value)
        except re.error as error:
            raise UserError(f"{value!r} is no pattern ({error})") from error
    return Matcher(label, op, value)


def silenced(silences: Iterable[Silence], labels: Mapping[str, str], moment: datetime) -> Silence | None:
    """The silence that keeps an alert with these labels back at a moment: of several the one that ends last."""
    found = [
        each
        for each in silences
        if each.matchers and each.starts_at <= moment < each.ends_at and all(one.holds(labels) for one in each.matchers)
    ]
    return max(found, key=lambda each: each.ends_at, default=None)
