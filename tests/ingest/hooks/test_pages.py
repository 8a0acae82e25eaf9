"""The pages of vendors: what they say of settings is what the vendors know of them."""

from __future__ import annotations

import json

import pytest

from tests.ingest.hooks.helpers import NOW, request
from tocsin.ingest.hooks import VENDORS
from tocsin.ingest.hooks.generic.mapping import rules
from tocsin.ingest.hooks.pages import guide, page


@pytest.mark.parametrize("vendor", list(VENDORS))
def test_a_page_has_the_steps_and_every_setting(vendor: str) -> None:
    found = guide(vendor)
    assert {each.name: each.form for each in found.settings} == dict(VENDORS[vendor].settings)
    assert all(each.meaning for each in found.settings)
    assert f"https://<your host>/hooks/{vendor}/<source id>" in page(vendor).replace("\n", " ")
    assert "secret" in found.text
    assert "| setting |" not in found.text
    assert not found.text.startswith("#")


@pytest.mark.parametrize("vendor", list(VENDORS))
def test_the_examples_of_a_page_are_settings_that_work(vendor: str) -> None:
    given = {each.name: json.loads(each.example) for each in guide(vendor).settings if each.example}
    assert given or vendor == "salesforce", "of Salesforce the page gives none"
    sample = VENDORS[vendor].sample(NOW)
    assert VENDORS[vendor].read(request(vendor, sample), given | {"mapping": None}).delivery_id
    assert bool(rules(given)) == (vendor == "generic")
    forms: dict[str, type | tuple[type, ...]] = {"text": str, "words": dict, "nested": dict, "json": (dict, list)}
    for each in guide(vendor).settings:
        if each.example:
            assert isinstance(given[each.name], forms[each.form])
