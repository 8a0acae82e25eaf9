"""The route tree, matchers, silences and recipients, as tables of cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tocsin.core.errors import UserError
from tocsin.core.routing import (
    Context,
    Person,
    Plan,
    RoutingError,
    Silence,
    parse_matcher,
    read_plan,
    recipients,
    silenced,
    walk,
)

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
LABELS = {"rule": "usage-drop", "category": "risk", "severity": "high", "tier": "1", "account": "A1", "kind": "opened"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("severity = high", True),
        ("severity=low", False),
        ("severity != low", True),
        ('tier = "1"', True),
        ("severity =~ high|critical", True),
        ("severity =~ hi", False),  # a pattern matches all of the value
        ("severity !~ hi", True),
        ("plan = ", True),  # a label that is not there is the empty text
        ("plan != ", False),
        ("plan =~ .+", False),
    ],
)
def test_matchers(text: str, holds: bool) -> None:
    assert parse_matcher(text).holds(LABELS) is holds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("severity", "is no matcher"),
        ("sevrity = high", "did you mean 'severity'?"),
        ("colour = red", "there are rule"),
        ("tier =~ (", "is no pattern"),
        ("x" * 600 + " = y", "is no matcher"),
    ],
)
def test_what_is_no_matcher(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said.replace("?", r"\?")):
        parse_matcher(text)


TREE = {
    "route": {
        "group_interval": "10m",
        "routes": [
            {"name": "grave", "match": ["severity = critical"], "notify": ["manager"], "group_wait": 0, "continue": True},
            {
                "name": "risk",
                "match": ["category = risk"],
                "group_by": ["account", "rule"],
                "routes": [
                    {"name": "first tier", "match": ["tier = 1"], "notify": ["channel:war-room"], "repeat_interval": "1d"}
                ],
            },
            {"name": "product", "match": ["category =~ upsell|risk"], "only": True, "notify": ["role:product"]},
        ],
    }
}


@pytest.mark.parametrize(
    ("labels", "paths"),
    [
        ({}, [("root",)]),
        ({"category": "renewal"}, [("root",)]),
        ({"category": "risk"}, [("root", "risk")]),
        ({"category": "risk", "tier": "1"}, [("root", "risk", "first tier")]),
        ({"category": "risk", "severity": "critical"}, [("root", "grave"), ("root", "risk")]),  # continue
        ({"category": "upsell"}, [("root", "product")]),
        ({"severity": "critical"}, [("root", "grave")]),
    ],
)
def test_the_first_that_matches_unless_continued(labels: dict[str, str], paths: list[tuple[str, ...]]) -> None:
    assert [each.path for each in walk(read_plan(TREE).route, labels)] == paths


def test_what_a_node_leaves_out_it_has_from_its_parent() -> None:
    [found] = walk(read_plan(TREE).route, {"category": "risk", "tier": "1"})
    assert found.group_by == ("account", "rule")
    assert found.group_interval == timedelta(minutes=10)
    assert found.repeat_interval == timedelta(days=1)
    assert found.group_wait == timedelta(0)
    assert found.notify == ("channel:war-room",)
    assert not found.only


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ([], None),
        ({"rout": {}}, "unknown key 'rout', did you mean 'route'?"),
        ({"route": {"group_wait": "5 parsecs"}}, "route.group_wait: '5 parsecs' is no duration"),
        ({"route": {"group_wait": "900d"}}, "longer than 400 days"),
        ({"route": {"match": ["tier = 1"]}}, "the root takes every alert"),
        ({"route": {"routes": [{"match": ["tier"]}]}}, "route.routes[1].match: 'tier' is no matcher"),
        ({"route": {"notify": ["everyone"]}}, "route.notify: unknown target 'everyone'"),
        ({"route": {"active_times": ["office"]}}, "unknown calendar 'office'"),
        ({"route": {"through_quiet": "perhaps"}}, "neither true nor false"),
        ({"route": {"escalation_clock": "sun"}}, "is no clock"),
        ({"calendars": {"office": {"from": "18:00", "to": "09:00"}}}, "`from` must come before `to`"),
        ({"calendars": {"office": {"days": ["someday"]}}}, "unknown day 'someday'"),
        ({"calendars": {"office": {"from": "9"}}}, "is no time of day"),
        ({"calendars": {"working-hours": {}}}, "take another one"),
        ({"queues": {"tech": {"owners": ["q"]}}}, "a queue needs `notify`"),
        ({"queues": {"tech": {"notify": ["owner"]}}}, "have no CSM"),
        ({"functions": {"a": ["role:b"], "b": ["role:a"]}}, "is a function itself"),
        ({"route": {"routes": {"match": 1}}}, "expected a list"),
    ],
)
def test_what_is_wrong_with_a_plan_is_said_with_its_place(plan: Any, said: str | None) -> None:
    with pytest.raises(RoutingError) as caught:
        read_plan(plan)
    assert said is None or said in str(caught.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(RoutingError) as caught:
        read_plan({"route": {"notify": ["x"], "group_wait": "y"}, "queues": {"q": {}}})
    assert len(caught.value.problems) == 3


def test_silences() -> None:
    hour = timedelta(hours=1)
    by_account = Silence("1", (parse_matcher("account = A1"),), T0, T0 + hour)
    longer = Silence("2", (parse_matcher("tier = 1"), parse_matcher("category = risk")), T0, T0 + 2 * hour)
    empty = Silence("3", (), T0, T0 + 9 * hour)
    every = [by_account, longer, empty]
    assert silenced(every, LABELS, T0) == longer  # the one that ends last
    assert silenced(every, LABELS, T0 - timedelta(seconds=1)) is None
    assert silenced(every, LABELS, T0 + 2 * hour) is None  # the end is not in it
    assert silenced(every, {**LABELS, "category": "renewal"}, T0) == by_account
    assert silenced(every, {}, T0) is None  # one without a matcher silences nothing


def people(*more: Person) -> dict[str, Person]:
    """A small company: Ann and Bob of the team North under Meg; Olga runs operations, Ada administrates."""
    everyone = [
        Person("ann@x.io", "Ann", "csm", "North", "meg@x.io"),
        Person("bob@x.io", "Bob", "csm", "North", "meg@x.io"),
        Person("meg@x.io", "Meg", "leader", "North", "meg@x.io"),
        Person("olga@x.io", "Olga", "operations"),
        Person("ada@x.io", "Ada", "admin"),
        *more,
    ]
    return {each.email: each for each in everyone}


AWAY = T0 + timedelta(days=5)
ANN = Context(owner="Ann@x.io", roles={"ae": ("ed@x.io", "bob@x.io")})
GONE = Person("ann@x.io", "Ann", "csm", "North", "meg@x.io", active=False)
OFF = Person("ann@x.io", "Ann", "csm", "North", "meg@x.io", away_until=AWAY, stand_in="bob@x.io")
OFF_ALONE = Person("ann@x.io", "Ann", "csm", "North", "meg@x.io", away_until=AWAY)
BOB_OFF = Person("bob@x.io", "Bob", "csm", "North", "meg@x.io", away_until=AWAY, stand_in="ann@x.io")
MEG_OFF = Person("meg@x.io", "Meg", "leader", "North", away_until=AWAY)
PLAN = read_plan(
    {
        "functions": {"product": ["user:meg@x.io", "channel:product"]},
        "queues": {"tech": {"owners": ["pool"], "notify": ["channel:tech-touch"]}},
    }
)


@pytest.mark.parametrize(
    ("targets", "context", "changed", "found"),
    [
        (["owner"], ANN, [], ["ann@x.io"]),
        (["owner", "manager"], ANN, [], ["ann@x.io", "meg@x.io"]),
        (["owner", "owner", "user:ann@x.io"], ANN, [], ["ann@x.io"]),  # each once
        (["owner"], ANN, [OFF], ["bob@x.io"]),  # the stand-in
        (["owner"], ANN, [OFF, BOB_OFF], ["meg@x.io"]),  # who stand in for each other and are both away
        (["owner"], ANN, [OFF_ALONE], ["meg@x.io"]),
        (["owner"], ANN, [OFF_ALONE, MEG_OFF], ["olga@x.io"]),
        (["owner"], ANN, [GONE], ["meg@x.io"]),
        (["owner"], Context(owner="zoe@x.io"), [], ["olga@x.io"]),  # unknown
        (["owner"], Context(), [], ["olga@x.io"]),  # an account without a CSM
        (["owner"], Context(owner="pool"), [], ["tech-touch"]),  # a queue
        (["team:North"], ANN, [], ["ann@x.io", "bob@x.io", "meg@x.io"]),
        (["team:South"], ANN, [], ["olga@x.io"]),
        (["role:leader"], ANN, [], ["meg@x.io"]),
        (["role:ae"], ANN, [], ["bob@x.io"]),  # of the account's team; who is unknown is passed over
        (["role:product"], ANN, [], ["meg@x.io", "product"]),  # a function of the plan
        (["owner", "role:sales"], ANN, [], ["ann@x.io"]),  # nobody's role takes nothing away
        (["role:sales"], ANN, [], ["olga@x.io"]),
        (["user:bob@x.io", "channel:ops"], ANN, [], ["bob@x.io", "ops"]),
        ([], ANN, [], ["olga@x.io"]),
        (["manager"], Context(owner="meg@x.io"), [], ["olga@x.io"]),  # her own manager
        (["owner"], Context(subject_kind="csm", subject_id="ann@x.io"), [], ["ann@x.io"]),
        (["manager"], Context(subject_kind="csm", subject_id="ann@x.io"), [], ["meg@x.io"]),
        (["user:bob@x.io"], Context(subject_kind="csm", subject_id="ann@x.io"), [], ["olga@x.io"]),  # not for colleagues
        (["manager"], Context(subject_kind="team", subject_id="North"), [], ["meg@x.io"]),
        (["owner"], Context(subject_kind="company"), [], ["meg@x.io"]),
    ],
)
def test_who_is_told(targets: list[str], context: Context, changed: list[Person], found: list[str]) -> None:
    told, _ = recipients(targets, context, people(*changed), PLAN, T0)
    assert [each.id for each in told] == found


def test_every_recipient_knows_why() -> None:
    [stand_in], _ = recipients(["owner"], ANN, people(OFF), PLAN, T0)
    assert stand_in.why == "stands in for Ann, who is away until 2026-03-07T09:00:00Z"
    [fallback], lost = recipients(["owner", "role:sales"], Context(), people(), PLAN, T0)
    assert lost == ["the account has no CSM", "nobody stands for the role sales"]
    assert fallback.why == "nobody else is there: the account has no CSM; nobody stands for the role sales"


def test_where_nobody_is_left_that_is_said() -> None:
    [nobody], _ = recipients(["owner"], ANN, {}, Plan(), T0)
    assert (nobody.kind, nobody.id) == ("nobody", "")
    assert "unknown or inactive" in nobody.why


def test_alerts_about_a_csm_may_be_for_leaders_only() -> None:
    about = Context(subject_kind="csm", subject_id="ann@x.io")
    told, _ = recipients(["owner", "manager"], about, people(), PLAN, T0, leaders_only=True)
    assert [each.id for each in told] == ["meg@x.io"]
