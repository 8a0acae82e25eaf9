"""The shipped catalog: every file reads and checks, and holds what it is to hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tocsin.catalog import catalog, rule_files, sources
from tocsin.core.errors import UserError
from tocsin.core.language import Names, Value, check, english, parse
from tocsin.core.messages import render
from tocsin.core.rulefiles import dump_rules, read_rules
from tocsin.core.rules import CATEGORIES, Rule
from tocsin.core.schema import COLLECTIONS

RULES = {rule.id: rule for rule in catalog().rules}
FIFTEEN = {
    "onboarding-stuck", "tier-first-weeks", "renewal-no-qbr", "license-70", "license-90", "license-100", "no-login",
    "usage-drop", "key-person-silent", "feature-dip", "critical-ticket-old", "invoice-overdue", "touchpoint-gap", "mrr-dip",
    "task-overdue",
}  # fmt: skip
NAMED = {
    "logins_7d", "active_users", "license_utilization", "minutes_7d", "days_since_login", "days_since_touchpoint", "nps",
    "open_critical_tickets", "amount_overdue", "usage_30d", "events_30d",
}  # fmt: skip


def formulas(rule: Rule) -> list[tuple[str, str]]:
    own = [("where", rule.where), ("when", rule.when), ("clear", rule.clear)]
    return [(what, text) for what, text in [*own, *(("vary", each.where) for each in rule.vary)] if text]


def test_the_files_have_no_problem_with_the_names_that_every_workspace_has() -> None:
    definitions, problems = read_rules(sources(), names=Names())
    assert [str(problem) for problem in problems] == []
    assert definitions == catalog()


@pytest.mark.parametrize("tier", ["number", "unknown"])
def test_they_check_whatever_is_known_of_tiers_as_numbers(tier: str) -> None:
    assert read_rules(sources(), names=Names({"tier": tier}, {"score": "number"}))[1] == ()


def test_tiers_that_are_texts_are_told_and_nothing_else() -> None:
    problems = read_rules(sources(), names=Names({"tier": "text"}))[1]
    assert {problem.message.split(": ", 1)[1].split(":")[0] for problem in problems} == {"`where`", "`where` of `vary`"}
    assert all("a text cannot be compared with a number" in problem.message for problem in problems)


def test_the_fifteen_are_there_from_every_category() -> None:
    assert set(RULES) == FIFTEEN
    assert {rule.category for rule in RULES.values()} == set(CATEGORIES)
    assert {rule.subject for rule in RULES.values()} == {"account", "person", "feature"}


def test_about_twelve_start_on_and_the_others_are_counted_in_shadow() -> None:
    states = [rule.state for rule in RULES.values()]
    assert (states.count("on"), states.count("shadow")) == (12, 3)


def test_the_signals_that_the_language_names_are_there_each_with_its_line() -> None:
    shipped = catalog()
    assert set(shipped.signals) >= NAMED
    assert set(shipped.descriptions) == set(shipped.signals)
    assert all(each.text[0].isupper() and not each.text.endswith(".") for each in shipped.descriptions.values())


@pytest.mark.parametrize("name", sorted(catalog().signals))
def test_each_signal_has_a_value_for_an_account_and_reads_in_english(name: str) -> None:
    shipped = catalog()
    term = check(parse(shipped.signals[name]), "account", Names(signals=shipped.signals))
    assert term.type == "number"
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
    assert rule.notify[0] == "owner"
    assert rule.trigger.kind == "when"


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_no_churned_account_is_in_a_rule(rule_id: str) -> None:
    """A rule that names status or churned_at would see the churned: none of these does."""
    for _, text in formulas(RULES[rule_id]):
        assert "status" not in text
        assert "churned_at" not in text


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_each_message_is_whole_with_the_values_that_it_names(rule_id: str) -> None:
    rule = RULES[rule_id]
    signals: dict[str, Value] = {**dict.fromkeys(catalog().signals, 0.755), "days_since_qbr": 75.5, "overdue_tasks": 2.0}
    account: dict[str, Value] = {**dict.fromkeys(COLLECTIONS["accounts"].names, 40.0), "name": "Acme"}
    message = render(rule, account=account, person={"name": "Zoë"}, feature="exports", observed=signals)
    assert "Acme" in message
    assert "unknown" not in message
    assert message != render(Rule("x", rule.name, "risk"), account=account)
    assert message.endswith(".")


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
