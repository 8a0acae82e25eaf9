"""Something that was set up, with the secret that the other side has to know: shown once, and kept nowhere in the open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """What was set up or changed. secret: where we made it and the other side needs it, this once; '' otherwise."""

    what: T
    secret: str = field(default="", repr=False)
