"""Runs `tocsin` as processes of their own that need not load the libraries anew: a parent has loaded them, and forks.

Each run is a process with its own arguments, environment, folder and output, and ends as Python ends. What it has found loaded
are third-party packages and the rooms of the product that read no setting; the rest it loads itself. That a command also comes
up from nothing is the affair of `tests/cli/test_processes.py`.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import io
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn, cast

LOADED = (
    "pyarrow.compute", "pyarrow.csv", "pyarrow.parquet", "duckdb", "sqlglot.generators.duckdb", "numpy", "jinja2.sandbox",
    "lark", "ruamel.yaml", "msgspec", "openpyxl", "slack_sdk", "requests", "cryptography.fernet", "sqlite3", "asyncio",
    "django.db.models", "django.db.migrations.executor", "django.db.backends.sqlite3", "django.core.management", "django.forms",
    "django.http", "django.urls", "django.template.defaultfilters", "django.views.debug", "django.contrib.auth.hashers",
    "tocsin.catalog", "tocsin.engine", "tocsin.facts.duckdb", "tocsin.facts.importing", "tocsin.ingest.hooks",
)  # fmt: skip
ERROR = ("error", None, Warning, None, 0)  # the filter of warnings that PYTHONWARNINGS=error stands for


def alone(words: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """`python -m tocsin WORDS` in a process that has to load everything."""
    return subprocess.run(
        [sys.executable, "-m", "tocsin", *words],
        env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=timeout, check=False,
    )  # fmt: skip


def run(words: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """`python -m tocsin WORDS`, forked: its status and what it wrote, as `subprocess.run` gives them."""
    if sys.platform == "darwin":  # whose own libraries are not to be used after a fork
        return alone(words, env=env, cwd=cwd, timeout=timeout)
    asked = json.dumps({"words": list(words), "env": dict(env), "cwd": str(cwd)})
    ours, theirs = socket.socketpair()
    with ours, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with theirs:
            _parent().hand_over(theirs, out.fileno(), err.fileno())
        ours.settimeout(timeout)
        ours.sendall(f"{asked}\n".encode())
        with ours.makefile("r") as answers:
            pid = int(answers.readline())
            try:
                status = int(answers.readline())
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(list(words), timeout) from None
        return subprocess.CompletedProcess(list(words), status, _text(out), _text(err))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    with io.TextIOWrapper(file, "utf-8") as text:
        return text.read()


class _Parent:
    """The process that forks, as seen from the tests."""

    def __init__(self) -> None:
        self.line, theirs = socket.socketpair()
        self.guard = threading.Lock()
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TOCSIN_", "DJANGO_"))}
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                # No thread may be there to be lost in a fork; and a library that warns when it is loaded is found here.
                env=clean | {"OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "error"},
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            )  # fmt: skip

    def hand_over(self, conversation: socket.socket, out: int, err: int) -> None:
        """Let it fork once, for who speaks at the other end of the conversation."""
        with self.guard:
            socket.send_fds(self.line, [b"."], [conversation.fileno(), out, err])

    def end(self) -> None:
        """It ends as soon as nobody can ask it any more."""
        self.line.close()
        self.process.wait(60)


@functools.cache
def _parent() -> _Parent:
    parent = _Parent()
    atexit.register(parent.end)
    return parent


def _serve(line: socket.socket) -> None:
    """Fork for each who asks, until nobody can. Returns in each process that is to be `tocsin`, and at the end."""
    for name in LOADED:
        importlib.import_module(name)
    gc.freeze()  # what is loaded stays shared with who is forked, as no collection looks at it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who waits for whom below
    while True:
        word, given, _, _ = socket.recv_fds(line, 1, 3)
        if not word:
            os._exit(0)
        if os.fork() == 0:
            line.close()
            _become(*given)
            return
        for each in given:
            os.close(each)


def _become(asker: int, out: int, err: int) -> None:
    """In the first child: fork once more, wait and tell. Returns in the second one, which is `tocsin`."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with socket.socket(fileno=asker) as conversation:
        with conversation.makefile("r") as questions:
            asked = json.loads(questions.readline())
        pid = os.fork()
        if pid:
            conversation.sendall(f"{pid}\n".encode())
            _, status = os.waitpid(pid, 0)
            conversation.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
            os._exit(0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    os.chdir(asked["cwd"])
    sys.path.insert(0, asked["cwd"])
    sys.argv = ["tocsin", *asked["words"]]
    if os.environ.get("PYTHONWARNINGS") != "error":
        sys.warnoptions.remove("error")
        cast("list[Any]", warnings.filters).remove(ERROR)


def _tocsin() -> int:
    """Run it as `python -m tocsin` does; gives the exit status."""
    try:
        runpy.run_module("tocsin", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as Python does with what nobody caught
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def main() -> NoReturn:
    """The parent; in what it forks, `tocsin`."""
    with socket.socket(fileno=int(sys.argv[1])) as line:
        _serve(line)
    status = _tocsin()
    # The end of a process in its order, but for taking apart the libraries, which takes longer than most commands.
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as the interpreter does
    atexit._run_exitfuncs()
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
