"""What stays is passed over by collections; what is garbage is collected all the same."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from tocsin import heap


class Knot:
    """Something that holds itself."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def test_what_stays_is_passed_over_until_it_is_settled_again() -> None:
    kept = [Knot()]
    heap.settle()
    assert gc.get_freeze_count() > 0
    seen = weakref.ref(kept.pop())
    gc.collect()
    assert seen() is not None, "it was taken for what stays"
    heap.settle()
    assert seen() is None


def test_at_the_end_all_can_be_collected() -> None:
    kept = [Knot()]
    heap.settle()
    seen = weakref.ref(kept.pop())
    heap.release()
    gc.collect()
    assert seen() is None


def test_what_comes_later_is_collected_as_ever() -> None:
    heap.settle()
    seen = weakref.ref(Knot())
    gc.collect()
    assert seen() is None


def test_it_is_collected_more_seldom() -> None:
    gc.set_threshold(700, 10, 10)
    heap.ease()
    assert gc.get_threshold() == heap.THRESHOLDS
    assert heap.THRESHOLDS[0] > 700
