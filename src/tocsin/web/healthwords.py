"""How the health pages say things: profiles in English, bars, what made a score change. Pure; the facts are passed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tocsin.core import readings
from tocsin.core.rules import Description
from tocsin.core.scoring import Change, IndicatorScore
from tocsin.health.facade import ProfileInfo
from tocsin.web import words
from tocsin.web.charts import Line
from tocsin.web.healthfacts import Spread, Standing

SCALE = 1000  # the width of a bar in its own units


@dataclass(frozen=True, slots=True)
class Measured:
    """An indicator of a profile. share: its part of the whole weight; says: its formula in English."""

    name: str
    kind: str
    weight: float
    share: float
    says: str
    formula: str


@dataclass(frozen=True, slots=True)
class Told:
    """A profile as the page tells it. spread: of the accounts that it scores now; None while that is not known."""

    info: ProfileInfo
    scope: str
    indicators: tuple[Measured, ...]
    bands: str
    spread: Spread | None


def told(info: ProfileInfo, descriptions: Mapping[str, Description], spread: Spread | None) -> Told:
    """A profile in words."""
    profile = info.profile
    whole = sum(each.weight for each in profile.indicators)

    def says(formula: str) -> str:
        described = descriptions.get(formula)
        return described.text if described and described.text else readings.formula(formula, {})

    measured = tuple(
        Measured(each.name, each.kind, each.weight, each.weight / whole, says(each.score), each.score)
        for each in profile.indicators
    )
    scope = f"accounts where {readings.formula(profile.where, {})}" if profile.where else "accounts no other profile is for"
    good, average = words.number(profile.bands.good), words.number(profile.bands.average)
    bands = f"Good from {good}, Average from {average}, Poor below"
    return Told(info, scope, measured, bands, spread)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a bar: where it begins and how long it is, in thousandths of the bar."""

    tone: str
    start: int
    length: int


def bar(spread: Spread) -> tuple[Piece, ...]:
    """The bar of a spread of accounts; nothing of nobody."""
    return _pieces([((each.band or "none").lower(), each.accounts) for each in spread.bands])


def bar_words(spread: Spread) -> str:
    """The bar for those who do not see it."""
    return ", ".join(f"{each.band or 'Not scored'} {each.accounts:,}" for each in spread.bands)


def _pieces(parts: Sequence[tuple[str, float]]) -> tuple[Piece, ...]:
    whole = sum(length for _, length in parts)
    made, passed = list[Piece](), 0.0
    for tone, length in parts:
        if length > 0:
            start, end = round(passed / whole * SCALE), round((passed + length) / whole * SCALE)
            made.append(Piece(tone, start, end - start))
        passed += length
    return tuple(made)


@dataclass(frozen=True, slots=True)
class Row:
    """An indicator in the split of a score. changed: what it did to the score in 30 days; None where that is not known.

    bar: what it brings and what it keeps from 100, as long as the greatest weight is wide.
    """

    indicator: IndicatorScore
    changed: float | None
    bar: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Other:
    """What changed a score besides the indicators that it has now."""

    says: str
    points: float


def rows(indicators: Sequence[IndicatorScore], change: Change) -> tuple[Row, ...]:
    """The split of a score, with the change by indicator."""
    changed = {part.name: part.points for part in change.parts if part.kind == "indicator"}
    widest = max((each.effective_weight or 0.0 for each in indicators), default=0.0)
    return tuple(
        Row(
            each,
            changed.get(each.name),
            _pieces([("kept", each.points), ("lost", each.lost or 0.0), ("rest", widest - each.points - (each.lost or 0.0))])
            if each.points is not None and each.effective_weight
            else (),
        )
        for each in indicators
    )


def others(change: Change) -> tuple[Other, ...]:
    """What another profile or an override did to a score."""
    says = {"profile": "Scored by {} instead", "override": "Override by a person"}
    return tuple(Other(says[part.kind].format(part.name), part.points) for part in change.parts if part.kind in says)


class ScoreLine(Line):
    """The line of a health score: below its threshold lies the band Poor."""

    @property
    def limit(self) -> str:
        """Where the band begins."""
        return "" if self.threshold is None else f"Poor below {self.says(self.threshold)}"

    def describe(self, zone: ZoneInfo) -> str:
        """The chart in a sentence, for those who do not see it."""
        text = Line(self.title, self.points).describe(zone)
        return f"{text} {self.limit}." if self.limit else text


def line(standings: Sequence[Standing], poor_below: float | None) -> ScoreLine:
    """The chart of kept scores. poor_below: where the band Poor ends, None where no profile says it."""
    points = tuple((each.at, each.score) for each in standings)
    return ScoreLine("Health score", points, threshold=poor_below, breach=None if poor_below is None else "below")
