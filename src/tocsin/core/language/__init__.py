"""The formula language: text -> syntax tree (`parse`) -> typed terms (`check`) -> words (`english`)."""

from tocsin.core.language.check import check
from tocsin.core.language.english import clears, describe, english, negation
from tocsin.core.language.errors import FormulaError, suggestion
from tocsin.core.language.names import Names
from tocsin.core.language.nodes import Node, Value
from tocsin.core.language.parameters import parameter
from tocsin.core.language.parse import parse
from tocsin.core.language.substitute import bound, substituted
from tocsin.core.language.terms import Term

Typed = Term

__all__ = [
    "FormulaError",
    "Names",
    "Node",
    "Term",
    "Typed",
    "Value",
    "bound",
    "check",
    "clears",
    "describe",
    "english",
    "negation",
    "parameter",
    "parse",
    "substituted",
    "suggestion",
]
