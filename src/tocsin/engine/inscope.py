"""Windows after a date of the subject, for those alone whom a rule is about, so that nobody else's past is read for it.

Every account has begun some day, most of them long ago. A rule about the first weeks asks only those who are in them: for all
others the date is taken as not known, and so is what the rule counts after it, which nobody looks at.
"""

from __future__ import annotations

from dataclasses import replace

from tocsin.core.language.terms import Aggregated, Ago, Const, Market, OfAccount, Operation, Term, Window, mapped, walk


def in_scope(term: Term, scope: Term) -> Term:
    """The term for subjects for whom the scope is true; for others what it counts after a date of theirs may be null.

    As of another moment, or of another subject, the scope may say something else: what looks there stays as it is.
    """
    return term if not _dated(term) or _dated(scope) else _guarded(term, scope)


def _guarded(term: Term, scope: Term) -> Term:
    match term:
        case Ago() | Market() | OfAccount():
            return term
        case Aggregated(window=Window(anchor=Term() as anchor) as window):
            asked = Operation(anchor.type, "if", (scope, anchor, Const("null", None)))
            return replace(term, window=replace(window, anchor=asked))
    return mapped(term, lambda child: _guarded(child, scope))


def _dated(term: Term) -> bool:
    """Whether any window in a term begins at a date of the subject."""
    return any(isinstance(each, Aggregated) and each.window is not None and each.window.anchor for each in walk(term))
