"""Who may write what follows from judging: one at a time, and not for long."""

from __future__ import annotations

import threading

# Sweeps take turns from their first look at the facts on; a pulse does not wait for that, only for the writing.
sweeping = threading.Lock()
writing = threading.Lock()
