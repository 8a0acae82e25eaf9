"""Who matches each rule as of a moment, and why: one query for each kind of subject, however many rules there are."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from tocsin.core import messages
from tocsin.core.language import FormulaError, Node, Value, check, clears, english, nodes, parse
from tocsin.core.language.terms import Attribute, Const, Entity, Operation, Term
from tocsin.core.moment import iso
from tocsin.core.rules import Rule
from tocsin.engine.evidence import Evidence, Line, Places, lines

if TYPE_CHECKING:
    import pyarrow as pa

    from tocsin.engine.book import Book

NOT_CHURNED = Operation("boolean", "!=", (Attribute("text", "account", "status"), Const("text", "churned")))
TRUE = Const("boolean", value=True)
OF_CHURN = frozenset({"status", "churned_at"})  # a rule that names one of these is about churned accounts too
ALWAYS_TOLD: Mapping[Entity, tuple[str, ...]] = {"account": ("id", "name"), "person": ("id", "name", "email", "role")}


@dataclass(frozen=True)
class Match:
    """A subject for whom a rule's scope and condition hold as of a moment.

    account_id: the account that the subject is or belongs to.     clears: in English, what would clear the alert.
    """

    rule: Rule
    kind: str
    subject_id: str
    account_id: str
    as_of: datetime
    message: str
    evidence: tuple[Evidence, ...]
    clears: str

    def to_json(self) -> dict[str, Any]:
        """The match as `tocsin evaluate --format json` shows it."""
        return {
            "rule": self.rule.id,
            "category": self.rule.category,
            "severity": self.rule.severity,
            "subject": {"kind": self.kind, "id": self.subject_id},
            "account_id": self.account_id,
            "as_of": iso(self.as_of),
            "message": self.message,
            "evidence": [line.to_json() for line in self.evidence],
        }


@dataclass(frozen=True)
class Judgement:
    """What the rules say as of a moment.

    matches: sorted by rule, then subject id.      clears:  rule id -> subjects for whom its `clear` formula holds.
    scopes:  rule id -> how many are in its scope. unknown: rule id -> why it could not be judged; such a rule says nothing.
    """

    moment: datetime
    matches: tuple[Match, ...]
    clears: Mapping[str, frozenset[str]]
    scopes: Mapping[str, int]
    unknown: Mapping[str, str]


@dataclass(frozen=True)
class Case:
    """A rule with the parameters of one segment: who is in its scope, whom it fires for, whom its `clear` holds for."""

    rule: Rule
    params: Mapping[str, Value]
    when: Node
    scope: Term
    fires: Term
    clears: Term | None


@dataclass
class _Batch:
    """What one query answers: the cases of rules about one kind of subject, and the terms that they ask for."""

    subject: str
    deleted: bool
    places: Places = field(default_factory=Places)
    asked: list[_Asked] = field(default_factory=list)


def judge(
    book: Book,
    rules: Sequence[Rule],
    moment: datetime,
    *,
    only: Collection[str] | None = None,
    accounts: Collection[str] | None = None,
) -> Judgement:
    """Who matches each `when` rule as of a moment; rules with another trigger are passed over.

    A churned account is outside every rule whose `where` or `when` does not name `status` or `churned_at`. People who were
    deleted are subjects only of rules that name `deleted_at`. `for`, `clear`, cooldown and guards are not applied here.
    """
    batches: dict[tuple[str, bool], _Batch] = {}
    unknown: dict[str, str] = {}
    for rule in rules:
        if rule.trigger.kind != "when" or rule.when is None:
            continue
        deleted = rule.subject == "person" and "deleted_at" in named_by(rule)
        batch = batches.setdefault((rule.subject, deleted), _Batch(rule.subject, deleted))
        try:
            asked = [_asked(book, case, batch.places) for case in _cases(book, rule)]
        except FormulaError as error:
            unknown[rule.id] = str(error)
            continue
        batch.asked.extend(asked)
    matches: list[Match] = []
    cleared: dict[str, set[str]] = {}
    scopes: dict[str, int] = {}
    for batch in batches.values():
        if not batch.asked:
            continue
        terms = list(batch.places.terms)
        table = book.evaluate(terms, [moment], batch.subject, only=only, accounts=accounts, deleted=batch.deleted)
        ids = subject_ids(table, batch.subject)
        for each in batch.asked:
            name = each.case.rule.id
            scopes[name] = scopes.get(name, 0) + len(_true_places(table, each.scope))
            if each.clears is not None:
                cleared.setdefault(name, set()).update(ids[index] for index in _true_places(table, each.clears))
        matches += _explained(table, len(terms), batch.asked, ids, moment)
    matches.sort(key=lambda match: (match.rule.id, match.subject_id))
    held = {rule: frozenset(subjects) for rule, subjects in cleared.items()}
    return Judgement(moment, tuple(matches), held, scopes, unknown)


# Who matches


def _cases(book: Book, rule: Rule) -> list[Case]:
    """A case for each segment of `vary`, the first that matches winning, and one for everybody else."""
    assert rule.when is not None
    when = parse(rule.when)
    alive = [] if named_by(rule) & OF_CHURN else [NOT_CHURNED]
    made, taken = [], list[Term]()
    for variant in (*rule.vary, None):
        params = {**rule.params, **(variant.params if variant else {})}

        def typed(formula: str | Node, params: Mapping[str, Value] = params) -> Term:
            node = parse(formula) if isinstance(formula, str) else formula
            return check(node, rule.subject, book.names, params, expect="boolean")

        segment = typed(variant.where) if variant and variant.where else TRUE
        guard = [*([] if segment is TRUE else [segment]), *(_not(each) for each in taken)]
        scope = _all([*guard, *alive, *([typed(rule.where)] if rule.where else [])])
        clear = None if rule.clear is None else _all([*guard, typed(rule.clear)])
        made.append(Case(rule, params, when, scope, _all([scope, typed(when)]), clear))
        if segment is TRUE:
            break
        taken.append(segment)
    return made


def _all(tests: Sequence[Term]) -> Term:
    return TRUE if not tests else tests[0] if len(tests) == 1 else Operation("boolean", "and", tuple(tests))


def _not(test: Term) -> Term:
    """Whether a segment is not matched: false or null."""
    known = Operation("boolean", "coalesce", (test, Const("boolean", value=False)))
    return Operation("boolean", "not", (known,))


def named_by(rule: Rule) -> frozenset[str]:
    """The names that a rule's own formulas use: those of `where`, `when` and the segments of `vary`.

    Of `account.status` both parts; nothing of what stands in a text, and nothing of the signals that are named. A formula
    that cannot be read names nothing.
    """
    found: set[str] = set()
    for formula in (rule.where, rule.when, *(variant.where for variant in rule.vary)):
        if formula is None:
            continue
        try:
            found |= {name for path in _paths(parse(formula)) for name in (path.first, path.second) if name}
        except FormulaError:
            continue  # said where the rule is typed
    return frozenset(found)


def _paths(node: object) -> Iterable[nodes.Path]:
    if isinstance(node, nodes.Path):
        yield node
    elif isinstance(node, tuple):
        for each in node:
            yield from _paths(each)
    elif isinstance(node, Node):
        for name in node.__dataclass_fields__:
            yield from _paths(getattr(node, name))


@dataclass(frozen=True)
class _Told:
    """What a message may tell: attribute or signal -> place."""

    account: Mapping[str, int]
    person: Mapping[str, int]
    observed: Mapping[str, int]


@dataclass(frozen=True)
class _Asked:
    """A case with the places of its terms in the one query: scope, condition, `clear`, evidence, what the message tells."""

    case: Case
    scope: int
    fires: int
    clears: int | None
    lines: list[Line]
    told: _Told
    clearing: str


def _asked(book: Book, case: Case, places: Places) -> _Asked:
    def place(node: Node) -> int:
        return places.of(check(node, case.rule.subject, book.names, case.params))

    assert case.rule.when is not None
    return _Asked(
        case,
        places.of(case.scope),
        places.of(case.fires),
        None if case.clears is None else places.of(case.clears),
        lines(case.rule.when, case.when, case.params, place),
        _told(book, case, place),
        english(parse(case.rule.clear), case.params) if case.rule.clear else clears(case.when, case.params),
    )


def subject_ids(table: pa.Table, subject: str) -> list[str]:
    """The ids of a table's subjects; of a feature `account_id/feature`."""
    if subject != "feature":
        return table.column("subject_id").to_pylist()  # type: ignore[no-any-return]
    pairs = zip(table.column("account_id").to_pylist(), table.column("feature").to_pylist(), strict=True)
    return [f"{account}/{feature}" for account, feature in pairs]


def _true_places(table: pa.Table, place: int) -> list[int]:
    """The rows in which a truth holds; null does not."""
    column = pc.fill_null(table.column(f"f{place}"), False)
    return pc.indices_nonzero(column).to_pylist()  # type: ignore[no-any-return]


# Why


def _explained(table: pa.Table, width: int, asked: Sequence[_Asked], ids: Sequence[str], moment: datetime) -> list[Match]:
    """The matches with their evidence; only rows of subjects for whom something fired become Python values."""
    fired = [(each, _true_places(table, each.fires)) for each in asked]
    needed = sorted({index for _, indices in fired for index in indices})
    rows = dict(zip(needed, _rows(table.take(needed), width), strict=True)) if needed else {}
    return [_match(each, ids[index], rows[index], moment) for each, indices in fired for index in indices]


def _told(book: Book, case: Case, place: Callable[[Node], int]) -> _Told:
    """What the rule's message names, and what every message has."""
    template = case.rule.message or ""
    subject = case.rule.subject
    attributes: dict[Entity, dict[str, int]] = {"account": {}, "person": {}}
    for entity, places in attributes.items():
        if entity == "person" and subject != "person":
            continue
        named = re.findall(rf"\b{entity}\.([A-Za-z_]\w*)", template)
        for name in dict.fromkeys([*ALWAYS_TOLD[entity], *named]):
            if book.names.attribute(entity, name) is None:
                continue
            own = entity == "person" or subject != "person"
            path = nodes.Path(nodes.NOWHERE, name) if own else nodes.Path(nodes.NOWHERE, "account", name)
            places[name] = place(path)
    observed = {}
    for name in sorted(_names_in(template) & book.named.keys() - case.params.keys()):
        try:
            observed[name] = place(nodes.Path(nodes.NOWHERE, name))
        except FormulaError:
            continue  # of this subject there is no such signal: the message says unknown, and the rule is judged all the same
    return _Told(attributes["account"], attributes["person"], observed)


def _names_in(template: str) -> frozenset[str]:
    """The names that a message uses; none where it cannot be read, so that the default message stands."""
    try:
        return messages.check_message(template, None)
    except messages.MessageError:
        return frozenset()


def _rows(table: pa.Table, width: int) -> list[list[Value]]:
    columns = [table.column(f"f{index}").to_pylist() for index in range(width)]
    return [_utc(row) for row in zip(*columns, strict=True)]


def _utc(row: tuple[Any, ...]) -> list[Value]:
    return [value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for value in row]


def _match(asked: _Asked, subject: str, values: list[Value], moment: datetime) -> Match:
    case, told = asked.case, asked.told
    kind = case.rule.subject
    evidence = tuple(line for each in asked.lines if (line := each.observed(values)) is not None)
    account = {name: values[place] for name, place in told.account.items()}
    person = {name: values[place] for name, place in told.person.items()}
    observed = {line.formula: line.value for line in evidence} | {name: values[at] for name, at in told.observed.items()}
    account_id = str(account["id"])
    message = messages.render(
        case.rule,
        account=account,
        person=person or None,
        feature=subject.removeprefix(f"{account_id}/") if kind == "feature" else None,
        params=case.params,
        observed=observed,
        value=evidence[0].value if evidence else None,
        threshold=evidence[0].threshold if evidence else None,
        as_of=moment,
    )
    return Match(case.rule, kind, subject, account_id, moment, message, evidence, asked.clearing)
