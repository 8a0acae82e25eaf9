"""What the benches have in common: processes on cores of their own, and figures as a table and as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # seconds within which a server has to be ready, and to have stored all
Figures = dict[str, Any]


def cores() -> tuple[set[int], set[int]]:
    """The cores of a server (two, where there are so many), and the one of them that the client is kept to."""
    mine = sorted(os.sched_getaffinity(0))[:2] if hasattr(os, "sched_getaffinity") else []
    return set(mine), set(mine[-1:])


def run(*words: str, on: set[int] | None = None) -> subprocess.Popen[str]:
    """A process of `python -m` with its output kept, on these cores alone."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TOCSIN_", "DJANGO_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", *words], cwd=ROOT, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        env=clean | {"TOCSIN_OUTBOUND_ALLOW": "127.0.0.0/8"} | ({"TOCSIN_HOME": words[1]} if len(words) > 1 else {}),
    )  # fmt: skip
    if on and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process.pid, on)
    return process


def told(process: subprocess.Popen[str]) -> Figures:
    """The JSON on the last line of what a process said; RuntimeError where it failed."""
    said, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, process.args))[:200]} ended with {process.returncode}")  # type: ignore[arg-type]
    return dict(json.loads(said.splitlines()[-1]))


@contextmanager
def serving(*words: str) -> Iterator[int]:
    """A server that is ready, as `python -m WORDS PORT` starts it; gives its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = run(*words, str(port), on=cores()[0])
    try:
        _until_ready(process, port)
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _until_ready(process: subprocess.Popen[str], port: int) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}; its error is above")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server was not ready within {PATIENCE:.0f} s")


def load(**given: object) -> subprocess.Popen[str]:
    """The client, at work; `told` waits for what it says."""
    process = run("tests.bench.client", json.dumps(given), on=cores()[1])
    assert process.stdout is not None
    process.stdout.readline()  # it has begun
    return process


def enough(process: subprocess.Popen[str]) -> Figures:
    """End the client; gives what it says."""
    process.terminate()
    return told(process)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as made:
        yield Path(made)


def parser(said: str | None) -> argparse.ArgumentParser:
    """The options that all benches have."""
    made = argparse.ArgumentParser(description=(said or "").splitlines()[0])
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    return made


def report(columns: Sequence[str], rows: Sequence[Sequence[object]], figures: Figures, file: Path | None) -> Figures:
    """Print a table and the figures as one line of JSON, and write them to a file where one is given."""
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    lines = [f"Measured on {machine}; load of the machine at the end {busy:.1f}.", ""]
    lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
    figures = {"machine": machine, "load": round(busy, 1), **figures}
    sys.stdout.write("\n".join([*lines, "", json.dumps(figures)]) + "\n")
    if file is not None:
        file.write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
