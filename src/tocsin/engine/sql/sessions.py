"""Events with what is counted by sessions where their source gives no minutes (`engine.sessions`)."""

from __future__ import annotations

from datetime import timedelta

from sqlglot import exp

from tocsin.engine.sessions import BY_SESSIONS, EVENTS, GAP
from tocsin.engine.sql import build as b

_BEFORE = "before$"
# Minutes are whole parts of this: then sums come to the same in whichever order they are added, and those of one session to
# its length, as sweeps and replays must agree to the last bit.
_PARTS = 1 << 32
_MINUTE = timedelta(minutes=1) // timedelta(microseconds=1)


def with_sessions(*, low: exp.Expr | None, high: exp.Expr | None, owner: str | None, asked: exp.Query | None) -> exp.Select:
    """The events after one instant and up to another, with the column `BY_SESSIONS`.

    low:   the instant (None: from the first event on); what comes before it is read only as far as a session reaches.
    owner: of which key only those of `asked` matter; None for all.
    """
    at = b.column("e", "at")
    before = exp.Window(
        this=exp.Lag(this=at.copy()),
        partition_by=[b.column("e", "account_key"), b.column("e", "person_key")],
        order=exp.Order(expressions=[exp.Ordered(this=at.copy()), exp.Ordered(this=b.column("e", "id"))]),
    )
    inner = exp.select(exp.Column(this=exp.Star(), table=b.name("e")), b.as_(before, _BEFORE)).from_(b.table(EVENTS, "e"))
    if low is not None:
        reach = exp.Sub(this=exp.paren(low), expression=b.microseconds(GAP))
        inner = inner.where(exp.GT(this=at.copy(), expression=reach), copy=False)
    if high is not None:
        inner = inner.where(exp.LTE(this=at.copy(), expression=high), copy=False)
    if owner is not None:
        assert asked is not None
        inner = inner.where(exp.In(this=b.column("e", owner), query=asked.subquery()), copy=False)
    here, then = b.column("s", "at"), b.column("s", _BEFORE)
    follows = exp.LTE(this=here, expression=exp.paren(exp.Add(this=then, expression=b.microseconds(GAP))))
    passed = exp.Div(this=exp.paren(exp.Sub(this=_parts(here), expression=_parts(then))), expression=b.number(_PARTS))
    counted = b.case((follows, passed), otherwise=b.number(0))
    of_somebody = b.case((b.not_null(b.column("s", "person_key")), counted))
    star = exp.Column(this=exp.Star(except_=[b.name(_BEFORE)]), table=b.name("s"))
    return exp.select(star, b.as_(of_somebody, BY_SESSIONS)).from_(inner.subquery("s"))


def _parts(at: exp.Expr) -> exp.Expr:
    """An instant as a whole number of parts of a minute since 1970."""
    passed = b.call("epoch_us", at.copy())
    whole = exp.Mul(this=exp.paren(exp.IntDiv(this=passed, expression=b.whole(_MINUTE))), expression=b.whole(_PARTS))
    rest = exp.Mul(this=exp.paren(exp.Mod(this=passed.copy(), expression=b.whole(_MINUTE))), expression=b.whole(_PARTS))
    return exp.paren(exp.Add(this=whole, expression=exp.IntDiv(this=exp.paren(rest), expression=b.whole(_MINUTE))))
