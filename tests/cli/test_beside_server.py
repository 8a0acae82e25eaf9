"""Beside a running server: every command works the same, the server owns the home, and it ends cleanly."""

from __future__ import annotations

import json
import signal
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import AS_OF, Serving, Tocsin, serve

SAME: tuple[tuple[str, ...], ...] = (
    ("signals", "mrr / 3", "created_at", "name", "--as-of", AS_OF, "--format", "csv"),
    ("evaluate", "--as-of", AS_OF, "--format", "json"),
    ("rules", "list", "--format", "json"),
    ("alerts", "list", "--rule", "quiet", "--account", "a2"),
    ("users", "list"),
    ("import", "facts", "--dry-run"),
    ("signals", "count(event)"),
    ("rules", "check", "broken.yaml"),
    ("import", "nowhere"),
    ("doctor", "--format", "csv"),
)
BROKEN = "- id: broken\n  name: Broken\n  category: risk\n  when: mrr <\n"


@dataclass
class Beside:
    """A home, what its commands said before there was a server, and the server."""

    tocsin: Tocsin
    before: dict[tuple[str, ...], tuple[int, str, str]]
    server: Serving


@pytest.fixture(scope="module")
def beside(filled: Tocsin, facts: Path) -> Iterator[Beside]:
    filled.out("sweep", "--as-of", AS_OF)
    (filled.cwd / "facts").symlink_to(facts)
    (filled.cwd / "broken.yaml").write_text(BROKEN)
    before = {}
    for argv in SAME:
        done = filled(*argv)
        before[argv] = (done.returncode, done.stdout, done.stderr)
    server = serve(filled)
    yield Beside(filled, before, server)
    if server.process.poll() is None:
        server.process.kill()
        server.process.wait()


@pytest.mark.parametrize("argv", SAME, ids=" ".join)
def test_the_same_beside_the_server(argv: tuple[str, ...], beside: Beside) -> None:
    if argv in (SAME[2], SAME[-1]):  # the server has swept as of now meanwhile: what it counts is no difference
        status, out, err = beside.before[argv]
        done = beside.tocsin(*argv)
        assert done.returncode == status
        assert (done.stdout[:40], done.stderr) == (out[:40], err)
        return
    done = beside.tocsin(*argv)
    assert (done.returncode, done.stdout, done.stderr) == beside.before[argv]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["signals", "cont(events)"], "cont"),
        (["signals", "count(event)"], "did you mean 'events'?"),
        (["signals", "mrr > 'x'"], "number"),
        (["signals", ""], "a formula is empty"),
        (["signals", "mrr", "--as-of", "yesterday"], "--as-of: 'yesterday' is no date or time"),
        (["evaluate", "--as-of", "2026-13-01"], "--as-of: '2026-13-01' is no date or time"),
        (["evaluate", "--rule", "quite"], "there is no `when` rule 'quite'"),
        (["sweep", "--as-of", ""], "--as-of: '' is no date or time"),
        (["alerts", "ack", "4711"], "there is no alert '4711'"),
        (["alerts", "snooze", "1", "--until", "soon"], "--until: 'soon'"),
        (["import", "nowhere"], "nowhere"),
        (["rules", "apply", "nowhere"], "nowhere"),
        (["users", "create", "--email", "x", "--name", "X", "--role", "admin"], "'x' is no e-mail address"),
        (["users", "create", "--email", "x@y.co", "--name", "X", "--role", "boss"], "unknown role 'boss'"),
        (["users", "link", "nobody@y.co"], "there is no active user nobody@y.co"),
        (["bench", "--events", "0"], "give at least 1"),
        (["up"], "is served already by process"),
        (["demo"], "is served already by process"),
    ],
)
def test_bad_input_is_one_line(argv: list[str], said: str, beside: Beside) -> None:
    line = beside.tocsin.refused(*argv)
    assert line.startswith("tocsin: ")
    assert said in line


def test_what_is_written_beside_the_server_is_seen(beside: Beside) -> None:
    folder = beside.tocsin.cwd / "more"
    folder.mkdir()
    (folder / "accounts.csv").write_text("id,name,mrr\nnew,New One,5\n")
    assert beside.tocsin("import", "more").returncode == 0
    out = beside.tocsin.out("signals", "mrr", "--where", "name = 'New One'", "--format", "csv")
    assert out == "subject_id,mrr\nnew,5\n"
    made = beside.tocsin.out("users", "create", "--email", "o@us.example", "--name", "O", "--role", "admin")
    assert made.startswith(f"{beside.server.address}/set-password/")
    assert beside.server.get(made.strip().removeprefix(beside.server.address))[0] == 200


def test_health(beside: Beside) -> None:
    assert beside.server.get("/healthz") == (200, "ok\n")
    assert beside.server.get("/readyz") == (200, "ready\n")
    status, page = beside.server.get("/sign-in/")
    assert status == 200
    assert "<form" in page


def test_every_answer_has_a_strict_policy(beside: Beside) -> None:
    for path in ("/sign-in/", "/static/tocsin/tokens.css"):
        with urllib.request.urlopen(beside.server.address + path, timeout=60) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff" or path.startswith("/static/")
            assert answer.read()


def test_the_door_is_for_those_who_hold_the_token(beside: Beside) -> None:
    note = beside.tocsin.home / "server.json"
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    token = json.loads(note.read_text())["token"]

    def knock(token: str, body: bytes) -> tuple[int, bytes]:
        request = urllib.request.Request(f"{beside.server.address}/_local/run", body, {"X-Tocsin-Token": token})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    command = json.dumps({"argv": ["--version"], "cwd": "/", "tty": False, "width": 80}).encode()
    assert knock("", command)[0] == 404
    assert knock(token[:-1] + "x", command)[0] == 404
    for body in (b"", b"{", b"[]", b'{"argv": 3, "cwd": "/", "tty": 1, "width": 80}'):
        assert knock(token, body)[0] == 400
    status, frames = knock(token, command)
    assert status == 200
    assert [json.loads(line) for line in frames.splitlines()][-1] == {"exit": 0}


def test_another_name_for_this_machine_is_refused(beside: Beside) -> None:
    request = urllib.request.Request(f"{beside.server.address}/sign-in/", headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    with refused.value:
        assert refused.value.code == 400


def test_it_ends_cleanly_and_leaves_no_note(beside: Beside) -> None:
    status, seconds = beside.server.end(signal.SIGTERM)
    assert status == 0
    assert seconds < 5 * SLACK
    assert not (beside.tocsin.home / "server.json").exists()
    log = beside.server.log.read_text()
    assert log.startswith("tocsin: serving ") or "tocsin: nobody can sign in yet" in log
    assert "Traceback" not in log
    assert "leaked" not in log
    assert beside.tocsin("users", "list").returncode == 0


def test_after_a_kill_the_next_one_serves_at_once(beside: Beside) -> None:
    killed = serve(beside.tocsin)
    killed.end(signal.SIGKILL)
    assert (beside.tocsin.home / "server.json").exists()
    assert "Acme" in beside.tocsin.out("signals", "name")
    assert not (beside.tocsin.home / "server.json").exists()
    again = serve(beside.tocsin)
    assert again.end(signal.SIGINT)[0] == 0


SLACK = 3  # of a machine that does other things as well
