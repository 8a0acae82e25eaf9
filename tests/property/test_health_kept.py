"""What is kept of health is a cache: whatever arrives, and in whichever order, it is what the facts say when made anew."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.oracle.books import Book, make_book, write_rows
from tests.oracle.facts import Rows
from tests.oracle.formulas import SIGNALS, Formulas, Where
from tests.property.test_engine_oracle import THOROUGH
from tocsin.core.profiles import Indicator, Profile, ProfileVersion
from tocsin.core.schema import COLLECTIONS
from tocsin.engine import Book as Engine
from tocsin.engine import HealthModel, health, health_history, keptdays
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import import_paths

DAYS = 21  # of history, instead of 400: the rest is more of the same
OLD = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def short_history(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (health, health_history):
        monkeypatch.setattr(module, "REACH", timedelta(days=DAYS))
    monkeypatch.setattr(keptdays, "CHUNK", 8)


def profiles(r: Random, typed: Mapping[str, str]) -> list[Profile]:
    """Two profiles with random formulas, the second for everybody."""
    made = Formulas(r, typed)

    def score() -> str:
        return f"scale({made.of('number', Where('account', 2))}, 0, {r.choice([2, 5, 20])})"

    def indicators() -> tuple[Indicator, ...]:
        return tuple(Indicator(f"i{n}", "proactive", r.choice([1, 2, 0.5]), score()) for n in range(r.choice([1, 2, 3])))

    where = made.of("boolean", Where("account", 1))
    return [Profile("some", "Some", 10, indicators(), where=where), Profile("all", "All", 90, indicators())]


def parts(r: Random, book: Book, times: int) -> list[Rows]:
    """The rows in several imports: the first lacks a few rows, and cells of others; each later one has a row or two of them."""
    first = {name: list(rows) for name, rows in book.rows.items()}
    later: list[Rows] = []
    for _ in range(times):
        found: dict[str, list[dict[str, str]]] = {}
        for _ in range(r.choice([1, 1, 2])):
            name = r.choice([name for name, rows in first.items() if rows and name not in ("csms", "teams", "alerts")])
            place = r.randrange(len(first[name]))
            row = first[name][place]
            declared = COLLECTIONS[name]
            cells = [key for key in row if key not in {*declared.identity, *declared.required, "id", "account_id"} and row[key]]
            if cells and (name in ("accounts", "people") or r.random() < 0.6):
                first[name][place] = row | dict.fromkeys(r.sample(cells, 1), "")
            elif name not in ("accounts", "people"):
                del first[name][place]
            found.setdefault(name, []).append(row)
        later.append(found)
    return [first, *later]


class Living:
    """A store into which imports come, and whose health is looked at between them."""

    def __init__(self, book: Book, folder: Path) -> None:
        self.store = DuckStore(":memory:", book.zone, internal_domains=["ours.example"])
        self.folder, self.moment, self.number = folder, book.moments[-1], 0

    def add(self, rows: Rows, days_before: int) -> None:
        """Import rows, so many days before the moment that is asked about."""
        self.number += 1
        files = write_rows(rows, self.folder / str(self.number))
        if files:
            import_paths(self.store, files, now=self.moment - timedelta(days=days_before))

    def engine(self, versions: Sequence[ProfileVersion]) -> Engine:
        """The evaluator, by these versions of profiles."""
        return Engine(self.store, SIGNALS, health=HealthModel(tuple(versions)))

    def look(self, versions: Sequence[ProfileVersion]) -> None:
        """Have scores kept as the facts stand."""
        health_history.scored_days(self.engine(versions), self.moment - timedelta(days=DAYS), self.moment)

    def looked_at(self, versions: Sequence[ProfileVersion]) -> dict[str, Any]:
        """Everything that is kept, and what formulas say of it, as of the moment and some days before."""
        engine = self.engine(versions)
        asked = ["health_score", "health_band", "health_profile", "days_in(health_band)", "previous(health_band)"]
        moments = [self.moment - timedelta(days=5, hours=7), self.moment]
        said = engine.signals(asked, moments).to_pylist()
        days = self.store.scores.days(None, self.moment - timedelta(days=60), self.moment).to_pylist()
        turned = self.store.query(
            "SELECT id, field, value, line.at AS at FROM account_timeline AS line JOIN accounts USING (key) "
            "WHERE field LIKE 'health_%' ORDER BY ALL"
        ).to_pylist()
        return {"said": rounded(said), "days": rounded(days), "turned": rounded(turned)}


def rounded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: round(value, 7) if isinstance(value, float) else value for name, value in row.items()} for row in rows]


@pytest.mark.parametrize("seed", range(THOROUGH or 5))
def test_late_facts_change_what_is_kept(seed: int) -> None:
    r = Random(seed)
    book = make_book(r)
    versions = [ProfileVersion(each, 1, OLD) for each in profiles(r, book.typed)]
    imports = parts(r, book, 5)
    with tempfile.TemporaryDirectory() as folder:
        living, fresh = Living(book, Path(folder) / "living"), Living(book, Path(folder) / "fresh")
        with closing(living.store), closing(fresh.store):
            for number, rows in enumerate(imports):
                living.look(versions)
                living.add(rows, 10 - number)
                fresh.add(rows, 10 - number)
            after = living.looked_at(versions)
            assert after == fresh.looked_at(versions), (imports[1:], [each.profile.formulas for each in versions])
            living.store.scores.forget()
            assert after == living.looked_at(versions)


@pytest.mark.parametrize("seed", range(THOROUGH or 3))
def test_a_new_version_changes_what_comes_after_it(seed: int) -> None:
    r = Random(seed)
    book = make_book(r)
    old, new = profiles(r, book.typed), profiles(r, book.typed)
    at = book.moments[-1] - timedelta(days=6, hours=5)
    versions = [ProfileVersion(each, 1, OLD) for each in old]
    later = [*versions, ProfileVersion(replace(new[1], state=r.choice(["on", "off"])), 2, at)]
    with tempfile.TemporaryDirectory() as folder:
        living, fresh = Living(book, Path(folder) / "living"), Living(book, Path(folder) / "fresh")
        with closing(living.store), closing(fresh.store):
            for each in (living, fresh):
                each.add(book.rows, 1)
            before = living.looked_at(versions)
            after = living.looked_at(later)
            assert after == fresh.looked_at(later)
            kept = [row for row in after["days"] if row["at"].replace(tzinfo=UTC) < at]
            assert kept == [row for row in before["days"] if row["at"].replace(tzinfo=UTC) < at]
