"""The durable inbox: what was received, in append-only files, on disk before anybody is told so.

Appends that come at about the same time are written together and made durable by one `fdatasync` (group commit). A record is
its length and checksum (4 bytes each, big-endian) and then its bytes; what a crash cut off at the end of the last file is cut
away when the log is opened. Files are named by the position of their first byte, so that a position is one number.
"""

from __future__ import annotations

import logging
import os
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from io import FileIO
from itertools import pairwise
from pathlib import Path

from tocsin.core.errors import UserError

HEAD = struct.Struct(">II")
ROLL = 64 * 1024 * 1024  # bytes after which a new file is begun
LONGEST = 16 * 1024 * 1024  # bytes of a record: nothing longer is taken in, so a longer one is no record
SUFFIX = ".log"

log = logging.getLogger("tocsin.ingest")


class FullError(UserError):
    """So much waits to be stored that nothing more is taken in for now."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A record and the position behind it, from which reading goes on."""

    payload: bytes
    after: int


class Log:
    """The inbox of a home. Safe to use from several threads; `close` when done.

    folder: made where it is missing. most: bytes that may wait to be stored before appends are refused.
    floor:  a position that has been taken in: where the files are gone, the log goes on from there.
    """

    def __init__(self, folder: Path, *, most: int = 256 * 1024 * 1024, floor: int = 0) -> None:
        self._folder, self._most, self._floor = folder, most, floor
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._guard = threading.Condition()
        self._pending: list[tuple[bytes, Callable[[BaseException | None], None]]] = []
        self._waiting = 0
        self._closed = False
        self._torn = False  # behind the end stands what a failed write left, and could not be cut away yet
        self.begin, self.end = self._recover()  # positions of the oldest byte that is kept and behind the newest
        self._consumed = self.begin
        self._file = self._open(self._last_start())
        self._thread = threading.Thread(target=self._commit, name="inbox", daemon=True)
        self._thread.start()

    # Taking in

    def append(self, payload: bytes, done: Callable[[BaseException | None], None]) -> None:
        """Take in a record; `done` is called from another thread once it is durable, or with why it could not be.

        FullError where too much waits to be stored. ValueError where the record is empty or longer than any may be.
        """
        if not 0 < len(payload) <= LONGEST:
            raise ValueError(f"a record of the inbox has 1 to {LONGEST:,} bytes, not {len(payload):,}")
        with self._guard:
            if self._closed:
                raise FullError("the server is about to end; send it again in a moment")
            if self.end - self._consumed + self._waiting > self._most:
                raise FullError("more is coming in than can be stored; send it again in a moment")
            self._pending.append((payload, done))
            self._waiting += len(payload)
            self._guard.notify_all()

    def append_now(self, payload: bytes) -> None:
        """Take in a record and return once it is durable."""
        future: Future[None] = Future()

        def done(error: BaseException | None) -> None:
            future.set_exception(error) if error else future.set_result(None)

        self.append(payload, done)
        future.result()

    def _commit(self) -> None:
        while True:
            with self._guard:
                while not self._pending and not self._closed:
                    self._guard.wait()
                if not self._pending:
                    return
                batch, self._pending = self._pending, []
            error = self._write(b"".join(_framed(payload) for payload, _ in batch))
            with self._guard:
                self._waiting -= sum(len(payload) for payload, _ in batch)
            for _, done in batch:
                try:
                    done(error)
                except Exception:  # whoever asked may be gone: the others want to know still
                    log.exception("who waited for the inbox could not be told")

    def _write(self, block: bytes) -> OSError | None:
        """Write a block and make it durable; on an error the file ends where it did before."""
        start = self.end
        try:
            if self._torn:
                self._mend(start)
            if self._file.tell() >= ROLL:
                self._file.close()
                self._file = self._open(start)
            self._torn = True
            rest = memoryview(block)
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fdatasync(self._file.fileno())
            self._torn = False
        except OSError as error:
            self._torn = True
            try:
                self._mend(start)
            except OSError:  # tried again before anything else is written
                log.exception("the inbox cannot be mended yet")
            return error
        with self._guard:
            self.end = start + len(block)
            self._guard.notify_all()
        return None

    def _mend(self, end: int) -> None:
        """After a write that failed: cut away what of it reached the file."""
        self._file.close()
        start = self._last_start()
        with (self._folder / _name(start)).open("r+b") as file:
            file.truncate(end - start)
        self._file = self._open(start)
        self._torn = False

    # Giving out

    def read(self, position: int, most: int) -> list[Stored]:
        """Records from a position on, about so many bytes of them; empty where there are none yet."""
        found: list[Stored] = []
        size = 0
        for start in self._starts():
            path = self._folder / _name(start)
            if position >= start + path.stat().st_size:
                continue
            begin = max(start, position)
            with path.open("rb") as file:
                file.seek(begin - start)
                data = file.read(max(0, min(self.end - begin, most - size + LONGEST + HEAD.size)))
            for payload, after in _records(data, begin):
                found.append(Stored(payload, after))
                size += after - begin
                begin = after
                if size >= most:
                    return found
        return found

    def wait(self, position: int, seconds: float) -> bool:
        """Wait until there is something behind a position; says whether there is."""
        with self._guard:
            return self._guard.wait_for(lambda: self.end > position or self._closed, seconds) and self.end > position

    def consumed(self, position: int) -> None:
        """Everything before a position is stored elsewhere: whole files of it are removed."""
        with self._guard:
            self._consumed = max(self._consumed, position)
        starts = self._starts()
        for start, following in pairwise(starts):
            if following <= position:
                (self._folder / _name(start)).unlink(missing_ok=True)

    @property
    def backlog(self) -> int:
        """Bytes that wait to be stored."""
        return self.end - self._consumed

    def close(self) -> None:
        """Write what was taken in, and let go."""
        with self._guard:
            self._closed = True
            self._guard.notify_all()
        self._thread.join()
        self._file.close()

    # Files

    def _recover(self) -> tuple[int, int]:
        """Where the log begins and ends, after what a crash left half-written was cut away."""
        starts = self._starts()
        if not starts:
            return self._floor, self._floor
        path = self._folder / _name(starts[-1])
        whole = starts[-1]
        with path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            if whole < self._floor <= whole + size:
                whole = self._floor  # what stands before has been taken in, whatever became of it here
            file.seek(whole - starts[-1])
            for _, after in _records(file.read(), whole):
                whole = after
            if whole < starts[-1] + size:
                log.warning("%s bytes at the end of the inbox are no whole record and are cut away", starts[-1] + size - whole)
                file.truncate(whole - starts[-1])
        if whole < self._floor:  # files of another home, or older ones: what they hold has been taken in
            for start in starts:
                (self._folder / _name(start)).unlink()
            return self._floor, self._floor
        return starts[0], whole

    def _starts(self) -> list[int]:
        return sorted(int(each.stem) for each in self._folder.glob(f"*{SUFFIX}") if each.stem.isdigit())

    def _last_start(self) -> int:
        starts = self._starts()
        return starts[-1] if starts else self.end

    def _open(self, start: int) -> FileIO:
        path = self._folder / _name(start)
        made = not path.exists()
        file = path.open("ab", buffering=0)  # what is held back would be written at a time of its own, after an error too
        if made:
            try:
                path.chmod(0o600)
                self._sync_folder()
            except OSError:
                file.close()
                path.unlink()
                raise
        return file

    def _sync_folder(self) -> None:
        """A file whose name is not durable is lost with it."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def leftovers(folder: Path) -> bool:
    """Whether the folder of an inbox holds anything, without opening it."""
    return folder.is_dir() and any(each.stat().st_size for each in folder.glob(f"*{SUFFIX}"))


def _framed(payload: bytes) -> bytes:
    return HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def _records(data: bytes, position: int) -> Iterator[tuple[bytes, int]]:
    """The whole records at the beginning of data, each with the position behind it."""
    at = 0
    while at + HEAD.size <= len(data):
        length, checksum = HEAD.unpack_from(data, at)
        payload = data[at + HEAD.size : at + HEAD.size + length]
        if not 0 < length <= LONGEST or len(payload) < length or zlib.crc32(payload) != checksum:
            return
        at += HEAD.size + length
        yield payload, position + at


def _name(start: int) -> str:
    return f"{start:020d}{SUFFIX}"
