"""Random well-typed formulas, over every function, aggregate, window and subject of the language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TypeAlias

SIGNALS = {
    "logins_7d": "count(events where kind = 'login' in last 7d)",
    "nps": "latest(surveys.score where kind = 'nps')",
    "utilization": "coalesce(seats_used, distinct(events.person_id in last 30d)) / seats",
    "valued": "mrr > 5",
    "load": "capacity * 2",
    "held": "count(accounts where valued)",
}
ACCOUNT = {
    "number": ["seats", "seats_used", "mrr", "touch_cadence_days"],
    "text": ["name", "owner", "plan", "lifecycle_stage", "status", "churn_reason", "risk", "id"],
    "time": [
        "created_at",
        "onboarding_started_at",
        "churned_at",
        "cancel_requested_at",
        "onboarding_completed_at",
        "stage_entered_at",
    ],
    "date": ["trial_ends_on", "renews_on"],
    "boolean": ["internal"],
}  # fmt: skip
PERSON = {
    "number": ["level"],
    "text": ["name", "role", "id", "account_id"],
    "time": ["created_at", "deleted_at"],
    "list": ["trained_on"],
}
# Per collection: columns by type, `name` alone is a text. `age` belongs to all, `open` to those that end.
_WORDS = {
    "events": "id account_id person_id name kind feature minutes:number at:time",
    "metrics": "id person_id name value:number at:time",
    "touchpoints": "id person_id kind sentiment:number at:time",
    "surveys": "id kind score:number at:time",
    "tickets": "id person_id priority opened_at:time resolved_at:time sla_due_at:time open:boolean",
    "meetings": "id kind booked_at:time cancelled_at:time planned_at:time open:boolean",
    "invoices": "id amount:number amount_due:number days_past_due:number issued_on:date due_on:date paid_on:date open:boolean",
    "integrations": "id name connected_at:time disconnected_at:time open:boolean",
    "milestones": "id name started_at:time reached_at:time due_on:date open:boolean",
    "onboardings": "id stage started_at:time stage_entered_at:time completed_at:time open:boolean",
    "goals": "id name set_at:time reached_at:time due_on:date open:boolean",
    "subscriptions": "id plan seats:number mrr:number starts_on:date renews_on:date ended_on:date open:boolean "
    "auto_renew:boolean",
    "opportunities": "id kind outcome amount:number opened_at:time closed_at:time expected_on:date open:boolean",
    "tasks": "id title assignee created_at:time completed_at:time due_on:date open:boolean overdue:boolean",
    "people": "id account_id name role level:number created_at:time deleted_at:time trained_on:list open:boolean",
}


def _by_type(words: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in [*words.split(), "age:number"]:
        name, _, kind = word.partition(":")
        found.setdefault(kind or "text", []).append(name)
    return found


COLUMNS = {collection: _by_type(words) for collection, words in _WORDS.items()}
OF_ACCOUNT = list(COLUMNS)
COLUMNS["alerts"] = _by_type(
    "id account_id rule subject severity category outcome opened_at:time acknowledged_at:time closed_at:time open:boolean"
)
# Whose formulas range over accounts, tasks and alerts, and what they are called and have.
OURS: dict[str, dict[str, list[str]]] = {
    "csm": {
        "number": ["capacity", "churn_tolerance", "load", "held"], "text": ["name", "team", "manager", "email", "id"],
        "boolean": ["active"],
    },
    "team": {"number": ["churn_tolerance", "held"], "text": ["name", "manager", "id"]},
    "company": {"number": ["churn_tolerance", "held"], "text": ["currency", "id"]},
}  # fmt: skip
SIGNALS_OF_ACCOUNTS = {"number": ["age", "logins_7d", "utilization", "nps"], "boolean": ["open", "valued"]}
OF_PERSON = ["events", "metrics", "touchpoints", "tickets", "surveys"]
LITERALS = {
    "number": ["0", "1", "2", "3", "7", "10", "0.5", "20%", "30d", "36h", "100", "-1"],
    "text": ["'a'", "'B'", "'login'", "'it''s'", "'champion'", "'active'", "'1'", "'reports'", "'ä'", "''", "'Onboarding'"],
    "boolean": ["true", "false"],
    "date": ["date '2026-03-29'", "date '2025-11-02'", "date '2026-03-08'", "date '2026-04-10'"],
}
LENGTHS = ["1d", "7d", "14d", "30d", "36h", "2w", "60d", "0.5d"]
COMPARISONS = ["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True)
class Where:
    """Where a formula stands: the subject, the row's collection inside a filter, how deep it may still grow."""

    subject: str
    depth: int
    row: str | None = None
    market: bool = False

    def deeper(self) -> Where:
        """One level down."""
        return replace(self, depth=self.depth - 1)


Maker: TypeAlias = Callable[[Where], str]


def many(make: Maker, times: int) -> list[Maker]:
    """A maker that is drawn so many times as often as others."""
    return [make] * times


class Formulas:
    """Formulas drawn from a source of chance.

    typed: name -> type of the account attributes that their values type, in the book that is asked.
    """

    def __init__(self, r: Random, typed: Mapping[str, str]) -> None:
        self.r = r
        self.account = {kind: list(names) for kind, names in ACCOUNT.items()}
        for name, kind in typed.items():
            self.account.setdefault(kind, []).append(name)

    def formula(self, subject: str, depth: int = 3) -> str:
        """A formula about a subject, of any type."""
        kind = self.r.choice(["number", "number", "number", "boolean", "boolean", "text", "date", "time"])
        return self.of(kind, Where(subject, depth))

    def of(self, kind: str, at: Where) -> str:
        """A formula of a type."""
        r = self.r
        if at.depth <= 0:
            return self.plain(kind, at)
        makers: dict[str, list[Maker]] = {
            "number": [self.arithmetic, self.function, self.days, self.days, *many(self.aggregate, 5)],
            "boolean": [self.test, self.test, self.test, self.logic, self.exists],
            "text": [self.chosen("text"), self.summary("text"), self.previous("text")],
            "date": [self.start_of, self.summary("date"), self.chosen("date")],
            "time": [self.summary("time"), self.chosen("time")],
        }
        if at.row is None:
            makers["number"] += many(self.looking_back, 3)
            makers["text"].append(self.ago("text"))
            makers["boolean"].append(self.ago("boolean"))
            makers["date"].append(self.ago("date"))
            makers["time"].append(self.ago("time"))
        makers[kind].append(lambda here: self.plain(kind, here))
        return r.choice(makers[kind])(at.deeper())

    # Leaves

    def plain(self, kind: str, at: Where) -> str:
        """A name or a literal of a type."""
        r, names = self.r, self.names(kind, at)
        if kind == "number" and at.row == "events" and r.random() < 0.1:
            return "coalesce(properties.x, 0)"
        if names and (kind == "time" or r.random() < 0.75):
            return r.choice(names)
        if kind == "time":  # a csm, a team or the company has no time of its own
            return r.choice(["min(tasks.created_at)", "max(accounts.created_at)", "latest(alerts.opened_at)"])
        if kind == "date" and r.random() < 0.2:
            return f"start_of('{r.choice(['month', 'quarter', 'year'])}')"
        return r.choice(LITERALS[kind])

    def names(self, kind: str, at: Where) -> list[str]:
        """The names of a type that mean something here; a row's columns hide the subject's attributes."""
        row = self.columns(at.row)
        hidden = {name for names in row.values() for name in names} | _HIDDEN.get(at.row or "", set())
        found = [name for name in row.get(kind, []) for _ in range(3)]
        if at.subject in OURS:
            found += SIGNALS_OF_ACCOUNTS.get(kind, []) if at.row == "accounts" else []
            hidden |= {"held"} if at.row is not None else set()
            hidden |= {"name", "id", "currency"} if at.row == "accounts" else set()
            return found + [name for name in OURS[at.subject].get(kind, []) if name not in hidden]
        if at.subject == "person":
            found += [name for name in PERSON.get(kind, []) if name not in hidden]
            found += [f"account.{name}" for name in self.account.get(kind, [])]
            return found
        found += [name for name in self.account.get(kind, []) if name not in hidden]
        if at.subject == "feature" and kind == "text" and "feature" not in hidden:
            found += ["feature", "feature"]
        if kind == "number" and at.row is None:
            found += ["utilization", "logins_7d"] + (["nps"] if at.subject == "account" else [])
        if kind == "boolean" and "mrr" not in hidden:
            found.append("valued")
        return found

    # Numbers

    def aggregate(self, at: Where) -> str:
        """A number summed up from rows (inside a filter: a plain one)."""
        r = self.r
        if at.row is not None:
            return self.plain("number", at)
        collection = self.collection(at)
        rows = f"{self.where(collection, at)}{self.window(at)}"
        function = r.choice(["count", "count", "distinct", "sum", "avg", "min", "max", "latest", "earliest", "days_quiet"])
        columns = self.columns(collection)
        if function in ("count", "days_quiet"):
            return f"{self.case(function)}({collection}{rows})"
        if function == "distinct":
            kind = r.choice([kind for kind in columns if kind != "list"])
            return f"distinct({collection}.{r.choice(columns[kind])}{rows})"
        return f"{self.case(function)}({collection}.{r.choice(columns['number'])}{rows})"

    def case(self, word: str) -> str:
        """Keywords and aggregates may be written in capitals."""
        return word.upper() if self.r.random() < 0.1 else word

    def columns(self, collection: str | None) -> dict[str, list[str]]:
        """The columns of a collection by type; of accounts their attributes, and what is summed without rounding."""
        if collection != "accounts":
            return COLUMNS.get(collection or "", {})
        found = {kind: list(names) for kind, names in self.account.items()}
        found["number"] += ["age", "logins_7d"]
        return found

    def collections(self, subject: str) -> list[str]:
        """The collections that a subject's formulas range over."""
        if subject in OURS:
            return ["accounts", "accounts", "tasks", "alerts"]
        return {"feature": ["events"], "person": OF_PERSON}.get(subject, OF_ACCOUNT)

    def collection(self, at: Where) -> str:
        """A collection that the subject has."""
        if at.subject in OURS:
            return self.r.choice(self.collections(at.subject))
        if at.subject == "feature":
            return "events"
        return self.r.choice(["events", "events", *self.collections(at.subject)])

    def where(self, collection: str, at: Where) -> str:
        """A filter, or none."""
        if self.r.random() < 0.4:
            return ""
        test = self.of("boolean", replace(at, row=collection, depth=min(at.depth, 2)))
        return f" {self.case('where')} {test}"

    def window(self, at: Where) -> str:
        """A window, or none."""
        r, length = self.r, self.r.choice(LENGTHS)
        anchor = self.of(r.choice(["time", "date"]), replace(at, depth=min(at.depth, 1)))
        choices = ["", "", f" in last {length}", f" in last {length}", f" in {length} after {anchor}", f" since {anchor}"]
        return r.choice(choices)

    def arithmetic(self, at: Where) -> str:
        """An operator between numbers."""
        left, right = self.of("number", at), self.of("number", at)
        return self.r.choice([f"({left} {self.r.choice('+-*/')} {right})", f"-({left})"])

    def function(self, at: Where) -> str:
        """A function of numbers."""
        r, x, y = self.r, self.of("number", at), self.of("number", at)
        test = self.of("boolean", at)
        return r.choice(
            [
                f"abs({x})",
                f"round({x})",
                f"round({x}, {r.choice(['1', '2', '-1'])})",
                f"scale({x}, {y}, {self.plain('number', at)})",
                f"steps({x}, 0, 1, 2, {y}, 10, 3)",
                f"steps({x}, 5, 1, {y}, 2)",
                f"if({test}, {x}, {y})",
                f"coalesce({x}, {y})",
                f"least({x}, {y}, {self.plain('number', at)})",
                f"greatest({x}, {y})",
            ]
        )

    def days(self, at: Where) -> str:
        """Days to or from a moment."""
        r, kind = self.r, self.r.choice(["time", "date"])
        moment = self.of(kind, at)
        made = [f"days_since({moment})", f"days_until({moment})", f"workdays_since({moment})"]
        return r.choice(made + ([f"days_in({self.attribute(at)})"] if self.has_history(at) else []))

    def has_history(self, at: Where) -> bool:
        """Whether there is an attribute with a history here."""
        return at.subject not in OURS or at.row == "accounts"

    def attribute(self, at: Where, kinds: Sequence[str] = ("number", "text", "boolean", "date", "time")) -> str:
        """An attribute with a history."""
        if at.row == "people":
            kinds = [kind for kind in kinds if kind in ("number", "text")]
            return self.r.choice([name for kind in kinds for name in ({"number": ["level"], "text": ["role"]}[kind])])
        row = COLUMNS.get(at.row or "", {})  # of accounts the attributes themselves, which hide nothing
        hidden = {name for names in row.values() for name in names} | _HIDDEN.get(at.row or "", set())
        names = [n for kind in kinds for n in self.account.get(kind, []) if n not in ("id", "created_at", "internal", "status")]
        if at.subject == "person":
            return self.r.choice([f"account.{name}" for name in names])
        return self.r.choice([name for name in names if name not in hidden])

    def looking_back(self, at: Where) -> str:
        """A function that looks back, or at the market."""
        r, x, length = self.r, self.of("number", at), self.r.choice(LENGTHS)
        counted = self.aggregate_of_whole_numbers(at)
        made = [f"ago({x}, {length})", f"change({x}, {length})", f"change({x}, {length}, {self.plain('number', at)})"]
        made.append(f"slope({counted}, {r.choice(['28d', '35d', '60d', '20d'])})")
        if not at.market:
            made.append(f"market({self.of('number', Where('account', min(at.depth, 2), market=True))})")
        return r.choice(made)

    def aggregate_of_whole_numbers(self, at: Where) -> str:
        """Something of which the samples of a slope are exact."""
        if at.subject in OURS:
            return self.r.choice([f"count(accounts{self.where('accounts', at)})", "count(tasks where open)", "count(alerts)"])
        own = "account.seats" if at.subject == "person" else "seats"
        return self.r.choice(
            [f"count(events{self.where('events', at)})", f"count(events in last {self.r.choice(LENGTHS)})", own]
        )

    # Truths

    def test(self, at: Where) -> str:
        """A test of a value."""
        r = self.r
        kind = r.choice(["number", "number", "text", "text", "date", "time", "boolean", "property", "list"])
        if kind == "list":
            return self.listed(at)
        if kind == "property":
            return self.property(at)
        x, y = self.of(kind, at), self.plain(kind, at)
        if kind in ("date", "time"):
            y = self.plain(r.choice(["date", "time"]), at)
        options = ", ".join(r.sample([*LITERALS.get(kind, LITERALS["date"]), "null"], 2))
        made = [f"{x} {r.choice(COMPARISONS)} {y}", f"{x} {r.choice(COMPARISONS)} {y}", f"{x} is null", f"{x} is not null"]
        made += [f"{x} in ({options})", f"{x} not in ({options})", f"{x} between {y} and {self.plain(kind, at)}"]
        if kind == "text":
            made.append(f"{x} contains {y}")
        return f"({r.choice(made)})"

    def listed(self, at: Where) -> str:
        """A test of a list."""
        feature = self.r.choice(["'reports'", "'api'"])
        if at.row == "people" or (at.subject == "person" and at.row != "people"):
            return f"(trained_on contains {feature})"
        if at.subject == "account" and at.row is None:
            return f"(latest(people.trained_on) contains {feature})"
        return self.r.choice(LITERALS["boolean"])

    def property(self, at: Where) -> str:
        """A test of a property of an event."""
        if at.row != "events":
            return self.r.choice(["(null = 1)", "(null is null)", "(not null)"])
        r = self.r
        operator = r.choice(COMPARISONS)
        return r.choice(
            [
                f"(properties.x {operator} {r.choice(LITERALS['number'])})",
                f"(properties.x {operator} {r.choice(LITERALS['text'])})",
                f"(properties.y {operator} properties.x)",
                "(properties.x is null)",
                "(not properties.y)",
                "properties.x",
                "(properties.x in (3, 2.5))",
                "(properties.x in ('a', '3', null))",
                "(properties.y contains 'a')",
                f"(minutes {operator} properties.y)",
            ]
        )

    def logic(self, at: Where) -> str:
        """Tests put together."""
        parts = [self.of("boolean", at) for _ in range(self.r.choice([2, 2, 3]))]
        word = f" {self.case(self.r.choice(['and', 'or']))} "
        return self.r.choice([f"({word.join(parts)})", f"(not {parts[0]})"])

    def exists(self, at: Where) -> str:
        """Whether there are rows."""
        if at.row is not None:
            return self.plain("boolean", at)
        collection = self.collection(at)
        return f"exists({collection}{self.where(collection, at)}{self.window(at)})"

    # Other values

    def chosen(self, kind: str) -> Maker:
        """A maker of one of several values."""

        def made(at: Where) -> str:
            x, y = self.of(kind, at), self.plain(kind, at)
            forms = [
                f"if({self.of('boolean', at)}, {x}, {y})",
                f"coalesce({x}, {y})",
                f"least({x}, {y})",
                f"greatest({x}, {y})",
            ]
            forms.append(f"steps({self.of('number', at)}, 0, {x}, 7, {y})")
            return self.r.choice(forms)

        return made

    def summary(self, kind: str) -> Maker:
        """A maker of a value from rows."""

        def made(at: Where) -> str:
            if at.row is not None:
                return self.plain(kind, at)
            possible = [each for each in self.collections(at.subject) if kind in self.columns(each)]
            if not possible:
                return self.plain(kind, at)
            collection = self.r.choice(possible)
            column = self.r.choice(self.columns(collection)[kind])
            function = self.r.choice(["latest", "earliest", "min", "max"])
            return f"{function}({collection}.{column}{self.where(collection, at)}{self.window(at)})"

        return made

    def previous(self, kind: str) -> Maker:
        """A maker of the value before."""
        return lambda at: f"previous({self.attribute(at, [kind])})" if self.has_history(at) else self.plain(kind, at)

    def ago(self, kind: str) -> Maker:
        """A maker of the value then."""
        return lambda at: f"ago({self.of(kind, at)}, {self.r.choice(LENGTHS)})"

    def start_of(self, _at: Where) -> str:
        """The start of a calendar unit."""
        return f"start_of('{self.r.choice(['month', 'quarter', 'year'])}')"


# Columns that hide an attribute of the subject although no formula here names them.
_HIDDEN = {
    "subscriptions": {"cancel_requested_at"},
    "opportunities": {"owner"},
    "people": {"internal"},
    "events": {"account_id"},
    "metrics": {"account_id"},
    "touchpoints": {"account_id"},
    "surveys": {"account_id"},
    "tickets": {"account_id"},
    "onboardings": {"name"},
}
