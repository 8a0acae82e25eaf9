"""Opening, asking and sharing a store."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

from tests.facts.conftest import NOW, Desk
from tocsin.core.errors import UserError
from tocsin.core.schema import COLLECTIONS
from tocsin.facts.duckdb import DuckStore
from tocsin.facts.store import Store

UTC_ZONE = ZoneInfo("UTC")


def test_it_is_a_store(desk: Desk) -> None:
    store: Store = desk.store
    assert store.dialect == "duckdb"
    assert store.zone.key == "UTC"
    assert desk.store.counts() == dict.fromkeys(COLLECTIONS, 0)


def test_the_layout_is_the_declared_one(desk: Desk) -> None:
    columns = {name: kind for name, kind, *_ in desk.rows("DESCRIBE events")}
    assert columns == {
        "id": "VARCHAR", "account_key": "INTEGER", "person_key": "INTEGER", "name": "VARCHAR", "at": "TIMESTAMP",
        "kind": "VARCHAR", "feature": "VARCHAR", "minutes": "DOUBLE", "properties": "JSON", "first_seen": "TIMESTAMP",
        "by_person": "BOOLEAN", "visitor_key": "INTEGER", "account_was": "INTEGER",
    }  # fmt: skip
    assert {"key", "custom", "left_out"} <= {row[0] for row in desk.rows("DESCRIBE accounts")}


def test_a_row_notes_the_import_that_brought_it_first(desk: Desk) -> None:
    desk.give("accounts.csv", "id,name\na1,Acme\n")
    desk.give("tickets.csv", "id,account_id,opened_at,priority\nt1,a1,2025-01-01,low\n")
    later = NOW + timedelta(days=3)
    desk.give("tickets.csv", "id,account_id,opened_at,priority\nt1,a1,2025-01-01,high\nt2,a1,2025-01-02,low\n", now=later)
    plain = [moment.replace(tzinfo=None) for moment in (NOW, later)]
    assert desk.rows("SELECT id, first_seen FROM tickets ORDER BY id") == [("t1", plain[0]), ("t2", plain[1])]


def test_a_file_made_before_there_was_first_seen_gets_it(tmp_path: Path) -> None:
    first = Desk(DuckStore(tmp_path / "facts.duckdb", UTC_ZONE), tmp_path)
    with first.store.write() as cursor:
        cursor.execute("ALTER TABLE events DROP COLUMN first_seen")
    first.store.close()
    second = Desk(DuckStore(tmp_path / "facts.duckdb", UTC_ZONE), tmp_path)
    second.give("accounts.csv", "id,name\na1,Acme\n")
    second.give("events.csv", "id,account_id,name,at\ne1,a1,login,2025-01-01\n")
    assert second.rows("SELECT first_seen IS NOT NULL FROM events") == [(True,)]
    second.store.close()


def test_what_was_stored_is_there_after_opening_again(tmp_path: Path) -> None:
    first = Desk(DuckStore(tmp_path / "new" / "facts.duckdb", UTC_ZONE), tmp_path)
    first.give("accounts.csv", "id,name\na1,Acme\n")
    first.store.close()
    second = DuckStore(tmp_path / "new" / "facts.duckdb", UTC_ZONE)
    assert second.counts()["accounts"] == 1
    second.close()


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "facts.duckdb"
    desk = Desk(DuckStore(path, UTC_ZONE), tmp_path)
    assert mode(path) == 0o600
    desk.give("accounts.csv", "id,name\na1,Acme\n")
    log = tmp_path / "facts.duckdb.wal"
    assert mode(log) == 0o600
    desk.store.checkpoint()
    desk.give("accounts.csv", "id,name\na2,Bolt\n")
    assert mode(log) == 0o600, "a log that was made anew"
    desk.store.close()
    path.chmod(0o640)
    again = DuckStore(path, UTC_ZONE)
    assert mode(path) == 0o640, "what somebody chose stays"
    again.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_that_another_process_holds(tmp_path: Path) -> None:
    path = tmp_path / "facts.duckdb"
    script = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match="another process holds it") as caught:
            DuckStore(path, UTC_ZONE)
        assert "\n" not in str(caught.value)
        assert holder.stdin is not None
        holder.stdin.close()


def test_a_damaged_file_and_a_foreign_one(tmp_path: Path) -> None:
    broken = tmp_path / "broken.duckdb"
    broken.write_bytes(b"no database" * 1000)
    with pytest.raises(UserError, match="damaged or no DuckDB file"):
        DuckStore(broken, UTC_ZONE)
    foreign = tmp_path / "foreign.duckdb"
    with duckdb.connect(str(foreign)) as connection:
        connection.execute("CREATE TABLE mine (a INTEGER)")
    with pytest.raises(UserError, match="holds no Tocsin facts"):
        DuckStore(foreign, UTC_ZONE)


def test_a_file_of_another_layout(tmp_path: Path) -> None:
    path = tmp_path / "facts.duckdb"
    DuckStore(path, UTC_ZONE).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE meta SET value = '0'")
    with pytest.raises(UserError, match="another version of Tocsin"):
        DuckStore(path, UTC_ZONE)


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        DuckStore(tmp_path / "home" / "facts.duckdb", UTC_ZONE)


def test_freshness(acme: Desk) -> None:
    acme.give("events.csv", "account_id,name,at\na1,x,2026-02-01T10:00:00Z\na1,x,2099-01-01T00:00:00Z\n")
    acme.give("rates.csv", "currency,on,rate\nUSD,2026-01-01,0.9\n")
    assert acme.store.latest_start("events") == datetime(2099, 1, 1, tzinfo=UTC)
    assert acme.store.latest_start("events", NOW) == datetime(2026, 2, 1, 10, tzinfo=UTC)
    assert acme.store.latest_start("tickets") is None
    assert acme.store.latest_start("rates") is None
    assert acme.store.last_moment(NOW) == datetime(2026, 2, 1, 10, tzinfo=UTC)


def test_a_date_starts_with_its_day_in_the_zone(berlin: Desk) -> None:
    berlin.give("accounts.csv", "id,name\na1,Acme\n")
    berlin.give("invoices.csv", "account_id,amount,issued_on,due_on\na1,5,2026-02-01,2026-02-10\n")
    assert berlin.store.latest_start("invoices") == datetime(2026, 1, 31, 23, tzinfo=UTC)


def test_money_is_converted_where_there_are_rates(desk: Desk) -> None:
    assert not desk.store.converts_money()
    desk.give("rates.csv", "currency,on,rate\nUSD,2026-01-01,0.9\n")
    assert desk.store.converts_money()


def test_an_error_inside_a_write_undoes_it(acme: Desk) -> None:
    def break_off() -> None:
        with acme.store.write() as cursor:
            cursor.execute("DELETE FROM accounts")
            raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        break_off()
    assert acme.store.counts()["accounts"] == 2


def test_readers_see_whole_imports_from_other_threads(acme: Desk) -> None:
    seen: set[int] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(acme.store.counts()["events"])

    reader = threading.Thread(target=read)
    reader.start()
    acme.give("events.csv", "account_id,name,at\n" + "".join(f"a1,n{n},2026-02-01\n" for n in range(5000)))
    done.set()
    reader.join()
    assert seen <= {0, 5000}
    assert acme.store.counts()["events"] == 5000


class _Faulty:
    """A cursor whose engine fails as DuckDB 2.0 does, until the optimizer at fault is off."""

    def __init__(self, real: duckdb.DuckDBPyConnection, message: str) -> None:
        self.real, self.message = real, message

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    def sql(self, query: str, *, params: list[object]) -> duckdb.DuckDBPyRelation:
        if "statistics_propagation" not in str(self.real.execute("SELECT current_setting('disabled_optimizers')").fetchall()):
            raise duckdb.InternalException(self.message)
        return self.real.sql(query, params=params)


@pytest.mark.parametrize(
    ("message", "answers"), [("X did not return a BoundFunctionExpression", True), ("anything else", False)]
)
def test_a_known_fault_of_the_optimizer_is_gone_around(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, message: str, answers: bool
) -> None:
    faulty = _Faulty(desk.store.cursor(), message)
    monkeypatch.setattr(desk.store, "cursor", lambda: faulty)
    if answers:
        assert desk.store.query("SELECT 1 AS n").to_pylist() == [{"n": 1}]
    else:
        with pytest.raises(duckdb.InternalException):
            desk.store.query("SELECT 1 AS n")


def test_another_time_zone_moves_the_days_of_subscriptions(tmp_path: Path) -> None:
    path = tmp_path / "facts.duckdb"
    desk = Desk(DuckStore(path, UTC_ZONE), tmp_path)
    desk.give("accounts.csv", "id,name\na1,Acme\n")
    desk.give("subscriptions.csv", "account_id,starts_on,plan\na1,2026-03-01,pro\n")
    assert ("2026-03-01 00:00", "pro") in desk.timeline("a1", "plan")
    desk.store.close()
    for key, begins in (
        ("Europe/Berlin", "2026-02-28 23:00"),
        ("Europe/Berlin", "2026-02-28 23:00"),
        ("UTC", "2026-03-01 00:00"),
    ):
        desk = Desk(DuckStore(path, ZoneInfo(key)), tmp_path)
        assert desk.timeline("a1", "plan") == [(begins, "pro")]
        desk.store.close()
