"""Statements about families of accounts: the rows of all members count as the head's, as of each instant that is looked at.

Where nobody ever came into a family or left one (`settled`), a row belongs to one family at all moments, and everything is
computed as for accounts; else each row is met as of the instant. Which statement a question takes is known here.
"""

from __future__ import annotations

from sqlglot import exp

from tocsin.core.rules import FAMILY
from tocsin.engine.plan import Group
from tocsin.engine.sql import build as b
from tocsin.engine.sql.kin import KIN, head_key, kin, of_member, within
from tocsin.engine.sql.points import PointsQuestion, PointsStatement
from tocsin.engine.sql.portfolio import OverAccounts
from tocsin.engine.sql.portfolio_points import OverAccountsOfPoints
from tocsin.engine.sql.rows import ROW, Rows
from tocsin.engine.sql.statement import Question, Statement, Surroundings


def statement(question: Question, around: Surroundings, *, wide_only: bool = False) -> Statement:
    """The statement of a question, about whichever subject. `wide_only`: see `plan.make_plan`."""
    kind = {"account": Statement, FAMILY: OverFamilies}.get(question.subject, OverAccounts)
    return kind(question, around, wide_only=wide_only)


def points_statement(asked: PointsQuestion, around: Surroundings) -> PointsStatement:
    """The statement of a question about points, about whichever subject."""
    kinds: dict[str, type[PointsStatement]] = {"account": PointsStatement, FAMILY: OverFamiliesOfPoints}
    return kinds.get(asked.source.subject, OverAccountsOfPoints)(asked, around)


class OverFamilies(OverAccounts):
    """A statement whose subjects are the heads of families."""

    @property
    def _one_by_one(self) -> bool:
        return self.around.families == "changing"

    def _add_universe(self) -> None:
        self.ctes.append((KIN, kin()))
        super()._add_universe()

    def _source(self, rows: Rows) -> exp.Expr:
        """The rows with the key of their family's head in the place of their account's."""
        own = self._accounts() if rows.collection.name == "accounts" else super()._source(rows)
        head = b.as_(head_key("kn", ROW), "account_key")
        star = exp.Column(this=exp.Star(replace=[head]), table=b.name(ROW))
        made = exp.select(star, b.column("kn", "since$"), b.column("kn", "until$")).from_(own)
        return made.join(b.table(KIN, "kn"), on=of_member("kn", ROW), join_type="left", copy=False).subquery(ROW)

    def _without_left_out(self, base: exp.Select, rows: Rows) -> exp.Select:
        base = super()._without_left_out(base, rows)
        return base.where(within(ROW, rows.at), copy=False) if self._one_by_one else base


class OverFamiliesOfPoints(OverFamilies, OverAccountsOfPoints):
    """The same about points."""

    @property
    def _of_all(self) -> bool:
        return True  # each account is asked at the moments of its head

    def _people_of(self, group: Group) -> str:  # noqa: ARG002 - people of whichever group
        return FAMILY
