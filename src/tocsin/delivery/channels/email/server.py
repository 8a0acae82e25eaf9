"""The mail server: its address, and a connection to it."""

from __future__ import annotations

import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.mail.backends.smtp import EmailBackend

from tocsin.core.errors import UserError
from tocsin.delivery.channels.networks import connect

Tls = Literal["starttls", "ssl", "none"]
PORTS = {"starttls": 587, "ssl": 465, "none": 25}
FORM = "write smtp://user:password@host:587?tls=starttls (or tls=ssl, tls=none)"


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed in. trusted: its address was set by who runs the machine, so it may be a private one."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: Tls
    trusted: bool = False


def server_of(url: str, *, where: str, trusted: bool = False) -> Server:
    """The server of an address. UserError names `where` it stands and what is wrong; the address is not repeated."""
    try:
        parts = urlsplit(url.strip())
        port, options = parts.port, parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise UserError(f"{where} cannot be read; {FORM}") from error
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise UserError(f"{where} is no address of a mail server; {FORM}")
    unknown = sorted(set(options) - {"tls"})
    if unknown:
        raise UserError(f"{where} has no option {unknown[0]!r}; {FORM}")
    default = "ssl" if parts.scheme == "smtps" or port == PORTS["ssl"] else "starttls"
    tls = options.get("tls", [default])[-1]
    if tls not in PORTS:
        raise UserError(f"{where}: tls is starttls, ssl or none, not {tls!r}")
    return Server(
        host=parts.hostname,
        port=port or PORTS[tls],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=tls,  # type: ignore[arg-type]
        trusted=trusted,
    )


def backend(server: Server, timeout: float) -> EmailBackend:
    """Django's backend for that server. Its connection goes where `networks` permits, unless the server is trusted."""
    kind = EmailBackend if server.trusted else _Checked
    return kind(
        host=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.tls == "starttls",
        use_ssl=server.tls == "ssl",
        timeout=timeout,
    )


class _Plain(smtplib.SMTP):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return connect(host, port, timeout)


class _Secure(smtplib.SMTP_SSL):
    def _get_socket(self, host: str, port: int, timeout: float) -> ssl.SSLSocket:
        return self.context.wrap_socket(connect(host, port, timeout), server_hostname=host)


class _Checked(EmailBackend):
    @property
    def connection_class(self) -> Any:
        """SMTP whose connections are checked."""
        return _Secure if self.use_ssl else _Plain
