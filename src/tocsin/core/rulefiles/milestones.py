"""The section `milestones` of rule files: each template read with every problem told where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tocsin.core.language import Names
from tocsin.core.language.terms import Aggregated, Attribute, Market, Term, Turned, walk
from tocsin.core.language.types import as_instant
from tocsin.core.milestones import ANCHOR, MILESTONE_STATES, STANDS, Milestone
from tocsin.core.rulefiles.drafts import once, read_id, read_name, spoiled, typed
from tocsin.core.rulefiles.formulas import Formula
from tocsin.core.rulefiles.marked import Fields, Item, Place, Scalar, source
from tocsin.core.rulefiles.profiles import SCORED
from tocsin.core.rulefiles.report import Report, known_keys, listed, mapping, one_of, span, text, whole

KEYS = ("id", "name", "where", "precedence", "anchor", "due", "reached", "state")
DAY = timedelta(days=1)


@dataclass(slots=True)
class MilestoneDraft:
    """A template as far as it could be read. milestone: None where something needed is missing or wrong."""

    report: Report
    fields: Fields
    id: str | None
    milestone: Milestone | None = None
    formulas: list[Formula] = field(default_factory=list)


def read_milestones(report: Report, item: Item | None) -> list[MilestoneDraft]:
    """The drafts of a file's milestone templates."""
    found = (mapping(report, each, "a milestone") for each in listed(report, item, "`milestones`"))
    return [_read(report, fields) for fields in found if fields is not None]


def _read(report: Report, fields: Fields) -> MilestoneDraft:
    milestone_id = read_id(report, fields, what="a milestone", first="first-report", such_as="first-report")
    said = report.within(f"milestone {milestone_id!r}") if milestone_id else report
    draft = MilestoneDraft(said, fields, milestone_id)
    known_keys(said, fields, KEYS, "a milestone")
    for key, example in (("name", "First report"), ("due", "14d"), ("reached", "a condition")):
        if fields.get(key) is None:
            said(fields, f"a milestone needs `{key}` ({example})")
    name = read_name(said, fields)
    where = _formula(draft, "where", "boolean")
    anchor = _formula(draft, "anchor", None)
    reached = _formula(draft, "reached", "boolean")
    due = _due(said, fields)
    precedence = whole(said, fields.get("precedence"), "the precedence")
    state = one_of(said, fields.get("state"), "state", MILESTONE_STATES) or "on"
    if milestone_id and name and due is not None and reached:
        values: dict[str, Any] = {"where": where, "anchor": anchor or ANCHOR, "state": state}
        draft.milestone = Milestone(milestone_id, name, precedence or 0, due, reached, source=source(fields), **values)
    return draft


def _formula(draft: MilestoneDraft, key: str, expect: str | None) -> str | None:
    said = text(draft.report, draft.fields.get(key), f"`{key}`")
    if said is not None and isinstance(item := draft.fields.get(key), Scalar):
        draft.formulas.append(Formula(f"`{key}`", item, expect=expect))  # type: ignore[arg-type]
    return said


def _due(report: Report, fields: Fields) -> timedelta | None:
    due = span(report, fields.get("due"), "`due`")
    if due is None:
        return None
    if due % DAY or not DAY <= due <= STANDS:
        report(fields.key("due"), f"`due` is a number of whole days from 1d to {STANDS // DAY}d")
        return None
    return due


# Between templates


def across_milestones(drafts: Sequence[MilestoneDraft], known: Sequence[Milestone], names: Names | None) -> None:
    """What must be right between templates, and their formulas, each problem told at its place.

    known: the templates in force; one of the files takes the place of the known one of its id.
    """
    once(drafts, lambda draft: draft.id, "id", lambda own: f"the id {own!r} is taken by the milestone at {{}}; keep one")
    here = {draft.id for draft in drafts}
    _precedence(drafts, [each for each in known if each.id not in here])
    for draft in drafts:
        for formula in draft.formulas:
            _checked(draft.report, formula, names)


def _precedence(drafts: Sequence[MilestoneDraft], known: Sequence[Milestone]) -> None:
    """Of templates of one name no two have the same precedence, so that one is the first."""
    places = {(each.name, each.precedence): each.id for each in known if each.state == "on"}
    for draft in drafts:
        made = draft.milestone
        if made is None or made.state != "on":
            continue
        other = places.setdefault((made.name, made.precedence), made.id)
        if other != made.id:
            said = f"{made.name!r} is a milestone of {other!r} too, with the same precedence; give each its own `precedence`"
            draft.report(draft.fields.key("precedence"), said)


def _checked(report: Report, formula: Formula, names: Names | None) -> None:
    """Syntax, names and types; none of them may hang on milestones, on health, or on other accounts."""
    term = typed(report, formula, names)
    if term is None:
        return
    if formula.expect is None and as_instant(term) is None:
        report(formula.text.at(0), f"{formula.what}: a milestone begins at a time or a date, this is a {term.type}")
    if lacking := forbidden(term):
        report(formula.text.at(0), f"{formula.what}: {lacking}")


def forbidden(term: Term) -> str | None:
    """Why a formula cannot be one of a template; None where it can."""
    for part in walk(term):
        match part:
            case Attribute(entity="account", name=name) | Turned(entity="account", name=name) if name in SCORED:
                return f"a milestone cannot use {name}, because health may be made of milestones; name what it is made of"
            case Aggregated(collection="milestones"):
                return "a milestone cannot be reached by milestones; name what they are made of"
            case Market():
                return "a milestone is reached by the account itself; `market` looks at others"
    return None


def valid_milestones(drafts: Sequence[MilestoneDraft], problems: set[tuple[str, Place]]) -> tuple[Milestone, ...]:
    """The templates in whose text no problem was found."""
    return tuple(draft.milestone for draft in drafts if draft.milestone is not None and not spoiled(draft, problems))
