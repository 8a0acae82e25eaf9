"""The demo book of business: invented customers whose behaviour follows from causes, so that alerts have something to find.

Each account lives one of the stories of `stories.py`. A story sets the causes (a champion leaves, an integration is cut off,
a new use case fills the seats) and their days; the other files draw what follows from them: who logs in and what they use
(`usage.py`), who joins and leaves (`people.py`), what is bought, billed and renewed (`commerce.py`), what is complained of
(`support.py`), how it is cared for (`care.py`) and how far it has come (`journey.py`). Nothing of the story itself is written
to the facts; `stories()` tells it to tests and backtests.

Everything is drawn from (accounts, until, seed) alone: the same three give the same files, byte for byte.
"""

from __future__ import annotations

from tocsin.facts.demo.book import DemoSummary, generate, write_book
from tocsin.facts.demo.stories import STORIES, Truth, stories

__all__ = ["STORIES", "DemoSummary", "Truth", "generate", "stories", "write_book"]
