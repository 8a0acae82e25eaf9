"""Publishing definitions as versions, the catalog beside a user's edits, and reading what is in force."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.apps.conftest import Sweeping
from tests.apps.fakes import T0, FakeBook, rule
from tocsin.alerts import facade, rulebook, upkeep
from tocsin.alerts.models import AuditEntry, Mark, NamedFormula, RuleVersion
from tocsin.catalog import catalog
from tocsin.core.errors import UserError
from tocsin.core.rulefiles import read_rules
from tocsin.core.rules import Definitions, Description
from tocsin.health import facade as health
from tocsin.health.models import MilestoneVersion

pytestmark = pytest.mark.django_db
BY = "ops@us.example"


def publish(*rules: object, **more: object) -> facade.PublishReport:
    definitions = Definitions(rules=tuple(rules), **more)  # type: ignore[arg-type]
    return facade.publish_rules(definitions, by=BY, moment=T0)


def test_publishing_adds_versions_of_what_changed_only() -> None:
    assert publish(rule("a"), rule("b")).added == ("a", "b")
    report = publish(rule("a"), rule("b", severity="high"))
    assert (report.added, report.changed, report.unchanged) == ((), ("b",), ("a",))
    assert {info.id: info.version for info in facade.list_rules()} == {"a": 1, "b": 2}
    assert [(each.version, each.current) for each in facade.versions("b")] == [(2, True), (1, False)]
    assert AuditEntry.objects.filter(by=BY, act="published").count() == 3


def test_what_is_published_is_read_back_the_same() -> None:
    given = rule("a", hold=timedelta(days=2), params={"days": 3.0}, when="mrr < $days", state="shadow", notify=("manager",))
    publish(given, signals={"x": "mrr / 2"}, segments={"big": "mrr > 9"}, descriptions={"x": Description("half", "EUR")})
    found = facade.definitions()
    assert found.rules == (given,)
    assert (found.signals, found.segments, found.descriptions) == (
        {"x": "mrr / 2"},
        {"big": "mrr > 9"},
        {"x": Description("half", "EUR")},
    )


def test_a_draft_is_kept_and_not_in_force() -> None:
    publish(rule("a"))
    drafted = Definitions(rules=(rule("a", severity="critical"), rule("new")), signals={"x": "1"})
    report = facade.publish_rules(drafted, by=BY, moment=T0, draft=True)
    assert (report.added, report.changed, report.draft) == (("signal x", "new"), ("a",), True)
    assert [(info.id, info.severity, info.version) for info in facade.list_rules()] == [("a", "medium", 1)]
    assert facade.definitions().signals == {}
    assert publish(rule("a", severity="critical")).changed == ("a",)
    assert facade.rule("a").version == 3


def test_a_draft_is_compared_with_the_latest_draft() -> None:
    def draft(severity: str, formula: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        given = Definitions(rules=(rule("a", severity=severity),), signals={"x": formula})
        report = facade.publish_rules(given, by=BY, moment=T0, draft=True)
        return report.added, report.changed, report.unchanged

    both = ("signal x", "a")
    assert draft("low", "1") == (both, (), ())
    assert draft("low", "1") == ((), (), both)
    assert draft("high", "1") == ((), ("a",), ("signal x",))
    publish(rule("a", severity="high"), signals={"x": "2"})
    assert draft("high", "2") == ((), (), both), "it is in force"
    assert draft("low", "2") == ((), ("a",), ("signal x",))
    assert draft("high", "2") == ((), ("a",), ("signal x",)), "the latest draft differs, though what is in force does not"
    assert [(each.version, each.current) for each in facade.versions("a")] == [
        (5, False), (4, False), (3, True), (2, False), (1, False)
    ]  # fmt: skip
    assert AuditEntry.objects.filter(act="drafted").count() == 5


def test_drafts_are_listed_with_what_they_say() -> None:
    publish(rule("a"), rule("b"), rule("c", state="draft"))
    drafted = Definitions(rules=(rule("a", severity="critical"), rule("new", category="upsell")))
    facade.publish_rules(drafted, by=BY, moment=T0, draft=True)
    assert [(info.id, info.version, info.severity, info.state) for info in facade.list_drafts()] == [
        ("new", 1, "medium", "draft"),
        ("a", 2, "critical", "draft"),
    ]
    assert {info.id for info in facade.list_rules()} == {"a", "b", "c"}
    publish(rule("a", severity="low"))
    assert [info.id for info in facade.list_drafts()] == ["new"], "what was published since is newer than the draft"


def test_a_draft_that_cannot_be_read_says_why() -> None:
    given = Definitions(rules=(rule("a"),))
    facade.publish_rules(given, by=BY, moment=T0, draft=True)
    RuleVersion.objects.update(source="- id: a\n  name: A\n  category: risk\n  when: mrr <\n")
    (info,) = facade.list_drafts()
    assert (info.id, info.name, info.state) == ("a", "a", "draft")
    assert info.unknown


def test_a_rule_that_is_not_there() -> None:
    publish(rule("no-login"))
    with pytest.raises(UserError, match=r"there is no rule 'nologin'.*no-login"):
        facade.rule("nologin")


def test_the_export_changes_nothing_when_applied() -> None:
    rulebook.publish_catalog(T0)
    publish(rule("own", name='Ours: a # "quoted" name'), signals={"x": "'a''b\"' contains name"}, segments={"big": "mrr > 9"})
    files = facade.export_rules()
    assert {"signals.yaml", "segments.yaml", "risk.yaml"} <= set(files)
    read, problems = read_rules(sorted(files.items()))
    assert not problems
    report = facade.publish_rules(read, by=BY, moment=T0)
    assert (report.added, report.changed) == ((), ())
    assert set(report.unchanged) >= {"own", "signal x", "segment big"}


def test_the_catalog_is_loaded_as_it_ships() -> None:
    rulebook.publish_catalog(T0)
    shipped = catalog()
    assert {info.id: (info.version, info.origin, info.state) for info in facade.list_rules()} == {
        each.id: (1, "catalog", each.state) for each in shipped.rules
    }
    assert facade.definitions().signals == shipped.signals
    assert len(shipped.rules) >= 15
    assert not rulebook.publish_catalog(T0).changed


def test_an_upgrade_of_the_catalog_keeps_what_a_user_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    def ship(severity: str, formula: str) -> None:
        shipped = Definitions(
            rules=(rule("ours", severity=severity), rule("edited", severity=severity)), signals={"x": formula, "y": formula}
        )
        monkeypatch.setattr("tocsin.catalog.catalog", lambda: shipped)

    ship("low", "1")
    rulebook.publish_catalog(T0)
    publish(rule("edited", severity="info"), signals={"y": "42"})
    ship("high", "2")
    rulebook.publish_catalog(T0)
    rules = {info.id: (info.severity, info.version, info.origin) for info in facade.list_rules()}
    assert rules == {"ours": ("high", 2, "catalog"), "edited": ("info", 2, "user")}
    assert facade.definitions().signals == {"x": "2", "y": "42"}


def test_upkeep_does_its_work_once(django_assert_num_queries: object) -> None:
    upkeep.bring_up_to_date(T0)
    versions = RuleVersion.objects.count()
    assert versions >= 15
    with django_assert_num_queries(1):  # type: ignore[operator]
        upkeep.bring_up_to_date(T0)
    Mark.objects.filter(name="catalog").update(value="another")
    upkeep.bring_up_to_date(T0)
    assert RuleVersion.objects.count() == versions


def test_the_digest_of_the_catalog_sees_nested_files_and_no_tests_of_rules(tmp_path: Path) -> None:
    (tmp_path / "rules" / "risk").mkdir(parents=True)
    before = upkeep._digest(tmp_path)
    (tmp_path / "rules" / "risk" / "a.test.yaml").write_text("rule: a\n", "utf-8")
    assert upkeep._digest(tmp_path) == before
    (tmp_path / "rules" / "risk" / "a.yaml").write_text("[]\n", "utf-8")
    assert upkeep._digest(tmp_path) != before


def test_a_rule_that_cannot_be_read_any_more_is_unknown_and_not_lost() -> None:
    publish(rule("a"), rule("b"))
    RuleVersion.objects.filter(rule="a").update(source="- id: a\n  name: A\n  category: risk\n  when: mrr <\n")
    assert [each.id for each in facade.definitions().rules] == ["b"]
    assert set(facade.broken_rules()) == {"a"}
    info = facade.rule("a")
    assert info.unknown
    assert info.state == "on"


def test_rules_say_how_they_fared(book: FakeBook, swept: Sweeping) -> None:
    rules = (rule("a"), rule("b", state="shadow"), rule("c"))
    publish(*rules)
    book.true, book.unknown = {"a": {"x", "y"}, "b": {"x"}}, {"c": "there is no attribute 'mrr'"}
    swept(*rules)
    infos = {info.id: info for info in facade.list_rules()}
    assert (infos["a"].open, infos["a"].fired_30d, infos["a"].matching, infos["a"].scope) == (2, 2, 2, 100)
    assert (infos["b"].open, infos["b"].matching) == (0, 1)
    assert (infos["c"].unknown, infos["c"].matching) == ("there is no attribute 'mrr'", None)
    assert infos["a"].last_evaluated == T0
    later = {info.id: info.fired_30d for info in facade.list_rules(T0 + timedelta(days=30))}
    assert later["a"] == 0


def test_a_sweep_judges_what_is_in_force(book: FakeBook) -> None:
    publish(rule("a", severity="high"))
    publish(rule("a", severity="low"))
    book.true = {"a": {"x"}}
    facade.sweep(book.book, T0)
    (alert,) = facade.list_alerts()
    assert (alert.version, alert.severity) == (2, "low")
    assert NamedFormula.objects.count() == 0


def milestones(due: str = "14d") -> Definitions:
    text = f"milestones:\n  - id: report\n    name: First report\n    due: {due}\n    reached: uses > 0\n"
    read, problems = read_rules([("m", text)])
    assert problems == ()
    return read


def test_milestone_templates_are_published_as_versions() -> None:
    signals = {"uses": "count(events)"}
    assert publish(milestones=milestones().milestones, signals=signals).added == ("signal uses", "milestone report")
    assert publish(milestones=milestones().milestones).unchanged == ("milestone report",)
    assert publish(milestones=milestones("20d").milestones).changed == ("milestone report",)
    drafted = Definitions(milestones=milestones("30d").milestones)
    assert facade.publish_rules(drafted, by=BY, moment=T0, draft=True).changed == ("milestone report",)
    assert [each.days for each in facade.definitions().milestones] == [20]
    assert [(each.version, each.signals) for each in health.milestone_versions()] == [(1, signals), (2, signals)]
    assert [(each.id, each.version) for each in health.milestones()] == [("report", 2)]
    exported, problems = read_rules(list(facade.export_rules().items()))
    assert (exported.milestones, problems) == (facade.definitions().milestones, ())


def test_a_signal_that_changes_makes_a_version_of_the_milestones_that_use_it() -> None:
    publish(milestones=milestones().milestones, signals={"uses": "count(events)"})
    publish(signals={"uses": "count(events) / 2"})
    assert [each.signals["uses"] for each in health.milestone_versions()] == ["count(events)", "count(events) / 2"]
    publish(signals={"other": "1"})
    assert len(health.milestone_versions()) == 2


def test_a_milestone_that_cannot_be_read_any_more_is_told_and_nobody_has_it() -> None:
    publish(milestones=milestones().milestones)
    MilestoneVersion.objects.update(source="- id: report\n  name: First report\n  due: never\n  reached: uses > 0\n")
    assert "`due`" in health.broken_milestones()["report"]
    assert health.milestone_versions() == ()
    assert facade.definitions().milestones == ()


def test_what_formulas_may_name_is_that_of_the_definitions() -> None:
    signals = {"logins": "count(events where kind = 'login')"}
    facade.publish_rules(Definitions(signals=signals, segments={"paying": "mrr > 0"}), by="a@us.example", moment=T0)
    formulas, definitions = facade.formulas(), facade.definitions()
    assert (formulas.signals, formulas.segments) == (signals, {"paying": "mrr > 0"})
    assert formulas.signals is definitions.signals, "the book of a workspace stays the same, whichever it is asked with"
    assert formulas.segments is definitions.segments
