"""Where messages may go: public addresses, and the private networks that TOCSIN_OUTBOUND_ALLOW names.

A name is resolved once, and the connection goes to an address that was checked: a name that answers otherwise the next time
reaches nothing. Libraries that open connections of their own do so within `guarded`, which checks the very address that is
connected to.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from django.conf import settings

from tocsin.core.networks import Network, networks
from tocsin.delivery.channels.base import PermanentError, SendError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# A cloud's own service for its machines stands on an address that looks public.
NEVER = (ipaddress.ip_network("168.63.129.16/32"),)
NAT64 = ipaddress.ip_network("64:ff9b::/96")
_STARTS_PROGRAMS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"})
_CONNECTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})

_within = threading.local()
_hooked = threading.Lock()
_installed = False


class ForbiddenError(PermanentError):
    """The address is none that messages may go to."""


class RefusedConnectionError(PermissionError):
    """A library tried to reach what it must not, within `guarded`."""


def permitted(address: str) -> bool:
    """Whether messages may go to an IP address: a public one, or one of an allowed network."""
    return _permitted(address.partition("%")[0], str(settings.TOCSIN_OUTBOUND_ALLOW))


@lru_cache(maxsize=1024)
def _permitted(address: str, allow: str) -> bool:
    allowed = networks(allow, "TOCSIN_OUTBOUND_ALLOW")
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return all(_open_to(each, allowed) for each in _meant(ip))


def _open_to(ip: Address, allowed: Sequence[Network]) -> bool:
    if any(ip in network for network in allowed):
        return True
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in NEVER)


def _meant(ip: Address) -> list[Address]:
    """The address, or those that it carries inside: an IPv4 one may hide in an IPv6 one."""
    if isinstance(ip, ipaddress.IPv4Address):
        return [ip]
    if ip.ipv4_mapped is not None:
        return [ip.ipv4_mapped]
    if ip in NAT64:
        return [ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)]
    if ip.sixtofour is not None:
        return [ip, ip.sixtofour]
    return [ip, *ip.teredo] if ip.teredo is not None else [ip]


def connect(host: str, port: int, timeout: float) -> socket.socket:
    """A connection to a host, at an address that was checked.

    timeout: seconds for all addresses together. ForbiddenError where it has none that is permitted, SendError where it is not
    reached.
    """
    until = time.monotonic() + timeout
    failure = "no address answered"
    for family, address in _resolved(host, port):
        left = until - time.monotonic()
        if left <= 0:
            raise SendError(f"{host} did not answer within {timeout:.0f} s")
        line = socket.socket(family, socket.SOCK_STREAM)
        try:
            line.settimeout(left)
            line.connect(address)
        except OSError as error:
            line.close()
            failure = _why(error)
        else:
            return line
    raise SendError(f"{host}:{port} cannot be reached: {failure}")


def check_host(host: str, port: int = 443) -> None:
    """ForbiddenError where a name leads to private addresses only; nothing where it cannot be resolved (now)."""
    try:
        _resolved(host, port)
    except ForbiddenError:
        raise
    except SendError:
        return


def _resolved(host: str, port: int) -> list[tuple[int, Any]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SendError(f"the name {host} cannot be resolved") from error
    usable: list[tuple[int, Any]] = [(family, address) for family, _, _, _, address in found if permitted(str(address[0]))]
    if not usable:
        raise ForbiddenError(
            f"{host} is a private address, where nothing is sent; TOCSIN_OUTBOUND_ALLOW names the networks that may be reached"
        )
    return usable


def _why(error: OSError) -> str:
    return "it did not answer in time" if isinstance(error, TimeoutError) else error.strerror or type(error).__name__


@contextmanager
def guarded() -> Iterator[list[str]]:
    """Within this block, this thread connects to permitted addresses only, and starts no program. Gives what was refused.

    It holds whatever library opens the connection: the interpreter itself reports each one before it is made.
    """
    _install()
    before = getattr(_within, "refused", None)
    refused: list[str] = []
    _within.refused = refused
    try:
        yield refused
    finally:
        _within.refused = before


def _install() -> None:
    """Listen to the interpreter's reports; that cannot be undone, so it is done once, when it is first needed."""
    global _installed  # noqa: PLW0603 - one per process, as the reports are
    with _hooked:
        if not _installed:
            sys.addaudithook(_heard)
            _installed = True


def _heard(event: str, args: tuple[Any, ...]) -> None:
    if event not in _CONNECTS and event not in _STARTS_PROGRAMS:
        return
    refused = getattr(_within, "refused", None)
    if refused is None:
        return
    if event in _STARTS_PROGRAMS:
        refused.append("a program of this machine")
        raise RefusedConnectionError("no program is started for a message")
    address = args[1] if len(args) > 1 else None
    if address is None:  # sent along a connection that was checked
        return
    host = str(address[0]) if isinstance(address, tuple) else ""
    if not permitted(host):
        refused.append(host or "a socket of this machine")
        raise RefusedConnectionError("a private address, where nothing is sent")
