"""JSON objects that others made: every field is checked where it is used, and a fault names the field and what it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from tocsin.core.errors import UserError
from tocsin.ingest.hooks.values import CastError, as_key, as_moment, as_number, clean, decoded, shown

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object with its place in the body (`data.object`; '' is the body itself) and who made it."""

    given: Mapping[str, Any] = field(hash=False)
    where: str
    sender: str

    def __contains__(self, name: object) -> bool:
        return name in self.given

    def path(self, name: str) -> str:
        """The place of a field of this object."""
        return f"{self.where}.{name}" if self.where else name

    def fault(self, name: str, problem: str) -> UserError:
        """The error that a field is not as it should be."""
        return UserError(f"{self.path(name)} {problem}; send the body as {self.sender} makes it")

    def raw(self, name: str) -> Any:
        """What a field holds, unchecked; None where it is not there."""
        return self.given.get(name)

    def maybe_object(self, name: str) -> Fields | None:
        """An object; None where it is not there or null."""
        value = self.given.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.fault(name, f"is {shown(value)}, no object")
        return Fields(value, self.path(name), self.sender)

    def object(self, name: str) -> Fields:
        """An object that has to be there."""
        found = self.maybe_object(name)
        if found is None:
            raise self.fault(name, "is missing")
        return found

    def objects(self, name: str) -> list[Fields]:
        """A list of objects; empty where it is not there or null."""
        return [self._member(name, number, each) for number, each in enumerate(self.items(name))]

    def items(self, name: str) -> list[Any]:
        """A list of anything; empty where it is not there or null."""
        value = self.given.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.fault(name, f"is {shown(value)}, no list")
        return value

    def _member(self, name: str, number: int, value: Any) -> Fields:
        if not isinstance(value, dict):
            raise self.fault(f"{name}[{number}]", f"is {shown(value)}, no object")
        return Fields(value, f"{self.path(name)}[{number}]", self.sender)

    def maybe_text(self, name: str) -> str | None:
        """A text; None where it is not there, null or blank."""
        value = self.given.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.fault(name, f"is {shown(value)}, no text")
        return clean(value) or None

    def text(self, name: str) -> str:
        """A text that has to be there."""
        return self._needed(name, self.maybe_text(name))

    def maybe_key(self, name: str) -> str | None:
        """An id as text: a text or a whole number; None where it is not there, null or blank."""
        value = self.given.get(name)
        if value is None:
            return None
        found = as_key(value)
        if found is None:
            raise self.fault(name, f"is {shown(value)}, no id")
        return found or None

    def key(self, name: str) -> str:
        """An id that has to be there."""
        return self._needed(name, self.maybe_key(name))

    def maybe_number(self, name: str) -> float | None:
        """A number, or a text that is one; None where it is not there, null or blank."""
        return self._cast(name, as_number)

    def number(self, name: str) -> float:
        """A number that has to be there."""
        return self._needed(name, self.maybe_number(name))

    def maybe_time(self, name: str) -> datetime | None:
        """An instant (UTC), see `as_moment`; None where it is not there, null or blank."""
        return self._cast(name, as_moment)

    def time(self, name: str) -> datetime:
        """An instant that has to be there."""
        return self._needed(name, self.maybe_time(name))

    def flag(self, name: str) -> bool:
        """True or false; false where it is not there or null."""
        value = self.given.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self.fault(name, f"is {shown(value)}, neither true nor false")
        return value

    def _needed(self, name: str, found: T | None) -> T:
        if found is None:
            raise self.fault(name, "is missing")
        return found

    def _cast(self, name: str, cast: Callable[[Any], T]) -> T | None:
        value = self.given.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        try:
            return cast(value)
        except CastError as error:
            raise self.fault(name, str(error)) from error


def body_object(body: bytes, sender: str) -> Fields:
    """The body, which has to be one JSON object."""
    value = decoded(body, sender)
    if not isinstance(value, dict):
        raise UserError(f"the body is {shown(value)}, no JSON object; send it as {sender} makes it")
    return Fields(value, "", sender)
