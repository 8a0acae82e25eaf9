"""Marks of the health pages: scores, points and changes with their sign."""

from __future__ import annotations

import math
from typing import Any

from django import template
from django.template.context import Context

from tocsin.web import words

register = template.Library()


@register.simple_tag
def score_figure(score: float | None) -> str:
    """Points with one place (`38.7`); a dash for nothing."""
    return "–" if score is None else f"{score:.1f}"


@register.simple_tag
def score_mark(score: float) -> str:
    """A score as a whole number, never rounded up: what is not yet Good must not read as if it were."""
    return str(math.floor(score + 1e-9))


@register.simple_tag(takes_context=True)
def signed(context: Context, value: float, money: bool = False) -> str:
    """A change with its sign: `+3`, `−2.5`, `±0`; of money in the workspace's currency."""
    if money:
        said: Any = words.money(value, str(context.get("currency") or ""))
    else:
        said = f"{value:.1f}".removesuffix(".0").replace("-", "−")
    if said in ("0", "−0"):
        return "±0"
    return f"+{said}" if value > 0 else str(said)


@register.simple_tag
def lost(points: float) -> str:
    """Points that are missing from 100: `−26.6`."""
    return "0.0" if points < 0.05 else f"−{points:.1f}"
