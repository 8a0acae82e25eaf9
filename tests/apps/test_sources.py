"""Sources of webhooks: what is kept and how, who changed it, what came lately."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.apps.fakes import T0
from tocsin.core.errors import UserError
from tocsin.people import facade as people
from tocsin.sources import facade
from tocsin.sources.models import HookDelivery, Source

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
    facade.note_refused(source, "the signature does not match", moment=T0, times=3)
    info = facade.source_info(source)
    assert (info.received, info.refused, info.last_error) == (25, 3, "the signature does not match")
    assert facade.is_repeated(source, "d3")
    assert not facade.is_repeated(source, "d99")
    facade.note_received(source, "x" * 10_000, "unreadable", "", moment=T0)
    assert not facade.is_repeated(source, "x" * 10_000), "it may be tried again with other settings"
    facade.note_received("src_gone", "d", "taken", "", moment=T0)


def test_deliveries_are_forgotten_after_thirty_days() -> None:
    source = facade.create_source("generic", "Zapier", **WHO).what.id
    for day in (0, 1, 2):
        facade.note_received(source, f"d{day}", "taken", "", moment=T0 + timedelta(days=day))
    assert facade.clear_expired(T0 + timedelta(days=31, hours=1)) == 2
    assert HookDelivery.objects.get().delivery_id == "d2"
