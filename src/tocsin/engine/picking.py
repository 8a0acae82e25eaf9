"""Which subjects of a question are answered: those for whom something holds. Of all others at most their ids are told.

Of a million people a few hundred match a rule; what all the others' values are nobody looks at, so they are neither put in
order nor handed over. People who were deleted are asked about by the same statement, and held apart by a term.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.core.language.terms import Term
from tocsin.engine.cases import Case, all_of
from tocsin.engine.explaining import how_many, subject_ids, true_places

MANY = ("person", "feature")  # of fewer subjects, picking takes longer to plan than it saves
COUNTED, LISTED = "counted", "listed"  # the columns with numbers and with lists of ids, in a row of their own


@dataclass(frozen=True)
class Standing(Term):
    """Whether a person has not been deleted by T."""

    __hash__ = Term.__hash__


STANDING = Standing("boolean")


@dataclass(frozen=True)
class Picked:
    """Places of truths among the formulas.

    any_of:  subjects for whom one of these is true are answered.
    counted: of these it is told how many they are true for. listed: of these for whom, by id alone.
    """

    any_of: tuple[int, ...]
    counted: tuple[int, ...]
    listed: tuple[int, ...]

    @staticmethod
    def of(any_of: Iterable[int], counted: Iterable[int], listed: Iterable[int]) -> Picked:
        """Each place once."""
        return Picked(*(tuple(dict.fromkeys(each)) for each in (any_of, counted, listed)))

    def told(self, table: pa.Table, subject: str) -> tuple[pa.Table, Mapping[int, int], Mapping[int, Sequence[str]]]:
        """As `parted`, of an answer with all subjects."""
        numbers = {place: how_many(table, place) for place in self.counted}
        return table, numbers, {place: subject_ids(table, subject, true_places(table, place)) for place in self.listed}

    def parted(self, table: pa.Table) -> tuple[pa.Table, Mapping[int, int], Mapping[int, Sequence[str]]]:
        """An answer as the rows of subjects; place -> how many the truth holds for; place -> for whom."""
        told = pc.is_valid(table.column(COUNTED))
        [row] = table.filter(told).select([COUNTED, LISTED]).to_pylist()
        numbers = dict(zip(self.counted, row[COUNTED], strict=True))
        lists = {place: ids or () for place, ids in zip(self.listed, row[LISTED], strict=True)}
        return table.filter(pc.invert(told)).drop_columns([COUNTED, LISTED]), numbers, lists


def of_who_stand(case: Case) -> Case:
    """The case for people who have not been deleted, where deleted ones are asked about too."""
    clears = None if case.clears is None else all_of([STANDING, case.clears])
    return replace(case, scope=all_of([STANDING, case.scope]), fires=all_of([STANDING, case.fires]), clears=clears)
