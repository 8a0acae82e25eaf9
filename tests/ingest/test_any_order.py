"""Calls and rows of webhooks in any order, in any batches, with repeats: the same facts and signals."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ingest.line import Line, facts, group, identify, line_in, track, when

EXAMPLES = int(os.environ.get("ORDER_EXAMPLES", "12"))
USERS, VISITORS, ACCOUNTS = ("ann", "bob"), ("v1", "v2"), ("acme", "bolt", "cus_1")
days = st.integers(1, 20)
users, visitors, accounts = st.sampled_from(USERS), st.sampled_from(VISITORS), st.sampled_from(ACCOUNTS)
Step = Any  # a call, or (collection, values) as a webhook gives it


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """Something that is told; ids of what happens are given when all are known."""
    kind, day = (
        draw(st.sampled_from(["group", "identify", "alias", "track", "page", "left", "joined", "row", "person", "ticket"])),
        draw(days),
    )
    if kind == "group":
        return group(draw(accounts), day, draw(users | st.none()), plan=f"p{day % 3}")
    if kind == "identify":
        said = identify(draw(users), day, draw(visitors | st.none()), role=f"r{day % 3}")
        named = draw(accounts | st.none())
        return said if named is None else {**said, "context": {"groupId": named}}
    if kind == "alias":
        return {"type": "alias", "previousId": draw(visitors), "userId": draw(users), "timestamp": when(day)}
    if kind in ("left", "joined"):
        name = "Account Removed User" if kind == "left" else "Account Added User"
        return track("", day, name, userId=draw(users), context={"groupId": draw(accounts)})
    if kind == "row":
        return "accounts", {"id": draw(accounts), "plan": f"p{day % 3}", "updated_at": when(day)}
    if kind == "person":
        return "people", {"id": draw(users), "account_id": draw(accounts), "role": f"r{day % 3}", "updated_at": when(day)}
    if kind == "ticket":
        values = {"account_id": draw(accounts), "opened_at": when(2), "priority": draw(st.sampled_from(["low", "high"]))}
        return "tickets", {"id": draw(st.sampled_from("tu")), **values, "updated_at": when(day)}
    who = draw(st.sampled_from([{"userId": each} for each in USERS] + [{"anonymousId": each} for each in VISITORS]))
    named = draw(accounts | st.none())
    where = {} if named is None or draw(st.booleans()) else {"context": {"groupId": named}}
    return track("", day, draw(st.sampled_from(["A", "B"])), **who, **where)


ALIAS: Step = ("account_aliases", {"account_id": "acme", "source": "stripe", "external_id": "cus_1", "updated_at": when(3)})


def seen(told: list[list[Step]]) -> dict[str, Any]:
    """What these batches leave. A batch is what is in the inbox when the writer looks."""
    with line_in() as line:
        for batch in told:
            for each in batch:
                line.put_rows(each) if isinstance(each, tuple) else line.put(each)
            line.writer.drain()
        found = facts(line)
        found["tickets"] = tickets(line)
        del found["memberships"]
        found["rejected"] = sorted({*found["rejected"]})
        return found


def tickets(line: Line) -> list[Any]:
    return line.rows(
        "SELECT tickets.id, accounts.id AS a, priority FROM tickets JOIN accounts ON accounts.key = account_key ORDER BY 1"
    )


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_the_order(data: st.DataObject) -> None:
    told = data.draw(st.lists(steps(), min_size=2, max_size=9))
    told = [{**each, "messageId": f"m{n}"} if "event" in each else each for n, each in enumerate(told)]
    told.append(group("acme", 1, name="Acme"))
    if data.draw(st.booleans()):
        told.append(ALIAS)
    again = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told), max_size=3))]))
    size = data.draw(st.integers(1, 6))
    assert seen([again[at : at + size] for at in range(0, len(again), size)]) == seen([told])


PLANS = [(1, "free"), (5, "free"), (9, "free"), (3, "pro"), (7, "pro"), (12, "free")]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(order=st.permutations(PLANS), size=st.integers(1, 6), row=st.booleans())
def test_a_value_told_again_is_dated_from_its_first_telling_on(order: list[tuple[int, str]], size: int, row: bool) -> None:
    steps: list[Step] = [
        ("accounts", {"id": "acme", "plan": plan, "updated_at": when(day)}) if row else group("acme", day, plan=plan)
        for day, plan in order
    ]
    found = seen([steps[at : at + size] for at in range(0, len(steps), size)])
    assert sorted((at.day, value) for _, field, value, at in found["history"] if field == "plan") == [
        (1, "free"), (3, "pro"), (5, "free"), (7, "pro"), (9, "free"),
    ]  # fmt: skip
