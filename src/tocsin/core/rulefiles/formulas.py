"""The formulas of rule files: where they stand, what they use, and whether they are right."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from tocsin.core.language import FormulaError, Names, Node, Value, check, parse, suggestion
from tocsin.core.language.nodes import Aggregate, Parameter, Path
from tocsin.core.language.terms import Type
from tocsin.core.rulefiles.marked import Scalar
from tocsin.core.rulefiles.report import Report
from tocsin.core.schema import COLLECTIONS, derived_columns


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula and what it must be.

    what:   how messages call it, such as `when` in its quotes.
    row:    it is a filter on rows of this collection. given: the collection of the triggering row.
    expect: the type that the whole must have; None: any.
    """

    what: str
    text: Scalar
    subject: str = "account"
    row: str | None = None
    given: str | None = None
    expect: Type | None = "boolean"


def parsed(report: Report, formula: Formula) -> Node | None:
    """The syntax tree; None, and told with its place in the file, where it cannot be read."""
    try:
        return parse(formula.text.text)
    except FormulaError as error:
        report(formula.text.at(error.position), f"{formula.what}: {error.message}")
        return None


def undefined_parameters(report: Report, formula: Formula, node: Node, params: Collection[str]) -> bool:
    """Tell each `$name` that `with` does not define; whether there are any."""
    missing = [each for each in walk(node) if isinstance(each, Parameter) and each.name not in params]
    for each in missing:
        hint = suggestion(each.name, params) or "; define it under `with`"
        report(formula.text.at(each.span.start), f"{formula.what}: unknown parameter '${each.name}'{hint}")
    return bool(missing)


def checked(
    report: Report, formula: Formula, node: Node, names: Names, variants: Sequence[Mapping[str, Value]] = ({},)
) -> None:
    """Names and types, once for each set of parameters that the rule can have."""
    for params in variants:
        try:
            check(node, formula.subject, names, params, formula.expect, row=formula.row, given=formula.given)
        except FormulaError as error:
            for each in error.all:
                report(formula.text.at(each.position), f"{formula.what}: {each.message}")
            return


def parameters_of(node: Node) -> set[str]:
    """The `$names` of a formula."""
    return {each.name for each in walk(node) if isinstance(each, Parameter)}


def names_of(node: Node, row: str | None = None) -> Iterator[str]:
    """The bare names of a formula that may be signals: not columns of the row that a filter looks at, nor attributes."""
    columns = {*COLLECTIONS[row].names, *derived_columns(COLLECTIONS[row])} if row else set()
    if isinstance(node, Path):
        if node.second is None and node.first not in columns and node.first not in COLLECTIONS["accounts"]:
            yield node.first
        return
    if isinstance(node, Aggregate):
        if node.path.first == "accounts" and node.path.second is not None:
            yield from names_of(Path(node.path.span, node.path.second))
        for part, inside in ((node.where, node.path.first), (node.window, row)):
            if part is not None:
                yield from names_of(part, inside if inside in COLLECTIONS else None)
        return
    for each in _children(node):
        yield from names_of(each, row)


def cycle(name: str, formulas: Mapping[str, Node]) -> list[str] | None:
    """The names on the way from a signal back to itself, such as [a, b, a]; None where there is no such way."""
    uses = {each: sorted({other for other in names_of(node) if other in formulas}) for each, node in formulas.items()}
    trail, seen = [[name]], set()
    while trail:
        way = trail.pop(0)
        for following in uses[way[-1]]:
            if following == name:
                return [*way, name]
            if following not in seen:
                seen.add(following)
                trail.append([*way, following])
    return None


def walk(node: Node) -> Iterator[Node]:
    """A node and all nodes below it."""
    yield node
    for each in _children(node):
        yield from walk(each)


def _children(node: Node) -> Iterator[Node]:
    for each in fields(node):
        held = getattr(node, each.name)
        for part in held if isinstance(held, tuple) else (held,):
            if isinstance(part, Node):
                yield part
