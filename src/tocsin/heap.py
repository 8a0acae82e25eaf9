"""The garbage collector at ease: a full collection looks at every object, and all threads stand still until it has.

A server holds several hundred thousand objects that stay for good: modules, templates, caches. To look at all of them takes a
quarter of a second, which it would do several times in each sweep; pages, events and alerts wait meanwhile.
"""

from __future__ import annotations

import gc

THRESHOLDS = (5000, 10, 20)  # instead of 700, 10, 10: of objects that a sweep makes, most are gone before they are looked at


def ease() -> None:
    """Collect more seldom from now on."""
    gc.set_threshold(*THRESHOLDS)


def settle() -> None:
    """Collect once, and take all that is left for what stays: no collection looks at it until this is called again."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def release() -> None:
    """Let all be collected again, as the end of the process wants it: libraries complain of what they find still held."""
    gc.unfreeze()
