"""The list of rules: its filters, which live in the address, and how many rules each would leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from django.http import QueryDict
from django.utils.http import urlencode

from tocsin.alerts.facade import RuleInfo
from tocsin.core.rules import CATEGORIES, STATES
from tocsin.engine.readiness import STATES as READINESS
from tocsin.engine.readiness import Readiness
from tocsin.web import words
from tocsin.web.filters import Chip, Choice

SILENT = "silent"  # in the address: every readiness but ready
SLUGS: Mapping[str, str] = {SILENT: "cannot speak", **{state.replace(" ", "-"): state for state in READINESS}}


@dataclass(frozen=True, slots=True)
class RuleFilters:
    """The filters of the list; empty ones do not narrow. readiness: as the address has it (`needs-data`)."""

    state: str = ""
    category: str = ""
    readiness: str = ""

    def query(self, **changes: str) -> str:
        """The query string (with `?`) of these filters with some changed."""
        changed = replace(self, **changes)
        pairs = [(name, value) for name in ("state", "category", "readiness") if (value := getattr(changed, name))]
        return f"?{urlencode(pairs)}" if pairs else "?"

    def lets(self, row: Row) -> bool:
        """Whether a rule is shown."""
        ready = row.ready.state if row.ready else ""
        fits = row.silent if self.readiness == SILENT else SLUGS.get(self.readiness, "") in ("", ready)
        return fits and self.state in ("", row.info.state) and self.category in ("", row.info.category)


@dataclass(frozen=True, slots=True)
class Row:
    """A rule or a draft in the list. ready: None while that is not known. drafted: the version of a draft that is newer."""

    info: RuleInfo
    ready: Readiness | None
    drafted: int | None = None

    @property
    def silent(self) -> bool:
        """Whether it cannot speak, as far as is known."""
        return self.ready is not None and self.ready.state != "ready"


def read(given: QueryDict) -> RuleFilters:
    """The filters of an address; unknown values are passed over."""

    def one_of(name: str, known: Sequence[str]) -> str:
        value = given.get(name, "")
        return value if value in known else ""

    return RuleFilters(one_of("state", STATES), one_of("category", CATEGORIES), one_of("readiness", list(SLUGS)))


def rows(infos: Sequence[RuleInfo], drafts: Sequence[RuleInfo], ready: Mapping[str, Readiness] | None) -> list[Row]:
    """The rules in force, with what is drafted of them; and the drafts of rules that are not in force."""
    drafted = {draft.id: draft.version for draft in drafts}
    in_force = {info.id for info in infos}
    known = ready or {}
    made = [Row(info, known.get(info.id), drafted.get(info.id)) for info in infos]
    made += [Row(draft, None) for draft in drafts if draft.id not in in_force]
    return made


def sections(shown: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """The rows by category, in the order of categories, each by name."""
    order = {category: place for place, category in enumerate(CATEGORIES)}
    ordered = sorted(shown, key=lambda row: (order.get(row.info.category, len(order)), row.info.name.casefold(), row.info.id))
    return [(category, list(found)) for category, found in groupby(ordered, key=lambda row: row.info.category)]


def states(filters: RuleFilters, every: Sequence[Row]) -> list[Choice]:
    """All, and each state, with the count of rules: those that the other filters let through."""
    others = replace(filters, state="")
    left = [row for row in every if others.lets(row)]
    made = [Choice("All", len(left), filters.query(state=""), not filters.state)]
    for state in STATES:
        count = sum(row.info.state == state for row in left)
        made.append(Choice(state.capitalize(), count, filters.query(state=state), filters.state == state))
    return made


def choices(filters: RuleFilters, every: Sequence[Row]) -> dict[str, list[Choice]]:
    """What can be chosen under Filter, with counts of what the other filters let through."""
    return {
        "Category": _choices(filters, "category", {each: words.spoken(each) for each in CATEGORIES}, every),
        "Readiness": _choices(filters, "readiness", {slug: state.capitalize() for slug, state in SLUGS.items()}, every),
    }


def _choices(filters: RuleFilters, name: str, values: Mapping[str, str], every: Sequence[Row]) -> list[Choice]:
    made = []
    for value, text in values.items():
        count = sum(replace(filters, **{name: value}).lets(row) for row in every)
        if count or getattr(filters, name) == value:
            made.append(Choice(text, count, filters.query(**{name: value}), getattr(filters, name) == value))
    return made


def chips(filters: RuleFilters) -> list[Chip]:
    """The filters that are set besides the state, each with a way to unset it."""
    told = {
        "category": words.spoken(filters.category),
        "readiness": SLUGS.get(filters.readiness, "").capitalize(),
    }
    return [Chip(text, filters.query(**{name: ""})) for name, text in told.items() if text]
