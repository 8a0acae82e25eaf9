"""Statements that ask accounts on the way: formulas about a csm, a team or the company, and of a person's or feature's account.

What is asked of accounts is one helper, `per_account`: a statement of its own about accounts, with a row for each account and
a column for each term and instant. Aggregates over `accounts` then range over its rows, by whom they belong to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlglot import exp

from tocsin.core.language.terms import Attribute, OfAccount, Term
from tocsin.core.schema import COLLECTIONS, PORTFOLIO_SUBJECTS
from tocsin.engine.instants import Instant
from tocsin.engine.plan import Aspect, Leaf, View, leaves, make_plan
from tocsin.engine.rolled import Rollup
from tocsin.engine.sql import build as b
from tocsin.engine.sql import holdings
from tocsin.engine.sql.asof import column_name
from tocsin.engine.sql.money import with_rates
from tocsin.engine.sql.rows import ROW, Rows
from tocsin.engine.sql.statement import Question, Statement, Surroundings, rollup_of

PER_ACCOUNT = "per_account"
VALUE: Aspect = "value"
MONEY = frozenset((column.name, VALUE) for column in COLLECTIONS["accounts"] if column.money)
CURRENCY = ("currency", VALUE)


class OverAccounts(Statement):
    """A statement with `per_account` beside its universe, and the rows that a csm, a team or the company holds."""

    def _add_universe(self) -> None:
        if self.question.subject in PORTFOLIO_SUBJECTS:
            self.ctes += holdings.helpers(self.question.subject)
        super()._add_universe()
        if self.plan.accounts:
            self.ctes.append((PER_ACCOUNT, self._per_account()))

    def _per_account(self) -> exp.Expr:
        return PerAccount(self.plan.accounts, self.question, self.around).query()

    # Where leaves stand

    def _join(self, source: exp.Select, leaf: Leaf, joined: set[str]) -> exp.Select:
        if _constant(leaf.term):
            return source
        if not isinstance(leaf.term, OfAccount):
            return super()._join(source, leaf, joined)
        if PER_ACCOUNT not in joined:
            joined.add(PER_ACCOUNT)
            on = b.equal_keys(PER_ACCOUNT, "u", self._account_keys())
            source = source.join(exp.Table(this=b.name(PER_ACCOUNT)), on=on, join_type="left", copy=False)
        return source

    def _account_keys(self) -> tuple[str, ...]:
        """What tells the rows of `per_account` apart."""
        return ("account_key",)

    def _leaf(self, leaf: Leaf) -> exp.Expr:
        if isinstance(leaf.term, OfAccount):
            return b.column(PER_ACCOUNT, self._column(leaf.term, leaf.at))
        return self._constant(leaf.term) if _constant(leaf.term) else super()._leaf(leaf)

    def _leaf_in_filter(self, leaf: Leaf) -> exp.Expr:
        if isinstance(leaf.term, OfAccount):
            return b.column(ROW, self._column(leaf.term, leaf.at))
        return self._constant(leaf.term) if _constant(leaf.term) else super()._leaf_in_filter(leaf)

    def _column(self, term: OfAccount, at: Instant) -> str:
        return self.plan.accounts[Leaf(term.term, at)]

    def _constant(self, term: Term) -> exp.Expr:
        """An attribute of a csm or a team, or a setting of the company."""
        assert isinstance(term, Attribute)
        if term.entity != holdings.COMPANY or term.name == "id":
            return holdings.attribute(term.name)
        value = {"churn_tolerance": self.around.churn_tolerance, "currency": self.around.currency}[term.name]
        if value is None:
            return b.cast(exp.null(), term.type)
        return b.text(value) if isinstance(value, str) else b.number(value)

    # Rows

    def _source(self, rows: Rows) -> exp.Expr:
        """The rows that subjects of this kind hold, each with its `subject_id`, in a helper that is made when first needed."""
        subject, collection = self.question.subject, rows.collection.name
        if subject not in PORTFOLIO_SUBJECTS:
            return super()._source(rows)
        name = f"{collection}_held"
        if name not in dict(self.ctes):
            self.ctes.append((name, holdings.held(subject, collection, self._accounts())))
        return b.table(name, ROW)

    def _accounts(self) -> exp.Expr:
        """The rows of accounts, with what is asked of them."""
        return b.table(PER_ACCOUNT, ROW) if self.plan.accounts else plain_accounts().subquery(ROW)

    def _without_left_out(self, base: exp.Select, rows: Rows) -> exp.Select:
        """Only what the subject holds as of the instant; who is left out is in no helper of holdings."""
        if self.question.subject not in PORTFOLIO_SUBJECTS:
            return super()._without_left_out(base, rows)
        test = holdings.holds(rows.collection.name, rows.at)
        return base if test is None else base.where(test, copy=False)


def _constant(term: Term) -> bool:
    return isinstance(term, Attribute) and term.entity in PORTFOLIO_SUBJECTS


def _is_money(leaf: Leaf) -> bool:
    return isinstance(leaf.term, Attribute) and (leaf.term.name, VALUE) in MONEY


def plain_accounts() -> exp.Select:
    """The accounts of which nothing is asked but that they are there."""
    columns = (b.as_(b.column("a", "key"), "account_key"), b.column("a", "id"), b.column("a", "created_at"))
    return exp.select(*columns).from_(b.table("accounts", "a"))


class PerAccount(Statement):
    """Terms about accounts, each as of an instant of its own; amounts of accounts in the reporting currency."""

    def __init__(self, wanted: Mapping[Leaf, str], outer: Question, around: Surroundings) -> None:
        super().__init__(Question("account", [], [], markets=outer.markets), around)
        self.outer = outer
        self._want(wanted)

    def _want(self, wanted: Mapping[Leaf, str]) -> None:
        self.plan = make_plan(((leaf.term, leaf.at) for leaf in wanted), rollup=self._rollup())
        self.wanted = wanted
        self.rates: dict[Instant, str] = {}  # instant -> CTE with the rate of each account's currency, as `rate$`
        for view in self.plan.views.values() if self.around.converts else ():
            if view.entity == "account" and MONEY.intersection(view.columns):
                view.columns.setdefault(CURRENCY, Attribute("text", "account", "currency"))

    def _rollup(self) -> Rollup | None:
        """What can be taken from the rollup of old events."""
        return rollup_of(replace(self.outer, subject="account"), self.around)

    def query(self) -> exp.Select:
        """The SELECT, with its own helpers before it: `account_key`, `id`, `created_at`, and a column for each leaf."""
        self._prepare()
        source = exp.select().from_(b.table("universe", "u"), copy=False)
        joined: set[str] = set()
        for wanted in self.wanted:
            for leaf in leaves(wanted.term, wanted.at):
                source = self._join(source, leaf, joined)
        source = source.select(*self._ids(), copy=False)
        reader = self._reader()
        for wanted, name in self.wanted.items():
            source = source.select(b.as_(reader.value(wanted.term, wanted.at), name), copy=False)
        for name, cte in self.ctes:
            source = source.with_(b.name(name), as_=cte, copy=False)
        return source

    def _add_view(self, view: View, name: str) -> None:
        super()._add_view(view, name)
        if view.entity != "account" or CURRENCY not in view.columns or not MONEY.intersection(view.columns):
            return
        # What subscriptions give is converted already.
        subscribed = exp.select(b.column("s", "account_key")).from_(b.table("subscriptions", "s"))
        free = b.negated(exp.In(this=b.column("u", "account_key"), query=subscribed.subquery()))
        keys = [b.column("u", key) for key in self.keys]
        currency = b.as_(b.case((free, b.column(name, column_name(*CURRENCY)))), "currency")
        money = exp.select(*keys, currency, b.as_(b.today(view.at, self.around.zone), "day$")).from_(b.table("universe", "u"))
        money = money.join(exp.Table(this=b.name(name)), on=self._on_view("account", name))
        rated = with_rates(money.subquery(ROW), b.column(ROW, "day$"), self.around.currency)
        columns = [b.column(ROW, key) for key in (*self.keys, "rate$")]
        self.rates[view.at] = f"{name}_rates"
        self.ctes.append((self.rates[view.at], exp.select(*columns).from_(rated)))

    def _join(self, source: exp.Select, leaf: Leaf, joined: set[str]) -> exp.Select:
        source = super()._join(source, leaf, joined)
        rates = self.rates.get(leaf.at) if _is_money(leaf) else None
        if rates is not None and rates not in joined:
            joined.add(rates)
            on = b.equal_keys(rates, "u", self.keys)
            source = source.join(exp.Table(this=b.name(rates)), on=on, join_type="left", copy=False)
        return source

    def _leaf(self, leaf: Leaf) -> exp.Expr:
        value = super()._leaf(leaf)
        rates = self.rates.get(leaf.at) if _is_money(leaf) else None
        return value if rates is None else b.paren(exp.Mul(this=value, expression=b.column(rates, "rate$")))

    def _ids(self) -> list[exp.Expr]:
        named = {"account_key": "account_key", "subject_id": "id", "account_born": "created_at"}
        return [b.as_(b.column("u", column), name) for column, name in named.items()]
