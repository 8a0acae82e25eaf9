"""What one request asks several times is asked once."""

from __future__ import annotations

import threading
from itertools import count

import pytest

from tocsin.core import once


def test_outside_of_a_request_nothing_is_kept() -> None:
    numbers = count()
    assert [once.once("n", lambda: next(numbers)) for _ in range(3)] == [0, 1, 2]


def test_within_a_request_an_answer_stands_until_it_is_forgotten() -> None:
    numbers = count()
    with once.request():
        assert [once.once("n", lambda: next(numbers)) for _ in range(3)] == [0, 0, 0]
        assert once.once("m", lambda: None) is None
        once.forget("n")
        assert [once.once("n", lambda: next(numbers)) for _ in range(2)] == [1, 1]
    with once.request():
        assert once.once("n", lambda: next(numbers)) == 2


def test_what_fails_is_asked_again() -> None:
    def fail() -> int:
        raise LookupError

    with once.request():
        with pytest.raises(LookupError):
            once.once("n", fail)
        assert once.once("n", lambda: 7) == 7


def test_threads_keep_to_themselves() -> None:
    found: list[int] = []
    with once.request():
        assert once.once("n", lambda: 1) == 1
        thread = threading.Thread(target=lambda: found.append(once.once("n", lambda: 2)))
        thread.start()
        thread.join()
    assert found == [2]
