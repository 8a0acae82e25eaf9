"""The most memory that a piece of work took."""

from __future__ import annotations

import resource
from pathlib import Path


def forget_peak() -> None:
    """Let the peak of resident memory begin anew, where the system can (Linux)."""
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")


def peak() -> int:
    """The peak of resident memory in bytes: since it was last forgotten, or of the whole process."""
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [each for each in status.read_text().splitlines() if each.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
