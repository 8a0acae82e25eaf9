"""How the server logs: a line each, without the secrets that an address may hold."""

from __future__ import annotations

import logging
import os
import re

_TOKEN = re.compile(r"(/(?:sign-in/link|set-password|links)/)[^/\s'\"]+")


class MaskTokens(logging.Filter):
    """Takes the tokens of one-time links out of messages."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, its message masked."""
        message = record.getMessage()
        masked = _TOKEN.sub(r"\1***", message)
        if masked != message:
            record.msg, record.args = masked, ()
        return True


class OneLine(logging.Formatter):
    """A line for each record: of an exception its name and message; where it came from only under TOCSIN_DEBUG=1."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        if os.environ.get("TOCSIN_DEBUG") == "1" or not record.exc_info:
            return super().format(record)
        kind, error, _ = record.exc_info
        told = logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None})
        name = kind.__name__ if kind else "error"
        return " ".join(f"{super().format(told)}: {name}: {error} (TOCSIN_DEBUG=1 shows where)".split())
