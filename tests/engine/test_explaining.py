"""Answers become Python values where somebody looks at them, whichever rows these are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from tocsin.engine.explaining import BLOCK, Answers, how_many, subject_ids

T0 = datetime(2026, 1, 1)  # noqa: DTZ001 - as tables have instants
COUNT = 3 * BLOCK


def table() -> pa.Table:
    moments = [None if each % 5 == 0 else T0 + timedelta(microseconds=each) for each in range(COUNT)]
    return pa.table({
        "subject_id": [f"a{each}" for each in range(COUNT)],
        "f0": [None if each % 7 == 0 else float(each) for each in range(COUNT)],
        "f1": pa.array(moments, pa.timestamp("us")),
        "f2": [None if each % 3 == 0 else each % 3 == 1 for each in range(COUNT)],
    })  # fmt: skip


def test_rows_in_any_order_are_those_of_the_table() -> None:
    rows = table().to_pylist()
    indices = [*range(COUNT - 1, 0, -2), 0]
    answers = Answers(table(), indices, {0, 1})
    told = [(row[0], row[1]) for row in answers]
    assert len(told) == len(answers) == len(indices)
    aware = [None if rows[each]["f1"] is None else rows[each]["f1"].replace(tzinfo=UTC) for each in indices]
    assert told == list(zip([rows[each]["f0"] for each in indices], aware, strict=True))
    with pytest.raises(IndexError):
        answers[len(indices)]


def test_truths_are_counted_and_null_is_none() -> None:
    assert how_many(table(), 2) == COUNT // 3
    assert how_many(table().slice(0, 0), 2) == 0


def test_ids_of_some_rows() -> None:
    assert subject_ids(table(), "account", [5, 2]) == ["a5", "a2"]
    assert subject_ids(table(), "account", []) == []
