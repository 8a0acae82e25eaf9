"""The benches themselves work: small ones, that are not timed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import alerts, imports, ingest, large, pages
from tests.bench.client import share

pytestmark = pytest.mark.long


def test_ingestion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    found = ingest.main(["--seconds", "0.5", "--lines", "2", "--batch", "20", "--accounts", "5", "--json", str(file)])
    assert json.loads(file.read_text()) == found
    for name in ("stored", "unstored", "decoded"):
        one = found["ingest"][name]
        assert one["acknowledged"] > 0
        assert one["refused"] == 0
        assert 0 < one["p50"] <= one["p95"] <= one["p99"]
    assert found["ratios"]["to_decoded"] == pytest.approx(
        found["ingest"]["stored"]["rate"] / found["ingest"]["decoded"]["rate"]
    )
    *table, line = capsys.readouterr().out.strip().splitlines()
    assert json.loads(line) == found
    assert any(each.startswith("| Tocsin |") for each in table)


def test_alerts() -> None:
    small = ["--probes", "5", "--pause", "0.05", "--rate", "100", "--accounts", "10", "--events", "500"]
    found = alerts.main(small)
    assert found["alerts"]["probes"] == 5
    assert 0 < found["alerts"]["p50"] <= found["alerts"]["p95"] <= found["alerts"]["most"]
    assert found["beside"]["acknowledged"] > 0


def test_pages() -> None:
    found = pages.main(["--each", "2", "--pause", "0", "--rate", "100", "--accounts", "30", "--events", "500"])
    assert set(found["pages"]) == set(pages.PAGES)
    assert all(0 < one["p50"] <= one["p95"] for one in found["pages"].values())
    assert found["open_alerts"] > 0
    assert found["beside"]["acknowledged"] > 0


def test_every_page_of_a_workspace_with_a_past() -> None:
    found = pages.main(["--each", "2", "--accounts", "60", "--events", "500", "--alerts", "300"])
    assert set(found["pages"]) == set(large.PAGES)
    assert all(0 < one["p50"] <= one["p95"] and one["queries"] > 0 for one in found["pages"].values())
    assert sum(found["alerts"].values()) == 300
    assert all(found["alerts"].values())


def test_imports() -> None:
    found = imports.main(["--events", "2000"])["import"]
    assert found["rows"] == 2000
    for kind in ("parquet", "csv"):
        assert found[f"{kind}_ratio"] == pytest.approx(found[f"{kind}_import_seconds"] / found[f"{kind}_copy_seconds"])


def test_a_share_of_times() -> None:
    times = [float(each) for each in range(100, 0, -1)]
    assert [share(times, part) for part in (0.0, 0.5, 0.95, 0.99, 1.0)] == [1, 51, 96, 100, 100]
    assert share([], 0.5) != share([], 0.5), "of none nothing is known"
