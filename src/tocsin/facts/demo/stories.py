"""What happens to the accounts, and why: the stories, their shares, and the truth that is kept out of the facts.

| story | the cause | what follows | cases that mislead |
|---|---|---|---|
| healthy | none | steady use, payment, renewal | a few leave without warning |
| growth | a new use case fills the seats | full licences, an upgrade | some stay full and do not buy |
| champion_leaves | the champion is deleted or moves on | use falls, tickets, churn | a successor rescues it, or no harm |
| silent_churn | the need goes away unsaid | use fades, few tickets, good NPS, no renewal | the same fade, then a renewal |
| noisy_healthy | a demanding customer | many tickets, errors, volatile weeks, renewal | a few do leave |
| seasonal | their business rests in summer and December | deep dips, back again | one in ten does not come back |
| stalled_onboarding | the project has no owner | stuck stage, missed milestones, few logins | some recover late |
| late_payer | their accounts department | overdue again and again, otherwise fine | some cannot pay and leave |
| integration_removed | their IT disconnects the feed | use drops within two weeks | connected again, or they live with it |
| support_crisis | a bad release | critical tickets, lower use, the CSM steps in | not rescued |
| trial | they try the product | convert or not | keen ones that do not buy, idle ones that do |
| price_shopper | a cost review | pricing pages, downgrade | some leave, some come back up |
| dormant_small | bought and hardly used | few logins for ever | half renew all the same |

The first two columns are causes; all else is drawn from them by the other files of this package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from tocsin.facts.demo import plots
from tocsin.facts.demo.draws import dice, spread
from tocsin.facts.demo.life import Life, draft
from tocsin.facts.demo.window import Window


@dataclass(frozen=True)
class Story:
    """A story: its share of the accounts, its cases with their weights, and how it sets an account's causes.

    tell(life, case, when): `when` in [0, 1) places the story in time; the last third is happening now.
    """

    share: float
    cases: tuple[tuple[str, float], ...]
    tell: Callable[[Life, str, float], None]


@dataclass(frozen=True)
class Truth:
    """What was really the matter with an account: never part of the facts."""

    story: str
    case: str
    churned: bool
    dates: Mapping[str, date]


STORIES: Mapping[str, Story] = {
    "healthy": Story(53.0, (("stays", 96), ("leaves_unwarned", 4)), plots.healthy),
    "growth": Story(6.5, (("upgrades", 70), ("stays_full", 30)), plots.growth),
    "champion_leaves": Story(5.5, (("churns", 60), ("rescued", 25), ("unharmed", 15)), plots.champion_leaves),
    "silent_churn": Story(4.5, (("churns", 82), ("renews", 18)), plots.silent_churn),
    "noisy_healthy": Story(4.0, (("stays", 90), ("leaves", 10)), plots.noisy_healthy),
    "seasonal": Story(4.0, (("returns", 90), ("leaves", 10)), plots.seasonal),
    "stalled_onboarding": Story(4.0, (("churns", 45), ("recovers", 35), ("limps", 20)), plots.stalled_onboarding),
    "late_payer": Story(3.5, (("stays", 80), ("leaves", 20)), plots.late_payer),
    "integration_removed": Story(3.0, (("churns", 35), ("reconnects", 40), ("adapts", 25)), plots.integration_removed),
    "support_crisis": Story(3.0, (("rescued", 78), ("churns", 22)), plots.support_crisis),
    "trial": Story(3.5, (("converts", 52), ("expires", 48)), plots.trial),
    "price_shopper": Story(2.5, (("downgrades", 70), ("churns", 30)), plots.price_shopper),
    "dormant_small": Story(3.0, (("stays", 50), ("churns", 50)), plots.dormant_small),
}
_DECK = 200


@cache
def _deck(seed: int) -> tuple[tuple[str, int], ...]:
    """The stories of 200 accounts in a row, evenly mixed, each with its number within its story."""
    places = []
    for name, story in STORIES.items():
        rng, count = dice(seed, "deck", name), round(story.share * _DECK / 100)
        places += [((turn + rng.random()) / count, name) for turn in range(count)]
    turns = dict.fromkeys(STORIES, 0)
    deck = []
    for _, name in sorted(places):
        deck.append((name, turns[name]))
        turns[name] += 1
    return tuple(deck)


def cast(index: int, seed: int, window: Window) -> Life:
    """The account of that number with its story told."""
    round_, place = divmod(index, _DECK)
    name, turn = _deck(seed)[place]
    story = STORIES[name]
    chance, when = spread(turn + round_ * round(story.share * _DECK / 100), dice(seed, "phase", name).random())
    life = draft(index, seed, window)
    life.story, life.case = name, _case(story, chance)
    life.internal = index % 67 == 41
    story.tell(life, life.case, when)
    plots.everyday(life)
    return life


def _case(story: Story, chance: float) -> str:
    left = chance * sum(weight for _, weight in story.cases)
    for case, weight in story.cases:
        left -= weight
        if left < 0:
            return case
    return story.cases[-1][0]


def stories(accounts: int, until: datetime, seed: int = 7) -> dict[str, Truth]:
    """Account id -> what was really the matter, for tests and backtests.

    `dates` are days (UTC) by their names, such as `champion_left`, `decline`, `churned`; those of what is still to come are
    later than `until`. `churned` says whether the account has churned by `until`.
    """
    window = Window(until)
    told = {}
    for index in range(accounts):
        life = cast(index, seed, window)
        dates = {name: window.day_of(day) for name, day in life.marks.items()}
        told[life.id] = Truth(life.story, life.case, life.gone, dates)
    return told
