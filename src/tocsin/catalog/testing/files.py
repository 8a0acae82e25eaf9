"""Test files on disk, and the definitions that their rules are taken from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tocsin.catalog.files import is_rule_file, is_test_file, read_text
from tocsin.core.errors import Problem, UserError
from tocsin.core.rulefiles import read_rules
from tocsin.core.rules import Definitions


@dataclass(frozen=True, slots=True)
class Bench:
    """What a path holds: test files (name, text), the definitions that hold for them, and problems of the rule files."""

    tests: tuple[tuple[str, str], ...]
    definitions: Definitions
    problems: tuple[Problem, ...]


def gather(path: Path, known: Definitions, cwd: Path) -> Bench:
    """The test files at a path (a file, or all `*.test.yaml` of a folder and those in it), with the rule files beside them.

    A rule of the files stands for the known one of the same id; so do signals, segments and profiles. Files are named as
    seen from `cwd`. UserError where there is nothing to read.
    """
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.is_file())
        tests = [each for each in found if is_test_file(each.name)]
        if not tests:
            raise UserError(f"{path}: the folder holds no tests of rules; they end in .test.yaml")
    elif path.is_file():
        tests, found = [path], sorted(each for each in path.parent.iterdir() if each.is_file())
    else:
        raise UserError(f"{path}: there is no such file or folder; give a test file or a folder of them")
    sources = [(_near(each, cwd), read_text(each)) for each in found if is_rule_file(each.name)]
    read, problems = read_rules(sources, known=known)
    texts = tuple((_near(each, cwd), read_text(each)) for each in tests)
    return Bench(texts, _over(known, read), problems)


def _over(known: Definitions, read: Definitions) -> Definitions:
    """What is known, with what the files define over it."""
    ids = {rule.id for rule in read.rules}
    profiles = {each.id for each in read.profiles}
    milestones = {each.id for each in read.milestones}
    return replace(
        known,
        signals={**known.signals, **read.signals},
        segments={**known.segments, **read.segments},
        rules=(*(rule for rule in known.rules if rule.id not in ids), *read.rules),
        profiles=(*(each for each in known.profiles if each.id not in profiles), *read.profiles),
        milestones=(*(each for each in known.milestones if each.id not in milestones), *read.milestones),
    )


def _near(path: Path, cwd: Path) -> str:
    """The file as seen from a folder, where it lies below that."""
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)
