"""The shipped catalog: every file reads and checks, and holds what it is to hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tocsin.catalog import catalog, rule_files, sources
from tocsin.core.errors import UserError
from tocsin.core.language import Names, Value, check, english, parse
from tocsin.core.language.names import ENGINE_SIGNALS
from tocsin.core.messages import render
from tocsin.core.rulefiles import dump_rules, read_rules
from tocsin.core.rules import CATEGORIES, STATES, SUBJECTS, Rule
from tocsin.core.schema import COLLECTIONS

RULES = {rule.id: rule for rule in catalog().rules}
# Every rule that the catalog must have, by category.
IDS = {
    "onboarding": {
        "onboarding-stuck", "tier-first-weeks", "milestone-missed", "onboarding-complete", "trial-ending", "user-surge",
        "unengaged-login", "feature-first-use", "trained-feature-used", "mature-without-feature", "user-added", "customer-won",
        "integration-connected",
    },
    "renewal": {
        "renewal-countdown", "renewal-poor-health", "renewal-no-qbr", "contract-renewed", "upsell-at-renewal",
    },
    "upsell": {
        "license-70", "license-90", "license-100", "heavy-use", "pricing-interest", "nps-promoter", "nps-celebrate",
        "feature-a-not-b", "expansion-won", "conversion-predicted", "expansion-predicted",
    },
    "risk": {
        "no-login", "usage-drop", "seats-collapse", "active-users-decline", "engagement-low", "feature-underused",
        "feature-dip", "minutes-low", "disengaged-entered", "key-person-silent", "key-person-drop", "key-person-deleted",
        "champion-lost", "health-dropped", "health-declining", "health-poor-long", "integration-removed", "error-page",
        "help-often", "nps-detractor", "nps-detractor-mild", "critical-ticket-old", "product-issue-open", "sla-breached",
        "churn-predicted",
    },
    "account": {"invoice-overdue", "amount-due-high", "plan-downgraded", "subscription-cancelled", "risk-updated"},
    "safety": {
        "touchpoint-gap", "touchpoint-decline", "cadence-missed", "call-gap", "review-due", "needs-nurturing",
    },
    "portfolio": {
        "mrr-dip", "churn-over-tolerance", "churn-over-tolerance-team", "churn-over-tolerance-csm", "churn-statement",
        "csm-overloaded",
    },
    "work": {"task-due", "task-overdue", "csm-missing-deadlines"},
}  # fmt: skip
# What starts on; everything else is counted in shadow, or off until somebody wants it.
START_UP = {
    "onboarding-stuck", "trial-ending", "renewal-countdown", "license-90", "license-100", "invoice-overdue",
    "subscription-cancelled", "no-login", "usage-drop", "champion-lost", "nps-detractor", "critical-ticket-old",
}  # fmt: skip
OFF = {"user-added", "csm-missing-deadlines"}
FIRST_TIMES = {"feature-first-use", "trained-feature-used"}  # each comes once by itself
ABOUT_PEOPLES_WORK = {"csm-missing-deadlines", "csm-overloaded"}  # for leaders only
# Rules that see accounts that have left, because what they are about is leaving or a status.
OF_CHURN = {"subscription-cancelled", "conversion-predicted", "needs-nurturing", "trial-ending", "customer-won"}
NAMED = {
    "logins_7d", "active_users", "license_utilization", "minutes_7d", "days_since_login", "days_since_touchpoint", "nps",
    "open_critical_tickets", "amount_overdue", "usage_30d", "events_30d",
}  # fmt: skip


def formulas(rule: Rule) -> list[tuple[str, str]]:
    spec = rule.trigger.spec
    own = [
        ("where", rule.where),
        ("when", rule.when),
        ("clear", rule.clear),
        ("event", spec.get("event")),
        ("new", spec.get("where")),
    ]
    return [(what, text) for what, text in [*own, *(("vary", each.where) for each in rule.vary)] if text]


def test_the_files_have_no_problem_with_the_names_that_every_workspace_has() -> None:
    definitions, problems = read_rules(sources(), names=Names())
    assert [str(problem) for problem in problems] == []
    assert definitions == catalog()


@pytest.mark.parametrize("tier", ["number", "unknown", "text"])
def test_they_check_whatever_is_known_of_tiers(tier: str) -> None:
    assert read_rules(sources(), names=Names({"tier": tier, "risk": tier}, {"score": tier}))[1] == ()


def test_every_rule_that_must_be_there_is_in_its_category() -> None:
    found: dict[str, set[str]] = {}
    for rule in RULES.values():
        found.setdefault(rule.category, set()).add(rule.id)
    assert found == IDS
    assert set(found) == set(CATEGORIES)
    assert {rule.subject for rule in RULES.values()} == set(SUBJECTS)
    assert {rule.trigger.kind for rule in RULES.values()} >= {"when", "event", "change", "new", "enter", "countdown"}


def test_twelve_start_on_and_the_others_are_counted_in_shadow() -> None:
    states = {state: {rule.id for rule in RULES.values() if rule.state == state} for state in STATES}
    assert states["on"] == START_UP
    assert states["off"] == OFF
    assert states["draft"] == set()


def test_a_rule_about_somebodys_work_starts_silent_and_tells_leaders_only() -> None:
    for rule_id in ABOUT_PEOPLES_WORK:
        assert RULES[rule_id].state in ("shadow", "off")
        assert RULES[rule_id].notify == ("manager",)


def test_the_signals_that_the_language_names_are_there_each_with_its_line() -> None:
    shipped = catalog()
    assert set(shipped.signals) >= NAMED
    assert set(shipped.descriptions) == set(shipped.signals)
    assert not [each.text for each in shipped.descriptions.values() if each.text[0].islower() or each.text.endswith(".")]


@pytest.mark.parametrize("name", sorted(catalog().signals))
def test_each_signal_has_a_value_for_an_account_and_reads_in_english(name: str) -> None:
    shipped = catalog()
    term = check(parse(shipped.signals[name]), "account", Names(signals=shipped.signals))
    assert term.type in ("number", "boolean", "date")
    assert len(english(parse(shipped.signals[name])).split()) >= 2


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_each_formula_reads_in_english(rule_id: str) -> None:
    for _, text in formulas(RULES[rule_id]):
        words = english(parse(text))
        assert len(words.split()) >= 3
        assert "None" not in words


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_each_rule_says_what_to_do_to_somebody(rule_id: str) -> None:
    rule = RULES[rule_id]
    assert rule.message
    assert rule.playbook
    about_the_book = rule.subject in ("csm", "team", "company")
    assert rule.notify[0] == "owner" or (about_the_book and set(rule.notify) <= {"manager", "role:leader"})


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_what_is_grave_and_on_is_escalated(rule_id: str) -> None:
    rule = RULES[rule_id]
    if rule.state == "on" and rule.category == "risk" and rule.severity in ("high", "critical"):
        assert rule.escalate


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_conditions_on_events_hold_while_the_events_are_old(rule_id: str) -> None:
    rule = RULES[rule_id]
    if rule.trigger.kind == "when" and any("events" in text for _, text in formulas(rule)):
        assert "events" in rule.needs


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_repeats_of_an_event_are_one_alert(rule_id: str) -> None:
    rule = RULES[rule_id]
    if rule.trigger.kind == "event" and rule_id not in FIRST_TIMES:
        assert rule.collapse


def test_rules_that_see_who_has_left_are_those_that_are_about_it() -> None:
    """A rule that names status or churned_at sees churned accounts, and must leave them out itself where it is not."""
    seeing = {
        rule.id
        for rule in RULES.values()
        if rule.subject in ("account", "person", "feature")
        and any(word in text for _, text in formulas(rule) for word in ("status", "churned_at"))
    }
    assert seeing == OF_CHURN


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_each_message_is_whole_with_the_values_that_it_names(rule_id: str) -> None:
    rule = RULES[rule_id]
    signals: dict[str, Value] = {**dict.fromkeys(catalog().signals, 0.755), "days_since_qbr": 75.5, "overdue_tasks": 2.0}
    columns = dict.fromkeys([*COLLECTIONS["accounts"].names, *ENGINE_SIGNALS], 40.0)
    row = {column.name: 8.0 if column.type == "number" else "it" for each in COLLECTIONS.values() for column in each}
    account: dict[str, Value] = {**columns, "name": "Acme"}
    told = "Acme" if rule.subject in ("account", "person", "feature") else "Ann" if rule.subject == "csm" else ""
    message = render(
        rule,
        account=account if told == "Acme" else {},
        person={"name": "Zoë"},
        feature="exports",
        observed=signals,
        row=row,
        ours=None if told == "Acme" else {"name": "Ann", "id": "company"},
        value=7.0,
    )
    assert told in message or "your" in message or rule.trigger.kind == "countdown"
    assert "unknown" not in message
    assert message != render(Rule("x", rule.name, "risk"), account=account)
    assert message.endswith((".", "?"))


def test_messages_read_like_a_colleague() -> None:
    account: dict[str, Value] = {"name": "Acme", "seats": 40.0}
    utilization: dict[str, Value] = {"license_utilization": 0.93}
    assert render(RULES["license-90"], account=account, observed=utilization).startswith("Acme uses 93% of its 40 seats.")
    first_weeks = RULES["tier-first-weeks"]
    assert "at least 3 times in its first 14 days" in render(first_weeks, account=account)
    assert "at least 1 time in its first 14 days" in render(first_weeks, account=account, params=first_weeks.params_of(1))


def test_the_ladder_has_three_stages() -> None:
    assert {rule.stage: rule.id for rule in RULES.values() if rule.ladder == "license"} == {
        70: "license-70",
        90: "license-90",
        100: "license-100",
    }


def test_inhibition_has_no_circle() -> None:
    def above(rule_id: str, seen: tuple[str, ...] = ()) -> None:
        assert rule_id not in seen, seen
        for other in RULES[rule_id].inhibited_by:
            above(other, (*seen, rule_id))

    for rule_id in RULES:
        above(rule_id)


def test_the_catalog_written_and_read_again_is_the_same() -> None:
    definitions, problems = read_rules([("all.yaml", dump_rules(catalog().rules))], known=catalog())
    assert problems == ()
    assert definitions.rules == catalog().rules


# --- Files


def test_a_folder_gives_all_its_rule_files_sorted(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    for name in ("b.yaml", "a.yml", "deeper/c.YAML", "notes.md"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert rule_files(tmp_path) == tuple((str(tmp_path / name), name) for name in ("a.yml", "b.yaml", "deeper/c.YAML"))


def test_tests_of_rules_are_no_rule_files(tmp_path: Path) -> None:
    for name in ("a.yaml", "a.test.yaml", "b.TEST.YML", "latest.yaml"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert [Path(file).name for file, _ in rule_files(tmp_path)] == ["a.yaml", "latest.yaml"]


def test_each_rule_stands_in_a_file_of_its_own_below_its_category() -> None:
    files = {file for file, _ in sources() if file.startswith("rules/")}
    assert files == {f"rules/{rule.category}/{rule.id}.yaml" for rule in catalog().rules}


def test_a_file_of_any_name_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("[]", encoding="utf-8")
    assert rule_files(tmp_path / "mine.txt") == ((str(tmp_path / "mine.txt"), "[]"),)


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such file or folder"):
        rule_files(tmp_path / "nowhere")
    with pytest.raises(UserError, match="the folder holds no rule files"):
        rule_files(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"- id: a\n  name: caf\xe9\n")
    with pytest.raises(UserError, match=r"is not UTF-8 text \(line 2\)"):
        rule_files(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"#" * 5_000_001)
    with pytest.raises(UserError, match="a rule file has at most 5 MB"):
        rule_files(tmp_path)
