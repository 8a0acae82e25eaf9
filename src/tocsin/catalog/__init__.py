"""The ready-made content: signals and rules, live the moment an account is. Plain YAML files, read once."""

from __future__ import annotations

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from tocsin.catalog.files import rule_files
from tocsin.core.rulefiles import read_rules
from tocsin.core.rules import Definitions

__all__ = ["catalog", "rule_files"]


@cache
def catalog() -> Definitions:
    """The shipped signals and rules. RuntimeError where they are not right, which the tests make sure of."""
    definitions, problems = read_rules(sources())
    if problems:
        raise RuntimeError("the shipped catalog is broken:\n" + "\n".join(map(str, problems)))
    return definitions


def sources() -> tuple[tuple[str, str], ...]:
    """The catalog's files: (name such as `rules/risk.yaml`, text), sorted."""
    here = resources.files(__name__)
    return tuple(sorted(_texts(here / "signals", "signals") + _texts(here / "rules", "rules")))


def _texts(folder: Traversable, name: str) -> list[tuple[str, str]]:
    found = (each for each in folder.iterdir() if each.name.endswith(".yaml"))
    return [(f"{name}/{each.name}", each.read_text(encoding="utf-8")) for each in found]
