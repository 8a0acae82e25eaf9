"""Sources of webhooks: what is kept and how, who changed it, what came lately."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.apps.fakes import T0
from tocsin.core.errors import UserError
from tocsin.people import facade as people
from tocsin.sources import facade
from tocsin.sources.models import HookDelivery, HookRefusal, Source
from tocsin.sources.refusals import KINDS, Gathered

pytestmark = pytest.mark.django_db
WHO: dict[str, Any] = {"by": "olga@x.io", "moment": T0}


def test_a_secret_that_we_choose_is_shown_once_and_kept_sealed(settings: Any) -> None:
    made = facade.create_source("generic", "Zapier", **WHO)
    assert len(made.secret) >= 40
    assert made.secret not in f"{made}{facade.list_sources()}{people.changes()}{Source.objects.get().secrets}"
    found = facade.for_door("generic", made.what.id)
    assert found is not None
    assert found.secrets == (made.secret,)
    assert facade.for_door("stripe", made.what.id) is None
    settings.SECRET_KEY = "another key of the workspace"
    lost = facade.for_door("generic", made.what.id)
    assert lost is not None
    assert (lost.unreadable, lost.secrets, facade.source_info("Zapier").secrets) == (True, (), ())


@pytest.mark.parametrize("vendor", ["stripe", "hubspot", "zendesk", "intercom"])
def test_a_secret_that_the_vendor_gives_comes_later(vendor: str) -> None:
    made = facade.create_source(vendor, "theirs", **WHO)
    assert (made.secret, made.what.secrets) == ("", ())
    with pytest.raises(UserError, match="gives the secret"):
        facade.add_secret("theirs", **WHO)
    added = facade.add_secret("theirs", " hush-hush ", **WHO)
    assert (added.secret, len(added.what.secrets)) == ("", 1)


def test_secrets_take_turns() -> None:
    made = facade.create_source("jira", "tracker", **WHO)
    fresh = facade.add_secret(made.what.id, **WHO)
    assert fresh.secret
    assert fresh.secret != made.secret
    old, new = fresh.what.secrets
    assert old.id != new.id
    with pytest.raises(UserError, match="has that secret already"):
        facade.add_secret("tracker", made.secret, **WHO)
    assert facade.remove_secret("tracker", old.id, **WHO).secrets == (new,)
    with pytest.raises(UserError, match=f"there is no secret '{old.id}'"):
        facade.remove_secret("tracker", old.id, **WHO)
    for n in range(4):
        facade.add_secret("tracker", f"secret {n}", **WHO)
    with pytest.raises(UserError, match="5 secrets at most"):
        facade.add_secret("tracker", "one more", **WHO)


def test_a_secret_is_a_text_that_can_be_signed_with() -> None:
    for wrong, said in (("\ud83d hush", "half a character"), ("x" * 501, "1 to 500"), (" ", "1 to 500")):
        with pytest.raises(UserError, match=said):
            facade.create_source("generic", "Zapier", given=[wrong], **WHO)
    assert facade.create_source("generic", "Zapier", given=["schlüssel-🔑"], **WHO).what.secrets


def test_a_setting_that_the_kind_has_not_is_refused() -> None:
    said = "a source of kind generic has no setting 'foo'; it has mapping, timezone"
    with pytest.raises(UserError, match=f"^{said}$"):
        facade.create_source("generic", "Zapier", settings={"foo": 1}, **WHO)
    assert not facade.list_sources()
    facade.create_source("generic", "Zapier", **WHO)
    with pytest.raises(UserError, match=f"^{said}$"):
        facade.set_settings("Zapier", {"foo": 1}, **WHO)
    assert facade.set_settings("Zapier", {"foo": ""}, **WHO).settings == {}


def test_settings_are_checked() -> None:
    facade.create_source("generic", "Zapier", settings={"timezone": "Europe/Berlin"}, **WHO)
    mapping = {"collection": "people", "columns": {"id": "id"}}
    assert facade.set_settings("Zapier", {"mapping": mapping}, **WHO).settings == {
        "timezone": "Europe/Berlin",
        "mapping": mapping,
    }
    assert facade.set_settings("Zapier", {"timezone": ""}, **WHO).settings == {"mapping": mapping}
    for wrong in ({"mapping": {"collection": "persons"}}, {"timezone": "Mars/Base"}):
        with pytest.raises(UserError, match=r"mapping|timezone"):
            facade.set_settings("Zapier", wrong, **WHO)
    facade.create_source("stripe", "billing", **WHO)
    with pytest.raises(UserError, match="names"):
        facade.set_settings("billing", {"names": 7}, **WHO)


NESTED: Any = []
for _ in range(500):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    ("vendor", "wrong", "said"),
    [
        ("salesforce", {"kinds": {"Upgrade": 1}}, "the setting kinds is no mapping"),
        ("hubspot", {"properties": {"deal": ["stage"]}}, "the setting deal is no mapping"),
        ("hubspot", {"outcomes": ["won"]}, "the setting outcomes is no mapping"),
        ("generic", {"mapping": {"collection": "people", "columns": {"id": {"value": float("nan")}}}}, "holds nan"),
        ("generic", {"mapping": {"collection": "people", "columns": {"id": "a\0"}}}, "a character that cannot be kept"),
        ("generic", {"mapping": NESTED}, "nested too deep"),
        ("jira", {"priorities": {"\ud800": "high"}}, "a character that cannot be kept"),
    ],
)
def test_settings_that_the_sample_does_not_meet_are_checked_too(vendor: str, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        facade.create_source(vendor, "theirs", settings=wrong, **WHO)
    assert facade.list_sources() == []


@pytest.mark.parametrize(
    ("vendor", "name", "more", "why"),
    [
        ("strpe", "x", {}, "did you mean 'stripe'"),
        ("generic", " ", {}, "needs a name"),
        ("generic", "x" * 101, {}, "needs a name"),
        ("generic", "taken", {}, "already"),
        ("generic", "x", {"given": [" "]}, "1 to 500 characters"),
        ("generic", "x", {"given": [str(n) for n in range(6)]}, "5 secrets at most"),
    ],
)
def test_what_cannot_be_set_up(vendor: str, name: str, more: dict[str, Any], why: str) -> None:
    facade.create_source("generic", "taken", **WHO)
    with pytest.raises(UserError, match=why):
        facade.create_source(vendor, name, **more, **WHO)
    assert Source.objects.count() == 1


def test_every_change_is_written_down() -> None:
    facade.create_source("generic", "Zapier", **WHO)
    facade.pause_source("Zapier", **WHO)
    assert facade.source_info("Zapier").paused
    facade.resume_source("Zapier", **WHO)
    added = facade.add_secret("Zapier", **WHO)
    facade.remove_secret("Zapier", added.what.secrets[0].id, **WHO)
    facade.set_settings("Zapier", {"timezone": "UTC"}, **WHO)
    facade.delete_source("Zapier", **WHO)
    acts = [(each.act, each.what, each.by) for each in reversed(people.changes())]
    wanted = (
        "source made",
        "source paused",
        "source resumed",
        "secret added",
        "secret removed",
        "source changed",
        "source removed",
    )
    assert acts == [(act, "Zapier", "olga@x.io") for act in wanted]
    with pytest.raises(UserError, match="there is no source 'Zapier'"):
        facade.source_info("Zapier")


def test_what_came_lately() -> None:
    source = facade.create_source("generic", "Zapier", **WHO).what.id
    for n in range(25):
        facade.note_received(source, f"d{n}", "taken", "1 of events", moment=T0 + timedelta(minutes=n))
    found = facade.recent_deliveries(source)
    assert [each.delivery_id for each in found] == [f"d{n}" for n in range(24, 4, -1)]
    facade.note_refused(source, [refusal(0, "the signature does not match", times=3)])
    info = facade.source_info(source)
    assert (info.received, info.refused, info.last_error) == (25, 3, "the signature does not match")
    assert info.last_error_at == T0
    assert facade.is_repeated(source, "d3")
    assert not facade.is_repeated(source, "d99")
    facade.note_received(source, "x" * 10_000, "unreadable", "", moment=T0)
    assert not facade.is_repeated(source, "x" * 10_000), "it may be tried again with other settings"
    facade.note_received("src_gone", "d", "taken", "", moment=T0)


def refusal(second: float, reason: str, **more: Any) -> facade.RefusalInfo:
    """One that was refused so many seconds after the beginning."""
    at = T0 + timedelta(seconds=second)
    return facade.RefusalInfo(at, at, 401, "invalid_signature", reason, **more)


def test_what_is_refused_for_one_reason_within_a_minute_is_one_line() -> None:
    source = facade.create_source("generic", "Zapier", **WHO).what.id
    other = facade.create_source("generic", "Other", **WHO).what.id
    for second in (0, 59, 118):
        facade.note_refused(source, [refusal(second, "wrong", origin="192.0.2.1")])
    facade.note_refused(other, [refusal(119, "wrong")])
    facade.note_refused(source, [refusal(120, "old", origin="192.0.2.1"), replace(refusal(121, "wrong"), status=403)])
    facade.note_refused(source, [refusal(178, "wrong", origin="192.0.2.2", times=5)], beyond=7)
    facade.note_refused(source, [refusal(240, "wrong", origin="192.0.2.1")])
    told = [
        (each.reason, each.status, (each.first_at - T0).seconds, (each.last_at - T0).seconds, each.times, each.origin,
         each.elsewhere)
        for each in facade.recent_refusals(source)
    ]  # fmt: skip
    assert told == [
        ("wrong", 401, 240, 240, 1, "192.0.2.1", False),
        ("wrong", 401, 0, 178, 8, "192.0.2.2", True),
        ("wrong", 403, 121, 121, 1, "", False),
        ("old", 401, 120, 120, 1, "192.0.2.1", False),
    ]
    assert (facade.source_info(source).refused, facade.source_info(other).refused) == (11 + 7, 1)
    facade.note_refused("src_gone", [refusal(0, "wrong")])
    facade.note_refused(source, [])


def test_the_last_fifty_lines_of_each_source_are_kept() -> None:
    source = facade.create_source("generic", "Zapier", **WHO).what.id
    other = facade.create_source("generic", "Other", **WHO).what.id
    facade.note_refused(other, [refusal(0, "wrong")])
    for n in range(60):
        facade.note_refused(source, [refusal(n * 3600, "wrong")])
    found = facade.recent_refusals(source)
    assert [each.first_at for each in found] == [T0 + timedelta(hours=n) for n in range(59, 9, -1)]
    assert (facade.source_info(source).refused, len(facade.recent_refusals(other))) == (60, 1)
    assert HookRefusal.objects.count() == 51
    facade.delete_source(source, **WHO)
    assert HookRefusal.objects.count() == 1


def test_what_a_sender_wrote_is_kept_as_far_as_it_can_be() -> None:
    source = facade.create_source("generic", "Zapier", **WHO).what.id
    facade.note_refused(source, [refusal(0, "no\0 \ud800\n" + "x" * 600, origin="y" * 600)])
    [found] = facade.recent_refusals(source)
    assert found.reason == "no\ufffd \ufffd\ufffd" + "x" * 494
    assert found.origin == "y" * 64


def test_of_many_kinds_that_are_gathered_at_once_most_are_only_counted() -> None:
    gathered = Gathered()
    for n in range(100):
        gathered.add(refusal(n, f"wrong {n % 50}"))
    assert (len(gathered.kinds), gathered.beyond) == (KINDS, 100 - 2 * KINDS)
    first = next(iter(gathered.kinds.values()))
    assert (first.times, (first.last_at - first.first_at).seconds) == (2, 50)


def test_deliveries_are_forgotten_after_thirty_days() -> None:
    source = facade.create_source("generic", "Zapier", **WHO).what.id
    for day in (0, 1, 2):
        facade.note_received(source, f"d{day}", "taken", "", moment=T0 + timedelta(days=day))
    assert facade.clear_expired(T0 + timedelta(days=31, hours=1)) == 2
    assert HookDelivery.objects.get().delivery_id == "d2"
