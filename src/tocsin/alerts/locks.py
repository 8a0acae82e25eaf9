"""Who may write what follows from judging: one at a time, and not for long."""

from __future__ import annotations

import threading

# Sweeps, and pulses of conditions, take turns from their first look at the facts on: what one of them has judged another may
# have overtaken. A pulse of rows does not wait for that, only for the writing.
sweeping = threading.Lock()
writing = threading.Lock()
