"""Where the problems of rule files are gathered, and how the fields of a mapping are read with all their problems told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from tocsin.core.errors import Problem
from tocsin.core.language import suggestion
from tocsin.core.moment import MomentError, parse_duration
from tocsin.core.rulefiles.marked import Fields, Item, Items, Place, Scalar

Read = TypeVar("Read")


@dataclass(slots=True)
class Report:
    """The problems found so far. file: the one being read; about: what is said before each message (`rule 'no-login': `)."""

    file: str
    about: str = ""
    problems: list[Problem] = field(default_factory=list)

    def __call__(self, place: Item | Place, message: str) -> None:
        """Note a problem at a place of the file."""
        where = place.place if isinstance(place, Item) else place
        problem = Problem(self.file, where.line, where.column, self.about + message)
        if problem not in self.problems:
            self.problems.append(problem)

    def within(self, about: str) -> Report:
        """The same report, saying first what the messages are about."""
        return Report(self.file, f"{about}: ", self.problems)


def kind_of(item: Item) -> str:
    """What stands there, in words."""
    match item:
        case Items():
            return "a list"
        case Fields():
            return "a mapping"
        case Scalar(value=bool()):
            return "true or false"
        case Scalar(value=int() | float()):
            return "a number"
        case Scalar(value=None):
            return "nothing"
    return "a text"


def known_keys(report: Report, fields: Fields, known: Collection[str], what: str) -> None:
    """Each key is known and there once."""
    seen: set[str] = set()
    for key, _ in fields.entries:
        if key.text not in known:
            report(key, f"unknown key {key.text!r} in {what}{suggestion(key.text, known) or _listed(known)}")
        elif key.text in seen:
            report(key, f"the key {key.text!r} is there twice; keep one")
        seen.add(key.text)


def mapping(report: Report, item: Item | None, what: str) -> Fields | None:
    """The item as a mapping; told where it is something else."""
    if item is None or isinstance(item, Fields):
        return item
    report(item, f"{what} must be a mapping of names to values, {kind_of(item)} stands there")
    return None


def listed(report: Report, item: Item | None, what: str) -> tuple[Item, ...]:
    """The entries of a list; told where it is something else."""
    if item is None:
        return ()
    if isinstance(item, Items):
        return item.entries
    report(item, f"{what} must be a list, {kind_of(item)} stands there")
    return ()


def text(report: Report, item: Item | None, what: str) -> str | None:
    """The item as a text that is not empty; told where it is something else."""
    if item is None:
        return None
    if not isinstance(item, Scalar) or not isinstance(item.value, str):
        report(item, f"{what} must be a text, {kind_of(item)} stands there{_quote_hint(item)}")
        return None
    if not item.value.strip():
        report(item, f"{what} is empty; write it, or leave the key out")
        return None
    return item.value


def texts(report: Report, item: Item | None, what: str) -> tuple[tuple[Scalar, str], ...]:
    """The item as a list of texts with their places; one text alone stands for a list of one."""
    found: Iterable[Item] = (item,) if isinstance(item, Scalar) else listed(report, item, what)
    read = [(each, text(report, each, f"an entry of {what}")) for each in found]
    return tuple((each, said) for each, said in read if said is not None and isinstance(each, Scalar))


def one_of(report: Report, item: Item | None, what: str, options: Collection[str]) -> str | None:
    """The item as one of some words; told where it is not."""
    said = text(report, item, what)
    if said is None or item is None or said in options:
        return said
    report(item, f"unknown {what} {said!r}{suggestion(said, options) or _listed(options)}")
    return None


def span(report: Report, item: Item | None, what: str) -> timedelta | None:
    """The item as a duration such as 36h, 14d or 2w; told where it is not."""
    if item is None:
        return None
    if isinstance(item, Scalar) and isinstance(item.value, str):
        return _tried(report, item, what, parse_duration)
    report(item, f"{what} must be a duration such as 36h, 14d or 2w, {kind_of(item)} stands there")
    return None


def whole(report: Report, item: Item | None, what: str) -> int | None:
    """The item as a whole number, not negative; told where it is not."""
    if item is None:
        return None
    if isinstance(item, Scalar) and isinstance(item.value, int) and not isinstance(item.value, bool) and item.value >= 0:
        return item.value
    stands = repr(item.text) if isinstance(item, Scalar) else kind_of(item)
    report(item, f"{what} must be a whole number from 0 up, {stands} stands there")
    return None


def _tried(report: Report, item: Scalar, what: str, reader: Callable[[str], Read]) -> Read | None:
    try:
        return reader(item.text)
    except MomentError as error:
        report(item, f"{what}: {error}")
        return None


def _quote_hint(item: Item) -> str:
    return f"; write it in quotes: '{item.text}'" if isinstance(item, Scalar) and item.value is not None else ""


def _listed(options: Collection[str]) -> str:
    return f"; there {'is' if len(options) == 1 else 'are'} {', '.join(options)}"
