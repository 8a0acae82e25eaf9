"""From text to the syntax tree."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache, lru_cache
from pathlib import Path as File
from typing import Any

from lark import Lark, Token, v_args
from lark.exceptions import LarkError, UnexpectedCharacters, UnexpectedEOF, UnexpectedToken, VisitError
from lark.tree import Meta
from lark.visitors import Transformer_NonRecursive

from tocsin.core.language import nodes
from tocsin.core.language.errors import FormulaError
from tocsin.core.language.nodes import Node, Span
from tocsin.core.moment import MomentError, parse_duration

MAX_LENGTH = 40_000  # characters of a formula
MAX_DEPTH = 120  # nested nodes: keeps every later pass far from Python's own limit

_WORDS = {  # what people call the terminals
    "NUMBER": "a number",
    "NAME": "a name",
    "TEXT": "a text in single quotes",
    "DURATION": "a duration such as 30d",
    "PARAMETER": "a parameter such as $days",
    "COMPARISON": "a comparison such as >=",
    "AGGREGATE": "an aggregate such as count(...)",
    "LPAR": "'('",
    "RPAR": "')'",
    "COMMA": "','",
    "DOT": "'.'",
    "IN_LAST": "'in last'",
    "IN_AFTER": "'in 7d after'",
    "SINCE": "'since'",
    "ADDITIVE": "'+' or '-'",
    "MULTIPLICATIVE": "'*' or '/'",
}
_VALUE_STARTS = {"NUMBER", "NAME", "TEXT", "AGGREGATE", "LPAR"}


def _span(meta: Meta, children: Sequence[Any] = ()) -> Span:
    """The place of a node; refuses a formula that is nested too deeply, before anything has to walk it."""
    depth = 1 + max((child.span.depth for child in children if isinstance(child, Node)), default=0)
    if depth > MAX_DEPTH:
        message = f"the formula is nested more than {MAX_DEPTH} levels deep; name parts of it as signals"
        raise FormulaError(message, meta.start_pos)
    return Span(meta.start_pos, meta.end_pos, depth)


@v_args(meta=True)
class _Builder(Transformer_NonRecursive[Token, Node]):
    """A method for each rule of the grammar; not recursive, so that no depth of nesting can exhaust the stack."""

    def negated(self, meta: Meta, children: list[Any]) -> Node:
        return nodes.Not(_span(meta, children), children[0])

    def disjunction(self, meta: Meta, children: list[Any]) -> Node:
        return nodes.Or(_span(meta, children), tuple(children))

    def conjunction(self, meta: Meta, children: list[Any]) -> Node:
        return nodes.And(_span(meta, children), tuple(children))

    def grouped(self, _meta: Meta, children: list[Any]) -> Node:
        node: Node = children[0]
        return node

    def compared(self, meta: Meta, children: list[Any]) -> Node:
        left, operator, right = children
        return nodes.Compare(_span(meta, children), operator.value, left, right)

    def among(self, meta: Meta, children: list[Any]) -> Node:
        return nodes.Among(_span(meta, children), children[0], tuple(children[1:]), negated=False)

    def not_among(self, meta: Meta, children: list[Any]) -> Node:
        return nodes.Among(_span(meta, children), children[0], tuple(children[1:]), negated=True)

    def is_null(self, meta: Meta, children: list[Any]) -> Node:
        return nodes.IsNull(_span(meta, children), children[0], negated=False)

    def is_not_null(self, meta: Meta, children: list[Any]) -> Node:
        return nodes.IsNull(_span(meta, children), children[0], negated=True)

    def between(self, meta: Meta, children: list[Any]) -> Node:
        return nodes.Between(_span(meta, children), *children)

    def contains(self, meta: Meta, children: list[Any]) -> Node:
        return nodes.Contains(_span(meta, children), *children)

    def arithmetic(self, meta: Meta, children: list[Any]) -> Node:
        left, operator, right = children
        return nodes.Arithmetic(_span(meta, children), operator.value, left, right)

    def negative(self, meta: Meta, children: list[Any]) -> Node:
        return nodes.Negative(_span(meta, children), children[1])

    def path(self, meta: Meta, children: list[Any]) -> Node:
        first, second = children
        return nodes.Path(_span(meta), str(first), None if second is None else str(second))

    def call(self, meta: Meta, children: list[Any]) -> Node:
        name, *arguments = children
        given = tuple(each for each in arguments if each is not None)
        return nodes.Call(_span(meta, given), str(name), given)

    def aggregate(self, meta: Meta, children: list[Any]) -> Node:
        function, path, where, window = children
        return nodes.Aggregate(_span(meta, children), function.value.lower(), path, where, window)

    def length(self, meta: Meta, children: list[Any]) -> Node:
        return self._parameter(children[0]) if children[0].type == "PARAMETER" else self.duration(meta, children)

    def in_last(self, meta: Meta, children: list[Any]) -> Node:
        return nodes.InLast(_span(meta, children), children[1])

    def after(self, meta: Meta, children: list[Any]) -> Node:
        return nodes.After(_span(meta, children), children[1], children[2])

    def since(self, meta: Meta, children: list[Any]) -> Node:
        return nodes.Since(_span(meta, children), children[1])

    def number(self, meta: Meta, children: list[Any]) -> Node:
        return nodes.Literal(_span(meta), float(children[0]))

    def percent(self, meta: Meta, children: list[Any]) -> Node:
        return nodes.Literal(_span(meta), float(children[0][:-1]) / 100, percent=True)

    def duration(self, meta: Meta, children: list[Any]) -> Node:
        try:
            return nodes.Literal(_span(meta), parse_duration(str(children[0])))
        except MomentError as error:
            raise FormulaError(str(error), meta.start_pos, len(children[0])) from error

    def text(self, meta: Meta, children: list[Any]) -> Node:
        return nodes.Literal(_span(meta), children[0][1:-1].replace("''", "'"))

    def day(self, meta: Meta, children: list[Any]) -> Node:
        written = children[0].split("'")[1]
        try:
            return nodes.Literal(_span(meta), date.fromisoformat(written))
        except ValueError as error:
            raise FormulaError(f"there is no date {written}", meta.start_pos, len(children[0])) from error

    def parameter(self, _meta: Meta, children: list[Any]) -> Node:
        return self._parameter(children[0])

    def true(self, meta: Meta, _children: list[Any]) -> Node:
        return nodes.Literal(_span(meta), value=True)

    def false(self, meta: Meta, _children: list[Any]) -> Node:
        return nodes.Literal(_span(meta), value=False)

    def null(self, meta: Meta, _children: list[Any]) -> Node:
        return nodes.Literal(_span(meta), None)

    @staticmethod
    def _parameter(token: Token) -> Node:
        start = token.start_pos or 0
        return nodes.Parameter(Span(start, start + len(token)), str(token)[1:])


_BUILDER = _Builder()


@cache
def _parser() -> Lark:
    """Made when a formula is read first, as many a command reads none."""
    return Lark(
        (File(__file__).parent / "grammar.lark").read_text(encoding="utf-8"),
        start="formula",
        parser="lalr",
        maybe_placeholders=True,
        propagate_positions=True,
    )


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """The syntax tree of a formula; FormulaError, with the place, where it cannot be read."""
    if len(text) > MAX_LENGTH:
        raise FormulaError(f"the formula has {len(text)} characters, more than {MAX_LENGTH}", MAX_LENGTH)
    if not text.strip():
        raise FormulaError("the formula is empty")
    try:
        tree = _BUILDER.transform(_parser().parse(text))
    except FormulaError:
        raise
    except VisitError as error:
        if isinstance(error.orig_exc, FormulaError):
            raise error.orig_exc from error
        raise
    except UnexpectedToken as error:
        raise _unexpected(text, error) from error
    except (UnexpectedCharacters, UnexpectedEOF) as error:
        raise _unreadable(text, error) from error
    except LarkError as error:
        raise FormulaError(f"the formula cannot be read: {error}") from error
    assert isinstance(tree, Node)
    return tree


def _unexpected(text: str, error: UnexpectedToken) -> FormulaError:
    token: Token = error.token
    expected = set(error.accepts or error.expected)
    if "NUMBER" in expected and expected >= _VALUE_STARTS:
        wanted = "a value was expected"
    else:
        known = sorted(_WORDS.get(name, name.lower().strip("_")) for name in expected if name != "$END")
        ends = ["the end of the formula"] if "$END" in expected else []
        wanted = "expected " + _one_of([*known[:7], *ends])
    if token.type == "$END":
        return FormulaError(f"the formula ends too early: {wanted}", len(text.rstrip()))
    hint = _hint(text, token)
    return FormulaError(f"{str(token)!r} stands there, {wanted}{hint}", token.start_pos or 0, len(token))


def _hint(text: str, token: Token) -> str:
    """What people who wrote this most often meant."""
    before = text[: token.start_pos or 0].rstrip()
    if str(token) == "=" and before.endswith(("=", "!", "<", ">")):
        return "; equality is a single ="
    if token.type == "TEXT" and before.lower().endswith("date"):
        return "; a date is written date '2026-01-31'"
    if token.type == "NAME" and str(token).lower() == "like":
        return "; use `contains` for a part of a text"
    return ""


def _unreadable(text: str, error: UnexpectedCharacters | UnexpectedEOF) -> FormulaError:
    if isinstance(error, UnexpectedEOF):
        return FormulaError("the formula ends too early", len(text.rstrip()))
    place: int = getattr(error, "pos_in_stream", None) or 0  # lark types it as always None
    found = text[place]
    if found == '"':
        return FormulaError("texts are written in single quotes: 'text'", place)
    if found == "'":
        return FormulaError("the text that begins here has no closing quote", place, len(text) - place)
    return FormulaError(f"{found!r} means nothing in a formula", place)


def _one_of(words: Sequence[str]) -> str:
    """`a, b or c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
