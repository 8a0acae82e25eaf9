"""The pages that are made from the code are those that the code makes."""

from __future__ import annotations

import make_docs
from tocsin.core.schema import COLLECTIONS


def test_the_page_of_collections_is_current() -> None:
    assert make_docs.PAGE.read_text("utf-8") == make_docs.collections_page(), "run `make docs`"


def test_the_page_of_collections_has_every_column() -> None:
    sections = dict(part.split("\n", 1) for part in make_docs.collections_page().split("\n## ")[1:])
    assert sections.keys() == COLLECTIONS.keys()
    for name, collection in COLLECTIONS.items():
        for column in collection:
            written = f"| **{column.name}** |" if column.required else f"| {column.name} |"
            assert written in sections[name], f"{name}.{column.name}"
