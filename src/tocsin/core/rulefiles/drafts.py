"""What the sections of rule files share that publish by id: ids, names, what is there twice, formulas, and what stays valid."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from tocsin.core.language import FormulaError, Names, check
from tocsin.core.language.terms import Term
from tocsin.core.rulefiles.formulas import Formula, parsed, undefined_parameters
from tocsin.core.rulefiles.marked import Fields, Place, place_of
from tocsin.core.rulefiles.report import Report, text

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAX_ID, MAX_NAME = 80, 200


class Draft(Protocol):
    """Something of a file, as far as it could be read."""

    report: Report
    fields: Fields


D = TypeVar("D", bound=Draft)


def read_id(report: Report, fields: Fields, *, what: str, first: str, such_as: str) -> str | None:
    """The id of `what`; None, and said why, where there is none or it is malformed. first, such_as: examples of one."""
    item = fields.get("id")
    if item is None:
        report(fields, f"{what} needs an `id`, such as {first}")
        return None
    said = text(report, item, "the id")
    if said is not None and (not _ID.fullmatch(said) or len(said) > MAX_ID):
        report(item, f"the id {said!r} must be small letters, digits and single hyphens, such as {such_as}")
        return None
    return said


def read_name(report: Report, fields: Fields) -> str | None:
    """The name; one that is too long is told of."""
    name = text(report, fields.get("name"), "the name")
    if name is not None and len(name) > MAX_NAME:
        report(fields.key("name"), f"the name has at most {MAX_NAME} characters, this one {len(name)}")
    return name


def once(drafts: Iterable[D], value_of: Callable[[D], Any], key: str, said: Callable[[Any], str]) -> None:
    """Tell the second of two drafts that have the same value where the first stands."""
    first: dict[Any, D] = {}
    for draft in drafts:
        value = value_of(draft)
        if value is None:
            continue
        if value in first:
            other = first[value]
            place = other.fields.key(key).place
            draft.report(draft.fields.key(key), said(value).format(f"{other.report.file}:{place.line}:{place.column}"))
        else:
            first[value] = draft


def typed(report: Report, formula: Formula, names: Names | None) -> Term | None:
    """The term of a formula about an account; None where it cannot be read, which is told, or where no names are known."""
    tree = parsed(report, formula)
    if tree is None or undefined_parameters(report, formula, tree, ()) or names is None:
        return None
    try:
        return check(tree, "account", names, expect=formula.expect)
    except FormulaError as error:
        for each in error.all:
            report(formula.text.at(each.position), f"{formula.what}: {each.message}")
        return None


def spoiled(draft: Draft, problems: set[tuple[str, Place]]) -> bool:
    """Whether a problem was found in its text."""
    first, last = draft.fields.place, place_of(draft.fields.file_text, draft.fields.end)
    return any(file == draft.report.file and first <= place <= last for file, place in problems)
