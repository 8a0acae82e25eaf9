"""Facts through the engine: accounts, values of formulas, who matches which rule, health; as of any moment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from ninja import Query, Router, Schema
from pydantic import AwareDatetime, Field

from tocsin import serving
from tocsin.alerts import facade as alerts
from tocsin.api import paging
from tocsin.api.access import Caller, may, sees_csms
from tocsin.api.alerts import ERRORS
from tocsin.api.problems import ApiError
from tocsin.core.language import FormulaError
from tocsin.core.moment import iso
from tocsin.core.plain import plain

router = Router()
READ = may("read")
FIELDS = (
    "name",
    "owner",
    "tier",
    "plan",
    "lifecycle_stage",
    "status",
    "seats",
    "mrr",
    "renews_on",
    "health_score",
    "health_band",
)
MOST_ROWS = 10_000


class Account(Schema):
    """An account as of a moment."""

    id: str
    name: str | None
    owner: str | None
    tier: Any = None
    plan: str | None
    lifecycle_stage: str | None
    status: str | None
    seats: float | None
    mrr: float | None
    renews_on: str | None
    health_score: float | None
    health_band: str | None


class AccountPage(Schema):
    """A part of a list, by id. next: the cursor of the next part, null at the end; all parts are as of the same moment."""

    as_of: str
    items: list[Account]
    next: str | None


class AccountFilters(Schema):
    """Which accounts."""

    where: str = Field("", max_length=4000, description="a formula that must hold", examples=["tier = 1 and mrr > 500"])
    as_of: AwareDatetime | None = None
    cursor: paging.Cursor = ""
    limit: int = Field(100, ge=1, le=1000)


class Ask(Schema):
    """Formulas or names of signals, asked of subjects as of a moment."""

    formulas: list[str] = Field(min_length=1, max_length=50)
    subject: Literal["account", "person", "feature", "csm", "team", "company"] = "account"
    where: str | None = Field(None, max_length=4000)
    as_of: AwareDatetime | None = None
    ids: list[str] | None = Field(None, max_length=MOST_ROWS, description="only these subjects")


class Values(Schema):
    """A row for each subject, a value for each formula in the order asked."""

    as_of: str
    formulas: list[str]
    rows: list[dict[str, Any]]


class Sweep(Schema):
    """What a sweep did. unknown: rule -> why it could not be judged. seconds: how long it took."""

    as_of: str
    judged: int
    opened: int
    closed: int
    kept: int
    held: int
    renotified: int
    pending: int
    baseline: bool
    seconds: float
    unknown: dict[str, str]


class Match(Schema):
    """A subject that matches a rule, with its evidence."""

    rule: str
    category: str
    severity: str
    subject: dict[str, str]
    account_id: str | None
    as_of: str
    message: str
    evidence: list[dict[str, Any]]


@router.get("/accounts", response={200: AccountPage, **ERRORS}, auth=READ, operation_id="list_accounts")
def accounts(request: Caller, filters: Query[AccountFilters]) -> dict[str, Any]:
    """Accounts by id, with health and money, as of now or of a moment."""
    moment, after = part_of("accounts", filters.cursor, filters.as_of, request)
    rows = _rows(list(FIELDS), "account", filters.where or None, moment, None)
    rows = [row for row in rows if row["subject_id"] > after]
    shown = rows[: filters.limit]
    following = paging.mark("accounts", moment, shown[-1]["subject_id"]) if len(rows) > len(shown) else None
    return {"as_of": iso(moment), "items": [_account(row) for row in shown], "next": following}


@router.get("/accounts/{account_id}", response={200: Account, **ERRORS}, auth=READ, operation_id="get_account")
def account(request: Caller, account_id: str, as_of: AwareDatetime | None = None) -> dict[str, Any]:
    """One account with health and money, as of now or of a moment."""
    moment = moment_of(as_of, request)
    rows = _rows(list(FIELDS), "account", None, moment, [account_id])
    if not rows:
        raise ApiError(404, f"there is no account {account_id[:80]!r} as of {iso(moment)}")
    return _account(rows[0])


@router.post("/signals", response={200: Values, **ERRORS}, auth=READ, operation_id="signals")
def signals(request: Caller, given: Ask) -> dict[str, Any]:
    """The values of formulas, for each subject, as of a moment: what `tocsin signals` gives."""
    if given.subject == "csm" and not sees_csms(request):
        raise ApiError(403, "signals of CSMs say how they do; that takes a leader, or a key with the scope admin")
    moment = moment_of(given.as_of, request)
    rows = _rows(given.formulas, given.subject, given.where, moment, given.ids)
    if len(rows) > MOST_ROWS:
        raise ApiError(422, f"{len(rows):,} subjects are more than {MOST_ROWS:,}; narrow them by `where` or `ids`")
    found = [
        {"subject_id": _id(row, given.subject), "values": [plain(row[f"f{n}"]) for n in range(len(given.formulas))]}
        for row in rows
    ]
    return {"as_of": iso(moment), "formulas": given.formulas, "rows": found}


@router.get("/sweeps/last", response={200: Sweep, **ERRORS}, auth=READ, operation_id="last_sweep")
def last_sweep(request: Caller) -> dict[str, Any]:  # noqa: ARG001 - who asks is all that matters of the request
    """What the latest sweep did. 404 before the first."""
    found = alerts.last_sweep()
    if found is None:
        raise ApiError(404, "nothing was swept yet; run `tocsin sweep`, or let the server's worker do it")
    names = ("judged", "opened", "closed", "kept", "held", "renotified", "pending", "baseline", "seconds")
    return {"as_of": iso(found.as_of), **{name: getattr(found, name) for name in names}, "unknown": dict(found.unknown)}


@router.get("/evaluate/{rule_id}", response={200: list[Match], **ERRORS}, auth=READ, operation_id="evaluate_rule")
def evaluate(request: Caller, rule_id: str, as_of: AwareDatetime | None = None) -> list[dict[str, Any]]:
    """Who matches a rule as of a moment, with evidence; changes nothing."""
    moment = moment_of(as_of, request)
    definitions = alerts.definitions()
    try:
        rule = definitions.rule(rule_id)
    except KeyError as error:
        raise ApiError(404, f"there is no rule {rule_id[:80]!r}") from error
    if rule.subject == "csm" and not sees_csms(request):
        raise ApiError(403, f"the rule {rule.id!r} is about how CSMs do; that takes a leader, or a key with the scope admin")
    judgement = serving.book(definitions).judge([rule], moment)
    if rule.id in judgement.unknown:
        raise ApiError(422, f"the rule cannot be judged: {judgement.unknown[rule.id]}")
    return [each.to_json() for each in judgement.matches]


def _rows(
    formulas: list[str], subject: str, where: str | None, moment: datetime, ids: list[str] | None
) -> list[dict[str, Any]]:
    try:
        found = serving.book().signals(formulas, [moment], subject, where=where, only=None if ids is None else sorted(set(ids)))
    except FormulaError as error:
        raise ApiError(422, " ".join(str(error).split())) from error
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _account(row: dict[str, Any]) -> dict[str, Any]:
    return {"id": row["subject_id"], **{name: plain(row[f"f{n}"]) for n, name in enumerate(FIELDS)}}


def _id(row: dict[str, Any], subject: str) -> str:
    return f"{row['account_id']}/{row['feature']}" if subject == "feature" else str(row["subject_id"])


def known_account(account_id: str, moment: datetime) -> str:
    """The owner of an account as of the moment, '' for nobody. ApiError 404 where there is no such account then."""
    rows = _rows(["owner"], "account", None, moment, [account_id])
    if not rows:
        raise ApiError(404, f"there is no account {account_id[:80]!r} as of {iso(moment)}")
    return str(rows[0]["f0"] or "")


def part_of(of: str, cursor: str, given: datetime | None, request: Caller) -> tuple[datetime, str]:
    """As of which moment a list of accounts is, and the id after which the part begins: those of the cursor, where one came."""
    place = paging.place(of, cursor)
    if place is None:
        return moment_of(given, request), ""
    if given is not None and moment_of(given, request) != place[0]:
        raise ApiError(
            400, f"the cursor is of a list as of {iso(place[0])}, and as_of is another moment; leave one of them out"
        )
    return place


def moment_of(given: datetime | None, request: Caller, name: str = "as_of") -> datetime:
    """The moment that was sent under that name, in UTC; that of the request where none was. ApiError 422: out of range."""
    if given is None:
        return request.moment
    try:
        found = given.astimezone(UTC)
    except OverflowError as error:
        raise ApiError(422, f"{name} is too far away") from error
    if not 1990 <= found.year <= 2200:
        raise ApiError(422, f"{name} is in the year {found.year}; give one from 1990 to 2200")
    return found
