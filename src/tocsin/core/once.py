"""What one request asks several times is asked once: who there is on our side, what is in force.

A request so sees the same answers throughout, as they were when it asked first. Outside of a request, in sweeps and commands,
nothing is kept. Who changes what was asked for says so with `forget`, so that the same request sees its own changes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast

T = TypeVar("T")
_answers: ContextVar[dict[Hashable, Any] | None] = ContextVar("answers", default=None)


@contextmanager
def request() -> Iterator[None]:
    """While this lasts, in this thread or task, answers are kept."""
    token = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(token)


def once(key: Hashable, make: Callable[[], T]) -> T:
    """The answer kept under the key in this request, asked for where there is none. Keys begin with the name of their room."""
    answers = _answers.get()
    if answers is None:
        return make()
    if key not in answers:
        answers[key] = make()
    return cast("T", answers[key])


def forget(key: Hashable) -> None:
    """The answer is another one from now on."""
    answers = _answers.get()
    if answers is not None:
        answers.pop(key, None)
