"""Tests of rules: small facts, and whom a rule must and must not fire for. A file `<rule>.test.yaml` beside the rule's own.

- `suite`: what a test file says, and what came of it. `rows`: the facts of a case, row by row, with their places.
- `read`: a test file, every problem told where it stands. `files`: those of a folder, with the rules beside them.
- `reach`: what a rule's verdict depends on. `shared`: which cases can live in one store, and that store.
- `run`: the cases judged or replayed, and compared with what was expected.
"""

from tocsin.catalog.testing.files import Bench, gather
from tocsin.catalog.testing.read import read_suite
from tocsin.catalog.testing.run import run_suite
from tocsin.catalog.testing.suite import COVERS, Case, Result, Suite

__all__ = ["COVERS", "Bench", "Case", "Result", "Suite", "gather", "read_suite", "run_suite"]
