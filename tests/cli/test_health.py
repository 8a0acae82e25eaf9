"""`tocsin health` and `tocsin rebuild`, from outside."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import AS_OF, Tocsin

PROFILES = """profiles:
  - id: mine
    name: Mine
    where: plan = 'pro'
    precedence: 5
    indicators:
      - {name: Use, kind: proactive, weight: 60, score: "scale(count(events in last 30d), 0, 4)"}
      - {name: Money, kind: proactive, weight: 40, score: "scale(mrr, 0, 201)"}
"""


@pytest.fixture
def scored(filled: Tocsin, tmp_path: Path) -> Tocsin:
    file = tmp_path / "profiles.yaml"
    file.write_text(PROFILES, encoding="utf-8")
    assert "0 rules, 1 profile published: " in filled("rules", "apply", file).stderr  # the home is shared
    return filled


def test_json_has_score_band_profile_and_indicators(scored: Tocsin) -> None:
    found = json.loads(scored.out("health", "--as-of", AS_OF, "--format", "json"))
    assert [row["account_id"] for row in found] == ["a1", "a2", "a3"]
    assert found[0] == {
        "account_id": "a1", "score": 50, "band": "Average", "profile": "mine", "frozen": False, "overridden": False,
        "indicators": [
            {"name": "Use", "kind": "proactive", "score": 50, "weight": 60, "effective_weight": 60, "points": 30},
            {"name": "Money", "kind": "proactive", "score": 50, "weight": 40, "effective_weight": 40, "points": 20},
        ],
    }  # fmt: skip
    assert found[1]["profile"] == "established-smb"
    text = scored.out("signals", "health_score", "health_band", "--as-of", AS_OF, "--format", "csv")
    assert list(csv.reader(io.StringIO(text)))[1] == ["a1", "50", "Average"]


def test_the_table_says_what_was_lost_and_what_is_missing(scored: Tocsin) -> None:
    line = scored.out("health", "--account", "a1", "--as-of", AS_OF).splitlines()[2]
    assert line.split()[:4] == ["a1", "50", "Average", "mine"]
    assert "Use (-30)" in line
    line = scored.out("health", "--account", "a2", "--as-of", AS_OF).splitlines()[2]
    assert line.split()[:4] == ["a2", "0", "Poor", "established-smb"]
    assert line.endswith("without Their goals, Feedback, Support and billing")
    line = scored.out("health", "--account", "a2", "--as-of", "2025-06-02").splitlines()[2]
    assert "not scored; without" in line


def test_an_override_and_its_end(scored: Tocsin) -> None:
    said = scored("health", "override", "a1", "--score", "20", "--reason", "They said so", "--until", "30d")
    assert (said.returncode, said.stdout) == (0, "")
    assert said.stderr.startswith("the health of a1 is 20 until ")
    [found] = json.loads(scored.out("health", "--account", "a1", "--format", "json"))
    assert (found["score"], found["band"], found["overridden"]) == (20, "Poor", True)
    [past] = json.loads(scored.out("health", "--account", "a1", "--as-of", AS_OF, "--format", "json"))
    assert (past["score"], past["overridden"]) == (50, False)
    assert scored("health", "override", "a1", "--lift").stderr == "the health of a1 is the computed one again\n"
    [found] = json.loads(scored.out("health", "--account", "a1", "--format", "json"))
    assert found["overridden"] is False


def test_what_is_wrong_is_told_in_a_line(scored: Tocsin) -> None:
    assert "there is no account 'nobody'" in scored.refused("health", "--account", "nobody")
    assert "give --score, --reason and --until, or --lift" in scored.refused("health", "override", "a1", "--score", "3")
    assert "--lift takes no --score" in scored.refused("health", "override", "a1", "--lift", "--score", "3")
    assert "is not overridden" in scored.refused("health", "override", "a1", "--lift")
    missing = ("health", "override", "a1", "--score", "3", "--until", "3d")
    assert "needs a reason" in scored.refused(*missing)
    assert "--apply takes --profile ID" in scored.refused("health", "recalibrate", "--apply")
    assert "there is no profile 'main'" in scored.refused("health", "recalibrate", "--profile", "main")
    assert "too little to learn from" in scored.refused("health", "recalibrate", "--profile", "mine", "--apply")


def test_recalibration_without_churn_proposes_nothing(scored: Tocsin) -> None:
    done = scored("health", "recalibrate", "--profile", "mine", "--format", "json")
    assert [(row["indicator"], row["weight"], row["proposed"]) for row in json.loads(done.stdout)] == [
        ("Use", 60, None), ("Money", 40, None)
    ]  # fmt: skip
    assert "0 accounts that Mine scored left within 90 days, and it takes 20" in done.stderr


def test_a_rebuild_changes_nothing(scored: Tocsin) -> None:
    asked = ("signals", "days_in(health_band)", "previous(health_band)", "--as-of", AS_OF, "--format", "csv")
    before = scored.out(*asked)
    assert "days of accounts is made anew" in scored("rebuild").stderr
    assert scored.out(*asked) == before


def test_advice_is_given_and_nothing_is_wrong(filled: Tocsin, tmp_path: Path) -> None:
    file = tmp_path / "profiles.yaml"
    file.write_text(PROFILES.replace("    where: plan = 'pro'\n", "").replace("kind: proactive", "kind: reactive", 1), "utf-8")
    done = filled("rules", "check", file)
    assert done.returncode == 0
    assert "profile 'mine' has 1 proactive indicator; " in done.stderr
    assert "profile 'default' scores nobody: 'mine' comes before it and is for everybody" in done.stderr
