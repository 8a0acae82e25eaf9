"""As of points: the same statements that ask accounts on the way (`engine.sql.portfolio`).

`per_account` has a row for each account and moment at which the points look; the rows that subjects hold meet their points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlglot import exp

from tocsin.core.language import terms
from tocsin.core.schema import PORTFOLIO_SUBJECTS
from tocsin.engine.instants import Point
from tocsin.engine.plan import Leaf
from tocsin.engine.rolled import Rollup
from tocsin.engine.sql import build as b
from tocsin.engine.sql.points import PointsQuestion, PointsStatement, Source
from tocsin.engine.sql.portfolio import OverAccounts, PerAccount
from tocsin.engine.sql.rows import ROW, Rows
from tocsin.engine.sql.statement import Question, Surroundings
from tocsin.engine.sql.universe import exists, universe
from tocsin.facts.store import Store

MOMENTS = "moments"  # the helper with the moments of the points; of people and features, those of each account


class OverAccountsOfPoints(OverAccounts, PointsStatement):
    """A statement about points with `per_account` beside it."""

    def _per_account(self) -> exp.Expr:
        keys = () if self._of_all else ("account_key",)
        moments = exp.select(*(b.column("u", key) for key in (*keys, "at"))).from_(b.table("universe", "u"))
        self.ctes.append((MOMENTS, moments.distinct()))
        source = AccountsThen(self.asked.source, keys)
        return PerAccountOfPoints(self.plan.accounts, source, self.asked, self.around).query()

    def _account_keys(self) -> tuple[str, ...]:
        return ("account_key", "at")

    def _without_left_out(self, base: exp.Select, rows: Rows) -> exp.Select:
        base = super()._without_left_out(base, rows)
        if self._of_all and self.plan.accounts and rows.collection.name == "accounts":
            base = base.where(b.equal_keys(ROW, "u", ("at",)), copy=False)
        return base

    @property
    def _of_all(self) -> bool:
        """Whether all accounts are asked at all moments, and not each at those of its own subjects."""
        return self.asked.source.subject in PORTFOLIO_SUBJECTS


@dataclass(frozen=True)
class AccountsThen:
    """The accounts at the moments of other points; keys: what tells whose moments they are (none: of all accounts)."""

    points: Source
    keys: tuple[str, ...]
    subject: str = "account"

    @property
    def everybody(self) -> bool:
        """Whether the points of others ask about everybody."""
        return self.points.everybody

    def query(self, around: Surroundings, given: Sequence[terms.Given]) -> exp.Query:
        """The points: every account that exists at such a moment."""
        assert not given
        accounts = universe("account", Question("account", [], []), around).subquery("u")
        made = exp.select(exp.Column(this=exp.Star(), table=b.name("u")), b.column("m", "at")).from_(accounts)
        made = made.join(b.table(MOMENTS, "m"), on=b.equal_keys("m", "u", self.keys), copy=False)
        return made.where(exists("account", Point(table="m", column="at"), deleted=True), copy=False)

    def span(self, store: Store) -> Sequence[datetime]:
        """The moments of the other points."""
        return self.points.span(store)

    def step(self) -> tuple[datetime, datetime, timedelta] | None:
        """The grid of the other points."""
        return self.points.step()

    def instants(self) -> Sequence[datetime] | None:
        """The moments of the other points."""
        return self.points.instants()


class PerAccountOfPoints(PerAccount, PointsStatement):
    """Terms about accounts as of points: a row for each account and moment."""

    def __init__(self, wanted: Mapping[Leaf, str], source: AccountsThen, outer: PointsQuestion, around: Surroundings) -> None:
        PointsStatement.__init__(self, PointsQuestion(source, [], markets=outer.markets, earliest=outer.earliest), around)
        self._want(wanted)

    def _rollup(self) -> Rollup | None:
        return super(PerAccount, self)._rollup()  # as of points, not of moments

    def _ids(self) -> list[exp.Expr]:
        return [*super()._ids(), b.column("u", "at")]
