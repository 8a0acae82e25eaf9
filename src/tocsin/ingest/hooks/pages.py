"""The page of a vendor: how it is set up there, what its events become, and which settings there are.

It lies beside the vendor as `page.md`: the docs are made of it, and the pages of the product show it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tocsin.ingest.hooks import VENDORS

_SETTINGS = re.compile(r"^\| setting \| meaning \|\n\|---\|---\|\n((?:\|.*\|\n)+)", re.MULTILINE)
_ROW = re.compile(r"^\| `(\w+)` \| (.*) \|$", re.MULTILINE)
_JSON = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. form: how it is written, as `Vendor.settings` says. example: as JSON, '' where the page gives none."""

    name: str
    form: str
    meaning: str
    example: str


@dataclass(frozen=True, slots=True)
class Guide:
    """A page, read. text: Markdown, without its title and from the settings on left out. settings: in the page's order."""

    text: str
    settings: tuple[Setting, ...]


def page(vendor: str) -> str:
    """The whole page of a vendor, Markdown."""
    return (Path(__file__).parent / vendor / "page.md").read_text("utf-8")


@cache
def guide(vendor: str) -> Guide:
    """The page of a vendor in its parts."""
    whole = page(vendor)
    table = _SETTINGS.search(whole)
    meanings = dict(_ROW.findall(table[1])) if table else {}
    forms = VENDORS[vendor].settings
    examples = _examples(whole, frozenset(forms))
    settings = tuple(Setting(name, forms[name], meaning, examples.get(name, "")) for name, meaning in meanings.items())
    return Guide(whole[: table.start() if table else None].partition("\n")[2].strip(), settings)


def _examples(whole: str, names: frozenset[str]) -> dict[str, str]:
    """Setting -> an example of it as JSON, of the objects in the page that have settings for members and nothing else."""
    found: dict[str, str] = {}
    for text in _JSON.findall(whole):
        given = json.loads(text)
        if isinstance(given, dict) and given.keys() <= names:
            found |= {name: json.dumps(value, ensure_ascii=False) for name, value in given.items()}
    return found
