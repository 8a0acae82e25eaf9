"""Which texts are a number, and as what a text is shown beside what it was compared with."""

from __future__ import annotations

import pytest

from tocsin.core.language.nodes import Value
from tocsin.core.valued import as_compared, number_in


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1.0), ("-1.50", -1.5), ("+01", 1.0), ("1e3", 1000.0), ("1E-1", 0.1),
        *((text, None) for text in (".5", "5.", "1,0", "1 ", " 1", "1\n", "1_0", "１", "1e999", "nan", "inf", "0x1", "", "T1")),
    ],
)  # fmt: skip
def test_a_number_is_spelt_so(text: str, number: float | None) -> None:
    assert number_in(text) == number


@pytest.mark.parametrize(
    ("value", "other", "shown"),
    [
        ("1.50", 2.0, 1.5), ("gold", 2.0, "gold"), ("1", "1", "1"), ("1", None, "1"), ("TRUE", False, True), ("1", True, "1"),
        (1.0, "1", 1.0), (None, 1.0, None),
    ],
)  # fmt: skip
def test_a_text_is_shown_as_what_it_was_compared_with(value: Value, other: Value, shown: Value) -> None:
    found = as_compared(value, other)
    assert (type(found), found) == (type(shown), shown)
