"""The instants at which an attribute of accounts or people may have changed: candidates, to be judged as points."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from tocsin.core.language import terms
from tocsin.core.language.names import ENTITY_COLLECTIONS
from tocsin.core.language.terms import Attribute
from tocsin.core.schema import COLLECTIONS
from tocsin.engine.instants import Point
from tocsin.engine.sql import build as b
from tocsin.engine.sql.asof import TIMELINES, told_with, typed
from tocsin.engine.sql.pointviews import KEY
from tocsin.engine.sql.statement import Question, Surroundings
from tocsin.engine.sql.universe import exists, universe
from tocsin.facts.store import Store


@dataclass(frozen=True)
class Changes:
    """Each subject at each instant in (after, until] at which an attribute, its own or its account's, may have changed.

    An attribute changes where its history has an entry; one that an end masks or tells, and a status that is derived from
    dates, also at the instants that those ends and dates name.
    """

    subject: str
    attribute: Attribute
    after: datetime
    until: datetime
    accounts: Collection[str] | None = None
    deleted: bool = True
    everybody: bool = False

    def query(self, around: Surroundings, given: Sequence[terms.Given]) -> exp.Query:
        """The points; no row set them off."""
        assert not given
        asked = Question(self.subject, [self.until], [], accounts=self.accounts)
        everyone = universe(self.subject, asked, around).subquery("u", copy=False)
        parts = [self._entries(), *(each for name in self._dates() for each in self._named(name, around))]
        instants: exp.Query = parts[0]
        for part in parts[1:]:
            instants = exp.union(instants, part, distinct=True, copy=False)
        kept = exp.select(exp.Star()).from_(instants.subquery("i", copy=False), copy=False).distinct(copy=False)
        kept = kept.where(
            b.both(
                exp.GT(this=b.column("i", "at"), expression=b.instant(self.after)),
                exp.LTE(this=b.column("i", "at"), expression=b.instant(self.until)),
            ),
            copy=False,
        )
        made = exp.select(exp.Column(this=exp.Star(), table=b.name("u")), b.column("m", "at")).from_(everyone, copy=False)
        same = exp.EQ(this=b.column("m", "key"), expression=b.column("u", KEY[self.attribute.entity]))
        made = made.join(kept.subquery("m", copy=False), on=same, copy=False)
        return made.where(exists(self.subject, Point(table="m", column="at"), deleted=self.deleted), copy=False)

    def span(self, store: Store) -> Sequence[datetime]:  # noqa: ARG002 - as of `Source`
        """The first and the last instant that there can be."""
        return (self.after, self.until)

    def step(self) -> None:
        """Changes lie on no grid."""
        return

    def instants(self) -> None:
        """Changes lie where they lie."""
        return

    def _entries(self) -> exp.Select:
        """The entries of its history."""
        fields = [self.attribute.name, *self._dates()]
        source = exp.select(b.column("x", "key"), b.column("x", "at")).from_(b.table(TIMELINES[self.attribute.entity], "x"))
        return source.where(b.one_of(b.column("x", "field"), fields))

    def _dates(self) -> list[str]:
        """The ends and dates whose reaching changes the attribute."""
        collection = COLLECTIONS[ENTITY_COLLECTIONS[self.attribute.entity]]
        dates = list(told_with(collection, self.attribute.name))
        declared = collection.column(self.attribute.name) if self.attribute.name in collection else None
        return [*dates, *([self.attribute.name] if declared is not None and declared.end else [])]

    def _named(self, name: str, around: Surroundings) -> list[exp.Select]:
        """The instants that a date names, as it stands and in its history."""
        collection = COLLECTIONS[ENTITY_COLLECTIONS[self.attribute.entity]]
        kind = collection.column(name).type
        found = []
        for key, value, source in (
            (b.column("e", "key"), b.column("e", name), b.table(collection.name, "e")),
            (b.column("x", "key"), typed(b.column("x", "value"), kind), b.table(TIMELINES[self.attribute.entity], "x")),
        ):
            at = b.start_of(value, around.zone) if kind == "date" else value
            select = exp.select(b.as_(key, "key"), b.as_(at, "at")).from_(source)
            if source.alias == "x":
                select = select.where(exp.EQ(this=b.column("x", "field"), expression=b.text(name)))
            found.append(select)
        return found
