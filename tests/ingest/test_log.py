"""The inbox: durable before anybody is told, whole after a crash at any byte, and never fuller than it may be."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.ingest import log as log_module
from tocsin.ingest.log import LONGEST, FullError, Log, leftovers
from tocsin.ingest.records import Record, unpacked

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
HEAD = 8


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Log]:
    """An empty inbox."""
    log = Log(tmp_path / "inbox")
    yield log
    log.close()


def reopened(folder: Path, *, floor: int = 0) -> Log:
    """The inbox of a folder, as the next process finds it."""
    return Log(folder, floor=floor)


def payloads(log: Log, position: int | None = None) -> list[bytes]:
    """All that is in it, a stretch at a time."""
    found: list[bytes] = []
    at = log.begin if position is None else position
    while stretch := log.read(at, 100):
        found += [each.payload for each in stretch]
        at = stretch[-1].after
    return found


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.log"))


def filled(folder: Path, records: list[bytes]) -> None:
    """An inbox with these records, closed."""
    log = Log(folder)
    for each in records:
        log.append_now(each)
    log.close()


def test_what_is_appended_is_read_in_order_with_the_position_behind_it(inbox: Log) -> None:
    assert (inbox.begin, inbox.end, inbox.read(0, 1000)) == (0, 0, [])
    for each in (b"one", b"two", b"three"):
        inbox.append_now(each)
    found = inbox.read(0, 1000)
    assert [each.payload for each in found] == [b"one", b"two", b"three"]
    assert [each.after for each in found] == [11, 22, 35]
    assert inbox.end == 35
    assert [each.payload for each in inbox.read(11, 1000)] == [b"two", b"three"]
    assert inbox.read(35, 1000) == []


def test_a_stretch_is_about_as_long_as_asked_and_never_nothing(inbox: Log) -> None:
    for n in range(10):
        inbox.append_now(bytes([n]) * 100)
    assert len(inbox.read(0, 1)) == 1
    assert len(inbox.read(0, 250)) == 3
    assert len(payloads(inbox)) == 10


def test_what_stands_there_is_there_for_the_next_process(tmp_path: Path) -> None:
    filled(tmp_path, [b"a", b"bb"])
    log = reopened(tmp_path)
    assert payloads(log) == [b"a", b"bb"]
    log.append_now(b"ccc")
    log.close()
    log = reopened(tmp_path)
    assert payloads(log) == [b"a", b"bb", b"ccc"]
    log.close()


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    filled(tmp_path / "inbox", [b"a"])
    assert (tmp_path / "inbox").stat().st_mode & 0o777 == 0o700
    assert [each.stat().st_mode & 0o777 for each in files(tmp_path / "inbox")] == [0o600]


def test_it_is_on_disk_before_anybody_is_told(inbox: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    told, synced = threading.Event(), threading.Event()
    release = threading.Event()
    real = os.fdatasync

    def slow(file: int) -> None:
        synced.set()
        assert release.wait(60)
        real(file)

    monkeypatch.setattr(os, "fdatasync", slow)
    inbox.append(b"x", lambda _error: told.set())
    assert synced.wait(60)
    assert not told.wait(0.05)
    assert inbox.read(0, 1000) == [], "what is not durable yet is not given out"
    release.set()
    assert told.wait(60)
    assert payloads(inbox) == [b"x"]


def test_what_comes_while_the_disk_is_busy_is_written_together(inbox: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    release, begun, real = threading.Event(), threading.Event(), os.fdatasync
    count = 0

    def counted(file: int) -> None:
        nonlocal count
        count += 1
        begun.set()
        assert release.wait(60)
        real(file)

    monkeypatch.setattr(os, "fdatasync", counted)
    done = threading.Semaphore(0)
    inbox.append(b"first", lambda _error: done.release())
    assert begun.wait(60)
    for n in range(50):
        inbox.append(b"%d" % n, lambda _error: done.release())
    release.set()
    for _ in range(51):
        assert done.acquire(timeout=60)
    assert count == 2
    assert payloads(inbox) == [b"first", *(b"%d" % n for n in range(50))]


def test_many_threads_append_and_nothing_is_lost_or_mixed(inbox: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "ROLL", 2_000)

    def work(name: int) -> None:
        for n in range(40):
            inbox.append_now(b"%d-%d" % (name, n))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    found = payloads(inbox)
    assert sorted(found) == sorted(b"%d-%d" % (name, n) for name in range(8) for n in range(40))
    for name in range(8):
        mine = [each for each in found if each.startswith(b"%d-" % name)]
        assert mine == [b"%d-%d" % (name, n) for n in range(40)], "in the order in which each was told"


def test_files_are_rolled_and_only_whole_ones_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "ROLL", 100)
    log = Log(tmp_path)
    for n in range(12):
        log.append_now(bytes([65 + n]) * 42)  # 50 bytes as it stands
    assert [int(each.stem) for each in files(tmp_path)] == [0, 100, 200, 300, 400, 500]
    assert len(payloads(log)) == 12, "reading goes from file to file"
    log.consumed(149)
    assert [int(each.stem) for each in files(tmp_path)] == [100, 200, 300, 400, 500]
    log.consumed(150)
    assert int(files(tmp_path)[0].stem) == 100, "it holds a record that is not stored yet"
    assert payloads(log, 150)[0] == b"D" * 42
    log.consumed(600)
    assert [int(each.stem) for each in files(tmp_path)] == [500], "the last one stays: the next position stands in it"
    assert log.backlog == 0
    log.close()
    log = reopened(tmp_path)
    assert (log.begin, log.end) == (500, 600)
    log.append_now(b"next")
    assert payloads(log, 600) == [b"next"]
    log.close()


RECORDS = [b"x", b"a record of some length", bytes(range(256)), b"\x00" * 40, b"last"]
ENDS = [sum(HEAD + len(each) for each in RECORDS[: n + 1]) for n in range(len(RECORDS))]


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, ENDS[-1]), tail=st.binary(max_size=20), zeros=st.integers(0, 64))
def test_cut_off_at_any_byte_every_whole_record_is_there_and_nothing_half(cut: int, tail: bytes, zeros: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        filled(Path(folder), RECORDS)
        path = files(Path(folder))[-1]
        path.write_bytes(path.read_bytes()[:cut] + (tail if cut < ENDS[-1] else b"") + b"\x00" * zeros)
        whole = [each for each, end in zip(RECORDS, ENDS, strict=True) if end <= cut]
        log = reopened(Path(folder))
        found = payloads(log)
        assert found[: len(whole)] == whole
        assert all(each in RECORDS for each in found), "zeros and rubbish are no records"
        log.append_now(b"after the crash")
        assert payloads(log)[-1] == b"after the crash"
        assert log.end == path.stat().st_size
        log.close()
        again = reopened(Path(folder))
        assert payloads(again) == [*found, b"after the crash"]
        again.close()


@pytest.mark.parametrize("at", range(0, ENDS[-1], 7))
def test_a_byte_that_is_another_spoils_no_record_before_it(tmp_path: Path, at: int) -> None:
    filled(tmp_path, RECORDS)
    path = files(tmp_path)[-1]
    content = bytearray(path.read_bytes())
    content[at] ^= 0x55
    path.write_bytes(content)
    log = reopened(tmp_path)
    assert payloads(log) == [each for each, end in zip(RECORDS, ENDS, strict=True) if end <= at]
    log.append_now(b"goes on")
    assert payloads(log)[-1] == b"goes on"
    log.close()


def test_what_was_taken_in_may_be_damaged_without_harm_to_what_follows(tmp_path: Path) -> None:
    filled(tmp_path, RECORDS)
    path = files(tmp_path)[-1]
    content = bytearray(path.read_bytes())
    content[ENDS[0] + HEAD] ^= 1
    path.write_bytes(content)
    log = reopened(tmp_path, floor=ENDS[2])
    assert log.end == ENDS[-1]
    assert payloads(log, ENDS[2]) == RECORDS[3:]
    log.close()


def test_damage_in_an_older_file_spoils_that_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "ROLL", 30)
    filled(tmp_path, [b"a" * 20, b"b" * 20, b"c" * 20, b"d" * 20])
    first, second = files(tmp_path)
    first.write_bytes(first.read_bytes()[:-3] + b"xxx")
    log = reopened(tmp_path)
    assert payloads(log) == [b"a" * 20, b"c" * 20, b"d" * 20]
    assert second.exists()
    log.close()


def test_where_the_files_are_gone_it_goes_on_behind_what_was_taken_in(tmp_path: Path) -> None:
    log = Log(tmp_path, floor=700)
    assert (log.begin, log.end, log.backlog) == (700, 700, 0)
    log.append_now(b"new")
    assert payloads(log, 700) == [b"new"]
    log.close()
    assert [int(each.stem) for each in files(tmp_path)] == [700]


def test_older_files_are_no_news(tmp_path: Path) -> None:
    filled(tmp_path, RECORDS)
    log = reopened(tmp_path, floor=ENDS[-1] + 5)
    assert (log.begin, log.end) == (ENDS[-1] + 5, ENDS[-1] + 5)
    assert payloads(log) == []
    log.append_now(b"new")
    assert payloads(log) == [b"new"]
    log.close()


def test_a_store_that_lags_behind_is_given_all_that_is_kept(tmp_path: Path) -> None:
    filled(tmp_path, RECORDS)
    log = reopened(tmp_path, floor=ENDS[1])
    assert payloads(log, ENDS[1]) == RECORDS[2:]
    log.close()


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.log").write_text("mine")
    (tmp_path / "0.txt").write_text("mine")
    filled(tmp_path, [b"a"])
    assert (tmp_path / "notes.log").read_text() == "mine"
    assert not leftovers(tmp_path / "none")


def test_full_at_the_limit_and_open_again_once_it_is_stored(tmp_path: Path) -> None:
    log = Log(tmp_path, most=100)
    refused = 0
    for _ in range(10):
        try:
            log.append_now(b"x" * 42)
        except FullError:
            refused += 1
    assert refused == 7, "three of 50 bytes: the third begins at the limit"
    assert log.backlog == 150
    log.consumed(50)
    log.append_now(b"y")
    with pytest.raises(FullError):
        log.append_now(b"z")
    log.close()


def test_what_is_being_written_counts_as_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release, begun, real = threading.Event(), threading.Event(), os.fdatasync

    def slow(file: int) -> None:
        begun.set()
        assert release.wait(60)
        real(file)

    monkeypatch.setattr(os, "fdatasync", slow)
    log = Log(tmp_path, most=100)
    log.append(b"x" * 101, lambda _error: None)
    assert begun.wait(60)
    with pytest.raises(FullError):
        log.append(b"y", lambda _error: None)
    release.set()
    log.close()


def test_closed_it_has_written_what_it_took_and_takes_no_more(tmp_path: Path) -> None:
    log = Log(tmp_path)
    done: list[BaseException | None] = []
    for n in range(20):
        log.append(b"%d" % n, done.append)
    log.close()
    assert done == [None] * 20
    with pytest.raises(FullError, match="about to end"):
        log.append_now(b"late")
    log = reopened(tmp_path)
    assert len(payloads(log)) == 20
    log.close()


@pytest.mark.parametrize("size", [0, LONGEST + 1])
def test_what_could_not_be_read_again_is_not_taken(inbox: Log, size: int) -> None:
    with pytest.raises(ValueError, match="bytes"):
        inbox.append_now(bytes(size))
    inbox.append_now(b"x")
    assert payloads(inbox) == [b"x"]


def full_disk(*_given: object) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def failing_write(log: Log, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The disk fills up amid a block: half of it is written."""
    real = log._file

    class Half:
        """A file on a disk that is full."""

        def write(self, data: bytes) -> int:
            real.write(bytes(data)[: len(data) // 2])
            return full_disk()

        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

    monkeypatch.setattr(log, "_file", Half())
    return lambda: None


def failing_sync(_log: Log, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The disk says only in the end that it is full."""
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", full_disk)
    return lambda: monkeypatch.setattr(os, "fdatasync", real)


def failing_mend(log: Log, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Not even what reached the file can be cut away."""
    real = os.fdatasync, log._mend
    monkeypatch.setattr(os, "fdatasync", full_disk)
    monkeypatch.setattr(log, "_mend", full_disk)

    def over() -> None:
        monkeypatch.setattr(os, "fdatasync", real[0])
        monkeypatch.setattr(log, "_mend", real[1])

    return over


def failing_roll(_log: Log, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A new file cannot be begun."""
    monkeypatch.setattr(log_module, "ROLL", 5)
    real = os.fsync
    monkeypatch.setattr(os, "fsync", full_disk)
    return lambda: monkeypatch.setattr(os, "fsync", real)


@pytest.mark.parametrize("failing", [failing_write, failing_sync, failing_mend, failing_roll])
def test_a_full_disk_is_told_and_nothing_of_it_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: Callable[[Log, pytest.MonkeyPatch], Callable[[], None]]
) -> None:
    log = Log(tmp_path)
    log.append_now(b"before")
    over = failing(log, monkeypatch)
    for _ in range(2 if failing is not failing_write else 1):
        with pytest.raises(OSError, match="No space left"):
            log.append_now(b"lost " * 10)
    assert log.end == HEAD + len(b"before")
    assert payloads(log) == [b"before"]
    over()
    log.append_now(b"after")
    assert payloads(log) == [b"before", b"after"]
    kept = tmp_path / "copy"
    shutil.copytree(tmp_path, kept, ignore=lambda _folder, names: [each for each in names if not each.endswith(".log")])
    log.close()
    next_one = reopened(kept)
    assert payloads(next_one) == [b"before", b"after"]
    next_one.close()


def test_who_cannot_be_told_keeps_nobody_else_waiting(inbox: Log) -> None:
    def gone(_error: BaseException | None) -> None:
        raise RuntimeError("Event loop is closed")

    inbox.append(b"a", gone)
    inbox.append_now(b"b")
    assert payloads(inbox) == [b"a", b"b"]


def test_waiting_ends_with_news_or_with_the_end(tmp_path: Path) -> None:
    log = Log(tmp_path)
    assert log.wait(0, 0.01) is False
    threading.Timer(0.05, log.append_now, [b"x"]).start()
    assert log.wait(0, 60) is True
    threading.Timer(0.05, log.close).start()
    assert log.wait(log.end, 10) is False


@given(st.binary(max_size=50), st.text(max_size=400), st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001
def test_a_record_is_what_it_was(body: bytes, source: str, received: datetime) -> None:
    try:
        source.encode()
    except UnicodeEncodeError:
        return
    record = Record("batch", received.replace(tzinfo=UTC), source, body)
    back = unpacked(record.packed())
    assert (back.kind, back.received, back.body) == (record.kind, record.received, body)
    assert source.startswith(back.source), "a long name is cut between characters"
    assert back.source == source or len(source.encode()) > 1000


@pytest.mark.parametrize("damaged", [b"", b"x" * 10, b"\xff" + b"\x00" * 10])
def test_what_is_no_record_is_said(damaged: bytes) -> None:
    with pytest.raises(ValueError, match="record of the inbox"):
        unpacked(damaged)


def test_received_to_the_microsecond() -> None:
    record = Record("track", NOW + timedelta(microseconds=1), "key", b"{}")
    assert unpacked(record.packed()) == record
