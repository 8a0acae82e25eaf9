"""Shared by all tests: where the repository is, the browser, and the rule that under CI nothing is left out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LEFT_OUT = ("skipped", "xfailed", "deselected")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's folder."""
    return ROOT


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the Chromium that browser tests drive: $TOCSIN_CHROMIUM, else one on PATH."""
    named = os.environ.get("TOCSIN_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.fail("there is no Chromium on PATH; `make test` installs it as root, or set TOCSIN_CHROMIUM to one")
    return found


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """In this process passwords are hashed quickly: a thousand tests make users who have one."""
    with override_settings(PASSWORD_HASHERS=["tests.quick.QuickArgon2", *settings.PASSWORD_HASHERS[1:]]):
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests come first: one that begins at the end keeps the other cores waiting, and a module's is made but once."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def _left_out(config: pytest.Config) -> list[str]:
    """What did not run and should have: only under CI, where a suite that skips is no suite."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None:
        return []
    return [f"{len(reporter.stats[kind])} {kind}" for kind in LEFT_OUT if reporter.stats.get(kind)]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Under CI a session with tests left out has failed."""
    if _left_out(session.config) and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Says why such a session failed."""
    if left_out := _left_out(config):
        terminalreporter.write_line(f"CI: {', '.join(left_out)}; under CI every test runs", red=True)
