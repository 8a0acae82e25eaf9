"""Who matches each rule as of a moment, and why: one query for each kind of subject, however many rules there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from tocsin.core.language import FormulaError, Term
from tocsin.core.rules import Rule
from tocsin.engine.asking import Asked, asked_of
from tocsin.engine.cases import OF_CHURN, Case, cases, given_collection, named_by
from tocsin.engine.evidence import Places
from tocsin.engine.explaining import Match, explained
from tocsin.engine.picking import MANY, Picked, of_who_stand
from tocsin.engine.shared import Shared, asked_of_accounts, medians_in, table_of, told

if TYPE_CHECKING:
    from tocsin.engine.book import Book

__all__ = ["OF_CHURN", "Judgement", "Match", "judge", "named_by"]


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


@dataclass
class _Batch:
    """What one query answers: the cases of rules about one kind of subject, and the terms that they ask for.

    deleted: some of the rules are about people who were deleted, too.
    sharing: the terms, where the batch about accounts tells the others what they ask of accounts: in its own these are beside
             the others (`beside` of them), and elsewhere in place of what is told.
    reads:   whether it reads what is told.
    """

    subject: str
    deleted: bool
    places: Places = field(default_factory=Places)
    asked: list[Asked] = field(default_factory=list)
    sharing: list[Term] = field(default_factory=list)
    beside: int = 0
    reads: bool = False


def judge(
    book: Book,
    rules: Sequence[Rule],
    moment: datetime,
    *,
    only: Collection[str] | None = None,
    accounts: Collection[str] | None = None,
) -> Judgement:
    """Who matches each rule with a state trigger (`when`, `countdown` of an attribute) as of a moment; others are passed over.

    A churned account is outside every rule whose `where` or `when` does not name `status` or `churned_at`. People who were
    deleted are subjects only of rules that name `deleted_at`. `for`, `clear`, cooldown and guards are not applied here.
    """
    batches, unknown = book.once(rules, _batches)
    matches: list[Match] = []
    cleared: dict[str, set[str]] = {}
    scopes: dict[str, int] = {}
    # Amounts of an account itself are converted only where others ask for them, and these ask for all accounts.
    sharing = only is None and accounts is None and not book.converts
    known = Shared(book.medians(medians_in(term for batch in batches for term in batch.places.terms), moment))
    of_accounts = None
    for batch in batches:
        clears = [each.clears for each in batch.asked if each.clears is not None]
        picked = Picked.of((each.fires for each in batch.asked), (each.scope for each in batch.asked), clears)
        found = book.evaluate(
            batch.sharing if sharing else list(batch.places.terms),
            [moment],
            batch.subject,
            only=only,
            accounts=accounts,
            deleted=batch.deleted,
            picked=picked if batch.subject in MANY else None,
            ordered=False,  # the matches are put in order
            shared=replace(known, table=of_accounts) if sharing and batch.reads else known,
        )
        if sharing and batch.beside:
            of_accounts = table_of(found, len(batch.places.terms), batch.beside, moment)
        table, in_scope, clear = picked.parted(found) if batch.subject in MANY else picked.told(found, batch.subject)
        for each in batch.asked:
            name = each.case.rule.id
            scopes[name] = scopes.get(name, 0) + in_scope[each.scope]
            if each.clears is not None:
                cleared.setdefault(name, set()).update(clear[each.clears])
        matches += explained(table, batch.asked, batch.subject, moment)
    matches.sort(key=lambda match: (match.rule.id, match.subject_id))
    held = {rule: frozenset(subjects) for rule, subjects in cleared.items()}
    return Judgement(moment, tuple(matches), held, scopes, dict(unknown))


def _batches(book: Book, rules: Sequence[Rule]) -> tuple[list[_Batch], dict[str, str]]:
    """What the rules with a state trigger ask for, and rule id -> why it cannot be judged."""
    batches: dict[str, _Batch] = {}
    unknown: dict[str, str] = {}
    judged = [rule for rule in rules if rule.trigger.kind in ("when", "countdown") and given_collection(rule) is None]
    deleted = any(map(_of_deleted, judged))
    for rule in judged:
        batch = batches.setdefault(rule.about, _Batch(rule.about, deleted and rule.subject == "person"))
        try:
            asked = [asked_of(book, case, batch.places) for case in _cases(book, rule, batch)]
        except FormulaError as error:
            unknown[rule.id] = str(error)
            continue
        batch.asked.extend(asked)
    found = sorted((batch for batch in batches.values() if batch.asked), key=lambda batch: batch.subject != "account")
    _share(found)
    return found, unknown


def _share(batches: Sequence[_Batch]) -> None:
    """Have the batch about accounts, which comes first, tell the others what they ask of accounts."""
    for batch in batches:
        batch.sharing = list(batch.places.terms)
    if not batches or batches[0].subject != "account":
        return
    first, *others = batches
    known = asked_of_accounts(term for batch in others for term in batch.places.terms)
    first.sharing += known
    first.beside = len(known)
    for batch in others:
        batch.reads = bool(asked_of_accounts(batch.places.terms))
        if batch.reads:
            batch.sharing = [told(term, known) for term in batch.places.terms]


def _of_deleted(rule: Rule) -> bool:
    """Whether people who were deleted are subjects of a rule too."""
    return rule.subject == "person" and "deleted_at" in named_by(rule)


def _cases(book: Book, rule: Rule, batch: _Batch) -> list[Case]:
    """The cases of a rule, without deleted people where only other rules of the batch are about these."""
    made = cases(book, rule)
    return [of_who_stand(case) for case in made] if batch.deleted and not _of_deleted(rule) else made
