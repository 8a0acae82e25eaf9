"""Importing events from Parquet and CSV, validated, deduplicated and joined, beside the engine's own COPY of the same file.

`python -m tests.bench.imports` (or `make bench-import EVENTS=10000000`). Both sides end with the data committed in a file.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tests.bench.running import Figures, folder, parser, report
from tocsin.facts.bench import import_ratio


def main(argv: Sequence[str]) -> Figures:
    """Measure and tell."""
    options = parser(__doc__)
    options.add_argument("--events", type=int, default=10_000_000, help="events of the file (default: %(default)s)")
    given = options.parse_args(argv)
    with folder() as place:
        found = import_ratio(given.events, place)
    kinds = ("parquet", "csv")
    rows = [(kind, *(found[f"{kind}_{what}"] for what in ("copy_seconds", "import_seconds", "ratio"))) for kind in kinds]
    columns = (f"{given.events:,} events", "COPY, seconds", "import, seconds", "ratio")
    return report(columns, rows, {"import": found}, given.json)


if __name__ == "__main__":
    main(sys.argv[1:])
