"""The engine and the oracle side by side, cell by cell."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.books import write_rows
from tests.oracle.evaluate import Oracle
from tests.oracle.facts import Rows
from tocsin.engine import Book as Engine
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.importing import import_paths

IMPORTED = datetime(2027, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Disagreement:
    """A cell that the two see differently; where the subjects differ, `subject` is empty and the values are their ids."""

    formula: str
    moment: datetime
    subject: str
    oracle: Any
    engine: Any


@contextmanager
def engine_over(*batches: Rows, zone: ZoneInfo, signals: Mapping[str, str]) -> Iterator[Engine]:
    """An engine over a store into which the batches were imported, one after the other."""
    store = DuckStore(":memory:", zone)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for number, rows in enumerate(batches):
                report = import_paths(store, write_rows(rows, Path(folder) / str(number)), now=IMPORTED)
                assert sum(each.rejected for each in report.collections) == 0, report.to_text()
        yield Engine(store, signals)
    finally:
        store.close()


def cells(
    engine: Engine, formulas: Sequence[str], moments: Sequence[datetime], subject: str
) -> dict[datetime, dict[str, list[Any]]]:
    """Moment -> subject id -> the values of the formulas."""
    found: dict[datetime, dict[str, list[Any]]] = {moment: {} for moment in moments}
    for row in engine.signals(formulas, moments, subject).to_pylist():
        name = f"{row['account_id']}/{row['feature']}" if subject == "feature" else row["subject_id"]
        moment = row["moment"].replace(tzinfo=UTC) if "moment" in row else moments[0]
        found[moment][name] = [row[f"f{index}"] for index in range(len(formulas))]
    return found


def disagreements(
    engine: Engine, oracle: Oracle, formulas: Sequence[str], moments: Sequence[datetime], subject: str
) -> Iterator[Disagreement]:
    """Where engine and oracle differ."""
    seen = cells(engine, formulas, moments, subject)
    for index, formula in enumerate(formulas):
        for moment in moments:
            expected, got = oracle.signals(formula, moment, subject), seen[moment]
            if sorted(expected) != sorted(got):
                yield Disagreement(formula, moment, "", sorted(expected), sorted(got))
                continue
            for name, value in expected.items():
                if not same(value, got[name][index], oracle):
                    yield Disagreement(formula, moment, name, value, got[name][index])


def same(expected: Any, got: Any, oracle: Oracle) -> bool:
    """Whether two values are the same: numbers to the last few bits, times as instants."""
    if isinstance(got, datetime) and isinstance(expected, date):
        return oracle.facts.instant(expected) == got.replace(tzinfo=UTC)
    if isinstance(expected, float) and isinstance(got, float):
        return math.isclose(expected, got, rel_tol=1e-9, abs_tol=1e-9)
    return type(expected) is type(got) and bool(expected == got)
