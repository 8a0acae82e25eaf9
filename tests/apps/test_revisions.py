"""What is in force is read anew where a definition has changed, and only there."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models, transaction

from tests.apps.fakes import T0, rule
from tocsin.alerts import facade
from tocsin.alerts.models import NamedFormula, RuleVersion
from tocsin.core import once
from tocsin.core.profiles import Indicator, Profile
from tocsin.core.rules import Definitions
from tocsin.health import facade as health
from tocsin.health import revisions
from tocsin.health.models import MilestoneVersion, ProfileVersion

pytestmark = pytest.mark.django_db

ROWS: tuple[tuple[type[models.Model], dict[str, Any]], ...] = (
    (RuleVersion, {"rule": "r", "source": "", "state": "on", "origin": "user", "checksum": "", "current": True, "since": T0}),
    (NamedFormula, {"kind": "signal", "name": "s", "formula": "mrr", "origin": "user", "current": True}),
    (ProfileVersion, {"profile": "p", "source": "", "origin": "user", "draft": False, "current": True}),
    (MilestoneVersion, {"milestone": "m", "source": "", "draft": False, "current": True}),
)


def publish(name: str, **more: Any) -> None:
    facade.publish_rules(Definitions(signals={"spent": "mrr * 12"}, rules=(rule("a", name=name),)), by="ada", moment=T0, **more)


def names() -> list[str]:
    return [each.name for each in facade.definitions().rules]


def test_asked_again_it_is_the_same_for_one_query(django_assert_num_queries: Any) -> None:
    publish("A")
    first = facade.definitions()
    for ask in (facade.formulas, facade.list_drafts, health.model, health.milestone_versions):
        ask()
    with django_assert_num_queries(1):
        assert facade.definitions() is first
    with once.request(), django_assert_num_queries(1):
        assert facade.definitions() is first
        assert facade.formulas().signals is first.signals
        assert facade.list_drafts() == []
        assert health.profiles() == []
        assert health.model() is health.model()
        assert health.milestone_versions() is health.milestone_versions()


def test_what_another_process_published_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    publish("A")
    assert names() == ["A"]
    ours = dict(revisions._kept)
    monkeypatch.setattr(revisions, "_kept", {})
    publish("B")
    assert names() == ["B"]
    monkeypatch.setattr(revisions, "_kept", ours)
    assert names() == ["B"]


def test_what_was_rolled_back_is_not_in_force() -> None:
    publish("A")
    assert names() == ["A"]
    with transaction.atomic():
        publish("B")
        assert names() == ["B"]
        transaction.set_rollback(True)
    assert names() == ["A"]
    publish("C")
    assert names() == ["C"]


def test_what_changes_while_it_is_read_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    publish("A")
    names()
    read: list[str] = []

    def slowly() -> str:
        found = RuleVersion.objects.get(current=True).source
        if not read:
            publish("B")
        read.append(found)
        return found

    assert "name: A" in health.under_revision("slowly", slowly)
    assert "name: B" in health.under_revision("slowly", slowly)
    assert "name: B" in health.under_revision("slowly", slowly)
    assert len(read) == 2


def test_a_request_sees_what_it_publishes_and_drafts() -> None:
    publish("A")
    with once.request():
        assert names() == ["A"]
        publish("B")
        assert names() == ["B"]
        publish("C", draft=True)
        assert [each.name for each in facade.list_drafts()] == ["C"]
        profile = Profile("all", "All", 1, (Indicator("Seats", "proactive", 1, "seats"),))
        health.publish_profiles([profile], {}, by="ada", moment=T0)
        assert [each.id for each in facade.definitions().profiles] == ["all"]


@pytest.mark.parametrize(("model", "values"), ROWS)
def test_every_way_of_changing_a_definition_makes_another_revision(model: Any, values: dict[str, Any]) -> None:
    values = {**values, "version": 1, "published_at": T0, "by": "ada"}
    seen = [revisions._token()]

    def changed() -> bool:
        seen.append(revisions._token())
        return seen[-1] not in seen[:-1]

    row = model.objects.create(**values)
    assert changed()
    row.by = "bob"
    row.save(update_fields=["by"])
    assert changed()
    model.objects.update(by="cid")
    assert changed()
    model.objects.all().delete()
    assert changed()
    model.objects.bulk_create([model(**values)])
    assert changed()
    model.objects.get().delete()
    assert changed()


def test_without_a_token_nothing_is_kept() -> None:
    publish("A")
    assert names() == ["A"]
    revisions.Revision.objects.all().delete()
    models.QuerySet(RuleVersion).update(source="- id: a\n  name: Z\n  category: risk\n  when: mrr < 1\n")
    assert names() == ["Z"]
