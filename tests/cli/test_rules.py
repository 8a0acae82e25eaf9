"""`tocsin rules`: through the command's own function on the operational database, and once as a whole in a home of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from tocsin.alerts import facade
from tocsin.catalog import catalog
from tocsin.cli import rules
from tocsin.cli.console import LocalConsole
from tocsin.cli.parser import parse
from tocsin.core.errors import UserError
from tocsin.core.rules import Definitions
from tocsin.engine import Book
from tocsin.facts.duckdb import DuckStore
from tocsin.workspace import Workspace

NOW = datetime(2026, 3, 31, tzinfo=UTC)
QUIET = "- id: quiet\n  name: Quiet\n  category: risk\n  when: events_30d < $least\n  with: {least: 5}   # mine\n"


class Paper(LocalConsole):
    """A console that keeps what was written."""

    def __init__(self, cwd: Path) -> None:
        self._data, self._said = io.StringIO(), io.StringIO()
        super().__init__(self._data, self._said)
        self.cwd, self.now = cwd, NOW

    @property
    def data(self) -> str:
        """What went to standard output."""
        return self._data.getvalue()

    @property
    def said(self) -> list[str]:
        """The lines on standard error."""
        return self._said.getvalue().splitlines()


class FakeWorkspace:
    """What `rules` asks a workspace for, over the test database and no facts."""

    def django(self) -> None:
        """Is set up already."""

    def definitions(self) -> Definitions:
        """What is in force."""
        return facade.definitions()

    def book(self) -> Book:
        """A book without any facts."""
        given = self.definitions()
        return Book(DuckStore(":memory:", ZoneInfo("UTC")), given.signals, given.segments)


SOON = "'soon' is no duration; write a number followed by h, d or w, such as 36h, 30d or 2w"
Running = Callable[..., tuple[int, Paper]]


@pytest.fixture
def run(db: None, tmp_path: Path) -> Running:
    """Run `tocsin rules ...` in a folder where the catalog is published."""
    facade.publish_rules(catalog(), by="catalog", moment=NOW, origin="catalog")

    def running(*argv: str) -> tuple[int, Paper]:
        paper = Paper(tmp_path)
        args = parse(["rules", *argv], tmp_path)
        return rules.run(args, paper, cast("Workspace", FakeWorkspace())), paper

    return running


def in_force(rule_id: str) -> tuple[int, str]:
    info = facade.rule(rule_id)
    return info.version, info.state


def test_list_gives_what_the_contract_says(run: Running) -> None:
    status, paper = run("list", "--format", "json")
    listed = json.loads(paper.data)
    assert status == 0
    assert {row["id"] for row in listed} == {rule.id for rule in catalog().rules}
    (no_login,) = (row for row in listed if row["id"] == "no-login")
    expected = {
        "id": "no-login", "name": "Nobody uses the product", "category": "risk", "subject": "account", "severity": "high",
        "trigger": "when", "state": "on", "version": 1,
    }  # fmt: skip
    assert no_login.items() >= expected.items()


def test_list_says_whether_each_rule_can_speak(run: Running, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(QUIET, encoding="utf-8")
    run("apply", "mine.yaml", "--draft")
    rows = json.loads(run("list", "--state", "on", "--state", "draft", "--format", "json")[1].data)
    ready = {row["id"]: row["readiness"] for row in rows}
    assert ready["no-login"] == {"state": "needs data", "says": "there are no accounts: import accounts"}
    assert ready["quiet"] == ready["no-login"]
    table = run("list", "--state", "draft")[1].data
    assert table.splitlines()[0].split() == list(rules.SHOWN)
    assert "needs data  Quiet" in table


def test_a_rule_in_force_that_calls_itself_a_draft_can_be_read(run: Running, tmp_path: Path) -> None:
    write = "- {id: mine, name: Mine, category: risk, when: mrr < 10, state: draft}\n"
    (tmp_path / "mine.yaml").write_text(write)
    run("apply", "mine.yaml")
    (row,) = json.loads(run("list", "--state", "draft", "--format", "json")[1].data)
    assert (row["state"], row["readiness"]["state"]) == ("draft", "needs data")


def test_a_draft_that_cannot_be_read_says_so_beside_the_others(run: Running, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        f"segments: {{big: seats > 5}}\nrules:\n{textwrap.indent(QUIET, '  ')}"
        "  - {id: grown, name: Grown, category: upsell, trigger: {enter: big}}\n",
        encoding="utf-8",
    )
    run("apply", "mine.yaml", "--draft")
    rows = json.loads(run("list", "--state", "draft", "--format", "json")[1].data)
    (grown,) = (row["readiness"] for row in rows if row["id"] == "grown")
    assert grown["state"] == "cannot be read"
    assert "big" in grown["says"]


def test_check_counts_what_is_fine(run: Running, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(QUIET, encoding="utf-8")
    status, paper = run("check", "mine.yaml")
    assert (status, paper.said, paper.data) == (0, ["1 rule, no problems"], "")


def test_check_tells_every_problem_with_its_place(run: Running, tmp_path: Path) -> None:
    bad = QUIET.replace("risk", "riks").replace("events_30d", "event_30d") + "  for: soon\n"
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "mine.yaml").write_text(bad, encoding="utf-8")
    status, paper = run("check", "rules")
    assert status == 2
    assert paper.said == [
        "rules/mine.yaml:3:13: rule 'quiet': unknown category 'riks', did you mean 'risk'?",
        "rules/mine.yaml:4:9: rule 'quiet': `when`: unknown name 'event_30d', did you mean 'events_30d'?",
        "rules/mine.yaml:6:8: rule 'quiet': `for`: " + SOON,
        "tocsin: 3 problems in 1 file",
    ]


def test_apply_publishes_a_version_and_says_so(run: Running, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(QUIET, encoding="utf-8")
    assert run("apply", "mine.yaml")[1].said == ["1 rule published: 1 added, 0 changed, 0 unchanged"]
    assert run("apply", "mine.yaml")[1].said == ["1 rule published: 0 added, 0 changed, 1 unchanged"]
    path.write_text(QUIET + "  state: off\n", encoding="utf-8")
    status, paper = run("apply", "mine.yaml")
    assert (status, paper.said) == (0, ["1 rule published: 0 added, 1 changed, 0 unchanged"])
    assert in_force("quiet") == (2, "off")
    assert "# mine" in facade.rule("quiet").source


def test_a_draft_is_not_in_force(run: Running, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(QUIET, encoding="utf-8")
    status, paper = run("apply", "mine.yaml", "--draft")
    assert (status, paper.said) == (0, ["1 rule kept as drafts: 1 added, 0 changed, 0 unchanged"])
    with pytest.raises(UserError, match="there is no rule 'quiet'"):
        in_force("quiet")


def test_drafts_are_kept_once_and_listed(run: Running, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(QUIET, encoding="utf-8")
    run("apply", "mine.yaml", "--draft")
    again = run("apply", "mine.yaml", "--draft")[1]
    assert again.said == ["1 rule kept as drafts: 0 added, 0 changed, 1 unchanged"]

    def listed(*states: str) -> list[tuple[str, str, int]]:
        asked = [word for state in states for word in ("--state", state)]
        rows = json.loads(run("list", *asked, "--format", "json")[1].data)
        return [(row["id"], row["state"], row["version"]) for row in rows]

    assert listed("draft") == [("quiet", "draft", 1)]
    assert len(listed("on", "draft")) == len(listed("on")) + 1
    assert {state for _, state, _ in listed("off")} <= {"off"}
    assert "quiet" not in {rule for rule, *_ in listed()}


def test_apply_is_all_or_nothing(run: Running, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(QUIET, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(QUIET.replace("quiet", "loud").replace("< $least", "<"), encoding="utf-8")
    status, paper = run("apply", ".")
    assert status == 2
    assert paper.said[-1] == "tocsin: 1 problem in 1 file; nothing was applied"
    with pytest.raises(UserError, match="there is no rule 'quiet'"):
        in_force("quiet")


def test_a_signal_that_would_break_rules_in_force_is_refused(run: Running, tmp_path: Path) -> None:
    (tmp_path / "signals.yaml").write_text("signals:\n  days_since_use: name\n", encoding="utf-8")
    status, paper = run("apply", "signals.yaml")
    assert status == 2
    assert paper.said[0].startswith("rule no-login in force:")
    assert "a text cannot be compared with a number" in paper.said[0]
    assert facade.definitions().signals["days_since_use"] == catalog().signals["days_since_use"]


def test_what_is_exported_applies_without_a_change(run: Running, tmp_path: Path) -> None:
    status, paper = run("export", "out")
    assert status == 0
    assert "risk.yaml" in paper.said[0]
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"risk.yaml", "upsell.yaml", "signals.yaml"}
    assert run("check", "out")[0] == 0
    shipped = catalog()
    count = sum(map(len, (shipped.rules, shipped.signals, shipped.segments, shipped.profiles)))
    assert run("apply", "out")[1].said[-1].endswith(f"0 added, 0 changed, {count} unchanged")


def test_an_export_to_a_file_is_refused(run: Running, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="cannot be written"):
        run("export", "out")


def test_the_whole_command_in_a_home_of_its_own(tmp_path: Path) -> None:
    def tocsin(*argv: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TOCSIN_HOME": str(tmp_path / "home")}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        command = [sys.executable, "-c", "import sys; from tocsin.cli import main; sys.exit(main())", *argv]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)

    (tmp_path / "bad.yaml").write_text("- id: x\n  when: seats > 'a'\n", encoding="utf-8")
    checked = tocsin("rules", "check", "bad.yaml")
    assert (checked.returncode, checked.stdout) == (2, "")
    assert "bad.yaml:2:17: rule 'x': `when`: a number cannot be compared with a text" in checked.stderr
    missing = tocsin("rules", "apply", "nowhere.yaml")
    assert missing.returncode == 2
    assert missing.stderr.count("\n") == 1
    assert "there is no such file or folder" in missing.stderr


def test_rules_of_every_trigger_are_checked_and_applied_without_a_word_more(run: Running, tmp_path: Path) -> None:
    triggers = (
        "{event: \"kind = 'login'\"}", "{new: tickets}", "{change: plan}", "{countdown: renews_on, steps: [30, 7]}",
    )  # fmt: skip
    rules = [
        f"- id: rule-{number}\n  name: Rule\n  category: risk\n  trigger: {trigger}\n"
        for number, trigger in enumerate(triggers)
    ]
    (tmp_path / "mine.yaml").write_text("".join(rules))
    for act in ("check", "apply"):
        status, paper = run(act, "mine.yaml")
        assert status == 0
        assert len(paper.said) == 1
        assert paper.said[0].startswith("4 rules")


def test_diff_tells_what_files_would_change_and_changes_nothing(run: Running, tmp_path: Path) -> None:
    run("export", "mine")
    (tmp_path / "mine").mkdir(exist_ok=True)
    assert run("diff", "mine")[1].said == ["the files are what is in force"]
    shipped = "\n".join(path.read_text(encoding="utf-8") for path in (tmp_path / "mine").iterdir())
    assert "id: no-login" in shipped
    (tmp_path / "new.yaml").write_text(QUIET, encoding="utf-8")
    status, paper = run("diff", "new.yaml", "--format", "json")
    (added,) = json.loads(paper.data)
    assert (status, added["kind"], added["id"], added["change"], added["before"]) == (0, "rule", "quiet", "added", None)
    assert "events_30d < $least" in added["after"]
    assert run("diff", "new.yaml", "--exit-code")[0] == 1
    assert "quiet" not in {rule.id for rule in facade.definitions().rules}


def test_diff_without_a_path_tells_what_was_changed_of_what_ships(run: Running, tmp_path: Path) -> None:
    assert run("diff", "--exit-code")[0] == 0
    (tmp_path / "new.yaml").write_text(QUIET, encoding="utf-8")
    run("apply", "new.yaml")
    (tmp_path / "new.yaml").write_text(QUIET.replace("least: 5", "least: 9"), encoding="utf-8")
    text = run("diff", "new.yaml")[1].data.splitlines()
    assert text[:2] == ["--- rule quiet (in force)", "+++ rule quiet (files)"]
    assert [line for line in text[2:] if line.startswith(("-", "+"))] == [
        "-  with: {least: 5}   # mine",
        "+  with: {least: 9}   # mine",
    ]
    status, paper = run("diff", "--format", "json")
    assert [(each["id"], each["change"]) for each in json.loads(paper.data)] == [("quiet", "added")]
    assert (status, paper.said) == (0, ["1 added"])


def test_diff_of_files_with_problems_tells_them(run: Running, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(QUIET.replace("risk", "riks"), encoding="utf-8")
    status, paper = run("diff", "bad.yaml")
    assert status == 2
    assert "riks" in paper.said[0]
