"""When pulls run: by the workspace's clock, again after a failure, and what operations and rules are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.apps.fakes import rule
from tests.apps.pulls.conftest import START, UTC_ZONE, Desk
from tocsin.alerts import freshness
from tocsin.core.errors import UserError
from tocsin.facts.pulling.shapes import StoppedError
from tocsin.sources import facade
from tocsin.sources.models import Pull, PullRun
from tocsin.sources.pulls import claiming
from tocsin.sources.pulls.claiming import BACKOFF, LEASE
from tocsin.sources.pulls.loop import Loop, headline_of
from tocsin.sources.pulls.running import run_claimed

BERLIN = ZoneInfo("Europe/Berlin")
WHO: dict[str, Any] = {"by": "olga@x.io"}


def run_due(desk: Desk, zone: ZoneInfo = UTC_ZONE, **options: Any) -> list[str]:
    """Run what is due, as the loop does; gives the states."""
    states = []
    for public_id in claiming.due(desk.now):
        claimed = claiming.claim(public_id, f"test {desk.now}", desk.now)
        assert claimed is not None
        states.append(run_claimed(claimed, desk.store, clock=desk.clock, zone=zone, **options).run.state)
    return states


def test_the_first_run_follows_at_once_and_then_by_the_schedule(desk: Desk) -> None:
    desk.create("folder", schedule="every 15m")
    assert run_due(desk) == ["done"]
    assert desk.info().next_at == START + timedelta(minutes=15)
    desk.later(minutes=14)
    assert run_due(desk) == []
    desk.later(minutes=1)
    assert run_due(desk) == ["done"]
    # Hours without anybody to run it are made up for by one run.
    desk.later(hours=5)
    assert (run_due(desk), run_due(desk)) == (["done"], [])
    assert desk.info().next_at == desk.now + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("zone", "now", "wanted"),
    [
        (UTC_ZONE, "2026-03-28 12:00", "2026-03-29 06:00"),
        (BERLIN, "2026-03-27 12:00", "2026-03-28 05:00"),
        # The night in which the clock goes forward: six on the wall comes an hour sooner.
        (BERLIN, "2026-03-28 12:00", "2026-03-29 04:00"),
        (BERLIN, "2026-10-24 12:00", "2026-10-25 05:00"),
    ],
)
def test_the_clock_on_the_wall_of_the_workspace(desk: Desk, settings: Any, zone: ZoneInfo, now: str, wanted: str) -> None:
    settings.TIME_ZONE = zone.key
    desk.now = datetime.fromisoformat(now).replace(tzinfo=UTC)
    desk.create("folder", schedule="daily at 06:00")
    run_due(desk, zone)
    assert desk.info().next_at == datetime.fromisoformat(wanted).replace(tzinfo=UTC)


def test_failures_are_tried_again_sooner_and_then_by_the_schedule(desk: Desk) -> None:
    desk.create("folder", schedule="every 1h")
    desk.folder.rmdir()
    waits = []
    for _ in range(5):
        assert run_due(desk) == ["failed"]
        following = desk.info().next_at
        assert following is not None
        waits.append(following - desk.now)
        desk.now = following
    assert waits == [*BACKOFF[:3], timedelta(hours=1), timedelta(hours=1)]
    causes = [each.cause for each in facade.runs_of("warehouse")]
    assert causes == ["retry"] * 4 + ["schedule"]
    desk.folder.mkdir()
    assert run_due(desk) == ["done"]
    assert (desk.info().failures, desk.info().last_error, desk.info().state) == (0, "", "fine")


def test_paused_asked_for_and_resumed(desk: Desk) -> None:
    desk.create("folder", schedule="every 15m")
    facade.pause_pull("warehouse", moment=desk.now, **WHO)
    desk.later(days=1)
    assert (run_due(desk), desk.info().state) == ([], "paused")
    facade.ask_for_run("warehouse", moment=desk.now, **WHO)
    assert (run_due(desk), run_due(desk)) == (["done"], [])
    assert [each.cause for each in facade.runs_of("warehouse")] == ["hand"]
    assert desk.info().next_at is None
    facade.resume_pull("warehouse", moment=desk.now, **WHO)
    assert run_due(desk) == ["done"]


def test_a_killed_run_is_due_as_soon_as_its_lease_ends(desk: Desk) -> None:
    desk.create("folder", schedule="daily at 06:00")
    assert claiming.claim(desk.info().id, "process that dies", desk.now) is not None
    assert desk.info().state == "running"
    desk.later(seconds=LEASE.total_seconds() - 1)
    assert (run_due(desk), claiming.claim(desk.info().id, "another", desk.now)) == ([], None)
    desk.later(seconds=1)
    assert run_due(desk) == ["done"]
    assert [each.state for each in facade.runs_of("warehouse")] == ["done", "stopped"]


def test_what_is_stopped_and_asked_for_goes_on_by_itself(desk: Desk) -> None:
    desk.create("folder")
    facade.ask_for_run("warehouse", moment=desk.now, **WHO)

    def stop(_stage: str) -> None:
        raise StoppedError("the server was stopped")

    assert run_due(desk, watch=stop) == ["stopped"]
    assert (run_due(desk), run_due(desk)) == (["done"], [])


@pytest.mark.django_db(transaction=True)
def test_the_loop_runs_what_is_due_tells_of_failures_and_wakes_the_worker(desk: Desk) -> None:
    told: list[tuple[str, str]] = []
    woken: list[bool] = []
    loop = Loop(
        store=lambda: desk.store,
        zone=UTC_ZONE,
        clock=desk.clock,
        stored=lambda: woken.append(True),
        tell=lambda headline, about: told.append((headline, about)),
    )
    desk.write("accounts.csv", "id,name\na1,Acme\n")
    desk.create("folder", schedule="every 15m")
    loop.drain()
    assert ([each.state for each in facade.runs_of("warehouse")], woken, told) == (["done"], [True], [])
    desk.write("accounts.csv", "identifier\nx\n", age=30)
    desk.later(minutes=15)
    loop.drain()
    [(headline, about)] = told
    assert headline.startswith(f"Pull warehouse failed: {desk.folder / 'accounts.csv'}: the required column id, name")
    assert about.startswith("pull ")
    assert woken == [True]


def test_what_may_mend_itself_is_told_the_second_time(desk: Desk) -> None:
    desk.create("folder")
    desk.folder.rmdir()
    claimed = [claiming.claim(desk.info().id, "test", desk.now)]
    first = run_claimed(claimed[0], desk.store, clock=desk.clock, zone=UTC_ZONE)  # type: ignore[arg-type]
    assert headline_of(claimed[0], first) is None  # type: ignore[arg-type]
    second = desk.pull()
    headline = headline_of(claimed[0], second)  # type: ignore[arg-type]
    assert headline == f"Pull warehouse failed (2 times in a row): {second.run.error}"


def test_rules_that_need_fresher_data_than_a_pull_has_brought_are_held(desk: Desk) -> None:
    desk.write("accounts.csv", "id,name\na1,Acme\n")
    desk.write("events.csv", "account_id,name,at\na1,Signed in,2026-03-03T11:00:00Z\n")
    desk.create("folder")
    assert desk.pull().run.state == "done"
    needy = rule("no-login", needs={"events": timedelta(hours=26)})
    book: Any = SimpleNamespace(store=desk.store)
    moment = START + timedelta(days=2)
    assert freshness.stale(book, [needy], START + timedelta(hours=26)) == {"no-login": "it needs events, and there are none"}
    # There is an event of an hour ago, and yet others may be missing: the pull was last done two days ago.
    words = "its events come by the pull warehouse, which was last done 48 h ago"
    assert freshness.stale(book, [needy], moment) == {"no-login": words}
    desk.now = moment
    desk.folder.rename(desk.root / "away")
    desk.pull()
    assert freshness.stale(book, [needy], moment)["no-login"].startswith(f"{words} (the folder {desk.folder} cannot be read")
    (desk.root / "away").rename(desk.folder)
    desk.pull()
    assert freshness.stale(book, [needy], moment) == {}


def test_old_runs_are_forgotten(desk: Desk) -> None:
    desk.create("folder")
    pull = Pull.objects.get()
    PullRun.objects.bulk_create(
        PullRun(pull=pull, holder="x", cause="schedule", state="done", started_at=START - timedelta(days=91, minutes=number))
        for number in range(60)
    )
    assert claiming.clear_expired(START) == 10
    assert PullRun.objects.count() == claiming.KEPT_RUNS


def test_names_are_one_for_all_sources(desk: Desk) -> None:
    facade.create_source("generic", "Zapier", moment=desk.now, **WHO)
    with pytest.raises(UserError, match="already"):
        desk.create("folder", "Zapier")
    desk.create("folder")
    for again in (lambda: desk.create("folder"), lambda: facade.create_source("generic", "warehouse", moment=desk.now, **WHO)):
        with pytest.raises(UserError, match="already"):
            again()
