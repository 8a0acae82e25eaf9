"""What formulas parse to: precedence, keywords, literals, windows, limits."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.language import FormulaError, parse
from tocsin.core.language.nodes import Aggregate, Literal, Negative, Node, Parameter
from tocsin.core.language.parse import MAX_DEPTH, MAX_LENGTH


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a or b and c", "a or (b and c)"),
        ("not a and b", "(not a) and b"),
        ("not a = b", "not (a = b)"),
        ("not not a", "not (not a)"),
        ("a + b * c", "a + (b * c)"),
        ("a - b - c", "(a - b) - c"),
        ("a / b * c", "(a / b) * c"),
        ("-a + b", "(-a) + b"),
        ("-a * b", "(-a) * b"),
        ("2--3", "2 - (-3)"),
        ("a + 1 > b * 2", "(a + 1) > (b * 2)"),
        ("a between 1 and 2 and b", "(a between 1 and 2) and b"),
        ("a in (1, 2) or b is null and c", "(a in (1, 2)) or ((b is null) and c)"),
        ("a + b in (1)", "(a + b) in (1)"),
        ("a - b is not null", "(a - b) is not null"),
        ("a contains b or c", "(a contains b) or c"),
        ("count(events where a or b in last 7d)", "count(events where (a or b) in last 7d)"),
        ("count(events since a + b)", "count(events since (a + b))"),
    ],
)
def test_precedence(written: str, meant: str) -> None:
    assert parse(written) == parse(meant)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a AND NOT b OR c", "a and not b or c"),
        ("A Is Not NULL", "A is not null"),
        ("a BETWEEN 1 And 2", "a between 1 and 2"),
        ("a Not In (TRUE, False, Null)", "a not in (true, false, null)"),
        ("COUNT(events WHERE open IN LAST 7D)", "count(events where open in last 7d)"),
        ("Sum(events.minutes In 2W After x)", "sum(events.minutes in 2w after x)"),
        ("exists (events Since DATE'2026-01-31')", "exists(events since date '2026-01-31')"),
        ("a CONTAINS 'x'", "a contains 'x'"),
    ],
)
def test_keywords_and_aggregates_know_no_case(written: str, meant: str) -> None:
    assert parse(written) == parse(meant)


def test_names_functions_and_texts_do() -> None:
    assert parse("Seats") != parse("seats")
    assert parse("ABS(x)") != parse("abs(x)")
    assert parse("'A'") != parse("'a'")


@pytest.mark.parametrize("name", ["order", "android", "notes", "island", "inside", "between_us", "counted", "since_when"])
def test_a_name_may_begin_with_a_keyword(name: str) -> None:
    assert parse(f"{name} is null") == parse(f" {name}  is  null ")
    assert parse(f"a = 1 or {name} = 2") == parse(f"(a = 1) or ({name} = 2)")


@pytest.mark.parametrize("name", ["count", "sum", "last", "latest", "since", "days_quiet", "in_last", "date", "if_so"])
def test_a_word_of_the_language_may_be_a_name(name: str) -> None:
    assert parse(f"{name} = 1") == parse(f"({name}) = (1)")


@pytest.mark.parametrize(
    ("written", "value", "percent"),
    [
        ("12", 12.0, False),
        ("0.5", 0.5, False),
        ("20%", 0.2, True),
        ("0.5%", 0.005, True),
        ("36h", timedelta(hours=36), False),
        ("30d", timedelta(days=30), False),
        ("2W", timedelta(weeks=2), False),
        ("1.5d", timedelta(hours=36), False),
        ("'it''s'", "it's", False),
        ("''", "", False),
        ("'and or ( $x'", "and or ( $x", False),
        ("true", True, False),
        ("FALSE", False, False),
        ("null", None, False),
        ("date '2026-01-31'", date(2026, 1, 31), False),
    ],
)
def test_literals(written: str, value: object, percent: bool) -> None:
    node = parse(written)
    assert isinstance(node, Literal)
    assert (node.value, type(node.value), node.percent) == (value, type(value), percent)


def test_a_negative_number_is_a_negated_one() -> None:
    node = parse("-20%")
    assert isinstance(node, Negative)
    assert node.operand == Literal(node.span, 0.2)


@pytest.mark.parametrize(
    "written",
    ["$x", "count(events in last $x)", "count(events in $x after a)", "ago(a, $x)", "a in ($x)", "a between $x and $x", "-$x"],
)
def test_a_parameter_may_stand_for_a_literal_a_duration_or_a_list(written: str) -> None:
    assert Parameter(parse("$x").span, "x") in _all(parse(written))


def test_aggregates_are_in_lower_case_and_keep_their_parts() -> None:
    node = parse("SUM(events.minutes where kind = 'x' in last 7d)")
    assert isinstance(node, Aggregate)
    assert (node.function, node.path.text) == ("sum", "events.minutes")


def test_spans_point_into_the_text() -> None:
    text = "tier = 1 and count(events where name = 'a') >= $n"
    for node in _all(parse(text)):
        piece = text[node.span.start : node.span.end]
        assert piece == piece.strip() != ""
        assert parse(piece) == node if not _is_window(node) else True


def _is_window(node: Node) -> bool:
    return type(node).__name__ in ("InLast", "After", "Since")


def test_a_formula_has_a_greatest_length() -> None:
    parse("1" + " " * (MAX_LENGTH - 1))
    with pytest.raises(FormulaError, match=f"{MAX_LENGTH + 1} characters") as error:
        parse("1" + " " * MAX_LENGTH)
    assert error.value.position == MAX_LENGTH


@pytest.mark.parametrize(
    "nest",
    [
        lambda depth: "not " * depth + "a",
        lambda depth: "-" * depth + "a",
        lambda depth: "abs(" * depth + "a" + ")" * depth,
        lambda depth: "a" + " + a" * depth,
        lambda depth: "if(a, 1, " * depth + "a" + ")" * depth,
    ],
)
def test_a_formula_has_a_greatest_depth(nest: object) -> None:
    assert callable(nest)
    parse(nest(MAX_DEPTH - 1))
    with pytest.raises(FormulaError, match="nested more than"):
        parse(nest(MAX_DEPTH))
    with pytest.raises(FormulaError, match="nested more than"):
        parse(nest(1_000))


def test_brackets_are_not_depth() -> None:
    assert parse("(" * 5_000 + "a" + ")" * 5_000) == parse("a")


@given(st.text(max_size=60) | st.text("ab1.%'()$ =<>!+-*/,\n", max_size=40))
def test_any_text_parses_or_says_where_it_fails(text: str) -> None:
    error = _error(text)
    if error is not None:
        assert 0 <= error.position <= len(text)
        assert error.length >= 1
        assert error.message.strip()


def _error(text: str) -> FormulaError | None:
    try:
        parse(text)
    except FormulaError as error:
        return error
    return None


def _all(node: Node) -> list[Node]:
    found = [node]
    for each in fields(node):
        value = getattr(node, each.name)
        for inner in value if isinstance(value, tuple) else (value,):
            found += _all(inner) if isinstance(inner, Node) else []
    return found
