"""Who acts, where a command does not say."""

from __future__ import annotations

import getpass


def me() -> str:
    """The user of this computer; `command line` where they have no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "command line"
