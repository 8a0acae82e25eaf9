"""The project's own oracle: the formula language read a second time, in plain loops, to hold the engine against.

One formula, one subject, one moment. Slow and simple: no plan, no SQL, nothing shared with the engine but the parser.
"""

from tests.oracle.evaluate import Oracle
from tests.oracle.facts import Facts, Row, Rows

__all__ = ["Facts", "Oracle", "Row", "Rows"]
