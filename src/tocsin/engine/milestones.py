"""Milestones of templates, as formulas over `milestones` see them: rows beside those that the facts give.

An aggregate over `milestones` becomes one over the given rows, and for each template in force what its row adds: whether the
account has it as of T, and what its columns are then, written as terms about the account. So a template's milestone is as of
any moment what the facts up to then say, in sweeps and replays alike, and nothing is stored for it but when it was reached.

It is reached at the first start of day (in the workspace's zone) from its anchor on at which its condition holds, or as of T
where that holds now and at none of these; what has been reached stays so. `milestone_history` keeps these days. A milestone
that the facts give under the same name takes the place of the template's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from tocsin.core.language import FormulaError, Names, check, parse
from tocsin.core.language.terms import (
    Aggregated,
    Attribute,
    Column,
    Const,
    Operation,
    Term,
    Type,
    Window,
    mapped,
    own,
)
from tocsin.core.language.types import as_instant
from tocsin.core.milestones import STANDS, MilestoneVersion
from tocsin.core.moment import DAY, iso
from tocsin.core.rulefiles.milestones import forbidden
from tocsin.core.scoring import choose, once, reached
from tocsin.core.versions import boundaries, in_force
from tocsin.engine.rewriting import Rewriting

MILESTONES = "milestones"
TRUE, FALSE, NOTHING = Const("boolean", value=True), Const("boolean", value=False), Const("null", None)
ZERO, ONE = Const("number", 0.0), Const("number", 1.0)


@dataclass(frozen=True)
class Step:
    """The row of a version of a template, as terms about an account as of T.

    there: whether the account has it. holds: whether its condition is true. begun, due, reached: its columns, `due` a date.
    """

    version: MilestoneVersion
    there: Term
    holds: Term
    begun: Term
    due: Term
    reached: Term

    @property
    def open(self) -> Term:
        """Whether it has not been reached."""
        return Operation("boolean", "is_null", (self.reached,))

    def column(self, name: str) -> Term:
        """A column of the row."""
        made = self.version.milestone
        match name:
            case "id":
                return Const("text", made.id)
            case "name":
                return Const("text", made.name)
            case "account_id":
                return Attribute("text", "account", "id")
            case "age":
                return Operation("number", "days_since", (self.begun,))
        return {"started_at": self.begun, "due_on": self.due, "reached_at": self.reached, "open": self.open}[name]


class Milestones:
    """The milestones of templates, by all versions that were ever published."""

    def __init__(self, versions: Sequence[MilestoneVersion], names: Names) -> None:
        self.versions = tuple(versions)
        self._names = names
        self._boundaries = boundaries(self.versions)
        self._steps: dict[tuple[datetime | None, ...], tuple[Step, ...]] = {}
        self.problems: list[str] = []

    def steps(self, first: datetime, last: datetime) -> tuple[Step, ...]:
        """The rows of versions that decide at instants in [first, last]."""
        starts = [each for each in self._boundaries if first < each <= last]
        earlier = [each for each in self._boundaries if each <= first]
        key = (earlier[-1] if earlier else None, *starts)
        if key not in self._steps:
            groups: list[tuple[datetime | None, datetime]] = [(None, first), *((each, each) for each in starts)]
            made = []
            for place, (since, at) in enumerate(groups):
                until = groups[place + 1][0] if place + 1 < len(groups) else None
                made += self._group(in_force(self.versions, at), since, until)
            self._steps[key] = tuple(made)
        return self._steps[key]

    def _group(self, versions: Sequence[MilestoneVersion], since: datetime | None, until: datetime | None) -> list[Step]:
        """The rows of versions that decide together, by precedence, from an instant on until another."""
        at_all = [reached(since)] if since is not None else []
        at_all += [_not(reached(until))] if until is not None else []
        taken: dict[str, list[Term]] = {}
        made = []
        for each in versions:
            where, anchor, holds = self._typed(each)
            before = taken.setdefault(each.milestone.name, [])
            made.append(_step(each, [*at_all, where, *map(_not, before)], anchor, holds))
            before.append(where)
        return made

    def _typed(self, version: MilestoneVersion) -> tuple[Term, Term, Term]:
        """Whom it is for, when it begins (a time), and whether its condition holds; what cannot be read is nothing."""
        known = Names(self._names.accounts, self._names.people, {**self._names.signals, **version.signals})
        milestone = version.milestone

        def typed(formula: str, kind: Type | None) -> Term:
            try:
                term = check(parse(formula), "account", known, expect=kind)
            except FormulaError as error:
                self.problems.append(f"milestone {milestone.id!r}: {error}")
                return NOTHING
            return NOTHING if forbidden(term) else term

        where: Term = TRUE if milestone.where is None else _surely(typed(milestone.where, "boolean"))
        anchor = as_instant(typed(milestone.anchor, None)) or NOTHING
        begun = Operation("time", "start_of_day", (anchor,)) if anchor.type == "date" else anchor
        return once(where) if where is not TRUE else TRUE, begun, _surely(typed(milestone.reached, "boolean"))

    @cached_property
    def said(self) -> str:
        """What the templates say, with what their formulas come to."""
        return repr(sorted((each.mark, iso(each.published_at), each.milestone, self._typed(each)) for each in self.versions))


def _step(version: MilestoneVersion, tests: Sequence[Term], begun: Term, holds: Term) -> Step:
    age = Operation("number", "days_since", (begun,))
    begun_now = Operation("boolean", ">=", (age, ZERO))
    stands = Operation("boolean", "<=", (age, Const("number", STANDS / DAY)))
    same = Operation("boolean", "=", (Column("text", MILESTONES, "name"), Const("text", version.milestone.name)))
    given = Aggregated("boolean", "exists", MILESTONES, None, same, None)
    there = once(_surely(Operation("boolean", "and", (*tests, begun_now, stands, _not(given)))))
    due = Operation("date", "days_later", (begun, Const("number", float(version.milestone.days))))
    kept = Attribute("time", "account", version.milestone.kept)
    now = choose(holds, Operation("time", "moment", ()), NOTHING)
    return Step(version, there, holds, once(begun), due, once(Operation("time", "coalesce", (kept, now))))


def _not(test: Term) -> Term:
    return Operation("boolean", "not", (_surely(test),))


def _surely(test: Term) -> Term:
    """The test, false where it is null."""
    return Operation("boolean", "coalesce", (test, FALSE))


# Aggregates


class Expansion(Rewriting):
    """Terms with the rows of templates in their aggregates; `span` is of the instants that these look from, None of none."""

    def __init__(self, milestones: Milestones) -> None:
        super().__init__()
        self._milestones = milestones
        self.span: tuple[datetime, datetime] | None = None

    def concerns(self, term: Term) -> bool:
        """Whether a term is an aggregate over milestones."""
        return _over_milestones(term)

    def otherwise(self, term: Term, first: datetime, last: datetime) -> Term:
        """A term with the rows of templates."""
        inner = mapped(term, lambda child: self._term(child, first, last))
        if not isinstance(inner, Aggregated) or not _over_milestones(inner):
            return inner
        self.span = (min(first, self.span[0]), max(last, self.span[1])) if self.span else (first, last)
        return with_steps(inner, self._milestones.steps(first, last))


def _over_milestones(term: Term) -> bool:
    return isinstance(term, Aggregated) and term.collection == MILESTONES


def with_steps(term: Aggregated, steps: Sequence[Step]) -> Term:
    """An aggregate over milestones, of given rows and those of templates together. FormulaError where it cannot be."""
    if not steps:
        return term
    rows = [_row(term, each) for each in steps]
    if term.function == "exists":
        made: Term = Operation("boolean", "or", (term, *(counts for counts, _ in rows)))
    elif term.function == "count":
        made = _sum([term, *(choose(counts, ONE, ZERO) for counts, _ in rows)])
    elif term.function == "avg":
        total = replace(term, function="sum", type="number")
        known = replace(term, function="count", column=None, where=_known(term), type="number")
        many = _sum([known, *(choose(_has(counts, value), ONE, ZERO) for counts, value in rows)])
        made = Operation("number", "/", (_sum([total, *_values(rows)]), many))
    elif term.function == "sum":
        made = _sum([term, *_values(rows)])
    elif term.function in ("min", "max"):
        taken = (choose(counts, value, NOTHING) for counts, value in rows)
        made = Operation(term.type, "least" if term.function == "min" else "greatest", (term, *taken))
    elif term.function == "distinct":
        made = _distinct(term, rows)
    else:
        made = _ordered(term, steps, rows)
    anchor = None if term.window is None else term.window.anchor
    return made if anchor is None else choose(Operation("boolean", "is_null", (anchor,)), NOTHING, made)


def _row(term: Aggregated, step: Step) -> tuple[Term, Term]:
    """Whether a template's row counts, and the value of the column that is asked for."""

    def put_in(part: Term) -> Term:
        if isinstance(part, Column):
            return step.column(part.name)
        return mapped(part, put_in)

    tests = [step.there, *([_surely(put_in(term.where))] if term.where is not None else [])]
    if term.window is not None:
        tests.append(_surely(_within(term.window, step)))
    value = NOTHING if term.column is None else put_in(term.column)
    return (tests[0] if len(tests) == 1 else Operation("boolean", "and", tuple(tests))), value


def _within(window: Window, step: Step) -> Term:
    """Whether the row's start lies in a window; that it is not ahead is known."""
    age = step.column("age")
    if window.kind == "last":
        assert window.length is not None
        return Operation("boolean", "<", (age, Const("number", window.length / DAY)))
    assert window.anchor is not None
    anchor = window.anchor
    start = Operation("time", "start_of_day", (anchor,)) if anchor.type == "date" else anchor
    since = Operation("boolean", ">=", (step.begun, start))
    if window.length is None:
        return since
    passed = Operation("number", "-", (Operation("number", "days_since", (start,)), age))
    return Operation("boolean", "and", (since, Operation("boolean", "<", (passed, Const("number", window.length / DAY)))))


def _sum(parts: Sequence[Term]) -> Term:
    total = parts[0]
    for each in parts[1:]:
        total = Operation("number", "+", (total, each))
    return total


def _values(rows: Sequence[tuple[Term, Term]]) -> list[Term]:
    return [choose(_has(counts, value), value, ZERO) for counts, value in rows]


def _has(counts: Term, value: Term) -> Term:
    return Operation("boolean", "and", (counts, _not(Operation("boolean", "is_null", (value,)))))


def _known(term: Aggregated) -> Term:
    """The filter of an aggregate, and that its column has a value."""
    assert term.column is not None
    known = _not(Operation("boolean", "is_null", (term.column,)))
    return known if term.where is None else Operation("boolean", "and", (term.where, known))


def _distinct(term: Aggregated, rows: Sequence[tuple[Term, Term]]) -> Term:
    if not isinstance(term.column, Column) or term.column.name not in ("name", "id"):
        raise FormulaError("`distinct` over milestones of templates takes their `name` or `id`")
    # No two are of one name as of a moment, and no given one is of the name of a template's.
    return _sum([term, *(choose(counts, ONE, ZERO) for counts, _ in rows)])


def _ordered(term: Aggregated, steps: Sequence[Step], rows: Sequence[tuple[Term, Term]]) -> Term:
    """`latest` or `earliest`: by start, a row without one first; of two that start together the template's is the later one."""
    late = term.function == "latest"
    start = replace(term, type="time", function="max" if late else "min", where=_known(term))
    start = replace(start, column=Column("time", MILESTONES, "started_at"))
    value, since = term, once(start)
    none = Operation("boolean", "is_null", (Column("time", MILESTONES, "started_at"),))
    without = replace(start, type="boolean", function="exists", column=None)
    without = replace(without, where=Operation("boolean", "and", (_known(term), none)))
    made: Term = value
    when: Term = since
    for step, (counts, own_value) in sorted(zip(steps, rows, strict=True), key=lambda pair: pair[0].version.milestone.id):
        operator = ">=" if late else "<"
        beats = Operation("boolean", operator, (step.begun, when))
        nothing = Operation("boolean", "is_null", (when,))
        wins: Term = Operation("boolean", "or", (nothing, beats))
        if not late:
            wins = Operation("boolean", "and", (wins, _not(without)))
        taken = once(_surely(Operation("boolean", "and", (_has(counts, own_value), wins))))
        made, when = choose(taken, own_value, made), once(choose(taken, step.begun, when))
    return made


def reads(term: Term) -> bool:
    """Whether a term asks for milestones, or for what is made of them."""
    return any(_over_milestones(part) for part in own(term))


__all__ = ["Expansion", "Milestones", "Step", "reads", "with_steps"]
