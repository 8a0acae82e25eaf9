"""Addresses of databases that are pulled from. What may hold a password is never shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tocsin.core.errors import UserError
from tocsin.core.postgres import PostgresAddress

OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "application_name", "options", "channel_binding")
HINT = "write postgresql://user:password@host:5432/name, sqlite:///path/to/file or duckdb:///path/to/file"


class PostgresPlace(PostgresAddress):
    """A PostgreSQL database. given: what libpq is told."""

    __slots__ = ()

    @property
    def shown(self) -> str:
        """As people are told of it: without the password."""
        user = f"{self.user}@" if self.user else ""
        return f"postgresql://{user}{self.host or 'local socket'}:{self.port}/{self.name}"

    @property
    def given(self) -> dict[str, str]:
        """What libpq is told; where there is no password it looks for one in the usual places (`~/.pgpass`)."""
        told = {"host": self.host, "port": str(self.port), "dbname": self.name, "user": self.user, "password": self.password}
        return {name: value for name, value in {**told, **dict(self.options)}.items() if value}


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A file of SQLite or DuckDB (`kind`)."""

    kind: str
    path: Path

    @property
    def shown(self) -> str:
        """As people are told of it."""
        return f"{self.kind}://{self.path}"


Place = PostgresPlace | FilePlace


def read_place(url: str) -> Place:
    """The database of an address. UserError says what is wrong and repeats nothing of it, as it may hold a password."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise UserError(f"the address of the database is none; {HINT}") from error
    if parts.scheme in ("sqlite", "duckdb"):
        path = unquote(parts.path)
        if parts.netloc or not path.startswith("/") or not path.strip("/") or "\0" in path:
            raise UserError(
                f"the address of the database names no file by its whole path; write {parts.scheme}:///path/to/file"
            )
        return FilePlace(parts.scheme, Path("/" + path.lstrip("/")))  # some write four slashes before a whole path
    if parts.scheme not in ("postgres", "postgresql"):
        kind = (
            f"{parts.scheme[:20]!r} is no kind of database that is pulled from" if parts.scheme.isidentifier() else "no address"
        )
        raise UserError(f"the address of the database: {kind}; {HINT}")
    return PostgresPlace.read(parts, port, options=OPTIONS, what="the address of the database", hint=HINT)
