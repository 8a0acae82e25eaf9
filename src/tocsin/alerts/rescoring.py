"""When health was first looked at by another version of a profile: what opens by it then is no news of any customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tocsin.alerts.models import Sweep

if TYPE_CHECKING:
    from tocsin.core.rules import Rule
    from tocsin.engine import Book

# A version that came into force longer ago was looked at by now, even where the data of a rule were late for weeks.
FARTHEST = timedelta(days=30)
NONE = timedelta(0)
WHY = "health is scored by another version of its profile"


@dataclass(frozen=True)
class FirstLooks:
    """Rule id -> spans (ends included) from where a version came into force to the first sweep that judged the rule by it."""

    spans: Mapping[str, Sequence[tuple[datetime, datetime]]] = field(default_factory=dict)

    def at(self, rule_id: str, since: datetime) -> bool:
        """Whether what was first seen true at a moment was so by another way of scoring, and not by what happened."""
        return any(start <= since <= end for start, end in self.spans.get(rule_id, ()))


def first_looks(book: Book, rules: Sequence[Rule], moment: datetime) -> FirstLooks:
    """The spans for those of the rules that are about health, as of a moment; a look at this moment is one of them."""
    longest = max((rule.hold or NONE for rule in rules), default=NONE)
    published = {each.published_at for each in book.health.versions}
    turns = sorted(each for each in published if moment - longest - FARTHEST < each <= moment)
    if not turns:
        return FirstLooks()
    from tocsin.engine import of_scores  # here, so that who only lists alerts loads no engine

    ours = book.once(rules, of_scores)
    spans: dict[str, list[tuple[datetime, datetime]]] = {rule_id: [] for rule_id in ours}
    for turn in turns if ours else ():
        waiting = set(ours)
        since = Sweep.objects.filter(as_of__gte=turn, as_of__lte=moment).order_by("as_of", "id")
        for as_of, unknown in since.values_list("as_of", "unknown").iterator(chunk_size=50):
            for rule_id in waiting - unknown.keys():
                spans[rule_id].append((turn, as_of))
            waiting &= unknown.keys()
            if not waiting:
                break
        for rule_id in waiting:
            spans[rule_id].append((turn, moment))
    return FirstLooks(spans)
