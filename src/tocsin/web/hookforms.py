"""Settings of webhook sources as a form has them: a text, one pair a line, or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tocsin.core.errors import UserError
from tocsin.ingest.hooks.pages import Setting

BEFORE = "set."  # the name of a field is this and the name of the setting


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form. name: of its input. typed: what stands in it. example: what stands there while it is empty."""

    name: str
    setting: Setting
    typed: str
    example: str

    @property
    def rows(self) -> int:
        """Lines that the field is high; 0 for a single one."""
        return 0 if self.setting.form == "text" else min(12, max(self.typed.count("\n"), self.example.count("\n")) + 2)


def fields(settings: tuple[Setting, ...], kept: Mapping[str, Any], typed: Mapping[str, str] | None = None) -> list[Field]:
    """The fields of these settings: what was typed, where something was, else what is kept."""
    found = []
    for each in settings:
        name = BEFORE + each.name
        text = written(each, kept.get(each.name)) if typed is None else typed.get(name, "")
        example = written(each, json.loads(each.example)) if each.example else ""
        found.append(Field(name, each, text, example))
    return found


def written(setting: Setting, value: Any) -> str:
    """A value as its field has it."""
    if value is None:
        return ""
    if isinstance(value, str) and setting.form == "text":
        return value
    if setting.form == "words" and isinstance(value, dict) and value:
        lines = "\n".join(f"{word} = {meant}" for word, meant in value.items())
        if _pairs(lines) == value:
            return lines
    return json.dumps(value, ensure_ascii=False, indent=2)


def read(settings: tuple[Setting, ...], typed: Mapping[str, str]) -> dict[str, Any]:
    """Setting -> value, '' for one that is left empty. UserError says what is wrong with which."""
    return {each.name: _read(each, typed.get(BEFORE + each.name, "").strip()) for each in settings}


def _read(setting: Setting, text: str) -> Any:
    if setting.form == "text" or not text:
        return text
    if setting.form == "words" and not text.startswith("{"):
        found = _pairs(text)
        if found is None:
            raise UserError(
                f"the setting {setting.name} has a line without a sign of equality; write one pair a line: this = that"
            )
        return found
    try:
        return json.loads(text)
    except RecursionError as error:
        raise UserError(f"the setting {setting.name} is nested too deep to be read") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise UserError(f"the setting {setting.name} is no JSON that can be read, see {place}: {error.msg}") from error
    except ValueError as error:  # a number of thousands of digits
        raise UserError(f"the setting {setting.name} cannot be read: {error}") from error


def _pairs(text: str) -> dict[str, str] | None:
    """The pairs of lines `this = that`; None where one is no pair."""
    found = {}
    for line in text.splitlines():
        word, sign, meant = line.partition("=")
        if not sign and line.strip():
            return None
        if sign:
            found[word.strip()] = meant.strip()
    return found
