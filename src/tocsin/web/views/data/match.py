"""Matching the columns of files that were handed over: what each becomes, how it is written, what its words mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.urls import reverse

from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.core.vocabulary import KNOWN
from tocsin.facts import valuewords
from tocsin.facts.importing.encodings import ENCODINGS
from tocsin.facts.importing.matching import drafts, guesses, plans
from tocsin.facts.importing.matching.drafts import Draft
from tocsin.facts.importing.matching.formats import DATE_FORMATS, Written, written_as
from tocsin.facts.importing.matching.looks import Field, Look
from tocsin.facts.importing.matching.plans import Match, Table
from tocsin.facts.importing.stage import UPDATED
from tocsin.web import importing, source
from tocsin.web.shell import Seen
from tocsin.web.views.data.frame import Done, GoneError, act, sentence, tab

OWN = "="  # stands for: an attribute under a name of its own
NOTHING = "(nothing)"  # what a value is to mean where it is to be empty


@dataclass(frozen=True, slots=True)
class Cell:
    """A column of a file as the form shows it. kind: of what it becomes, '' where that is nothing.

    words: (value, rows, what it means here, whether that is known) of a column whose words mean something. known: the words.
    """

    at: int
    field: Field
    match: Match
    own: bool
    kind: str
    guess: Written
    required: bool
    words: tuple[tuple[str, int, str, bool], ...] = ()
    known: tuple[str, ...] = ()

    @property
    def doubt(self) -> bool:
        """Whether a good part of it cannot be read as what it becomes."""
        return self.kind not in ("", "any", "text") and self.guess.fits < 0.995 and not self.match.date_format

    @property
    def strange(self) -> int:
        """How many of its words nothing is known of."""
        return sum(not known for *_, known in self.words)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as the form shows it."""

    at: int
    look: Look
    table: Table
    cells: tuple[Cell, ...]
    offered: tuple[str, ...]
    required: tuple[str, ...]
    customs: bool


def opened(draft_id: str) -> Draft:
    """The draft of an address; the tab is shown where there is none any more."""
    try:
        return drafts.draft(importing.here().home, draft_id)
    except UserError as gone:
        raise GoneError(str(gone)) from gone


def show(request: Seen, moment: datetime, draft_id: str) -> dict[str, Any]:
    """The tables, each with its columns; that they are being looked at, until they were."""
    found = opened(draft_id)
    asked = importing.look(found)
    if not asked.made:
        return {"draft": found, "looking": True, "failed": asked.failed}
    found = drafts.draft(importing.here().home, draft_id)
    looks = drafts.looks_of(found) or []
    tables = found.plan.tables or ()
    known = source.kept(("data", "words"), lambda: valuewords.known(source.store()), moment)
    problem = ""
    try:
        plans.as_yaml(tables)
    except UserError as refusal:
        problem = sentence(refusal)
    return {
        "draft": found,
        "sheets": [_sheet(at, look, table, known) for at, (look, table) in enumerate(zip(looks, tables, strict=True))],
        "collections": guesses.OFFERED,
        "encodings": ENCODINGS,
        "formats": DATE_FORMATS,
        "problem": problem if request.GET.get("tried") else "",
    }


def _sheet(at: int, look: Look, table: Table, known: Mapping[tuple[str, str], Sequence[str]]) -> Sheet:
    declared = COLLECTIONS.get(table.collection)
    cells = []
    for number, (field, match) in enumerate(zip(look.fields, table.matches, strict=False)):
        kind = _kind(table.collection, match.target)
        own = bool(match.target) and declared is not None and match.target not in declared and match.target != UPDATED
        required = declared is not None and match.target in declared.required
        place = (table.collection, match.target)
        words = tuple(known.get(place, KNOWN.get(place, ())))
        listed = _words(field, match, words) if place in KNOWN and field.few else ()
        guess = written_as(field, kind) if kind else Written(1.0)  # type: ignore[arg-type]
        cells.append(Cell(number, field, match, own, kind, guess, required, listed, words))
    offered = (*(declared.names if declared else ()), *((UPDATED,) if declared and declared.history else ()))
    return Sheet(
        at, look, table, tuple(cells), offered, declared.required if declared else (), bool(declared and declared.custom)
    )


def _kind(collection: str, target: str) -> str:
    if not collection or not target:
        return ""
    declared = COLLECTIONS[collection]
    return declared.column(target).type if target in declared else "time" if target == UPDATED else "any"


def _words(field: Field, match: Match, words: Sequence[str]) -> tuple[tuple[str, int, str, bool], ...]:
    """The words of a column, in the order of its look: a box is named by its place, which has to stay its word's."""
    listed = []
    for value, count in field.values:
        said = match.values.get(value)
        meant = "" if said is None else said or NOTHING
        listed.append((value, count, meant, not words or bool(meant) or value in words))
    return tuple(listed)


def decide(request: Seen, moment: datetime, draft_id: str) -> Done:  # noqa: ARG001 - nothing of it is dated
    """Keep what the form says; where a collection or an encoding changed, the columns are matched anew."""
    found = opened(draft_id)
    looks = drafts.looks_of(found)
    here = reverse("web:data-import-match", args=[draft_id])
    if looks is None or found.plan.tables is None:
        return Done("", here)
    given, again = request.POST, False
    tables = []
    for at, (look, table) in enumerate(zip(looks, found.plan.tables, strict=True)):
        collection = given.get(f"t{at}.collection", table.collection)
        encoding = given.get(f"t{at}.encoding", "")
        if collection not in guesses.OFFERED:
            tables.append(Table(look.file, look.sheet, "", (), table.encoding))
        elif collection != table.collection:
            tables.append(replace(importing.proposed(look, collection, found.plan.saved), encoding=table.encoding))
        else:
            tables.append(replace(table, matches=_matches(given, at, look, table)))
        if encoding != table.encoding and (encoding in ENCODINGS or not encoding) and look.encoding:
            tables[-1], again = replace(tables[-1], encoding=encoding), True
    found = drafts.planned(found, tables, full="full" in given)
    if again:
        drafts.forget_looks(found)
    if given.get("act") != "preview" or again:
        return Done("", here)
    try:
        plans.as_yaml(found.plan.tables or ())
    except UserError:
        return Done("", f"{here}?tried=1")
    return Done("", reverse("web:data-import-preview", args=[draft_id]))


def _matches(given: Mapping[str, str], at: int, look: Look, table: Table) -> tuple[Match, ...]:
    made = []
    for number, (field, before) in enumerate(zip(look.fields, table.matches, strict=False)):
        place = f"t{at}.c{number}"
        target = given.get(f"{place}.target", before.target).strip()
        if target == OWN:
            target = given.get(f"{place}.own", "").strip() or field.name.strip()
        if target != before.target:
            # Another column: how it is written is guessed anew, and words mean something else.
            kind = _kind(table.collection, target)
            written = written_as(field, kind) if kind else Written(1.0)  # type: ignore[arg-type]
            values = plans.alike(table.collection, target, field)
            made.append(Match(field.name, target, written.date_format, written.decimal, values))
            continue
        values = dict(before.values)
        for word in range(len(field.values)):
            said, meant = given.get(f"{place}.v{word}.given"), given.get(f"{place}.v{word}.meant", "").strip()
            if said is None:
                continue
            values.pop(said, None)
            if meant and meant != said:
                values[said] = "" if meant == NOTHING else meant
        date_format = given.get(f"{place}.format", before.date_format).strip()
        decimal = given.get(f"{place}.decimal", before.decimal)
        made.append(Match(field.name, target, date_format, decimal, values))
    return tuple(made)


matching = tab("data-import", show, "import_match")
decided = act("data-import", decide)
