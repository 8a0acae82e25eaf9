"""The health app: versions of profiles, overrides, weights proposed from outcomes, and what is shown of scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from math import fsum, nan
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from tests.engine.facts import NOW, Rows, ago, store_of
from tocsin.alerts import facade as alerts
from tocsin.catalog import catalog
from tocsin.core.errors import UserError
from tocsin.core.profiles import Indicator, Profile
from tocsin.core.rules import Definitions
from tocsin.engine import Book, health, health_history
from tocsin.facts.duckdb import DuckStore
from tocsin.health import facade, recalibration
from tocsin.health.models import AuditEntry, ProfileVersion

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SIGNALS = {"uses": "count(events in last 10d)"}
USE = Indicator("Use", "proactive", 60, "scale(uses, 0, 10)")
SEATS = Indicator("Seats", "proactive", 40, "scale(seats_used / seats, 0, 1)")
ALL = Profile("all", "Everybody", 90, (USE, SEATS))
OLD = ago(800)
FACTS: Rows = {
    "accounts": [
        {"id": "acme", "name": "Acme", "created_at": ago(60), "seats": 10, "seats_used": 5},
        {"id": "birch", "name": "Birch", "created_at": ago(60), "seats": 10, "seats_used": 4},
        {"id": "gone", "name": "Gone", "created_at": ago(60), "churned_at": ago(9), "seats": 10, "seats_used": 10},
    ],
    "events": [{"id": f"e{n}", "account_id": "acme", "name": "use", "at": ago(n)} for n in range(40)],
}


@pytest.fixture(autouse=True)
def short_history(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (health, health_history):
        monkeypatch.setattr(module, "REACH", 20 * DAY)


@pytest.fixture
def store(tmp_path: Path) -> DuckStore:
    return store_of(tmp_path, FACTS)


def publish(*profiles: Profile, moment: datetime = OLD, signals: Mapping[str, str] = SIGNALS, **more: Any) -> Any:
    return facade.publish_profiles(profiles, signals, by="ada@us.example", moment=moment, **more)


def book_of(store: DuckStore) -> Book:
    return Book(store, SIGNALS, health=facade.model())


def score(store: DuckStore, account: str, moment: datetime = NOW) -> float | None:
    [found] = facade.health(book_of(store), moment, [account])
    return found.score


# Versions


def test_publishing_adds_a_version_of_what_changed_only() -> None:
    assert publish(ALL).added == ("all",)
    assert publish(ALL).unchanged == ("all",)
    changed = replace(ALL, indicators=(USE,))
    assert publish(changed, moment=ago(5)).changed == ("all",)
    assert [(each.version, each.current, each.by) for each in facade.versions("all")] == [
        (2, True, "ada@us.example"), (1, False, "ada@us.example")
    ]  # fmt: skip
    assert facade.in_force() == (changed,)
    assert [(each.mark, each.published_at) for each in facade.model().versions] == [("all@1", OLD), ("all@2", ago(5))]
    assert [(entry.act, entry.what, entry.detail) for entry in AuditEntry.objects.order_by("id")] == [
        ("published", "profile all", {"version": 1}), ("published", "profile all", {"version": 2})
    ]  # fmt: skip


def test_a_draft_is_kept_and_not_in_force() -> None:
    publish(ALL)
    draft = replace(ALL, name="Tried")
    assert publish(draft, draft=True).changed == ("all",)
    assert publish(draft, draft=True).unchanged == ("all",)
    assert [info.profile.name for info in facade.profiles()] == ["Everybody"]
    assert [(info.profile.name, info.version) for info in facade.drafts()] == [("Tried", 2)]
    assert [each.mark for each in facade.model().versions] == ["all@1"]
    assert [each.mark for each in facade.draft_model().versions] == ["all@2"]
    assert publish(draft).changed == ("all",)
    assert facade.drafts() == []
    assert facade.profile("all").version == 3


def test_an_unknown_profile_is_told_with_the_nearest() -> None:
    publish(ALL)
    with pytest.raises(UserError, match="there is no profile 'al', did you mean 'all'"):
        facade.profile("al")


def test_a_profile_that_this_version_cannot_read_scores_nobody_and_is_told() -> None:
    publish(ALL)
    ProfileVersion.objects.filter(profile="all").update(source="- id: all\n  of: yesterday\n")
    assert (facade.profiles(), facade.model().versions) == ([], ())
    assert list(facade.broken_profiles()) == ["all"]


def test_a_version_keeps_its_signals_and_a_changed_signal_makes_a_new_one(store: DuckStore) -> None:
    publish(ALL, Profile("other", "Other", 95, (SEATS,)))
    assert facade.profile("all").signals == SIGNALS
    assert facade.follow_signals({**SIGNALS, "more": "1"}, by="ada@us.example", moment=ago(5)) == ()
    assert facade.follow_signals({"uses": "2 * seats"}, by="ada@us.example", moment=ago(5)) == ("all",)
    assert facade.profile("all").version == 2
    book = Book(store, {"uses": "2 * seats"}, health=facade.model())
    said = {each.account_id: each.score for each in facade.health(book, ago(6))}
    assert said["birch"] == pytest.approx(40 * 0.4)
    assert {each.account_id: each.score for each in facade.health(book, NOW)}["birch"] == pytest.approx(60 + 16)


def test_the_catalog_is_loaded_and_an_upgrade_keeps_what_a_user_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    from tocsin.alerts.rulebook import publish_catalog

    publish_catalog(OLD)
    shipped = {each.id: each for each in catalog().profiles}
    assert {each.id for each in facade.in_force()} == set(shipped)
    assert {info.origin for info in facade.profiles()} == {"catalog"}
    assert [info.advice for info in facade.profiles()] == [()] * len(shipped)
    mine = replace(shipped["default"], name="Mine")
    alerts.publish_rules(Definitions(profiles=(mine,)), by="ada@us.example", moment=ago(9))
    newer = tuple(replace(each, name=f"{each.name}!") for each in catalog().profiles)
    monkeypatch.setattr("tocsin.catalog.catalog", lambda: replace(catalog(), profiles=newer))
    publish_catalog(ago(3))
    names = {info.id: info.profile.name for info in facade.profiles()}
    assert names["default"] == "Mine"
    assert names["enterprise"] == f"{shipped['enterprise'].name}!"


def test_rule_files_publish_profiles_and_export_them() -> None:
    report = alerts.publish_rules(Definitions(signals=SIGNALS, profiles=(ALL,)), by="ada@us.example", moment=OLD)
    assert report.added == ("signal uses", "profile all")
    assert alerts.definitions().profiles == (ALL,)
    assert alerts.export_rules()["profiles.yaml"].startswith("profiles:\n- id: all\n")
    alerts.publish_rules(Definitions(signals={"uses": "1"}), by="ada@us.example", moment=ago(3))
    assert facade.profile("all").signals == {"uses": "1"}


# Overrides


def override(store: DuckStore, account: str = "acme", *, moment: datetime = NOW, **more: Any) -> Any:
    given: dict[str, Any] = {"score": 30.0, "reason": "Their sponsor left", "by": "ada@us.example"}
    given |= {"until": moment + 10 * DAY} | more
    return facade.set_override(book_of(store), account, moment=moment, **given)


def test_an_override_counts_from_its_beginning_to_its_end(store: DuckStore) -> None:
    publish(ALL)
    made = override(store, moment=ago(8), until=ago(3))
    assert (made.score, made.reason, made.active) == (30, "Their sponsor left", True)
    said = [score(store, "acme", moment) for moment in (ago(9), ago(8), ago(3, seconds=1), ago(3), NOW)]
    assert said == [80, 30, 30, 80, 80]
    [found] = facade.health(book_of(store), ago(5), ["acme"])
    assert (found.band, found.computed, found.overridden, found.profile) == ("Poor", 80, True, "all")
    assert [each.account_id for each in facade.overrides(ago(5))] == ["acme"]
    assert facade.overrides(ago(3)) == []
    assert [each.active for each in facade.overrides(NOW, active=False)] == [False]


def test_a_new_override_takes_the_place_of_the_running_one(store: DuckStore) -> None:
    publish(ALL)
    override(store, moment=ago(8), until=ago(3))
    override(store, moment=ago(6), until=ago(1), score=50, by="bob@us.example")
    assert [score(store, "acme", ago(days)) for days in (7, 5, 2, 0.5)] == [30, 50, 50, 80]
    first, second = sorted(facade.overrides(NOW, active=False), key=lambda each: each.set_at)
    assert (first.lifted_at, first.lifted_by, second.lifted_at) == (ago(6), "bob@us.example", None)


def test_lifting_ends_it_at_once(store: DuckStore) -> None:
    publish(ALL)
    override(store, moment=ago(8), until=NOW + DAY)
    lifted = facade.lift_override(book_of(store), "acme", by="bob@us.example", moment=ago(4))
    assert (lifted.active, lifted.lifted_by) == (False, "bob@us.example")
    assert [score(store, "acme", ago(days)) for days in (5, 4, 0)] == [30, 80, 80]
    assert [entry.act for entry in AuditEntry.objects.filter(what__contains="acme").order_by("id")] == ["overrode", "lifted"]
    with pytest.raises(UserError, match="is not overridden"):
        facade.lift_override(book_of(store), "acme", by="bob@us.example", moment=ago(3))


@pytest.mark.parametrize(
    ("account", "given", "message"),
    [
        ("acme", {"score": 101.0}, "from 0 to 100"),
        ("acme", {"score": nan}, "from 0 to 100"),
        ("acme", {"reason": " "}, "needs a reason"),
        ("acme", {"until": NOW}, "would have ended already"),
        ("nobody", {}, "there is no account 'nobody'"),
        ("gone", {}, "has churned: its health stays as it was"),
    ],
)
def test_an_override_that_cannot_be_is_refused(store: DuckStore, account: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        override(store, account, **given)
    assert facade.overrides(NOW, active=False) == []


# What is shown


def test_the_health_of_an_account_in_json(store: DuckStore) -> None:
    publish(ALL)
    found = {each.account_id: each.to_json() for each in facade.health(book_of(store), NOW)}
    assert found["acme"] == {
        "account_id": "acme", "score": 80, "band": "Good", "profile": "all", "frozen": False, "overridden": False,
        "indicators": [
            {"name": "Use", "kind": "proactive", "score": 100, "weight": 60, "effective_weight": 60, "points": 60},
            {"name": "Seats", "kind": "proactive", "score": 50, "weight": 40, "effective_weight": 40, "points": 20},
        ],
    }  # fmt: skip
    assert (found["gone"]["frozen"], found["gone"]["score"]) == (True, 40)


def test_the_split_the_history_and_the_distribution(store: DuckStore) -> None:
    publish(ALL)
    book = book_of(store)
    split = facade.split(book, "acme", NOW)
    assert (split.now.score, split.before is not None and split.before.score) == (80, 80)
    assert fsum(part.points for part in split.change.parts) == 0
    assert facade.splits(book, NOW)["acme"] == split
    with pytest.raises(UserError, match="there is no account 'nobody'"):
        facade.split(book, "nobody", NOW)
    days = facade.history(book, ["acme", "gone"], ago(3), NOW)
    assert [(each.day.day, each.score, each.mark) for each in days["acme"]] == [(day, 80, "all@1") for day in (29, 30, 31)]
    assert {each.frozen for each in days["gone"]} == {True}
    counts = facade.distribution(book, NOW)
    assert (counts.bands, counts.by_profile) == (
        {"Good": 1, "Average": 0, "Poor": 1, "": 0}, {"all": {"Good": 1, "Average": 0, "Poor": 1, "": 0}}
    )  # fmt: skip


def test_a_preview_leaves_what_is_kept_alone(store: DuckStore) -> None:
    publish(ALL)
    book = book_of(store)
    facade.history(book, ["acme"], ago(3), NOW)
    before = store.scores.kept()
    publish(replace(ALL, indicators=(SEATS,)), draft=True)
    assert facade.preview(book, facade.draft_model(), NOW).bands == {"Good": 0, "Average": 2, "Poor": 0, "": 0}
    assert store.scores.kept() == before


def test_a_rebuild_comes_to_the_same(store: DuckStore) -> None:
    publish(ALL)
    book = book_of(store)
    days = facade.history(book, ["acme", "birch", "gone"], ago(15), NOW)
    assert facade.rebuild(book, NOW) == store.scores.count() > 0
    assert facade.history(book_of(store), ["acme", "birch", "gone"], ago(15), NOW) == days


# Recalibration


def lives(count: int, leavers: int) -> Rows:
    """Accounts of which some stop using the product two months before they leave; seats tell nothing."""
    r = Random(3)
    accounts, events = [], []
    for n in range(count):
        churn = ago(150 - n) if n < leavers else None
        accounts.append(
            {"id": f"a{n:03}", "name": f"A{n}", "created_at": ago(400), "churned_at": churn, "seats": 10, "seats_used": n % 10}
        )
        for day in range(0, 400, 2):
            at = ago(day, hours=r.randrange(20))
            if churn is None or at < churn - 60 * DAY:
                events.append({"id": f"{n}-{day}", "account_id": f"a{n:03}", "name": "use", "at": at})
    return {"accounts": accounts, "events": events}


def test_weights_are_proposed_from_who_left(tmp_path: Path) -> None:
    publish(ALL)
    store = store_of(tmp_path, lives(60, 24))
    before = score(store, "a050", ago(30))
    [found] = facade.propose(book_of(store), NOW)
    use, seats = found.indicators
    assert (found.refusal, found.churns, found.profile, found.horizon_days) == ("", 24, "all", 90)
    assert use.auc is not None
    assert seats.auc is not None
    assert use.auc > 0.75
    assert 0.3 < seats.auc < 0.7
    assert (use.weight, seats.weight) == (60, 40)
    assert use.proposed is not None
    assert use.proposed > 80
    assert use.proposed + (seats.proposed or 0) == 100
    assert (found.auc_proposed or 0) >= (found.auc_now or 0)
    assert max(found.moments) <= NOW - 90 * DAY
    facade.apply_weights("all", {"Use": use.proposed}, by="ada@us.example", moment=ago(1))
    assert facade.profile("all").profile.indicators[0].weight == use.proposed
    assert score(store, "a050", ago(30)) == before
    with pytest.raises(UserError, match="has no indicator 'Uses'"):
        facade.apply_weights("all", {"Uses": 1}, by="ada@us.example", moment=NOW)
    with pytest.raises(UserError, match="above 0"):
        facade.apply_weights("all", {"Use": 0}, by="ada@us.example", moment=NOW)


def test_too_few_churns_are_refused_with_a_sentence(tmp_path: Path) -> None:
    publish(ALL)
    [found] = facade.propose(book_of(store_of(tmp_path, lives(30, 5))), NOW, "all")
    assert found.refusal == "too little to learn from: 5 accounts that Everybody scored left within 90 days, and it takes 20"
    assert [each.proposed for each in found.indicators] == [None, None]
    assert found.indicators[0].auc is not None


def test_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    r = Random(5)
    scores = np.array([r.choice([0.0, 10.0, 10.0, 40.0, nan]) for _ in range(60)])
    leaving = np.array([r.random() < 0.3 for _ in range(60)])
    pairs = [
        (0.5 if low == high else float(low < high))
        for low in scores[leaving & ~np.isnan(scores)]
        for high in scores[~leaving & ~np.isnan(scores)]
    ]
    assert recalibration.auc(scores, leaving) == pytest.approx(sum(pairs) / len(pairs))
    assert recalibration.auc(scores, np.zeros(60, dtype=bool)) is None


@pytest.mark.parametrize("aucs", [[0.9, 0.5, 0.4], [0.51, 0.52, 0.53], [0.6, 0.6, 0.6], [0.7]])
def test_proposed_weights_are_whole_add_up_to_100_and_keep_a_floor(aucs: list[float]) -> None:
    found = recalibration.weights(aucs)
    assert sum(found) == 100
    assert min(found) >= recalibration.FLOOR
    assert sorted(found) == [found[place] for place in sorted(range(len(aucs)), key=lambda place: (aucs[place], found[place]))]
