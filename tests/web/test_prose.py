"""Markdown of our own as HTML: each form, and that nothing gets through unescaped."""

from __future__ import annotations

import pytest

from tests.web.conftest import HOSTILE
from tocsin.ingest.hooks import VENDORS
from tocsin.ingest.hooks.pages import guide
from tocsin.web.prose import inline, rendered


def test_blocks() -> None:
    parts = (
        "One\ntwo.",
        "1. First `a`\n   goes on.\n2. Second",
        "| a | b |\n|---|---|\n| `x` | **y** |",
        '```json\n{"a":\n\n 1}\n```\nEnd',
    )
    html = rendered("\n\n".join(parts))
    assert "<p>One two.</p>" in html
    assert "<ol><li>First <code>a</code> goes on.</li><li>Second</li></ol>" in html
    assert '<th scope="col">a</th>' in html
    assert "<td><code>x</code></td><td><b>y</b></td>" in html
    assert '<pre class="code" tabindex="0">{&quot;a&quot;:\n\n 1}</pre>' in html
    assert html.endswith("<p>End</p>")


def test_within_a_line() -> None:
    assert inline("a `b**c**` **d `e`**") == "a <code>b**c**</code> <b>d <code>e</code></b>"
    assert inline("[out](https://x.example/?a=1&b=2)") == (
        '<a class="link" href="https://x.example/?a=1&amp;b=2" rel="noreferrer">out</a>'
    )
    assert inline("[rows](data.md), [no](javascript:alert(1))") == "rows, no)"


@pytest.mark.parametrize(
    "form", ["{}", "`{}`", "**{}**", "1. {}", "| a |\n|---|\n| {} |", "| {} |\n|---|\n| a |", "```\n{}\n```"]
)
def test_nothing_gets_through(form: str) -> None:
    html = rendered(form.replace("{}", HOSTILE))
    assert "<script" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("vendor", list(VENDORS))
def test_the_pages_of_vendors_leave_no_marks(vendor: str) -> None:
    html = rendered(guide(vendor).text)
    assert "<ol><li>" in html or vendor == "generic"
    outside = "".join(part.partition("</pre>")[2] or part for part in html.split("<pre"))
    assert not [mark for mark in ("**", "`", "](", "|---") if mark in outside]
