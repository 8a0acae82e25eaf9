"""One POST to a receiver that nobody vouches for: no redirect, no proxy, no more than so many seconds and bytes."""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit

from tocsin.core.errors import UserError
from tocsin.delivery.channels.base import PermanentError, SendError
from tocsin.delivery.channels.networks import connect

MOST_READ = 2048  # bytes of an answer that are looked at
LONGEST_WAIT = timedelta(hours=24)  # that a receiver may ask for
AGAIN = frozenset({408, 409, 425, 429})  # of 4xx: those that may pass
GONE = 410
_UNFIT = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True)
class Place:
    """An address taken apart. path: with its query."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def named(self) -> str:
        """Host and, where it is not the usual one, port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. headers: names in lower case. text: the beginning of the body, what is not text replaced."""

    status: int
    headers: Mapping[str, str] = field(hash=False)
    text: str = ""


def place_of(url: str) -> Place:
    """The parts of an address. UserError says what is wrong with it; it is not repeated, as it may hold a secret."""
    if _UNFIT.search(url):
        raise UserError("the url holds spaces or control characters; give it as https://host/path")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UserError(f"the url cannot be read ({error}); give it as https://host/path") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError("the url is no web address; give it as https://host/path")
    if parts.username is not None or parts.password is not None:
        raise UserError("the url holds a user or a password; receivers know us by the signature, so leave them out")
    secure = parts.scheme == "https"
    try:
        host = parts.hostname if ":" in parts.hostname else parts.hostname.encode("idna").decode()
    except UnicodeError as error:
        raise UserError(f"the url's host {parts.hostname!r} is no host name") from error
    path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe="/%?&=+:;,@!$'()*~-._[]|")
    return Place(secure, host, port or (443 if secure else 80), path)


def post(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
    """Send a body and give the answer, whatever its status. timeout: seconds for everything together.

    SendError where no answer came or it was none; ForbiddenError where the address is private.
    """
    place, until = place_of(url), time.monotonic() + timeout
    line = connect(place.host, place.port, timeout)
    try:
        if place.secure:
            line.settimeout(max(0.1, until - time.monotonic()))
            line = _context().wrap_socket(line, server_hostname=place.host)
        return _exchange(place, line, until, body, headers)
    except TimeoutError as error:
        raise SendError(f"{place.named} did not answer within {timeout:.0f} s") from error
    except ssl.SSLError as error:
        raise SendError(f"{place.named}: no secure connection ({error.reason or 'TLS failed'})") from error
    except http.client.HTTPException as error:
        raise SendError(f"{place.named} did not answer in HTTP ({type(error).__name__})") from error
    except OSError as error:
        raise SendError(f"{place.named} broke the connection off ({error.strerror or type(error).__name__})") from error
    finally:
        line.close()


def _exchange(place: Place, line: socket.socket, until: float, body: bytes, headers: Mapping[str, str]) -> Answer:
    talk = http.client.HTTPConnection(place.host, place.port)
    talk.sock = _Timed(line, until)
    talk.request("POST", place.path, body, {"Host": place.named, "Connection": "close", **headers})
    answer = talk.getresponse()
    named = {name.lower(): value for name, value in answer.getheaders()}
    text = b""
    if not 200 <= answer.status < 300:
        # The status says what became of the message; a body that does not come whole changes nothing about it.
        try:
            text = answer.read(MOST_READ)
        except http.client.IncompleteRead as error:
            text = error.partial[:MOST_READ]
        except (http.client.HTTPException, OSError, ValueError):
            text = b""
    return Answer(answer.status, named, text.decode("utf-8", "replace"))


def refused(answer: Answer, moment: datetime, who: str = "the receiver") -> SendError | None:
    """What an answer that is no acceptance means: gone, never, or later; None where the message was taken.

    410: the channel is to be switched off. Redirects are not followed. 408, 409, 425, 429 and 5xx may pass.
    """
    status = answer.status
    if 200 <= status < 300:
        return None
    if status == GONE:
        return PermanentError(f"{who} answered 410: it wants no more messages", disable=True)
    if status in AGAIN or status >= 500:
        return SendError(f"{who} answered {status}", retry_after=retry_after(answer, moment))
    if 300 <= status < 400:
        return PermanentError(f"{who} answered {status}: redirects are not followed, so give the address that it leads to")
    if 400 <= status < 500:
        return PermanentError(f"{who} refused the message ({status}){_beginning(answer.text)}")
    return SendError(f"{who} answered {status}, which means nothing")


def retry_after(answer: Answer, moment: datetime) -> timedelta | None:
    """How long the receiver asks to wait, as seconds or as a date; at most a day; None where it does not say so."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=min(int(text[:9]), 10**8)), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    left = (at if at.tzinfo else at.replace(tzinfo=UTC)) - moment
    return min(max(left, timedelta()), LONGEST_WAIT)


def _beginning(text: str) -> str:
    flat = " ".join("".join(each if each.isprintable() else " " for each in text).split())[:120]
    return f": {flat}" if flat else ""


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Timed:
    """A socket whose every wait ends at one moment: a receiver that drips its answer byte by byte holds nobody up."""

    def __init__(self, line: socket.socket, until: float) -> None:
        self._line, self._until = line, until

    def arm(self) -> socket.socket:
        """The socket, with the time that is left. TimeoutError where none is."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._line.settimeout(left)
        return self._line

    def sendall(self, data: Any) -> None:
        """Send it all."""
        self.arm().sendall(data)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """For reading."""
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """Nothing: who opened the socket closes it, after the answer was read."""


class _Reader(io.RawIOBase):
    def __init__(self, timed: _Timed) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._timed.arm().recv_into(buffer)
