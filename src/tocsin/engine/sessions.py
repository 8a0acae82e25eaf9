"""Minutes of events where their source gives none: counted by sessions, for those formulas alone that ask for minutes.

Without minutes from the source, those of an event are the minutes since the same person's event before it (in the same
account) where that is no longer ago than `GAP`, else 0: a session begins anew. Summed up that is the time that sessions took.
Of an event of nobody they stay null.

What is known as of a moment decides: once an event with minutes has taken place the source gives them, and what has none then
has none. The events carry no name of their source, so all of them count as one. A term that asks for minutes therefore
becomes one of three: as it stands, by sessions, or the choice between both as of each moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from tocsin.core.language.terms import Aggregated, Column, Const, Given, Operation, Term, mapped, own
from tocsin.engine.rewriting import Rewriting

GAP = timedelta(minutes=30)  # a session ends where nothing follows for longer
EVENTS, MINUTES = "events", "minutes"
BY_SESSIONS = "minutes$"  # the column of events that holds what is counted

Since = Callable[[datetime], datetime | None]


class Sessions(Rewriting):
    """Terms with the minutes that they read in a stretch of time.

    since: from when on events give minutes, None where none does; of an instant at or before the one it is called with, any
           such instant will do.
    """

    def __init__(self, since: Since) -> None:
        super().__init__()
        self._ask = since
        self._known: datetime | None = None
        self._exact = False

    def since(self, first: datetime) -> datetime | None:
        """From when on minutes are given, where something looks at them from `first` on."""
        if not self._exact and (self._known is None or self._known > first):
            self._known = self._ask(first)
            self._exact = self._known is None or self._known > first
        return self._known

    def concerns(self, term: Term) -> bool:
        """Whether a term names minutes of events."""
        return _is_minutes(term)

    def otherwise(self, term: Term, first: datetime, last: datetime) -> Term:
        """A term that names minutes, with those that it reads."""
        if isinstance(term, Aggregated) and term.collection == EVENTS:
            return self._aggregated(term, first, last)
        return mapped(term, lambda child: self._term(child, first, last))

    def _aggregated(self, term: Aggregated, first: datetime, last: datetime) -> Term:
        if term.window is not None and term.window.anchor is not None:
            term = replace(term, window=replace(term.window, anchor=self._term(term.window.anchor, first, last)))
        if not any(_is_minutes(part) for part in _read(term)):
            return term
        since = self.since(first)
        if since is not None and since <= first:
            return term
        column = None if term.column is None else _by_sessions(term.column)
        derived = replace(term, column=column, where=None if term.where is None else _by_sessions(term.where))
        if since is None or last < since:
            return derived
        passed = Operation("number", "days_since", (Const("time", since),))
        given = Operation("boolean", ">=", (passed, Const("number", 0.0)))
        return Operation(term.type, "if", (given, term, derived))


def names_minutes(terms: Iterable[Term]) -> bool:
    """Whether terms about a row of events look at its minutes."""
    return any(_is_minutes(part) for term in terms for part in own(term))


def reads_sessions(term: Aggregated) -> bool:
    """Whether an aggregate reads minutes that are counted by sessions."""
    return any(isinstance(part, Column) and part.name == BY_SESSIONS for part in _read(term))


def _read(term: Aggregated) -> list[Term]:
    """What an aggregate reads of a row."""
    return [part for each in (term.column, term.where) if each is not None for part in own(each)]


def _is_minutes(term: Term) -> bool:
    return isinstance(term, (Column, Given)) and (term.collection, term.name) == (EVENTS, MINUTES)


def _by_sessions(term: Term) -> Term:
    if isinstance(term, Column):
        return replace(term, name=BY_SESSIONS) if _is_minutes(term) else term
    return mapped(term, _by_sessions)
