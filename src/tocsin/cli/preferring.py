"""`tocsin users prefer`: how somebody works and is told, shown or changed one setting at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import UserError
from tocsin.core.language import suggestion

if TYPE_CHECKING:
    from tocsin.people.facade import Preferences

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NOBODY = ("", "none")
CLOCKS = ("work_from", "work_to", "quiet_from", "quiet_to", "digest_at")
NUMBERS = ("weekly_budget", "daily_cap", "unacknowledged_days")


def shown(chosen: Preferences) -> list[dict[str, str]]:
    """Each setting with its value, as `--set` takes it."""
    return [{"name": each.name, "value": _spoken(each.name, getattr(chosen, each.name))} for each in fields(chosen)]


def changed(chosen: Preferences, given: Sequence[str]) -> Preferences:
    """The preferences with what `--set name=value` says. UserError for an unknown name, or a value that cannot be read."""
    known = [each.name for each in fields(chosen)]
    wanted: dict[str, Any] = {}
    for each in given:
        name, sign, value = each.partition("=")
        name = name.strip()
        if not sign:
            raise UserError("--set takes name=value, such as --set digest=weekly")
        if name not in known:
            raise UserError(f"unknown setting {name!r}{suggestion(name, known) or '; there are ' + ', '.join(known)}")
        wanted[name] = _read(name, value.strip())
    return replace(chosen, **wanted)


def _read(name: str, text: str) -> Any:
    if name in CLOCKS:
        return None if name.startswith("quiet") and text in NOBODY else _clock(name, text)
    if name in NUMBERS:
        return _number(name, text)
    if name == "channels":
        return tuple(_listed(text, str))
    if name == "work_days":
        return tuple(sorted(set(_listed(text.lower(), _day))))
    return text.upper() if name == "country" else text


def _listed(text: str, read: Callable[[str], Any]) -> list[Any]:
    return [read(each.strip()) for each in text.split(",") if each.strip()]


def _day(text: str) -> int:
    if text not in DAYS:
        raise UserError(f"work_days: {text!r} is no day; write such as mon,tue,wed")
    return DAYS.index(text)


def _clock(name: str, text: str) -> int:
    hours, _, minutes = text.partition(":")
    whole = hours.isdecimal() and minutes.isdecimal() and len(hours) < 3 and len(minutes) == 2 and int(minutes) < 60
    found = int(hours) * 60 + int(minutes) if whole else -1
    if not 0 <= found <= 24 * 60:
        raise UserError(f"{name}: {text!r} is no time of day; write such as 08:30")
    return found


def _number(name: str, text: str) -> int:
    if not (text.isdecimal() and len(text) < 6):
        raise UserError(f"{name}: {text!r} is no whole number")
    return int(text)


def _spoken(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if name in CLOCKS:
        return f"{value // 60:02}:{value % 60:02}"
    if name == "work_days":
        return ",".join(DAYS[each] for each in value)
    return ",".join(value) if name == "channels" else str(value)
