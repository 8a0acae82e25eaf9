"""The ready-made content: signals, segments, profiles and rules, live the moment an account is. Plain YAML files, read once.

A rule stands in `rules/<category>/<id>.yaml`, and its tests beside it in `<id>.test.yaml` (see `catalog.testing`).
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

from tocsin.catalog.files import is_rule_file, rule_files

if TYPE_CHECKING:
    from tocsin.core.rules import Definitions

__all__ = ["catalog", "is_rule_file", "rule_files"]

FOLDERS = ("signals", "segments", "profiles", "rules")


@cache
def catalog() -> Definitions:
    """What ships. RuntimeError where it is not right, which the tests make sure of."""
    from tocsin.core.rulefiles import read_rules

    definitions, problems = read_rules(sources())
    if problems:
        raise RuntimeError("the shipped catalog is broken:\n" + "\n".join(map(str, problems)))
    return definitions


def sources() -> tuple[tuple[str, str], ...]:
    """The catalog's files: (name such as `rules/risk/no-login.yaml`, text), sorted; tests of rules are left out."""
    here = resources.files(__name__)
    found = [file for name in FOLDERS if (here / name).is_dir() for file in _texts(here / name, name)]
    return tuple(sorted(found))


def _texts(folder: Traversable, name: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for each in folder.iterdir():
        path = f"{name}/{each.name}"
        if each.is_dir():
            found += _texts(each, path)
        elif is_rule_file(each.name):
            found.append((path, each.read_text(encoding="utf-8")))
    return found
