"""Where the operational data lives: an SQLite file, or a PostgreSQL database. Read from one setting; nothing is opened here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tocsin.core.errors import UserError
from tocsin.core.postgres import PostgresAddress

SETTING = "TOCSIN_DATABASE_URL"
OPTIONS = (
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "connect_timeout",
    "application_name",
    "options",
    "target_session_attrs",
)
SQLITE_OPTIONS = {
    # Readers go on while one writes; who wants to write waits for its turn from the start, so that no transaction fails
    # half-way for having read first.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000",
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
}


@dataclass(frozen=True, slots=True)
class Sqlite:
    """A file."""

    path: Path

    def __str__(self) -> str:
        """As people are told of it."""
        return str(self.path)

    def django(self) -> dict[str, Any]:
        """Django's settings of it."""
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(self.path), "OPTIONS": dict(SQLITE_OPTIONS)}


class Postgres(PostgresAddress):
    """A database of a server."""

    __slots__ = ()

    def __str__(self) -> str:
        """As people are told of it: without the password."""
        return f"PostgreSQL database {self.name!r} at {self.host or 'the local socket'}:{self.port}"

    def django(self) -> dict[str, Any]:
        """Django's settings of it: connections are kept, and looked at before they are used again."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": self.name,
            "USER": self.user,
            "PASSWORD": self.password,
            "HOST": self.host,
            "PORT": str(self.port),
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {"connect_timeout": 10, "application_name": "tocsin", **dict(self.options)},
        }


Database = Sqlite | Postgres


def read_database(url: str | None, default: Path, home: Path) -> Database:
    """The database of the setting: `sqlite:///absolute`, `sqlite://relative-to-home` or `postgres://user:password@host:port/name`.

    UserError says what is wrong and repeats nothing of the address, which may hold a password.
    """
    if not url:
        return Sqlite(default)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UserError(f"{SETTING} is no address ({error}); write sqlite:///path/to/file or postgres://host/name") from error
    if parts.scheme in ("postgres", "postgresql"):
        hint = "write postgres://user:password@host:5432/name"
        return Postgres.read(parts, port, options=OPTIONS, what=SETTING, hint=hint)
    if parts.scheme != "sqlite" or not (parts.netloc or parts.path):
        raise UserError(f"{SETTING} is not understood; write sqlite:///path/to/file, postgres://host/name, or leave it out")
    return Sqlite(home / f"{parts.netloc}{parts.path}")
