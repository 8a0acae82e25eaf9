"""The collections of customer facts, each declared once: columns, start, ends, identity.

Every other room reads this declaration: the store makes its tables from it, the importer checks files against it, the
language takes names and types from it, and the engine's as-of view takes from it what is visible at a moment.

Types of columns: ``text``, ``number`` (64-bit float), ``boolean``, ``time`` (an instant, UTC), ``date`` (a calendar day in
the workspace's zone), ``list`` (of texts), ``json`` (an object), and ``any``: typed by all its values, like a custom
attribute (boolean, number, date, time, else text; unknown while it has no value).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

ColumnType = Literal["text", "number", "boolean", "time", "date", "list", "json", "any"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a collection.

    required: a row without it is rejected, and a file that lacks it cannot be read at all.
    end:      says how or when the row ended; it reads as null while it is later than the moment of evaluation.
    told_by:  the end column with which this one becomes known (an opportunity's outcome, with `closed_at`).
    money:    an amount in the row's currency, converted to the reporting currency before it is added.
    """

    name: str
    type: ColumnType
    required: bool = False
    end: bool = False
    told_by: str | None = None
    money: bool = False


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of facts.

    start:    the column from which on a row exists; a row in which it is null exists always. None: rows are not facts in
              time (aliases, rates, csms, teams) and formulas cannot range over them.
    identity: the columns from which an id is derived where a row has none, or that are the row's key where the collection
              has no `id` column.
    custom:   unknown columns of a file become custom attributes; otherwise they are reported and left out.
    history:  the collection that holds the changes of this one's attributes.
    """

    name: str
    columns: tuple[Column, ...]
    start: str | None
    identity: tuple[str, ...]
    custom: bool = False
    history: str | None = None

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __contains__(self, name: object) -> bool:
        return any(column.name == name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the declared columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def ends(self) -> tuple[Column, ...]:
        """The columns that are masked while they are later than the moment."""
        return tuple(column for column in self.columns if column.end)

    @property
    def closing(self) -> str | None:
        """The end column that closes a row: `open` is that it is null as of the moment."""
        return next((column.name for column in self.columns if column.end), None)

    @property
    def keyed_by_id(self) -> bool:
        """Whether rows have an `id` of their own."""
        return "id" in self

    @property
    def required(self) -> tuple[str, ...]:
        """The columns without which a file of this collection cannot be read."""
        return tuple(column.name for column in self.columns if column.required)


def _columns(words: str) -> tuple[Column, ...]:
    """Columns from words such as `*at:time`, `closed_at!`, `outcome<closed_at`, `amount:number$`.

    `*` required, `!` an end column, `$` money, `<x` told by the end column x. Without a type the name decides: `..._at` is
    a time, `..._on` a date, anything else text.
    """
    made = []
    for word in words.split():
        rest, _, told_by = word.partition("<")
        required, end, money = rest.startswith("*"), "!" in rest, "$" in rest
        name, _, kind = rest.strip("*").replace("!", "").replace("$", "").partition(":")
        by_name = "time" if name.endswith("_at") else "date" if name.endswith("_on") else "text"
        made.append(Column(name, kind or by_name, required, end, told_by or None, money))  # type: ignore[arg-type]
    return tuple(made)


def _collection(
    name: str,
    start: str | None,
    words: str,
    identity: str,
    *,
    custom: bool = False,
    history: str | None = None,
) -> Collection:
    return Collection(name, _columns(words), start, tuple(identity.split()), custom, history)


_DECLARED = (
    _collection(
        "accounts",
        "created_at",
        "*id *name owner tier:any plan product segment lifecycle_stage status seats:number seats_used:number mrr:number$ "
        "currency created_at onboarding_started_at churned_at! cancel_requested_at! onboarding_completed_at! "
        "stage_entered_at trial_ends_on renews_on churn_reason<churned_at risk:any touch_cadence_days:number parent_id "
        "region industry internal:boolean",
        "id",
        custom=True,
        history="account_history",
    ),
    _collection("account_aliases", None, "*account_id *source *external_id", "source external_id"),
    _collection("account_team", "from_at", "*account_id *email *role from_at to_at!", "account_id email role from_at"),
    _collection(
        "subscriptions",
        "starts_on",
        "id *account_id product plan seats:number mrr:number$ currency *starts_on renews_on term_months:number "
        "billing_period auto_renew:boolean notice_days:number ended_on! cancel_requested_at!",
        "account_id product starts_on",
    ),
    _collection(
        "onboardings",
        "started_at",
        "id *account_id name stage *started_at stage_entered_at completed_at!",
        "account_id name started_at",
    ),
    _collection(
        "goals",
        "set_at",
        "id *account_id *name metric target *set_at due_on reached_at!",
        "account_id name set_at",
    ),
    _collection("account_history", "at", "*account_id *field value *at:time", "account_id field at"),
    _collection(
        "people",
        "created_at",
        "*id *account_id name email role roles:list internal:boolean created_at deleted_at! trained_on:list",
        "id",
        custom=True,
        history="people_history",
    ),
    _collection("people_history", "at", "*person_id *field value *at:time", "person_id field at"),
    _collection(
        "events",
        "at",
        "id *account_id person_id *name *at:time kind feature minutes:number properties:json",
        "account_id person_id name at feature minutes properties",
    ),
    _collection(
        "metrics",
        "at",
        "id *account_id person_id *name *at:time *value:number",
        "account_id person_id name at",
    ),
    _collection(
        "touchpoints",
        "at",
        "id *account_id person_id *kind *at:time by subject notes sentiment:number",
        "account_id person_id kind at by subject",
    ),
    _collection(
        "meetings",
        "booked_at",
        "id *account_id *kind *booked_at cancelled_at! planned_at",
        "account_id kind booked_at planned_at",
    ),
    _collection(
        "tickets",
        "opened_at",
        "id *account_id also_accounts:list person_id kind priority *opened_at resolved_at! sla_due_at subject",
        "account_id person_id kind opened_at subject",
    ),
    _collection(
        "invoices",
        "issued_on",
        "id *account_id *amount:number$ currency *issued_on *due_on paid_on!",
        "account_id amount currency issued_on due_on",
    ),
    _collection(
        "surveys",
        "at",
        "id *account_id person_id *kind *score:number *at:time comment",
        "account_id person_id kind at",
    ),
    _collection(
        "integrations",
        "connected_at",
        "id *account_id *name *connected_at disconnected_at!",
        "account_id name connected_at",
    ),
    _collection(
        "milestones",
        "started_at",
        "id *account_id *name started_at due_on reached_at!",
        "account_id name started_at",
    ),
    _collection(
        "opportunities",
        "opened_at",
        "id *account_id *kind amount:number$ currency owner stage forecast expected_on *opened_at closed_at! outcome<closed_at",
        "account_id kind opened_at amount",
    ),
    _collection("rates", None, "*currency *on:date *rate:number", "currency on"),
    _collection(
        "tasks",
        "created_at",
        "id account_id *assignee *title *created_at due_on completed_at!",
        "account_id assignee title created_at",
    ),
    _collection(
        "csms",
        None,
        "*email name team manager role capacity:number churn_tolerance:number active:boolean",
        "email",
    ),
    _collection("teams", None, "*name manager churn_tolerance:number", "name"),
    _collection(
        "alerts",
        "opened_at",
        "id account_id rule subject severity category *opened_at closed_at! acknowledged_at! outcome<closed_at",
        "id",
    ),
)

COLLECTIONS: Mapping[str, Collection] = MappingProxyType({each.name: each for each in _DECLARED})

# What a formula's row of a collection has besides its declared columns: name -> type. `age` and `open` belong to all.
DERIVED: Mapping[str, Mapping[str, ColumnType]] = MappingProxyType(
    {
        "invoices": MappingProxyType({"days_past_due": "number", "amount_due": "number"}),
        "tasks": MappingProxyType({"overdue": "boolean"}),
    }
)

# The collections that formulas of each subject may range over.
ACCOUNT_COLLECTIONS = (
    "events", "metrics", "touchpoints", "meetings", "tickets", "invoices", "surveys", "integrations", "milestones",
    "onboardings", "goals", "subscriptions", "opportunities", "people", "tasks", "account_team",
)  # fmt: skip
PORTFOLIO_COLLECTIONS = ("accounts", "tasks", "alerts")
# What people do and say themselves: of our own people and service users it counts for nothing. A call or a ticket is of the
# account whoever of us is named in it.
OF_THEIR_OWN = frozenset({"events", "metrics", "surveys"})
SUBJECT_COLLECTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "account": ACCOUNT_COLLECTIONS,
        "person": tuple(name for name in ACCOUNT_COLLECTIONS if "person_id" in COLLECTIONS[name]),
        "feature": ("events",),
        "csm": PORTFOLIO_COLLECTIONS,
        "team": PORTFOLIO_COLLECTIONS,
        "company": PORTFOLIO_COLLECTIONS,
    }
)
# The subjects on our side: what they range over belongs to many accounts.
PORTFOLIO_SUBJECTS = ("csm", "team", "company")

STATUSES = ("trial", "active", "cancelling", "churned")
# What an account's subscriptions, where there are any, alone give; columns and history of these names are passed over.
FROM_SUBSCRIPTIONS = ("plan", "seats", "mrr", "renews_on")


def derived_columns(collection: Collection) -> dict[str, ColumnType]:
    """The columns that rows of a collection have besides the declared ones: `age`, `open` and their like."""
    derived: dict[str, ColumnType] = {} if collection.start is None else {"age": "number"}
    if collection.closing is not None:
        derived["open"] = "boolean"
    return derived | dict(DERIVED.get(collection.name, {}))
