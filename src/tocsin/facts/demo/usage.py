"""Events: who signs in on which day, and what they do then. Drawn for blocks of accounts at once, without a loop over events.

A person's chance of a day is their habit, times the account's engagement on that day (story, season, weekly noise), times the
market's rhythm. On such a day they sign in once and do a few things; what they do depends on the features that the account
has, on its errors and on its interest in prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.facts.demo import product
from tocsin.facts.demo.draws import Draws, dice, to_unit
from tocsin.facts.demo.life import Life
from tocsin.facts.demo.people import Person
from tocsin.facts.demo.sheets import instants
from tocsin.facts.demo.window import SPAN, Floats, Window

Ints = npt.NDArray[np.int64]

PER_ACCOUNT = 1000  # a person's number is account index * PER_ACCOUNT + place
_FEED_EVENTS = 4.0
_ACTIONS = 0.75  # actions on a day besides the sign-in, at ordinary engagement


def engagement(life: Life, seed: int) -> Floats:
    """The account's engagement on each day of the window: 1 is ordinary, 0 before it came and after it left."""
    window = life.window
    days = np.arange(window.days, dtype=np.float64)
    level = np.interp(days, [each[0] for each in life.curve], [each[1] for each in life.curve]) * life.level
    rng, noise, weeks = dice(seed, life.index, "weeks"), 0.0, []
    for _ in range(window.days // 7 + 2):
        noise = 0.6 * noise + 0.8 * rng.gauss(0, life.volatility)
        weeks.append(noise)
    level *= np.exp(np.interp(days, np.arange(len(weeks)) * 7.0, weeks) - life.volatility**2 / 2)
    if life.season:
        level *= 1 - life.season * _off_season(window)
    level[days + 1 <= life.created] = 0
    level[days > life.end] = 0
    return level


def _off_season(window: Window) -> Floats:
    """1 in August and around the new year, 0 elsewhere, with ramps of ten days."""
    of_year = np.array([day.timetuple().tm_yday for day in window.dates], dtype=np.float64)
    summer = np.interp(of_year, (205, 215, 240, 250), (0, 1, 1, 0))
    winter = np.interp(of_year, (8, 16, 336, 346), (1, 0, 0, 1))
    return np.maximum(summer, winter)


@dataclass
class Block:
    """Accounts whose events are drawn together, with the people of each."""

    window: Window
    seed: int
    lives: list[Life]
    staff: list[list[Person]]


@dataclass
class _Cast:
    """The people of a block as arrays."""

    account: Ints  # the place of the account in the block
    number: Ints
    habit: Floats
    start: Floats
    end: Floats
    minutes: Floats
    service: npt.NDArray[np.bool_]  # no person, but a feed that sends by itself
    ids: list[str | None]


def _cast(block: Block) -> _Cast:
    listed = [
        (place, life, turn, person)
        for place, (life, staff) in enumerate(zip(block.lives, block.staff, strict=True))
        for turn, person in enumerate(staff)
    ]
    return _Cast(
        account=np.array([place for place, _, _, _ in listed], dtype=np.int64),
        number=np.array([life.index * PER_ACCOUNT + turn for _, life, turn, _ in listed], dtype=np.int64),
        habit=np.array([person.habit for *_, person in listed], dtype=np.float64),
        start=np.array([max(person.created, life.created, 0.0) for _, life, _, person in listed], dtype=np.float64),
        end=np.array(
            [life.end if person.deleted is None else min(life.end, person.deleted) for _, life, _, person in listed],
            dtype=np.float64,
        ),
        minutes=np.array([person.minutes for *_, person in listed], dtype=np.float64),
        service=np.array([person.service for *_, person in listed], dtype=np.bool_),
        ids=[None if person.service else person.id for *_, person in listed],
    )


def _away(block: Block, people: int) -> npt.NDArray[np.bool_]:
    """Per person and day: whether they are away."""
    rows, starts, ends, row = [], [], [], 0
    for staff in block.staff:
        for person in staff:
            for start, end in person.away:
                rows.append(row)
                starts.append(min(SPAN + 1, max(0, int(start))))
                ends.append(min(SPAN + 1, max(0, int(end))))
            row += 1
    steps = np.zeros((people, block.window.days + 1), dtype=np.int16)
    np.add.at(steps, (rows, starts), 1)
    np.add.at(steps, (rows, ends), -1)
    return np.cumsum(steps, axis=1)[:, : block.window.days] > 0


def _windows(block: Block, base: list[float], spans: list[list[tuple[float, float, float]]]) -> Floats:
    """Per account and day: a rate with its usual value, and others in some spans (from, until, rate)."""
    rates = np.repeat(np.array(base)[:, None], block.window.days, axis=1)
    for row, each in enumerate(spans):
        for start, end, rate in each:
            rates[row, max(0, int(start)) : max(0, int(end))] = rate
    return rates


@dataclass
class Days:
    """Days on which somebody signed in: place of the account, row of the person, day."""

    account: Ints
    person: Ints
    day: Ints


class Usage:
    """The events of a block."""

    def __init__(self, block: Block) -> None:
        self.block, self.cast = block, _cast(block)
        self.level = np.stack([engagement(life, block.seed) for life in block.lives])
        self.days = self._sign_ins()

    def _sign_ins(self) -> Days:
        cast, window = self.cast, self.block.window
        chance = cast.habit[:, None] * self.level[cast.account] * window.rhythm[None, :]
        chance = np.minimum(chance, 0.97)
        day = np.arange(window.days, dtype=np.float64)[None, :]
        chance[(day + 1 <= cast.start[:, None]) | (day > cast.end[:, None]) | _away(self.block, len(cast.habit))] = 0
        keys = cast.number[:, None] * (SPAN + 2) + np.arange(window.days, dtype=np.int64)[None, :]
        rows, days = np.nonzero(Draws(self.block.seed, "days").uniform(keys) < chance)
        return Days(cast.account[rows], rows.astype(np.int64), days.astype(np.int64))

    def weekly_people(self) -> tuple[Ints, Ints, Ints]:
        """Account (place in the block), week of the window, and how many people signed in in it."""
        weeks = SPAN // 7 + 1
        signed_in = ~self.cast.service[self.days.person]
        person_weeks = np.unique(self.days.person[signed_in] * weeks + self.days.day[signed_in] // 7)
        account = self.cast.account[person_weeks // weeks]
        cells, counts = np.unique(account * weeks + person_weeks % weeks, return_counts=True)
        return cells // weeks, cells % weeks, counts.astype(np.int64)

    def table(self, first_id: int) -> pa.Table:
        """The block's events in order of account and time; ids count from `first_id`."""
        block, cast, days = self.block, self.cast, self.days
        keys = cast.number[days.person] * (SPAN + 2) + days.day
        level = self.level[days.account, days.day]
        busy = _ACTIONS * np.clip(level, 0.05, 2.0) ** 0.35 * np.where(cast.minutes[days.person] > 2, 3.0, 1.0)
        draws = Draws(block.seed, "actions")
        busy = np.where(cast.service[days.person], _FEED_EVENTS, busy)
        length = busy * (0.3 + 1.4 * draws.uniform(keys * 2))
        per_day = 1 + np.floor(length + draws.uniform(keys * 2 + 1)).astype(np.int64)
        source = np.repeat(np.arange(len(keys)), per_day)
        turn = np.arange(len(source)) - np.repeat(np.cumsum(per_day) - per_day, per_day)
        account, person, day = days.account[source], days.person[source], days.day[source]
        bits = Draws(block.seed, "events").keys(keys[source] * 16 + turn)
        at = self._times(keys, source, turn, bits)
        code = self._codes(account, day, turn, bits)
        fed, cut = cast.service[person], self._cuts()[account]
        code = np.where(fed, np.where((day >= cut[:, 0]) & (day < cut[:, 1]), -1, product.FEED_EVENT), code)
        keep = (at >= cast.start[person]) & (at < cast.end[person]) & (code >= 0)
        order = np.flatnonzero(keep)
        order = order[np.lexsort((at[order], account[order]))]
        return self._columns(first_id, account[order], person[order], at[order], code[order], bits[order])

    def _times(self, keys: Ints, source: Ints, turn: Ints, bits: npt.NDArray[np.uint64]) -> Floats:
        """The instants: a working day's hours where the account is, then one action after the other."""
        draws = Draws(self.block.seed, "hours")
        early, late = draws.uniform(keys * 2), draws.uniform(keys * 2 + 1)
        clocks = np.array([life.clock for life in self.block.lives], dtype=np.float64)
        hour = 7.2 + 4.6 * (early + late) - clocks[self.days.account]
        gap = 0.05 + 0.4 * draws.uniform(keys * 2 + 1_000_003)
        jitter = to_unit(bits << np.uint64(20)) * 0.8
        hours = hour[source] + gap[source] * (turn + np.where(turn > 0, jitter, 0))
        return np.asarray(self.days.day[source] + hours / 24, dtype=np.float64)

    def _codes(self, account: Ints, day: Ints, turn: Ints, bits: npt.NDArray[np.uint64]) -> Ints:
        """What each event is; -1 for what did not happen because the account does not have that feature then."""
        block = self.block
        drawn = to_unit(bits)
        errors = _windows(block, [life.error_rate for life in block.lives], [life.errors for life in block.lives])
        curious = _windows(
            block, [0.004] * len(block.lives), [[(*span, 0.25) for span in life.curious] for life in block.lives]
        )
        error, pricing = errors[account, day], curious[account, day]
        choice = to_unit(bits << np.uint64(13))
        code = self._features(account, day, drawn, bits)
        page = np.where(choice < pricing, product.PRICING, np.where(choice < 0.7, product.HOME, product.SETTINGS))
        click = np.where(choice < pricing * 0.4, product.UPGRADE, np.where(choice < 0.45, product.HELP, product.FILTER))
        code = np.where(drawn < 0.24, product.NOTE, code)
        code = np.where(drawn < 0.22, click, code)
        code = np.where(drawn < 0.15, page, code)
        code = np.where(to_unit(bits << np.uint64(31)) < error, product.ERROR, code)
        return np.where(turn == 0, product.LOGIN, code)

    def _features(self, account: Ints, day: Ints, drawn: Floats, bits: npt.NDArray[np.uint64]) -> Ints:
        """The feature that is used: by popularity among those that the account has on that day."""
        block, count = self.block, len(product.FEATURES)
        weights = np.zeros((len(block.lives), count))
        spans = np.zeros((len(block.lives), count, 2))
        for row, life in enumerate(block.lives):
            rng = dice(block.seed, life.index, "features")
            spans[row] = product.adoption(life, rng)
            taste = [popular * (0.5 + rng.random()) for _, _, popular, _ in product.FEATURES]
            for fed in product.FED if life.cut else ():
                taste[fed] *= 3  # the feed was what they came for
                spans[row, fed] = (min(spans[row, fed, 0], life.created + 15), product.NEVER)
            weights[row] = np.where(spans[row, :, 0] < product.NEVER, taste, 0)
        shares = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
        wanted = to_unit(bits << np.uint64(7))
        feature = np.zeros(len(account), dtype=np.int64)
        for place in range(count - 1):
            feature += wanted >= shares[account, place]
        span = spans[account, feature]
        unborn = (day < span[:, 0]) | (day > span[:, 1])
        feature = np.where(unborn, 0, feature)
        cut = self._cuts()[account]
        lost = np.isin(feature, product.FED) & (day >= cut[:, 0]) & (day < cut[:, 1])
        return np.where(lost & (drawn < 0.9), -1, feature + product.FIRST_FEATURE)

    def _cuts(self) -> Floats:
        """Per account the days from and until which its feed is cut off."""
        spans = [life.cut or (product.NEVER, product.NEVER) for life in self.block.lives]
        return np.array([(start, product.NEVER if end is None else end) for start, end in spans])

    def _columns(
        self, first_id: int, account: Ints, person: Ints, at: Floats, code: Ints, bits: npt.NDArray[np.uint64]
    ) -> pa.Table:
        cast, total = self.cast, len(code)
        numbers = pa.array(np.arange(first_id, first_id + total)).cast(pa.string())
        odd = to_unit(bits << np.uint64(40))
        api = code == product.FIRST_FEATURE + 11
        unknown = odd < 0.001
        names = [*cast.ids, *(f"visitor-{life.id}" for life in self.block.lives)]
        persons = np.where(unknown, len(cast.ids) + account, person)
        used = code >= product.FIRST_FEATURE
        length = to_unit(bits << np.uint64(26))
        minutes = np.where(used, 2 + 20 * length * length, 0.5 + 2 * length) * cast.minutes[person]
        return pa.table(
            {
                "id": pc.binary_join_element_wise("E", numbers, ""),
                "account_id": _named(account, [life.id for life in self.block.lives]),
                "person_id": _named(persons, names, api & (odd > 0.5)),
                "name": _named(code, product.EVENT_NAMES),
                "at": pa.array(instants(at, self.block.window), type=pa.timestamp("us", tz="UTC")),
                "kind": _named(code, product.EVENT_KINDS),
                "feature": _named(code, product.EVENT_FEATURES),
                "minutes": pa.array(np.round(minutes * 4) / 4, mask=code == product.LOGIN),
                "properties": _properties(code, odd),
            }
        )


def _named(codes: Ints, names: Any, empty: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Names by their codes, kept as a dictionary of distinct names: the file stores each once."""
    distinct = list(dict.fromkeys(name for name in names if name is not None))
    places = {name: place for place, name in enumerate(distinct)}
    indices = np.array([places.get(name, -1) for name in names], dtype=np.int32)[codes]
    nameless = indices < 0 if empty is None else (indices < 0) | empty
    return pa.DictionaryArray.from_arrays(pa.array(indices, mask=nameless), pa.array(distinct, type=pa.string()))


def _properties(code: Ints, drawn: Floats) -> pa.Array:
    """JSON texts by the event's code; empty for most."""
    texts: list[str | None] = [None]
    place = np.zeros(len(code), dtype=np.int64)
    for each, variants in product.PROPERTIES.items():
        chosen = len(texts) + (drawn * len(variants)).astype(np.int64)
        place = np.where(code == each, chosen, place)
        texts += variants
    return _named(place, texts)
