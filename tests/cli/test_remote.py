"""Finding the server, and whose turn it is on a home without one."""

from __future__ import annotations

import fcntl
import json
import logging
import os
from pathlib import Path

import pytest

from tests.cli.kept import Kept
from tocsin.cli import remote
from tocsin.core.errors import UserError
from tocsin.logs import MaskTokens, OneLine


def note(home: Path, text: str) -> Path:
    path = home / "server.json"
    path.write_text(text)
    return path


def note_of(pid: int) -> str:
    return json.dumps({"address": "http://127.0.0.1:9", "pid": pid, "token": "t"})


def test_no_server(tmp_path: Path) -> None:
    assert remote.find(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"address": "x", "pid": "y", "token": "z"}'])
def test_a_note_that_says_nothing_is_removed(text: str, tmp_path: Path) -> None:
    path = note(tmp_path, text)
    assert remote.find(tmp_path) is None
    assert not path.exists()


def test_a_note_of_a_process_that_is_gone_is_removed(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    path = note(tmp_path, note_of(pid))
    assert remote.find(tmp_path) is None
    assert not path.exists()


def test_a_note_of_a_process_that_does_not_own_the_home_is_removed(tmp_path: Path) -> None:
    path = note(tmp_path, note_of(os.getpid()))
    assert remote.find(tmp_path) is None
    assert not path.exists()


def test_the_note_of_a_server_that_came_up_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real = note(tmp_path, note_of(2**22 + 1)), remote._alive
    fresh = note_of(os.getpid())

    def alive(pid: int) -> bool:
        if pid != os.getpid():
            note(tmp_path, fresh)  # after the stale one was read, and before it would be removed
        return real(pid)

    monkeypatch.setattr(remote, "_alive", alive)
    with remote.owned(tmp_path, Kept()):
        found = remote.find(tmp_path)
    assert found is not None
    assert found.pid == os.getpid()
    assert path.read_text() == fresh


def test_the_server_that_owns_the_home_is_found(tmp_path: Path) -> None:
    with remote.owned(tmp_path, Kept()) as found:
        assert found is None
        note(tmp_path, note_of(os.getpid()))
        server = remote.find(tmp_path)
        assert server == remote.Server("http://127.0.0.1:9", os.getpid(), "t")
        with remote.owned(tmp_path, Kept()) as other:
            assert other == server, "who waits for the home finds the server instead"


def test_one_at_a_time(tmp_path: Path) -> None:
    with remote.owned(tmp_path, Kept()):
        said = f"{tmp_path} is in use by process {os.getpid()}; wait until it ends, or stop it"
        with pytest.raises(UserError, match=said), remote.owned(tmp_path, Kept(), patience=0.1):
            pytest.fail("two own the home")
    with remote.owned(tmp_path, Kept()) as found:
        assert found is None


def test_the_lock_is_let_go_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), remote.owned(tmp_path, Kept()):
        raise ZeroDivisionError
    with (tmp_path / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert (tmp_path / "lock").read_text() == ""


def test_logs_hold_no_tokens_and_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOCSIN_DEBUG", raising=False)
    formatter = OneLine("{levelname} {message}", style="{")
    with pytest.raises(ZeroDivisionError) as caught:
        raise ZeroDivisionError("of\nall things")
    fault = (caught.type, caught.value, caught.tb)
    path = "/sign-in/link/aB-c_9/ and /set-password/xYz/"
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "%s: %s", ("Gone", path), fault)
    assert MaskTokens().filter(record)
    line = formatter.format(record)
    assert line == (
        "ERROR Gone: /sign-in/link/***/ and /set-password/***/: ZeroDivisionError: of all things (TOCSIN_DEBUG=1 shows where)"
    )
    monkeypatch.setenv("TOCSIN_DEBUG", "1")
    assert "Traceback" in formatter.format(record)
