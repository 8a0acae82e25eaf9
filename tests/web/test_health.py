"""The health of the book and of one account: what is shown, who may act, and that nothing waits for the engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.web.conftest import NOW, SignedIn
from tests.web.test_inbox import text_of
from tocsin import serving
from tocsin.core.moment import floor_day
from tocsin.core.profiles import Bands, Indicator, Profile
from tocsin.facts.duckdb import DuckStore
from tocsin.health import facade as health
from tocsin.health.facade import Proposal
from tocsin.health.models import ProfileVersion
from tocsin.health.shapes import IndicatorFinding
from tocsin.web import healthfacts, source
from tocsin.web.background import Asked, Background
from tocsin.workspace import Workspace

T = TypeVar("T")
TODAY = floor_day(NOW, ZoneInfo("Europe/Berlin"))
USE = Indicator("Use", "proactive", 60, "scale(count(events in last 30d), 0, 100)")
GOALS = Indicator("Goals", "proactive", 30, "if(exists(goals), 100, null)")
TALK = Indicator("Talk", "reactive", 10, "scale(days_since_touchpoint, 40, 0)")
LARGE = Profile("large", "Large accounts", 10, (USE, GOALS, TALK), where="tier = 1")
REST = Profile("rest", "Everybody else", 20, (USE, replace(GOALS, weight=61)), bands=Bands(90, 50))
HX = {"HX-Request": "true"}


class Patient(Background):
    """Makes what it is asked for before it answers."""

    def ask(self, key: Hashable, stamp: object, make: Callable[[], T], *, wait: bool = True) -> Asked[T]:
        """As it is, but that it always waits."""
        del wait
        return super().ask(key, stamp, make, wait=True)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made beside pages is there at once, and none of it is left from another test."""
    monkeypatch.setattr(healthfacts, "beside", Patient(patience=120))
    monkeypatch.setattr(serving, "_shelf", serving._Shelf(50))


@pytest.fixture
def scored(here: Workspace, facts: DuckStore) -> Iterator[Workspace]:
    """Two profiles, in force for long; no day is kept yet."""
    signals = {"days_since_touchpoint": "days_quiet(touchpoints)"}
    health.publish_profiles([LARGE, REST], signals, by="ops@quill.example", moment=NOW - timedelta(days=400))
    facts.scores.forget()
    yield here
    facts.scores.forget()


def part(client: Client, address: str, target: str = "") -> str:
    """A part as htmx asks for it."""
    return text_of(client, address, **HX, **({"HX-Target": target} if target else {}))


def flat(page: str) -> str:
    """The text of a page without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_whose_health_fell_in_a_week(scored: Workspace) -> None:
    fell = health.falls(scored.book(), NOW)
    assert [each.account_id for each in fell] == ["halden"]
    [halden] = fell
    assert (halden.name, halden.owner, halden.points > 0) == ("Halden Freight", "maya@quill.example", True)
    days = {each.at: each for each in health.history(scored.book(), ["halden"], TODAY - timedelta(days=7), TODAY)["halden"]}
    assert (halden.before, halden.now) == (days[min(days)].score, days[max(days)].score)


def test_another_version_of_a_profile_is_no_fall(scored: Workspace) -> None:
    harder = replace(LARGE, indicators=(replace(USE, score="scale(count(events in last 30d), 0, 900)"), GOALS, TALK))
    signals = {"days_since_touchpoint": "days_quiet(touchpoints)"}
    health.publish_profiles([harder], signals, by="ops@quill.example", moment=NOW - timedelta(days=2))
    assert health.falls(scored.book(), NOW) == []


def test_the_profiles_are_told_in_english_by_precedence(scored: Workspace, signed_in: SignedIn) -> None:
    page = flat(text_of(signed_in("maya"), "/health/"))
    assert page.index("Large accounts") < page.index("Everybody else")
    assert "Accounts where tier is 1" in page
    assert "Accounts no other profile is for" in page
    assert "Good from 70, Average from 40, Poor below" in page
    assert "Number of events in the last 30 days as a score, 0 for 0 to 100 for 100" in page
    assert "scale(count(events in last 30d), 0, 100)" in page
    assert "Profile &#x27;rest&#x27; has" not in page
    assert 'aria-current="page"' in text_of(signed_in("maya"), "/health/").split('href="/health/"')[1][:40]


def test_a_profile_that_departs_from_what_proved_itself_is_advised(scored: Workspace, signed_in: SignedIn) -> None:
    lone = replace(REST, indicators=(USE,))
    health.publish_profiles([lone], {}, by="ops@quill.example", moment=NOW - timedelta(days=1))
    page = flat(text_of(signed_in("maya"), "/health/"))
    assert "Profile &#x27;rest&#x27; has 1 proactive indicator; 2 or 3 of them" in page


def test_a_profile_that_cannot_be_read_is_said(scored: Workspace, signed_in: SignedIn) -> None:
    ProfileVersion.objects.filter(profile="rest").update(source="- {id: rest}")
    assert "Profile rest cannot be read and scores nobody" in flat(text_of(signed_in("maya"), "/health/"))


def test_without_kept_days_the_page_shows_progress_and_computes_nothing(
    scored: Workspace, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.web.healthfacts.beside.ask", Mock(return_value=Asked(None, False, False, 0.1)))
    page = text_of(signed_in("maya"), "/health/")
    assert "<progress" in page
    assert 'hx-get="/health/book/"' in page
    assert "Look again" in page
    assert scored.store().scores.count() == 0
    assert "No day of it is kept yet" in text_of(signed_in("maya"), "/accounts/halden/")
    assert scored.store().scores.count() == 0


def test_what_failed_is_said_and_can_be_tried_again(
    scored: Workspace, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.web.healthfacts.beside.ask", Mock(return_value=Asked(None, False, True, 0.1)))
    assert "It could not be made" in part(signed_in("maya"), "/health/book/")


def test_the_book_over_the_bands_beside_a_month_ago(scored: Workspace, signed_in: SignedIn) -> None:
    page = flat(part(signed_in("maya"), "/health/book/"))
    # Halden's use fell from 120 events in 30 days to 30; Kestrow is the only one without use.
    assert "5 accounts at the start of Thu 12 Mar 2026" in page
    assert re.search(r"Good 1 20 %, −1 in 30 d \$9,700 MRR, −\$12,400", page)
    assert re.search(r"Poor 1 20 %, \+1 in 30 d \$12,400 MRR", page)
    assert re.search(r"Not scored 3 60 %, ±0 in 30 d \$14,300 MRR", page)
    assert page.index("Large accounts") < page.index("Everybody else")


def test_figures_are_those_of_the_kept_days(scored: Workspace, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    part(signed_in("maya"), "/health/book/")
    kept = healthfacts.latest(NOW)
    assert {name for name, each in kept.items() if each.band is None} == {"hostile", "kestrow", "lindmark"}
    with scored.store().write(news=False) as cursor:
        cursor.execute("UPDATE health_days SET band = 'Average' WHERE band = 'Poor'")
    monkeypatch.setattr(healthfacts, "beside", Patient(patience=120))
    page = flat(part(signed_in("maya"), "/health/book/"))
    assert re.search(r"Average 1 20 %", page)
    assert re.search(r"Poor 0 0 %", page)


def test_accounts_that_moved_a_band_in_a_week(scored: Workspace, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    part(signed_in("maya"), "/health/book/")
    with scored.store().write(news=False) as cursor:
        cursor.execute(
            "UPDATE health_days SET band = 'Good', score = 88.9 WHERE \"at\" = ? AND band = 'Average'",
            [(TODAY - timedelta(days=7)).replace(tzinfo=None)],
        )
    monkeypatch.setattr(healthfacts, "beside", Patient(patience=120))
    page = part(signed_in("maya"), "/health/book/")
    assert "1 down, 0 up" in page
    assert 'href="/accounts/halden/health/"' in page
    assert "Good 88" in flat(page)


def test_the_list_of_accounts_has_the_kept_health_and_sorts_by_it(scored: Workspace, signed_in: SignedIn) -> None:
    client = signed_in("maya")
    before = text_of(client, "/accounts/")
    assert 'class="health"' not in before
    part(client, "/health/book/")
    page = text_of(client, "/accounts/?sort=-health")
    order = re.findall(r'<th scope="row">\s*<a class="account" href="/accounts/([^/]+)/"', page)
    assert order[:2] == ["orsett", "halden"]
    assert re.search(r'data-band="good"><span class="dot" aria-hidden="true"></span>Good <b class="num">\d\d', page)
    assert text_of(client, "/accounts/?sort=health").index("Halden") < text_of(client, "/accounts/?sort=health").index("Orsett")
    assert page.count("Not scored") == 3


def test_the_split_adds_up_and_says_what_is_missing(scored: Workspace, signed_in: SignedIn) -> None:
    page = part(signed_in("maya"), "/accounts/halden/health/", "split")
    assert "<html" not in page
    table = re.findall(r"<tr.*?</tr>", page, re.DOTALL)
    rows = {flat(each).split()[0]: re.findall(r"[−+±]?\d+(?:\.\d)?|missing|–", flat(each)) for each in table[1:]}
    # score, weight, effective weight, points, points lost, change in 30 days
    assert rows["Goals"][:5] == ["missing", "30", "0.0", "0.0", "0.0"]
    assert rows["Use"][1:3] == ["60", "85.7"]
    assert rows["Talk"][1:3] == ["10", "14.3"]
    points = sum(float(rows[name][3]) for name in ("Use", "Goals", "Talk"))
    assert points == pytest.approx(float(rows["Health"][1]), abs=0.11)
    change = [float(rows[name][5].replace("−", "-").replace("±", "")) for name in ("Use", "Talk")]
    assert sum(change) == pytest.approx(float(rows["Health"][3].replace("−", "-")), abs=0.21)
    assert change[0] < -50


def test_an_account_with_too_little_known_is_not_scored(scored: Workspace, signed_in: SignedIn) -> None:
    client = signed_in("maya")
    page = flat(part(client, "/accounts/hostile/health/", "split"))
    assert "Not scored: 60 of 121 of the weight is known, and it takes half" in page
    part(client, "/health/book/")
    assert "Under half of the weight of its indicators is known" in text_of(client, "/accounts/hostile/")


def test_a_change_of_profile_is_said(scored: Workspace, signed_in: SignedIn) -> None:
    heavier = replace(LARGE, indicators=(replace(USE, weight=20), GOALS, replace(TALK, weight=50)))
    signals = {"days_since_touchpoint": "days_quiet(touchpoints)"}
    health.publish_profiles([heavier], signals, by="ops@quill.example", moment=NOW - timedelta(days=3))
    page = flat(part(signed_in("maya"), "/accounts/halden/health/", "split"))
    assert "Scored by Large accounts (version 2) instead" in page
    assert "Scored by Large accounts (version 1) then and by Large accounts (version 2) now" in page


@pytest.mark.parametrize(
    ("who", "account", "allowed"),
    [
        ("maya", "halden", True),
        ("nils", "halden", False),
        ("vic", "halden", False),
        ("ada", "halden", True),
    ],
)
def test_who_may_override(scored: Workspace, signed_in: SignedIn, who: str, account: str, allowed: bool) -> None:
    client = signed_in(who)
    address = f"/accounts/{account}/health/"
    assert ("Override the score" in text_of(client, address)) is allowed
    answer = client.post(f"{address}override/", {"act": "set", "score": "80", "reason": "Signed", "until": "2026-04-01"})
    assert answer.status_code == (302 if allowed else 403)
    assert len(health.overrides(NOW)) == int(allowed)
    if allowed:
        client.post(f"{address}override/", {"act": "lift"})
        assert health.overrides(NOW) == []


def test_an_override_is_shown_with_reason_end_and_author_and_lifted(scored: Workspace, signed_in: SignedIn) -> None:
    client = signed_in("maya")
    given = {"act": "set", "score": "81.5", "reason": "New sponsor <b>", "until": "2026-04-01"}
    answer = client.post("/accounts/halden/health/override/", given, follow=True)
    assert "The health of Halden Freight is 81.5 until Wed 1 Apr 2026" in answer.content.decode()
    page = text_of(client, "/accounts/halden/health/")
    assert "Overridden until Wed 1 Apr 2026 by Maya Lind: New sponsor &lt;b&gt;" in page
    assert "Override by a person" in page
    assert "Lift the override" in page
    part(client, "/health/book/")
    assert re.search(r'data-band="good">.*?<b class="num">81</b>', text_of(client, "/accounts/?q=halden"), re.DOTALL)
    assert "Good" in flat(text_of(client, "/accounts/halden/").split('id="health"')[1][:900])
    lifted = client.post("/accounts/halden/health/override/", {"act": "lift"}, follow=True).content.decode()
    assert "the computed score counts again" in lifted
    assert "Overridden until" not in text_of(client, "/accounts/halden/")
    again = client.post("/accounts/halden/health/override/", {"act": "lift"}, follow=True).content.decode()
    assert "is not overridden" in again


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"score": "120"}, "A score is from 0 to 100"),
        ({"score": "nan"}, "A score is from 0 to 100"),
        ({"score": "much"}, "Give a score from 0 to 100"),
        ({"reason": " "}, "An override needs a reason"),
        ({"until": "2026-03-01"}, "would have ended already"),
        ({"until": "soon"}, "Choose the day until which the score holds"),
    ],
)
def test_a_wrong_override_is_refused_in_a_sentence(
    scored: Workspace, signed_in: SignedIn, wrong: dict[str, str], says: str
) -> None:
    given = {"act": "set", "score": "80", "reason": "Signed", "until": "2026-04-01"} | wrong
    page = signed_in("maya").post("/accounts/halden/health/override/", given, follow=True).content.decode()
    assert says in page
    assert health.overrides(NOW) == []


def test_the_chart_of_kept_days(scored: Workspace, signed_in: SignedIn) -> None:
    client = signed_in("maya")
    assert client.get("/accounts/halden/health.svg").status_code == 404
    part(client, "/health/book/")
    drawn = client.get("/accounts/halden/health.svg").content.decode()
    assert "Health score:" in drawn
    assert "Poor below 40." in drawn
    assert "An alert fires" not in drawn
    assert client.get("/accounts/halden/health.json").json()["width"] == "container"
    assert "/accounts/halden/health.svg" in text_of(client, "/accounts/halden/")


PROPOSAL = Proposal(
    "large", "Large accounts", 1, (NOW,), 90, 25, 300, 30,
    tuple(
        IndicatorFinding(name, "proactive", weight, proposed, auc, 1.0)
        for name, weight, proposed, auc in (("Use", 60.0, 45.0, 0.8), ("Goals", 30.0, 5.0, 0.5), ("Talk", 10.0, 50.0, 0.82))
    ), 0.75, 0.84,
)  # fmt: skip


@pytest.fixture
def proposed(scored: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A proposal for one profile, and the reason why there is none for the other."""
    told = [PROPOSAL, replace(PROPOSAL, profile="rest", name="Everybody else", refusal="too little to learn from")]
    monkeypatch.setattr(healthfacts, "ask_proposals", lambda: Asked(told, True, False, 0.0))
    return scored


def test_proposed_weights_stand_beside_todays_or_why_there_are_none(proposed: Workspace, signed_in: SignedIn) -> None:
    page = flat(part(signed_in("ada"), "/health/proposals/"))
    assert "Use proactive 100 % 0.8 60 45" in page
    assert "0.75 → 0.84" in page
    assert "Too little to learn from." in page
    assert page.count("Publish as a new version") == 1


def test_proposals_come_from_the_past(scored: Workspace, signed_in: SignedIn) -> None:
    page = flat(part(signed_in("ada"), "/health/proposals/"))
    assert "Too little to learn from: 0 accounts that Large accounts scored left within 90 days, and it takes 20." in page


def test_only_a_button_applies_them_as_a_new_version(proposed: Workspace, signed_in: SignedIn) -> None:
    client = signed_in("ada")
    part(client, "/health/proposals/")
    assert health.profile("large").version == 1
    page = client.post("/health/recalibrate/", {"profile": "large", "version": "1"}, follow=True).content.decode()
    assert "a new version is in force" in page
    assert health.profile("large").version == 2
    assert [each.weight for each in health.profile("large").profile.indicators] == [45, 5, 50]
    assert health.profile("large").by == "ada@quill.example"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"profile": "large", "version": "7"}, "look at them again"),
        ({"profile": "nothing", "version": "1"}, "look at them again"),
        ({"profile": "rest", "version": "1"}, "Too little to learn from"),
    ],
)
def test_what_was_not_proposed_is_not_applied(
    proposed: Workspace, signed_in: SignedIn, given: dict[str, str], says: str
) -> None:
    assert says in signed_in("ada").post("/health/recalibrate/", given, follow=True).content.decode()
    assert [each.version for each in health.profiles()] == [1, 1]


@pytest.mark.parametrize("who", ["maya", "vic"])
def test_others_neither_see_nor_apply_proposals(proposed: Workspace, signed_in: SignedIn, who: str) -> None:
    client = signed_in(who)
    assert "Weights from outcomes" not in text_of(client, "/health/")
    assert client.get("/health/proposals/").status_code == 403
    assert client.post("/health/recalibrate/", {"profile": "large", "version": "1"}).status_code == 403
    assert health.profile("large").version == 1


@pytest.mark.parametrize(
    "address", ["/health/", "/health/book/", "/accounts/", "/accounts/halden/", "/accounts/halden/health/"]
)
def test_pages_cost_a_constant_number_of_queries(scored: Workspace, signed_in: SignedIn, address: str) -> None:
    from tests.web.test_inbox import _more

    client = signed_in("ada")
    part(client, "/health/book/")
    client.get(address)
    with CaptureQueriesContext(connection) as few:
        client.get(address)
    _more(20)
    until = NOW + timedelta(days=9)
    for name in ("orsett", "kestrow"):
        health.set_override(source.book(), name, score=50, reason="test", until=until, by="test", moment=NOW)
    client.get(address)  # an override is news: what was kept of the facts is read once more
    with CaptureQueriesContext(connection) as many:
        client.get(address)
    assert len(many) == len(few) <= 25
    for name in ("orsett", "kestrow"):
        health.lift_override(source.book(), name, by="test", moment=NOW)


@pytest.mark.parametrize("address", ["/accounts/nobody/health/", "/accounts/nobody/health.svg"])
def test_what_is_not_there_is_not_found(scored: Workspace, signed_in: SignedIn, address: str) -> None:
    assert signed_in("maya").get(address).status_code == 404


def test_pages_hold_to_the_content_policy(scored: Workspace, signed_in: SignedIn) -> None:
    client = signed_in("ada")
    for address in ("/health/", "/health/book/", "/health/proposals/", "/accounts/halden/health/"):
        page = text_of(client, address)
        assert "<html" in page
        assert " style=" not in page
        assert not re.search(r"<script(?![^>]*\bsrc=)", page)
