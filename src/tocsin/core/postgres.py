"""Addresses of PostgreSQL databases. What may hold a password is never shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import SplitResult, parse_qsl, unquote

from tocsin.core.errors import UserError


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """A database of a server. The password is never shown. options: of libpq, such as sslmode."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, parts: SplitResult, port: int | None, *, options: Sequence[str], what: str, hint: str) -> Self:
        """The database of `postgres://user:password@host:port/name?option=value`; an option `host` is a socket's folder.

        options: those that may be given. UserError begins with `what` the address is, and repeats nothing of it but the name
        of an option.
        """
        given = dict(parse_qsl(parts.query, keep_blank_values=True))
        host = given.pop("host", "") or unquote(parts.hostname or "")
        for name in given:
            if name not in options:
                raise UserError(f"{what}: unknown option {name[:40]!r}; there are host, {', '.join(options)}")
        name = unquote(parts.path.lstrip("/"))
        if not name or "/" in name:
            raise UserError(f"{what} names no database; {hint}")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(host, port or 5432, name, user, password, tuple(given.items()))
