"""The colours of charts: names of design tokens, and what they are in light and in dark.

A chart in a page names tokens (`var(--ink)`) and takes their values from the stylesheet; one that stands alone (an image, a
mail, a report) carries the values with it. A test holds them to `tokens.css`.
"""

from __future__ import annotations

from typing import Literal

Tone = Literal["page", "light"]

LIGHT_DARK: dict[str, tuple[str, str]] = {
    "surface": ("#ffffff", "#191918"),
    "line": ("#e8e7e2", "#2b2b28"),
    "line-strong": ("#d3d2cb", "#42413c"),
    "control-line": ("#8f8e86", "#77766e"),
    "ink": ("#1b1b19", "#edece7"),
    "ink-2": ("#54534d", "#b4b3ab"),
    "ink-3": ("#696861", "#96958c"),
    "accent": ("#1d58b0", "#85b3f4"),
    "critical-mark": ("#c5281c", "#f26b5e"),
    "critical-ink": ("#b0231a", "#ff9b90"),
    "critical-wash": ("#fdf1ef", "#2d1714"),
    "favour-mark": ("#23855a", "#4fb786"),
    "favour-ink": ("#1a6b47", "#74cda2"),
    "favour-wash": ("#eef7f2", "#12241b"),
}


def colour(name: str, tone: Tone = "page") -> str:
    """The colour of that token for a page (a variable) or for paper and mail (its light value); KeyError: no such token."""
    light = LIGHT_DARK[name][0]
    return f"var(--{name})" if tone == "page" else light


def style() -> str:
    """The style sheet that an image of a chart carries: every token, in light and in dark."""
    light = "".join(f"--{name}:{pair[0]};" for name, pair in LIGHT_DARK.items())
    dark = "".join(f"--{name}:{pair[1]};" for name, pair in LIGHT_DARK.items())
    return f"svg{{{light}}}@media (prefers-color-scheme:dark){{svg{{{dark}}}}}"
