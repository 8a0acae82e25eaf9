"""What a test file says, and what came of it: frozen, without any reading of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tocsin.core.language import Value
from tocsin.core.rulefiles.marked import Place
from tocsin.core.rules import Rule

# What a case can be marked to show: that the rule fires right at its threshold, does not right under it, had not yet the
# moment before, says nothing where a value is not known; and (rules of absence) what it says where something never happened.
COVERS = ("above", "below", "before", "null", "never")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of facts: its columns, null ones left out, as plain values; and where it stands in the test file."""

    columns: Mapping[str, Any] = field(hash=False)
    place: Place


Facts = Mapping[str, tuple[Row, ...]]  # collection -> its rows


@dataclass(frozen=True, slots=True)
class AsOf:
    """What a `when` rule must say as of a moment: for exactly these subjects it holds.

    message: a part of the message of the first match; None: any message will do.
    """

    moment: datetime
    fires: tuple[str, ...]
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """What must open in a replay from `start` to `end`: exactly these alerts.

    alerts: of each the fields that are compared: subject, opened_at, closed_at, step, existing, count and others.
    """

    start: datetime
    end: datetime
    every: timedelta
    alerts: tuple[Mapping[str, Any], ...] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its facts, the parameters that replace the rule's own, and what is expected.

    covers: what it shows, of COVERS.
    """

    name: str
    place: Place
    facts: Facts = field(hash=False)
    expected: AsOf | Span
    params: Mapping[str, Value] = field(default_factory=dict, hash=False)
    covers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suite:
    """A test file that could be read: the rule that it is about, and its cases in order."""

    file: str
    rule: Rule
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case. line: where the case stands in the file. expected, found: in words, of a failing case."""

    file: str
    line: int
    rule: str
    case: str
    passed: bool
    expected: str = ""
    found: str = ""

    def to_json(self) -> dict[str, Any]:
        """The result as `tocsin rules test --format json` shows it."""
        return {name: getattr(self, name) for name in ("file", "line", "rule", "case", "passed", "expected", "found")}

    def __str__(self) -> str:
        """`no-login.test.yaml:7: 'silent for 15 days': expected fires [acme], came fires []`."""
        came = f"expected {self.expected}, came {self.found}" if not self.passed else "passed"
        return f"{self.file}:{self.line}: {self.case!r}: {came}"
