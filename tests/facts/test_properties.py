"""Whatever the rows, in whatever order and portions: sums add up, importing again changes nothing, order does not matter."""

from __future__ import annotations

import csv
import io
import tempfile
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.facts.conftest import NOW, Desk
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.rejected import list_rejected

CELL = st.one_of(st.sampled_from(["", "x", "5", "2026-01-01", "true", "[]", "{}"]), st.text(max_size=6))
ROW = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["", "1", "2", "3"]),
        "account_id": st.sampled_from(["a1", "a2", "zz", ""]),
        "name": CELL,
        "at": st.sampled_from(["2026-01-01", "2026-01-02T10:00:00Z", "never", ""]),
        "minutes": st.sampled_from(["", "1", "2.5", "many"]),
        "feature": CELL,
    }
)
MODEST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def as_csv(rows: list[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["id", "account_id", "name", "at", "minutes", "feature"])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def fresh(folder: str) -> Desk:
    desk = Desk(DuckStore(":memory:", ZoneInfo("UTC")), Path(folder))
    desk.give("accounts.csv", "id,name\na1,Acme\na2,Bolt\n")
    return desk


@MODEST
@given(st.lists(ROW, max_size=8))
def test_sums_add_up_and_a_second_import_adds_nothing(rows: list[dict[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk = fresh(folder)
        text = as_csv(rows).encode("utf-8", "surrogatepass")
        read, added, _, _, rejected = desk.figures(desk.give("events.csv", text), "events")
        assert read == len(rows)
        assert desk.store.counts()["events"] == added
        assert len(list_rejected(desk.store)) == rejected
        before = desk.rows("SELECT * FROM events ORDER BY ALL")
        again = desk.figures(desk.give("events.csv", text, now=NOW + timedelta(days=1)), "events")
        assert again[0] == read
        assert (again[1], again[4]) == (0, rejected)
        assert desk.rows("SELECT * FROM events ORDER BY ALL") == before
        assert len(list_rejected(desk.store)) == rejected
        desk.store.close()


ENTRY = st.tuples(
    st.sampled_from(["a1", "a2"]), st.sampled_from(["plan", "score"]), st.sampled_from(["", "1", "2", "x"]),
    st.sampled_from(["2026-01-01", "2026-01-02", "2026-01-03"]),
)  # fmt: skip


@MODEST
@given(st.lists(ENTRY, min_size=1, max_size=8), st.randoms(use_true_random=False), st.integers(0, 8))
def test_the_order_and_portions_of_history_do_not_matter(entries: list[tuple[str, ...]], random: object, cut: int) -> None:
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    timelines = []
    for portions in ([entries], [shuffled[:cut], shuffled[cut:], shuffled[:2]]):
        with tempfile.TemporaryDirectory() as folder:
            desk = fresh(folder)
            for portion in portions:
                lines = [",".join(entry) for entry in portion]
                desk.give("account_history.csv", "\n".join(["account_id,field,value,at", *lines]) + "\n")
            timelines.append(
                desk.rows('SELECT id, field, value, "at" FROM account_timeline JOIN accounts USING (key) ORDER BY ALL')
            )
            desk.store.close()
    assert timelines[0] == timelines[1]
    expected: dict[tuple[str, str, str], str] = {}
    for account, field, value, at in entries:
        expected[account, field, at] = max(expected.get((account, field, at), ""), value)
    found = {(account, field, at.date().isoformat()): value for account, field, value, at in timelines[0]}
    assert found == expected
