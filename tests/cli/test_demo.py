"""`tocsin demo`: a book that has lived for a while, served with links that sign in; it never touches another book."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from tests.cli.conftest import Tocsin, serve

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Tocsin:
    """A small demo. Making it was interrupted at first, when a larger book was in its home already."""
    place = tmp_path_factory.mktemp("demo")
    made = Tocsin(place / "home", place)
    interrupt(made, "demo", "--accounts", "90", "--no-serve")
    assert json.loads((made.home / "demo.json").read_text()) == {"state": "begun", "accounts": 90, "seed": 7}
    done = made("demo", "--accounts", "60", "--no-serve")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return made


def interrupt(tocsin: Tocsin, *args: str) -> None:
    """Kill the making of a demo as soon as it has written its book and begun with its people."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tocsin", *args], env=tocsin.env, cwd=tocsin.cwd, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 300
    while not people_of(tocsin.home / "tocsin.sqlite3"):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    process.kill()
    assert process.wait(60) == -signal.SIGKILL


def people_of(data: Path) -> int:
    """How many people operational data hold; none where the tables are not made yet."""
    if not data.exists():
        return 0
    with closing(sqlite3.connect(f"file:{data}?mode=ro", uri=True)) as database:
        try:
            return int(database.execute("SELECT count(*) FROM people_user").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def test_its_alerts_have_lived_through_time(demo: Tocsin) -> None:
    alerts = json.loads(demo.out("alerts", "list", "--format", "json"))
    assert len({each["opened_at"] for each in alerts}) >= 4
    states = {each["state"] for each in alerts}
    assert {"open", "closed"} <= states
    assert {each["close_reason"] for each in alerts if each["state"] == "closed"} >= {"cleared"}
    assert all(each["evidence"] and each["clears"] and each["message"] for each in alerts)
    people = json.loads(demo.out("users", "list", "--format", "json"))
    assert {"admin", "leader", "csm"} <= {each["role"] for each in people}


def test_it_serves_with_links_that_sign_in_at_once(demo: Tocsin) -> None:
    alerts = demo.out("alerts", "list", "--format", "json")
    serving = serve(demo, "demo")
    try:
        text = serving.log.read_text()
        links = re.findall(rf"{serving.address}/sign-in/link/\S+", text)
        assert len(links) == 2, text
        for link in links:
            browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
            with browser.open(link, timeout=30) as page:
                assert page.status == 200
                assert page.url.startswith(f"{serving.address}/alerts/")
                assert "sign-in" not in page.url
        before = {each["id"] for each in json.loads(alerts)}
        after = {each["id"] for each in json.loads(demo.out("alerts", "list", "--format", "json"))}
        assert before <= after, "serving the demo again makes no new one"
        assert "is served already" in demo.refused("demo")
    finally:
        status, _ = serving.end(signal.SIGTERM)
    assert status == 0
    assert "Traceback" not in serving.log.read_text()


def test_it_never_touches_another_book(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("id,name\nours,Ours\n")
    mine = Tocsin(tmp_path / "home", tmp_path)
    mine.out("import", "accounts.csv")
    assert "holds accounts that are no demo" in mine.refused("demo", "--no-serve")
    assert "ours" in mine.out("signals", "name", "--format", "csv")


@pytest.mark.parametrize(("name", "scheme"), [("TOCSIN_FACTS_URL", "duckdb"), ("TOCSIN_DATABASE_URL", "sqlite")])
def test_it_is_not_mixed_into_a_database_elsewhere(name: str, scheme: str, tmp_path: Path) -> None:
    elsewhere = Tocsin(tmp_path / "home", tmp_path, {name: f"{scheme}://{tmp_path / 'theirs'}"})
    assert "in its own home" in elsewhere.refused("demo", "--no-serve")
    assert not (tmp_path / "theirs").exists()


def test_an_interrupted_one_began_anew(demo: Tocsin) -> None:
    assert len(demo.out("signals", "name", "--format", "csv").splitlines()) <= 61
    assert json.loads((demo.home / "demo.json").read_text()) == {"state": "made", "accounts": 60, "seed": 7}
