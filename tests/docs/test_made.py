"""The pages that are made from the code are those that the code makes."""

from __future__ import annotations

import pytest

import catalog_page
import make_docs
from tocsin.catalog import catalog
from tocsin.core.language.words import name_words
from tocsin.core.schema import COLLECTIONS


@pytest.mark.parametrize("name", sorted(make_docs.PAGES))
def test_a_page_is_current(name: str) -> None:
    assert (make_docs.DOCS / name).read_text("utf-8") == make_docs.PAGES[name](), "run `make docs`"


def test_every_rule_answers_to_a_row_and_every_row_has_a_rule() -> None:
    assert catalog_page.ROWS.keys() == {rule.id for rule in catalog().rules}
    assert {row for rows in catalog_page.ROWS.values() for row in rows} == set(range(1, 72))
    page = catalog_page.page()
    for rule in catalog().rules:
        section = page.split(f"### `{rule.id}`: ")[1].split("\n### ")[0]
        assert all(f"T{row}" in section for row in catalog_page.ROWS[rule.id])
        assert all(name_words(name) in section for name in rule.params)


def test_the_page_of_inhibition_has_every_rule_that_another_silences() -> None:
    page = make_docs.inhibition_page()
    for rule in catalog().rules:
        if rule.inhibited_by:
            assert f"`{rule.id}`" in page


def test_a_family_is_read_from_its_head_down() -> None:
    """No rule is silenced by one that stands below it."""
    rules = {rule.id: rule for rule in catalog().rules}
    for _, members in make_docs.FAMILIES.values():
        order = members.split()
        for number, rule_id in enumerate(order):
            assert not set(rules[rule_id].inhibited_by) & set(order[number + 1 :]), rule_id


def test_the_page_of_collections_has_every_column() -> None:
    sections = dict(part.split("\n", 1) for part in make_docs.collections_page().split("\n## ")[1:])
    assert sections.keys() == COLLECTIONS.keys()
    for name, collection in COLLECTIONS.items():
        for column in collection:
            written = f"| **{column.name}** |" if column.required else f"| {column.name} |"
            assert written in sections[name], f"{name}.{column.name}"
