"""Microsoft Teams and many other services, one Apprise address for each channel, so that each has its own result."""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from tocsin.core.errors import UserError
from tocsin.delivery.channels import wording
from tocsin.delivery.channels.base import Channel, PermanentError, Receipt, SendError, Target, refuse_unknown
from tocsin.delivery.channels.networks import ForbiddenError, check_host, guarded
from tocsin.delivery.message import Message

SECONDS = 15
# These speak to this machine's desktop, log or devices, or keep files of their own.
LOCAL = frozenset(
    {"dbus", "gio", "glib", "gnome", "kde", "qt", "macosx", "windows", "syslog", "blink1", "vapid", "deltachat", "deltachats"}
)
# These talk in threads of their own, where the addresses they connect to cannot be checked.
UNWATCHED = frozenset({"amqp", "amqps", "irc", "ircs", "mqtt", "mqtts", "nostr", "smpp", "smpps", "xmpp", "xmpps"})
# Options that name a file of this machine.
OF_FILES = frozenset({"keyfile", "subfile", "template", "attach", "attachment", "pgpkey", "pgp", "cert", "config", "include"})
_STATUS = re.compile(r"\berror=(\d{3})\b")
TONES = {"critical": "failure", "high": "warning", "medium": "warning"}


class Apprise:
    """Any service that Apprise knows, by its address."""

    kind: ClassVar[str] = "apprise"
    title: ClassVar[str] = "Microsoft Teams and others (Apprise)"
    personal: ClassVar[bool] = False
    shows_secret: ClassVar[bool] = False

    def check(self, config: Mapping[str, Any], secret: str) -> tuple[dict[str, Any], str]:
        """url: an Apprise address. It holds tokens, so all of it is the secret; only the service's name is kept beside it."""
        refuse_unknown(config, ("url", "service"), self.kind)
        url = str(config.get("url") or secret).strip()
        if not url:
            raise UserError("give the Apprise address of the service with --url, such as workflows://... for Microsoft Teams")
        _check(url)
        service = _service(url)
        return {"service": str(service.service_name)}, url

    def send(self, channel: Channel, target: Target, message: Message, moment: datetime) -> Receipt:  # noqa: ARG002
        """Hand it to the service."""
        try:
            _check(channel.secret)
            service = _service(channel.secret)
        except UserError as error:
            raise PermanentError(str(error)) from error
        name = str(service.service_name)
        body = f"{wording.text(message)}\nRef. {target.delivery_id[:8]}"
        with guarded() as refused, _heard() as said:
            try:
                taken = service.notify(title=message.headline[:250], body=body, notify_type=_tone(message), body_format="text")
            except (OSError, ValueError, TypeError, AttributeError, LookupError) as error:
                raise SendError(f"{name} could not be told ({type(error).__name__})") from error
        if refused:
            raise ForbiddenError(
                f"{name} would be reached at {refused[0]}, a private address; "
                "TOCSIN_OUTBOUND_ALLOW names the networks that may be reached"
            )
        if not taken:
            raise _failure(name, said)
        return Receipt(note=f"taken by {name}")


def _check(url: str) -> None:
    """UserError where an address is none, or would reach this machine's files, programs or network."""
    if not url.isprintable() or re.search(r"[\s,]+[a-z0-9]+://", url):
        raise UserError("the url is not one address; give one for each channel, so that each has its own result")
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme in LOCAL:
        raise UserError(f"{scheme}:// speaks to this machine itself, which no channel does")
    if scheme in UNWATCHED:
        raise UserError(f"{scheme}:// cannot be kept to permitted addresses; send it a webhook, or choose another service")
    if any(key.lower().lstrip("+-:") in OF_FILES for key, _ in parse_qsl(parts.query, keep_blank_values=True)):
        raise UserError("the url has an option that names a file of this machine; leave it out")
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return  # with some services what stands there is a token
    # Where a service has no host of its own, a token stands there, often a number; what is connected to is checked in any case.
    literal = ":" in host or ("." in host and host.replace(".", "").isdigit())
    if literal or host == "localhost" or host.endswith(".localhost"):
        try:
            check_host(host, port or 443)
        except ForbiddenError as error:
            raise UserError(str(error)) from error


def _service(url: str) -> Any:
    """Apprise's own object for an address. UserError where it knows none such."""
    import apprise

    _load()
    with _heard():
        try:
            service = apprise.Apprise.instantiate(url, asset=_asset(), suppress_exceptions=True)
        except (TypeError, ValueError, AttributeError, LookupError) as error:
            raise UserError(
                "Apprise does not understand the url; see the address of the service in its documentation"
            ) from error
    if service is None:
        raise UserError("Apprise does not understand the url; see the address of the service in its documentation")
    if "overflow" not in url:
        service.overflow_mode = apprise.OverflowMode.TRUNCATE
    return service


@cache
def _load() -> None:
    """Load Apprise's module for each service. One of them names a module of Python that is on its way out, and says so."""
    from apprise.manager_plugins import NotificationManager

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        manager: Any = NotificationManager
        manager().load_modules()


@cache
def _asset() -> Any:
    """How Apprise behaves here: no files, no templates, no redirects, no threads, and nothing secret in its words."""
    import apprise

    _silence()
    return apprise.AppriseAsset(
        app_id="Tocsin",
        app_desc="Tocsin",
        async_mode=False,
        secure_logging=True,
        storage_mode="memory",
        allow_templates=False,
        http_redirects=False,
        pgp_autogen=False,
        pem_autogen=False,
        service_timeout=SECONDS,
    )


def _tone(message: Message) -> str:
    if not message.items:
        return "info"
    first = message.items[0]
    return "success" if first.kind == "closed" else TONES.get(first.severity, "info")


def _failure(name: str, said: list[str]) -> SendError:
    """What a failure means, by the status that the service answered, if it answered at all."""
    found = [int(match[1]) for match in map(_STATUS.search, said) if match]
    if not found:
        return SendError(f"{name} could not be told: it was not reached, or did not answer as it should")
    status = found[-1]
    if status in (408, 409, 425, 429) or status >= 500:
        return SendError(f"{name} answered {status}")
    return PermanentError(f"{name} refused the message ({status}); check the url")


class _Ear(logging.Handler):
    """Hears what Apprise says in this thread; nothing of it goes anywhere else, as it may quote what is secret."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.within = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        lines = getattr(self.within, "lines", None)
        if lines is not None:
            lines.append(record.getMessage())


_ear = _Ear()


@cache
def _silence() -> None:
    talk = logging.getLogger("apprise")
    talk.handlers, talk.propagate = [_ear], False
    talk.setLevel(logging.DEBUG)


@contextmanager
def _heard() -> Iterator[list[str]]:
    _silence()
    lines: list[str] = []
    before = getattr(_ear.within, "lines", None)
    _ear.within.lines = lines
    try:
        yield lines
    finally:
        _ear.within.lines = before


TRANSPORT = Apprise()
