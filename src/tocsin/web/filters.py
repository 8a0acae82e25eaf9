"""The inbox's filters: read from the address, turned into what the alerts room understands, and back into addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from django.http import QueryDict
from django.utils.http import urlencode

from tocsin.alerts import facade as alerts
from tocsin.alerts.facade import AlertFilter
from tocsin.people import facade as people

if TYPE_CHECKING:
    from tocsin.web.shell import User  # what `request.user` is

Whose = Literal["mine", "team", "all"]
GRAVEST_FIRST = alerts.SEVERITIES[::-1]
WHOSE: tuple[tuple[Whose, str], ...] = (("mine", "Mine"), ("team", "Team"), ("all", "All"))
# age -> its words, and the shortest and longest time since an alert opened; None does not narrow.
AGES: dict[str, tuple[str, timedelta | None, timedelta | None]] = {
    "day": ("In the last day", None, timedelta(days=1)),
    "week": ("In the last 7 days", None, timedelta(days=7)),
    "older": ("More than 30 days ago", timedelta(days=30), None),
}
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks for; empty fields do not narrow. Unknown values are passed over."""

    whose: Whose = "all"
    state: str = ""
    severity: str = ""
    category: str = ""
    rule: str = ""
    account: str = ""
    age: str = ""
    page: int = 1
    given_whose: bool = False

    @property
    def folds(self) -> bool:
        """Whether what is kept quiet is folded away: not where it is what was asked for, or where nothing speaks any more."""
        return not self.rule and self.state not in ("closed", "held")

    @property
    def narrow(self) -> bool:
        """Whether anything besides whose alerts is filtered."""
        return any((self.state, self.severity, self.category, self.rule, self.account, self.age))

    def query(self, **changes: str | int) -> str:
        """The query string (with `?`, or empty) of these filters with some changed; the page starts again at 1."""
        changed = replace(self, **{"page": 1, **changes}, **({"given_whose": True} if "whose" in changes else {}))  # type: ignore[arg-type]
        pairs: list[tuple[str, str | int]] = [("whose", changed.whose)] if changed.given_whose else []
        pairs += [
            (name, value)
            for name in ("state", "severity", "category", "rule", "account", "age")
            if (value := getattr(changed, name))
        ]
        pairs += [("page", changed.page)] if changed.page > 1 else []
        return f"?{urlencode(pairs)}" if pairs else ""

    @property
    def here(self) -> str:
        """The query string of exactly these filters."""
        return self.query(page=self.page)


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter: its words, how many alerts it has, the address that sets it, and whether it is set."""

    text: str
    count: int | None
    query: str
    on: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set, and the address without it."""

    text: str
    query: str


def read(given: QueryDict, role: str) -> Filters:
    """The filters of an address. A CSM sees their own accounts unless they ask otherwise, everyone else all of them."""
    whose = given.get("whose", "")
    known = whose in ("mine", "team", "all")
    return Filters(
        whose=whose if known else "mine" if role == "csm" else "all",  # type: ignore[arg-type]
        state=_one_of(given.get("state", ""), alerts.STATES),
        severity=_one_of(given.get("severity", ""), alerts.SEVERITIES),
        category=given.get("category", "")[:_LONGEST],
        rule=given.get("rule", "")[:_LONGEST],
        account=given.get("account", "")[:_LONGEST],
        age=_one_of(given.get("age", ""), tuple(AGES)),
        page=_number(given.get("page", "")),
        given_whose=known,
    )


def for_alerts(filters: Filters, user: User, moment: datetime) -> AlertFilter:
    """The filter as the alerts room takes it, of what this person may see. Ages are as of the moment."""
    email, team = user.email, filters.whose == "team"
    _, least, most = AGES.get(filters.age, ("", None, None))
    return AlertFilter(
        states=(filters.state,) if filters.state else (),
        severities=(filters.severity,) if filters.severity else (),
        categories=(filters.category,) if filters.category else (),
        rules=(filters.rule,) if filters.rule else (),
        accounts=(filters.account,) if filters.account else (),
        opened_before=None if least is None else moment - least,
        opened_after=None if most is None else moment - most,
        owner=email if filters.whose == "mine" else "",
        owners=people.teammates(email) if team else (),
        teams=people.teams_of(email) if team else (),
        seen_by=people.looking_as(user.role, email),
    )


def chips(filters: Filters, account_name: str) -> list[Chip]:
    """The filters that are set, each with a way to unset it."""
    words = {
        "state": filters.state.capitalize(),
        "severity": filters.severity.capitalize(),
        "category": filters.category.capitalize(),
        "rule": filters.rule,
        "age": AGES[filters.age][0] if filters.age else "",
        "account": account_name or filters.account,
    }
    return [Chip(text, filters.query(**{name: ""})) for name, text in words.items() if text]


def choices(filters: Filters, inbox: alerts.Inbox) -> dict[str, list[Choice]]:
    """What can be chosen under Filter, with counts of what is listed now."""
    return {
        "Severity": _choices(filters, "severity", [(each, inbox.by_severity.get(each, 0)) for each in GRAVEST_FIRST]),
        "State": [Choice(each.capitalize(), None, filters.query(state=each), filters.state == each) for each in alerts.STATES],
        "Opened": [Choice(words, None, filters.query(age=each), filters.age == each) for each, (words, *_) in AGES.items()],
        "Category": _choices(filters, "category", sorted(inbox.by_category.items())),
        "Rule": _choices(filters, "rule", _by_count(inbox.by_rule)[:12], plain=True),
    }


def _choices(filters: Filters, name: str, counts: Sequence[tuple[str, int]], *, plain: bool = False) -> list[Choice]:
    set_to = getattr(filters, name)
    return [
        Choice(value if plain else value.capitalize(), count, filters.query(**{name: value}), value == set_to)
        for value, count in counts
        if count or value == set_to
    ]


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _one_of(value: str, known: Sequence[str]) -> str:
    return value if value in known else ""


def _number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1
